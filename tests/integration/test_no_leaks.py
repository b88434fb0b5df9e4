"""Private data and hidden fields leave no trace for anybody who may not see them, wherever that person looks.

Three proofs for each person. The whole site is crawled and no mark is found in any answer: text, header, tile, file.
With the private data the site says, byte for byte, what it said without them: no count, order or ETag tells. Whatever
is asked about a private name is answered as the same question about a name that does not exist. And the crawler finds
the marks where somebody may see them, so that the test can fail.
"""

import json
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import shapely
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client

from accounts.models import User
from layers import usage
from layers.formats import FORMATS
from layers.history import compare_due
from layers.keys import make_key
from layers.models import ImportJob, Layer
from layers.ogc import kept
from layers.versions import publish
from tests.conftest import empty_caches
from tests.factories.accounts import make_agency, make_coordinator, make_officer, make_user
from tests.factories.layers import make_layer, make_version
from tests.integration.crawling import ABOUT_DATA, Answer, addresses_of, ask, crawl

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kutim")]

SECRET, FIELD, MISSING = "zqxprivat", "zqxtutupi", "zqxkosong"  # of one length: answers may count letters
LON, LAT, NUMBER, DAY = 117.5135791, 0.5086429, 987123.5, "2017-03-29"
TILES = [(0, 0, 0), (8, 211, 127), (14, 13540, 8168)]
"""Tiles that hold the place."""
MARKS = [SECRET, FIELD, SECRET.title(), FIELD.title(), SECRET.upper(), str(LON)[:9], str(LAT)[:7], str(NUMBER), DAY]
MARKS += [struct.pack(order, number).decode("latin-1") for number in (LON, LAT, NUMBER) for order in ("<d", ">d")]
CLOSED = f"data-{SECRET}"
ABSENT = f"data-{MISSING}"

Person = Callable[[], Client]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def with_key(user: User) -> Client:
    return Client(headers={"X-API-Key": make_key(by=user, consumer="uji")[1]})


STRANGERS: dict[str, Person] = {
    "nobody": Client,
    "citizen": lambda: signed_in(make_user()),
    "another agency": lambda: signed_in(make_officer(make_agency("disdikbud"))),
    "another agency's key": lambda: with_key(make_officer(make_agency("disdikbud"))),
}


@pytest.fixture(autouse=True)
def _small_layers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FROM_FEATURES", 1)


def keep_all() -> None:
    """Do what the worker does a moment after publication."""
    while kept.keep_due():
        pass


@pytest.fixture
def open_layer() -> Layer:
    """A public layer in two versions with hidden fields, and one in its features that its dictionary does not know."""
    shown = [{"name": "nama", "title": "Nama", "type": "text", "hidden": False}]
    hidden = [
        {"name": f"nik_{FIELD}", "title": f"NIK {FIELD}", "type": "text", "description": FIELD, "hidden": True},
        {"name": "besar", "title": "Besar", "type": "number", "hidden": True},
        {"name": "tanggal", "title": "Tanggal", "type": "date", "hidden": True},
    ]
    more = {f"nik_{FIELD}": f"{FIELD}-1", f"lain_{FIELD}": FIELD, "besar": NUMBER, "tanggal": DAY}
    rows = [(shapely.Point(117.5, 0.5 + n / 100), {"nama": f"Sumur {n}", **more}) for n in range(5)]
    layer = make_layer("sumur", rows, make_agency("dlh"), fields=shown + hidden, title_id="Sumur", abstract_id="Sumur.")
    rows[1] = (rows[1][0], {**rows[1][1], f"nik_{FIELD}": f"{FIELD}-2"})
    publish(version=make_version(layer, rows[:4]), by=None)
    compare_due()
    keep_all()
    layer.refresh_from_db()
    return layer


def add_private_data(owner: User) -> Layer:
    """Add what strangers may not know of: a layer, one for a group, one that was public, drafts, and records."""
    words = {
        "title_id": f"Sumur {SECRET}", "title_en": f"Wells {SECRET}", "abstract_id": f"Sumur {SECRET}.",
        "abstract_en": SECRET, "keywords": [SECRET, "sumur"], "contact": SECRET, "lineage": SECRET, "source": SECRET,
        "theme": "sosial",
    }  # fmt: skip
    fields = [
        {"name": f"f_{SECRET}", "title": SECRET, "type": "text", "description": SECRET, "hidden": False},
        {"name": "besar_rahasia", "title": "Besar", "type": "number", "hidden": False},
        {"name": "tanggal_rahasia", "title": "Tanggal", "type": "date", "hidden": False},
    ]
    values = {f"f_{SECRET}": f"{SECRET} sumur", "besar_rahasia": NUMBER, "tanggal_rahasia": DAY}
    rows = [(shapely.Point(LON, LAT), values), (shapely.Point(LON + 0.001, LAT), values)]
    agency = owner.memberships.get().agency
    layer = make_layer(CLOSED, rows, agency, access="agency", fields=fields, licence=f"Izin {SECRET}", **words)
    publish(version=make_version(layer, rows), by=owner, reason=SECRET)
    compare_due()
    layer.refresh_from_db()
    grouped = make_layer(f"grup-{SECRET}", rows, agency, access="groups", fields=fields, **words)
    grouped.groups.add(Group.objects.create(name=SECRET))
    for state in ("draft", "submitted", "withdrawn"):
        left = make_layer(f"{state}-{SECRET}", rows, agency, fields=fields, **words)
        Layer.objects.filter(pk=left.pk).update(state=state)
    once = make_layer(f"dulu-{SECRET}", rows, agency, fields=fields, **words)
    keep_all()
    for address in addresses_of(once.slug, TILES[0], ["csv"]):
        ask(Client(), address)  # whatever caches keep of it, they keep now
    Layer.objects.filter(pk=once.pk).update(access="agency")
    ImportJob.objects.create(
        agency=agency, layer=layer, version=layer.current, by=owner, name=f"{SECRET}.zip", state="submitted",
        inspection={"findings": [], "preview": [values]}, about={"title_id": SECRET},
    )  # fmt: skip
    make_key(by=owner, consumer=SECRET)
    ask(signed_in(owner), f"/data/{CLOSED}/unduh/csv/")
    usage.flush()
    return layer


@pytest.fixture
def owner() -> User:
    return make_officer(make_agency("dlh"), first_name="Ratna")


def marked(answers: dict[str, Answer], *, marks: list[str] | None = None) -> list[str]:
    """Return the addresses whose answers hold a mark."""
    return [address for address, answer in answers.items() if any(mark in answer.told for mark in marks or MARKS)]


# The whole site.


@pytest.mark.parametrize("who", STRANGERS)
def test_crawl_finds_no_mark_and_nothing_that_private_data_changed(open_layer: Layer, owner: User, who: str) -> None:
    client = STRANGERS[who]()
    crawl(client, tiles=TILES, most=60)  # what is made once (cookies, figures that are kept) is made
    without = transaction.savepoint()
    add_private_data(owner)
    after = crawl(client, tiles=TILES)
    transaction.savepoint_rollback(without)
    empty_caches()  # an answer that was kept would hide what it would be now
    # Other pages tell of reports, and the time. What answers name is in them, so there is nothing else to open.
    before = {address: ask(client, address) for address in after if address.startswith(ABOUT_DATA)}
    kinds = ["/ogc/collections/sumur/items", "/tiles/sumur/", "/data/sumur/unduh/gpkg/", "/data/sumur/metadata.xml"]
    for kind in [*kinds, "/ogc/collections/catalogue/items", "/data/?", "/api/v1/", "/laporan/"]:
        assert any(address.startswith(kind) for address in after), kind
    assert len(after) > 150
    assert not [address for address, answer in after.items() if answer.status >= 500 and address != "/readyz/"]
    assert marked(after) == []
    binary = ("/unduh/gpkg/", "/unduh/xlsx/", "/unduh/shp/", "/unduh/fgb/", "/unduh/parquet/")  # hold the time
    differ = {
        address: (answer.status, after[address].status)
        for address, answer in before.items()
        if answer != after[address] and not any(part in address for part in binary)
    }
    assert differ == {}
    assert [address for address, answer in before.items() if answer.status != after[address].status] == []


def test_crawl_finds_the_marks_where_they_may_be_seen(open_layer: Layer, owner: User) -> None:
    add_private_data(owner)
    answers = crawl(signed_in(owner), tiles=TILES, most=1_200, within=ABOUT_DATA)
    found = marked(answers)
    kinds = [
        "/data/", "/data/?", f"/data/{CLOSED}/", f"/data/{CLOSED}/fitur/", f"/data/{CLOSED}/metadata.xml",
        f"/data/{CLOSED}/metadata.jsonld", f"/data/{CLOSED}/versi/", "/data/unduhan/", "/data/unggah/", "/data/kunci/",
        f"/tiles/{CLOSED}/0/0/0.mvt", "/ogc/collections", "/ogc/api", f"/ogc/collections/{CLOSED}/items",
        f"/ogc/collections/{CLOSED}/queryables", f"/ogc/collections/{CLOSED}/tiles/WebMercatorQuad/0/0/0",
        "/ogc/collections/catalogue/items", f"/ogc/collections/catalogue/items/{CLOSED}",
        *(f"/data/{CLOSED}/unduh/{code}/" for code in FORMATS),
    ]  # fmt: skip
    assert [kind for kind in kinds if not any(address.startswith(kind) for address in found)] == []
    assert marked(answers, marks=[FIELD, FIELD.title()]) == []  # hidden from its own agency too


def test_crawl_finds_the_hidden_field_once_it_is_shown(open_layer: Layer) -> None:
    open_layer.fields = [field | {"hidden": False} for field in open_layer.fields]
    open_layer.save()
    answers = crawl(Client(), tiles=TILES, within=ABOUT_DATA)
    found = marked(answers, marks=[FIELD, FIELD.title(), str(NUMBER), DAY])
    assert "Sumur" in ask(Client(), f"/data/?q={FIELD}").body
    for kind in ("/data/sumur/", "/tiles/sumur/", "/ogc/collections/sumur/items", "/ogc/api",
                 "/ogc/collections/sumur/queryables", *(f"/data/sumur/unduh/{code}/" for code in FORMATS)):  # fmt: skip
        assert any(address.startswith(kind) for address in found), kind


# Names that are asked for.


def same(client: Client, address: str, names: dict[str, str], method: str = "GET", **sent: Any) -> list[str]:
    """Return the address if the answer tells its marked names apart from the missing ones; [] if it does not."""
    other = address
    for name, instead in names.items():
        other = other.replace(name, instead)
    asked, missing = ask(client, address, method, **sent), ask(client, other, method, **sent)
    return [] if asked.instead(names) == missing.instead(names) else [f"{method} {address}"]


WRITTEN = ("/csv/", "/gpkg/")
"""One download of each of the two ways to make one (layers/downloads.py); all eight are asked for without more."""


@pytest.mark.parametrize("who", STRANGERS)
def test_private_names_are_answered_as_missing_ones_at_every_address(open_layer: Layer, owner: User, who: str) -> None:
    add_private_data(owner)
    client = STRANGERS[who]()
    told = []
    names = {SECRET: MISSING}
    body = json.dumps({"type": "Feature", "geometry": None, "properties": {}})
    for kind in ("data", "grup", "draft", "submitted", "withdrawn", "dulu"):
        slug = f"{kind}-{SECRET}"
        every = addresses_of(slug, TILES[0], FORMATS if kind == "data" else ["csv"])
        for address in every:
            told += same(client, address, names)
            assert ask(client, address).status in {302, 403, 404, 405}, address
        if kind != "data":
            continue
        if who == "citizen":
            continue  # to these methods and queries somebody without an agency is as nobody
        every = [address for address in every if f"/data/{slug}/unduh/" not in address or address.endswith(WRITTEN)]
        for address in every:
            told += same(client, address, names, "HEAD")
            told += same(client, address, names, "OPTIONS")
            told += same(client, address, names, headers={"If-None-Match": "*"})
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                sent = {"data": body, "content_type": "application/geo+json", "headers": {"If-Match": '"1"'}}
                told += same(client, address, names, method, **sent)
        for query in ("f=html", "f=json", "limit=x", f"f_{SECRET}=x", "filter=1", "version=1", "version=2", "q=sumur",
                      "field=f", "sort=f", "colour=f", "crs=x", "cursor=1.1"):  # fmt: skip
            for address in every:
                told += same(client, f"{address}?{query}", names)
    assert told == []


SEARCHES = [
    "/data/?q={word}", "/data/?q=sumur+{word}", "/data/?q={word}+di+Sangatta+Utara",
    "/ogc/collections/catalogue/items?q={word}",
    "/ogc/collections/catalogue/items?ids=sumur,data-{word}", "/?q={word}", "/laporan/?q={word}",
    "/api/v1/reports/?q={word}", "/data/sumur/?q={word}", "/data/sumur/unduh/csv/?q={word}",
    "/lapor/?baru&layer=data-{word}",
    "/data/tanya/?kind=buffer&a=data-{word}&metres=10", "/data/tanya/?kind=within&a=sumur&b=data-{word}&metres=10",
    "/ogc/collections/sumur/items?nama={word}", "/data/unduhan/?layer=data-{word}",
]  # fmt: skip


@pytest.mark.parametrize("who", STRANGERS)
def test_searches_tell_no_marked_word_from_a_missing_one(open_layer: Layer, owner: User, who: str) -> None:
    add_private_data(owner)
    client = STRANGERS[who]()
    told = []
    for word in (SECRET, FIELD, f"nik_{FIELD}", f"lain_{FIELD}"):
        names = {SECRET: MISSING, FIELD: MISSING}
        for search in SEARCHES:
            told += same(client, search.format(word=word), names)
    # Beginnings and typing errors, which the search takes for the word.
    for word in (SECRET[:6], SECRET[:-1] + "x", FIELD[:6], FIELD[:-1] + "x"):
        for address in (f"/data/?q={word}", f"/data/sumur/?q={word}"):
            assert not any(mark in ask(client, address).told for mark in (SECRET, FIELD)), address
            told += same(client, address, {word: "y" * len(word)})
    for asked in (f"/ogc/collections/catalogue/items?bbox={LON},{LAT},{LON},{LAT}", "/data/?theme=sosial",
                  "/data/?agency=dlh&kecamatan=64.08.04", "/data/?freshness=fresh&q=sumur"):  # fmt: skip
        assert not any(mark in ask(client, asked).body for mark in (SECRET, FIELD)), asked
    assert told == []


QUESTIONS = [
    "/ogc/collections/sumur/items?{name}=x", "/ogc/collections/sumur/items?filter={name}%20=%20'x'",
    "/ogc/collections/sumur/items?filter={name}%20IS%20NULL",
    "/ogc/collections/sumur/items?filter=casei({name})%20LIKE%20'%25'",
    "/ogc/collections/sumur/items?properties={name}", "/ogc/collections/sumur/items?sortby={name}",
    "/data/sumur/?sort={name}", "/data/sumur/?sort=-{name}", "/data/sumur/?colour={name}",
    "/tiles/sumur/0/0/0.mvt?field={name}",
    "/tiles/sumur/0/0/0.mvt?field={name}&version=1", "/data/sumur/?{name}=x", "/data/sumur/unduh/csv/?{name}=x",
]  # fmt: skip


@pytest.mark.parametrize("who", STRANGERS)
def test_hidden_fields_are_answered_as_missing_ones(open_layer: Layer, who: str) -> None:
    client = STRANGERS[who]()
    told = []
    for name, missing in ((f"nik_{FIELD}", f"nik_{MISSING}"), (f"lain_{FIELD}", f"lain_{MISSING}"), ("besar", "absen"),
                          ("tanggal", "tongkol")):  # fmt: skip
        for question in QUESTIONS:
            told += same(client, question.format(name=name), {name: missing})
        text = json.dumps({"op": "=", "args": [{"property": name}, 1]})
        told += same(
            client, f"/ogc/collections/sumur/items?filter-lang=cql2-json&filter={quote(text)}", {name: missing}
        )
    assert told == []


def test_values_of_hidden_fields_select_nothing(open_layer: Layer) -> None:
    for value in (FIELD, f"{FIELD}-1", str(NUMBER), DAY):
        assert ask(Client(), f"/data/sumur/unduh/csv/?q={value}").body.count("\n") == 1
        assert '"features":[]' in ask(Client(), f"/data/sumur/unduh/geojson/?q={value}").body.replace(" ", "").replace(
            "\n", ""
        )
    # No date is shown, so a time tells nothing apart; the extent in time of the collection is left out.
    for span in (DAY, "2000-01-01/2001-01-01"):
        body = ask(Client(), f"/ogc/collections/sumur/items?datetime={span}").body
        assert json.loads(body)["numberReturned"] == 4
    assert "temporal" not in ask(Client(), "/ogc/collections/sumur").body


def test_coordinator_sees_what_is_private_by_page_and_by_key(open_layer: Layer, owner: User) -> None:
    add_private_data(owner)
    coordinator = make_coordinator()
    for client in (signed_in(coordinator), with_key(coordinator)):
        for address in addresses_of(CLOSED, TILES[0], ["csv"]):
            answer = ask(client, address)
            if address.endswith("/sematan/"):  # of public data only, whoever asks
                assert answer.status == 404
                continue
            assert answer.status in {200, 302}, address
            if answer.status == 200:
                assert "Cache-Control: private" in answer.headers or "no-store" in answer.headers, address
