"""OGC API Features parts 1 and 2: documents, parameters, paging, coordinate systems, headers."""

import gzip
import json
import re
from typing import Any

import pytest
import shapely
from django.db import connection, transaction
from django.http import QueryDict
from django.test import Client

from geo.errors import ParameterError
from layers.models import Layer
from layers.ogc.items import parse_items, read_page
from layers.ogc.statements import Sql
from layers.versions import publish
from tests.factories.layers import POINTS, make_layer, make_version

BASE = "/ogc/collections/faskes"
ITEMS = f"{BASE}/items"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
FIELDS = [
    {"name": "nama", "title": "Nama", "type": "text", "hidden": False},
    {"name": "jenis", "title": "Jenis", "type": "code", "hidden": False},
    {"name": "tempat_tidur", "title": "Tempat tidur", "type": "integer", "hidden": False},
]


@pytest.fixture
def faskes(db: None) -> Layer:
    return make_layer(fields=FIELDS)


def ids(client: Client, path: str = ITEMS, **params: Any) -> list[int]:
    answer = client.get(path, params)
    assert answer.status_code == 200, answer.content
    return [feature["id"] for feature in json.loads(answer.content)["features"]]


def follow(client: Client, **params: Any) -> list[list[int]]:
    """Return the ids of every page, by the `next` links."""
    pages, address = [], f"{ITEMS}?{'&'.join(f'{name}={value}' for name, value in params.items())}"
    while address:
        body = json.loads(client.get(address).content)
        pages.append([feature["id"] for feature in body["features"]])
        address = next(
            (link["href"].removeprefix("http://testserver") for link in body["links"] if link["rel"] == "next"), ""
        )
    return pages


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/ogc/", "application/json"),
        ("/ogc/conformance", "application/json"),
        ("/ogc/api", "application/vnd.oai.openapi+json;version=3.0"),
        ("/ogc/collections", "application/json"),
        (BASE, "application/json"),
        (f"{BASE}/queryables", "application/schema+json"),
        (ITEMS, "application/geo+json"),
        (f"{ITEMS}/1", "application/geo+json"),
    ],
)
def test_document_has_its_media_type_a_page_and_an_etag(
    client: Client, faskes: Layer, path: str, media_type: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, media_type)
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert client.get(path, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    head = client.head(path)
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", answer["ETag"])
    for page in (client.get(f"{path}?f=html"), client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})):
        assert page["Content-Type"].startswith("text/html")
        assert b"<h1>" in page.content
    for link in json.loads(answer.content).get("links", []):
        assert link["href"].startswith("http://testserver/")
        if "/ogc/" in link["href"] and not link.get("templated"):
            followed = client.get(link["href"])
            assert followed.status_code == 200, link
            assert followed["Content-Type"].split("; ")[0] == link["type"], link


def test_landing_page_leads_to_the_description(client: Client, faskes: Layer) -> None:
    links = {link["rel"]: link for link in client.get("/ogc/").json()["links"]}
    assert links["service-desc"]["type"] == "application/vnd.oai.openapi+json;version=3.0"
    api = json.loads(client.get(links["service-desc"]["href"]).content)
    assert api["openapi"].startswith("3.0.")
    assert api["servers"] == [{"url": "http://testserver/ogc"}]
    named = {name: api["components"]["parameters"][name] for name in ("limit", "bbox", "datetime")}
    assert all(parameter["explode"] is False for parameter in named.values())
    assert "/collections/faskes/items" in api["paths"]
    assert "cql-text" in api["components"]["parameters"]["filter-lang"]["schema"]["enum"]


def test_every_reference_of_the_description_is_there(client: Client, faskes: Layer) -> None:
    api = json.loads(client.get("/ogc/api").content)
    text = json.dumps(api)
    for part in text.split('"$ref": "#/')[1:]:
        node = api
        for step in part.split('"')[0].split("/"):
            node = node[step]
    names = [method["operationId"] for path in api["paths"].values() for method in path.values()]
    assert len(names) == len(set(names))


def test_conformance_lists_what_qgis_and_gdal_ask_for(client: Client) -> None:
    classes = client.get("/ogc/conformance").json()["conformsTo"]
    for ending in (
        "features-3/1.0/conf/filter",
        "conf/features-filter",
        "conf/cql2-text",
        "conf/basic-cql2",
        "features-2/1.0/conf/crs",
    ):
        assert any(name.endswith(ending) for name in classes), ending


def test_collection_tells_extent_and_systems(client: Client, faskes: Layer) -> None:
    body = client.get(BASE).json()
    assert body["extent"]["spatial"]["bbox"][0] == pytest.approx([117.45, 0.5, 117.6, 0.9], abs=1e-6)
    assert body["crs"] == [CRS84, *(f"{EPSG}{srid}" for srid in (4326, 3857, 32650, 23837, 23838, 23880))]
    assert body["storageCrs"] == CRS84


def test_item_is_the_feature(client: Client, faskes: Layer) -> None:
    body = json.loads(client.get(f"{ITEMS}/2").content)
    assert body["id"] == 2
    assert body["geometry"] == {"type": "Point", "coordinates": [117.45, 0.6]}
    assert body["properties"] == POINTS[1][1]
    for missing in ("99", "abc", "1.5", "99999999999999999999"):
        assert client.get(f"{ITEMS}/{missing}").status_code == 404


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ("117.4,0.4,117.56,0.7", [1, 2]),
        ("117.4,0.4,-100,117.56,0.7,100", [1, 2]),
        ("117.55,0.5,117.55,0.5", [1]),
        ("117.55,0.4,117.55,0.6", [1]),
        ("-180,-90,180,90", [1, 2, 3]),
        ("-180,85,180,90", []),
        ("117.5,-90,-170,90", [1, 3]),  # over the antimeridian
        ("170,-90,117.5,90", [2]),
        ("0,0,1,1", []),
    ],
)
def test_bbox_finds_what_it_touches(client: Client, faskes: Layer, bbox: str, expected: list[int]) -> None:
    assert ids(client, bbox=bbox) == expected


def test_bbox_looks_at_the_geometry_not_its_box(client: Client, db: None) -> None:
    # A diagonal, whose box covers the corner that is asked for; and one that runs through it.
    make_layer(rows=[(shapely.LineString([(0, 0), (10, 10)]), {}), (shapely.LineString([(0, 10), (10, 0)]), {})])
    assert ids(client, bbox="8,0,9.5,1.5") == [2]


def test_bbox_in_another_system(client: Client, faskes: Layer) -> None:
    assert ids(client, bbox="0.4,117.4,0.7,117.56", **{"bbox-crs": f"{EPSG}4326"}) == [1, 2]
    assert ids(client, bbox="549000,54000,562000,56000", **{"bbox-crs": f"{EPSG}32650"}) == [1]
    assert ids(client, bbox="-99999999,-99999999,99999999,99999999", **{"bbox-crs": f"{EPSG}3857"}) == [1, 2, 3]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("sortby=nama", "sortby"),
        ("offset=10", "offset"),
        ("nama=a&nama=b", "nama"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
        ("limit=x", "limit"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,2,3,x", "bbox"),
        ("bbox=1,5,3,4", "bbox"),
        ("bbox=1,2,3,91", "bbox"),
        ("bbox=nan,2,3,4", "bbox"),
        ("bbox-crs=EPSG:1", "bbox-crs"),
        ("crs=http://www.opengis.net/def/crs/EPSG/0/27700", "crs"),
        ("datetime=kemarin", "datetime"),
        ("datetime=2025-02-30", "datetime"),
        ("datetime=2025-02-01/2025-01-01", "datetime"),
        ("datetime=../..", "datetime"),
        ("datetime=P1D/P1D", "datetime"),
        ("datetime=9999-12-31/P1Y", "datetime"),
        ("cursor=1", "cursor"),
        ("cursor=7.1", "cursor"),
        ("tempat_tidur=banyak", "tempat_tidur"),
        ("filter-crs=x", "filter-crs"),
        ("f=csv", "f"),
        ("nama=%00", "nama"),
        ("filter=%00", "filter"),
    ],
)
def test_wrong_parameter_is_named(client: Client, faskes: Layer, query: str, name: str) -> None:
    answer = client.get(f"{ITEMS}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert list(answer.json()["errors"]) == [name]
    assert answer["Access-Control-Allow-Origin"] == "*"
    page = client.get(f"{ITEMS}?{query}", headers={"Accept": "text/html"})
    assert page.status_code == 400


@pytest.mark.parametrize(
    "path", ["/ogc/", "/ogc/collections", BASE, f"{BASE}/queryables", f"{ITEMS}/1", "/ogc/conformance", "/ogc/api"]
)
def test_unknown_parameter_is_refused_everywhere(client: Client, faskes: Layer, path: str) -> None:
    assert list(client.get(f"{path}?sandi=1").json()["errors"]) == ["sandi"]


def test_box_that_cannot_be_computed_is_named(faskes: Layer) -> None:
    version = faskes.versions.get()
    question = parse_items(faskes, version, QueryDict("bbox=-1e9,-1e9,1e9,1e9&bbox-crs=EPSG:32650"))
    with pytest.raises(ParameterError) as told, transaction.atomic():
        read_page(question)
    assert told.value.name == "bbox"


def test_page_of_queryables_says_types_in_words(client: Client, faskes: Layer) -> None:
    page = client.get(f"{BASE}/queryables?f=html", headers={"Accept-Language": "en"}).content.decode()
    assert [row.split("</td>")[0] for row in page.split('data-label="Type">')[1:]] == [
        "text", "text", "whole number", "points",
    ]  # fmt: skip
    page = client.get(f"{BASE}/queryables?f=html").content.decode()
    for raw in ("string", "integer", "geometry-point"):
        assert f">{raw}<" not in page
    assert ">titik<" in page
    assert client.get(f"{BASE}/queryables").json()["properties"]["tempat_tidur"]["type"] == "integer"


@pytest.mark.parametrize("path", ["/ogc/nothing", "/ogc/collections/nothing", "/ogc/collections/nothing/items"])
def test_404_among_data_does_not_speak_of_tickets(client: Client, db: None, path: str) -> None:
    told = client.get(path, headers={"Accept-Language": "en"})
    assert (told.status_code, told.json()["detail"]) == (404, "There is nothing here. Check the address.")
    assert client.get("/api/v1/nothing/", headers={"Accept-Language": "en"}).json()["detail"].endswith("the ticket.")
    for address in (path, "/data/nothing/"):
        page = client.get(address, headers={"Accept": "text/html"})
        assert page.status_code == 404
        assert 'name="ticket"' not in page.content.decode()
        assert 'href="/data/"' in page.content.decode()
    told = client.get("/data/nothing/", headers={"Accept": "application/json", "Accept-Language": "en"})
    assert told.json()["detail"] == "There is nothing here. Check the address."


def test_page_that_is_too_large_for_the_database_is_refused_by_the_name_of_the_parameter(
    client: Client, faskes: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layers.ogc.items.feature_sql", lambda *_: Sql("repeat('x', 2000000000)"))
    with transaction.atomic():
        answer = client.get(f"{ITEMS}?limit=10")
        transaction.set_rollback(True)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["limit"])


def test_limit_above_the_maximum_is_no_error(client: Client, faskes: Layer) -> None:
    assert ids(client, limit=999_999) == [1, 2, 3]
    assert ids(client, limit=10**20) == [1, 2, 3]


def test_property_is_a_filter(client: Client, faskes: Layer) -> None:
    assert ids(client, jenis="puskesmas", tempat_tidur="12") == [1]


@pytest.mark.parametrize(
    ("kind", "value", "hits", "misses"),
    [
        (
            "date",
            "2025-03-10",
            [
                "2025-03-10", "2025-03-01/2025-03-31", "2025-03-10/P1D", "P1M/2025-04-10", "../2025-03-10",
                "2025-03-09T20:00:00Z", "2025-03-10/..", "../9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00/..",
            ],
            ["2025-03-11", "2025-03-11/..", "../2025-03-09"],
        ),
        (
            "datetime",
            "2025-03-10T20:00:00Z",
            [
                "2025-03-11", "2025-03-10T20:00:00Z", "2025-03-10T19:00:00Z/PT1H", "2025-03-11T04:00:00+08:00",
                "/2025-03-11",
            ],
            ["2025-03-10", "../2025-03-10"],
        ),
    ],
)  # fmt: skip
def test_datetime_asks_the_first_field_with_a_date(
    client: Client, db: None, kind: str, value: str, hits: list[str], misses: list[str]
) -> None:
    fields = [{"name": "saat", "title": "Saat", "type": kind, "hidden": False}]
    make_layer(rows=[(shapely.Point(117, 0), {"saat": value}), (shapely.Point(117, 0), {"saat": "?"})], fields=fields)
    assert [span for span in hits if ids(client, datetime=span) != [1]] == []
    assert [span for span in misses if ids(client, datetime=span) != []] == []
    assert client.get(BASE).json()["extent"]["temporal"]["interval"][0][0].startswith("2025-03-10T")


def test_datetime_tells_nothing_apart_without_a_date(client: Client, faskes: Layer) -> None:
    assert ids(client, datetime="2024-01-01/P2D") == [1, 2, 3]


# Counting and paging.


def test_pages_follow_one_another_without_overlap(client: Client, db: None) -> None:
    make_layer(rows=[(shapely.Point(117 + n / 100, 0.5), {"n": n}) for n in range(25)])
    assert follow(client, limit=10) == [list(range(1, 11)), list(range(11, 21)), list(range(21, 26))]
    assert follow(client, limit=5, bbox="117,0,117.105,1") == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11]]


def test_pages_for_people_leave_nothing_out(client: Client, db: None) -> None:
    make_layer(rows=[(shapely.Point(117, 0), {"nama": str(number)}) for number in range(120)])
    address, seen = f"{ITEMS}?f=html&limit=200", []
    while address:
        page = client.get(address).content.decode()
        seen.append([int(fid) for fid in re.findall(r"/items/(\d+)\"", page)])
        found = re.search(r'href="http://testserver([^"]+)" rel="next"', page)
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == [list(range(1, 51)), list(range(51, 101)), list(range(101, 121))]


def test_numbers_are_told(client: Client, faskes: Layer) -> None:
    def numbers(**params: Any) -> tuple[Any, Any]:
        body = json.loads(client.get(ITEMS, params).content)
        return body.get("numberMatched"), body["numberReturned"]

    assert numbers() == (3, 3)
    assert numbers(limit=1) == (3, 1)
    assert numbers(limit=1, jenis="puskesmas") == (2, 1)
    assert numbers(jenis="tidak ada") == (0, 0)


def test_pages_end_after_a_feature_whatever_its_values_hold(client: Client, db: None) -> None:
    texts = ["a,\nb", ',\n{"type":"Feature","id":9', "},\n{", "\u2028,\r\n"]
    make_layer(rows=[(shapely.Point(117.5, 0.5), {"nama": text}) for text in texts])
    found = [json.loads(client.get(ITEMS, {"limit": limit}).content)["features"] for limit in range(1, 6)]
    assert [[one["properties"]["nama"] for one in page] for page in found] == [
        texts[:1], texts[:2], texts[:3], texts, texts
    ]  # fmt: skip
    assert follow(client, limit=3) == [[1, 2, 3], [4]]


def test_paging_stays_in_its_version(client: Client, faskes: Layer) -> None:
    first = json.loads(client.get(ITEMS, {"limit": 1}).content)
    publish(version=make_version(faskes, [(shapely.Point(117, 0), {"nama": "baru"})] * 5), by=None)
    following = next(link["href"] for link in first["links"] if link["rel"] == "next")
    body = json.loads(client.get(following).content)
    assert [feature["properties"]["nama"] for feature in body["features"]] == ["Puskesmas Sangatta Selatan"]
    assert len(ids(client)) == 5


def test_version_that_was_never_published_cannot_be_paged(client: Client, faskes: Layer) -> None:
    make_version(faskes, [(shapely.Point(117, 0), {"nama": "belum terbit"})] * 3)
    assert client.get(ITEMS, {"cursor": "2.1"}).status_code == 400


def test_paging_under_edits_gives_no_duplicates_and_no_gaps(client: Client, db: None) -> None:
    layer = make_layer(rows=[(shapely.Point(117, 0.5), {"n": n}) for n in range(60)])
    address, seen, removed, round_ = f"{ITEMS}?limit=7", [], set(), 0
    while address:
        body = json.loads(client.get(address).content)
        seen += [feature["id"] for feature in body["features"]]
        with connection.cursor() as cursor:  # one before, one behind the place where the reader stands goes away
            for fid in (seen[-1] - 3, seen[-1] + 4):
                cursor.execute("DELETE FROM layers_feature WHERE version_id = %s AND fid = %s", [layer.current_id, fid])
                removed.add(fid)
            cursor.execute(
                "INSERT INTO layers_feature (version_id, fid, geom) VALUES (%s, %s, 'SRID=4326;POINT(117 0)')",
                [layer.current_id, -1 - round_],
            )
        round_ += 1
        address = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")
    assert len(seen) == len(set(seen))
    assert set(range(1, 61)) - removed <= set(seen)


# Part 2.


@pytest.mark.parametrize("srid", [3857, 32650, 23837, 23838, 23880])
def test_crs_gives_what_postgis_transforms(client: Client, faskes: Layer, srid: int) -> None:
    answer = client.get(ITEMS, {"crs": f"{EPSG}{srid}"})
    assert answer["Content-Crs"] == f"<{EPSG}{srid}>"
    feature = json.loads(answer.content)["features"][0]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_X(g), ST_Y(g) FROM ST_Transform('SRID=4326;POINT(117.55 0.5)'::geometry, %s) g", [srid]
        )
        assert feature["geometry"]["coordinates"] == pytest.approx(cursor.fetchone(), abs=0.001)


def test_crs_4326_is_lat_lon_and_crs84_is_lon_lat(client: Client, faskes: Layer) -> None:
    def first(**params: str) -> Any:
        return json.loads(client.get(f"{ITEMS}/1", params).content)["geometry"]["coordinates"]

    assert first() == first(crs=CRS84) == [117.55, 0.5]
    assert first(crs=f"{EPSG}4326") == [0.5, 117.55]
    assert client.get(f"{ITEMS}/1", {"crs": f"{EPSG}4326"})["Content-Crs"] == f"<{EPSG}4326>"


def test_crs_of_the_file_is_offered(client: Client, faskes: Layer) -> None:
    faskes.versions.update(source_crs="EPSG:4755")  # DGN95, geographic: lat, lon
    assert f"{EPSG}4755" in client.get(BASE).json()["crs"]
    body = json.loads(client.get(f"{ITEMS}/1", {"crs": f"{EPSG}4755"}).content)
    assert body["geometry"]["coordinates"] == pytest.approx([0.5, 117.55])
    faskes.versions.update(source_crs="Local grid of the mine")
    assert len(client.get(BASE).json()["crs"]) == 7


# Headers.


def test_etag_changes_with_the_version_and_the_fields(client: Client, faskes: Layer) -> None:
    before = client.get(ITEMS)["ETag"]
    faskes.fields = [field | {"hidden": field["name"] == "jenis"} for field in FIELDS]
    faskes.save()
    hidden = client.get(ITEMS)
    assert hidden["ETag"] != before
    publish(version=make_version(faskes, POINTS), by=None)
    assert client.get(ITEMS)["ETag"] not in {before, hidden["ETag"]}


def test_answer_is_packed_if_the_client_takes_it(client: Client, faskes: Layer) -> None:
    answer = client.get(ITEMS, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(answer.content))["features"]) == 3


def test_preflight_is_answered(client: Client, faskes: Layer) -> None:
    answer = client.options(ITEMS)
    assert (answer.status_code, answer["Access-Control-Allow-Methods"]) == (204, "GET, HEAD, OPTIONS")
    assert client.post(ITEMS).status_code == 401


def test_feature_without_geometry_is_given_without(client: Client, faskes: Layer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE layers_feature SET geom = NULL WHERE version_id = %s AND fid = 1", [faskes.current_id])
    assert json.loads(client.get(f"{ITEMS}/1").content)["geometry"] is None
    assert ids(client) == [1, 2, 3]
    assert ids(client, bbox="-180,-90,180,90") == [2, 3]


def test_page_takes_few_queries(client: Client, faskes: Layer, django_assert_max_num_queries: Any) -> None:
    ids(client)
    with django_assert_max_num_queries(2):  # the layer, the features
        ids(client)


def test_filter_that_takes_too_long_is_stopped(client: Client, faskes: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    from layers.ogc import items
    from layers.ogc.statements import Sql

    monkeypatch.setattr(items, "TIMEOUT_MS", 50)
    monkeypatch.setattr(items, "parse_filter", lambda *_: Sql("(SELECT true FROM pg_sleep(5))"))
    answer = client.get(ITEMS, {"filter": "true"})
    assert (answer.status_code, answer.json()["code"]) == (503, "too_slow")
