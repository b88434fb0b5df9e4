"""Measure the parts in one run, each beside plain SQL or a peer, and print the table. Called by bench/run."""

import argparse
import datetime as dt
import os
import platform
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from bench import dashboards, database, processes
from bench.figures import HERE, SEED, WARM_UP_S, Measure, Run, percent, times_as_fast
from bench.layers import measure_catalogue, measure_import, measure_layers

PARTS = ("locate", "tiles", "dashboards", "stats", "counting", "intake", "memory", "layers", "import", "catalogue")
ZOOMS = (6, 8, 10, 12, 14)
WRITES_PER_S = 50


def measure_locate(run: Run) -> None:
    """The look-up against an empty view of the same site; its statements in pgbench, for information."""
    from bench import raw, samples
    from incidents.routing import whereabouts

    points = samples.points_inside(2_000, SEED)
    codes = samples.category_codes()
    asked = [(lon, lat, codes[i % len(codes)]) for i, (lon, lat) in enumerate(points)]
    look_ups = [("GET", f"/api/v1/locate/?lat={lat}&lon={lon}&category={code}", None) for lon, lat, code in asked]
    empty = [("GET", "/healthz/", None)]
    scripts = []
    for lon, lat, code in asked[: raw.SCRIPTS_MAX]:
        whereabouts(lon, lat, code)  # once before, so that what a process remembers is not counted as a statement
        with raw.captured() as statements:
            whereabouts(lon, lat, code)
        scripts.append(raw.script_of(statements))
    run.load(look_ups, clients=4, seconds=WARM_UP_S)
    run.load(empty, clients=4, seconds=WARM_UP_S)
    found = run.interleaved(
        {
            "empty": lambda: run.load(empty, clients=4),
            "locate": lambda: run.load(look_ups, clients=4),
            "raw": lambda: {"rate": raw.pgbench(run.database, scripts, clients=4, seconds=run.options.seconds)},
        }
    )
    rate, empty_rate, p95 = found["locate"]["rate"], found["empty"]["rate"], found["locate"]["p95_ms"]
    run.say("empty view (`/healthz/`), 4 clients", f"{empty_rate:,.0f}/s")
    run.say("look-up, 4 clients", f"{rate:,.0f}/s")
    run.say("its statements alone (pgbench), 4 clients", f"{found['raw']['rate']:,.0f}/s")
    run.say("look-up against the empty view", percent(rate / empty_rate), "at least 50 %", rate / empty_rate >= 0.5)
    run.say("look-up, p95", f"{p95:.1f} ms", "at most 25 ms", p95 <= 25)


def measure_intake(run: Run) -> None:
    """Reports stored by the API against the same rows inserted by pgbench; then nothing may be lost or miscounted."""
    from bench import raw, samples
    from incidents import rollups
    from incidents.models import Report
    from incidents.routing import whereabouts

    requests = samples.new_reports(2_000, SEED)
    before = Report.objects.count()
    stored = 0

    def post(clients: int, seconds: float | None = None) -> dict[str, Any]:
        nonlocal stored
        found = run.load(requests, clients=clients, seconds=seconds, expect=(201,))
        stored += found["statuses"]["201"]
        return found

    post(4, WARM_UP_S)
    tickets = list(Report.objects.filter(channel="api").order_by("pk").values_list("ticket", flat=True)[:100])
    scripts = []
    for ticket in tickets:
        report = Report.objects.select_related("category").get(ticket=ticket)
        lon, lat, code = report.geom.x, report.geom.y, report.category.code
        whereabouts(lon, lat, code)
        with raw.captured() as look_ups:
            whereabouts(lon, lat, code)
        scripts.append(raw.intake_script(run.database, look_ups, ticket))
    by_raw = 0

    def insert(clients: int) -> dict[str, Any]:
        nonlocal by_raw
        so_far = Report.objects.count()
        rate = raw.pgbench(run.database, scripts, clients=clients, seconds=run.options.seconds)
        by_raw += Report.objects.count() - so_far
        return {"rate": rate}

    for clients in (1, 8):
        found = run.interleaved(
            {"site": lambda clients=clients: post(clients), "raw": lambda clients=clients: insert(clients)}
        )
        rate, raw_rate, p95 = found["site"]["rate"], found["raw"]["rate"], found["site"]["p95_ms"]
        name = "1 client" if clients == 1 else f"{clients} clients"
        run.say(f"intake, {name}", f"{rate:,.0f}/s, p95 {p95:.1f} ms")
        run.say(f"the same rows by pgbench, {name}", f"{raw_rate:,.0f}/s")
        ratio = rate / raw_rate
        run.say(f"intake against pgbench, {name}", percent(ratio), "at least 15 %, better 30 %", ratio >= 0.15)
    grown = Report.objects.count() - before - by_raw
    run.say("reports stored, of those acknowledged", f"{grown:,} of {stored:,}", "all", grown == stored)
    public = Report.objects.public().count()
    counted = rollups.total()
    rollups.fold_all()
    run.say(
        "the map's counts before and after folding, of public reports",
        f"{counted:,} and {rollups.total():,} of {public:,}", "equal", counted == public == rollups.total(),
    )  # fmt: skip


PLAIN_POINTS = """
    SELECT ST_AsMVT(point, 'points', 4096, 'geom') FROM (
        SELECT ST_AsMVTGeom(r.geom_3857, ST_TileEnvelope({z}, {x}, {y}), 4096, 64, true) AS geom,
               r.ticket AS t, r.status AS s, c.code AS c
        FROM incidents_report r JOIN incidents_category c ON c.id = r.category_id
        WHERE r.geom_3857 && ST_TileEnvelope({z}, {x}, {y}, margin => 64.0 / 4096) AND NOT r.confidential
    ) AS point
"""
PLAIN_CELLS = """
    SELECT ST_AsMVT(cell, 'cells', 4096, 'geom') FROM (
        SELECT ST_AsMVTGeom(
                   ST_SetSRID(ST_MakePoint((c.x + 0.5) * {edge} - 20037508.342789244,
                                           20037508.342789244 - (c.y + 0.5) * {edge}), 3857),
                   ST_TileEnvelope({z}, {x}, {y}), 4096, 64, true) AS geom, c.n
        FROM incidents_reportcell c
        WHERE c.level = {z} + {step} AND c.category = 0 AND c.status = ''
          AND c.x BETWEEN {x} << {step} AND ({x} << {step}) + (1 << {step}) - 1
          AND c.y BETWEEN {y} << {step} AND ({y} << {step}) + (1 << {step}) - 1
    ) AS cell
"""
PEER_TABLE = """
    CREATE SCHEMA peer;
    CREATE TABLE peer.points (id bigint PRIMARY KEY, t text, s text, c text, geom geometry(Point, 3857));
    INSERT INTO peer.points SELECT r.id, r.ticket, r.status, c.code, r.geom_3857 FROM incidents_report r
        JOIN incidents_category c ON c.id = r.category_id WHERE NOT r.confidential ORDER BY r.id;
    CREATE INDEX ON peer.points USING gist (geom);
"""


def measure_tiles(run: Run) -> None:
    """Tiles of all reports against plain SQL, their own SQL, and tipg; then the size of each tile."""
    from bench import raw, samples
    from geo.tiles import WORLD_M, Tile
    from incidents.tiles import CELL_STEP, POINTS_FROM, POINTS_MAX, report_tile

    peer = database.connect(run.database)
    with peer.cursor() as cursor:
        cursor.execute(PEER_TABLE)
        cursor.execute("VACUUM ANALYZE peer.points")
    peer.close()
    tiles = samples.tiles_with_reports()
    with processes.constant() as constant_port, processes.tipg(run.url, "peer") as peer_port:
        for zoom in ZOOMS:
            drawn = samples.draw_tiles(tiles[zoom], raw.SCRIPTS_MAX, SEED + zoom)
            ours = [("GET", f"/tiles/reports/{zoom}/{x}/{y}.mvt", None) for x, y in drawn]
            theirs = [("GET", f"/collections/peer.points/tiles/WebMercatorQuad/{zoom}/{x}/{y}", None) for x, y in drawn]
            own, plain = [], []
            for x, y in drawn:
                with raw.captured() as statements:
                    report_tile(Tile(zoom, x, y))
                own.append(raw.script_of(statements))
                edge = WORLD_M / (1 << (zoom + CELL_STEP))
                plain.append(raw.script_of([PLAIN_CELLS.format(z=zoom, x=x, y=y, step=CELL_STEP, edge=edge)]))
            measures: dict[str, Measure] = {
                "site": lambda ours=ours: run.load(ours, clients=4, expect=(200, 204)),
                "own": lambda own=own: {"rate": raw.pgbench(run.database, own, clients=4, seconds=run.options.seconds)},
                "busy": lambda ours=ours: _while_others_write(run, ours),
                "tipg": lambda theirs=theirs: run.load(theirs, clients=4, port=peer_port, expect=(200, 204)),
            }
            if zoom <= 10:
                measures["constant"] = lambda: run.load([("GET", "/", None)], clients=4, port=constant_port)
                measures["plain"] = lambda plain=plain: {
                    "rate": raw.pgbench(run.database, plain, clients=4, seconds=run.options.seconds)
                }
            run.load(ours, clients=4, seconds=WARM_UP_S, expect=(200, 204))
            found = run.interleaved(measures)
            _judge_tiles(run, zoom, found)
    _measure_points(run, Counter({place: n for place, n in tiles[POINTS_FROM].items() if n <= POINTS_MAX}), POINTS_FROM)
    _measure_sizes(run, tiles)


def _measure_points(run: Run, tiles: Counter[tuple[int, int]], zoom: int) -> None:
    """Measure tiles that are drawn as points, all of them, on both sides."""
    from bench import raw, samples

    drawn = samples.draw_tiles(tiles, raw.SCRIPTS_MAX, SEED)
    ours = [("GET", f"/tiles/reports/{zoom}/{x}/{y}.mvt", None) for x, y in drawn]
    plain = [raw.script_of([PLAIN_POINTS.format(z=zoom, x=x, y=y)]) for x, y in drawn]
    run.load(ours, clients=4, seconds=WARM_UP_S)
    found = run.interleaved(
        {
            "site": lambda: run.load(ours, clients=4),
            "busy": lambda: _while_others_write(run, ours),
            "plain": lambda: {"rate": raw.pgbench(run.database, plain, clients=4, seconds=run.options.seconds)},
        }
    )
    rate, busy, raw_rate = found["site"]["rate"], found["busy"]["rate"], found["plain"]["rate"]
    run.say(
        f"tiles z{zoom} of points alone, 4 clients; with {WRITES_PER_S} writes a second",
        f"{rate:,.0f}/s; {busy:,.0f}/s",
    )
    run.say(
        f"tiles z{zoom} of points alone against plain ST_AsMVT ({raw_rate:,.0f}/s)", percent(rate / raw_rate),
        "at least 90 %", rate / raw_rate >= 0.9,
    )  # fmt: skip


def _while_others_write(run: Run, requests: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Measure tiles while `WRITES_PER_S` other transactions end each second: the site keeps tiles between writes."""
    done = threading.Event()

    def write() -> None:
        link = database.connect(run.database)
        with link.cursor() as cursor:
            while not done.wait(1 / WRITES_PER_S):
                cursor.execute("SELECT pg_current_xact_id()")
        link.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        return run.load(requests, clients=4, expect=(200, 204))
    finally:
        done.set()
        writer.join()


def _judge_tiles(run: Run, zoom: int, found: dict[str, dict[str, float]]) -> None:
    rate, own, p95, peer = found["site"]["rate"], found["own"]["rate"], found["site"]["p95_ms"], found["tipg"]["rate"]
    run.say(f"tiles z{zoom}, 4 clients", f"{rate:,.0f}/s")
    busy = found["busy"]
    run.say(
        f"tiles z{zoom}, 4 clients, {WRITES_PER_S} writes a second",
        f"{busy['rate']:,.0f}/s, p95 {busy['p95_ms']:.1f} ms",
    )
    run.say(f"tiles z{zoom}, p95", f"{p95:.1f} ms", "at most 80 ms", p95 <= 80)
    run.say(f"tiles z{zoom} against their own SQL ({own:,.0f}/s)", percent(rate / own))
    if "plain" in found:
        plain = found["plain"]["rate"]
        run.say(
            f"tiles z{zoom} against plain ST_AsMVT of the same cells ({plain:,.0f}/s)", percent(rate / plain),
            "at least 80 %", rate / plain >= 0.8,
        )  # fmt: skip
        constant = found["constant"]["rate"]
        run.say(f"... and a constant from gunicorn ({constant:,.0f}/s)", percent(constant / plain))
    times = {6: 100, 8: 100, 10: 25, 14: 2}.get(zoom)
    run.say(
        f"tiles z{zoom} against tipg ({peer:,.3g}/s)", times_as_fast(rate / peer),
        f"at least {times} x" if times else "", rate / peer >= times if times else None,
    )  # fmt: skip


def _measure_sizes(run: Run, tiles: dict[int, Any]) -> None:
    every = [
        ("GET", f"/tiles/reports/{zoom}/{x}/{y}.mvt", None) for zoom in sorted(tiles) for x, y in sorted(tiles[zoom])
    ]
    found = run.load(every, clients=4, once=True, expect=(200, 204))
    place = found["largest_path"].removeprefix("/tiles/reports/").removesuffix(".mvt")
    run.say(
        f"largest of all {len(every):,} tiles with reports, z{min(tiles)} to z{max(tiles)}, gzipped",
        f"{found['largest'] / 1000:.1f} KB ({place})", "at most 60 KB", found["largest"] <= 60_000,
    )  # fmt: skip


def measure_memory(run: Run) -> None:
    """The whole default run, idle after its first pages; then one web process after 10,000 requests of all kinds."""
    from bench import samples

    pages = ["/", "/laporan/", "/lapor/", "/lacak/", "/api/v1/categories/", "/api/v1/reports/"]
    with ExitStack() as stack:
        port, web = stack.enter_context(processes.site(run.url))
        worker = stack.enter_context(processes.worker(run.url))
        run.load([("GET", page, None) for page in pages] * 4, clients=4, port=port, once=True, expect=(200, 302))
        time.sleep(5)
        parts = {"web": web, "worker": worker, "PostGIS": processes.postmaster()}
        shares = {name: processes.memory_mb(processes.family(pid))[0] for name, pid in parts.items()}
        total = sum(shares.values())
        run.say(
            f"memory of the default run, idle ({', '.join(f'{name} {mb:.0f}' for name, mb in shares.items())})",
            f"{total:.0f} MB", "below 800 MB", total < 800,
        )  # fmt: skip
        mixed = []
        chosen = [
            f"/tiles/reports/{zoom}/{x}/{y}.mvt"
            for zoom, tiles in samples.tiles_with_reports().items()
            for x, y in samples.draw_tiles(tiles, 400, SEED)
        ]
        points = [f"/api/v1/locate/?lat={lat}&lon={lon}" for lon, lat in samples.points_inside(3_000, SEED)]
        mixed = [*chosen, *points, *pages * ((10_000 - len(chosen) - len(points)) // len(pages) + 1)][:10_000]
        run.load([("GET", path, None) for path in mixed], clients=4, port=port, once=True, expect=(200, 204, 302))
        largest = processes.memory_mb(processes.family(web)[1:])[1]
        run.say("largest web process after 10,000 requests", f"{largest:.0f} MB", "below 300 MB", largest < 300)


def table(run: Run) -> str:
    """Return the Markdown table with the date and the machine."""
    lines = [
        f"Measured on {dt.date.today().isoformat()} with {run.options.reports:,} reports; {run.options.rounds} rounds"
        f" of {run.options.seconds:g} s, medians. {_machine(run.database)}",
        "",
        "| figure | measured | target | met |",
        "|---|---|---|---|",
    ]
    words = {True: "yes", False: "**no**", None: ""}
    lines += [f"| {row.figure} | {row.value} | {row.target} | {words[row.met]} |" for row in run.rows]
    return "\n".join(lines) + "\n"


def _put_into_readme(text: str) -> None:
    """Replace the README's last table: all that follows its heading."""
    readme = HERE / "README.md"
    before, heading, _old = readme.read_text().partition("\n## The last table\n")
    if not heading:
        raise SystemExit("bench/README.md has no heading “The last table” any more; the table is in bench/results.md")
    readme.write_text(f"{before}{heading}\n{text}")


def _machine(name: str) -> str:
    import django

    link = database.connect(name)
    with link.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), postgis_lib_version()")
        postgres, postgis = cursor.fetchone()
        names = ("fsync", "full_page_writes", "synchronous_commit", "shared_buffers")
        cursor.execute("SELECT current_setting(unnest(%s))", [list(names)])
        values = [row[0] for row in cursor.fetchall()]
    link.close()
    tipg = subprocess.run(
        [f"{os.environ['PEERS']}/bin/python", "-c", "import tipg; print(tipg.__version__)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()},"
        f" Django {django.__version__}, PostgreSQL {postgres.split()[0]}, PostGIS {postgis}, tipg {tipg};"
        f" {', '.join(f'{key} {value}' for key, value in zip(names, values, strict=True))}."
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts to measure, of: {','.join(PARTS)}")
    parser.add_argument("--reports", type=int, default=1_000_000, help="synthetic reports in the database")
    parser.add_argument("--parcels", type=int, default=200_000, help="synthetic parcels; half as many roads")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement; medians are shown")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement in a round")
    parser.add_argument("--cold", type=int, default=3, help="first calls of each panel of the dashboards; 0: none")
    parser.add_argument("--direct", type=float, default=60.0, help="seconds after which a direct GROUP BY is given up")
    options = parser.parse_args()
    options.parts = options.only.split(",")
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    return options


def main() -> None:
    options = arguments()
    with database.copy_for_this_run(options.reports) as name:
        os.environ["DATABASE_URL"] = database.url_of(name)
        import django

        django.setup()
        run = Run(options, name)
        parts: dict[str, Callable[[Run], None]] = {
            "locate": measure_locate, "tiles": measure_tiles, "dashboards": dashboards.measure_panels,
            "stats": dashboards.measure_api, "counting": dashboards.measure_counting, "intake": measure_intake,
            "memory": measure_memory, "layers": measure_layers, "import": measure_import,
            "catalogue": measure_catalogue,
        }  # fmt: skip
        for part in PARTS:  # intake comes after the tiles: it adds reports that are not folded yet
            if part not in options.parts:
                continue
            print(f"measuring {part} ...", file=sys.stderr, flush=True)
            with ExitStack() as stack:
                if part != "memory":
                    run.port, _pid = stack.enter_context(processes.site(run.url))
                parts[part](run)
        text = table(run)
    (HERE / "results.md").write_text(text)
    if set(options.parts) == set(PARTS):
        _put_into_readme(text)
    print(text)


if __name__ == "__main__":
    main()
