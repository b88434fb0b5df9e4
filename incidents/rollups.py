"""Folding and rebuilding the counts of reports (see incidents/models/rollups.py).

A count is read as rows + unfolded deltas in one statement, so it is exact at every moment, however late the folder is.
Fold and rebuild exclude each other by an advisory lock; writers and readers never wait for either.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from geo import hexagons
from incidents.models.rollups import DELTA_LEVEL, FACT_COLUMNS, FACTS

LEVELS = range(11, DELTA_LEVEL + 1)
COARSEST = LEVELS[0]
DETAILED_UP_TO = 15
"""The finest level that holds counts for each category and status; finer ones hold totals only."""
HEAT_LEVELS = range(COARSEST, 15)
"""Levels of the monthly heat cells: the finest are 2.4 km wide. The coarser ones are sums of level 13."""
HEAT_STORED = (13, 14)
RESOLUTIONS = range(5, hexagons.FINEST + 1)
"""H3 resolutions of the monthly hexagons: the finest are of 0.74 km2. The coarser ones are sums of resolution 7."""
HEXAGONS_STORED = (7, 8)

_LOCK = 6_408_001  # pg_advisory_xact_lock: one folder or rebuilder at a time


@dataclass(frozen=True)
class Table:
    """A table of counts: its key, its numbers, and the SELECT that makes its rows from facts (`{source}`).

    `reads`: what that SELECT looks at, as expressions of a fact. Facts that are equal in it are one row for it, so that
    a rebuild of millions spreads fewer.
    """

    name: str
    key: dict[str, str]
    values: tuple[str, ...]
    spread: str
    reads: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> str:
        return ", ".join((*self.key, *self.values))

    def grouped(self, source: str) -> str:
        """Return the rows that the facts in `source` make, without those that cancel out.

        In the key's order, so that rows that are read together lie together.
        """
        sums = ", ".join(f"sum({value})::int AS {value}" for value in self.values)
        some = " OR ".join(f"sum({value}) <> 0" for value in self.values)
        keys = ", ".join(self.key)
        spread = self.spread.format(source=source)
        return f"SELECT {keys}, {sums} FROM ({spread}) AS spread GROUP BY {keys} HAVING {some} ORDER BY {keys}"  # noqa: S608

    def distinct(self, source: str) -> str:
        """Return the facts in `source` with no more than the table reads, each kind once."""
        read = ", ".join(f"{expression} AS {column}" for column, expression in self.reads.items())
        places = ", ".join(str(place) for place in range(1, len(self.reads) + 1))
        return f"SELECT {read}, sum(n)::int AS n FROM {source} GROUP BY {places}"  # noqa: S608

    def stored(self, source: str) -> str:
        """Return the statement that adds the facts in `source` to the table and returns the rows."""
        adding = ", ".join(f"{value} = kept_row.{value} + EXCLUDED.{value}" for value in self.values)
        keys = ", ".join(self.key)
        return (
            f"INSERT INTO {self.name} AS kept_row ({self.columns}) {self.grouped(source)}"
            f" ON CONFLICT ({keys}) DO UPDATE SET {adding} RETURNING {self.columns}"
        )

    def drop(self) -> str:
        """Return the statement that deletes the rows whose keys are in the parameter `zeros`."""
        typed = ", ".join(f"{column} {kind}" for column, kind in self.key.items())
        return (
            f"DELETE FROM {self.name} AS kept_row USING jsonb_to_recordset(%(zeros)s::jsonb) AS zero ({typed})"  # noqa: S608
            f" WHERE ({', '.join(f'kept_row.{column}' for column in self.key)})"
            f" = ({', '.join(f'zero.{column}' for column in self.key)})"
        )


MONTH = "date_trunc('month', day::timestamp)::date"


def _as_they_are(*columns: str) -> dict[str, str]:
    return {column: column for column in columns}


# A level-18 cell counted at every level, and up to level 15 also for its category, its status and both.
_CELLS = Table(
    "incidents_reportcell",
    {"level": "int", "x": "int", "y": "int", "category": "int", "status": "text"},
    ("n",),
    f"""
    SELECT level, (x >> ({DELTA_LEVEL} - level)) AS x, (y >> ({DELTA_LEVEL} - level)) AS y,
           keys.category, keys.status, n
    FROM {{source}} AS fact CROSS JOIN generate_series({LEVELS[0]}, {LEVELS[-1]}) AS level
    CROSS JOIN LATERAL (
        SELECT 0 AS category, ''::text AS status
        UNION ALL SELECT fact.category, '' WHERE level <= {DETAILED_UP_TO}
        UNION ALL SELECT 0, fact.status WHERE level <= {DETAILED_UP_TO}
        UNION ALL SELECT fact.category, fact.status WHERE level <= {DETAILED_UP_TO}
    ) AS keys
    WHERE NOT fact.confidential
    """,  # noqa: S608 - constants of ours only
    _as_they_are("x", "y", "category", "status", "confidential"),
)

STATUSES = (
    *("received", "routed", "in_progress", "answered", "closed", "on_hold", "rejected", "duplicate", "reopened"),
)
MEASURES = ("n", *STATUSES, "kept", "broken", "ended")
"""The columns of ReportCount."""
_WHO = {"kecamatan": "int", "category": "int", "agency": "int", "channel": "text", "confidential": "bool"}

AS_MEASURES = f"""
    n, {", ".join(f"CASE WHEN status = '{status}' THEN n ELSE 0 END AS {status}" for status in STATUSES)},
    CASE WHEN kept THEN n ELSE 0 END AS kept, CASE WHEN NOT kept THEN n ELSE 0 END AS broken, 0 AS ended
"""
"""A fact's numbers on the day that it was received, as columns; those on the day that it ended are `ENDED_MEASURES`."""
ENDED_MEASURES = ", ".join([f"0 AS {measure}" for measure in MEASURES[:-1]] + ["n AS ended"])


def with_cuts(rows: str, of_time: Sequence[str], values: Sequence[str]) -> str:
    """Return the SELECT of the rows of cut all, and of what they add up to for kecamatan, agencies and categories.

    `rows` is a SELECT of the columns `of_time` (with desa), `_WHO` and `values`; it is added up once, before the cuts.
    """
    times, numbers = ", ".join(of_time), ", ".join(values)
    key = ", ".join((*of_time, *_WHO))
    sums = ", ".join(f"sum({value})::int AS {value}" for value in values)
    return f"""
        WITH every AS MATERIALIZED (SELECT {key}, {sums} FROM ({rows}) AS each_one GROUP BY {key})
        SELECT 'all'::text AS cut, {key}, {numbers} FROM every
        UNION ALL SELECT 'kecamatan', {times}, kecamatan, 0, 0, '', confidential, {numbers} FROM every
        UNION ALL SELECT 'agency', {times}, 0, 0, agency, '', confidential, {numbers} FROM every WHERE desa = 0
        UNION ALL SELECT 'category', {times}, 0, category, 0, '', confidential, {numbers} FROM every WHERE desa = 0
    """  # noqa: S608 - constants of ours only


# What a fact counts for, on the days that it was received and ended.
_IN_SPANS = f"""
    SELECT grain.span, grain.area AS desa, grain.start, kecamatan, category, agency, channel, confidential,
           {", ".join(MEASURES)}
    FROM (
        SELECT day, kecamatan, desa, category, agency, channel, confidential,
               {", ".join(f"sum({measure})::int AS {measure}" for measure in MEASURES)}
        FROM (
            SELECT day, kecamatan, desa, category, agency, channel, confidential, {AS_MEASURES} FROM {{source}}
            UNION ALL
            SELECT ended, kecamatan, desa, category, agency, channel, confidential, {ENDED_MEASURES}
            FROM {{source}} WHERE ended IS NOT NULL
        ) AS moment (day, kecamatan, desa, category, agency, channel, confidential, {", ".join(MEASURES)})
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    ) AS of_day
    CROSS JOIN LATERAL (VALUES
        ('d'::text, day, desa), ('d', day, 0), ('w', date_trunc('week', day::timestamp)::date, 0),
        ('m', {MONTH}, desa), ('m', {MONTH}, 0)
    ) AS grain (span, start, area)
"""  # noqa: S608 - constants of ours only
_COUNTS = Table(
    "incidents_reportcount",
    {"cut": "text", "span": "text", "desa": "int", "start": "date"} | _WHO,
    MEASURES,
    with_cuts(_IN_SPANS, ["span", "desa", "start"], MEASURES),
    _as_they_are("day", "ended", "status", "kept", "desa", *_WHO),
)

_OWED = """
    SELECT grain.span, grain.area AS desa, grain.due, grain.start, kecamatan, category, agency, channel, confidential, n
    FROM {source} AS fact CROSS JOIN LATERAL (VALUES
        ('d'::text, fact.day, fact.due, desa), ('d', fact.day, fact.due, 0),
        ('m', date_trunc('month', fact.day::timestamp)::date, date_trunc('month', fact.due::timestamp)::date, desa),
        ('m', date_trunc('month', fact.day::timestamp)::date, date_trunc('month', fact.due::timestamp)::date, 0)
    ) AS grain (span, start, due, area)
    WHERE fact.due IS NOT NULL
"""
_DUES = Table(
    "incidents_duecount",
    {"cut": "text", "span": "text", "desa": "int", "due": "date", "start": "date"} | _WHO,
    ("n",),
    with_cuts(_OWED, ["span", "desa", "due", "start"], ["n"]),
    _as_they_are("day", "due", "desa", *_WHO),
)

_DURATIONS = Table(
    "incidents_durationcount",
    {
        "cut": "text",
        "step": "text",
        "category": "int",
        "month": "date",
        "kecamatan": "int",
        "agency": "int",
        "channel": "text",
        "confidential": "bool",
        "bucket": "int",
    },
    ("n",),
    """
    SELECT grain.cut, took.step, grain.category, date_trunc('month', day::timestamp)::date AS month, grain.kecamatan,
           grain.agency, grain.channel, confidential, took.bucket, n
    FROM {source} AS fact
    CROSS JOIN LATERAL (VALUES
        ('verify'::text, verified), ('respond', responded), ('resolve', resolved)
    ) AS took (step, bucket)
    CROSS JOIN LATERAL (VALUES
        ('all'::text, fact.category, fact.kecamatan, fact.agency, channel), ('kecamatan', 0, fact.kecamatan, 0, ''),
        ('agency', 0, 0, fact.agency, ''), ('category', fact.category, 0, 0, ''),
        ('pair', 0, fact.kecamatan, fact.agency, '')
    ) AS grain (cut, category, kecamatan, agency, channel)
    WHERE took.bucket IS NOT NULL
    """,
    _as_they_are("verified", "responded", "resolved", *_WHO) | {"day": MONTH},
)

_PLACE = {"kecamatan": "int", "desa": "int"}
_SHIFT = DELTA_LEVEL - HEAT_STORED[-1]
FINEST_CELL = f"(((x >> {_SHIFT})::bigint << 32) | (y >> {_SHIFT}))"
"""The quadtree cell of level 14 of a fact, as one number."""


def coarser_cell(column: str, level: int, finer: int = HEAT_STORED[-1]) -> str:
    """Return SQL for the quadtree cell of `level` that holds a packed cell (x * 2^32 + y) of level `finer`."""
    shift = finer - level
    return f"((({column} >> {32 + shift}) << 32) | (({column} & 4294967295) >> {shift}))"


_GRIDS = ", ".join(
    [f"({level}, {coarser_cell(FINEST_CELL, level)})" for level in HEAT_STORED]
    + [f"({resolution}, {hexagons.parent_sql('hexagon', resolution)})" for resolution in HEXAGONS_STORED]
)
_OF_CELLS = _as_they_are("hexagon", "category", "agency", "kecamatan", "desa", "confidential") | {
    "x": f"x >> {_SHIFT} << {_SHIFT}",
    "y": f"y >> {_SHIFT} << {_SHIFT}",
    "day": MONTH,
}
"""What the tables of cells look at."""
HEAT_MEASURES = ("n", *STATUSES)
"""The columns of HeatCount."""

_HEAT_KEY = "level, category, agency, month, cell, kecamatan, desa, confidential"
# Each fact in each grid, added up once; then for agencies and in all.
_HEAT = Table(
    "incidents_heatcount",
    {"level": "int", "cut": "text", "category": "int", "agency": "int", "month": "date", "cell": "bigint"}
    | _PLACE
    | {"confidential": "bool"},
    HEAT_MEASURES,
    f"""
    WITH every AS MATERIALIZED (
        SELECT {_HEAT_KEY}, {", ".join(f"sum({measure})::int AS {measure}" for measure in HEAT_MEASURES)}
        FROM (
            SELECT x, y, hexagon, category, agency, {MONTH} AS month, kecamatan, desa, confidential, {AS_MEASURES}
            FROM {{source}}
        ) AS fact
        CROSS JOIN LATERAL (VALUES {_GRIDS}) AS grid (level, cell)
        GROUP BY {_HEAT_KEY}
    )
    SELECT level, keys.cut, keys.category, keys.agency, month, cell, kecamatan, desa, confidential,
           {", ".join(HEAT_MEASURES)}
    FROM every CROSS JOIN LATERAL (VALUES
        ('total'::text, 0, 0), ('agency', 0, every.agency), ('all', every.category, every.agency)
    ) AS keys (cut, category, agency)
    """,  # noqa: S608 - constants of ours only
    _OF_CELLS | _as_they_are("status") | {"kept": "NULL::bool"},
)

_HEAT_DUES = Table(
    "incidents_heatdue",
    {"due": "date", "month": "date", "cell": "bigint", "hexagon": "bigint"}
    | _PLACE
    | {"category": "int", "agency": "int", "confidential": "bool"},
    ("n",),
    f"""
    SELECT due, {MONTH} AS month, {FINEST_CELL} AS cell, hexagon, kecamatan, desa, category, agency, confidential, n
    FROM {{source}} WHERE due IS NOT NULL
    """,  # noqa: S608 - constants of ours only
    _OF_CELLS | _as_they_are("due"),
)

_TABLES = (_CELLS, _COUNTS, _DUES, _DURATIONS, _HEAT, _HEAT_DUES)

# The oldest deltas are taken by a range of ids, not by a list: a list is a join, and on stale statistics the planner
# has joined 50,000 rows to themselves without an index, which takes minutes.
_FOLD = f"""
    WITH taken AS (
        DELETE FROM incidents_reportcelldelta
        WHERE id <= (
            SELECT max(id) FROM (SELECT id FROM incidents_reportcelldelta ORDER BY id LIMIT %(limit)s) AS oldest
        )
        RETURNING {FACT_COLUMNS}, n
    ), facts AS (
        SELECT {FACT_COLUMNS}, sum(n)::int AS n FROM taken GROUP BY {FACT_COLUMNS} HAVING sum(n) <> 0
    ), {", ".join(f"stored_{i} AS ({table.stored('facts')})" for i, table in enumerate(_TABLES))}
    SELECT (SELECT count(*) FROM taken), {
    ", ".join(
        f"(SELECT jsonb_agg(to_jsonb(stored_{i}))::text FROM stored_{i} WHERE "
        + " AND ".join(f"{value} = 0" for value in table.values)
        + ")"
        for i, table in enumerate(_TABLES)
    )
}
"""  # noqa: S608 - constants of ours only

# Deltas are deleted and reports counted in one statement, that is in one snapshot: a report committed later is in
# neither, and its delta stays to be folded.
_RECOUNT = f"""
    WITH gone AS (DELETE FROM incidents_reportcelldelta)
    INSERT INTO recounted ({FACT_COLUMNS}, n) SELECT {FACTS.format(row="report")}, 1 FROM incidents_report AS report
"""  # noqa: S608 - constants of ours only

_COUNT = """
    SELECT coalesce(sum(n), 0) FROM (
        SELECT n FROM incidents_reportcell
        WHERE level = %(level)s AND category = ANY(%(of_cells)s) AND status = ANY(%(in_cells)s)
        UNION ALL
        SELECT n FROM incidents_reportcelldelta
        WHERE NOT confidential AND (category = ANY(%(categories)s) OR %(categories)s = '{}')
          AND (status = ANY(%(statuses)s) OR %(statuses)s = '{}')
    ) AS counts
"""


def fold(limit: int = 50_000) -> int:
    """Fold up to `limit` of the oldest deltas into the tables; return how many.

    0 when there is nothing to fold, or when another process is folding or rebuilding.
    """
    return fold_deltas("incidents_reportcelldelta", _LOCK, _FOLD, _TABLES, limit)


def fold_all(progress: Callable[[int], Any] = lambda _folded: None) -> int:
    """Fold until nothing is left, calling `progress` with the number folded so far; return that number."""
    return fold_until_done(fold, progress)


def fold_deltas(deltas: str, lock: int, statement: str, tables: Sequence[Table], limit: int) -> int:
    """Fold up to `limit` rows of the table `deltas` by `statement`; return how many, 0 if somebody holds `lock`.

    The statement answers with the number taken and, for each of `tables`, the rows that have become zero as JSON.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(f"SELECT EXISTS (SELECT FROM {deltas})")  # noqa: S608 - a name of ours
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(statement, {"limit": limit})
        taken, *empty = cursor.fetchone()
        for table, zeros in zip(tables, empty, strict=True):
            if zeros:
                cursor.execute(table.drop(), {"zeros": zeros})
    return taken


def fold_until_done(fold_some: Callable[[], int], progress: Callable[[int], Any]) -> int:
    """Call `fold_some` until it returns 0, and `progress` with the number folded so far; return that number."""
    folded = 0
    while taken := fold_some():
        folded += taken
        progress(folded)
    return folded


def rebuild(progress: Callable[[str], Any] = lambda _step: None) -> int:
    """Count every report anew and replace all counts in one transaction; return the number of reports counted.

    Reports may come and change meanwhile: readers see the old counts until the end, and what was committed after the
    count began is still among the deltas.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("SET LOCAL work_mem = '256MB'")  # millions of rows are sorted and grouped
        progress("counting reports")
        cursor.execute("CREATE TEMP TABLE recounted (LIKE incidents_reportcelldelta) ON COMMIT DROP")
        cursor.execute("ALTER TABLE recounted DROP COLUMN id")
        cursor.execute(_RECOUNT)
        counted = cursor.rowcount
        cursor.execute("ANALYZE recounted")
        for table in _TABLES:
            progress(f"writing {table.name}")
            cursor.execute(f"CREATE TEMP TABLE kinds ON COMMIT DROP AS {table.distinct('recounted')}")
            cursor.execute("ANALYZE kinds")
            cursor.execute(f"DELETE FROM {table.name}")  # noqa: S608 - constants of ours only
            cursor.execute(f"INSERT INTO {table.name} ({table.columns}) {table.grouped('kinds')}")
            cursor.execute("DROP TABLE kinds")
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
