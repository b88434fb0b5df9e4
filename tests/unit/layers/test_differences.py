"""Signs for what changed, on the map of an upload or an edit: the right kinds and places, bounded, for editors only."""

import re
from dataclasses import astuple
from typing import Any

import pytest
import shapely
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from accounts.models import Agency, User
from layers import comparing, differences, editing, uploads
from layers.comparing import Line, Pair, compare, lines
from layers.editing import summarise
from layers.models import FeatureChange, ImportJob, Layer, LayerEdit, LayerVersion
from tests.factories.accounts import make_agency, make_coordinator, make_officer
from tests.factories.layers import Rows, make_layer, make_version

pytestmark = pytest.mark.django_db

OLD: Rows = [(shapely.Point(117.1 + n / 10, 0.5), {"kode": f"K{n}", "nama": f"Pos {n}"}) for n in range(4)]
# K0 stays, K1 moves and has another name, K2 has another name, K3 goes, K9 comes.
NEW: Rows = [
    OLD[0],
    (shapely.Point(117.25, 0.6), {"kode": "K1", "nama": "Pos satu"}),
    (OLD[2][0], {"kode": "K2", "nama": "Pos dua"}),
    (shapely.Point(117.9, 0.9), {"kode": "K9", "nama": "Pos baru"}),
]


def kinds(found: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    return {
        one["properties"]["label"]: (one["properties"]["what"], one["geometry"]["coordinates"])
        for one in found["features"]
    }


def signs(layer: Layer, new: LayerVersion, key: str | None) -> dict[str, Any]:
    assert layer.current is not None
    found = Pair(layer.current, new, key=key).differing()
    return differences.between(layer=layer, old=layer.current, new=new, found=found)


def lines_between(layer: Layer, new: LayerVersion, key: str | None) -> list[Line]:
    assert layer.current is not None
    found = Pair(layer.current, new, key=key).differing()
    return lines(layer=layer, old=layer.current, new=new, found=found)


def test_versions_by_key() -> None:
    layer = make_layer("pos", OLD)
    found = signs(layer, make_version(layer, NEW), "kode")
    assert kinds(found) == {
        "Pos satu": ("moved", [[117.2, 0.5], [117.25, 0.6]]),
        "Pos dua": ("changed", [117.3, 0.5]),
        "Pos 3": ("removed", [117.4, 0.5]),
        "Pos baru": ("added", [117.9, 0.9]),
    }


def test_versions_without_key_count_as_the_comparison_does() -> None:
    layer = make_layer("pos", [*OLD, OLD[0], OLD[0]])
    new = make_version(layer, [*NEW, OLD[0]])
    assert layer.current is not None
    found = signs(layer, new, None)
    told = [one["properties"]["what"] for one in found["features"]]
    counts = compare(old=layer.current, new=new)
    assert (told.count("added"), told.count("removed")) == (counts.added, counts.removed) == (3, 4)


def told(line: Line) -> tuple[tuple[str, Any, Any], ...]:
    return tuple((field["title"], old, new) for field, old, new in line.values)


def test_lines_tell_values_before_and_after_but_not_hidden_ones() -> None:
    hidden = [
        {"name": name, "title": name.title(), "type": "text", "hidden": name == "nik"}
        for name in ("kode", "nama", "nik")
    ]
    old = [(place, {**values, "nik": "1"}) for place, values in OLD]
    new = [(place, {**values, "nik": "2"}) for place, values in NEW]
    layer = make_layer("pos", old, fields=hidden)
    assert layer.current is not None
    found = lines_between(layer, make_version(layer, new), "kode")
    assert [(one.label, one.difference.what, one.difference.place, told(one), one.hidden) for one in found] == [
        ("Pos 0", "changed", "", (), 1),
        ("Pos satu", "changed", "moved", (("Nama", "Pos 1", "Pos satu"),), 1),
        ("Pos dua", "changed", "", (("Nama", "Pos 2", "Pos dua"),), 1),
        ("Pos 3", "removed", "", (), 0),
        ("Pos baru", "added", "", (), 0),
    ]
    assert lines_between(layer, layer.current, "kode") == []
    assert lines_between(layer, layer.current, None) == []


def test_signs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST", 2)
    layer = make_layer("pos", OLD)
    found = signs(layer, make_version(layer, NEW), "kode")
    assert len(found["features"]) == 2


def test_feature_without_a_place_has_no_sign() -> None:
    layer = make_layer("pos", OLD)
    new = make_version(layer, [*OLD, (shapely.Point(), {"kode": "K8", "nama": "Tanpa tempat"})])
    found = signs(layer, new, "kode")
    assert [one["geometry"] for one in found["features"]] == [None]


def edited(layer: Layer, by: User) -> LayerEdit:
    assert layer.current is not None
    edit = LayerEdit.objects.create(layer=layer, base=layer.current, opened_by=by)
    for fid, kind, geometry, properties in [
        (2, "replace", "POINT(117.25 0.6)", {"kode": "K1", "nama": "Pos satu"}),
        (3, "replace", "POINT(117.3 0.5)", {"kode": "K2", "nama": "Pos dua"}),
        (4, "delete", None, None),
        (9, "create", "POINT(117.9 0.9)", {"kode": "K9", "nama": "Pos baru"}),
        (10, "create", "POINT(117.8 0.9)", {"kode": "K10", "nama": "Pos sesaat"}),
        (10, "delete", None, None),
    ]:
        FeatureChange.objects.create(edit=edit, fid=fid, kind=kind, geom=geometry, properties=properties, by=by)
    return edit


def test_edit_is_told_like_versions_and_to_its_editors_only(kutim: None) -> None:
    agency = Agency.objects.get(short_name="DLH")
    officer, other = make_officer(agency), make_officer(make_agency("lain"))
    layer = make_layer("pos", OLD, agency)
    edited(layer, officer)
    client = Client(headers={"Accept-Language": "en"})
    address = "/data/pos/perubahan/tanda.geojson"
    assert client.get(address).status_code == 302
    client.force_login(other)
    assert client.get(address).status_code == 404
    client.force_login(officer)
    response = client.get(address)
    assert response["Content-Type"] == "application/geo+json"
    assert "no-store" in response["Cache-Control"]
    told = {label: what for label, (what, _place) in kinds(response.json()).items()}
    assert told == {"Pos satu": "moved", "Pos dua": "changed", "Pos 3": "removed", "Pos baru": "added"}
    page = client.get("/data/pos/perubahan/").content.decode()
    assert address in page
    assert "difference--removed" in page
    assert "nama Pos 1 → becomes Pos satu" in " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "moved, other values" in page
    LayerEdit.objects.update(state="discarded", closed_by=officer, closed_at=timezone.now())
    assert client.get(address).json()["features"] == []


def test_upload_is_compared_on_its_map_until_it_is_published(kutim: None) -> None:
    agency = Agency.objects.get(short_name="DLH")
    officer = make_officer(agency)
    layer = make_layer("pos", OLD, agency)
    version = make_version(layer, NEW)
    assert layer.current is not None
    differing_rows = [astuple(one) for one in Pair(layer.current, version, key="kode").differing()]
    comparison = {"key": "kode", "added": 1, "removed": 1, "moved": 1, "changed": 1, "same": 1}
    job = ImportJob.objects.create(
        agency=agency, layer=layer, version=version, by=officer, name="pos.csv", state=uploads.State.SUBMITTED,
        inspection={"comparison": comparison, "differing": differing_rows, "rows": 4, "findings": [], "fields": [],
                    "preview": []},
    )  # fmt: skip
    address = f"/data/unggah/{job.pk}/beda.geojson"
    client = Client()
    assert client.get(address).status_code == 302
    client.force_login(make_officer(make_agency("lain")))
    assert client.get(address).status_code in {403, 404}
    coordinator = make_coordinator()
    client.force_login(coordinator)
    assert len(client.get(address).json()["features"]) == 4
    assert address in client.get(f"/data/unggah/{job.pk}/").content.decode()
    uploads.approve(job=job, by=coordinator)
    assert client.get(address).status_code == 404
    assert "beda.geojson" not in client.get(f"/data/unggah/{job.pk}/").content.decode()


NOWHERE = shapely.Point()
# K0 moved and has another name, K1 lost its place, K2 lost its place and has another name, K3 had none and got one.
PLACED: Rows = [*OLD[:3], (NOWHERE, OLD[3][1])]
PLACED_ANEW: Rows = [
    (shapely.Point(117.9, 0.9), {"kode": "K0", "nama": "Pos nol"}),
    (NOWHERE, OLD[1][1]),
    (NOWHERE, {"kode": "K2", "nama": "Pos dua"}),
    OLD[3],
]


def test_place_that_is_lost_or_gained_is_not_told_as_moved() -> None:
    layer = make_layer("pos", PLACED)
    new = make_version(layer, PLACED_ANEW)
    assert layer.current is not None
    counts = compare(old=layer.current, new=new, key="kode")
    assert (counts.moved, counts.lost, counts.gained, counts.changed, counts.both, counts.n) == (1, 2, 1, 2, 2, 4)
    assert kinds(signs(layer, new, "kode")) == {
        "Pos nol": ("moved", [[117.1, 0.5], [117.9, 0.9]]),
        "Pos 1": ("lost", [117.2, 0.5]),
        "Pos dua": ("lost", [117.3, 0.5]),
        "Pos 3": ("gained", [117.4, 0.5]),
    }
    with translation.override("en"):
        words = {line.label: what for line, what, _values in differences.told(lines_between(layer, new, "kode"))}
    assert words == {
        "Pos nol": "moved, other values",
        "Pos 1": "lost its place",
        "Pos dua": "lost its place, other values",
        "Pos 3": "got a place",
    }


def test_place_without_a_shape_is_none_however_it_is_stored() -> None:
    layer = make_layer("pos", PLACED)
    new = make_version(layer, PLACED)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE layers_feature SET geom = NULL WHERE version_id = %s AND fid = 4", [new.pk])
    assert layer.current is not None
    assert compare(old=layer.current, new=new, key="kode").n == 0


def test_edit_tells_values_of_what_moved_and_places_lost_and_gained(kutim: None) -> None:
    agency = Agency.objects.get(short_name="DLH")
    officer = make_officer(agency)
    layer = make_layer("pos", PLACED, agency)
    assert layer.current is not None
    edit = LayerEdit.objects.create(layer=layer, base=layer.current, opened_by=officer)
    for fid, (shape, properties) in enumerate(PLACED_ANEW, start=1):
        place = None if shape.is_empty else shape.wkt
        FeatureChange.objects.create(edit=edit, fid=fid, kind="replace", geom=place, properties=properties, by=officer)
    told = summarise(edit)
    assert (told.moved, told.lost, told.gained, told.changed, told.both, told.n) == (1, 2, 1, 2, 2, 4)
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(officer)
    page = " ".join(re.sub(r"<[^>]+>", " ", client.get("/data/pos/perubahan/").content.decode()).split())
    for text in (
        "1 moved, 2 with other values.",
        "2 features lost their place.",
        "1 feature got a place.",
        "2 features changed in place and in values, and are told in both figures.",
        "moved, other values",
        "lost its place, other values",
    ):
        assert text in page, text
    found = kinds(client.get("/data/pos/perubahan/tanda.geojson").json())
    assert {label: what for label, (what, _place) in found.items()} == {
        "Pos nol": "moved", "Pos 1": "lost", "Pos dua": "lost", "Pos 3": "gained",
    }  # fmt: skip
    assert "2 features lost their place." in client.get("/data/pos/").content.decode()


def test_feature_that_was_changed_and_changed_back_is_told_so() -> None:
    layer = make_layer("pos", OLD)
    edit = LayerEdit.objects.create(layer=layer, base=layer.current, opened_by=make_officer(layer.agency))
    place, properties = OLD[0]
    FeatureChange.objects.create(
        edit=edit, fid=1, kind="replace", geom=place.wkt, properties=properties, by=edit.opened_by
    )
    with translation.override("en"):
        assert [(line.what, line.values) for line in editing.lines(edit)] == [("as it was", ())]
    assert summarise(edit).n == 0
