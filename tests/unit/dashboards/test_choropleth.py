import re

import pytest

from dashboards.choropleth import MEASURES, choropleth
from dashboards.numbers import AreaRow, Duration
from dashboards.statistics import Share


def row(code: str, n: int | None, *, people: int | None = 1_000, late: int = 0, days: float | None = None) -> AreaRow:
    return AreaRow(
        code=code, name=code, n=n, population=people, population_source="",
        per_1000=1000 * n / people if n is not None and people else None,
        open=n, overdue=late, overdue_share=Share(late, n or 0),
        resolve=Duration(1, days, days) if days is not None else None,
    )  # fmt: skip


def test_a_darker_class_never_holds_a_smaller_number() -> None:
    found = choropleth([row(str(n), n) for n in (0, 1, 3, 4, 9, 10, 50, 51, 52, 400)], MEASURES["count"])
    tokens = [found.colours[str(n)].token for n in (0, 1, 3, 4, 9, 10, 50, 51, 52, 400)]
    assert tokens == sorted(tokens)
    assert tokens[0] == "scale-0"
    assert tokens.count("scale-0") == 1
    assert [one.token for one in found.classes][-1] == "scale-none"
    assert set(tokens) <= {one.token for one in found.classes}
    assert len(found.classes) <= 7


def test_words_carry_the_number_and_its_unit() -> None:
    rows = [row("a", 8, late=1), row("b", 1_500, people=None, days=2.25), row("c", None), row("d", 0)]
    assert choropleth(rows, MEASURES["overdue"]).colours["a"].words in {"12,5%", "12.5%"}
    assert choropleth(rows, MEASURES["count"]).colours["b"].words in {"1.500", "1,500"}
    assert choropleth(rows, MEASURES["days"]).colours["b"].words in {"2,2", "2.2"}
    for name in ("per_1000", "overdue", "days"):
        assert choropleth(rows, MEASURES[name]).colours["c"].token == "scale-none"
    assert choropleth(rows, MEASURES["overdue"]).colours["d"].token == "scale-none"  # nothing is open
    assert choropleth(rows, MEASURES["per_1000"]).colours["b"].token == "scale-none"
    hidden, none = (choropleth(rows, MEASURES["days"]).colours[code].words for code in "cd")
    assert hidden != none


@pytest.mark.parametrize(
    "numbers", [[], [0], [0, 0], [7] * 18, [1] * 17 + [90], [1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8], [None, 5]]
)
@pytest.mark.parametrize("measure", MEASURES)
def test_ties_gaps_and_nothing_at_all_have_classes(numbers: list[int | None], measure: str) -> None:
    rows = [row(f"{place}", n, days=n, late=0) for place, n in enumerate(numbers)]
    found = choropleth(rows, MEASURES[measure])
    assert {colour.token for colour in found.colours.values()} <= {one.token for one in found.classes}
    assert set(found.colours) == {one.code for one in rows}


@pytest.mark.parametrize(("measure", "decimals"), [("per_1000", 1), ("overdue", 1), ("days", 1), ("count", 0)])
def test_the_legend_writes_numbers_as_the_table_does(measure: str, decimals: int) -> None:
    numbers = [0, 4, 6, 8, 12, 30, 99, 250, 999, 1_999]  # of 10,000 people: 0.0 to 199.9 for each thousand
    rows = [row(str(place), n, people=10_000, late=n // 2, days=n / 10) for place, n in enumerate(numbers)]
    found = choropleth(rows, MEASURES[measure])
    told = re.findall(r"\d[\d.,]*", " ".join(one.label for one in found.classes))
    assert len(told) >= 5
    for text in told:
        assert re.fullmatch(r"\d{1,3}([.,]\d{3})*" + (r"[.,]\d" if decimals else ""), text), text


def test_ties_do_not_put_everything_into_one_class() -> None:
    numbers = [22.5] * 9 + [12.3, 18.4, 18.4, 27.5, 27.5, 33.6, 15.1, 10.1, 41.0]
    found = choropleth([row(str(place), 1, days=days) for place, days in enumerate(numbers)], MEASURES["days"])
    assert len({colour.token for colour in found.colours.values()}) == 5
