"""Vector tiles of a layer: `/tiles/<slug>/z/x/y.mvt`, one MVT layer called `features`, ids are the features' numbers.

Below `ALL_FROM` what is smaller than two pixels (four in large layers) is drawn as a point, one for each cell of that
size, and outlines are simplified to half a pixel, so that a tile stays small. Attributes: with `?field=` only that
one; without, all shown ones from `ATTRIBUTES_FROM` on (in small layers always), else none. No tile has hidden fields.
"""

from hashlib import blake2b

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from psycopg2 import sql

from geo.errors import ParameterError
from geo.params import refuse_unknown
from geo.tiles import BUFFER, EXTENT, Shelf, Tile, lazy_tile, tile_of
from layers.access import keep_private, layer_or_404
from layers.models import Layer, LayerVersion
from layers.selection import kept_properties, read_version

ALL_FROM = 14
ATTRIBUTES_FROM = 12
SMALL = 2_000
"""A layer with no more features than this always carries its attributes."""
CELL = 32
"""Tile units: two pixels of 256."""
LARGE, LARGE_CELL = 20_000, 64
"""A layer with more features than this is thinned to cells of four pixels, so that no tile exceeds 100 KB gzipped."""
SHELF = Shelf(16_000_000)
"""Finished tiles that a process keeps: a version never changes, and what is shown of it is in a tile's ETag."""
SIMPLIFY_UNITS = 8
FEW_CORNERS = 8
"""An outline with no more corners than this is not simplified: that would take longer than drawing it."""
MAX_AGE = 60  # seconds
NO_FIELD = "-"

# OFFSET 0 keeps the planner from computing ST_AsMVTGeom twice for each feature, for the result and for the condition.
_ALL = """
    SELECT ST_AsMVT(tile, 'features', {extent}, 'geom', 'fid') FROM (
        SELECT f.fid, ST_AsMVTGeom(ST_Transform({shape}, 3857), {box}, {extent}, {buffer}) AS geom,
               {attributes} AS properties
        FROM {source} f {parts} WHERE {these} AND f.geom && {around} OFFSET 0
    ) tile WHERE geom IS NOT NULL
"""
# Cells are those of the whole grid (in degrees, which near the equator are squares on the map, too), so that
# neighbouring tiles keep the same feature of a cell on their common edge.
_THINNED = """
    WITH here AS MATERIALIZED (
        SELECT f.fid, {shape} AS geom, f.properties,
               ST_XMax({shape}) - ST_XMin({shape}) < {cell} AND ST_YMax({shape}) - ST_YMin({shape}) < {cell} AS small
        FROM {source} f {parts} WHERE {these} AND f.geom && {around}
    ), drawn AS (
        SELECT fid, properties, CASE WHEN ST_NPoints(geom) > {few} THEN ST_Simplify(geom, {simplify}, true)
                                     ELSE geom END AS geom
        FROM here WHERE NOT small
        UNION ALL
        SELECT fid, properties, ST_SetSRID(ST_MakePoint(x, y), 4326) FROM (
            SELECT DISTINCT ON (floor(x / {cell}), floor(y / {cell})) fid, properties, x, y FROM (
                SELECT fid, properties,
                       (ST_XMax(geom) + ST_XMin(geom)) / 2 AS x, (ST_YMax(geom) + ST_YMin(geom)) / 2 AS y
                FROM here WHERE small OFFSET 0
            ) middle ORDER BY floor(x / {cell}), floor(y / {cell}), fid
        ) kept
    )
    SELECT ST_AsMVT(tile, 'features', {extent}, 'geom', 'fid') FROM (
        SELECT f.fid, f.geom, {attributes} AS properties FROM (
            SELECT fid, properties, ST_AsMVTGeom(ST_Transform(geom, 3857), {box}, {extent}, {buffer}) AS geom
            FROM drawn OFFSET 0
        ) f WHERE f.geom IS NOT NULL
    ) tile
"""
# A tile's features are of one kind each: of a collection it would draw the parts of the highest dimension alone.
_PARTS = """
    CROSS JOIN LATERAL (
        SELECT f.geom WHERE GeometryType(f.geom) <> 'GEOMETRYCOLLECTION'
        UNION ALL SELECT ST_CollectionExtract(f.geom, kind) FROM generate_series(1, 3) AS kind
        WHERE GeometryType(f.geom) = 'GEOMETRYCOLLECTION'
    ) part
"""
MIXED = "Geometry"
"""The geometry type of versions that may hold collections."""
_BOX = "ST_TileEnvelope({z}, {x}, {y})"
_AROUND = "ST_MakeEnvelope({west}, {south}, {east}, {north}, 4326)"


def layer_tile(request: HttpRequest, slug: str, z: str, x: str, y: str) -> HttpResponse:
    """Answer /tiles/<slug>/z/x/y.mvt. A layer that the person may not see is a 404; a private one is not shared."""
    tile = tile_of(z, x, y)
    layer = layer_or_404(request, slug, lean=True)
    refuse_unknown(request.GET.dict(), {"field", "version", "v"})
    version = read_version(layer, request.GET.get("version", ""))
    field = request.GET.get("field", "")
    shown = [str(entry["name"]) for entry in layer.shown_fields()]
    if field and field != NO_FIELD and field not in shown:
        raise ParameterError("field", field, _("There is no field “%(name)s” here.") % {"name": field[:40]})
    made_of = blake2b("\0".join([field, *shown]).encode(), digest_size=6).hexdigest()
    etag = f"{version.pk}-{tile.z}-{tile.x}-{tile.y}-{made_of}"

    response = lazy_tile(request, etag, lambda: make_tile(layer, version, tile, field), max_age=MAX_AGE, shelf=SHELF)
    if not layer.is_same_for_all:
        del response["Cache-Control"]
    return keep_private(response, layer)


layer_tile.asks_who = True  # type: ignore[attr-defined]  # see config/short_way.py


def make_tile(layer: Layer, version: LayerVersion, tile: Tile, field: str = "") -> bytes:
    """Return the tile of a version as MVT; empty when nothing is there. `field`: see the module's docstring."""
    return draw_tile(
        tile,
        source=sql.SQL("layers_feature"),
        these=sql.SQL("f.version_id = {}").format(sql.Literal(version.pk)),
        count=version.feature_count,
        attributes=_attributes(layer, version, tile, field),
        geometry_type=version.geometry_type,
    )


def draw_tile(
    tile: Tile,
    *,
    source: sql.Composable,
    these: sql.Composable,
    count: int,
    attributes: sql.Composable,
    geometry_type: str,
) -> bytes:
    """Return the tile of `these` features `f` of the table `source`, `count` in all, each with `attributes` (jsonb)."""
    numbers: dict[str, int | float | str] = {
        **tile.params,
        "extent": EXTENT,
        "buffer": BUFFER,
        "cell": (LARGE_CELL if count > LARGE else CELL) * tile.degrees_per_unit,
        "simplify": SIMPLIFY_UNITS * tile.degrees_per_unit,
        "few": FEW_CORNERS,
    }
    boxes = {"box": _BOX.format(**numbers), "around": _AROUND.format(**numbers)}
    shapes = {"parts": _PARTS, "shape": "part.geom"} if geometry_type == MIXED else {"parts": "", "shape": "f.geom"}
    told = {name: sql.SQL(str(text)) for name, text in (numbers | boxes | shapes).items()}
    statement = sql.SQL(_ALL if tile.z >= ALL_FROM else _THINNED).format(
        source=source, these=these, attributes=attributes, **told
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return bytes(cursor.fetchone()[0] or b"")


def _attributes(layer: Layer, version: LayerVersion, tile: Tile, field: str) -> sql.Composable:
    if field and field != NO_FIELD:
        return sql.SQL("jsonb_build_object({0}::text, f.properties->{0})").format(sql.Literal(field))
    if not field and (tile.z >= ATTRIBUTES_FROM or version.feature_count <= SMALL):
        return kept_properties(layer, version)
    return sql.SQL("'{}'::jsonb")
