"""How a layer is coloured: in one colour, by categories, or by breaks of numbers; the legend and the map read the same.

At most six classes: zero has one of its own, so have the rarer categories; "no data" comes on top. Colours are design
tokens that the style sheet names (`--layer-0…5` for categories, `--scale-0…5` for amounts); points differ in shape too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.cache import caches
from django.db import connection
from django.utils.formats import number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from psycopg2 import sql

from layers.breaks import fisher_jenks
from layers.models import Layer, LayerVersion
from layers.values import shown_text

CLASSES = 6
NAMED = 5  # categories with a colour of their own; the sixth is "other"
SAMPLE = 10_000
CLASSED = 200  # numbers that stand for all when breaks are sought
FIGURES = 3  # significant figures of a printed break
NUMBERS = {"integer", "number"}
NEVER = {"date", "datetime"}
KEPT_SECONDS = 86_400


@dataclass(frozen=True)
class Class:
    """One class: its token (`layer-2`, `scale-0`, `scale-none`) and what it stands for, in words."""

    token: str
    label: str


@dataclass(frozen=True)
class Style:
    """What the map and the legend need. `kind` is one, categories or breaks."""

    kind: str
    field: str = ""
    classes: tuple[Class, ...] = ()
    values: tuple[str, ...] = ()
    """Of categories: the value of each named class."""
    upper: tuple[float, ...] = ()
    """Of breaks: the last value of each class."""
    zero: bool = False

    @property
    def none(self) -> Class:
        """The class of features without a value."""
        return Class("scale-none", _("no data"))

    def options(self) -> dict[str, Any]:
        """Return the style for the script."""
        return {
            "kind": self.kind,
            "field": self.field,
            "tokens": [one.token for one in self.classes],
            "values": list(self.values),
            "upper": list(self.upper),
            "zero": self.zero,
        }


def choices(layer: Layer) -> list[tuple[str, str]]:
    """Return (name, title) of the fields by which the layer can be coloured; never hidden or personal ones."""
    return [
        (str(one["name"]), str(one.get("title") or one["name"]))
        for one in layer.shown_fields()
        if not one.get("personal") and one.get("type") not in NEVER
    ]


def style_of(layer: Layer, version: LayerVersion, name: str) -> Style:
    """Return the style by the field `name`; in one colour for "" or a field that is not there. Kept by the process."""
    if name not in dict(choices(layer)):
        return Style("one")
    field = next(one for one in layer.shown_fields() if one["name"] == name)
    key = f"layers:style:{version.pk}:{name.encode().hex()}:{get_language()}"
    style = caches["kept"].get(key)
    if style is None:
        style = _style(version, field)
        caches["kept"].set(key, style, KEPT_SECONDS)
    return style


def _style(version: LayerVersion, field: Mapping[str, Any]) -> Style:
    name = str(field["name"])
    numbers, different = _numbers(version, name)
    if numbers and (different > CLASSES or any(number != int(number) for number in numbers)):
        return breaks_style(name, numbers)
    return _categories_style(version, field)


def breaks_style(name: str, numbers: Sequence[float], decimals: int | None = None) -> Style:
    """Return a style with classes that hold numbers which lie close together (Fisher-Jenks).

    Zero is a class of its own when it occurs and nothing is below it. Breaks are rounded to FIGURES figures, upwards.
    Numbers that are rounded to some `decimals` already are printed with those: so are the breaks, which are among them
    or have fewer.
    """
    zero = min(numbers) == 0
    rest = sorted(number for number in numbers if number != 0 or not zero)
    upper = _breaks(rest, CLASSES - 1) if rest else []
    last = [0.0, *upper] if zero else upper
    labels = [_words(0, decimals)] if zero else []
    first = min(rest, default=0.0)
    for end in upper:
        ends = {"first": _words(first, decimals), "last": _words(end, decimals)}
        labels.append(ends["last"] if first == end else _("%(first)s to %(last)s") % ends)
        first = end
    if len(labels) > int(zero) + 1:  # a class begins above the end of the one before
        start = int(zero) + 1
        labels[start:] = [
            _("above %(first)s to %(last)s")
            % {"first": _words(upper[i], decimals), "last": _words(upper[i + 1], decimals)}
            for i in range(len(upper) - 1)
        ]
    tokens = [f"scale-{step}" for step in _spread(len(upper))]
    if zero:
        tokens.insert(0, "scale-0")
    classes = tuple(Class(token, label) for token, label in zip(tokens, labels, strict=True))
    return Style("breaks", name, classes, upper=tuple(last), zero=zero)


def _breaks(numbers: list[float], most: int) -> list[float]:
    different = sorted(set(numbers))
    if len(different) <= most:
        return different
    sample = np.array(numbers)
    if len(sample) > CLASSED:
        sample = np.quantile(sample, np.linspace(0, 1, CLASSED), method="nearest")
    rounded = sorted({_up(end) for end in fisher_jenks(sample, most)} | {_up(different[-1])})
    return [end for end in rounded if end <= _up(different[-1])][-most:]


def _up(number: float) -> float:
    """Round up to FIGURES significant figures."""
    if number == 0 or not math.isfinite(number):
        return number
    digits = FIGURES - 1 - math.floor(math.log10(abs(number)))
    factor = 10.0**digits
    return round(math.ceil(round(number * factor, 6)) / factor, max(digits, 0))


def _spread(n: int) -> list[int]:
    """Return `n` steps of the scale 1 to 5, from light to dark."""
    return {0: [], 1: [4], 2: [2, 5], 3: [1, 3, 5], 4: [1, 2, 4, 5]}.get(n, [1, 2, 3, 4, 5])


def _words(number: float, decimals: int | None = None) -> str:
    if decimals is None:
        decimals = 0 if number == int(number) else max(0, FIGURES - 1 - math.floor(math.log10(abs(number) or 1)))
    return number_format(number, decimals, use_l10n=True, force_grouping=True)


def _categories_style(version: LayerVersion, field: Mapping[str, Any]) -> Style:
    name = str(field["name"])
    rows = _rows(
        "SELECT f.properties->>{name} AS value, count(*) FROM layers_feature f WHERE f.version_id = {version}"
        " AND f.properties->{name} NOT IN ('null', '\"\"') GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}",
        version,
        name,
        CLASSES + 1,
    )
    values = [value for value, _n in rows]
    named = values if len(values) <= CLASSES else values[:NAMED]
    classes = [Class(f"layer-{i}", shown_text(value, field)[:60]) for i, value in enumerate(named)]
    if len(values) > len(named):
        classes.append(Class(f"layer-{NAMED}", _("other")))
    return Style("categories", name, tuple(classes), values=tuple(named))


def _numbers(version: LayerVersion, name: str) -> tuple[list[float], int]:
    """Return up to SAMPLE numbers of a field, spread over the version, with the extremes, and how many differ."""
    rows = _rows(
        "SELECT (f.properties->>{name})::float8 FROM layers_feature f WHERE f.version_id = {version}"
        " AND CASE WHEN jsonb_typeof(f.properties->{name}) = 'number' THEN (f.fid % {step}) = 0 END",
        version,
        name,
        0,
        step=max(1, version.feature_count // SAMPLE),
    )
    ends = _rows(
        "SELECT min((f.properties->>{name})::float8), max((f.properties->>{name})::float8) FROM layers_feature f"
        " WHERE f.version_id = {version} AND jsonb_typeof(f.properties->{name}) = 'number'",
        version,
        name,
        0,
    )[0]
    numbers = [row[0] for row in rows] + [end for end in ends if end is not None]
    return numbers, len(set(numbers))


def _rows(statement: str, version: LayerVersion, name: str, most: int, step: int = 1) -> list[tuple[Any, ...]]:
    composed = sql.SQL(statement).format(
        name=sql.Literal(name), version=sql.Literal(version.pk), most=sql.Literal(most), step=sql.Literal(step)
    )
    with connection.cursor() as cursor:
        cursor.execute(composed)
        return cursor.fetchall()
