"""Points at sea near the coast lie in the nearest kecamatan, as reports do: in counts, filters and search."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client

from geo.loading import Options
from geo.locate import locate_many
from geo.models import Kecamatan
from geo.neighbours import load_neighbours
from layers.coast import STEP_M
from layers.importing import inspect
from layers.models import CoastPiece, LayerPlace
from layers.search import Search, Wanted
from layers.table import per_kecamatan
from tests.factories.geo import KECAMATAN, SELATAN, UTARA, make_edition
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db

JETTY = shapely.Point(117.6567, 0.5476)
"""At sea off Sangatta Utara by the schematic boundaries."""
FAR = shapely.Point(118.2, 0.5)


def owners(lons: list[float], lats: list[float]) -> list[str | None]:
    """Return the code of the kecamatan in whose water each point lies."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(k.code) FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS p (lon, lat, i)"
            " LEFT JOIN layers_coastpiece c ON ST_Intersects(c.geom, ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326))"
            " LEFT JOIN geo_kecamatan k ON k.id = c.kecamatan_id GROUP BY p.i ORDER BY p.i",
            [lons, lats],
        )
        return [code for (code,) in cursor.fetchall()]


def distance_m(lon: float, lat: float, code: str | None) -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_Distance(o.geom::geography, ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography)"
            " FROM geo_kecamatanboundary o JOIN geo_kecamatan k ON k.id = o.kecamatan_id WHERE k.code = %s",
            [lon, lat, code],
        )
        return float(cursor.fetchone()[0])


def test_water_is_shared_out_as_reports_are_looked_up(kutim: None) -> None:
    rng = np.random.default_rng(64_08)
    areas = list(CoastPiece.objects.all())
    lons, lats = (
        np.concatenate([rng.uniform(one.geom.extent[side], one.geom.extent[side + 2], 120) for one in areas]).tolist()
        for side in (0, 1)
    )
    located = locate_many(zip(lons, lats, strict=True))
    expected = [found.kecamatan.code if found and found.coastal else None for found in located]
    assert 100 < sum(code is not None for code in expected) < len(expected)
    found = owners(lons, lats)
    assert [code is None for code in found] == [code is None for code in expected]
    # Where two kecamatan are as near, the border between their waters is right within the step of the coast's points.
    for lon, lat, code, other in zip(lons, lats, found, expected, strict=True):
        if code != other:
            assert abs(distance_m(lon, lat, code) - distance_m(lon, lat, other)) < STEP_M
    assert sum(code != other for code, other in zip(found, expected, strict=True)) < 5


def test_water_ends_two_kilometres_out_and_where_a_neighbour_begins(tmp_path: Path) -> None:
    make_edition()
    assert owners([117.601, 117.617, 117.619, 117.595, 117.395], [0.45] * 5) == [SELATAN, SELATAN, None, None, None]
    layer = make_layer(rows=[(shapely.Point(117.612, 0.45), {"nama": "Pelampung"})])
    assert layer.current is not None
    assert [code for code, _name, _n in per_kecamatan(layer.current)] == [SELATAN]
    box = shapely.geometry.mapping(shapely.box(117.61, 0.40, 117.70, 0.50))
    about = {"kode": "64.74", "nama": "Kota Bontang"}
    file = tmp_path / "tetangga.geojson"
    features = [{"type": "Feature", "properties": about, "geometry": box}]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    load_neighbours(file, options=Options(), commit=False)
    assert owners([117.611], [0.45]) == [SELATAN]
    load_neighbours(file, options=Options(), commit=True)
    assert [code for code, _name, _n in per_kecamatan(layer.current)] == [""]
    assert owners([117.609, 117.611], [0.45] * 2) == [SELATAN, None]


def test_other_edition_shares_the_water_out_anew() -> None:
    make_edition()
    layer = make_layer(rows=[(shapely.Point(117.605, 0.45), {"nama": "Dermaga"})])
    assert layer.current is not None
    assert [code for code, _name, _n in per_kecamatan(layer.current)] == [SELATAN]
    make_edition("tukar", {UTARA: KECAMATAN[SELATAN], SELATAN: KECAMATAN[UTARA]}, None)
    assert [code for code, _name, _n in per_kecamatan(layer.current)] == [UTARA]
    inland = {UTARA: shapely.box(117.20, 0.40, 117.30, 0.50)}
    make_edition("darat", inland, None)
    assert not CoastPiece.objects.exists()
    assert [code for code, _name, _n in per_kecamatan(layer.current)] == [""]


def test_point_at_sea_is_counted_filtered_and_found_in_the_nearest_kecamatan(kutim: None) -> None:
    layer = make_layer(
        "dermaga",
        [
            (JETTY, {"nama": "Dermaga"}),
            (FAR, {"nama": "Suar"}),
            (shapely.Point(117.55, 0.50), {"nama": "Gudang"}),
            (shapely.Point(), {"nama": "Tanpa tempat"}),
        ],
        title_id="Dermaga dan suar",
    )
    assert layer.current is not None
    area = Kecamatan.objects.get(code=UTARA)
    assert per_kecamatan(layer.current) == [(UTARA, area.name, 2), ("", "", 1)]
    assert not LayerPlace.objects.filter(version=layer.current, desa__isnull=False, n__gt=1).exists()
    client = Client(headers={"Accept-Language": "en"})
    page = client.get("/data/dermaga/").content.decode()
    assert "Points at sea up to 2 km from the coast count in the nearest kecamatan." in page
    assert "in no kecamatan: beyond the border, or at sea more than 2 km from the coast" in page
    taken = client.get(f"/data/dermaga/unduh/geojson/?kecamatan={UTARA}").getvalue()
    assert {one["properties"]["nama"] for one in json.loads(taken)["features"]} == {"Dermaga", "Gudang"}
    assert Search(Wanted(q="dermaga di sangatta utara"), AnonymousUser()).cards[0].in_place == 2


def test_lines_and_areas_at_sea_lie_in_no_kecamatan(kutim: None) -> None:
    cable = shapely.LineString([JETTY, shapely.Point(JETTY.x + 0.001, JETTY.y)])
    layer = make_layer("kabel", [(cable, {"nama": "Kabel"})])
    assert layer.current is not None
    assert per_kecamatan(layer.current) == [("", "", 1)]
    taken = Client().get(f"/data/kabel/unduh/geojson/?kecamatan={UTARA}").getvalue()
    assert json.loads(taken)["features"] == []
    assert "in no kecamatan: at sea or beyond the border" in Client(headers={"Accept-Language": "en"}).get(
        "/data/kabel/"
    ).content.decode()  # fmt: skip


def test_reading_a_file_counts_points_at_sea_as_the_catalogue_does(kutim: None, tmp_path: Path) -> None:
    file = tmp_path / "dermaga.csv"
    file.write_text(f"nama,lon,lat\nDermaga,{JETTY.x},{JETTY.y}\nSuar,{FAR.x},{FAR.y}\nGudang,117.55,0.5\n")
    found = inspect(file)
    assert found.kecamatan == [{"name": Kecamatan.objects.get(code=UTARA).name, "count": 2}]
    assert found.kecamatan_of == 3
    cable = tmp_path / "kabel.geojson"
    cable.write_text(shapely.to_geojson(shapely.LineString([JETTY, (JETTY.x + 0.001, JETTY.y)])))
    assert inspect(cable).kecamatan == []
