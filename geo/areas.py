"""The areas as GeoJSON: PostGIS writes properties and geometry, nothing is serialised feature by feature in Python.

Geometry is EPSG:4326, lon lat, 6 decimals (11 cm). Simplified outlines stay a coverage: neighbours keep one line.
"""

import json
from typing import Any

import shapely
from django.db import connection

from geo.models import BoundaryEdition

DECIMALS = 6
DEGREE_M = 110_574.0
STEPS_M = (0, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000)

_KECAMATAN = """
    SELECT a.code, json_build_object(
        'code', a.code, 'name', a.name, 'bps_code', a.bps_code, 'seat', a.seat, 'population', a.population,
        'population_source', a.population_source, 'area_km2', round(b.area_km2::numeric, 1)
    )::text, {geometry}
    FROM geo_kecamatan a LEFT JOIN geo_kecamatanboundary b ON b.kecamatan_id = a.id AND b.edition_id = %(edition)s
    ORDER BY a.code
"""
_DESA = """
    SELECT a.code, json_build_object(
        'code', a.code, 'name', a.name, 'kind', a.kind, 'kecamatan', k.code, 'kecamatan_name', k.name,
        'area_km2', round(b.area_km2::numeric, 1)
    )::text, {geometry}
    FROM geo_desa a JOIN geo_kecamatan k ON k.id = a.kecamatan_id
    LEFT JOIN geo_desaboundary b ON b.desa_id = a.id AND b.edition_id = %(edition)s
    WHERE %(kecamatan)s::text IS NULL OR k.code = %(kecamatan)s
    ORDER BY a.code
"""
_SQL = {"kecamatan": _KECAMATAN, "desa": _DESA}


def step_below(simplify_m: float) -> int:
    """Return the largest step of simplification that is not above `simplify_m` metres."""
    return max(step for step in STEPS_M if step <= simplify_m)


def feature_collection(
    level: str,
    edition: BoundaryEdition | None,
    *,
    simplify_m: int = 0,
    kecamatan: str | None = None,
    geometry: bool = True,
) -> bytes:
    """Return all areas of a level as a GeoJSON FeatureCollection, by code.

    `level` is "kecamatan" or "desa"; `kecamatan` (a code) narrows desa. An area without an outline in the edition has a
    null geometry; so have all with `geometry=False`. The member `edition` says which outlines these are, and whose.
    """
    wanted = "ST_AsBinary(b.geom)" if simplify_m else f"ST_AsGeoJSON(b.geom, {DECIMALS})"
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL[level].format(geometry=wanted if geometry else "NULL"),
            {"edition": edition.pk if edition else None, "kecamatan": kecamatan},
        )
        rows = cursor.fetchall()
    outlines = (
        _simplified([row[2] for row in rows], simplify_m) if simplify_m and geometry else [row[2] for row in rows]
    )
    features = ",".join(
        f'{{"type":"Feature","id":{json.dumps(code)},"properties":{properties},"geometry":{outline or "null"}}}'
        for (code, properties, _geometry), outline in zip(rows, outlines, strict=True)
    )
    about = json.dumps(_about(edition), ensure_ascii=False)
    return f'{{"type":"FeatureCollection","edition":{about},"features":[{features}]}}'.encode()


def _about(edition: BoundaryEdition | None) -> dict[str, Any] | None:
    if edition is None:
        return None
    return {
        "slug": edition.slug,
        "name": edition.name,
        "kind": edition.kind,
        "source": edition.source,
        "licence": edition.licence,
    }


def _simplified(outlines: list[bytes | None], simplify_m: int) -> list[str | None]:
    there = [i for i, outline in enumerate(outlines) if outline is not None]
    shapes = shapely.from_wkb([bytes(outlines[i] or b"") for i in there])
    shapes = shapely.coverage_simplify(shapes, simplify_m / DEGREE_M)
    shapes = shapely.transform(shapes, lambda corners: corners.round(DECIMALS))
    written: list[str | None] = [None] * len(outlines)
    for i, text in zip(there, shapely.to_geojson(shapes), strict=True):
        written[i] = text
    return written
