"""Values of features as people read them, in the language in use.

Screens alone write them so: sorting, filters, downloads and /ogc/ keep what the data hold.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, get_format, number_format
from django.utils.translation import gettext as _

from layers.reading.columns import CODE_NAMES
from layers.table import Figures

Field = Mapping[str, Any]
"""An entry of a layer's dictionary."""

MOMENTS = {"date", "datetime"}
WRITTEN = {"boolean", "integer", "number"}
"""Types whose values PostgreSQL writes in words of its own when it makes them text."""
NAMED_AS_IDENTIFIER = re.compile(
    r"(^|_)(tahun|thn|th|year|periode|bulan|tanggal|tgl|date|no|nomor|nomer|number|num|urut|fid|gid|oid|objectid|uuid"
    r"|rt|rw|nis|nisn|nss|rek|rekening|ktp|phone|zip|bps|srid|epsg)(_|$)|^(kode|id|nomor|tahun)[a-z]|(^|_)(kode|id)\d+$"
    r"|^(wilayah|prov|provinsi|kab|kabupaten|kec|kecamatan|kel|kelurahan|desa)$"  # numbers there are codes of places
)
NUMBERS = {"integer", "number"}
CELL_SHOWN = 400
"""Characters that a cell of the table shows, at most."""
LINED_UP = 4
"""Decimals to which the numbers of a column are filled up, at most."""
FIVE_DIGITS = 10_000
LARGE = 1e16
"""From here floating point has no single units left; such numbers are written with their exponent."""
MEAN_DECIMALS = 2


def shown_value(value: Any, field: Field | None = None, decimals: int = 0) -> str:
    """Return a property as people read it, as the type of its `field` has it; with at least so many `decimals`.

    Nothing is rounded. Thousands are grouped only where a number counts or measures, of whole numbers from five digits:
    those of four may be years.
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, (int, float)):
        return _number(value, grouped=field is not None and _is_grouped(value, field), decimals=decimals)
    if isinstance(value, str) and field and field.get("type") in MOMENTS:
        return _moment(value)
    return str(value) if not isinstance(value, (dict, list)) else ", ".join(str(part) for part in value)


def shown_text(text: str, field: Field) -> str:
    """Return a value that PostgreSQL made text as people read it."""
    if field.get("type") not in WRITTEN:
        return shown_value(text, field)
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return shown_value(value, field) if isinstance(value, (bool, int, float)) else text


def shown_field(one: Field) -> dict[str, str]:
    """Return a field of a feature (layers/table.py) with its value in words, as the map shows it."""
    return {"title": str(one["title"]), "value": shown_value(one["value"], one)}


def shown_changes(values: Iterable[tuple[Field, Any, Any]]) -> list[tuple[str, str, str]]:
    """Return (title of the field, old, new) in words, of fields whose values differ (layers/comparing.py)."""
    return [(str(field["title"]), shown_value(old, field), shown_value(new, field)) for field, old, new in values]


def is_number(value: Any) -> bool:
    """Whether a property is a number; JSON's true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def lines_of(
    columns: Sequence[Field], rows: Sequence[tuple[int, Sequence[Any]]]
) -> list[tuple[int, list[tuple[str, str]]]]:
    """Return the rows of a table in words; each value with the class of its cell, or "".

    The numbers of a column have as many decimals as the longest of them, so that they stand below each other. Texts are
    cut that would make a row longer than a screen; the map and the downloads have them whole.
    """
    decimals = [
        _decimals([values[place] for _fid, values in rows]) if _measures(column) else 0
        for place, column in enumerate(columns)
    ]
    return [
        (
            fid,
            [
                (_cut(shown_value(value, column, most)), "is-number" if is_number(value) else _class_of(column))
                for value, column, most in zip(values, columns, decimals, strict=True)
            ],
        )
        for fid, values in rows
    ]


def _cut(text: str) -> str:
    return text if len(text) <= CELL_SHOWN else f"{text[:CELL_SHOWN].rstrip()} …"


@dataclass(frozen=True)
class FieldWords:
    """What the page says of a field: the words for its extremes and mean are "" where there are none."""

    figures: Figures
    least: str
    most: str
    mean: str
    common: tuple[tuple[str, int], ...]


def words_of(one: Figures) -> FieldWords:
    """Return the figures on a field in words."""
    field = {"name": one.name, "type": one.type}
    common = tuple((shown_text(text, field), n) for text, n in one.common)
    if one.least is not None and one.most is not None and one.mean is not None:
        mean = round(one.mean, max(MEAN_DECIMALS, _decimals([one.least, one.most])))
        least, most, middle = (shown_value(number, field) for number in (one.least, one.most, mean))
        return FieldWords(one, least, most, middle, common)
    if one.type in MOMENTS and one.first and one.last:
        return FieldWords(one, shown_value(one.first, field), shown_value(one.last, field), "", common)
    return FieldWords(one, "", "", "", common)


def _measures(field: Field) -> bool:
    """Whether a field's numbers count or measure, as far as its type and name tell: they are no codes, years, numbers
    of things.
    """
    name = str(field.get("name", "")).casefold()
    return field.get("type") in NUMBERS and not CODE_NAMES.search(name) and not NAMED_AS_IDENTIFIER.search(name)


def _is_grouped(value: float, field: Field) -> bool:
    return _measures(field) and (field.get("type") == "number" or abs(value) >= FIVE_DIGITS)


def _number(value: float, *, grouped: bool, decimals: int) -> str:
    if abs(value) >= LARGE and isinstance(value, float):
        return str(value).replace(".", str(get_format("DECIMAL_SEPARATOR")))
    exact = _exact(value)
    places = max(decimals, _places(exact))
    if grouped:
        return number_format(exact, places, force_grouping=True)
    return f"{exact:.{places}f}".replace(".", str(get_format("DECIMAL_SEPARATOR")))


def _exact(value: float) -> Decimal:
    """Return what the data hold, not what floating point makes of it (15 digits); whole numbers without a decimal."""
    return Decimal(int(value)) if isinstance(value, int) or value.is_integer() else Decimal(f"{value:.15g}")


def _places(exact: Decimal) -> int:
    return max(0, -int(exact.as_tuple().exponent))


def _decimals(values: Sequence[Any]) -> int:
    """Return the most decimals of some numbers; 0 if there are more than can be lined up."""
    places = [_places(_exact(value)) for value in values if is_number(value) and abs(value) < LARGE]
    most = max(places, default=0)
    return most if most <= LINED_UP else 0


def _class_of(column: Field) -> str:
    if column.get("type") in NUMBERS:
        return "is-number"
    return "is-moment" if column.get("type") in MOMENTS else ""


def _moment(text: str) -> str:
    """Return a date, or a time in WITA; text that is neither stays as it is. A time without an offset is meant so.

    One with an offset names its zone: its field may say in its name that it is in UTC.
    """
    try:
        return date_format(dt.date.fromisoformat(text), "SHORT_DATE_FORMAT")
    except ValueError:
        pass
    try:
        moment = dt.datetime.fromisoformat(text)
        moment = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    except (ValueError, OverflowError):
        return text
    zone = f" {moment.tzname()}" if timezone.is_aware(moment) else ""
    return date_format(moment, "SHORT_DATETIME_FORMAT") + zone
