"""Folding and rebuilding the counts of public reports (see incidents/models/rollups.py).

A count is read as cells + unfolded deltas in one statement, so it is exact at every moment, however late the folder is.
Fold and rebuild exclude each other by an advisory lock; writers and readers never wait for either.
"""

from collections.abc import Callable, Collection
from typing import Any

from django.db import connection, transaction

from incidents.models.rollups import DELTA_LEVEL

LEVELS = range(11, DELTA_LEVEL + 1)
COARSEST = LEVELS[0]
DETAILED_UP_TO = 15
"""The finest level that holds counts for each category and status; finer ones hold totals only."""

_LOCK = 6_408_001  # pg_advisory_xact_lock: one folder or rebuilder at a time

# A level-18 cell counted at every level, and up to level 15 also for its category, its status and both.
_SPREAD = f"""
    SELECT level, (x >> ({DELTA_LEVEL} - level)) AS x, (y >> ({DELTA_LEVEL} - level)) AS y,
           key.category, key.status, sum(n)::int AS n
    FROM {{source}} CROSS JOIN generate_series({{first}}, {{last}}) AS level
    CROSS JOIN LATERAL (
        SELECT 0 AS category, ''::text AS status
        UNION ALL SELECT {{source}}.category, '' WHERE level <= {DETAILED_UP_TO}
        UNION ALL SELECT 0, {{source}}.status WHERE level <= {DETAILED_UP_TO}
        UNION ALL SELECT {{source}}.category, {{source}}.status WHERE level <= {DETAILED_UP_TO}
    ) AS key
    GROUP BY 1, 2, 3, 4, 5
    HAVING sum(n) <> 0
"""  # noqa: S608 - constants of ours only

_FOLD = f"""
    WITH taken AS (
        DELETE FROM incidents_reportcelldelta
        WHERE id IN (SELECT id FROM incidents_reportcelldelta ORDER BY id LIMIT %(limit)s)
        RETURNING x, y, category, status, n
    ), change AS (
        {_SPREAD.format(source="taken", first=LEVELS[0], last=LEVELS[-1])}
    ), stored AS (
        INSERT INTO incidents_reportcell AS cell (level, x, y, category, status, n)
        SELECT level, x, y, category, status, n FROM change
        ON CONFLICT (level, x, y, category, status) DO UPDATE SET n = cell.n + EXCLUDED.n
        RETURNING level, x, y, category, status, n
    )
    SELECT (SELECT count(*) FROM taken),
           (SELECT jsonb_agg(to_jsonb(stored))::text FROM stored WHERE n = 0)
"""  # noqa: S608 - constants of ours only

_DROP_ZEROS = """
    DELETE FROM incidents_reportcell AS cell
    USING jsonb_to_recordset(%(zeros)s::jsonb) AS zero (level int, x int, y int, category int, status text)
    WHERE (cell.level, cell.x, cell.y, cell.category, cell.status)
        = (zero.level, zero.x, zero.y, zero.category, zero.status)
"""

# Deltas are deleted and reports counted in one statement, that is in one snapshot: a report committed later is in
# neither, and its delta stays to be folded.
_RECOUNT = """
    WITH gone AS (DELETE FROM incidents_reportcelldelta)
    INSERT INTO recounted (x, y, category, status, n)
    SELECT floor((ST_X(geom_3857) + 20037508.342789244) / 152.8740565703525),
           floor((20037508.342789244 - ST_Y(geom_3857)) / 152.8740565703525),
           category_id, status, count(*)
    FROM incidents_report WHERE NOT confidential GROUP BY 1, 2, 3, 4
"""

_COUNT = """
    SELECT coalesce(sum(n), 0) FROM (
        SELECT n FROM incidents_reportcell
        WHERE level = %(level)s AND category = ANY(%(of_cells)s) AND status = ANY(%(in_cells)s)
        UNION ALL
        SELECT n FROM incidents_reportcelldelta
        WHERE (category = ANY(%(categories)s) OR %(categories)s = '{}')
          AND (status = ANY(%(statuses)s) OR %(statuses)s = '{}')
    ) AS counts
"""


def fold(limit: int = 50_000) -> int:
    """Fold up to `limit` of the oldest deltas into the cells; return how many.

    0 when there is nothing to fold, or when another process is folding or rebuilding.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_FOLD, {"limit": limit})
        taken, zeros = cursor.fetchone()
        if zeros:
            cursor.execute(_DROP_ZEROS, {"zeros": zeros})
    return taken


def fold_all(progress: Callable[[int], Any] = lambda _folded: None) -> int:
    """Fold until nothing is left, calling `progress` with the number folded so far; return that number."""
    folded = 0
    while taken := fold():
        folded += taken
        progress(folded)
    return folded


def rebuild(progress: Callable[[str], Any] = lambda _step: None) -> int:
    """Count every public report anew and replace all cells in one transaction; return the number of reports counted.

    Reports may come and change meanwhile: readers see the old cells until the end, and what was committed after the
    count began is still among the deltas.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        progress("counting reports")
        cursor.execute("CREATE TEMP TABLE recounted (x int, y int, category int, status text, n int) ON COMMIT DROP")
        cursor.execute(_RECOUNT)
        for level in LEVELS:
            progress(f"writing level {level}")
            cursor.execute("DELETE FROM incidents_reportcell WHERE level = %s", [level])
            cursor.execute(
                "INSERT INTO incidents_reportcell (level, x, y, category, status, n)"
                + _SPREAD.format(source="recounted", first=level, last=level)
            )
        cursor.execute("SELECT coalesce(sum(n), 0) FROM recounted")
        counted = int(cursor.fetchone()[0])
        cursor.execute("DROP TABLE recounted")
    return counted


def total(*, categories: Collection[int] = (), statuses: Collection[str] = ()) -> int:
    """Return the number of public reports now, of these categories (ids) and statuses; none given: of all."""
    params: dict[str, Any] = {
        "level": COARSEST,
        "of_cells": list(categories) or [0],
        "in_cells": list(statuses) or [""],
        "categories": list(categories),
        "statuses": list(statuses),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, params)
        return int(cursor.fetchone()[0])
