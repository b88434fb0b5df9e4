"""How cells are shown: classes and legends, what the map draws, and the table of every cell as CSV.

Every token is a class in static/css/hotspots.css; every class has a sign or a form besides its colour.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import numpy as np
import orjson
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from dashboards import hotspots, rings
from dashboards.amounts import amount
from dashboards.concentration import GROUPS, Concentration
from dashboards.hotspot_forms import COUNTS, DEVELOPMENT, SMOOTH, SPOTS
from dashboards.numbers import SMALLEST_SHOWN
from dashboards.study_area import outline
from geo import hexagons, tiles

FAINT = 0.01
"""Smoothed values below this share of the highest are not drawn."""


@dataclass(frozen=True)
class Mark:
    """A class of the legend: its token, its sign (may be empty) and its words."""

    token: str
    sign: str
    label: str | Promise


SPOT_MARKS = {
    2: Mark("hot-2", "▲", gettext_lazy("Hot spot, very clear (1%)")),
    1: Mark("hot-1", "△", gettext_lazy("Hot spot, clear (5%)")),
    0: Mark("even", "", gettext_lazy("Not told from chance")),
    -1: Mark("cold-1", "▽", gettext_lazy("Cold spot, clear (5%)")),
    -2: Mark("cold-2", "▼", gettext_lazy("Cold spot, very clear (1%)")),
}
KIND_MARKS = {
    hotspots.NEW: Mark("emerging", "★", pgettext_lazy("hot spot", "new")),
    hotspots.CONSECUTIVE: Mark("emerging", "↑", pgettext_lazy("hot spot", "consecutive")),
    hotspots.INTENSIFYING: Mark("emerging", "⇈", pgettext_lazy("hot spot", "intensifying")),
    hotspots.PERSISTENT: Mark("lasting", "●", pgettext_lazy("hot spot", "persistent")),
    hotspots.SPORADIC: Mark("lasting", "◌", pgettext_lazy("hot spot", "sporadic")),
    hotspots.DIMINISHING: Mark("fading", "⇊", pgettext_lazy("hot spot", "diminishing")),
    hotspots.HISTORICAL: Mark("fading", "↓", pgettext_lazy("hot spot", "historical")),
}
GROUP_TITLES = {
    "emerging": pgettext_lazy("hot spots", "Emerging"),
    "lasting": pgettext_lazy("hot spots", "Lasting"),
    "fading": pgettext_lazy("hot spots", "Fading"),
}


@dataclass(frozen=True)
class Classes:
    """Classes of amounts: the last value of each, and how it is marked."""

    upper: tuple[float, ...] = ()
    marks: tuple[Mark, ...] = ()


SHARES = (0.4, 0.7, 0.88, 0.97, 1.0)
"""Of the cells in each class and those below it: most cells hold little, and the few that hold much stand out."""


def classes(values: Any) -> Classes:
    """Return at most five classes of some positive numbers, by `SHARES`. Whole numbers get whole classes.

    Fisher-Jenks, which colours areas (ADR 0027), costs 100 ms and more for numbers that change with each report.
    """
    if not len(values):
        return Classes()
    whole = np.issubdtype(values.dtype, np.integer)
    upper = sorted({float(last) for last in np.quantile(values, SHARES, method="inverted_cdf")})
    first, marks, decimals = float(values.min()), [], 0 if whole else 1
    for place, last in enumerate(upper):
        step = round(1 + 4 * place / (len(upper) - 1)) if len(upper) > 1 else 3
        words = {"first": amount(first, decimals), "last": amount(last, decimals)}
        if first == last:
            label = words["last"]
        elif whole or not place:
            label = _("%(first)s to %(last)s") % words
        else:
            label = _("above %(first)s to %(last)s") % words
        marks.append(Mark(f"scale-{step}", "", label))
        first = last + 1 if whole else last
    return Classes(tuple(upper), tuple(marks))


Dress = tuple[str, str, str]
"""How a cell is drawn: the token of its class, its sign (may be empty) and its words."""


class Dresses:
    """Thousands of cells and months share a few hundred dresses: each is told once, and named by its place.

    Place 0 is None: nothing may be told.
    """

    def __init__(self) -> None:
        self.told: list[Dress | None] = [None]
        self._places: dict[Dress | None, int] = {None: 0}

    def place(self, dress: Dress | None) -> int:
        """Return the place of a dress."""
        if dress not in self._places:
            self._places[dress] = len(self.told)
            self.told.append(dress)
        return self._places[dress]

    def places(self, numbers: Any, dress: Callable[[Any], Dress | None]) -> Any:
        """Return the places of the dresses of an array's numbers; each different number is dressed once."""
        some, like = np.unique(numbers, return_inverse=True)
        found = np.array([self.place(dress(number)) for number in some.tolist()], dtype=np.int64)
        return found[like.reshape(numbers.shape)]


class Drawing:
    """What the map shows of one or two questions on the same grid: one legend for both."""

    def __init__(self, view: str, one: Concentration, other: Concentration | None = None) -> None:
        self.view, self.one, self.other = view, one, other
        self._reports, self._per_area = _("reports: %(n)s"), _("%(value)s per 100 km²")

    @property
    def _both(self) -> list[Concentration]:
        return [self.one, self.other] if self.other else [self.one]

    @cached_property
    def style(self) -> Classes:
        """The classes of counts or of smoothed densities over the whole period."""
        if self.view == SMOOTH:
            values = np.concatenate([con.density for con in self._both])
            return classes(np.round(values[values >= _faint(values)], 1))
        return classes(np.concatenate([_told(con, con.counts) for con in self._both]))

    @cached_property
    def month_style(self) -> Classes:
        """The classes of one month's counts."""
        return classes(np.concatenate([_told(con, con.monthly) for con in self._both]))

    @property
    def has_months(self) -> bool:
        """Whether the map can go through the months."""
        return self.view in {COUNTS, SPOTS} and len(self.one.months) > 1 and self.other is None

    @cached_property
    def legend(self) -> list[Mark]:
        if self.view == SPOTS:
            return list(SPOT_MARKS.values())
        if self.view == DEVELOPMENT:
            return [
                Mark(mark.token, mark.sign, f"{GROUP_TITLES[group]}: {mark.label}")
                for group, kinds in GROUPS.items()
                for mark in (KIND_MARKS[kind] for kind in kinds)
            ]
        return list(self.style.marks)

    @cached_property
    def month_legend(self) -> list[Mark]:
        """The legend of a single month where it is another one."""
        return list(self.month_style.marks) if self.has_months and self.view == COUNTS else []

    def as_json(self, con: Concentration) -> bytes:
        """Return what the script draws of one of the questions (static/js/dashboards/hotspots.js).

            dresses   [null, [step, sign, words], ...]
            cells     [{ring (rings.py), at: where it lies, dress: a place in `dresses`}, ...]
            months    the months' names, none where the map cannot go through them
            monthly   for each cell the place of each month's dress; cells at sea, which come last, have none

        Only cells of which there is something to tell; the others are the map's ground.
        """
        if self.has_months or self.view == DEVELOPMENT:
            con.read_months()
        drawn = self._drawn(con)
        if self.has_months and self.view == SPOTS:
            drawn = drawn | (con.monthly_levels != 0).any(axis=0)
        told, dresses, ring = np.flatnonzero(drawn), Dresses(), _rings(con)
        at: Callable[[int, int], str] = cache(lambda kecamatan, desa: place_words(*con.names(kecamatan, desa)))
        columns = (con.area.cells, con.area.kecamatan, con.area.desa)
        cells = [
            {"ring": ring(cell), "at": at(kecamatan, desa), "dress": dress}
            for cell, kecamatan, desa, dress in zip(
                *(column[told].tolist() for column in columns), self._dressed(con, told, dresses).tolist(), strict=True
            )
        ]
        monthly = self._monthly(con, told, dresses) if self.has_months else []
        if self.view == COUNTS:
            cells += [
                {"ring": ring(cell), "at": _("at sea"), "dress": dresses.place(self._counted(self.style, n))}
                for cell, n in con.beyond.items()
                if con.shown(n)
            ]
        answer = {
            "dresses": dresses.told,
            "cells": cells,
            "months": con.month_names if self.has_months else [],
            "monthly": monthly,
        }
        return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)

    def _drawn(self, con: Concentration) -> Any:
        if self.view == SPOTS:
            return con.levels != 0
        if self.view == DEVELOPMENT:
            return con.kinds != ""
        if self.view == SMOOTH:
            return con.density >= _faint(np.concatenate([one.density for one in self._both]))
        return con.counts >= _fewest(con)

    def _dressed(self, con: Concentration, told: Any, dresses: Dresses) -> Any:
        """Return the place of each cell's dress over the whole period."""
        if self.view == SPOTS:
            return dresses.places(_paired(con.levels[told], con.counts[told]), self._spot)
        if self.view == DEVELOPMENT:
            pairs = zip(con.kinds[told].tolist(), con.counts[told].tolist(), strict=True)
            return np.array([dresses.place(self._developed(kind, n)) for kind, n in pairs], dtype=np.int64)
        if self.view == SMOOTH:
            return dresses.places(np.round(con.density[told], 1), self._smoothed)
        return dresses.places(con.counts[told], partial(self._counted, self.style))

    def _monthly(self, con: Concentration, told: Any, dresses: Dresses) -> Any:
        """Return (cells, months): the place of each month's dress."""
        numbers = con.monthly[:, told].T
        if self.view == SPOTS:
            return dresses.places(
                _paired(con.monthly_levels[:, told].T, numbers), lambda pair: self._spot(pair) if _level(pair) else None
            )
        return dresses.places(numbers, lambda n: self._counted(self.month_style, n) if con.shown(n) else None)

    def _counted(self, style: Classes, n: int) -> Dress:
        return _token(style, n), "", self._reports % {"n": amount(n)}

    def _smoothed(self, value: float) -> Dress:
        return _token(self.style, value), "", self._per_area % {"value": amount(value, 1)}

    def _spot(self, pair: int) -> Dress:
        return self._marked(SPOT_MARKS[_level(pair)], pair % SPOT_BASE)

    def _developed(self, kind: str, n: int) -> Dress:
        return self._marked(KIND_MARKS[kind], n)

    def _marked(self, mark: Mark, n: int) -> Dress:
        return mark.token, mark.sign, f"{mark.label}, {self._reports % {'n': amount(n)}}"


SPOT_BASE = 1 << 40
"""A spot's level and count as one number: level * this + count."""


def _paired(levels: Any, counts: Any) -> Any:
    return levels.astype(np.int64) * SPOT_BASE + counts


def _level(pair: int) -> int:
    return pair // SPOT_BASE


def place_words(kecamatan: str, desa: str) -> str:
    """Return where a cell lies, in words."""
    return ", ".join(name for name in (desa, kecamatan) if name)


HEADER = (
    "cell", "lon", "lat", "area_km2", "kecamatan", "desa", "n", "n_near", "expected_near", "z", "p", "q", "spot",
    "development", "per_100km2",
)  # fmt: skip
SPOT_NAMES = {2: "hot_1pct", 1: "hot_5pct", 0: "", -1: "cold_5pct", -2: "cold_1pct"}


def csv_of(con: Concentration) -> str:
    """Return every cell of the study area, zeros included, as CSV; of a sensitive matter only what may be told."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*HEADER, *(f"n_{month:%Y_%m}" for month in con.months)])
    con.read_months()
    area = con.area
    expected = con.counts.mean() * area.near.sizes if len(con.counts) else con.near
    for i, cell in enumerate(area.cells):
        n = int(con.counts[i])
        if con.sealed and not con.shown(n):
            continue
        place = con.place(i)
        told = con.enough
        row: list[Any] = [
            cell_name(con, int(cell)), round(place.lon, 6), round(place.lat, 6), round(float(area.area_km2[i]), 3),
            place.kecamatan, place.desa, n,
        ]  # fmt: skip
        if told:
            row += [
                int(con.near[i]), round(float(expected[i]), 6), _number(con.gi.z[i]), _number(con.gi.p[i]),
                _number(con.q[i]), SPOT_NAMES[int(con.levels[i])], con.kinds[i], round(float(con.density[i]), 6),
            ]  # fmt: skip
        else:
            row += [""] * 8
        months = [int(one) for one in con.monthly[:, i]]
        writer.writerow([*row, *(one if con.shown(one) or (not one and not con.sealed) else "" for one in months)])
    return out.getvalue()


def cell_name(con: Concentration, cell: int) -> str:
    """Return the cell's name: H3's, or level/x/y of the quadtree."""
    grid = con.asked.grid
    if grid.hexagonal:
        return hexagons.name(cell)
    x, y = tiles.unpacked(cell)
    return f"{grid.level}/{x}/{y}"


def box_of(con: Concentration, cell: int) -> str:
    """Return the box around a cell as the list of reports takes it: west,south,east,north."""
    lon, lat = zip(*outline(con.asked.grid, cell), strict=True)
    return ",".join(f"{number:.5f}" for number in (min(lon), min(lat), max(lon), max(lat)))


def _rings(con: Concentration) -> Callable[[int], orjson.Fragment]:
    grid = con.asked.grid
    return rings.of_hexagon if grid.hexagonal else partial(rings.of_square, grid.level)


def _told(con: Concentration, numbers: Any) -> Any:
    return numbers[numbers >= _fewest(con)]


def _fewest(con: Concentration) -> int:
    """Return the smallest count of a cell that may be told."""
    return SMALLEST_SHOWN if con.sealed else 1


def _faint(densities: Any) -> float:
    return max(0.1, FAINT * float(densities.max(initial=0.0)))


def _token(style: "Classes", value: float) -> str:
    fitting = (mark.token for mark, last in zip(style.marks, style.upper, strict=True) if value <= last)
    return next(fitting, style.marks[-1].token if style.marks else "scale-0")


def _number(value: float) -> float | str:
    return "" if np.isnan(value) else float(f"{value:.9g}")
