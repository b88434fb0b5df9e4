"""What each published version changed: compared by the worker once, told to readers without what they may not see."""

from typing import Any

import pytest
import shapely
from django.test import Client

from layers import comparing
from layers.comparing import FID
from layers.history import compare_due
from layers.models import Layer, LayerEdit, VersionChange, VersionDifference
from layers.versions import publish, reinstate
from tests.factories.accounts import make_agency, make_coordinator, make_officer
from tests.factories.layers import Rows, make_layer, make_version

pytestmark = pytest.mark.django_db

NAMES = ("kode", "nama", "nik")
FIELDS = [{"name": name, "title": name.title(), "type": "text", "hidden": name == "nik"} for name in NAMES]
OLD: Rows = [
    (shapely.Point(117.1 + n / 10, 0.5), {"kode": f"K{n}", "nama": f"Pos {n}", "nik": f"lama-{n}"}) for n in range(5)
]
# K0 stays, K1 moves, K2 has another name, K3 goes, K4 differs in what is hidden only, K9 comes.
NEW: Rows = [
    OLD[0],
    (shapely.Point(117.25, 0.6), OLD[1][1]),
    (OLD[2][0], {"kode": "K2", "nama": "Pos dua", "nik": "lama-2"}),
    (OLD[4][0], {**OLD[4][1], "nik": "baru-4"}),
    (shapely.Point(117.9, 0.9), {"kode": "K9", "nama": "Pos baru", "nik": "baru-9"}),
]


def make_changed(**over: Any) -> Layer:
    layer = make_layer("pos", OLD, fields=FIELDS, **over)
    publish(version=make_version(layer, NEW), by=None, reason="Didata ulang.")
    layer.refresh_from_db()
    return layer


def test_worker_compares_each_change_once() -> None:
    make_changed()
    assert compare_due()
    assert not compare_due()
    told = VersionDifference.objects.get()
    assert (told.key, told.added, told.removed, told.moved, told.changed, told.same) == ("kode", 1, 1, 1, 1, 2)
    assert [one[0] for one in told.features] == ["changed", "moved", "removed", "added"]


def test_first_publication_has_nothing_to_compare() -> None:
    make_layer("pos", OLD)
    assert not compare_due()
    page = Client().get("/data/pos/riwayat/").content.decode()
    assert "Versi 1, yang pertama" in page
    assert Client().get("/data/pos/riwayat/1/").status_code == 200
    assert Client().get("/data/pos/riwayat/1/tanda.geojson").json()["features"] == []


def test_change_is_told_before_and_after_it_was_compared() -> None:
    make_changed()
    client = Client()
    assert "Sedang dibandingkan" in client.get("/data/pos/riwayat/").content.decode()
    assert "Sedang dibandingkan" in client.get("/data/pos/riwayat/2/").content.decode()
    compare_due()
    page = client.get("/data/pos/riwayat/2/").content.decode()
    for text in ("1 ditambah", "1 dihapus", "1 dipindah", "1 isinya berubah", "Didata ulang.", "Pos 2", "Pos dua"):
        assert text in page, text
    assert client.get("/data/pos/riwayat/3/").status_code == 404
    assert client.get("/data/pos/riwayat/2/?utm_source=wa").status_code == 200


def test_what_is_hidden_differs_for_nobody() -> None:
    make_changed()
    compare_due()
    client = Client()
    page = client.get("/data/pos/riwayat/2/").content.decode()
    signs = client.get("/data/pos/riwayat/2/tanda.geojson").json()["features"]
    assert {one["properties"]["label"] for one in signs} == {"Pos 1", "Pos dua", "Pos 3", "Pos baru"}
    for marker in ("lama-", "baru-4", "baru-9", "Nik", "nik", "Pos 4"):
        assert marker not in page, marker


def only_hidden_changed(rows: Rows) -> Rows:
    return [(place, {**values, "nik": f"baru-{n}"}) for n, (place, values) in enumerate(rows)]


@pytest.mark.parametrize("rows", [OLD, [*OLD, OLD[0]]], ids=["by a key", "as a whole"])
def test_version_that_changed_what_is_hidden_alone_changed_nothing(rows: Rows) -> None:
    layer = make_layer("pos", rows, fields=FIELDS)
    publish(version=make_version(layer, only_hidden_changed(rows)), by=None)
    compare_due()
    told = VersionDifference.objects.get()
    assert (told.n, told.same, told.features) == (0, len(rows), [])
    for address in ("", "2/"):
        assert "Objek kedua versi sama" in Client().get(f"/data/pos/riwayat/{address}").content.decode()


def test_hidden_changes_leave_room_for_visible_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST", 2)
    layer = make_layer("pos", OLD, fields=FIELDS)
    publish(version=make_version(layer, only_hidden_changed(OLD[:4])), by=None)
    compare_due()
    signs = Client().get("/data/pos/riwayat/2/tanda.geojson").json()["features"]
    assert [one["properties"]["what"] for one in signs] == ["removed"]


def test_field_that_is_hidden_later_is_told_of_no_more_and_compared_again() -> None:
    shown = [{**field, "hidden": False} for field in FIELDS]
    layer = make_layer("pos", OLD, fields=shown)
    publish(version=make_version(layer, NEW), by=None)
    compare_due()
    client = Client()
    assert b"baru-4" in client.get("/data/pos/riwayat/2/").content
    layer.refresh_from_db()
    layer.fields = FIELDS
    layer.save()
    page = client.get("/data/pos/riwayat/2/").content.decode()
    assert "Sedang dibandingkan" in page
    assert "baru-4" not in page
    while compare_due():
        pass
    page = client.get("/data/pos/riwayat/2/").content.decode()
    assert "Pos dua" in page
    assert "baru-4" not in page
    assert not compare_due()


def test_columns_that_came_and_went_are_named_and_change_no_row() -> None:
    layer = make_layer("pos", OLD, fields=FIELDS)
    new = [(place, {"kode": values["kode"], "nama": values["nama"], "alamat": "Jl. A"}) for place, values in OLD]
    layer.fields = [*FIELDS, {"name": "alamat", "title": "Alamat", "type": "text", "hidden": False}]
    layer.save()
    publish(version=make_version(layer, new), by=None)
    compare_due()
    told = VersionDifference.objects.get()
    assert (told.n, told.columns_new, told.columns_gone) == (0, ["alamat"], [])  # nik went, and nobody saw it
    assert "alamat" in Client().get("/data/pos/riwayat/2/").content.decode()


def test_shape_that_was_rounded_on_its_way_has_not_moved() -> None:
    area = shapely.Polygon([(117.1234567891, 0.5), (117.2000000004, 0.5000000009), (117.2, 0.6), (117.1234567891, 0.5)])
    rounded = shapely.transform(area, lambda corners: corners.round(7))
    layer = make_layer("petak", [(area, {"kode": "K1"}), (shapely.box(117, 0, 118, 1), {"kode": "K2"})])
    new: Rows = [(rounded, {"kode": "K1"}), (shapely.box(117, 0, 118, 1.000001), {"kode": "K2"})]
    publish(version=make_version(layer, new), by=None)
    compare_due()
    told = VersionDifference.objects.get()
    assert (told.moved, told.same) == (1, 1)


def test_row_that_moved_and_has_other_values_counts_as_both() -> None:
    layer = make_layer("pos", OLD, fields=FIELDS)
    new = [(shapely.Point(118, 1), {**OLD[0][1], "nama": "Lain"}), *OLD[1:]]
    publish(version=make_version(layer, new), by=None)
    compare_due()
    told = VersionDifference.objects.get()
    assert (told.moved, told.changed, told.both, told.n) == (1, 1, 1, 1)


def test_reason_from_before_everybody_read_it_stays_with_the_desk() -> None:
    layer = make_layer("pos", OLD, fields=FIELDS)
    new = make_version(layer, NEW)
    VersionChange.objects.create(layer=layer, before=layer.current, after=new, reason="HP bocor")
    assert "HP bocor" not in Client().get("/data/pos/riwayat/").content.decode()


def test_edited_features_are_told_apart_by_their_numbers() -> None:
    twice = [OLD[0], OLD[0], OLD[1]]
    layer = make_layer("pos", twice, fields=FIELDS)
    assert layer.current is not None
    base, editor = layer.current, make_officer(layer.agency)
    edited = make_version(layer, [OLD[0], (OLD[0][0], {**OLD[0][1], "nama": "Pos nol"}), OLD[1]])
    LayerEdit.objects.create(layer=layer, base=base, state="published", version=edited, opened_by=editor)
    publish(version=edited, by=None)
    compare_due()
    told = VersionDifference.objects.get()
    assert (told.key, told.added, told.removed, told.changed, told.same) == (FID, 0, 0, 1, 2)
    assert "Pos nol" in Client().get("/data/pos/riwayat/2/").content.decode()


@pytest.mark.parametrize("address", ["", "1/", "2/", "2/tanda.geojson"])
def test_private_layer_has_no_history_for_others(address: str) -> None:
    agency = make_agency("dinkes")
    layer = make_layer("pos", OLD, agency=agency, access="agency")
    publish(version=make_version(layer, NEW), by=None)
    compare_due()
    client = Client()
    assert client.get(f"/data/pos/riwayat/{address}").status_code == 404
    client.force_login(make_officer(agency))
    assert client.get(f"/data/pos/riwayat/{address}").status_code == 200


def test_going_back_is_a_change_too_and_the_number_of_queries_does_not_grow(
    django_assert_num_queries: Any,
) -> None:
    layer, coordinator = make_changed(), make_coordinator()
    first, second = layer.versions.order_by("number")
    compare_due()
    client = Client()
    client.get("/data/pos/riwayat/")
    with django_assert_num_queries(2):
        client.get("/data/pos/riwayat/")
    reinstate(version=first, by=coordinator, reason="Salah berkas.")
    reinstate(version=second, by=coordinator, reason="Ternyata benar.")
    while compare_due():
        pass
    with django_assert_num_queries(2):
        page = client.get("/data/pos/riwayat/").content.decode()
    assert page.index("Ternyata benar.") < page.index("Salah berkas.") < page.index("Didata ulang.")
    third = VersionDifference.objects.get(change__reason="Salah berkas.")
    assert (third.added, third.removed, third.moved, third.changed) == (1, 1, 1, 1)
    assert coordinator.username not in page
