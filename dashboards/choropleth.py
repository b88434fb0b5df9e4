"""The kecamatan coloured by a measure: classes, legend and exact words, and the map that reads them from the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboards.amounts import amount
from dashboards.numbers import AreaRow
from geo import maps
from layers.styling import Class, Style, breaks_style

OUTLINE_M = 200
"""Metres by which the outlines are simplified: less than a pixel at the zoom of the whole regency."""


@dataclass(frozen=True)
class Measure:
    """What the map shows: its name in the address, its title with the unit, and how a row tells it."""

    name: str
    title: str | Promise
    value: Callable[[AreaRow], float | None]
    decimals: int
    unit: str = ""


def _overdue_percent(row: AreaRow) -> float | None:
    return None if row.overdue_share.rate is None else 100 * row.overdue_share.rate


def _median_days(row: AreaRow) -> float | None:
    return row.resolve.median_days if row.resolve else None


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("count", gettext_lazy("Reports received"), lambda row: row.n, 0),
        Measure("per_1000", gettext_lazy("Reports per 1,000 people"), lambda row: row.per_1000, 1),
        Measure("overdue", gettext_lazy("Overdue, share of the open ones (%)"), _overdue_percent, 1, "%"),
        Measure("days", gettext_lazy("Days until answered, median"), _median_days, 1),
    )
}


@dataclass(frozen=True)
class Colour:
    """How one kecamatan shows: the token of its class, and its number in words."""

    token: str
    words: str


@dataclass(frozen=True)
class Choropleth:
    measure: Measure
    classes: tuple[Class, ...]
    """The legend, from few to many; the last one stands for what has no number."""
    colours: dict[str, Colour]
    """By the kecamatan's code."""


def choropleth(rows: Sequence[AreaRow], measure: Measure) -> Choropleth:
    """Return the classes of a measure over some kecamatan, with at most six breaks (ADR 0027)."""
    values = {row.code: _rounded(measure, row) for row in rows}
    numbers = [value for value in values.values() if value is not None]
    style = breaks_style(measure.name, numbers, measure.decimals) if numbers else Style("breaks")
    hidden = any(row.n is None for row in rows)
    none = Class(style.none.token, _("no number, or hidden") if hidden else _("no number"))
    return Choropleth(
        measure=measure,
        classes=(*style.classes, none),
        colours={row.code: Colour(_token(style, values[row.code]), _words(measure, row)) for row in rows},
    )


def map_of(areas: maps.Areas, *, nonce: object) -> maps.MapMarkup:
    """Return the map. Outlines come by URL, colours and words from the page's table: none of them is in its script."""
    return maps.data_map(
        nonce=nonce,
        areas=areas,
        layer=maps.TileLayer(reverse("api_kecamatan"), f"simplify={OUTLINE_M}"),
        module="js/dashboards/choropleth.js",
        options={
            "bounds": areas.bounds,
            "texts": {
                "failed": _("The outlines did not load. The table has every number."),
                "retry": _("Try again"),
                "zoomIn": _("Zoom in"),
                "zoomOut": _("Zoom out"),
            },
        },
        label=_("Map of the kecamatan by colour. The table beside it has every number."),
    )


def _rounded(measure: Measure, row: AreaRow) -> float | None:
    """Return the number as it is told: what is printed alike is coloured alike."""
    value = None if row.n is None else measure.value(row)
    return None if value is None else round(value, measure.decimals)


def _words(measure: Measure, row: AreaRow) -> str:
    value = _rounded(measure, row)
    if value is None:
        return _("hidden") if row.n is None else _("no number")
    return amount(value, measure.decimals) + measure.unit


def _token(style: Style, value: float | None) -> str:
    if value is None:
        return style.none.token
    fitting = (one.token for one, last in zip(style.classes, style.upper, strict=True) if value <= last)
    return next(fitting, style.classes[-1].token)
