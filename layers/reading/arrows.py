"""Columns of Arrow arrays made JSON and counted without touching each value in Python.

What Arrow cannot do exactly as `layers/reading/columns.py` does it (dates, numbers written as text, letters that JSON
escapes, text that is not UTF-8) goes through there, column by column and batch by batch.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow
import pyarrow.compute as pc

from layers.reading import limits
from layers.reading.columns import DISTINCT_COUNTED, Column, as_json, as_kept, is_plain_text

NEEDS_CARE = r'[\x00-\x1f"\\\x7f]|\p{Z}$|^\p{Z}|\x{85}'
"""What JSON escapes, and what `cleaned` takes off: such values go through Python."""


def converted(column: Column, array: Any) -> Any | None:
    """Return the column's values as JSON can hold them: an Arrow array; None when Python must look at each."""
    kind = array.type
    if column.type in {"integer", "boolean"} and (
        (column.type == "integer" and pyarrow.types.is_integer(kind))
        or (column.type == "boolean" and pyarrow.types.is_boolean(kind))
    ):
        return array
    if column.type == "number" and pyarrow.types.is_float64(kind):
        finite = pc.is_finite(array)
        return array if pc.all(finite).as_py() is not False else pc.if_else(finite, array, None)
    if is_plain_text(column) and (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
        try:
            array.validate(full=True)
        except pyarrow.ArrowInvalid:
            return None  # letters cut off in the middle
        if pc.any(pc.match_substring_regex(array, NEEDS_CARE)).as_py():
            return None
        if (pc.max(pc.binary_length(array)).as_py() or 0) > limits.CELL_CHARACTERS:
            return None
        return pc.replace_with_mask(array, pc.fill_null(pc.equal(array, ""), False), pyarrow.scalar(None, kind))
    return None


def properties(columns: Sequence[Column], values: Sequence[Any], size: int) -> list[bytes]:
    """Return each row's JSON object. `values`: per column an Arrow array or a list."""
    if not columns:
        return [b"{}"] * size
    parts: list[Any] = []
    before = "{"
    for column, given in zip(columns, values, strict=True):
        before += f'"{column.name}":'
        texts = _json_texts(given)
        if texts.null_count:
            texts = pc.fill_null(texts, "null")
        parts += [before, texts]
        before = ","
    joined = pc.binary_join_element_wise(*parts, "}", "")
    return joined.cast(pyarrow.binary()).to_pylist()


def _json_texts(given: Any) -> Any:
    if isinstance(given, list):
        return pyarrow.array([None if one is None else as_json(one) for one in given], pyarrow.string())
    if pyarrow.types.is_string(given.type) or pyarrow.types.is_large_string(given.type):
        return pc.binary_join_element_wise('"', given.cast(pyarrow.string()), '"', "")
    return given.cast(pyarrow.string())


def without_value(values: Sequence[Any], size: int) -> Any:
    """Return a mask (numpy) of the rows that have no value in any column."""
    empty = pyarrow.array([True] * size)
    for given in values:
        nulls = pyarrow.array([one is None for one in given]) if isinstance(given, list) else pc.is_null(given)
        empty = pc.and_(empty, nulls)
        if not pc.any(empty).as_py():
            break
    return empty.to_numpy(zero_copy_only=False)


def count(column: Column, array: Any) -> None:
    """Add converted values to the column's statistics, as `Column.count` does with a list."""
    column.nulls += array.null_count
    column.values += len(array) - array.null_count
    if column.type in {"integer", "number"} and not column.failed and len(array) > array.null_count:
        ends = pc.min_max(array).as_py()
        least, most = as_kept(column, ends["min"]), as_kept(column, ends["max"])
        column.least = least if column.least is None else min(column.least, least)
        column.most = most if column.most is None else max(column.most, most)
    if column.counts is None:
        return
    found = pc.value_counts(array)
    if len(found) > DISTINCT_COUNTED + 1:  # and perhaps None
        column.counts = None
        return
    for value, number in zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True):
        if value is not None:
            column.counts[as_kept(column, value)] += number
    column.forget_many()


def value_at(column: Column, given: Any, index: int) -> Any:
    """Return one converted value as Python has it."""
    return given[index] if isinstance(given, list) else as_kept(column, given[index].as_py())
