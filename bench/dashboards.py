"""The dashboards: every panel, tile and page, warm and cold, beside the direct GROUP BY; what counting costs intake.

Figures are kept by the number of reports (STATE_DIR/bench/dashboards-<reports>.json). Where a run with fewer reports
left its own, the two are compared: cost may grow with the cells that are shown, not with the reports.
"""

import io
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

from bench import database, processes
from bench.load import forked, told_by

if TYPE_CHECKING:
    from bench.panels import Page, Panel

REPEATS = 30
WARM_UPS = 3
CLIENTS = 4
WRITERS = 8
P95_MS = 100.0
COLD_MS = 300.0
GROWTH = 1.3
"""How much longer a panel may take with ten times as many reports."""
LONG_MS = 1_000.0
"""A direct statement that takes longer is sent once."""
ZOOMS = (6, 8, 10, 12, 14)


@dataclass(frozen=True)
class Taken:
    """Milliseconds that a panel or page took; `cold` is the slowest first call, None if it was not measured."""

    median: float
    p95: float
    cold: float | None
    direct: float | None = None


def measure_panels(run: Any) -> None:
    """Measure the panels, the tiles, and the pages with what their maps ask for."""
    from django.db import connections

    import config.wsgi  # noqa: F401 - what a web process has imported before its first request
    from bench import samples
    from bench.panels import pages, panels
    from dashboards.concentration import facilities
    from dashboards.study_area import GRIDS, study_area

    people = _people()
    tiles = samples.tiles_with_reports()
    busiest = {zoom: tiles[zoom].most_common(1)[0][0] for zoom in ZOOMS}
    cookies = {who: _signed_in(user) for who, user in people.items()} | {"": ""}
    every = list(panels(people, busiest))
    asked = [(page, cookies[page.who]) for page in pages(facilities()[0].slug)]
    connections.close_all()
    took = _in_a_child(lambda: [study_area(name) for name in GRIDS])
    run.say("dashboards, the six study areas of new boundaries, made once", f"{took:,.0f} ms")
    # Cold first: until here this process has answered nothing, as a web process that has just begun.
    cold = {panel.name: _cold(run, panel.name, panel.answer) for panel in every}
    cold |= {
        _title(page): _cold(run, page.path, lambda page=page, cookie=cookie: _ask(page.path, cookie))
        for page, cookie in asked
    }
    processes.wait_for(run.port, "/readyz/", os.getpid())
    found = {panel.name: _measured(run, panel, cold[panel.name]) for panel in every}
    found |= {_title(page): _measured_page(run, page, cookie, cold[_title(page)]) for page, cookie in asked}
    whole = {_title(page) for page, _cookie in asked if not page.is_data}
    for name, taken in found.items():
        _say(run, name, taken, judged=name not in whole)
    _compare(run, found)


def _people() -> dict[str, Any]:
    """Make people of the roles that see dashboards, and layers, in this run's copy; nobody has them signed in."""
    from accounts.models import User
    from incidents.demo import make_people
    from layers.demo import load_demo_layers

    make_people()
    list(load_demo_layers(data=None))
    return {
        "leader": User.objects.get(username="pimpinan"),
        "officer": User.objects.get(username="petugas-pu"),
    }


def _signed_in(user: Any) -> str:
    """Return the cookie of a session of `user`, made in this run's copy."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _title(page: "Page") -> str:
    return f"`{page.path}`" + (f", {page.who}" if page.who else "")


def _cold(run: Any, name: str, answer: Callable[[], Any]) -> float | None:
    """Return the slowest of some first calls, in milliseconds: empty shared buffers, a new process and connection."""
    from django.db import connections

    took = []
    for _ in range(run.options.cold):
        connections.close_all()
        processes.restart_cluster()
        took.append(_in_a_child(answer))
    if took:
        print(f"         {name}, cold: {', '.join(f'{one:.0f}' for one in took)} ms", file=sys.stderr, flush=True)
    return max(took, default=None)


def _in_a_child(answer: Callable[[], Any]) -> float:
    """Call `answer` once in a child of this process; return the milliseconds that it took, connecting included."""
    (took,) = told_by(forked(lambda: _timed(answer, 1, warm_ups=0)))
    return float(took)


def _ask(path: str, cookie: str) -> None:
    """Ask the site for a page as its server does, in this process."""
    from config.wsgi import application

    address, _mark, query = path.partition("?")
    environ: dict[str, Any] = {
        "PATH_INFO": address, "QUERY_STRING": query, "HTTP_HOST": "127.0.0.1", "HTTP_COOKIE": cookie,
        "REMOTE_ADDR": "127.0.0.1", "wsgi.input": io.BytesIO(),
    }  # fmt: skip
    setup_testing_defaults(environ)
    said: list[str] = []

    def start_response(status: str, *_headers: Any) -> Callable[[bytes], Any]:
        said.append(status)
        return io.BytesIO().write

    body: Iterable[bytes] = application(environ, start_response)
    b"".join(body)
    if not said or not said[0].startswith("200"):
        raise SystemExit(f"{path}: {said}")


def _measured(run: Any, panel: "Panel", cold: float | None) -> Taken:
    """Return what a panel takes in this process, once it is warm, and what its direct counterpart takes."""
    took = _timed(panel.answer, REPEATS)
    return Taken(median(took), _p95(took), cold, _directly(panel, run.options.direct) if panel.direct else None)


def _directly(panel: "Panel", most_s: float) -> float:
    """Return the milliseconds that the direct statement takes, `math.inf` for one that is given up."""
    from django.db import OperationalError, connection, transaction
    from psycopg2.errors import QueryCanceled

    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(round(1_000 * most_s))])
            (once,) = _timed(lambda: cursor.execute(*panel.direct), 1, warm_ups=0)
            if once >= LONG_MS:
                return once
            return median(_timed(lambda: cursor.execute(*panel.direct), 3, warm_ups=0))
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return math.inf


def _measured_page(run: Any, page: "Page", cookie: str, cold: float | None) -> Taken:
    requests = [("GET", page.path, None)] * REPEATS
    run.load(requests[:12], clients=CLIENTS, once=True, cookie=cookie)  # both processes, most of their threads
    found = run.load(requests, clients=1, once=True, cookie=cookie)
    return Taken(found["p50_ms"], found["p95_ms"], cold)


def _say(run: Any, name: str, taken: Taken, *, judged: bool) -> None:
    value = f"median {taken.median:.1f} ms, p95 {taken.p95:.1f} ms"
    if taken.cold is not None:
        value += f", cold {taken.cold:.0f} ms"
    if taken.direct == math.inf:
        value += f"; direct GROUP BY more than {run.options.direct:g} s"
    elif taken.direct is not None:
        value += f"; direct GROUP BY {taken.direct:,.1f} ms"
    run.say(
        f"dashboards, {name}", value, f"p95 at most {P95_MS:.0f} ms, cold {COLD_MS:.0f} ms" if judged else "",
        taken.p95 <= P95_MS and (taken.cold or 0) <= COLD_MS if judged else None,
    )  # fmt: skip


def _compare(run: Any, found: dict[str, Taken]) -> None:
    """Keep these figures, and say how they have grown from those of the largest run with fewer reports."""
    folder, reports = Path(os.environ["STATE_DIR"]), run.options.reports
    (folder / f"dashboards-{reports}.json").write_text(
        json.dumps({name: asdict(taken) for name, taken in found.items()}, indent=1)
    )
    sizes = [int(file.stem.partition("-")[2]) for file in folder.glob("dashboards-*.json")]
    fewer = max((size for size in sizes if size < reports), default=None)
    if fewer is None:
        print(f"         nothing to compare with: no run with fewer than {reports:,} reports", file=sys.stderr)
        return
    before = json.loads((folder / f"dashboards-{fewer}.json").read_text())
    growth = {name: taken.median / before[name]["median"] for name, taken in found.items() if name in before}
    for name, times in growth.items():
        run.say(
            f"{name}, with {reports:,} reports against {fewer:,}",
            f"{times:.2f} x ({found[name].median:.1f} against {before[name]['median']:.1f} ms)",
            f"at most {GROWTH} x" if reports == 10 * fewer else "",
            times <= GROWTH if reports == 10 * fewer else None,
        )  # fmt: skip


def measure_api(run: Any) -> None:
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


DRAWN = ("geom", "hexagon", "kecamatan_id", "desa_id", "category_id", "agency_id", "confidential", "channel")
"""What new reports take from others, at random, so that their counts fall into as many rows as those of real ones."""
CYCLES = 2
"""How many times at least the worker folds while it is measured."""


def measure_counting(run: Any) -> None:
    """Insert reports without counting, with its triggers, and with the worker folding, too: by pgbench, by the API."""
    from bench import raw, samples
    from incidents import move_counts, rollups
    from incidents.models import Report

    run.load(samples.new_reports(40, 20_261), clients=2, once=True, expect=(201,))
    tickets = Report.objects.filter(channel="api").order_by("-pk").values_list("ticket", flat=True)[:40]
    scripts = [raw.intake_script(run.database, [], ticket, DRAWN) for ticket in tickets]
    requests = samples.new_reports(2_000, 20_262)
    link = database.connect(run.database)
    triggers = _triggers(link)

    def insert(seconds: float) -> dict[str, Any]:
        return {"rate": raw.pgbench(run.database, scripts, clients=WRITERS, seconds=seconds)}

    def post(seconds: float) -> dict[str, Any]:
        return run.load(requests, clients=WRITERS, seconds=seconds, expect=(201,))

    for how, measure in (("by pgbench", insert), ("by the API", post)):
        found = run.interleaved(
            {
                "off": lambda measure=measure: _uncounted(link, triggers, measure, run.options.seconds),
                "on": lambda measure=measure: measure(run.options.seconds),
                "folded": lambda measure=measure: _folding(measure, run.options.seconds),
            }
        )
        off, on, folded = (found[name]["rate"] for name in ("off", "on", "folded"))
        run.say(f"reports inserted {how}, {WRITERS} clients, counts off", f"{off:,.0f}/s")
        for name, rate in (("counts on", on), ("counts on, the worker folding", folded)):
            run.say(
                f"reports inserted {how}, {WRITERS} clients, {name}",
                f"{rate:,.0f}/s, {100 * (1 - rate / off):.0f} % less", "at most 15 % less",
                rate >= 0.85 * off,
            )  # fmt: skip
    rollups.rebuild()  # reports came while the triggers were off
    move_counts.rebuild()
    link.close()


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


def _uncounted(link: Any, triggers: list[tuple[str, str]], measure: Callable[[float], Any], seconds: float) -> Any:
    _switch(link, triggers, "DISABLE")
    try:
        return measure(seconds)
    finally:
        _switch(link, triggers, "ENABLE")


def _folding(measure: Callable[[float], Any], seconds: float) -> Any:
    """Measure for as many whole pauses of the worker as `seconds` take, two at least, while it folds after each."""
    from django.conf import settings
    from django.db import connection

    from incidents import folding

    pause_s = settings.WORKER_JOBS["incidents.folding.fold_waiting"]
    done = threading.Event()

    def fold() -> None:
        while not done.wait(pause_s):
            while folding.fold_waiting():
                pass
        connection.close()

    while folding.fold_waiting():  # what the others have left
        pass
    folder = threading.Thread(target=fold)
    folder.start()
    try:
        return measure(pause_s * max(CYCLES, math.ceil(seconds / pause_s)) + 2)
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
