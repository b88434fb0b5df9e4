"""Who sees what at /ogc/: a layer that is not for everybody, and a hidden field, leave no trace."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import shapely
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from layers.models import Layer
from layers.ogc import remembered
from layers.versions import publish
from tests.factories.accounts import make_agency, make_coordinator, make_officer, make_user
from tests.factories.keys import make_api_key
from tests.factories.layers import make_layer, make_version

MARK = "zqxjkv"
FIELDS = [
    {"name": "nama", "title": "Nama", "type": "text", "hidden": False},
    {"name": f"nik_{MARK}", "title": f"NIK {MARK}", "type": "text", "description": MARK, "hidden": True},
]
PLACE = shapely.Point(117.1234567, 0.7654321)


@pytest.fixture
def open_layer(db: None) -> Layer:
    """A public layer with a hidden field, and one property that its dictionary does not know."""
    rows = [(shapely.Point(117.5, 0.5), {"nama": "Sumur", f"nik_{MARK}": f"{MARK}-1", f"lain_{MARK}": MARK})] * 3
    return make_layer("sumur", rows, fields=FIELDS)


@pytest.fixture
def closed_layer(open_layer: Layer) -> Layer:
    """A layer of one agency whose every word is the mark."""
    words = {"title_id": MARK, "title_en": MARK, "abstract_id": MARK, "keywords": [MARK], "contact": MARK}
    fields = [{"name": MARK, "title": MARK, "type": "text", "hidden": False}]
    return make_layer(
        f"tertutup-{MARK}", [(PLACE, {MARK: MARK})], make_agency("dlh"), access="agency", fields=fields, **words
    )


def crawl(client: Client) -> Iterator[tuple[str, Any]]:
    """Yield every answer below /ogc/ that links lead to, in both formats, and some that nobody links to."""
    waiting = ["/ogc/"]
    waiting += [f"/ogc/collections/{slug}{rest}" for slug in ("sumur", f"tertutup-{MARK}") for rest in (
        "", "/queryables", "/items", "/items/1", "/tiles", "/tiles/WebMercatorQuad", "/tiles/WebMercatorQuad/0/0/0",
        "/tiles/WebMercatorQuad/14/8155/13521", "/tiles/WebMercatorQuad/tilejson.json",
        "/tiles/WebMercatorQuad/style.json", "/items?f=html", "/items?x=1",
        "/items?filter=x=1", "/items?bbox=117,0,118,1&crs=http://www.opengis.net/def/crs/EPSG/0/23838",
    )]  # fmt: skip
    waiting += [
        f"/ogc/collections/catalogue/items/tertutup-{MARK}",
        "/ogc/collections/catalogue/items?bbox=117,0,118,1",
    ]
    seen = set()
    while waiting:
        address = waiting.pop().removeprefix("http://testserver")
        if address in seen or not address.startswith("/ogc/") or "{" in address:
            continue
        seen.add(address)
        answer = client.get(address)
        yield address, answer
        if "json" in answer["Content-Type"]:
            waiting += _addresses(json.loads(answer.content))
    assert len(seen) > 40


def _addresses(node: Any) -> list[str]:
    if isinstance(node, list):
        return [address for part in node for address in _addresses(part)]
    if not isinstance(node, dict):
        return []
    own = [node["href"]] if isinstance(node.get("href"), str) else []
    return own + [address for part in node.values() for address in _addresses(part)]


def traces(client: Client) -> list[str]:
    """Return the addresses whose answers hold a mark, apart from what the asker wrote in the address itself."""
    found = []
    for address, answer in crawl(client):
        text = answer.content.decode(errors="replace") + json.dumps(dict(answer.headers))
        told = text.replace(address, "").replace(address.replace("&", "&amp;"), "")
        if MARK in told.replace(f"tertutup-{MARK}", "") or "117.1234" in told:
            found.append(address)
    return found


def people() -> dict[str, User | AnonymousUser]:
    return {"nobody": AnonymousUser(), "citizen": make_user(), "other agency": make_officer(make_agency("disdik"))}


@pytest.mark.parametrize("who", ["nobody", "citizen", "other agency"])
def test_closed_layer_and_hidden_field_leave_no_trace(client: Client, closed_layer: Layer, who: str) -> None:
    person = people()[who]
    if isinstance(person, User):
        client.force_login(person)
    assert traces(client) == []


def test_marks_are_found_where_they_may_be(client: Client, closed_layer: Layer) -> None:
    # The crawl is no proof unless it finds the mark for those who may see the layer.
    client.force_login(make_officer(make_agency("dlh")))
    assert len(traces(client)) > 10


def test_closed_layer_is_answered_as_one_that_is_missing(client: Client, closed_layer: Layer) -> None:
    for rest in ("", "/items", "/items/1", "/queryables", "/tiles", "/tiles/WebMercatorQuad/0/0/0"):
        closed = client.get(f"/ogc/collections/tertutup-{MARK}{rest}")
        missing = client.get(f"/ogc/collections/tidak-ada{rest}")
        assert (closed.status_code, closed.content) == (404, missing.content)
        assert dict(closed.headers) == dict(missing.headers)


def test_closed_layer_is_shown_to_its_people_and_kept_by_no_shared_cache(client: Client, closed_layer: Layer) -> None:
    for person in (make_officer(make_agency("dlh")), make_coordinator()):
        client.force_login(person)
        for rest in ("", "/items", "/items/1", "/queryables", "/tiles/WebMercatorQuad/0/0/0"):
            answer = client.get(f"/ogc/collections/{closed_layer.slug}{rest}")
            assert answer.status_code == 200
            assert answer["Cache-Control"].startswith("private")
        assert client.get("/ogc/collections")["Cache-Control"].startswith("private")


def test_closing_a_layer_ends_what_clients_keep(client: Client, open_layer: Layer) -> None:
    answer = client.get("/ogc/collections/sumur/items")
    assert answer["Cache-Control"].startswith("public")
    Layer.objects.filter(pk=open_layer.pk).update(access="agency")
    assert client.get("/ogc/collections/sumur/items", headers={"If-None-Match": answer["ETag"]}).status_code == 404


@pytest.mark.parametrize("name", [f"nik_{MARK}", f"lain_{MARK}"])
def test_hidden_field_cannot_be_asked_about(client: Client, open_layer: Layer, name: str) -> None:
    items = "/ogc/collections/sumur/items"
    hidden, unknown = (client.get(items, {word: "1"}).json()["detail"] for word in (name, "tidakada"))
    assert hidden.replace(name, "") == unknown.replace("tidakada", "")
    for text in (f"{name} = 'x'", f"{name} IS NULL", f"casei({name}) LIKE '%'"):
        refused = client.get(items, {"filter": text})
        unknown = client.get(items, {"filter": text.replace(name, "tidakada")})
        assert refused.status_code == 400
        assert refused.json()["detail"].replace(name, "") == unknown.json()["detail"].replace("tidakada", "")


def test_hidden_field_stays_hidden_in_old_versions_and_in_every_system(client: Client, open_layer: Layer) -> None:
    first = json.loads(
        client.get("/ogc/collections/sumur/items?limit=1&crs=http://www.opengis.net/def/crs/EPSG/0/3857").content
    )
    publish(version=make_version(open_layer, [(PLACE, {"nama": "x"})]), by=None)
    following = next(link["href"] for link in first["links"] if link["rel"] == "next")
    page = client.get(following).content.decode()
    assert "Sumur" in page
    assert MARK not in page
    assert MARK not in json.dumps(first)


def test_property_shown_again_is_given_again(client: Client, open_layer: Layer) -> None:
    open_layer.fields = [field | {"hidden": False} for field in FIELDS]
    open_layer.save()
    answer = json.loads(client.get("/ogc/collections/sumur/items/1").content)
    assert answer["properties"] == {"nama": "Sumur", f"nik_{MARK}": f"{MARK}-1"}


def test_features_for_nobody_take_the_short_way_and_pages_do_not(client: Client, open_layer: Layer) -> None:
    items = "/ogc/collections/sumur/items"
    data = client.get(items, headers={"Accept": "application/geo+json"})
    assert data["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert data["Access-Control-Allow-Origin"] == "*"
    assert "Cookie" not in data["Vary"]
    for headers in ({"Accept": "text/html"}, {"Accept": "text/*"}):
        assert "<h1>" in client.get(items, headers=headers).content.decode()
    assert "<h1>" in client.get(f"{items}?f=html").content.decode()
    assert client.get(f"{items}?f=xml").json()["errors"].keys() == {"f"}


# What a process remembers of a public layer (layers/ogc/remembered.py).

ITEMS = "/ogc/collections/sumur/items"
CLOSED = {"access": "agency"}
WITHDRAWN = {"state": "withdrawn"}
RENAMED = {"slug": "sumur-lama"}
WRONG = f"{ITEMS}?filter=nama"
ASKED_AGAIN = {"whole": ITEMS, "box": f"{ITEMS}?bbox=117,0,118,1&limit=2", "wrong parameter": WRONG}


@pytest.fixture
def known_layer(client: Client, open_layer: Layer) -> Layer:
    """The open layer, once asked for, so that this process remembers it."""
    assert client.get(ITEMS).status_code == 200
    return open_layer


def test_features_of_a_known_layer_take_one_statement(client: Client, known_layer: Layer) -> None:
    with CaptureQueriesContext(connection) as made:
        again = client.get(ITEMS)
    assert len(made) == 1
    remembered.forget()
    anew = client.get(ITEMS)
    assert again["ETag"] == anew["ETag"]
    assert again.json()["features"] == anew.json()["features"]


def test_people_with_a_key_are_asked_for_each_time(client: Client, known_layer: Layer) -> None:
    _key, headers = make_api_key(make_officer(make_agency("dlh")))
    with CaptureQueriesContext(connection) as made:
        assert client.get(ITEMS, headers=headers).status_code == 200
    assert any("row_mark" in one["sql"] for one in made)  # the layer is asked for by itself


@pytest.mark.parametrize("change", [CLOSED, WITHDRAWN, RENAMED], ids=["closed", "withdrawn", "renamed"])
@pytest.mark.parametrize("address", ASKED_AGAIN.values(), ids=ASKED_AGAIN)
def test_known_layer_that_is_no_longer_open_is_missing(
    client: Client, known_layer: Layer, change: dict[str, str], address: str
) -> None:
    before = client.get(address)
    Layer.objects.filter(pk=known_layer.pk).update(**change)
    headers = {"If-None-Match": before["ETag"]} if "ETag" in before else {}
    for asked in (client.get(address, headers=headers), client.get(address)):
        assert asked.status_code == 404
        assert asked.content == client.get(address.replace("sumur", "tidak-ada")).content


def test_field_that_is_hidden_meanwhile_is_hidden_at_once(client: Client, known_layer: Layer) -> None:
    assert '"nama"' in client.get(ITEMS).content.decode()
    Layer.objects.filter(pk=known_layer.pk).update(fields=[{**field, "hidden": True} for field in FIELDS])
    assert '"nama"' not in client.get(ITEMS).content.decode()
    assert "nama" not in client.get(f"{ITEMS}?lain=1").json()["detail"]


@pytest.mark.parametrize("known", [True, False])
def test_error_of_a_known_layer_names_no_field_that_was_hidden_meanwhile(
    client: Client, known_layer: Layer, known: bool
) -> None:
    Layer.objects.filter(pk=known_layer.pk).update(fields=[{**field, "hidden": True} for field in FIELDS])
    if not known:
        remembered.forget()
    refused = client.get(f"{ITEMS}?lain=1")
    assert refused.status_code == 400
    assert "nama" not in refused.json()["detail"]


def test_tag_of_a_known_layer_is_no_longer_good_when_a_field_was_hidden(client: Client, known_layer: Layer) -> None:
    tag = {"If-None-Match": client.get(ITEMS)["ETag"]}
    assert client.get(ITEMS, headers=tag).status_code == 304
    Layer.objects.filter(pk=known_layer.pk).update(fields=[{**field, "hidden": True} for field in FIELDS])
    answer = client.get(ITEMS, headers=tag)
    assert answer.status_code == 200
    assert '"nama"' not in answer.content.decode()


def test_known_layer_gives_its_new_version(client: Client, known_layer: Layer) -> None:
    publish(version=make_version(known_layer, [(PLACE, {"nama": "Sumur baru"})]), by=None)
    assert [feature["properties"]["nama"] for feature in client.get(ITEMS).json()["features"]] == ["Sumur baru"]


@pytest.mark.parametrize("address", [ITEMS, f"{ITEMS}?nama=Sumur"])
def test_layer_that_is_closed_while_its_features_are_asked_for_gives_none(
    client: Client, known_layer: Layer, address: str
) -> None:
    done = []

    def close_first(execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        if not done:  # the statement that reads the features, or the savepoint around it
            done.append(statement)
            Layer.objects.filter(pk=known_layer.pk).update(**CLOSED)
        return execute(statement, params, many, context)

    with connection.execute_wrapper(close_first):
        answer = client.get(address)
    assert done
    assert answer.status_code == 404
    assert answer.content == client.get(address.replace("sumur", "tidak-ada")).content


def test_wrong_parameter_of_a_known_layer_is_told_as_ever(client: Client, known_layer: Layer) -> None:
    again = client.get(WRONG)
    remembered.forget()
    anew = client.get(WRONG)
    assert again.status_code == anew.status_code == 400
    assert again.content == anew.content
