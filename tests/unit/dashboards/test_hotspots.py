"""Our statistics equal the libraries' (esda, scipy, numpy) to 1e-9, on seeded counts and on a real file."""

import json
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboards import hotspots
from dashboards.hotspots import Kernel, Neighbours, benjamini_hochberg, empirical_bayes, gi_star, mann_kendall

EXACT = {"rtol": 0, "atol": 1e-9}
FIRES = "titik_panas_viirs_2025q3.geojson"


def queen(width: int, height: int) -> Neighbours:
    """Return the neighbourhoods (cell and up to 8 around) of a grid, row by row."""
    index = np.full((width * height, 9), width * height)
    for y in range(height):
        for x in range(width):
            around = [(x, y)] + [
                (x + dx, y + dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1)
                if (dx or dy) and 0 <= x + dx < width and 0 <= y + dy < height
            ]  # fmt: skip
            index[y * width + x, : len(around)] = [b * width + a for a, b in around]
    return Neighbours(index)


def seeded_case() -> tuple[np.ndarray, Neighbours]:
    random = np.random.default_rng(20260603)
    counts = random.poisson(0.4, (30, 25))
    counts[4:8, 5:9] += random.poisson(6, (4, 4))  # rows 4 to 7, columns 5 to 8
    return counts.ravel(), queen(25, 30)


def fires() -> tuple[np.ndarray, Neighbours]:
    """Return real fires in the quadtree's cells of level 12 around them, zeros among them, row by row."""
    folder = os.environ.get("KUTIM_DATA_DIR")
    path = Path(folder or "") / "layers" / FIRES
    if not folder or not path.exists():
        pytest.skip(f"needs KUTIM_DATA_DIR with layers/{FIRES}")
    rows = json.loads(path.read_text(encoding="utf-8"))["features"]
    lon, lat = np.array([row["geometry"]["coordinates"] for row in rows]).T
    size = 2**12
    x = np.floor((lon / 360 + 0.5) * size).astype(int)
    y = np.floor((0.5 - np.arcsinh(np.tan(np.radians(lat))) / (2 * np.pi)) * size).astype(int)
    width, height = int(np.ptp(x)) + 1, int(np.ptp(y)) + 1
    counts = np.bincount((y - y.min()) * width + x - x.min(), minlength=width * height)
    return counts, queen(width, height)


CASES = [pytest.param(seeded_case, id="seeded"), pytest.param(fires, id="real fires")]


@pytest.mark.parametrize("case", CASES)
def test_gi_star_and_its_false_discovery_rate_equal_esda(case: Any) -> None:
    """Of binary weights; esda 2.9 keeps their variance for row-standardised ones, where it does not hold."""
    counts, near = case()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libpysal's own, about changes to come
        from esda import G_Local, fdr
        from libpysal.weights import W

        w = W({i: [int(j) for j in row if j < near.cells] for i, row in enumerate(near.index)}, silence_warnings=True)
        known = G_Local(counts, w, transform="B", star=True, permutations=0)
    found = gi_star(counts, near)
    np.testing.assert_allclose(found.z, known.Zs, **EXACT)
    np.testing.assert_allclose(found.p, 2 * known.p_norm, **EXACT)
    q = benjamini_hochberg(found.p)
    for alpha in (hotspots.STRONG, hotspots.CLEAR, 0.1):
        np.testing.assert_array_equal(q <= alpha, found.p <= fdr(2 * known.p_norm, alpha))
    assert 0 < (q <= 0.05).sum() < near.cells / 2


def test_gi_star_of_months_is_that_of_each_month() -> None:
    counts, near = seeded_case()
    months = np.stack([counts, counts[::-1], np.zeros_like(counts)])
    found = gi_star(months, near)
    for month in range(2):
        np.testing.assert_allclose(found.z[month], gi_star(months[month], near).z, **EXACT)
    assert np.isnan(found.z[2]).all()  # nothing varies, nothing is said
    assert np.isnan(benjamini_hochberg(found.p)[2]).all()


def test_cells_without_reports_decide_what_is_much() -> None:
    """The same 4 cells of 1 in a study area of 9, and alone: without the zeros nothing stands out."""
    near = queen(3, 3)
    assert gi_star([1, 1, 0, 1, 1, 0, 0, 0, 0], near).z[0] == pytest.approx(2 * math.sqrt(2))
    assert np.isnan(gi_star([1, 1, 1, 1], queen(2, 2)).z).all()
    assert np.isnan(gi_star([4], Neighbours(np.array([[0]]))).z).all()


def test_benjamini_hochberg_equals_scipy_and_leaves_out_what_is_not_told() -> None:
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(3).uniform(0, 1, 500) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), **EXACT)
    holed = np.insert(p, 7, np.nan)
    found = benjamini_hochberg(holed)
    assert math.isnan(found[7])
    np.testing.assert_allclose(np.delete(found, 7), false_discovery_control(p), **EXACT)
    assert len(benjamini_hochberg([])) == 0


def test_cells_near_what_is_expected_need_no_p_of_their_own() -> None:
    chance = np.random.default_rng(9)
    z = chance.normal(0, 1, (6, 3_000))
    z[:4, :200] += np.array([[1.0], [2.0], [3.0], [5.0]])
    z[5, :10] = np.nan
    enough = np.ones(z.shape, dtype=bool)
    every = hotspots.two_sided(z)
    some = hotspots.two_sided(z, beyond=hotspots.CLEAR_FROM)
    assert (some == 1).sum() > 15_000
    assert np.isnan(some[5, :10]).all()
    classes = [hotspots.spot_classes(z, benjamini_hochberg(p), enough) for p in (every, some)]
    assert set(np.unique(classes[0])) >= {0, 1, 2}
    assert (classes[0] == classes[1]).all()


def test_a_cell_is_hot_only_where_enough_reports_lie() -> None:
    z, q = np.array([9.0, 9, 3, -3, -9, 1, np.nan]), np.array([0.001, 0.001, 0.04, 0.04, 0.001, 0.5, np.nan])
    enough = np.array([True, False, True, False, False, True, True])
    assert hotspots.spot_classes(z, q, enough).tolist() == [2, 0, 1, -1, -2, 0, 0]


@pytest.mark.parametrize(
    ("series", "s", "z"),
    [
        ([1, 2, 3, 4, 5, 6], 15, 2.6301),  # (15 - 1) / sqrt(6 * 5 * 17 / 18)
        ([6, 5, 4, 3, 2, 1], -15, -2.6301),
        ([1, 1, 1, 2, 2, 3], 11, 2.0556),  # ties: (11 - 1) / sqrt((510 - 66 - 18) / 18)
    ],
)
def test_mann_kendall_by_hand(series: list[float], s: float, z: float) -> None:
    found = mann_kendall(np.array(series)[:, None])
    assert found.s[0] == s
    assert found.z[0] == pytest.approx(z, abs=1e-4)


def test_mann_kendall_agrees_with_kendalls_tau_of_scipy() -> None:
    from scipy.stats import kendalltau

    random = np.random.default_rng(5)
    series = random.integers(0, 5, (14, 40)).astype(float)
    found = mann_kendall(series)
    for column in range(series.shape[1]):
        x = series[:, column]
        pairs = sum(np.sign(x[j] - x[i]) for i in range(14) for j in range(i + 1, 14))
        assert found.s[column] == pairs
        assert np.sign(found.s[column]) == np.sign(kendalltau(range(14), x).statistic)
    assert math.isnan(mann_kendall(np.ones((8, 1))).z[0])


def marks(rows: str) -> np.ndarray:
    """Return (months, cells) from one word for each cell: # hot, . not."""
    return np.array([[letter == "#" for letter in cell] for cell in rows.split()]).T


def test_each_kind_of_development() -> None:
    hot = marks("......# ....### ####### ####### ####### #..#..# ##..... #...... .......")
    z = np.where(hot, 3.0, 0.0)
    z[:, 2] = [3, 4, 5, 6, 7, 8, 9]
    z[:, 4] = [9, 8, 7, 6, 5, 4, 3]
    assert hotspots.spot_kinds(hot, z).tolist() == [
        hotspots.NEW, hotspots.CONSECUTIVE, hotspots.INTENSIFYING, hotspots.PERSISTENT, hotspots.DIMINISHING,
        hotspots.SPORADIC, hotspots.HISTORICAL, "", "",
    ]  # fmt: skip


def test_of_few_months_no_development_is_told() -> None:
    hot = np.ones((hotspots.FEWEST_MONTHS - 1, 3), dtype=bool)
    assert hotspots.spot_kinds(hot, hot * 3.0).tolist() == ["", "", ""]


def test_empirical_bayes_equals_esda() -> None:
    from esda.smoothing import Empirical_Bayes

    random = np.random.default_rng(8)
    people = random.integers(400, 60_000, 18)
    events = random.poisson(people * random.gamma(4, 0.002, 18))
    found = empirical_bayes(events, people)
    np.testing.assert_allclose(found.steadied, Empirical_Bayes(events, people).r.ravel(), **EXACT)
    np.testing.assert_allclose(found.raw, events / people, **EXACT)
    assert np.all(np.abs(found.steadied - found.whole) <= np.abs(found.raw - found.whole) + 1e-15)
    assert np.argsort(found.weight).tolist() == np.argsort(people).tolist()


def test_empirical_bayes_of_chance_alone_gives_all_the_whole_rate() -> None:
    found = empirical_bayes([1, 1, 1], [100, 100, 100])
    assert found.steadied.tolist() == pytest.approx([0.01] * 3)
    assert empirical_bayes([0, 0], [10, 20]).steadied.tolist() == [0, 0]


def test_empirical_bayes_without_population() -> None:
    found = empirical_bayes([5, 9], [100, 0])
    assert found.raw[0] == 0.05
    assert np.isnan([found.raw[1], found.steadied[1], found.weight[1]]).all()
    assert math.isnan(empirical_bayes([1], [0]).whole)


def test_smoothing_keeps_an_even_spread_even_up_to_the_coast() -> None:
    x, y = (axis.ravel() * 2_000.0 for axis in np.meshgrid(np.arange(20), np.arange(12)))
    far = np.hypot(x[:, None] - x, y[:, None] - y) < 7_000
    kernel = Kernel.quartic(np.argwhere(far).T, x, y, np.full(240, 4.0), 7_000)
    np.testing.assert_allclose(kernel.density(np.full(240, 8)), 2.0, **EXACT)  # 8 reports on 4 km2
    lone = np.zeros(240)
    lone[130] = 10
    spread = kernel.density(lone)
    assert spread.argmax() == 130
    assert (spread > 0).sum() == (far[130] & (np.hypot(x - x[130], y - y[130]) < 7_000)).sum()
    inner = 3 / (math.pi * 49) * 10  # of a lone cell, where the kernel lies wholly inside
    assert spread[130] == pytest.approx(inner, rel=0.02)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_weighted_quantiles_equal_numpys_of_every_single_report(share: float) -> None:
    random = np.random.default_rng(12)
    values, weights = random.exponential(9, 60), random.integers(0, 9, 60)
    known = np.quantile(np.repeat(values, weights), share, method="inverted_cdf")
    assert hotspots.weighted_quantile(values, weights, share) == pytest.approx(known, abs=1e-9)
    assert hotspots.weighted_quantile([], [], share) is None
    assert hotspots.weighted_quantile([1], [0], share) is None
