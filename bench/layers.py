"""Agencies' layers: items and tiles beside plain SQL, tipg and pygeoapi; import beside ogr2ogr; the catalogue."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from bench import database, processes
from bench.figures import WARM_UP_S, Measure, Run, percent, times_as_fast

BOX_DEG = 0.05
"""The edge of a box: about 5.5 km, which holds more than a page of parcels where they are dense."""
LIMIT = 1_000
POLYGONS, LINES = "sintetis-bidang", "sintetis-jalan"
CATALOGUE_LAYERS, CATALOGUE_FEATURES = 1_000, 2_000
QUESTIONS = (
    "sekolah", "puskesmas di bengalon", "jalan rusak dekat sangatta", "data dinas apa yang punya sumur", "posyandu",
    "bidang tanah", "jalna", "sawah muara wahau", "contoh 120", "data 77",
)  # fmt: skip

# What both peers serve: the same rows with an attribute in each column, as such a table is laid out for them.
PEER_TABLES = {
    POLYGONS: "nomor int, desa text, kecamatan text, kode text, penggunaan text, luas_m2 float8",
    LINES: "nomor int, desa text, kecamatan text, nama text, permukaan text, kondisi text, panjang_m float8",
}
PEER_TABLE = """
    CREATE TABLE peer.{name} AS
        SELECT f.fid AS id, r.*, {geom} AS geom FROM layers_feature f
        CROSS JOIN LATERAL jsonb_to_record(f.properties) AS r({columns}) WHERE f.version_id = {version};
    ALTER TABLE peer.{name} ADD PRIMARY KEY (id), ALTER COLUMN geom TYPE geometry({type}, {srid});
    CREATE INDEX ON peer.{name} USING gist (geom);
"""
PLAIN_ITEMS = """
    SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(json_build_object(
        'type', 'Feature', 'id', fid, 'geometry', ST_AsGeoJSON(geom)::json, 'properties', properties)), '[]'))
    FROM (
        SELECT fid, geom, properties FROM layers_feature
        WHERE version_id = {version} AND ST_Intersects(geom, ST_MakeEnvelope({west}, {south}, {east}, {north}, 4326))
        LIMIT {limit}
    ) AS f
"""
# Of the peers' table in metres: what such a statement has it easiest with.
PLAIN_TILE = """
    SELECT ST_AsMVT(tile, 'features', 4096, 'geom', 'id') FROM (
        SELECT {columns}, ST_AsMVTGeom(geom, ST_TileEnvelope({z}, {x}, {y}), 4096, 64, true) AS geom
        FROM peer.{name}_3857 WHERE geom && ST_TileEnvelope({z}, {x}, {y}, margin => 64.0 / 4096)
    ) AS tile WHERE geom IS NOT NULL
"""


def measure_layers(run: Run) -> None:
    """Measure items and tiles, on synthetic layers that are made in this run's copy of the database."""
    versions = _synthetic(run)
    with ExitStack() as stack:
        tipg = stack.enter_context(processes.tipg(run.url, "peer"))
        pygeoapi = stack.enter_context(processes.pygeoapi(run.url, "peer", list(PEER_NAMES.values())))
        _measure_items(run, versions, tipg, pygeoapi)
        for slug in (POLYGONS, LINES):
            _measure_tiles(run, slug, versions[slug], tipg)


@cache
def _synthetic(run: Run) -> dict[str, int]:
    """Make the layers and the peers' tables; return the version of each layer."""
    environment = os.environ | {"PGOPTIONS": database.QUICK}
    subprocess.run(
        [sys.executable, "manage.py", "make_layers", "--count", str(run.options.parcels), "--seed", "1"],
        check=True, cwd=database.ROOT, env=environment, stdout=sys.stderr,
    )  # fmt: skip
    from layers.ogc.kept import keep_due

    began = time.perf_counter()
    while keep_due():
        pass
    run.say("GeoJSON of these layers, kept by the worker after publication", f"{time.perf_counter() - began:.1f} s")
    return _peer_tables(run)


PEER_NAMES = {POLYGONS: "parcels", LINES: "roads"}


def _peer_tables(run: Run) -> dict[str, int]:
    """Make the peers' tables; return the version of each layer."""
    from layers.models import Layer

    versions = {slug: int(Layer.objects.get(slug=slug).current_id) for slug in PEER_NAMES}
    link = database.connect(run.database)
    with link.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS peer")
        for slug, name in PEER_NAMES.items():
            kind = "MultiPolygon" if slug == POLYGONS else "MultiLineString"
            for suffix, geom, srid in (("", "f.geom", 4326), ("_3857", "ST_Transform(f.geom, 3857)", 3857)):
                cursor.execute(
                    PEER_TABLE.format(
                        name=name + suffix, geom=geom, columns=PEER_TABLES[slug], version=versions[slug], type=kind,
                        srid=srid,
                    )
                )  # fmt: skip
        cursor.execute("VACUUM ANALYZE")
    link.close()
    return versions


def _centres(version: int, count: int) -> list[tuple[float, float]]:
    """Draw places (lon, lat) where features are, as likely as they are many."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_Centroid(geom) AS p FROM layers_feature WHERE version_id = %s"
            " ORDER BY fid) AS c ORDER BY random() LIMIT %s",
            [version, count],
        )
        return [(round(x, 4), round(y, 4)) for x, y in cursor.fetchall()]


def _measure_items(run: Run, versions: dict[str, int], tipg: int, pygeoapi: int) -> None:
    """`items?bbox=&limit=1000` of the polygons."""
    from bench import raw
    from layers.models import LayerVersion
    from layers.ogc.kept import FORM

    half = BOX_DEG / 2
    boxes = [(lon - half, lat - half, lon + half, lat + half) for lon, lat in _centres(versions[POLYGONS], 100)]
    texts = [",".join(f"{number:.4f}" for number in box) for box in boxes]
    name = PEER_NAMES[POLYGONS]
    ours = [("GET", f"/ogc/collections/{POLYGONS}/items?f=json&limit={LIMIT}&bbox={text}", None) for text in texts]
    tipgs = [("GET", f"/collections/peer.{name}/items?f=geojson&limit={LIMIT}&bbox={text}", None) for text in texts]
    pygeoapis = [("GET", f"/collections/{name}/items?f=json&limit={LIMIT}&bbox={text}", None) for text in texts]
    plain = [
        raw.script_of([PLAIN_ITEMS.format(version=versions[POLYGONS], west=w, south=s, east=e, north=n, limit=LIMIT)])
        for w, s, e, n in boxes
    ]

    def before_kept() -> dict[str, Any]:
        """Measure what the first seconds after publication are like, until the worker has kept the features."""
        version = LayerVersion.objects.filter(pk=versions[POLYGONS])
        version.update(kept_as="")
        try:
            return run.load(ours, clients=4)
        finally:
            version.update(kept_as=FORM)

    run.load(ours, clients=4, seconds=WARM_UP_S)
    found = run.interleaved(
        {
            "site": lambda: run.load(ours, clients=4),
            "before": before_kept,
            "plain": lambda: {"rate": raw.pgbench(run.database, plain, clients=4, seconds=run.options.seconds)},
            "tipg": lambda: run.load(tipgs, clients=4, port=tipg),
            "pygeoapi": lambda: run.load(pygeoapis, clients=4, port=pygeoapi),
        }
    )
    rate = found["site"]["rate"]
    run.say(f"items in a box, at most {LIMIT:,}, 4 clients", f"{rate:,.0f}/s, p95 {found['site']['p95_ms']:.1f} ms")
    run.say("the same until the worker has kept the features", f"{found['before']['rate']:,.0f}/s")
    _beside(run, "items", rate, found, {"plain": 0.85, "tipg": 10, "pygeoapi": 12})


def _measure_tiles(run: Run, slug: str, version: int, tipg: int) -> None:
    from bench import raw

    for zoom in (12, 14):
        drawn = [_tile_at(lon, lat, zoom) for lon, lat in _centres(version, 100)]
        ours = [("GET", f"/tiles/{slug}/{zoom}/{x}/{y}.mvt", None) for x, y in drawn]
        name = f"peer.{PEER_NAMES[slug]}_3857"
        theirs = [("GET", f"/collections/{name}/tiles/WebMercatorQuad/{zoom}/{x}/{y}", None) for x, y in drawn]
        columns = ", ".join(["id", *(column.split()[0] for column in PEER_TABLES[slug].split(", "))])
        plain = [
            raw.script_of([PLAIN_TILE.format(name=PEER_NAMES[slug], columns=columns, z=zoom, x=x, y=y)])
            for x, y in drawn
        ]
        run.load(ours, clients=4, seconds=WARM_UP_S, expect=(200, 204))
        measures: dict[str, Measure] = {
            "site": lambda ours=ours: run.load(ours, clients=4, expect=(200, 204)),
            "plain": lambda plain=plain: {
                "rate": raw.pgbench(run.database, plain, clients=4, seconds=run.options.seconds)
            },
            "tipg": lambda theirs=theirs: run.load(theirs, clients=4, port=tipg, expect=(200, 204)),
        }
        found = run.interleaved(measures)
        rate = found["site"]["rate"]
        what = f"tiles of {slug} z{zoom}"
        run.say(f"{what}, 4 clients", f"{rate:,.0f}/s, p95 {found['site']['p95_ms']:.1f} ms")
        _beside(run, what, rate, found, {"plain": 0.85, "tipg": 1.5})


def _beside(run: Run, what: str, rate: float, found: dict[str, dict[str, float]], targets: dict[str, float]) -> None:
    for name, target in targets.items():
        other = found[name]["rate"]
        as_share = name == "plain"
        run.say(
            f"{what} against {'plain SQL' if as_share else name} ({other:,.3g}/s)",
            percent(rate / other) if as_share else times_as_fast(rate / other),
            f"at least {percent(target)}" if as_share else f"at least {target:g} x",
            rate / other >= target,
        )


def _tile_at(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    lat_rad = np.radians(lat)
    across = 1 << zoom
    x = int((lon + 180) / 360 * across)
    y = int((1 - np.arcsinh(np.tan(lat_rad)) / np.pi) / 2 * across)
    return x, y


def measure_import(run: Run) -> None:
    """Measure the import of the polygons, checks, repairs and indexes included, beside ogr2ogr with COPY.

    As the worker reads an upload, and by `load_layer`, which has to start Django first.
    """
    if not shutil.which("ogr2ogr"):
        run.say("import beside ogr2ogr", "not measured: ogr2ogr is not there (apt install gdal-bin)")
        return
    _synthetic(run)
    at = urlsplit(run.url)
    target = f"PG:host={at.hostname} port={at.port} dbname={run.database} user={at.username} password={at.password}"
    # As on any installation after its first start: Python keeps what it compiled.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def command(*words: str) -> None:
        subprocess.run(
            words, check=True, cwd=database.ROOT, stdout=subprocess.DEVNULL, env=environment | {"PG_USE_COPY": "YES"}
        )

    with tempfile.TemporaryDirectory(prefix="kutim-bench-") as folder:
        file = Path(folder) / "parcels.gpkg"
        command("ogr2ogr", "-f", "GPKG", str(file), target, "peer.parcels", "-nln", "parcels")
        load_layer = (sys.executable, "manage.py", "load_layer", str(file), "--agency", "DLH", "--commit", "--slug")
        ogr2ogr = ("ogr2ogr", "-f", "PostgreSQL", target, str(file), "-overwrite", "-lco", "GEOMETRY_NAME=geom", "-nln")
        seconds: dict[str, list[float]] = {"worker": [], "load_layer": [], "ogr2ogr": []}
        for number in range(run.options.rounds):
            for name, importing in {
                "worker": lambda number=number: _as_the_worker(file, f"bench-upload-{number}"),
                "load_layer": lambda number=number: command(*load_layer, f"bench-import-{number}"),
                "ogr2ogr": lambda: command(*ogr2ogr, "peer.imported"),
            }.items():
                began = time.perf_counter()
                importing()
                seconds[name].append(time.perf_counter() - began)
    took = {name: float(np.median(times)) for name, times in seconds.items()}
    for name, title in (("worker", "an upload by the worker"), ("load_layer", "`load_layer`, its start included")):
        times = took[name] / took["ogr2ogr"]
        judged = name == "worker"
        run.say(
            f"import of {run.options.parcels:,} polygons, {title} ({took[name]:.1f} s), against ogr2ogr with COPY"
            f" ({took['ogr2ogr']:.1f} s)",
            times_as_fast(times), "at most 1.5 x" if judged else "", times <= 1.5 if judged else None,
        )  # fmt: skip
    from layers.versions import index_words_due

    began = time.perf_counter()
    index_words_due()
    run.say("index of those polygons' words, by the worker after the import", f"{time.perf_counter() - began:.1f} s")


def _as_the_worker(file: Path, slug: str) -> None:
    """Read a file and store it, as the worker does with an upload."""
    from layers import importing

    layer = importing.layer_for(agency=importing.find_agency("DLH"), values={"slug": slug})
    importing.import_file(layer=layer, path=file, by=None)


def measure_catalogue(run: Run) -> None:
    """Ask one question after the other over 1,000 layers with 2,000,000 features."""
    from django.db import connection

    from bench import catalogue

    _synthetic(run)
    features = catalogue.fill(CATALOGUE_LAYERS, CATALOGUE_FEATURES)
    with connection.cursor() as cursor:  # or autovacuum would go through a thousand new partitions meanwhile
        cursor.execute("VACUUM ANALYZE")
    asked = [("GET", f"/data/?q={question.replace(' ', '+')}", None) for question in QUESTIONS]
    run.load(asked * 4, clients=4, once=True)  # both processes answer each question
    found = run.load(asked, clients=1)
    run.say(
        f"catalogue search over {CATALOGUE_LAYERS:,} more layers with {features:,} features, 1 client, p95",
        f"{found['p95_ms']:.0f} ms", "at most 100 ms", found["p95_ms"] <= 100,
    )  # fmt: skip
