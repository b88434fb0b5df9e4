"""A field for some readers is where they look, and nowhere for anybody else: every way out, both ways.

The layer is public. Each of its fields but one is for other readers, and has a mark of its own in its name, its
description and its values.
"""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
import shapely
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from layers.formats import FORMATS
from layers.keys import make_key
from layers.models import ImportJob, Layer, LayerDownload
from layers.versions import publish
from tests.factories.accounts import make_agency, make_coordinator, make_officer, make_user
from tests.factories.layers import make_layer, make_version
from tests.integration.crawling import Answer, addresses_of, ask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kutim")]

OFFICE, OWN, TEAM, NOBODY = "zqxwoqi", "zqxbevu", "zqxfyho", "zqxjuka"
MARKS = {OFFICE, OWN, TEAM, NOBODY}
TILE = (14, 13540, 8168)
NEAR = "/data/tanya/{}?kind=near&a=sumur&b=jalan&metres=5000"


@pytest.fixture
def team() -> Group:
    return Group.objects.create(name="Tim air")


@pytest.fixture
def layer(team: Group) -> Layer:
    fields: list[dict[str, Any]] = [{"name": "nama", "title": "Nama", "type": "text", "hidden": False}]
    for mark, more in (
        (OFFICE, {"shown_to": "regency"}),
        (OWN, {"shown_to": "agency"}),
        (TEAM, {"shown_to": "groups", "groups": [team.pk]}),
        (NOBODY, {"hidden": True, "shown_to": "nobody"}),
    ):
        fields.append({"name": mark, "title": mark, "type": "text", "description": mark, "hidden": False} | more)
    values = {mark: f"isi {mark}" for mark in MARKS}
    rows = [(shapely.Point(117.5135 + n / 1000, 0.5086), {"nama": f"Sumur {n}", **values}) for n in range(4)]
    made = make_layer("sumur", rows, make_agency("dlh"), fields=fields, title_id="Sumur", abstract_id="Sumur.")
    publish(version=make_version(made, rows[:3]), by=None)
    make_layer("jalan", [(shapely.LineString([(117.5, 0.5), (117.6, 0.51)]), {"nama": "Jalan"})], made.agency)
    made.refresh_from_db()
    return made


def people(layer: Layer, team: Group) -> dict[str, tuple[User | None, set[str]]]:
    """Return each reader with the marks that are theirs."""
    member = make_user()
    member.groups.add(team)
    return {
        "nobody": (None, set()),
        "citizen": (make_user(), set()),
        "member": (member, {TEAM}),
        "another agency": (make_officer(make_agency("disdikbud")), {OFFICE}),
        "own agency": (make_officer(layer.agency), {OFFICE, OWN, TEAM}),
        "coordinator": (make_coordinator(), {OFFICE, OWN, TEAM}),
    }


WHO = ("nobody", "citizen", "member", "another agency", "own agency", "coordinator")


def signed_in(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


def with_key(user: User) -> Client:
    return Client(headers={"X-API-Key": make_key(by=user, consumer="uji")[1]})


def marks_in(answer: Answer, address: str) -> set[str]:
    """Return the marks that an answer holds, besides those that its own address has."""
    return {mark for mark in MARKS if mark in answer.told and mark not in address}


SHOWN = [
    "/data/sumur/", "/data/sumur/?version=1", "/data/sumur/fitur/1/",
    "/data/sumur/unduh/csv/", "/data/sumur/unduh/geojson/?version=1",
    f"/tiles/sumur/{TILE[0]}/{TILE[1]}/{TILE[2]}.mvt", "/tiles/sumur/8/211/127.mvt?version=1",
    "/ogc/collections/sumur/items?f=json", "/ogc/collections/sumur/items/1?f=json",
    "/ogc/collections/sumur/items?f=html", "/ogc/collections/sumur/queryables?f=json",
    f"/ogc/collections/sumur/tiles/WebMercatorQuad/{TILE[0]}/{TILE[2]}/{TILE[1]}", "/ogc/api?f=json",
    NEAR.format(""), NEAR.format("unduh/csv/"),
]  # fmt: skip
"""Ways out on which the marks of a field stand for those who may read it."""


@pytest.mark.parametrize("who", WHO)
def test_each_way_out_holds_the_readers_fields_and_no_others(layer: Layer, team: Group, who: str) -> None:
    user, own = people(layer, team)[who]
    clients = [signed_in(user)] + ([with_key(user)] if user else [])
    for client in clients:
        by_key = client is not clients[0]
        for address in SHOWN:
            answer = ask(client, address)
            assert answer.status == 200, address
            assert marks_in(answer, address) == own, (address, by_key)
    client = clients[0]
    for address in addresses_of("sumur", TILE, ["csv"]):
        assert marks_in(ask(client, address), address) <= own, address
    if who in {"nobody", "own agency"}:
        for code in FORMATS:
            assert marks_in(ask(client, f"/data/sumur/unduh/{code}/"), code) == own, code
    for address in ("/ogc/collections/catalogue/items", "/ogc/collections?f=json", "/data/?q=sumur"):
        assert marks_in(ask(client, address), address) <= own, address
    # The catalogue finds nothing by such fields, and the embedded map is the same for all.
    for mark in MARKS:
        assert 'href="/data/sumur/"' not in ask(client, f"/data/?q={mark}").body
    assert not [mark for mark in MARKS if f"isi {mark}" in ask(client, f"/data/sumur/sematan/?colour={OFFICE}").body]


@pytest.mark.parametrize("who", WHO)
def test_asking_by_a_field_works_for_its_readers_and_is_unknown_to_others(layer: Layer, team: Group, who: str) -> None:
    user, own = people(layer, team)[who]
    client = signed_in(user)
    for mark in MARKS:
        knows = mark in own
        text = quote(json.dumps({"op": "=", "args": [{"property": mark}, f"isi {mark}"]}))
        for address in (
            f"/ogc/collections/sumur/items?f=json&{mark}=isi+{mark}",
            f"/ogc/collections/sumur/items?f=json&filter={mark}+LIKE+'isi%25'",
            f"/ogc/collections/sumur/items?f=json&filter-lang=cql2-json&filter={text}",
            f"/data/sumur/?sort={mark}",
            f"/tiles/sumur/{TILE[0]}/{TILE[1]}/{TILE[2]}.mvt?field={mark}",
        ):
            assert ask(client, address).status == (200 if knows else 400), address
        found = ask(client, f"/data/sumur/unduh/csv/?q={mark}").body.strip().count("\n")
        assert found == (3 if knows else 0), mark
        styled = ask(client, f"/data/sumur/?colour={mark}").body
        assert (f"isi {mark}" in re.sub(r"<table.*?</table>", "", styled, flags=re.DOTALL)) == knows


def test_what_one_reader_gets_no_cache_gives_to_another(layer: Layer, team: Group) -> None:
    readers = {who: signed_in(user) for who, (user, _own) in people(layer, team).items()}
    for address in [
        *(one for one in SHOWN if one.startswith(("/ogc/collections/", "/tiles/")) and "f=html" not in one),
        "/data/sumur/",
    ]:
        before = ask(readers["nobody"], address)
        tags, bodies = {}, {}
        for who, client in readers.items():
            response = client.get(address)
            assert "private" in response["Cache-Control"], (who, address)
            assert "public" not in response["Cache-Control"]
            assert {"Cookie", "Authorization", "X-API-Key"} <= {name.strip() for name in response["Vary"].split(",")}
            tags[who], bodies[who] = response.headers.get("ETag"), ask(client, address).body
        assert ask(readers["nobody"], address) == before
        if tag := tags["own agency"]:
            assert tags["nobody"] != tag
            assert tags["nobody"] == tags["citizen"]
            assert readers["nobody"].get(address, headers={"If-None-Match": tag}).status_code == 200, address
            assert readers["own agency"].get(address, headers={"If-None-Match": tag}).status_code == 304, address


def test_downloads_with_fields_for_some_are_written_down(layer: Layer, team: Group) -> None:
    for user, _own in people(layer, team).values():
        ask(signed_in(user), "/data/sumur/unduh/csv/")
    assert LayerDownload.objects.count() == 4  # not nobody's and the citizen's: they took what everybody may


def test_editor_changes_the_fields_that_are_theirs_and_the_others_stay(layer: Layer, team: Group) -> None:
    editor = signed_in(make_officer(layer.agency))
    url = "/ogc/collections/sumur/items/1"
    seen = editor.get(url)
    assert set(seen.json()["properties"]) == {"nama", OFFICE, OWN, TEAM}
    sent = json.dumps({"properties": {OWN: "baru"}})
    kind, state = "application/merge-patch+json", {"If-Match": seen["ETag"]}
    assert editor.patch(url, sent, content_type=kind, headers=state).status_code == 204
    assert editor.get(url).json()["properties"][OWN] == "baru"
    refused = editor.patch(url, json.dumps({"properties": {NOBODY: "x"}}), content_type=kind, headers={"If-Match": "*"})
    assert refused.status_code in {400, 422}
    signs = ask(editor, "/data/sumur/perubahan/tanda.geojson")
    assert NOBODY not in signs.told
    from layers.models import FeatureChange

    kept = FeatureChange.objects.get().properties
    assert (kept[NOBODY], kept[TEAM], kept[OWN]) == (f"isi {NOBODY}", f"isi {TEAM}", "baru")


def test_draft_of_an_answer_keeps_what_everybody_sees_alone(layer: Layer, team: Group) -> None:
    editor = signed_in(make_officer(layer.agency))
    given = {"kind": "near", "a": "sumur", "b": "jalan", "metres": "5000", "agency": layer.agency.code}
    assert editor.post("/data/tanya/simpan/", given).status_code == 302
    job = ImportJob.objects.get()
    from layers.uploads import folder_of

    files = [path for path in folder_of(job).rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert not [mark for mark in MARKS if mark.encode() in path.read_bytes()]
