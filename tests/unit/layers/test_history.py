"""What each published version changed: compared by the worker once, told to readers without what they may not see."""

from typing import Any

import pytest
import shapely
from django.test import Client

from layers.comparing import FID
from layers.history import compare_due
from layers.models import Layer, LayerEdit, VersionDifference
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
    assert (told.key, told.added, told.removed, told.moved, told.changed, told.same) == ("kode", 1, 1, 1, 2, 1)
    assert sorted(one[0] for one in told.features) == ["added", "changed", "changed", "moved", "removed"]


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
    for text in ("1 ditambah", "1 dihapus", "1 dipindah", "2 isinya berubah", "Didata ulang.", "Pos 2", "Pos dua"):
        assert text in page, text
    assert client.get("/data/pos/riwayat/3/").status_code == 404
    assert client.get("/data/pos/riwayat/2/?x=1").status_code == 400


def test_what_is_hidden_differs_for_nobody() -> None:
    make_changed()
    compare_due()
    client = Client()
    page = client.get("/data/pos/riwayat/2/").content.decode()
    signs = client.get("/data/pos/riwayat/2/tanda.geojson").json()["features"]
    assert {one["properties"]["label"] for one in signs} == {"Pos 1", "Pos dua", "Pos 3", "Pos baru"}
    for marker in ("lama-", "baru-4", "baru-9", "Nik", "Pos 4"):
        assert marker not in page, marker


def test_reader_who_sees_more_fields_sees_their_changes() -> None:
    agency = make_agency("dinkes")
    fields = [*FIELDS[:2], {**FIELDS[2], "hidden": False, "shown_to": "agency"}]
    layer = make_layer("pos", OLD, agency=agency, fields=fields)
    publish(version=make_version(layer, NEW), by=None)
    compare_due()
    client = Client()
    assert b"baru-4" not in client.get("/data/pos/riwayat/2/").content
    client.force_login(make_officer(agency))
    response = client.get("/data/pos/riwayat/2/")
    assert b"baru-4" in response.content
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("key", "rows"), [(None, [*OLD, OLD[0]]), ("nik", [*OLD, (OLD[0][0], {**OLD[0][1], "nik": "x"})])]
)
def test_without_a_key_to_be_seen_a_row_that_differs_in_what_is_hidden_is_not_told(key: str | None, rows: Rows) -> None:
    layer = make_layer("pos", rows, fields=FIELDS)
    publish(version=make_version(layer, [*NEW, rows[-1]]), by=None)
    compare_due()
    told = VersionDifference.objects.get()
    assert told.key == key
    assert told.added + told.removed >= 4
    page = Client().get("/data/pos/riwayat/2/").content.decode()
    assert "tidak ditampilkan untuk semua orang" in page
    assert "Pos" not in page
    assert Client().get("/data/pos/riwayat/2/tanda.geojson").json()["features"] == []


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
    assert (third.added, third.removed, third.moved, third.changed) == (1, 1, 1, 2)
    assert coordinator.username not in page
