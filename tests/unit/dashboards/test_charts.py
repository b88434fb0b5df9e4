import itertools

import pytest

from dashboards.charts import Bin, columns_and_line


def test_columns_stand_on_the_ground_and_reach_their_share_of_the_axis() -> None:
    chart = columns_and_line([Bin("Jan", 50, 100), Bin("Feb", 0, 25)])
    assert chart.ticks == [100, 80, 60, 40, 20, 0]
    assert chart.grid[0] == 0
    assert chart.grid[-1] == 100
    (column,) = chart.columns  # none for zero
    assert (column.y, column.height) == (50, 50)
    assert column.x + column.width < 50
    assert chart.dots == [(25, 0), (75, 75)]
    assert chart.lines == ["25.0,0.0 75.0,75.0"]


def test_the_line_breaks_where_a_count_is_not_told() -> None:
    chart = columns_and_line([Bin("", 1, n) for n in (1, 2, None, 2, 1, None, 3)])
    assert len(chart.lines) == 2
    assert len(chart.dots) == 5


@pytest.mark.parametrize(("highest", "ticks"), [(0, [2, 1, 0]), (3, [4, 3, 2, 1, 0]), (7, [10, 8, 6, 4, 2, 0])])
def test_the_axis_has_whole_numbers(highest: int, ticks: list[int]) -> None:
    assert columns_and_line([Bin("", highest, None)]).ticks == ticks


@pytest.mark.parametrize("highest", range(1, 3000, 37))
def test_the_axis_covers_the_highest_and_is_no_longer_than_twice_that(highest: int) -> None:
    ticks = columns_and_line([Bin("", highest, None)]).ticks
    assert highest <= ticks[0] <= 2 * max(highest, 2)
    assert {above - below for above, below in itertools.pairwise(ticks)} == {ticks[0] // (len(ticks) - 1)}


def test_of_many_bins_only_some_carry_labels() -> None:
    labels = columns_and_line([Bin(str(n), 1, 1) for n in range(52)]).labels
    assert len(labels) == 52
    assert sum(bool(label) for label in labels) == 13
