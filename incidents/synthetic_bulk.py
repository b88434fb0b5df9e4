"""Millions of synthetic reports, for benchmarks: written by all processors, stored without counting each.

One transaction: the indexes of reports are dropped and made anew, the trigger that counts new reports rests, and all
counts are made anew in the end. Nobody else reads or writes reports meanwhile: their table is locked.

`DISTINCT` reports are written one by one. Beyond that the same lives come again, each time at other places some 40 m
away (the kecamatan stays: near a border a few lie across), which the database copies by itself.
"""

import datetime as dt
import io
import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache

import django
import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from geo import hexagons
from incidents import move_counts, rollups, tickets
from incidents.models import Report
from incidents.synthetic import M_PER_DEGREE, REPORT_COLUMNS, Progress, Writer, Written, batches, reserve, store

AHEAD = 2
"""Batches that each process may have written before they are stored: about 60 MB each."""
DISTINCT = 1_000_000
REPEATED_WITHIN_M = 40.0

_ORIGINALS = """
    SELECT id, extract(year FROM created_at AT TIME ZONE 'Asia/Makassar')::int, ST_X(geom), ST_Y(geom)
    FROM incidents_report WHERE id >= %s ORDER BY id
"""
_PLACES = "CREATE TEMP TABLE again (original bigint, ticket text, geom geometry(Point, 4326), hexagon bigint)"
_OWN = ("ticket", "geom", "hexagon")
_SHARED = [name for name in REPORT_COLUMNS if name not in ("id", *_OWN)]
_REPEAT = f"""
    INSERT INTO incidents_report ({", ".join((*_OWN, *_SHARED))})
    SELECT {", ".join(f"again.{name}" for name in _OWN)}, {", ".join(f"report.{name}" for name in _SHARED)}
    FROM again JOIN incidents_report AS report ON report.id = again.original
"""  # noqa: S608 - names of ours only
_INDEXES = """
    SELECT format('DROP INDEX %I', relname), pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indexrelid
    WHERE indrelid = 'incidents_report'::regclass AND NOT indisunique ORDER BY relname
"""
"""What drops each index that no constraint needs, and what makes it again."""


def make_reports_in_bulk(
    *, count: int, seed: int, now: dt.datetime | None = None, progress: Progress = lambda _made: None
) -> int:
    """Store the reports of `make_reports(count=, seed=, now=)` in one transaction; return how many.

    Raises LookupError as that does. Each process needs about 300 MB.
    """
    now = now or timezone.now()
    Writer(count=1, seed=seed, now=now)  # what is missing is told here, not by a process
    about = min(count, DISTINCT), seed, now, connection.settings_dict["NAME"]
    processes = os.cpu_count() or 1
    spawning = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(processes, spawning, initializer=django.setup) as pool,
        transaction.atomic(),
        _quickly(),
    ):
        waiting: deque[tuple[range, Future[Written]]] = deque()
        distinct, first = min(count, DISTINCT), 0
        for batch in batches(distinct):
            ids, numbers = reserve(len(batch))
            first = first or ids[0]
            waiting.append((batch, pool.submit(_write, about, batch, ids, numbers)))
            if len(waiting) > AHEAD * processes:
                _store(*waiting.popleft(), progress)
        while waiting:
            _store(*waiting.popleft(), progress)
        _repeat(first, distinct, count, np.random.default_rng([seed, count]), progress)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE incidents_report, incidents_reportevent, incidents_reportcell")
    return count


def _write(about: tuple[int, int, dt.datetime, str], batch: range, ids: list[int], numbers: list[int]) -> Written:
    return _writer(*about).write(batch, ids, numbers)


@cache
def _writer(count: int, seed: int, now: dt.datetime, database: str) -> Writer:
    connection.settings_dict["NAME"] = database  # in tests another one than the settings say
    return Writer(count=count, seed=seed, now=now)


def _store(batch: range, written: Future[Written], progress: Progress) -> None:
    store(written.result())
    progress(batch.stop)


def _repeat(first: int, distinct: int, count: int, chance: np.random.Generator, progress: Progress) -> None:
    """Store the reports from id `first` on again and again, until there are `count`."""
    if count <= distinct:
        return
    with connection.cursor() as cursor:
        cursor.execute(_ORIGINALS, [first])
        originals = cursor.fetchall()
        for done in range(distinct, count, distinct):
            wanted = originals[: count - done]
            _ids, numbers = reserve(len(wanted))
            shifts = chance.normal(0, REPEATED_WITHIN_M / M_PER_DEGREE, (len(wanted), 2)).round(6).tolist()
            rows = io.StringIO()
            for (pk, year, lon, lat), number, (east, north) in zip(wanted, numbers, shifts, strict=True):
                place = round(lon + east, 6), round(lat + north, 6)
                ticket = tickets.make(year=year, number=number)
                rows.write(f"{pk}\t{ticket}\tSRID=4326;POINT({place[0]} {place[1]})\t{hexagons.at(*place)}\n")
            rows.seek(0)
            cursor.execute(_PLACES)
            cursor.cursor.copy_expert("COPY again FROM STDIN", rows)
            cursor.execute("ANALYZE again")
            cursor.execute(_REPEAT)
            cursor.execute("DROP TABLE again")
            progress(done + len(wanted))


def _count_new() -> str:
    """Return the name in the database of the trigger that counts a new report."""
    (trigger,) = [one for one in Report._meta.triggers if one.name == "count_new"]  # type: ignore[attr-defined]
    return str(trigger.get_pgid(Report))


@contextmanager
def _quickly() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE incidents_report IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{_count_new()}}}"])
        # Keys are checked as rows come: an index cannot be made while checks wait. (Dropping the keys would lock the
        # tables that they lead to, which the writers read.)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(_INDEXES)
        indexes = cursor.fetchall()
        for drop, _make in indexes:
            cursor.execute(drop)
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        for _drop, make in indexes:
            cursor.execute(make)
    rollups.rebuild()
    move_counts.fold_all()
