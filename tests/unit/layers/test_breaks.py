import warnings

import numpy as np
import pytest

from layers.breaks import fisher_jenks


def deviations(numbers: list[float], ends: list[float]) -> float:
    """Return the sum of squared deviations from the means of the classes that end with `ends`."""
    place = np.searchsorted(ends, numbers)
    found = np.array(numbers)
    return float(sum(((found[place == i] - found[place == i].mean()) ** 2).sum() for i in range(len(ends))))


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("seed", range(6))
def test_classes_equal_those_of_mapclassify(seed: int, classes: int) -> None:
    import mapclassify

    chance = np.random.default_rng(seed)
    numbers = [float(x) for x in chance.lognormal(3, 1 + seed / 3, 120)]
    whole = [float(x) for x in chance.negative_binomial(1, 0.02, 150) + 1]
    for given in (numbers, whole):
        ends = fisher_jenks(given, classes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Numba is not installed
            theirs = mapclassify.FisherJenks(np.array(given), k=classes).bins
        assert ends[-1] == max(given)
        assert deviations(given, ends) == pytest.approx(deviations(given, list(theirs)), rel=1e-9)
        assert ends == pytest.approx(list(theirs))


def test_few_numbers_are_a_class_each() -> None:
    assert fisher_jenks([4, 1, 4, 1], 5) == [1, 4]
    assert fisher_jenks([7], 3) == [7]


def test_a_gap_parts_the_classes() -> None:
    assert fisher_jenks([1, 2, 3, 100, 101, 1_000], 3) == [3, 101, 1_000]
    assert fisher_jenks([1e9 + 1, 1e9 + 2, 1e9 + 30, 1e9 + 31], 2) == [1e9 + 2, 1e9 + 31]
