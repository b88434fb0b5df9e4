"""Vector tiles of the areas: their surface, borders as lines, each drawn once, and a point for each name.

Layers of `/tiles/kecamatan/`: `kecamatan_land` (polygons, for one colour below all), `kecamatan` (lines; neither has
attributes) and `kecamatan_names` (points; `code`, `name`), each in exactly one tile of a zoom. `/tiles/desa/`
has `desa_land`, `desa` and `desa_names` alike.
"""

from django.core.cache import caches
from django.http import HttpRequest, HttpResponse

from geo.models import BoundaryEdition
from geo.tiles import BUFFER, EXTENT, TILE_3857, TILE_MARGIN_4326, Tile, lazy_tile, run_tile, tile_or_404

MAX_AGE = 300  # seconds
KEPT_UP_TO_ZOOM = 10  # few tiles with much to draw: a process keeps them
KEPT_SECONDS = 86_400
# Clipping leaves the ends of a shared line a rounding apart: unsnapped, its two runs merge to a loop and vanish.
SNAP_DEGREES = 1e-9
METRES_PER_DEGREE = 111_320  # near the equator
SIMPLIFY_UNITS = 4  # of 4,096 to a tile: a quarter of a pixel on 256 px tiles

# Shared borders come twice, once from either side: nodes first, so that each is drawn and sent once. All in one order,
# whatever plan finds it: an ETag stands for the same bytes.
_SQL = f"""
    WITH lines AS (
        SELECT ST_UnaryUnion(
            ST_Collect(ST_ClipByBox2D(ST_Boundary(b.geom), {TILE_MARGIN_4326}) ORDER BY b.{{level}}_id), {SNAP_DEGREES}
        ) AS geom
        FROM geo_{{level}}boundary b WHERE b.edition_id = %(edition)s AND b.geom && {TILE_MARGIN_4326}
    ), drawn AS (
        SELECT ST_AsMVTGeom(
            ST_Simplify(ST_Transform((ST_Dump(ST_LineMerge(geom))).geom, 3857), %(tolerance)s),
            {TILE_3857}, {EXTENT}, {BUFFER}
        ) AS geom FROM lines
    ), land AS (
        SELECT ST_AsMVTGeom(
            ST_Transform(ST_Simplify(ST_ClipByBox2D(b.geom, {TILE_MARGIN_4326}), %(degrees)s), 3857),
            {TILE_3857}, {EXTENT}, {BUFFER}
        ) AS geom
        FROM geo_{{level}}boundary b WHERE b.edition_id = %(edition)s AND b.geom && {TILE_MARGIN_4326}
        ORDER BY b.{{level}}_id
    ), names AS (
        SELECT ST_AsMVTGeom(ST_Transform(p.point, 3857), {TILE_3857}, {EXTENT}, 0) AS geom, a.code, a.name
        FROM geo_{{level}}boundary b JOIN geo_{{level}} a ON a.id = b.{{level}}_id
        CROSS JOIN LATERAL (
            SELECT ST_PointOnSurface(part.geom) AS point
            FROM ST_Dump(b.geom) part ORDER BY ST_Area(part.geom) DESC LIMIT 1
        ) p
        WHERE b.edition_id = %(edition)s AND b.geom && {TILE_MARGIN_4326} AND p.point && {TILE_MARGIN_4326}
        ORDER BY a.code
    )
    SELECT COALESCE((SELECT ST_AsMVT(l, '{{level}}_land', {EXTENT}, 'geom') FROM land l WHERE l.geom IS NOT NULL), '')
        || COALESCE((SELECT ST_AsMVT(d, '{{level}}', {EXTENT}, 'geom') FROM drawn d WHERE d.geom IS NOT NULL), '')
        || COALESCE((SELECT ST_AsMVT(n, '{{level}}_names', {EXTENT}, 'geom') FROM names n WHERE n.geom IS NOT NULL
              AND ST_X(n.geom) >= 0 AND ST_X(n.geom) < {EXTENT} AND ST_Y(n.geom) >= 0 AND ST_Y(n.geom) < {EXTENT}), '')
"""  # noqa: S608 - constants of ours only


def kecamatan_tile(request: HttpRequest, z: int, x: int, y: int) -> HttpResponse:
    """Answer /tiles/kecamatan/z/x/y.mvt."""
    return _answer(request, "kecamatan", tile_or_404(z, x, y))


def desa_tile(request: HttpRequest, z: int, x: int, y: int) -> HttpResponse:
    """Answer /tiles/desa/z/x/y.mvt; empty where the active edition has no desa outlines."""
    return _answer(request, "desa", tile_or_404(z, x, y))


def area_tile(level: str, edition_id: int, tile: Tile) -> bytes:
    """Return the tile of an edition's kecamatan or desa as MVT; empty when none is there."""
    tolerance = SIMPLIFY_UNITS * tile.metres_per_unit
    more = {"edition": edition_id, "tolerance": tolerance, "degrees": tolerance / METRES_PER_DEGREE}
    return run_tile(_SQL.format(level=level), tile.params | more)


def _answer(request: HttpRequest, level: str, tile: Tile) -> HttpResponse:
    edition_id = BoundaryEdition.objects.active_id()
    key = f"{level}-{edition_id}-{tile}".replace("/", "-")

    def make() -> bytes:
        if edition_id is None:
            return b""
        if tile.z > KEPT_UP_TO_ZOOM:
            return area_tile(level, edition_id, tile)
        kept = caches["kept"].get_or_set(f"geo:tile:{key}", lambda: area_tile(level, edition_id, tile), KEPT_SECONDS)
        return kept if isinstance(kept, bytes) else b""

    return lazy_tile(request, key, make, max_age=MAX_AGE)
