"""Real programs read /ogc/: Debian's GDAL, pyogrio's newer GDAL, OWSLib."""

import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import shapely
from django.db import connection

from layers.models import Layer
from layers.ogc import kept
from tests.factories.layers import make_layer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not shutil.which("ogrinfo"), reason="gdal-bin is not installed"),
]
FIELDS = [
    {"name": "nama", "title": "Nama", "type": "text", "hidden": False},
    {"name": "nomor", "title": "Nomor", "type": "integer", "hidden": False},
    {"name": "tanggal", "title": "Tanggal", "type": "date", "hidden": False},
]
COUNTS = {"garis": 7, "kosong-geometri": 2, "petak": 23, "titik": 130}


@pytest.fixture
def site(transactional_db: None, served: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A served site with layers of points, lines and polygons, and one that nobody may see; large ones are kept."""
    rows: dict[str, list[tuple[Any, dict[str, Any]]]] = {
        "titik": [(shapely.Point(117 + n / 1000, 0.5 + n / 777), _row(n)) for n in range(COUNTS["titik"])],
        "garis": [(shapely.LineString([(117, n / 10), (118, 1.123456789)]), _row(n)) for n in range(COUNTS["garis"])],
        "petak": [(shapely.box(117, n / 50, 117.5, n / 50 + 0.01), _row(n)) for n in range(COUNTS["petak"])],
        "kosong-geometri": [(shapely.Point(117, 0), _row(n)) for n in range(COUNTS["kosong-geometri"])],
    }
    for slug, some in rows.items():
        make_layer(slug, some, fields=FIELDS)
    make_layer("rahasia", rows["titik"], access="agency", fields=FIELDS)
    monkeypatch.setattr(kept, "FROM_FEATURES", COUNTS["petak"])
    while kept.keep_due():
        pass
    return served


def _row(n: int) -> dict[str, Any]:
    return {"nama": f"Nomor {n}", "nomor": n, "tanggal": f"2025-01-{n % 28 + 1:02}"}


def run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"NO_PROXY": "127.0.0.1"}
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    return done.stdout


def test_ogrinfo_lists_and_counts_every_layer(site: str) -> None:
    listed = run("ogrinfo", f"OAPIF:{site}/ogc/")
    assert "rahasia" not in listed
    for slug, count in COUNTS.items():
        assert slug in listed
        assert f"Feature Count: {count}\n" in run("ogrinfo", "-so", f"OAPIF:{site}/ogc/", slug)


def test_ogr2ogr_takes_every_feature_away(site: str, tmp_path: Path) -> None:
    for slug, count in COUNTS.items():
        target = tmp_path / f"{slug}.geojson"
        run("ogr2ogr", "-oo", "PAGE_SIZE=50", "-oo", "USERPWD=", str(target), f"OAPIF:{site}/ogc/", slug)
        features = json.loads(target.read_text())["features"]
        assert sorted(feature["properties"]["nomor"] for feature in features) == list(range(count))


def test_ogr2ogr_filters_by_place_and_attribute(site: str, tmp_path: Path) -> None:
    target = tmp_path / "some.geojson"
    run(
        "ogr2ogr",
        "-spat",
        "117.0",
        "0.4",
        "117.0105",
        "1",
        "-where",
        "nomor >= 5",
        str(target),
        f"OAPIF:{site}/ogc/",
        "titik",
    )
    features = json.loads(target.read_text())["features"]
    assert sorted(feature["properties"]["nomor"] for feature in features) == [5, 6, 7, 8, 9, 10]


def test_pyogrio_reads_tm3_within_a_millimetre(site: str) -> None:
    import pyogrio

    uri = "http://www.opengis.net/def/crs/EPSG/0/23838"
    for slug, count in COUNTS.items():
        frame = pyogrio.read_dataframe(f"OAPIF:{site}/ogc/collections/{slug}", layer=slug, CRS=uri)
        assert len(frame) == count
        assert frame.crs.to_epsg() == 23838
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ST_AsBinary(ST_Transform(geom, 23838)) FROM layers_feature WHERE version_id = %s ORDER BY fid",
                [Layer.objects.get(slug=slug).current_id],
            )
            expected = shapely.from_wkb([bytes(row[0]) for row in cursor.fetchall()])
        far = shapely.hausdorff_distance(frame.sort_values("nomor").geometry.to_numpy(), expected)
        assert far.max() < 0.001


def test_pyogrio_lets_the_server_filter(site: str) -> None:
    import pyogrio

    frame = pyogrio.read_dataframe(f"OAPIF:{site}/ogc/collections/titik", layer="titik", where="nama = 'Nomor 7'")
    assert frame["nomor"].tolist() == [7]
    frame = pyogrio.read_dataframe(f"OAPIF:{site}/ogc/collections/titik", layer="titik", where="nomor BETWEEN 3 AND 5")
    assert sorted(frame["nomor"]) == [3, 4, 5]


def test_gdal_reads_a_tile(site: str, tmp_path: Path) -> None:
    target = tmp_path / "211.mvt"
    address = f"{site}/ogc/collections/titik/tiles/WebMercatorQuad/8/127/211"
    with urllib.request.urlopen(address) as answer:
        target.write_bytes(answer.read())
    told = run("ogrinfo", "-so", "-oo", "X=211", "-oo", "Y=127", "-oo", "Z=8", str(target), "features")
    assert "nomor: Integer" in told
    assert "Geometry: Point" in told or "Geometry: Multi Point" in told


def test_owslib_reads_features_and_filters(site: str) -> None:
    from owslib.ogcapi.features import Features

    service = Features(f"{site}/ogc/")
    assert set(service.feature_collections()) == set(COUNTS)
    assert service.api()["openapi"].startswith("3.0")
    assert "nomor" in service.collection_queryables("titik")["properties"]
    page = service.collection_items("titik", limit=10)
    assert (page["numberReturned"], page["numberMatched"]) == (10, COUNTS["titik"])
    assert service.collection_item("titik", "3")["properties"]["nomor"] == 2
    found = service.collection_items("titik", filter="nomor > 120 AND nama LIKE 'Nomor 12%'")
    assert [feature["properties"]["nomor"] for feature in found["features"]] == list(range(121, 130))
    found = service.collection_items("titik", bbox=[117.0, 0.4, 117.0105, 1.0], datetime_="2025-01-05")
    assert [feature["properties"]["nomor"] for feature in found["features"]] == [4]


def test_owslib_reads_records(site: str) -> None:
    from owslib.ogcapi.records import Records

    service = Records(f"{site}/ogc/")
    assert "catalogue" in service.records()
    page = service.collection_items("catalogue", q="kesehatan", limit=2)
    assert (page["numberReturned"], page["numberMatched"]) == (2, len(COUNTS))
    assert service.collection_item("catalogue", "garis")["properties"]["type"] == "dataset"


def test_requests_as_qgis_builds_them_are_answered(site: str) -> None:
    # The description, the layer, a box in the project's system, a filter with brackets. QGIS itself is not started.
    def ask(path: str) -> Any:
        with urllib.request.urlopen(f"{site}/ogc{path}") as answer:
            return json.loads(answer.read())

    ask("/api")
    assert ask("/collections/titik")["storageCrs"]
    crs = urllib.parse.quote("http://www.opengis.net/def/crs/EPSG/0/23838", safe="")
    page = ask(f"/collections/titik/items?limit=1000&crs={crs}&bbox=30000,1550000,60000,1700000&bbox-crs={crs}")
    assert 0 < page["numberReturned"] <= COUNTS["titik"]
    text = urllib.parse.quote("((nama = 'Nomor 7') OR (nomor IN (1,2)))")
    assert ask(f"/collections/titik/items?limit=10&filter={text}&filter-lang=cql2-text")["numberMatched"] == 3
