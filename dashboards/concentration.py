"""Where reports concentrate: the sections of a page about cells, for one `Asked`.

Nothing is counted here: counts come from incidents/counts.py, cells from study_area.py, statistics from hotspots.py.
docs/hotspots.md defines everything that is shown.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import shapely
from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.functional import cached_property
from psycopg2.errors import QueryCanceled

from dashboards import hotspots
from dashboards.hotspots import Gi, Numbers, Positions
from dashboards.numbers import SMALLEST_SHOWN
from dashboards.questions import Question, months_before
from dashboards.study_area import GRIDS, Grid, StudyArea, study_area
from geo.models import Desa, Kecamatan
from incidents import counts
from layers.models import Layer, LayerVersion

FEWEST_REPORTS = 50
"""In the whole study area; with fewer, no spots are told."""
FEWEST_NEAR = 5
"""In a cell and its neighbours; with fewer, the cell is not called hot."""
MOST_MONTHS = 24
"""A longer period's months are its last ones."""
DISTANCE_GRID = "hex-7"
DISTANCE_ERROR_KM = 1.5
"""How far a report can lie from the middle of its hexagon of that grid."""
DISTANCES_KM = (2, 5, 10, 25, 50)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Asked:
    """A question about cells: of the whole months that its period touches. `bandwidth_km` is the smoothing's."""

    question: Question
    grid: Grid
    bandwidth_km: int

    @property
    def months(self) -> Question:
        """The question about whole months, the last one until today."""
        first = self.question.since.replace(day=1)
        end = months_before(self.question.until.replace(day=28) + 4 * DAY, 0) - DAY
        return self.question.over(first, max(first, min(end, max(self.question.today, self.question.until))))


@dataclass(frozen=True)
class Place:
    """Where a cell lies: by its middle (degrees, EPSG:4326)."""

    kecamatan: str
    desa: str
    lon: float
    lat: float


@dataclass(frozen=True)
class Spot:
    """A cell that is hot (`level` 1, 2) or cold (-1, -2), with what the neighbourhood holds and would by chance."""

    cell: int
    place: Place
    n: int
    near: int
    expected: float
    z: float
    q: float
    level: int


@dataclass(frozen=True)
class Development:
    """A cell that was hot in some months: `hot` says in which, `z` is the last month's."""

    cell: int
    place: Place
    kind: str
    n: int
    hot: tuple[bool, ...]


@dataclass(frozen=True)
class RateRow:
    """An area's rate as counted and steadied; `base` is what it divides by. `weight`: how much is the area's own."""

    name: str
    inside: str
    n: int
    base: int
    raw: float
    steadied: float
    weight: float


@dataclass(frozen=True)
class Distances:
    """How far reports and land lie from the nearest feature of a layer, in km from the middle of cells."""

    layer: Layer
    n: int
    median: float | None
    p90: float | None
    land_median: float | None
    bands: list["Band"]


@dataclass(frozen=True)
class Band:
    """From `low` up to `high` km (None: beyond); shares from 0 to 1."""

    low: int
    high: int | None
    n: int
    share: float
    land_share: float


@dataclass(frozen=True)
class Difference:
    """A cell's counts in both questions."""

    cell: int
    place: Place
    n: int
    other: int

    @property
    def more(self) -> int:
        return self.n - self.other


class Concentration:
    """The figures about the cells of a study area for one question; each is read once."""

    def __init__(self, asked: Asked, area: StudyArea, *, sealed: bool | None = None) -> None:
        self.asked, self.area = asked, area
        self.question = asked.months
        self.sealed = self.question.audience.is_public and self.question.is_sensitive if sealed is None else sealed
        """Whether small counts are hidden and nothing but counts is told."""

    # Counts.

    @cached_property
    def _rows(self) -> tuple[Positions, dict[int, int]]:
        return self.area.counts(_read(self.question, self.asked.grid))

    def read_months(self) -> None:
        """Read the months first, for whoever needs them, too: the whole period is their sum, if all are kept."""
        if self.months[0] == self.question.since and "_rows" not in vars(self):
            table, beyond = self._monthly_rows
            self._rows = table.sum(axis=0), beyond

    @property
    def counts(self) -> Positions:
        """The exact count of each cell of the study area, before anything is hidden."""
        return self._rows[0]

    @property
    def beyond(self) -> dict[int, int]:
        """The counts of cells that touch no land: coastal water."""
        return self._rows[1]

    @cached_property
    def n(self) -> int:
        """All reports of the months, in cells of the study area and beyond."""
        return int(self.counts.sum()) + sum(self.beyond.values())

    @property
    def n_beyond(self) -> int:
        return sum(self.beyond.values())

    @property
    def cells_with(self) -> int:
        return int((self.counts > 0).sum())

    def shown(self, n: int) -> bool:
        """Whether a cell's count may be told."""
        return n > 0 and not (self.sealed and n < SMALLEST_SHOWN)

    @cached_property
    def months(self) -> list[dt.date]:
        """The first days of the months, `MOST_MONTHS` at most."""
        last = min(self.question.until, max(self.question.today, self.question.since)).replace(day=1)
        first = max(self.question.since, months_before(last, MOST_MONTHS - 1))
        found = [first]
        while found[-1] < last:
            found.append(months_before(found[-1], -1))
        return found

    @property
    def monthly(self) -> Positions:
        """(months, cells): the counts of each month."""
        return self._monthly_rows[0]

    @cached_property
    def _monthly_rows(self) -> tuple[Positions, dict[int, int]]:
        """The counts of each month, and what lies beyond the area's cells over all of them."""
        grid, selection = self.asked.grid, self.question.over(self.months[0], self.question.until).selection()
        rows = (counts.hexes_monthly if grid.hexagonal else counts.squares_monthly)(selection, grid.level)
        at = self.area.position(rows.cell)
        inside = at >= 0
        table = np.zeros((len(self.months), len(self.area.cells)), dtype=np.int64)
        month = np.searchsorted(np.array(self.months, dtype="datetime64[D]"), rows.month)
        table[month[inside], at[inside]] = rows.n[inside]
        cells, like = np.unique(rows.cell[~inside], return_inverse=True)
        beyond = np.zeros(len(cells), dtype=np.int64)
        np.add.at(beyond, like, rows.n[~inside])
        return table, dict(zip(cells.tolist(), beyond.tolist(), strict=True))

    # Hot and cold.

    @property
    def enough(self) -> bool:
        """Whether there are reports enough to tell spots."""
        return not self.sealed and self.counts.sum() >= FEWEST_REPORTS

    @cached_property
    def gi(self) -> Gi:
        return hotspots.gi_star(self.counts, self.area.near)

    @cached_property
    def q(self) -> Numbers:
        return hotspots.benjamini_hochberg(self.gi.p)

    @cached_property
    def near(self) -> Numbers:
        return self.area.near.sums(self.counts)

    @cached_property
    def levels(self) -> Any:
        """2 and 1 for hot, -1 and -2 for cold, 0 for neither, for each cell; all 0 where there is not enough."""
        if not self.enough:
            return np.zeros(len(self.counts), dtype=np.int8)
        return hotspots.spot_classes(self.gi.z, self.q, self.near >= FEWEST_NEAR)

    @cached_property
    def spots(self) -> list[Spot]:
        """The hot cells, the hottest first, then the cold ones."""
        told = np.flatnonzero(self.levels)
        order = told[np.lexsort((told, -self.gi.z[told]))]
        expected = self.counts.mean() * self.area.near.sizes if len(self.counts) else self.near
        return [
            Spot(
                cell=int(self.area.cells[i]),
                place=self.place(i),
                n=int(self.counts[i]),
                near=int(self.near[i]),
                expected=float(expected[i]),
                z=float(self.gi.z[i]),
                q=float(self.q[i]),
                level=int(self.levels[i]),
            )
            for i in order
        ]

    @property
    def hot(self) -> list[Spot]:
        return [spot for spot in self.spots if spot.level > 0]

    @property
    def cold(self) -> list[Spot]:
        return [spot for spot in self.spots if spot.level < 0]

    # Over the months.

    @cached_property
    def monthly_gi(self) -> Gi:
        return hotspots.gi_star(self.monthly, self.area.near)

    @cached_property
    def monthly_levels(self) -> Any:
        """(months, cells), as `levels`: each month by itself."""
        if not self.enough:
            return np.zeros(self.monthly.shape, dtype=np.int8)
        enough, z = self.area.near.sums(self.monthly) >= FEWEST_NEAR, self.monthly_gi.z
        q = hotspots.benjamini_hochberg(hotspots.two_sided(z, beyond=hotspots.CLEAR_FROM))
        return hotspots.spot_classes(z, q, enough)

    @property
    def over(self) -> int:
        """How many of the months are over: a development is told of these only."""
        return sum(months_before(month, -1) <= self.question.today for month in self.months)

    @property
    def enough_months(self) -> bool:
        return self.enough and self.over >= hotspots.FEWEST_MONTHS

    @cached_property
    def kinds(self) -> Any:
        """How each cell developed (an array of str); "" for most."""
        if not self.enough_months:
            return np.full(len(self.counts), "")
        return hotspots.spot_kinds(self.monthly_levels[: self.over] > 0, self.monthly_gi.z[: self.over])

    @cached_property
    def developments(self) -> list[Development]:
        """The cells with a development: emerging, lasting, fading; within, those with the most reports first."""
        order = [kind for group in GROUPS.values() for kind in group]
        rows = [
            Development(
                cell=int(self.area.cells[i]),
                place=self.place(i),
                kind=kind,
                n=int(self.counts[i]),
                hot=tuple(bool(level > 0) for level in self.monthly_levels[: self.over, i]),
            )
            for i, kind in enumerate(self.kinds.tolist())
            if kind
        ]
        return sorted(rows, key=lambda row: (order.index(row.kind), -row.n, row.cell))

    # Smoothed.

    @cached_property
    def density(self) -> Numbers:
        """Reports per 100 km2, smoothed; zeros where small counts are hidden."""
        if self.sealed:
            return np.zeros(len(self.counts))
        return 100 * self.area.kernel(1000 * self.asked.bandwidth_km).density(self.counts)

    # Areas.

    @cached_property
    def rates(self) -> list[RateRow]:
        """Reports per 1,000 people of each kecamatan with a population, the highest steadied rate first."""
        areas = [one for one in Kecamatan.objects.all() if one.population]
        n = {row["kecamatan"]: row["n"] for row in counts.counted(self.question.selection(), ["kecamatan"], ["n"])}
        events = [n.get(one.pk, 0) for one in areas]
        return _rate_rows([(one.name, "") for one in areas], events, [one.population or 0 for one in areas], 1000)

    @cached_property
    def late(self) -> list[RateRow]:
        """The share of overdue ones among each desa's open reports in percent; people are not known for desa."""
        selection = self.question.selection()
        rows = counts.counted(selection, ["desa"], ["n", *counts.OPEN])
        is_open = {row["desa"]: row["open"] for row in rows}
        overdue = counts.overdue(selection, ["desa"])
        known = Desa.objects.select_related("kecamatan").in_bulk([pk for pk, n in is_open.items() if n])
        pks = list(known)
        # Both come from statements of their own, between which a report may have moved.
        events = [min(overdue.get((pk,), 0), is_open[pk]) for pk in pks]
        names = [(known[pk].name, known[pk].kecamatan.name) for pk in pks]
        return _rate_rows(names, events, [is_open[pk] for pk in pks], 100)

    # Distances.

    def distances(self, layer: Layer) -> Distances | None:
        """Return how far the reports lie from the layer's nearest feature; None without features or boundaries."""
        area = study_area(DISTANCE_GRID)
        if area is None or layer.current is None or not len(area.cells):
            return None
        km = _distances(area, layer.current)
        if km is None:
            return None
        n = (
            self.counts
            if self.asked.grid.name == DISTANCE_GRID
            else area.counts(_read(self.question, GRIDS[DISTANCE_GRID]))[0]
        )
        total, land = int(n.sum()), float(area.area_km2.sum())
        bands = []
        for low, high in zip((0, *DISTANCES_KM), (*DISTANCES_KM, None), strict=True):
            inside = (km >= low) & (km < high if high is not None else True)
            part = int(n[inside].sum())
            bands.append(
                Band(low, high, part, part / total if total else 0.0, float(area.area_km2[inside].sum()) / land)
            )
        return Distances(
            layer=layer,
            n=total,
            median=hotspots.weighted_quantile(km, n, 0.5),
            p90=hotspots.weighted_quantile(km, n, 0.9),
            land_median=hotspots.weighted_quantile(km, area.area_km2, 0.5),
            bands=bands,
        )

    # Words.

    def place(self, position: int) -> Place:
        """Return where a cell of the study area lies, in words."""
        i = int(position)
        kecamatan, desa = self.names(int(self.area.kecamatan[i]), int(self.area.desa[i]))
        return Place(
            kecamatan=kecamatan,
            desa=desa,
            lon=float(self.area.lon[i]),
            lat=float(self.area.lat[i]),
        )

    def names(self, kecamatan: int, desa: int) -> tuple[str, str]:
        """Return the names of a kecamatan and a desa by their row ids, "" for those that are unknown."""
        return self._names[0].get(kecamatan, ""), self._names[1].get(desa, "")

    @cached_property
    def _names(self) -> tuple[Mapping[int, str], Mapping[int, str]]:
        return dict(Kecamatan.objects.values_list("pk", "name")), dict(Desa.objects.values_list("pk", "name"))

    @property
    def month_names(self) -> list[str]:
        return [date_format(month, "M Y") for month in self.months]


GROUPS = {
    "emerging": hotspots.EMERGING_KINDS,
    "lasting": hotspots.LASTING_KINDS,
    "fading": hotspots.FADING_KINDS,
}


def differences(one: Concentration, other: Concentration, limit: int) -> list[Difference]:
    """Return the cells whose counts differ most between two questions on one grid; hidden ones are left out."""
    more = one.counts - other.counts
    order = np.lexsort((np.arange(len(more)), -np.abs(more)))
    rows = [
        Difference(int(one.area.cells[i]), one.place(i), int(one.counts[i]), int(other.counts[i]))
        for i in order[: 4 * limit]
        if more[i]
    ]
    if one.sealed or other.sealed:
        rows = [row for row in rows if min(row.n, row.other) >= SMALLEST_SHOWN]
    return rows[:limit]


def facilities() -> "QuerySet[Layer]":
    """Return the layers from which distances can be measured: public ones of points."""
    layers = Layer.objects.public().filter(current__geometry_type__in=["Point", "MultiPoint"]).order_by("title_id")
    return layers.select_related("current").defer("current__findings", "current__statistics")


def _rate_rows(names: Sequence[tuple[str, str]], events: Sequence[int], base: Sequence[int], per: int) -> list[RateRow]:
    found = hotspots.empirical_bayes(events, base)
    rows = [
        RateRow(
            name=name,
            inside=inside,
            n=events[i],
            base=base[i],
            raw=per * float(found.raw[i]),
            steadied=per * float(found.steadied[i]),
            weight=float(found.weight[i]),
        )
        for i, (name, inside) in enumerate(names)
    ]
    return sorted(rows, key=lambda row: (-row.steadied, row.name, row.inside))


def _read(question: Question, grid: Grid) -> list[tuple[int, int]]:
    return (counts.hexes if grid.hexagonal else counts.squares)(question.selection(), grid.level)


POINTS_WITHIN_MS = 5_000
POINTS_MAX = 200_000
"""Distances to more points are not told: anybody may ask for them."""
_POINTS = "SELECT ST_AsBinary(ST_Collect(geom)) FROM layers_feature WHERE version_id = %s AND geom IS NOT NULL"
_one_at_a_time = Lock()


@lru_cache(maxsize=16)
def _nearest(edition: int, lon: tuple[float, ...], lat: tuple[float, ...], version: int) -> Numbers | None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(POINTS_WITHIN_MS)])
        cursor.execute(_POINTS, [version])
        (wkb,) = cursor.fetchone()
    points = shapely.get_coordinates(shapely.from_wkb(bytes(wkb))) if wkb else np.empty((0, 2))
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return None
    # The nearest by EPSG:3857: so near the equator it orders as true distances do, within 0.1 %.
    from pyproj import Geod

    tree = shapely.STRtree(_mercator(*points.T))
    _middle, at = tree.query_nearest(_mercator(np.array(lon), np.array(lat)), all_matches=False)
    _azimuth, _back, metres = Geod(ellps="WGS84").inv(lon, lat, *points[at].T)
    return np.asarray(metres) / 1000


def _mercator(lon: Numbers, lat: Numbers) -> Any:
    return shapely.points(np.radians(lon), np.arcsinh(np.tan(np.radians(lat))))


def _distances(area: StudyArea, version: LayerVersion) -> Numbers | None:
    """Return each cell's distance to the version's nearest feature, km; None without one, with too many or too late.

    A version never changes.
    """
    if version.feature_count > POINTS_MAX:
        return None
    try:
        with _one_at_a_time:
            return _nearest(area.edition, tuple(area.lon.tolist()), tuple(area.lat.tolist()), version.pk)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return None
