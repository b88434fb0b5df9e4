import math
import random

import pytest

from dashboards.statistics import NegativeBinomial, Share, dispersion


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # R: prop.test(k, n, correct = FALSE)$conf.int; the first is Newcombe (1998), table I, method 3.
        (81, 263, 0.2552907, 0.3662156),
        (15, 148, 0.0623857, 0.1605158),
        (0, 20, 0.0, 0.1611252),
        (1, 29, 0.0061113, 0.1717616),
        (20, 20, 0.8388748, 1.0),
    ],
)
def test_share_has_the_published_wilson_interval(k: int, n: int, low: float, high: float) -> None:
    share = Share(k, n)
    assert share.rate == k / n
    assert share.low == pytest.approx(low, abs=5e-5)
    assert share.high == pytest.approx(high, abs=5e-5)


def test_share_of_nothing_is_none() -> None:
    assert (Share(0, 0).rate, Share(0, 0).low, Share(0, 0).high) == (None, None, None)


@pytest.mark.parametrize(
    ("mean", "variance"), [(0.3, 0.4), (5, 10), (40, 130.5), (900, 1_500), (5_000, 40_000), (60_000, 250_000)]
)
@pytest.mark.parametrize("outside", [0.05, 0.001])
def test_negative_binomial_agrees_with_scipy(mean: float, variance: float, outside: float) -> None:
    from scipy.stats import nbinom

    known = nbinom(mean**2 / (variance - mean), mean / variance)
    low, high = NegativeBinomial(mean, variance).interval(outside)
    assert known.cdf(low - 1) <= outside / 2 < known.cdf(low)
    assert known.sf(high) <= outside / 2 < known.sf(high - 1)


def test_dispersion_of_poisson_counts_is_about_one() -> None:
    chance = random.Random(4)

    def poisson(mean: float) -> int:
        limit, n, product = math.exp(-mean), 0, chance.random()
        while product > limit:
            n, product = n + 1, product * chance.random()
        return n

    rows = [[poisson(8) for _ in range(8)] for _ in range(400)]
    assert 1.0 <= dispersion(rows) < 1.08
    assert dispersion([[3 * count for count in row] for row in rows]) == pytest.approx(3, abs=0.25)


def test_dispersion_is_at_least_one() -> None:
    assert dispersion([]) == 1
    assert dispersion([[0, 0, 0]]) == 1
    assert dispersion([[4, 4, 4, 4]]) == 1
