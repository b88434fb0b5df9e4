"""Vector tiles of public reports: exact counts in cells below `POINTS_FROM`, the reports themselves from there on.

A cell belongs to exactly one tile and is never drawn with a buffer, so the counts of one zoom's tiles sum up to the
number of reports. Without filters, and with category and status, the counts come from the roll-up and its unfolded
deltas in one statement; any other filter counts the filtered reports. Layers of a tile:

    cells   point at the cell's centre; n (reports), s (edge of the cell in tile units)
    points  point of the report; t (ticket), s (status), c (category code)
"""

from typing import Any

from django.contrib.gis.geos import Polygon
from django.db import connection
from django.db.models import FloatField, Func
from django.http import QueryDict

from geo.tiles import EXTENT, Tile
from incidents.filters import ReportFilter
from incidents.models import Report
from incidents.models.rollups import DELTA_LEVEL
from incidents.rollups import COARSEST, DETAILED_UP_TO

CELL_STEP = 5
"""Cells are 2^5 to a tile's edge: 8 px on a tile of 256 px."""
POINTS_FROM = 14
POINTS_MAX = 3_300
"""A tile with more points than this is drawn as cells, so that none exceeds 60 KB gzipped."""
COARSE_UP_TO = 12
"""Up to this zoom, category and status are answered by the roll-up, with cells of up to 32 px."""
MARGIN = 160
"""Tile units (10 px) around a tile in which reports are sent too, so that their signs are not cut at its edge."""
BREAKS = [1, 2, 6, 21, 101, 501]
"""The first count of each class of colour."""
DENSE_STEP = 6
"""Cells counted from reports, where the roll-up has none: 2^6 to an edge, 4 px."""

HALF_WORLD_M = 20_037_508.342789244  # half the edge of EPSG:3857's square

# Roll-up cells of level %(level)s inside a tile (or up to `around` cells beyond), and the deltas not yet folded.
_COUNTED = """
    SELECT x, y, sum(n)::int AS n FROM (
        SELECT x, y, n FROM incidents_reportcell
        WHERE level = %(level)s AND x BETWEEN %(x0)s - {around} AND %(x1)s + {around}
              AND y BETWEEN %(y0)s - {around} AND %(y1)s + {around} {of_cells}
        UNION ALL
        SELECT x >> %(shift)s, y >> %(shift)s, n FROM incidents_reportcelldelta
        WHERE NOT confidential AND x >> %(shift)s BETWEEN %(x0)s - {around} AND %(x1)s + {around}
          AND y >> %(shift)s BETWEEN %(y0)s - {around} AND %(y1)s + {around} {of_deltas}
    ) AS counts GROUP BY x, y HAVING sum(n) > 0
"""
_EVERY = "AND category = 0 AND status = ''"
_OF_CATEGORY, _OF_STATUS = "AND category = ANY(%(categories)s)", "AND status = ANY(%(statuses)s)"
_TOTALS = _COUNTED.format(of_cells=_EVERY, of_deltas="", around=0)
_BY_CATEGORY = _COUNTED.format(of_cells=f"{_OF_CATEGORY} AND status = ''", of_deltas=_OF_CATEGORY, around=0)
_BY_STATUS = _COUNTED.format(of_cells=f"AND category = 0 {_OF_STATUS}", of_deltas=_OF_STATUS, around=0)
_BY_BOTH = _COUNTED.format(of_cells=f"{_OF_CATEGORY} {_OF_STATUS}", of_deltas=f"{_OF_CATEGORY} {_OF_STATUS}", around=0)

# Cells are placed in tile units straight away: no geometry is computed, none can be clipped away.
_CELLS_TILE = f"""
    SELECT ST_AsMVT(cell, 'cells', {EXTENT}, 'geom') FROM (
        SELECT ST_MakePoint((x - %(x0)s) * %(size)s + %(size)s / 2, (y - %(y0)s) * %(size)s + %(size)s / 2) AS geom,
               n, %(size)s AS s
        FROM ({{counted}}) AS counted ORDER BY y, x
    ) AS cell
"""  # noqa: S608 - constants of ours only
_TOTALS_TILE = _CELLS_TILE.format(counted=_TOTALS)

# Points, or the finest cells where there are too many of them, decided and made in one statement. A point's place is
# what ST_AsMVTGeom computes, without its clipping and checks. Where only the margin is crowded, it is left out.
_PUBLIC_POINTS_TILE = f"""
    WITH near AS MATERIALIZED (
        {_COUNTED.format(of_cells=_EVERY, of_deltas="", around=1)}
    ), inside AS (
        SELECT * FROM near WHERE x BETWEEN %(x0)s AND %(x1)s AND y BETWEEN %(y0)s AND %(y1)s
    )
    SELECT CASE WHEN (SELECT coalesce(sum(n), 0) <= {POINTS_MAX} FROM inside) THEN (
        SELECT coalesce(ST_AsMVT(point, 'points', {EXTENT}, 'geom'), '') FROM (
            SELECT ST_MakePoint(round((ST_X(r.geom_3857) - %(west)s) / %(unit)s),
                                round((%(north)s - ST_Y(r.geom_3857)) / %(unit)s)) AS geom,
                   r.ticket AS t, r.status AS s, c.code AS c
            FROM incidents_report AS r JOIN incidents_category AS c ON c.id = r.category_id
            WHERE NOT r.confidential AND r.geom_3857 && (
                SELECT CASE WHEN coalesce(sum(n), 0) <= {POINTS_MAX}
                       THEN ST_MakeEnvelope(%(left)s, %(bottom)s, %(right)s, %(top)s, 3857)
                       ELSE ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 3857) END
                FROM near
            )
        ) AS point
    ) WHEN %(size)s > 0 THEN (
        {_CELLS_TILE.format(counted="SELECT * FROM inside")}
    ) END
"""  # noqa: S608 - constants of ours only

# The same from a filtered queryset, and its count in cells. Positional parameters: the queryset brings its own.
_FILTERED_POINTS_TILE = f"""
    SELECT count(*), ST_AsMVT(point, 'points', {EXTENT}, 'geom') FROM (
        SELECT ST_MakePoint(round((mx - %s) / %s), round((%s - my) / %s)) AS geom, t, s, c
        FROM ({{reports}}) AS report (mx, my, t, s, c)
    ) AS point
"""  # noqa: S608 - constants of ours only
_COUNTED_TILE = f"""
    SELECT ST_AsMVT(cell, 'cells', {EXTENT}, 'geom') FROM (
        SELECT ST_MakePoint(x * %s + %s / 2, y * %s + %s / 2) AS geom, count(*)::int AS n, %s AS s
        FROM (
            SELECT floor((mx + %s) / %s)::int - %s AS x, floor((%s - my) / %s)::int - %s AS y
            FROM ({{reports}}) AS report (mx, my)
        ) AS place
        WHERE x BETWEEN 0 AND %s AND y BETWEEN 0 AND %s
        GROUP BY x, y ORDER BY y, x
    ) AS cell
"""  # noqa: S608 - constants of ours only


def report_tile(tile: Tile, query: QueryDict | None = None) -> bytes:
    """Return the tile of public reports as MVT; empty when there are none.

    `query` holds the conditions of `ReportFilter`. Raises ParameterError for the first condition that is wrong or
    unknown (`v`, which only tells browsers' caches apart, is known).
    """
    found = _filtered(query) if query and query.keys() != {"v"} else None
    if tile.z >= POINTS_FROM:
        points = _filtered_points(tile, found) if found else _points(tile)
        return _counted(tile, found, DENSE_STEP) if points is None else points
    if found is None or not found.values:
        return _run(_TOTALS_TILE, _cells(tile, level_of(tile.z)))
    keys = found.cell_keys()
    if keys is None or tile.z > COARSE_UP_TO:
        return _counted(tile, found, CELL_STEP)
    categories, statuses = keys
    counted = (_BY_BOTH if statuses else _BY_CATEGORY) if categories else _BY_STATUS
    params = _cells(tile, min(level_of(tile.z), DETAILED_UP_TO)) | {"categories": categories, "statuses": statuses}
    return _run(_CELLS_TILE.format(counted=counted), params)


def level_of(zoom: int) -> int:
    """Return the quadtree level of the cells drawn at `zoom` (below `POINTS_FROM`)."""
    return max(zoom + CELL_STEP, COARSEST)


def _filtered(query: QueryDict) -> ReportFilter:
    found = ReportFilter(query, queryset=Report.objects.public())
    found.refuse_wrong(allowed=("v",))
    return found


def _cells(tile: Tile, level: int) -> dict[str, int]:
    """Return the range of cells of `level` inside the tile, and a cell's edge in tile units.

    A tile smaller than a cell gets the cell that holds it, and 0 as its edge.
    """
    inside = level - tile.z
    first = (tile.x << inside, tile.y << inside) if inside >= 0 else (tile.x >> -inside, tile.y >> -inside)
    last = (1 << inside) - 1 if inside >= 0 else 0
    return {
        "level": level,
        "shift": DELTA_LEVEL - level,
        "x0": first[0],
        "x1": first[0] + last,
        "y0": first[1],
        "y1": first[1] + last,
        "size": EXTENT >> inside if inside > 0 else 0,
    }


def _run(sql: str, params: Any) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return bytes(cursor.fetchone()[0] or b"")


def _grid(tile: Tile) -> dict[str, float]:
    """Return the tile's place in EPSG:3857: metres, with and without the margin in which symbols still show."""
    unit = tile.metres_per_unit
    west, north = tile.x * EXTENT * unit - HALF_WORLD_M, HALF_WORLD_M - tile.y * EXTENT * unit
    return {
        "unit": unit,
        "west": west,
        "north": north,
        "east": west + EXTENT * unit,
        "south": north - EXTENT * unit,
        "left": west - MARGIN * unit,
        "right": west + (EXTENT + MARGIN) * unit,
        "top": north + MARGIN * unit,
        "bottom": north - (EXTENT + MARGIN) * unit,
    }


def _points(tile: Tile) -> bytes | None:
    """Return the tile of all public reports as points, or as the roll-up's finest cells if there are too many.

    None where there are too many and no such cells.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PUBLIC_POINTS_TILE, {**_grid(tile), **_cells(tile, DELTA_LEVEL)})
        body = cursor.fetchone()[0]
    return None if body is None else bytes(body)


def _near(found: ReportFilter | None, grid: dict[str, float]) -> Any:
    """Return the reports in and around the tile with their place as columns mx, my (metres of EPSG:3857)."""
    box = Polygon.from_bbox((grid["left"], grid["bottom"], grid["right"], grid["top"]))
    box.srid = 3857
    reports = found.qs if found else Report.objects.public()
    return (
        reports.filter(geom_3857__bboverlaps=box)
        .order_by()
        .annotate(
            mx=Func("geom_3857", function="ST_X", output_field=FloatField()),
            my=Func("geom_3857", function="ST_Y", output_field=FloatField()),
        )
    )


def _filtered_points(tile: Tile, found: ReportFilter) -> bytes | None:
    """Return the tile of the filtered reports as points, or None if there are too many."""
    grid = _grid(tile)
    reports = _near(found, grid).values_list("mx", "my", "ticket", "status", "category__code")
    inner, params = reports[: POINTS_MAX + 1].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            _FILTERED_POINTS_TILE.format(reports=inner),
            [grid["west"], grid["unit"], grid["north"], grid["unit"], *params],
        )
        count, body = cursor.fetchone()
    return bytes(body) if count <= POINTS_MAX else None


def _counted(tile: Tile, found: ReportFilter | None, step: int) -> bytes:
    """Return cells, 2^step to an edge (or the coarsest level's), counted from the reports themselves."""
    level = max(tile.z + step, COARSEST)
    inside = level - tile.z
    inner, params = _near(found, _grid(tile)).values_list("mx", "my").query.sql_with_params()
    size = EXTENT >> inside
    x0, y0 = tile.x << inside, tile.y << inside
    last = (1 << inside) - 1
    cell_m = 2 * HALF_WORLD_M / (1 << level)
    return _run(
        _COUNTED_TILE.format(reports=inner),
        [size] * 5 + [HALF_WORLD_M, cell_m, x0, HALF_WORLD_M, cell_m, y0, *params, last, last],
    )
