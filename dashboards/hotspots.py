"""Where counts concentrate: statistics on cells, from numpy arrays to small dataclasses, without a database.

    near = Neighbours.of(index)                 # (n, k) positions of each cell and its neighbours, padded with n
    found = gi_star(counts, near)               # z and two-sided p of each cell
    q = benjamini_hochberg(found.p)             # the false discovery rate at which each cell is told
    kinds = spot_kinds(hot, z)                  # new, persistent, fading ... over months
    eb = empirical_bayes(events, population)    # rates of thin populations, steadied
    density = Kernel.quartic(...).density(counts)

Cells without reports belong into `counts` as zeros: the study area is what is compared, not the cells that hold
something. Formulas, sources: docs/hotspots.md. Equal to esda's to 1e-9; why esda itself is not loaded: docs/adr/0090.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]

STRONG, CLEAR = 0.01, 0.05
"""False discovery rates: of the cells called hot (or cold), at most this share is so by chance alone."""
ALWAYS = 0.9
"""In this share of the months and more, a spot counts as always hot."""
FEWEST_MONTHS = 6
"""With fewer months nothing is said about a development."""

_erfc = np.frompyfunc(math.erfc, 1, 1)


def two_sided(z: Numbers, beyond: float = 0.0) -> Numbers:
    """Return the two-sided p of standard normal `z`, 1 for those within `beyond`; nan stays nan."""
    far = np.abs(z)
    p = np.where(np.isnan(far), np.nan, 1.0)
    p[far >= beyond] = _erfc(far[far >= beyond] / math.sqrt(2))
    return p


@dataclass(frozen=True)
class Neighbours:
    """Which cells lie around which: `index` (n, k) has each cell and its neighbours, then n where there is none."""

    index: Positions

    @property
    def cells(self) -> int:
        return len(self.index)

    @property
    def sizes(self) -> Numbers:
        """How many cells each neighbourhood has, the cell itself included."""
        return (self.index < self.cells).sum(axis=1).astype(np.float64)

    def sums(self, values: npt.ArrayLike) -> Numbers:
        """Return the sum over each cell and its neighbours; `values` is (n,) or (months, n)."""
        given = np.asarray(values, dtype=np.float64)
        padded = np.concatenate([given, np.zeros((*given.shape[:-1], 1))], axis=-1)
        total = np.zeros((*given.shape[:-1], self.cells))
        for column in self.index.T:  # one neighbour of all cells after the other: all at once are moved twice
            total += padded[..., column]
        return total


@dataclass(frozen=True)
class Gi:
    """Gi* of each cell: `z` standard deviations above (hot) or below (cold) what is expected, and its two-sided `p`.

    Both are nan where all cells have the same count, or where a neighbourhood is the whole study area.
    """

    z: Numbers

    @cached_property
    def p(self) -> Numbers:
        return two_sided(self.z)


def gi_star(values: npt.ArrayLike, near: Neighbours) -> Gi:
    """Return Gi* of counts (n,), or of each month's counts (months, n), with binary weights and the cell itself.

    J. K. Ord, A. Getis, Local spatial autocorrelation statistics, Geographical Analysis 27 (1995) 286-306, eq. 14.
    Row-standardised weights give the same z: they divide both the sum and its deviation by the neighbourhood's size.
    """
    x = np.asarray(values, dtype=np.float64)
    n, w = near.cells, near.sizes
    if n < 2:
        return Gi(np.full(x.shape, np.nan))
    mean = x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((x**2).mean(axis=-1, keepdims=True) - mean**2)
    spread = deviation * np.sqrt((n * w - w**2) / (n - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (near.sums(x) - mean * w) / spread
    z[~np.isfinite(z)] = np.nan
    return Gi(z)


def benjamini_hochberg(p: npt.ArrayLike) -> Numbers:
    """Return for each p the smallest false discovery rate at which it is told; nan takes no part. Last axis.

    Y. Benjamini, Y. Hochberg, Controlling the false discovery rate, JRSS B 57 (1995) 289-300.
    """
    given = np.asarray(p, dtype=np.float64)
    if given.ndim > 1:
        return np.stack([benjamini_hochberg(row) for row in given]) if len(given) else given
    q = np.full(given.shape, np.nan)
    told = np.flatnonzero(~np.isnan(given))
    order = told[np.argsort(given[told], kind="stable")]
    m = len(order)
    raised = given[order] * m / np.arange(1, m + 1)
    q[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return q


CLEAR_FROM = 1.9
"""Nearer to what is expected (in standard deviations) no cell is hot or cold: its p is above `CLEAR`, its q more so."""


def spot_classes(z: Numbers, q: Numbers, enough: Marks) -> npt.NDArray[np.int8]:
    """Return 2 and 1 for hot, -1 and -2 for cold cells by `STRONG` and `CLEAR`, else 0; hot only where there is enough.

    `enough` marks the neighbourhoods that hold reports enough to be called hot at all.
    """
    with np.errstate(invalid="ignore"):
        level = np.where(q <= STRONG, 2, np.where(q <= CLEAR, 1, 0))
        classes = np.where(z > 0, np.where(enough, level, 0), -level)
    return np.nan_to_num(classes).astype(np.int8)


@dataclass(frozen=True)
class Trend:
    """Mann-Kendall's trend of each cell's series: `z` above 0 rises; two-sided `p`. nan where nothing varies."""

    s: Numbers
    z: Numbers
    p: Numbers


def mann_kendall(series: npt.ArrayLike) -> Trend:
    """Return the trend of each column of (months, n), corrected for ties and continuity; nan counts as 0.

    H. B. Mann, Econometrica 13 (1945) 245-259; M. G. Kendall, Rank Correlation Methods (1975).
    """
    x = np.nan_to_num(np.asarray(series, dtype=np.float64))
    months = len(x)
    s = np.zeros(x.shape[1:])
    tied = np.zeros(x.shape[1:])
    for month in range(months):
        s += np.sign(x[month + 1 :] - x[month]).sum(axis=0)
        # sum over groups of t of t(t-1)(2t+5) = sum over members of (t-1)(2t+5)
        t = (x == x[month]).sum(axis=0)
        tied += (t - 1) * (2 * t + 5)
    variance = (months * (months - 1) * (2 * months + 5) - tied) / 18
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 0, (s - np.sign(s)) / np.sqrt(variance), np.nan)
    return Trend(s, z, two_sided(z))


NEW, CONSECUTIVE, INTENSIFYING, PERSISTENT, SPORADIC, DIMINISHING, HISTORICAL = (
    "new", "consecutive", "intensifying", "persistent", "sporadic", "diminishing", "historical",
)  # fmt: skip
EMERGING_KINDS, LASTING_KINDS, FADING_KINDS = (
    (NEW, CONSECUTIVE, INTENSIFYING),
    (PERSISTENT, SPORADIC),
    (DIMINISHING, HISTORICAL),
)


def spot_kinds(hot: Marks, z: Numbers) -> Any:
    """Return how each cell developed over the months (an array of str), "" where it was never hot, or once long ago.

    `hot` and `z` are (months, n). In this order:
    always hot (`ALWAYS` of the months and the last): intensifying or diminishing by Mann-Kendall's trend of z
    (p < 0.05), else persistent; hot in the last month: new if never before, consecutive if hot in all the last months
    (two at least) and never before these, else sporadic; not hot in the last month: historical if hot in two at least.
    After the categories of emerging hot spot analysis (Esri, ArcGIS Pro, "How Emerging Hot Spot Analysis works"),
    simplified: oscillating is told as sporadic, and there are no kinds of cold spots.
    """
    months, cells = hot.shape
    if months < FEWEST_MONTHS:
        return np.full(cells, "")
    times = hot.sum(axis=0)
    running = np.logical_and.accumulate(hot[::-1], axis=0).sum(axis=0)  # months hot without a break, up to the last
    trend = mann_kendall(z)
    last, always = hot[-1], times >= ALWAYS * months
    with np.errstate(invalid="ignore"):
        moves = trend.p < 0.05
    return np.select(
        [
            last & always & moves & (trend.s > 0),
            last & always & moves & (trend.s < 0),
            last & always,
            last & (times == 1),
            last & (running == times),
            last,
            ~last & (times >= 2),
        ],
        [INTENSIFYING, DIMINISHING, PERSISTENT, NEW, CONSECUTIVE, SPORADIC, HISTORICAL],
        default="",
    )


@dataclass(frozen=True)
class Rates:
    """Rates of areas: as counted, and drawn towards the whole's, the smaller the population the more; nan without."""

    raw: Numbers
    steadied: Numbers
    weight: Numbers
    """How much of the steadied rate is the area's own, 0 to 1."""
    whole: float


def empirical_bayes(events: npt.ArrayLike, population: npt.ArrayLike) -> Rates:
    """Return the rates of areas by Marshall's global empirical Bayes estimator; areas without population take no part.

    R. J. Marshall, Mapping disease and mortality rates using empirical Bayes estimators, Applied Statistics 40 (1991)
    283-294. Where areas vary no more than by chance, the variance between them is taken as 0: all get the whole's rate.
    """
    e, b = np.asarray(events, dtype=np.float64), np.asarray(population, dtype=np.float64)
    known = b > 0
    empty = np.full(e.shape, np.nan)
    if not known.any():
        return Rates(empty, empty.copy(), empty.copy(), math.nan)
    whole = float(e[known].sum() / b[known].sum())
    raw, weight = empty, np.full(e.shape, np.nan)
    raw[known] = e[known] / b[known]
    between = float((b[known] * (raw[known] - whole) ** 2).sum() / b[known].sum() - whole / b[known].mean())
    between = max(between, 0.0)
    if whole > 0:
        weight[known] = between / (between + whole / b[known])
    else:
        weight[known] = 0.0
    return Rates(raw, weight * raw + (1 - weight) * whole, weight, whole)


@dataclass(frozen=True)
class Kernel:
    """Pairs of cells within the bandwidth and their weights per km2, corrected for what lies outside the study area."""

    to: Positions
    source: Positions
    weight: Numbers
    cells: int

    @classmethod
    def quartic(cls, pairs: Positions, x_m: Numbers, y_m: Numbers, area_km2: Numbers, bandwidth_m: float) -> "Kernel":
        """Return the quartic kernel over `pairs` (2, m) of cells whose centres (EPSG:32650) lie within the bandwidth.

        K(d) = 3 / (pi h^2) (1 - (d/h)^2)^2; B. W. Silverman, Density Estimation (1986), eq. 4.5. Each cell's sum is
        divided by the share of its kernel that lies on the study area, so that the coast does not look empty.
        """
        to, source = pairs
        h = bandwidth_m / 1000
        u2 = ((x_m[to] - x_m[source]) ** 2 + (y_m[to] - y_m[source]) ** 2) / bandwidth_m**2
        weight = 3 / (math.pi * h * h) * np.clip(1 - u2, 0, None) ** 2
        inside = np.bincount(to, weight * area_km2[source], minlength=len(x_m))
        return cls(to, source, weight / inside[to], len(x_m))

    def density(self, counts: npt.ArrayLike) -> Numbers:
        """Return the smoothed reports per km2 of each cell."""
        x = np.asarray(counts, dtype=np.float64)
        return np.asarray(np.bincount(self.to, self.weight * x[self.source], minlength=self.cells), dtype=np.float64)


def weighted_quantile(values: npt.ArrayLike, weights: npt.ArrayLike, share: float) -> float | None:
    """Return the smallest value that at least `share` of the weight does not exceed; None without weight."""
    v, w = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if not len(v) or w.sum() <= 0:
        return None
    found: Any = np.quantile(v, share, weights=w, method="inverted_cdf")
    return float(found)
