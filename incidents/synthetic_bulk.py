"""Millions of synthetic reports, for benchmarks: written by all processors, stored without counting each.

One transaction: the indexes of reports are dropped and made anew, the trigger that counts new reports rests, and all
counts are made anew in the end. Nobody else reads or writes reports meanwhile: their table is locked.
"""

import datetime as dt
import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache

import django
from django.db import connection, transaction
from django.utils import timezone

from incidents import move_counts, rollups
from incidents.synthetic import Progress, Writer, Written, batches, reserve, store

AHEAD = 2
"""Batches that each process may have written before they are stored: about 60 MB each."""
COUNT_TRIGGER = "{incidents.Report:count_new}"

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
    about = count, seed, now, connection.settings_dict["NAME"]
    processes = os.cpu_count() or 1
    spawning = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(processes, spawning, initializer=django.setup) as pool,
        transaction.atomic(),
        _quickly(),
    ):
        waiting: deque[tuple[range, Future[Written]]] = deque()
        for batch in batches(count):
            waiting.append((batch, pool.submit(_write, about, batch, *reserve(len(batch)))))
            if len(waiting) > AHEAD * processes:
                _store(*waiting.popleft(), progress)
        while waiting:
            _store(*waiting.popleft(), progress)
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


@contextmanager
def _quickly() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE incidents_report IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [COUNT_TRIGGER])
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
