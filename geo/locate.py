"""Look-up: which kecamatan and desa a point lies in, on the active boundary edition.

Points are EPSG:4326, lon lat. Distances are metres on the spheroid, to the nearest edge. Rules (docs/adr/0010, 0011):

- inside: the kecamatan and, where the edition has desa outlines, the desa whose outline covers the point;
- on a shared border (within 1e-7 degree, 1 cm): the side with the lowest code, the other side named at 0 m;
- within `NEAR_BORDER_M` of other kecamatan: they are named, nearest first;
- at sea within `COAST_M`: the nearest kecamatan, `coastal`, no desa;
- elsewhere, and always inside a neighbour's outline: `OutsideRegency`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from geo import facts
from geo.errors import Area, InvalidPoint, NoActiveEdition, OutsideRegency
from geo.models import BoundaryEdition

TOUCH_DEG = 1e-7  # 1 cm, the resolution of a pin with 7 decimals
DEGREE_M = 110_500.0  # a little less than the shortest degree of the spheroid, so that no candidate is missed
BATCH = 5_000

# A point's hits: pieces that it touches and, of kecamatan, those near by (the function is in migration 0002).
# `{point}` and `{edition}` are expressions and conditions of ours; values travel as parameters.
_HITS = "SELECT * FROM geo_hits({point}, %(near)s, %(touch)s, %(edition)s)"
# For a point without hits: the nearest pieces, and the neighbour it is in. KNN sorts by degrees, near the equator
# within 1 % of metres; the spheroid then decides among the first 16.
_NEAREST = """
    SELECT e.id, e.kind, n.kecamatan, n.distance_m,
        (SELECT b.name FROM geo_neighbourboundary b WHERE ST_Intersects(b.geom, {point}) ORDER BY b.code LIMIT 1)
    FROM geo_boundaryedition e CROSS JOIN LATERAL (
        SELECT ARRAY[k.id::text, k.code, k.name] AS kecamatan,
            ST_Distance(p.geom::geography, {point}::geography) AS distance_m
        FROM geo_boundarypiece p JOIN geo_kecamatan k ON k.id = p.kecamatan_id
        WHERE p.edition_id = e.id AND p.desa_id IS NULL
        ORDER BY p.geom <-> {point} LIMIT 16
    ) n
    WHERE {edition}
"""
_POINT = "ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)"
_POINTS = """
    SELECT pt.i::int, f.* FROM (
        SELECT i, ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS g
        FROM unnest(%(lons)s::float8[], %(lats)s::float8[]) WITH ORDINALITY AS u(lon, lat, i)
    ) pt CROSS JOIN LATERAL ({rows}) f
"""
_ACTIVE = "e.status = 'active'"
_THIS = "e.id = %(edition)s"


@dataclass(frozen=True)
class NearBorder:
    """Another kecamatan near a point, and how far its edge is."""

    code: str
    name: str
    distance_m: float


@dataclass(frozen=True)
class Location:
    """Where a point lies. `coastal`: at sea, `distance_m` from land; inside, `distance_m` is 0."""

    kecamatan: Area
    desa: Area | None
    near_border: tuple[NearBorder, ...]
    coastal: bool
    distance_m: float
    edition_id: int
    edition_kind: str


def locate(lon: float, lat: float) -> Location:
    """Return where a point lies: one round trip to the database inside the regency, a second one outside.

    Raise InvalidPoint (no place on earth), OutsideRegency (with the nearest kecamatan) or NoActiveEdition.
    """
    params = hit_params(lon, lat)
    return from_hits(lon, lat, _rows(_HITS.format(point=_POINT), params | {"edition": None}))


def hit_params(lon: float, lat: float) -> dict[str, float]:
    """Return what a query for a point's hits takes: lon, lat, near, touch, in degrees. Raise InvalidPoint."""
    check_point(lon, lat)
    return _params(lat) | {"lon": lon, "lat": lat}


def from_hits(lon: float, lat: float, rows: Sequence[tuple[Any, ...]]) -> Location:
    """Return where a point lies by its rows of `geo_hits` on the active edition; if none covers it, find the nearest.

    Raise what `locate` raises.
    """
    inside = _inside(rows)
    if inside is not None:
        return inside
    nearest = _rows(_NEAREST.format(point=_POINT, edition=_ACTIVE), {"lon": lon, "lat": lat})
    if not nearest:
        raise NoActiveEdition
    found = _outside(lon, lat, nearest)
    if isinstance(found, OutsideRegency):
        raise found
    return found


def locate_many(
    points: Iterable[tuple[float, float]], *, edition: BoundaryEdition | None = None
) -> list[Location | None]:
    """Return where each (lon, lat) lies, in order; None for a point outside. By the active edition or a given one.

    Two queries per 5,000 points. Raise InvalidPoint for a point that is no place, NoActiveEdition when there is none.
    """
    points = list(points)
    for lon, lat in points:
        check_point(lon, lat)
    found: list[Location | None] = []
    for start in range(0, len(points), BATCH):
        found.extend(_locate_batch(points[start : start + BATCH], edition))
    return found


def check_point(lon: float, lat: float) -> None:
    """Raise InvalidPoint unless lon is within -180..180 and lat within -90..90 degrees."""
    for name, value, limit in (("lon", lon, 180), ("lat", lat, 90)):
        if not math.isfinite(value) or not -limit <= value <= limit:
            raise InvalidPoint(
                name,
                value,
                _("%(name)s must be a number of degrees from -%(limit)d to %(limit)d.")
                % {"name": name, "limit": limit},
            )


def _locate_batch(points: Sequence[tuple[float, float]], edition: BoundaryEdition | None) -> list[Location | None]:
    condition = _THIS if edition else _ACTIVE
    params = _params(max(abs(lat) for _lon, lat in points)) | {"edition": edition.pk if edition else None}
    result: dict[int, Location | OutsideRegency | None] = {}
    hits = _by_point(_POINTS.format(rows=_HITS.format(point="pt.g")), points, params)
    for i, rows in hits.items():
        result[i] = _inside(rows)
    missed = [i for i in range(len(points)) if result.get(i) is None]
    if missed:
        sql = _POINTS.format(rows=_NEAREST.format(point="pt.g", edition=condition))
        nearest = _by_point(sql, [points[i] for i in missed], params)
        if not nearest:
            raise NoActiveEdition
        for j, rows in nearest.items():
            result[missed[j]] = _outside(*points[missed[j]], rows)
    return [found if isinstance(found, Location) else None for found in (result.get(i) for i in range(len(points)))]


def _params(lat: float) -> dict[str, float]:
    near = settings.NEAR_BORDER_M / (DEGREE_M * max(math.cos(math.radians(lat)), 0.01))
    return {"near": near, "touch": TOUCH_DEG}


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _by_point(
    sql: str, points: Sequence[tuple[float, float]], params: dict[str, Any]
) -> dict[int, list[tuple[Any, ...]]]:
    lons_lats = {"lons": [lon for lon, _lat in points], "lats": [lat for _lon, lat in points]}
    grouped: dict[int, list[tuple[Any, ...]]] = {}
    for i, *row in _rows(sql, params | lons_lats):
        grouped.setdefault(i - 1, []).append(tuple(row))
    return grouped


def _inside(rows: Sequence[tuple[Any, ...]]) -> Location | None:
    """Choose among a point's hits; None when no kecamatan covers it."""
    distances: dict[Area, float] = {}
    desa: list[tuple[str, Area]] = []
    for _edition, _kind, kecamatan, village, distance_m in rows:
        if village is None:
            area = _area(kecamatan)
            distances[area] = min(distance_m, distances.get(area, math.inf))
        else:
            desa.append((kecamatan[1], _area(village)))
    covering = [area for area, distance_m in distances.items() if distance_m == 0]
    if not covering:
        return None
    chosen = min(covering, key=lambda area: area.code)
    return Location(
        kecamatan=chosen,
        desa=min((area for owner, area in desa if owner == chosen.code), key=lambda area: area.code, default=None),
        near_border=_near_border(distances, chosen),
        coastal=False,
        distance_m=0.0,
        edition_id=rows[0][0],
        edition_kind=rows[0][1],
    )


def _outside(lon: float, lat: float, rows: list[tuple[Any, ...]]) -> Location | OutsideRegency:
    """Judge a point that no kecamatan covers: coastal water, or outside."""
    distances: dict[Area, float] = {}
    for _edition, _kind, kecamatan, distance_m, _neighbour in rows:
        area = _area(kecamatan)
        distances[area] = min(distance_m, distances.get(area, math.inf))
    nearest = min(distances, key=lambda area: (round(distances[area], 3), area.code))
    distance_m, neighbour = distances[nearest], rows[0][4]
    if neighbour or distance_m > settings.COAST_M or not shapely.contains_xy(facts.sea(), lon, lat):
        return OutsideRegency(nearest, distance_m, neighbour)
    return Location(
        kecamatan=nearest,
        desa=None,
        near_border=_near_border(distances, nearest),
        coastal=True,
        distance_m=round(distance_m, 1),
        edition_id=rows[0][0],
        edition_kind=rows[0][1],
    )


def _near_border(distances: dict[Area, float], chosen: Area) -> tuple[NearBorder, ...]:
    others = [
        NearBorder(area.code, area.name, round(distance_m, 1))
        for area, distance_m in distances.items()
        if area != chosen and distance_m <= settings.NEAR_BORDER_M
    ]
    return tuple(sorted(others, key=lambda other: (other.distance_m, other.code)))


def _area(row: list[str]) -> Area:
    return Area(int(row[0]), row[1], row[2])
