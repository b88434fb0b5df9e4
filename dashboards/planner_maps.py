"""What /opd/peta/ shows for a planner's question: cells, areas and reports. Pure reads.

Cells, areas and a list's number come from the roll-ups, lists and files from the reports: of the same whole months.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import orjson
from django.contrib.gis.geos import Polygon
from django.db.models import F, FloatField, Func
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from dashboards import rings
from dashboards.amounts import amount
from dashboards.planner_questions import KECAMATAN, SMOOTH, SQUARES, Asked, middle
from geo import hexagons, maps, tiles
from geo.errors import NoActiveEdition
from geo.locate import Location, locate_many
from geo.models import Desa, Kecamatan
from incidents import counts, pages
from incidents.clock import WITA
from incidents.models import Report
from incidents.models.rollups import NO_DESA
from incidents.querysets import ReportQuerySet
from layers.styling import Class, Style, breaks_style

_X, _Y = (Func(F("geom_3857"), function=name, output_field=FloatField()) for name in ("ST_X", "ST_Y"))

OVERDUE = "overdue"
ROWS = 25
"""Cells in the table unless all are asked for."""
RATE_DECIMALS = 1
HALF_M = 20037508.342789244


@dataclass(frozen=True)
class CellRow:
    """A cell with its exact number, its class of colour, and the place in its middle."""

    name: str
    n: int
    step: str
    place: str
    query: str
    """Of its reports."""


@dataclass(frozen=True)
class AreaRow:
    """A kecamatan or desa; `per_1000` is None where no population is known (every desa)."""

    code: str
    name: str
    n: int
    population: int | None
    per_1000: float | None
    inside: str
    """The query of this page for the area alone, and that of its reports."""
    reports: str
    step: str = ""
    words: str = ""


class Screen:
    """The parts of the page; each is read once, when the template comes to it."""

    def __init__(self, asked: Asked, *, all_rows: bool = False) -> None:
        self.asked = asked
        self.all_rows = all_rows

    @cached_property
    def cells(self) -> list[tuple[int, int]]:
        """Every cell with reports and its number, the largest first."""
        asked = self.asked
        if asked.is_empty:
            return []
        selection, standing = asked.selection(), asked.standing
        if asked.shape == SQUARES:
            found = counts.squares(selection, asked.level, standing)
        else:
            found = counts.hexes(selection, asked.resolution, standing)
        return sorted(found, key=lambda one: (-one[1], one[0]))

    @cached_property
    def rows(self) -> list[CellRow]:
        """The cells of the table, with the places in their middles."""
        shown = self.cells if self.all_rows else self.cells[:ROWS]
        spots = [middle(self._corners(cell)) for cell, _n in shown]
        places: Sequence[Location | None]
        try:
            places = locate_many([(spot.x, spot.y) for spot in spots])
        except NoActiveEdition:
            places = [None] * len(shown)
        return [
            CellRow(
                name := self._name(cell),
                n,
                self._steps[n],
                ", ".join(part.name for part in (place.desa, place.kecamatan) if part) if place else "",
                self.asked.query_string(cell=name, leave_out={"within"}),
            )
            for (cell, n), place in zip(shown, places, strict=True)
        ]

    @cached_property
    def _cells_style(self) -> Style:
        return self._style([n for _cell, n in self.cells])

    @cached_property
    def _steps(self) -> dict[int, str]:
        """The class of each number that a cell has."""
        return {n: _step(self._cells_style, n) for n in {n for _cell, n in self.cells}}

    def _name(self, cell: int) -> str:
        if self.asked.shape == SQUARES:
            x, y = tiles.unpacked(cell)
            return f"{self.asked.level}-{x}-{y}"
        return hexagons.name(cell)

    def _corners(self, cell: int) -> list[tuple[float, float]]:
        if self.asked.shape == SQUARES:
            return tiles.outline(self.asked.level, *tiles.unpacked(cell))
        return hexagons.outline(cell)

    @cached_property
    def total(self) -> int:
        return sum(row.n for row in self.kecamatan)

    @cached_property
    def kecamatan(self) -> list[AreaRow]:
        """Every kecamatan asked for, the largest number of the map's measure first."""
        areas = self.asked.question.kecamatan or list(Kecamatan.objects.all())
        found = self._numbers("kecamatan")
        rows = [self._area("kecamatan", area, found.get(area.pk, 0), area.population) for area in areas]
        values = {row.code: self._value(row) for row in rows}
        style = self._areas_style(rows)
        dressed = [
            AreaRow(**(vars(row) | {"step": _step(style, values[row.code]), "words": self._words(row)})) for row in rows
        ]
        return sorted(dressed, key=lambda row: (-(values[row.code] or 0), row.name))

    @cached_property
    def desa(self) -> list[AreaRow]:
        """The desa of the kecamatan asked for; none where the whole regency is asked for."""
        asked = self.asked.question
        if not (asked.kecamatan or asked.desa):
            return []
        areas = list(asked.desa or Desa.objects.filter(kecamatan__in=asked.kecamatan))
        found = self._numbers("desa")
        rows = [self._area("desa", area, found.get(area.pk, 0), None) for area in areas]
        if not asked.desa and found.get(NO_DESA):
            rows.append(AreaRow("", _("without a desa"), found[NO_DESA], None, None, "", ""))
        return sorted(rows, key=lambda row: (-row.n, row.name))

    @cached_property
    def legend(self) -> Sequence[Class]:
        """The classes of the map, from few to many."""
        if self.asked.shape == KECAMATAN:
            return self._areas_style(self.kecamatan).classes
        if self.asked.shape == SMOOTH:
            words = [_("few"), "", "", "", _("many")]
            return [Class(f"scale-{step}", word) for step, word in enumerate(words, 1)] if self.cells else []
        return self._cells_style.classes

    def map(self, *, nonce: object) -> maps.MapMarkup | None:
        """Return the map, None without boundaries. Cells come by URL, those of kecamatan from the page's table."""
        areas = maps.active_areas()
        if areas is None:
            return None
        texts = {
            "failed": _("The numbers did not load on the map. The tables have every one."),
            "retry": _("Try again"),
            "zoomIn": _("Zoom in"),
            "zoomOut": _("Zoom out"),
            "reports": _("Show these reports"),
            "first": _("Tap the first corner of the area, then the next, around it."),
            "next": _("Corners: {n}. Tap the next one, or finish."),
            "crossed": _("The lines must not cross."),
        }
        options = {
            "bounds": areas.bounds,
            "texts": texts,
            "within": [[lat, lon] for lon, lat in self.asked.corners()],
            "near": self.asked.is_narrowed,
            "smooth": self.asked.shape == SMOOTH,
            "list": f"{reverse('planner_reports')}?{self.asked.query_string(leave_out={'cell', 'within'})}",
        }
        if self.asked.shape == KECAMATAN:
            source = maps.TileLayer(reverse("api_kecamatan"), "simplify=200")
        else:
            source = maps.TileLayer(reverse("planner_cells"), self.asked.query_string(leave_out={"cell", "within"}))
        return maps.data_map(
            nonce=nonce,
            areas=areas,
            layer=source,
            module="js/dashboards/planner.js",
            options=options,
            label=_("Map of the reports by number. The tables below have every number."),
        )

    def as_json(self) -> bytes:
        """Return the cells for the map: corners as [lat, lon], with the words of each."""
        level, steps = self.asked.level, self._steps
        words = {n: ngettext("%(n)s report", "%(n)s reports", n) % {"n": amount(n)} for n in steps}
        squares = self.asked.shape == SQUARES
        return orjson.dumps({
            "cells": [
                {
                    "id": self._name(cell),
                    "n": n,
                    "step": steps[n],
                    "words": words[n],
                    "ring": rings.of_square(level, cell) if squares else rings.of_hexagon(cell),
                }
                for cell, n in self.cells
            ]
        })  # fmt: skip

    def _numbers(self, column: str) -> dict[int, int]:
        asked = self.asked
        if asked.is_empty:
            return {}
        return _counted(asked.selection(), asked.standing, column)

    def _area(self, kind: str, area: Kecamatan | Desa, n: int, population: int | None) -> AreaRow:
        inside = self.asked.query_string(leave_out={"cell", "within", "desa", "size"}, **{kind: area.code})
        if kind == "desa":
            inside = self.asked.query_string(leave_out={"cell", "within"}, desa=area.code)
        reports = self.asked.query_string(leave_out={"cell", "within", "desa"}, **{kind: area.code})
        return AreaRow(
            area.code, area.name, n, population, 1_000 * n / population if population else None, inside, reports
        )

    def _value(self, row: AreaRow) -> float | None:
        """Return what colours a kecamatan, as the table tells it."""
        if self.asked.measure != "per_1000":
            return row.n
        return None if row.per_1000 is None else round(row.per_1000, RATE_DECIMALS)

    def _areas_style(self, rows: Sequence[AreaRow]) -> Style:
        values = [value for value in map(self._value, rows) if value is not None]
        return self._style(values, RATE_DECIMALS if self.asked.measure == "per_1000" else 0)

    def _words(self, row: AreaRow) -> str:
        told = ngettext("%(n)s report", "%(n)s reports", row.n) % {"n": amount(row.n)}
        if row.per_1000 is None:
            return told
        rate = amount(round(row.per_1000, RATE_DECIMALS), RATE_DECIMALS)
        return _("%(reports)s, %(rate)s per 1,000 people") % {"reports": told, "rate": rate}

    def _style(self, numbers: Sequence[float], decimals: int = 0) -> Style:
        return breaks_style("n", numbers, decimals) if numbers else Style("breaks")


def page_of(asked: Asked, user: User, after: str | None, limit: int) -> pages.Page:
    """Return a page of the reports that a question counts: overdue ones with the longest overdue first.

    Raises ParameterError for an `after` that is no cursor.
    """
    order = pages.LONGEST_DUE if asked.standing == OVERDUE else pages.NEWEST
    reports = reports_of(asked, user).with_places().defer("search")
    return pages.page_of(reports, cursor=after, limit=limit, order=order)


def count_of(asked: Asked, user: User) -> tuple[int, bool]:
    """Return how many these reports are; in a cell or an area drawn by hand up to a limit, and whether there are more.

    Without those the roll-ups know it, however many they are.
    """
    if asked.cell or asked.within:
        return pages.count_of(reports_of(asked, user))
    if asked.is_empty:
        return 0, False
    own = None if user.is_coordinator else tuple(user.agency_ids())
    return _counted(replace(asked.selection(), confidential_of=own), asked.standing).get(None, 0), False


def _counted(selection: counts.Selection, standing: str, column: str | None = None) -> dict[Any, int]:
    """Return how many reports stand so, by the values of a column; without one by None."""
    by = [column] if column else []
    if standing == OVERDUE:
        return {(key[0] if key else None): n for key, n in counts.overdue(selection, by).items()}
    measures = counts.OPEN if standing == "open" else [standing]
    rows = counts.counted(selection, by, measures)
    return {row[column] if column else None: sum(row[measure] for measure in measures) for row in rows}


def reports_of(asked: Asked, user: User) -> ReportQuerySet:
    """Return the reports that a question counts, as far as `user` may read them."""
    reports = Report.objects.visible_to(user)
    if asked.is_empty:
        return reports.none()
    selection = asked.selection()
    for field, values in (
        ("kecamatan", selection.kecamatan),
        ("desa", selection.desa),
        ("category", selection.categories),
        ("agency", selection.agencies),
    ):
        if values:
            reports = reports.filter(**{f"{field}__in": values})
    reports = reports.filter(
        created_at__gte=_midnight(selection.first), created_at__lt=_midnight(selection.last + dt.timedelta(days=1))
    )
    if asked.standing == "open":
        reports = reports.open()
    elif asked.standing == OVERDUE:
        # Nothing is due before it came: the index of due dates is read from there on.
        reports = reports.filter(answered_at=None, resolve_due_at__gte=_midnight(selection.first))
        reports = reports.overdue(_midnight(selection.today))
    elif asked.standing != "n":
        reports = reports.filter(status=asked.standing)
    if asked.within:
        reports = reports.filter(geom_3857__within=asked.within)  # Django transforms this literal, not the column
    if asked.cell and asked.cell.square:
        level, x, y = asked.cell.square
        size = 2 * HALF_M / (1 << level)
        west, north = x * size - HALF_M, HALF_M - y * size
        box = Polygon.from_bbox((west, north - size, west + size, north))
        box.srid = 3857
        # Boxes are compared as rounded outward; the edges then say to which square a report belongs.
        reports = reports.filter(geom_3857__bboverlaps=box).annotate(mx=_X, my=_Y)
        reports = reports.filter(mx__gte=west, mx__lt=west + size, my__gt=north - size, my__lte=north)
    elif asked.cell and asked.cell.hexagon:
        first, last = hexagons.span(asked.cell.hexagon)
        reports = reports.filter(geom_3857__bboverlaps=_around(asked.cell.hexagon), hexagon__range=(first, last))
    return reports


def _around(cell: int) -> Polygon:
    """Return a box that holds all finest hexagons that count in `cell`, some of which lie partly outside it."""
    corners = hexagons.outline(cell)
    west, east = min(x for x, _y in corners), max(x for x, _y in corners)
    south, north = min(y for _x, y in corners), max(y for _x, y in corners)
    wide, high = (east - west) / 2, (north - south) / 2
    box = Polygon.from_bbox((west - wide, south - high, east + wide, north + high))
    box.srid = 4326
    return box


def _step(style: Style, value: float | None) -> str:
    if value is None:
        return style.none.token
    fitting = (one.token for one, last in zip(style.classes, style.upper, strict=True) if value <= last)
    return next(fitting, style.classes[-1].token)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), WITA)
