"""Geometry made ready in named steps: two dimensions, EPSG:4326, valid, multi, of one family. Each takes an array."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from layers.reading.crs import Decision, transformer_from
from layers.reading.findings import Row, list_row

POINT, LINE, AREA = "Point", "LineString", "Polygon"
FAMILY = {
    shapely.GeometryType.POINT: POINT,
    shapely.GeometryType.MULTIPOINT: POINT,
    shapely.GeometryType.LINESTRING: LINE,
    shapely.GeometryType.LINEARRING: LINE,
    shapely.GeometryType.MULTILINESTRING: LINE,
    shapely.GeometryType.POLYGON: AREA,
    shapely.GeometryType.MULTIPOLYGON: AREA,
}
MULTI = {POINT: shapely.multipoints, LINE: shapely.multilinestrings, AREA: shapely.multipolygons}
CURVE_STEPS = (1 << 16) - 1
CURVE_SPREAD = ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555))
"""How the 16 bits of a number are moved apart, so that those of another fit between them."""
SINGLE = {shapely.GeometryType.POINT, shapely.GeometryType.LINESTRING, shapely.GeometryType.POLYGON}

# GEOS' words for what is wrong with a shape, in ours; `OUTCOMES` are what became of it where the words do not tell.
REASONS = {
    "Self-intersection": "garisnya memotong dirinya sendiri",
    "Ring Self-intersection": "tepinya menyentuh dirinya sendiri",
    "Too few points in geometry component": "titiknya terlalu sedikit",
    "Hole lies outside shell": "lubang berada di luar bidangnya",
    "Holes are nested": "lubang di dalam lubang",
    "Nested shells": "bidang di dalam bidang",
    "Interior is disconnected": "bagian dalamnya terputus",
    "Duplicate Rings": "tepi yang sama dua kali",
    "Ring is not closed": "tepinya tidak tertutup",
    "Invalid Coordinate": "koordinatnya bukan angka",
}
OUTCOMES = {"Hole lies outside shell": ("; kini bidang tersendiri", "; now an area of its own")}


@dataclass
class Seen:
    """What the geometries of a file were like, added up over batches."""

    families: dict[str, int] = field(default_factory=dict)
    has_multipoint: bool = False
    with_z: int = 0
    repaired: int = 0
    repaired_rows: list[Row] = field(default_factory=list)
    lost: int = 0
    lost_rows: list[Row] = field(default_factory=list)
    unprojectable: int = 0
    unprojectable_rows: list[Row] = field(default_factory=list)


def centres(geometries: Any) -> Any:
    """Return the middle of each geometry's bounding box as (n, 2), those without one left out."""
    bounds = shapely.bounds(geometries)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    return np.column_stack([(bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2])


def by_place(geometries: Any) -> Any:
    """Return the indices of the geometries so that neighbours come together, along a Z-order curve; None come last."""
    bounds = shapely.bounds(geometries)
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    present = np.isfinite(middles).all(axis=1)
    marks = np.full(len(middles), np.iinfo(np.int64).max)
    if present.any():
        low, high = middles[present].min(axis=0), middles[present].max(axis=0)
        steps = ((middles[present] - low) / np.maximum(high - low, 1e-12) * CURVE_STEPS).astype(np.int64)
        for shift, mask in CURVE_SPREAD:
            steps = (steps | steps << shift) & mask
        marks[present] = steps[:, 0] << 1 | steps[:, 1]
    return np.argsort(marks, kind="stable")


def flatten(geometries: Any, seen: Seen) -> Any:
    """Return the geometries without heights and measures; counts what had them."""
    with_z = shapely.has_z(geometries) | shapely.has_m(geometries)
    seen.with_z += int(np.count_nonzero(with_z))
    return shapely.force_2d(geometries) if with_z.any() else geometries


def to_lonlat(geometries: Any, decision: Decision, rows: Any, seen: Seen) -> Any:
    """Return the geometries in EPSG:4326; those that cannot be expressed there become None."""
    if decision.crs == "EPSG:4326" and not decision.swapped:
        moved = geometries
    else:
        transformer = None if decision.crs == "EPSG:4326" else transformer_from(decision.crs)

        def corners(xy: Any) -> Any:
            if decision.swapped:
                xy = xy[:, ::-1]
            if transformer is None:
                return xy
            return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1], errcheck=False))

        moved = shapely.transform(geometries, corners)
    bounds = shapely.bounds(moved)
    with np.errstate(invalid="ignore"):
        off = (
            (bounds[:, 0] < -180.0001) | (bounds[:, 1] < -90) | (bounds[:, 2] > 180.0001) | (bounds[:, 3] > 90)
        ) | ~np.isfinite(bounds).all(axis=1)
    off &= ~shapely.is_missing(moved) & ~shapely.is_empty(moved)
    if off.any():
        moved = moved.copy()
        for index in np.flatnonzero(off):
            list_row(seen.unprojectable_rows, Row(int(rows[index])))
        moved[off] = None
        seen.unprojectable += int(np.count_nonzero(off))
    return moved


def make_valid(geometries: Any, rows: Any, seen: Seen) -> Any:
    """Return the geometries made valid, of the dimension they had; what nothing is left of becomes None.

    Areas of a collection are made one outline where they overlap: each is valid, but they could not be cut together.
    """
    wrong = np.flatnonzero(~shapely.is_valid(geometries) & ~shapely.is_missing(geometries))
    collections = np.flatnonzero(shapely.get_type_id(geometries) == shapely.GeometryType.GEOMETRYCOLLECTION)
    if not len(wrong) and not len(collections):
        return geometries
    made: Any = geometries.copy()
    for index in wrong:
        before = geometries[index]
        try:
            after = _of_dimension(shapely.make_valid(before, method="structure"), shapely.get_dimensions(before))
        except shapely.errors.GEOSException:
            after = None
        row = Row(int(rows[index]), *_reason(shapely.is_valid_reason(before)))
        if after is None or after.is_empty:
            made[index] = None
            seen.lost += 1
            list_row(seen.lost_rows, row)
        else:
            made[index] = after
            _repaired(seen, row)
    for index in collections:
        parts = _parts(made[index : index + 1])
        areas = parts[shapely.get_dimensions(parts) == 2]
        together = shapely.multipolygons(shapely.get_parts(areas)) if len(areas) > 1 else None
        if together is None or shapely.is_valid(together):
            continue
        outline = shapely.union_all(areas)
        made[index] = shapely.GeometryCollection([*parts[shapely.get_dimensions(parts) < 2], outline])
        _repaired(seen, Row(int(rows[index]), "bagian-bagiannya saling menutupi", "its parts overlap each other"))
    return made


def _repaired(seen: Seen, row: Row) -> None:
    seen.repaired += 1
    list_row(seen.repaired_rows, row)


def _parts(collections: Any) -> Any:
    """Return what collections are made of, without collections."""
    parts = shapely.get_parts(collections)
    while (shapely.get_type_id(parts) == shapely.GeometryType.GEOMETRYCOLLECTION).any():
        parts = shapely.get_parts(parts)
    return parts


def to_family(geometries: Any, seen: Seen, *, multipoints: bool) -> Any:
    """Return lines and areas as their multi types, points as points, or all as multipoints; empty ones become None.

    Collections of one family become that family's multi type, others hold no further collections: PostGIS writes no
    GeoJSON of those. Notes which families there are.
    """
    result: Any = np.where(shapely.is_empty(geometries), None, geometries)
    kinds = shapely.get_type_id(result)
    for index in np.flatnonzero(kinds == shapely.GeometryType.GEOMETRYCOLLECTION):
        parts = _parts(result[index : index + 1])
        flat = shapely.get_parts(parts)
        families = {FAMILY[kind] for kind in shapely.get_type_id(flat).tolist()}
        if len(families) == 1:
            result[index] = MULTI[families.pop()](flat)
        else:
            result[index] = shapely.geometrycollections(parts)
            seen.families["Geometry"] = seen.families.get("Geometry", 0) + 1
    kinds = shapely.get_type_id(result)
    if (kinds == shapely.GeometryType.MULTIPOINT).any():
        seen.has_multipoint = True
    for kind, count in zip(*np.unique(kinds, return_counts=True), strict=True):
        if family := FAMILY.get(int(kind)):
            seen.families[family] = seen.families.get(family, 0) + int(count)
            if int(kind) in SINGLE and (family != POINT or multipoints):
                mask = kinds == kind
                parts = result[mask]
                result[mask] = MULTI[family](parts, indices=np.arange(len(parts)))
    return result


def as_ewkb(geometries: Any) -> list[bytes | None]:
    """Return the geometries, of two dimensions, as EWKB of EPSG:4326; None for those that are missing."""
    # Behind the order of bytes and the type's number: that there is an SRID, and 4326.
    return [wkb and wkb[:4] + b"\x20\xe6\x10\0\0" + wkb[5:] for wkb in shapely.to_wkb(geometries, byte_order=1)]


def type_name(seen: Seen, *, multipoints: bool) -> str:
    """Return the geometry type of all features: Point, MultiPolygon and so on, Geometry for several families."""
    if not seen.families:
        return "None"
    if len(seen.families) > 1:
        return "Geometry"
    family = next(iter(seen.families))
    return family if family in {POINT, "Geometry"} and not (family == POINT and multipoints) else f"Multi{family}"


def _of_dimension(geometry: Any, dimension: int) -> Any:
    parts = shapely.get_parts(geometry)
    parts = parts[shapely.get_dimensions(parts) == dimension]
    if not len(parts):
        return None
    if shapely.get_dimensions(geometry) == dimension and geometry.geom_type != "GeometryCollection":
        return geometry
    return MULTI[(POINT, LINE, AREA)[dimension]](shapely.get_parts(parts))


def _reason(reason: str) -> tuple[str, str]:
    words, _, place = reason.partition("[")
    where = f" ({place.rstrip(']')})" if place else ""
    became = OUTCOMES.get(words, ("", ""))
    return REASONS.get(words, words) + became[0] + where, words + became[1] + where
