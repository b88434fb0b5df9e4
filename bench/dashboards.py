"""The dashboards' figures: each function beside the direct GROUP BY, the API under load, what counting costs intake."""

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench import database

REPEATS = 30
WARM_UPS = 3
CLIENTS = 4
WRITERS = 8
P95_MS = 100.0

# What each function answers, for the same twelve months, counted from the reports themselves.
PERIOD = "NOT confidential AND created_at >= %(since)s AND created_at < %(until)s"
STANDING = """
    count(*), count(*) FILTER (WHERE status IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')),
    count(*) FILTER (WHERE status IN ('received', 'routed', 'in_progress', 'reopened') AND resolve_due_at < %(today)s),
    count(*) FILTER (WHERE answered_at <= resolve_due_at), count(*) FILTER (WHERE answered_at > resolve_due_at)
"""
QUANTILES = "percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY answered_at - created_at)"
DIRECT = {
    "totals": f"SELECT {STANDING}, {QUANTILES} FROM incidents_report WHERE {PERIOD}",
    "by_kecamatan": f"SELECT kecamatan_id, {STANDING}, {QUANTILES} FROM incidents_report WHERE {PERIOD} GROUP BY 1",
    "by_desa": f"SELECT desa_id, {STANDING} FROM incidents_report WHERE {PERIOD}"
    " AND kecamatan_id = %(kecamatan)s GROUP BY 1",
    "trend": "SELECT date_trunc('week', created_at AT TIME ZONE 'Asia/Makassar'), count(*) FROM incidents_report"
    " WHERE NOT confidential AND created_at >= %(before)s AND created_at < %(until)s GROUP BY 1",
    "top_categories": f"SELECT category_id, {STANDING} FROM incidents_report WHERE {PERIOD} GROUP BY 1",
    "by_agency": f"SELECT agency_id, {STANDING}, {QUANTILES} FROM incidents_report WHERE {PERIOD} GROUP BY 1",
    "flow": "SELECT date_trunc('month', coalesce(answered_at, closed_at) AT TIME ZONE 'Asia/Makassar'), count(*)"
    " FROM incidents_report WHERE NOT confidential GROUP BY 1",
    "changes": "SELECT kecamatan_id, category_id, date_trunc('day', created_at), count(*) FROM incidents_report"
    " WHERE NOT confidential AND created_at >= %(weeks)s GROUP BY 1, 2, 3",
    "heat": "SELECT floor(ST_X(geom_3857) / 9783.94), floor(ST_Y(geom_3857) / 9783.94), count(*) FROM incidents_report"
    f" WHERE {PERIOD} GROUP BY 1, 2",
}


def measure(run: Any) -> None:
    """Measure the functions, the API and the cost of counting, one after the other."""
    _measure_functions(run)
    _measure_api(run)
    _measure_cost(run)


def _measure_functions(run: Any) -> None:
    """Time each function and its direct counterpart in turn, in this process."""
    from django.db import connection
    from django.http import QueryDict

    from dashboards import numbers
    from dashboards.questions import PUBLIC, QuestionForm
    from geo.models import Kecamatan

    kecamatan = Kecamatan.objects.get(code="64.08.04")
    form = QuestionForm(QueryDict())
    form.is_valid()
    year = form.question(audience=PUBLIC)
    within = QuestionForm(QueryDict(f"kecamatan={kecamatan.code}"))
    within.is_valid()
    inside = within.question(audience=PUBLIC)
    functions: dict[str, Callable[[], Any]] = {
        "totals": lambda: numbers.totals(year),
        "by_kecamatan": lambda: numbers.by_kecamatan(year),
        "by_desa": lambda: numbers.by_desa(inside),
        "trend": lambda: numbers.trend(year, numbers.WEEK),
        "top_categories": lambda: numbers.top_categories(year),
        "by_agency": lambda: numbers.by_agency(year),
        "flow": lambda: numbers.flow(year),
        "changes": lambda: numbers.changes(year),
        "broken_promises": lambda: numbers.broken_promises(year),
        "heat": lambda: numbers.heat(year, 14),
    }
    params = {
        "since": year.since, "until": year.until + dt.timedelta(days=1), "today": year.today,
        "before": year.since - dt.timedelta(days=364), "weeks": year.today - dt.timedelta(days=63),
        "kecamatan": kecamatan.pk,
    }  # fmt: skip
    for name, function in functions.items():
        took = _timed(function, REPEATS)
        value = f"median {median(took):.1f} ms, p95 {_p95(took):.1f} ms"
        if name in DIRECT:
            with connection.cursor() as cursor:
                direct = _timed(lambda name=name: cursor.execute(DIRECT[name], params), 3, warm_ups=1)
            value += f"; direct GROUP BY {median(direct):.1f} ms"
        run.say(f"dashboards, {name}", value, f"p95 at most {P95_MS:.0f} ms", _p95(took) <= P95_MS)


def _measure_api(run: Any) -> None:
    """Load each section of the API, with and without conditions."""
    sections = ("totals", "kecamatan", "trend", "categories", "agencies", "flow", "changes", "promises", "heat")
    conditions = ("", "?category=jalan-rusak", "?kecamatan=64.08.04", "?since=2026-02-10&until=2026-05-20")
    for section in (*sections, "desa"):
        some = conditions if section != "desa" else ("?kecamatan=64.08.04", "?kecamatan=64.08.12&category=jalan-rusak")
        requests = [("GET", f"/api/v1/stats/{section}/{condition}", None) for condition in some]
        run.load(requests, clients=CLIENTS, seconds=1)
        found = run.interleaved({"api": lambda requests=requests: run.load(requests, clients=CLIENTS)})["api"]
        run.say(
            f"/api/v1/stats/{section}/, {CLIENTS} clients", f"{found['rate']:,.0f}/s, p95 {found['p95_ms']:.1f} ms",
            f"p95 at most {P95_MS:.0f} ms", found["p95_ms"] <= P95_MS,
        )  # fmt: skip


def _measure_cost(run: Any) -> None:
    """Insert reports by pgbench with the counting triggers and without them, then with the worker's folding, too."""
    from bench import raw, samples
    from incidents import move_counts, rollups
    from incidents.models import Report

    requests = samples.new_reports(40, 20_261)
    run.load(requests, clients=2, once=True, expect=(201,))
    tickets = Report.objects.filter(channel="api").order_by("-pk").values_list("ticket", flat=True)[:40]
    scripts = [raw.intake_script(run.database, [], ticket) for ticket in tickets]
    link = database.connect(run.database)
    triggers = _triggers(link)

    def insert() -> dict[str, Any]:
        return {"rate": raw.pgbench(run.database, scripts, clients=WRITERS, seconds=run.options.seconds)}

    def without() -> dict[str, Any]:
        _switch(link, triggers, "DISABLE")
        try:
            return insert()
        finally:
            _switch(link, triggers, "ENABLE")

    def with_folding() -> dict[str, Any]:
        with _folding():
            return insert()

    insert()
    found = run.interleaved({"off": without, "on": insert, "folded": with_folding})
    rollups.rebuild()  # reports came while the triggers were off
    move_counts.rebuild()
    link.close()
    off, on, folded = (found[name]["rate"] for name in ("off", "on", "folded"))
    run.say(f"reports inserted by pgbench, {WRITERS} clients, counts off", f"{off:,.0f}/s")
    for name, rate in (("counts on", on), ("counts on, the worker folding", folded)):
        run.say(
            f"reports inserted by pgbench, {WRITERS} clients, {name}",
            f"{rate:,.0f}/s, {100 * (1 - rate / off):.0f} % less", "at most 15 % less",
            rate >= 0.85 * off,
        )  # fmt: skip


def _triggers(link: Any) -> list[tuple[str, str]]:
    """Return (table, name) of the triggers that count reports and their steps."""
    with link.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
            " WHERE tgrelid IN ('incidents_report'::regclass, 'incidents_reportevent'::regclass)"
            " AND tgname LIKE 'pgtrigger_count_%'"
        )
        found = cursor.fetchall()
    if len(found) != 7:
        raise SystemExit(f"five counting triggers were expected on reports and two on events, not {found}")
    return found


def _switch(link: Any, triggers: list[tuple[str, str]], how: str) -> None:
    with link.cursor() as cursor:
        for table, name in triggers:
            cursor.execute(f'ALTER TABLE {table} {how} TRIGGER "{name}"')


@contextmanager
def _folding() -> Iterator[None]:
    """Fold as the worker does: again at once while there is work, else after a second."""
    from django.db import connection

    from incidents import move_counts, rollups

    done = threading.Event()

    def fold() -> None:
        while not done.is_set():
            if not rollups.fold() + move_counts.fold():
                done.wait(1)
        connection.close()

    folder = threading.Thread(target=fold)
    folder.start()
    try:
        yield
    finally:
        done.set()
        folder.join()


def _timed(function: Callable[[], Any], repeats: int, *, warm_ups: int = WARM_UPS) -> list[float]:
    """Return how many milliseconds each call took."""
    took = []
    for number in range(warm_ups + repeats):
        began = time.perf_counter()
        function()
        if number >= warm_ups:
            took.append(1_000 * (time.perf_counter() - began))
    return took


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]
