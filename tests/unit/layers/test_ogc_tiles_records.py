"""OGC API Tiles and Records over the layers."""

import json
from typing import Any

import pytest
from django.test import Client

from layers.models import Layer
from tests.factories.layers import make_layer

TILES = "/ogc/collections/faskes/tiles/WebMercatorQuad"
RECORDS = "/ogc/collections/catalogue/items"


@pytest.fixture
def faskes(db: None) -> Layer:
    return make_layer()


def titles(client: Client, **params: Any) -> list[str]:
    answer = client.get(RECORDS, params)
    assert answer.status_code == 200, answer.content
    return [record["id"] for record in json.loads(answer.content)["features"]]


def test_tile_is_given_by_row_and_column(client: Client, faskes: Layer) -> None:
    tile = client.get(f"{TILES}/8/127/211")  # 117.5 E, 0.5 N at zoom 8: column 211, row 127
    assert (tile.status_code, tile["Content-Type"]) == (200, "application/vnd.mapbox-vector-tile")
    assert b"Teluk Lingga" in tile.content
    assert client.get(f"{TILES}/8/211/127").status_code == 204
    assert client.get(f"{TILES}/8/127/211", headers={"If-None-Match": tile["ETag"]}).status_code == 304
    assert client.get(f"{TILES}/1/2/0").status_code == 404
    assert client.get(f"{TILES}/1/x/0").status_code == 400


def test_tileset_leads_to_its_tiles(client: Client, faskes: Layer) -> None:
    listed = client.get("/ogc/collections/faskes/tiles").json()["tilesets"][0]
    body = client.get(next(link["href"] for link in listed["links"] if link["rel"] == "self")).json()
    template = next(link["href"] for link in body["links"] if link.get("templated"))
    address = template.replace("{tileMatrix}", "8").replace("{tileRow}", "127").replace("{tileCol}", "211")
    assert client.get(address).status_code == 200
    assert body["tileMatrixSetURI"].endswith("/WebMercatorQuad")
    assert (body["dataType"], body["layers"][0]["id"]) == ("vector", "features")


def test_tilejson_leads_to_the_same_tiles(client: Client, faskes: Layer) -> None:
    body = client.get(f"{TILES}/tilejson.json").json()
    assert (body["tilejson"], list(body["vector_layers"][0]["fields"])) == ("3.0.0", ["nama", "jenis", "tempat_tidur"])
    address = body["tiles"][0].replace("{z}", "8").replace("{x}", "211").replace("{y}", "127")
    assert client.get(address).content == client.get(f"{TILES}/8/127/211").content


def test_style_draws_the_layer_of_its_tiles(client: Client, faskes: Layer) -> None:
    tileset = client.get(TILES).json()
    link = next(link for link in tileset["links"] if link["rel"] == "stylesheet")
    answer = client.get(link["href"])
    assert (answer["Content-Type"], link["type"]) == ("application/vnd.mapbox.style+json",) * 2
    style = json.loads(answer.content)
    source = style["sources"]["features"]
    assert (style["version"], source["type"]) == (8, "vector")
    assert source["tiles"] == client.get(f"{TILES}/tilejson.json").json()["tiles"]
    assert {drawn["type"] for drawn in style["layers"]} == {"fill", "line", "circle"}
    assert {(drawn["source"], drawn["source-layer"]) for drawn in style["layers"]} == {("features", "features")}
    assert client.get(link["href"], headers={"If-None-Match": answer["ETag"]}).status_code == 304
    Layer.objects.update(access="agency")
    assert client.get(link["href"]).status_code == 404


def test_tiles_in_another_format_are_refused(client: Client, faskes: Layer) -> None:
    assert client.get(f"{TILES}/8/127/211?f=mvt").status_code == 200
    for address in ("8/127/211?f=png", "tilejson.json?f=pdf"):
        answer = client.get(f"{TILES}/{address}")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["f"])


def test_tiling_scheme_has_the_scales_of_the_standard(client: Client, db: None) -> None:
    matrices = client.get("/ogc/tileMatrixSets/WebMercatorQuad").json()["tileMatrices"]
    assert matrices[0]["scaleDenominator"] == pytest.approx(559082264.0287178)
    assert matrices[18]["scaleDenominator"] == pytest.approx(2132.729583849784)
    assert matrices[18]["matrixWidth"] == 2**18


def test_record_tells_what_and_whose(client: Client, faskes: Layer) -> None:
    record = json.loads(client.get(f"{RECORDS}/faskes").content)
    assert record["properties"]["title"] == "Fasilitas kesehatan"
    assert record["properties"]["contacts"][0]["organization"] == faskes.agency.name
    assert record["geometry"]["type"] == "Polygon"
    assert record["time"] is None  # the standard wants the member, also where there is no time
    assert client.get(f"{RECORDS}/tidak-ada").status_code == 404


def test_records_are_found_by_words_box_type_and_id(client: Client, faskes: Layer) -> None:
    make_layer("jalan", title_id="Jalan kabupaten", title_en="Roads", keywords=["aspal"], abstract_id="Ruas jalan.")
    assert titles(client) == ["faskes", "jalan"]
    assert titles(client, q="puskesmas") == ["faskes"]
    assert titles(client, q="ASPAL jalan") == ["jalan"]
    assert titles(client, bbox="0,0,1,1") == []
    assert titles(client, bbox="117,0,118,1") == ["faskes", "jalan"]
    assert titles(client, type="dataset,service") == ["faskes", "jalan"]
    assert titles(client, type="service") == []
    assert titles(client, ids="jalan,lain") == ["jalan"]
    assert titles(client, q="puskesmas, aspal kabupaten") == ["faskes", "jalan"]
    assert titles(client, q="puskesmas aspal") == []
    assert titles(client, q=",") == ["faskes", "jalan"]
    assert titles(client, bbox="117,0,-10,118,1,90") == ["faskes", "jalan"]
    assert titles(client, bbox="117,0,-170,1") == ["faskes", "jalan"]
    assert titles(client, bbox="170,0,-170,1") == []
    assert titles(client, datetime="../2020-01-01") == ["faskes", "jalan"]
    assert titles(client, externalIds="x") == []


def test_records_come_in_the_system_that_the_catalogue_names(client: Client, faskes: Layer) -> None:
    (only,) = client.get("/ogc/collections/catalogue").json()["crs"]
    for address in (RECORDS, f"{RECORDS}/faskes"):
        answer = client.get(address, {"crs": only})
        assert (answer.status_code, answer["Content-Crs"]) == (200, f"<{only}>")
        assert list(client.get(address, {"crs": "EPSG:3857"}).json()["errors"]) == ["crs"]
    assert titles(client, bbox="117,0,118,1", **{"bbox-crs": only}) == ["faskes"]
    assert list(client.get(RECORDS, {"bbox-crs": "EPSG:4326"}).json()["errors"]) == ["bbox-crs"]


def test_records_come_in_pages(client: Client, db: None) -> None:
    for number in range(5):
        make_layer(f"lapis-{number}")
    address, seen = f"{RECORDS}?limit=2", []
    while address:
        body = json.loads(client.get(address).content)
        seen.append([record["id"] for record in body["features"]])
        address = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")
    assert seen == [["lapis-0", "lapis-1"], ["lapis-2", "lapis-3"], ["lapis-4"]]
    assert body["numberMatched"] == 5


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("bbox=1", "bbox"),
        ("filter=x", "filter"),
        ("q=%00", "q"),
        ("datetime=kemarin", "datetime"),
        ("q=a+b+c+d+e+f+g+h+i+j+k", "q"),
        ("bbox=0,1,1,0", "bbox"),
    ],
)
def test_records_refuse_what_they_do_not_know(client: Client, faskes: Layer, query: str, name: str) -> None:
    answer = client.get(f"{RECORDS}?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])
