"""What Arrow makes of a column equals what Python makes of it, value by value."""

import json
import math
from typing import Any

import pyarrow
import pytest

from layers.reading import arrows
from layers.reading.columns import Column, cleaned, propose
from layers.reading.limits import CELL_CHARACTERS

COLUMNS: dict[str, list[Any]] = {
    "integers": [1, -7, None, 2**40],
    "whole numbers": [1.0, 1104.0, None, -0.0],
    "numbers": [0.1, 1e22, 5e-324, None],
    "not finite": [math.nan, math.inf, -math.inf, 2.5],
    "booleans": [True, None, False, True],
    "texts": ["Sepaso Selatan", None, "", "Rantau Pulung"],
    "blanks": ["  a", "b\u00a0", "\u2003", "c\x85"],
    "escapes": ['"', "\\", "a\tb", "baris\nbaru"],
    "controls": ["\x00", "a\x00b", "\x1f", "\x7f"],
    "letters": ["Ć", "é — “x”", "😀", "中"],
    "long": ["x" * (CELL_CHARACTERS + 5), "y", None, ""],
    "codes": ["007", "0012", None, "64.08.04"],
    "dates as text": ["2026-01-31", "2025-12-01", None, "2020-02-29"],
    "numbers as text": ["1,5", "2,25", None, "3"],
    "nothing": [None, None, None, None],
}


@pytest.mark.parametrize("title", COLUMNS)
def test_arrow_keeps_what_python_keeps(title: str) -> None:
    given = COLUMNS[title]
    kind = pyarrow.string() if title == "nothing" else None
    array = pyarrow.array(given, kind)
    values = [cleaned(value) for value in given]
    by_arrow, by_python = (propose([title], [values], as_text=set(), comma=True)[0] for _ in range(2))
    found = arrows.converted(by_arrow, array)
    expected = by_python.convert(values)
    made = by_arrow.convert(values) if found is None else found
    rows = arrows.properties([by_arrow], [made], len(given))
    assert [json.loads(row) for row in rows] == [{by_python.name: one} for one in expected]
    assert [arrows.value_at(by_arrow, made, index) for index in range(len(given))] == expected
    assert arrows.without_value([made], len(given)).tolist() == [one is None for one in expected]
    if found is not None:
        arrows.count(by_arrow, found)
        by_python.count(expected)
        assert by_arrow.statistics() == by_python.statistics()


def test_text_that_is_cut_in_a_letter_goes_through_python() -> None:
    raw = pyarrow.array([b"Sangat\xc3", b"Bengalon"], pyarrow.binary())
    cut = pyarrow.Array.from_buffers(pyarrow.string(), 2, raw.buffers())
    assert arrows.converted(propose(["nama"], [["a"]], as_text=set(), comma=True)[0], cut) is None


def test_many_different_values_are_not_counted() -> None:
    column = Column("nomor", "nomor", "integer", propose(["nomor"], [[1]], as_text=set(), comma=True)[0].parse)
    arrows.count(column, pyarrow.array(range(1_200)))
    assert column.statistics() == {"count": 1_200, "nulls": 0, "distinct": None, "min": 0, "max": 1_199}


def test_rows_without_columns_are_empty_objects() -> None:
    assert arrows.properties([], [], 2) == [b"{}", b"{}"]
