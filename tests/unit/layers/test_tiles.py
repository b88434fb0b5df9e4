"""A layer's tiles: complete, small, without hidden fields, and only for those who may see the layer."""

import gzip
import math
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely
from django.test import Client

from geo.tiles import Tile
from layers.tiles import make_tile
from layers.versions import publish
from tests.factories.accounts import make_agency, make_officer
from tests.factories.layers import POINTS, make_layer, make_version

pytestmark = pytest.mark.django_db
REGENCY = "8/211/127"  # 116.7 to 118.1 E, 0 to 1.4 N
FIELDS = [{"name": "nama", "type": "text"}, {"name": "jenis", "type": "text"}]


def test_tile_holds_features_with_shown_attributes_only() -> None:
    layer = make_layer(fields=[*FIELDS, {"name": "tempat_tidur", "type": "integer", "hidden": True}])
    response = Client().get(f"/tiles/{layer.slug}/{REGENCY}.mvt")
    assert response.status_code == 200
    assert b"Pustu Sepaso" in response.content
    assert b"tempat_tidur" not in response.content
    assert response["Cache-Control"].startswith("public")
    assert "Cookie" not in response["Vary"]


def test_tile_with_one_field_has_only_that() -> None:
    make_layer(fields=FIELDS)
    body = Client().get(f"/tiles/faskes/{REGENCY}.mvt?field=jenis").content
    assert b"pustu" in body
    assert b"Sepaso" not in body
    assert b"pustu" not in Client().get(f"/tiles/faskes/{REGENCY}.mvt?field=-").content


def test_hidden_or_unknown_field_and_parameter_are_refused() -> None:
    make_layer(fields=[FIELDS[0], {**FIELDS[1], "hidden": True}])
    assert Client().get(f"/tiles/faskes/{REGENCY}.mvt?field=jenis").status_code == 400
    assert Client().get(f"/tiles/faskes/{REGENCY}.mvt?bbox=1").status_code == 400
    assert Client().get("/tiles/faskes/8/x/1.mvt").status_code == 400
    assert Client().get("/tiles/faskes/8/999/1.mvt").status_code == 404


@pytest.mark.parametrize("address", ["0/0/0", "1/1/0", "2/3/1", "14/13541/8169"])
def test_feature_is_in_its_tile_at_every_zoom(address: str) -> None:
    make_layer(fields=FIELDS)
    response = Client().get(f"/tiles/faskes/{address}.mvt")
    assert response.status_code == 200
    assert b"Puskesmas Teluk Lingga" in response.content


def test_empty_tile_is_204() -> None:
    make_layer()
    assert Client().get("/tiles/faskes/8/0/0.mvt").status_code == 204


def test_etag_changes_with_the_version_and_with_what_is_hidden() -> None:
    layer = make_layer(fields=FIELDS)
    client = Client()
    first = client.get(f"/tiles/faskes/{REGENCY}.mvt")["ETag"]
    assert client.get(f"/tiles/faskes/{REGENCY}.mvt", headers={"If-None-Match": first}).status_code == 304
    layer.fields = [FIELDS[0], {**FIELDS[1], "hidden": True}]
    layer.save()
    second = client.get(f"/tiles/faskes/{REGENCY}.mvt", headers={"If-None-Match": first})
    assert second.status_code == 200
    publish(version=make_version(layer, POINTS[:1]), by=None)
    third = client.get(f"/tiles/faskes/{REGENCY}.mvt")["ETag"]
    assert len({first, second["ETag"], third}) == 3
    assert client.get(f"/tiles/faskes/{REGENCY}.mvt?version=1")["ETag"] == second["ETag"]


@pytest.mark.parametrize("access", ["regency", "agency", "groups"])
def test_private_tiles_are_not_shared(access: str) -> None:
    agency = make_agency("dlh")
    make_layer("rahasia", access=access, agency=agency)
    client = Client()
    assert client.get(f"/tiles/rahasia/{REGENCY}.mvt").status_code == 404
    client.force_login(make_officer(agency))
    response = client.get(f"/tiles/rahasia/{REGENCY}.mvt")
    assert response.status_code == 200
    assert response["Cache-Control"].startswith("private")
    assert "Cookie" in response["Vary"]


def squares(side: int) -> list[tuple[Any, dict[str, Any]]]:
    """Return side x side touching squares of 30 m, each with a number."""
    step = 0.0003
    return [
        (shapely.box(117 + x * step, 0.5 + y * step, 117 + (x + 1) * step, 0.5 + (y + 1) * step), {"nib": f"{x}-{y}"})
        for x in range(side)
        for y in range(side)
    ]


def test_low_zoom_tile_of_many_features_is_small_and_whole_at_high_zoom() -> None:
    layer = make_layer(rows=squares(60))
    assert layer.current is not None
    low = make_tile(layer, layer.current, Tile(8, 211, 127))
    assert 0 < len(gzip.compress(low, 1)) < 20_000
    assert b"nib" not in low  # more than SMALL features: no attributes this far out
    high = make_tile(layer, layer.current, Tile(14, 13516, 8169))
    assert b"nib" in high


def test_thinned_tile_keeps_one_feature_for_each_cell() -> None:
    same = [(shapely.Point(117.5, 0.5), {"nama": f"titik {n}"}) for n in range(50)]
    layer = make_layer(rows=same)
    assert layer.current is not None
    body = make_tile(layer, layer.current, Tile(8, 211, 127), "nama")
    assert body.count(b"titik") == 1
    x, y = 13539, 8169  # the tile of 117.5 E, 0.5 N at zoom 14
    assert make_tile(layer, layer.current, Tile(14, x, y), "nama").count(b"titik") == 50


@pytest.mark.parametrize("zoom", [10, 14])
def test_all_parts_of_a_collection_are_drawn(tmp_path: Path, zoom: int) -> None:
    parts = [
        shapely.Point(117.5, 0.5),
        shapely.LineString([(117.4, 0.4), (117.6, 0.6)]),
        shapely.box(117.49, 0.49, 117.51, 0.51),
    ]
    rows = [(shapely.GeometryCollection(parts), {"nama": "Pos"}), (shapely.Point(117.501, 0.501), {"nama": "Titik"})]
    layer = make_layer(rows=rows, fields=FIELDS)
    assert layer.current is not None
    layer.current.geometry_type = "Geometry"
    x = int((117.5 + 180) / 360 * 2**zoom)
    y = int((1 - math.asinh(math.tan(math.radians(0.5))) / math.pi) / 2 * 2**zoom)
    path = tmp_path / "tile.pbf"
    path.write_bytes(make_tile(layer, layer.current, Tile(zoom, x, y)))
    told = pyogrio.raw.read(f"MVT:{path}", layer="features", columns=["nama"])
    drawn = set(shapely.get_type_id(shapely.get_parts(shapely.from_wkb(told[2]))).tolist())
    assert drawn == {0, 1, 3}
