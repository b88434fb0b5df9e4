"""Counts of the steps that reports took: folding, rebuilding, reading (incidents/models/move_counts.py, docs/adr/0095).

    moves(selection, by=["agency", "to_agency"], types=["handed_over"]) -> {(3, 7): 12, ...}
    stays(selection, by=["agency"])                       -> {("routed", 3): {bucket: n, ...}, ...}

As with incidents/rollups.py a count is rows + deltas in one statement, exact however late the folder is; fold and
rebuild exclude each other. Steps are kept by month: a period is the whole months that it touches. Desa play no part.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, transaction

from incidents.counts import Selection
from incidents.models.move_counts import MOVE_COLUMNS, STEP_COLUMNS, STEPS
from incidents.rollups import Table, fold_deltas, fold_until_done

_LOCK = 6_408_002  # pg_advisory_xact_lock: one folder or rebuilder at a time
_CUTS = """
    CROSS JOIN LATERAL (VALUES
        ('all'::text, fact.kecamatan, fact.category, fact.agency, fact.to_agency),
        ('kecamatan', fact.kecamatan, 0, 0, 0), ('category', 0, fact.category, 0, 0),
        ('agency', 0, 0, fact.agency, fact.to_agency)
    ) AS grain (cut, kecamatan, category, agency, to_agency)
"""

_AREAS = {"kecamatan": "int", "category": "int", "agency": "int"}
_SHOWN = {"channel": "text", "confidential": "bool"}

_MOVES = Table(
    "incidents_movecount",
    {"cut": "text", "month": "date", "type": "text"}
    | _AREAS
    | {"to_agency": "int", "state": "text", "nth": "int", "back": "bool"}
    | _SHOWN,
    ("n",),
    f"""
    SELECT grain.*, month, type, state, nth, back, channel, confidential, n FROM {{source}} AS fact {_CUTS}
    """,  # noqa: S608 - constants of ours only
)
_STAYS = Table(
    "incidents_staycount",
    {"cut": "text", "month": "date", "state": "text"} | _AREAS | _SHOWN | {"bucket": "int"},
    ("n",),
    f"""
    SELECT grain.cut, month, state, grain.kecamatan, grain.category, grain.agency, channel, confidential, bucket, n
    FROM {{source}} AS fact {_CUTS} WHERE bucket IS NOT NULL
    """,  # noqa: S608 - constants of ours only
)
_TABLES = (_MOVES, _STAYS)

_FOLD = f"""
    WITH taken AS (
        DELETE FROM incidents_movedelta
        WHERE id <= (SELECT max(id) FROM (SELECT id FROM incidents_movedelta ORDER BY id LIMIT %(limit)s) AS oldest)
        RETURNING {MOVE_COLUMNS}, n
    ), facts AS (
        SELECT {MOVE_COLUMNS}, sum(n)::int AS n FROM taken GROUP BY {MOVE_COLUMNS} HAVING sum(n) <> 0
    ), {", ".join(f"stored_{i} AS ({table.stored('facts')})" for i, table in enumerate(_TABLES))}
    SELECT (SELECT count(*) FROM taken), {
    ", ".join(
        f"(SELECT jsonb_agg(to_jsonb(stored_{i}))::text FROM stored_{i} WHERE n = 0)" for i in range(len(_TABLES))
    )
}
"""  # noqa: S608 - constants of ours only

ALL_STEPS = f"""
    SELECT {STEP_COLUMNS}, report.kecamatan_id AS kecamatan, report.category_id AS category, report.channel,
           report.confidential, count(*)::int AS n
    FROM ({STEPS.format(events="incidents_reportevent")}) AS fact
    JOIN incidents_report AS report ON report.id = fact.report
    GROUP BY {", ".join(str(place) for place in range(1, 13))}
"""  # noqa: S608 - constants of ours only
"""Every step that is on record, counted."""


def fold(limit: int = 50_000) -> int:
    """Fold up to `limit` of the oldest deltas into the tables; return how many.

    0 when there is nothing to fold, or when another process is folding or rebuilding.
    """
    return fold_deltas("incidents_movedelta", _LOCK, _FOLD, _TABLES, limit)


def fold_all(progress: Callable[[int], Any] = lambda _folded: None) -> int:
    """Fold until nothing is left, calling `progress` with the number folded so far; return that number."""
    return fold_until_done(fold, progress)


def rebuild(progress: Callable[[str], Any] = lambda _step: None) -> int:
    """Count every step on record anew and replace all counts in one transaction; return the number of steps.

    Reports may move meanwhile: what was committed after the count began is still among the deltas.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        progress("counting steps")
        cursor.execute(
            f"CREATE TEMP TABLE recounted_moves ON COMMIT DROP AS SELECT {MOVE_COLUMNS}, n::int"  # noqa: S608
            " FROM incidents_movedelta WITH NO DATA"
        )
        cursor.execute(
            "WITH gone AS (DELETE FROM incidents_movedelta)"  # noqa: S608 - one snapshot with the count
            f" INSERT INTO recounted_moves ({MOVE_COLUMNS}, n) {ALL_STEPS}"
        )
        for table in _TABLES:
            progress(f"writing {table.name}")
            cursor.execute(f"DELETE FROM {table.name}")  # noqa: S608 - constants of ours only
            cursor.execute(f"INSERT INTO {table.name} ({table.columns}) {table.grouped('recounted_moves')}")
        cursor.execute("SELECT coalesce(sum(n), 0) FROM recounted_moves WHERE type <> 'objected'")
        counted = int(cursor.fetchone()[0])
        cursor.execute("DROP TABLE recounted_moves")
    return counted


def moves(
    selection: Selection, by: Sequence[str], types: Sequence[str], *, received_too: bool = False
) -> dict[tuple[Any, ...], int]:
    """Return how many steps of `types` were taken in the months that the period touches, by the columns `by`.

    Columns are month, type, state, kecamatan, category, agency, to_agency, nth, back. An agency that is asked for is
    the one that held the report; with `received_too` also the one that it went to.
    """
    where, params, used = _conditions(selection, by, received_too=received_too)
    keys = ", ".join(by)
    sql = f"""
        SELECT {keys}, sum(n)::int FROM (
            SELECT {keys}, n FROM incidents_movecount WHERE cut = %(cut)s AND type = ANY(%(types)s) AND {where}
            UNION ALL SELECT {keys}, n FROM incidents_movedelta WHERE type = ANY(%(types)s) AND {where}
        ) AS counts GROUP BY {keys} HAVING sum(n) > 0
    """  # noqa: S608 - names of ours only
    return {tuple(values): n for *values, n in _run(sql, params | {"types": list(types), "cut": _cut(used)})}


def stays(selection: Selection, by: Sequence[str] = ()) -> dict[tuple[Any, ...], dict[int, int]]:
    """Return histograms of the stays that ended in the months that the period touches, by state and the columns `by`.

    Columns are month, kecamatan, category and agency. Buckets as in incidents/counts.py.
    """
    where, params, used = _conditions(selection, by)
    keys = ", ".join(("state", *by))
    sql = f"""
        SELECT {keys}, bucket, sum(n)::int FROM (
            SELECT {keys}, bucket, n FROM incidents_staycount WHERE cut = %(cut)s AND {where}
            UNION ALL SELECT {keys}, bucket, n FROM incidents_movedelta WHERE bucket IS NOT NULL AND {where}
        ) AS counts GROUP BY {keys}, bucket HAVING sum(n) > 0
    """  # noqa: S608 - names of ours only
    found: dict[tuple[Any, ...], dict[int, int]] = {}
    for *values, bucket, n in _run(sql, params | {"cut": _cut(used)}):
        found.setdefault(tuple(values), {})[bucket] = n
    return found


def _conditions(
    selection: Selection, by: Sequence[str], *, received_too: bool = False
) -> tuple[str, dict[str, Any], set[str]]:
    """Return the conditions on columns that rows and deltas share, their parameters, and which columns are used."""
    parts = ["month BETWEEN %(first)s AND %(last)s"]
    params: dict[str, Any] = {"first": selection.first.replace(day=1), "last": selection.last}
    used = {name for name in by if name in {"kecamatan", "category", "agency", "to_agency"}}
    given = "agency = ANY(%({name})s)" + (" OR to_agency = ANY(%({name})s)" if received_too else "")
    for column, values in (
        ("kecamatan", selection.kecamatan), ("category", selection.categories), ("agency", selection.agencies),
        ("channel", selection.channels),
    ):  # fmt: skip
        if values:
            told = given.replace("{name}", "agency") if column == "agency" else f"{column} = ANY(%({column})s)"
            parts.append(f"({told})")
            params[column] = list(values)
            used |= {column} - {"channel"}
    if selection.confidential_of == ():
        parts.append("NOT confidential")
    elif selection.confidential_of is not None:
        parts.append(f"(NOT confidential OR {given.replace('{name}', 'own')})")
        params["own"] = list(selection.confidential_of)
        used |= {"agency"}
    return " AND ".join(parts), params, used


def _cut(used: set[str]) -> str:
    """Return the smallest cut that tells the used columns apart."""
    for cut in ("kecamatan", "category"):
        if used <= {cut}:
            return cut
    return "agency" if used <= {"agency", "to_agency"} else "all"


def _run(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
