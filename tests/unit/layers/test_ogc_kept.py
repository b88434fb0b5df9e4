"""Features that are kept as GeoJSON leave as those that are written anew, and only where nothing is hidden."""

from typing import Any

import pytest
import shapely
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from psycopg2 import sql

from layers.models import Layer, LayerVersion
from layers.ogc import kept
from layers.versions import publish, roll_back
from tests.factories.accounts import make_agency, make_officer
from tests.factories.layers import make_layer, make_version

ITEMS = "/ogc/collections/sumur/items"
AS_KEPT = {
    "whole": "",
    "box": "bbox=117.05,0.05,117.95,0.5",
    "box in metres": "bbox=13030000,0,13130000,50000&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/3857",
    "page": "limit=7",
    "crs named": "crs=http://www.opengis.net/def/crs/OGC/1.3/CRS84&limit=3",
}
WRITTEN_ANEW = {
    "in metres": "crs=http://www.opengis.net/def/crs/EPSG/0/32650",
    "north first": "crs=http://www.opengis.net/def/crs/EPSG/0/4326",
    "by a field": "nama=Sumur 3",
    "by a filter": "filter=dalam > 5",
}


def rows(count: int = 20) -> list[tuple[Any, dict[str, Any]]]:
    """Return areas on a diagonal; the last has a hole, many corners and words that JSON must escape."""
    found = [
        (shapely.box(117 + n / 20, n / 20, 117.03 + n / 20, 0.03 + n / 20), {"nama": f"Sumur {n}", "dalam": n})
        for n in range(count - 1)
    ]
    ring = shapely.Point(117.9, 0.9).buffer(0.05, quad_segs=20) - shapely.Point(117.9, 0.9).buffer(0.01)
    return [*found, (ring, {"nama": 'Baris\n"dua" \\ é', "dalam": None})]


@pytest.fixture(autouse=True)
def _small_layers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FROM_FEATURES", 1)


@pytest.fixture
def layer(db: None) -> Layer:
    fields = [{"name": "nama", "type": "text"}, {"name": "dalam", "type": "integer"}]
    return make_layer("sumur", rows(), fields=fields)


def tables() -> set[str]:
    """Return the names of the tables of kept features."""
    return {name for name in connection.introspection.table_names() if name.startswith(kept.PREFIX)}


def features(client: Client, query: str) -> tuple[list[Any], str, bool]:
    """Return the features of all pages, the text of the first, and whether that was read from what is kept."""
    address, found, first, was_kept = f"{ITEMS}?{query}", [], "", False
    while address:
        with CaptureQueriesContext(connection) as made:
            answer = client.get(address)
        assert answer.status_code == 200
        if not first:
            first = answer.content.decode()
            read = [one["sql"] for one in made if "string_agg" in one["sql"]]
            was_kept = kept.PREFIX in read[-1]  # what a process remembered may have been tried before
        page = answer.json()
        found += page["features"]
        address = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    return found, first[: first.index('"numberReturned"')], was_kept


@pytest.mark.parametrize("query", [*AS_KEPT.values(), *WRITTEN_ANEW.values()], ids=[*AS_KEPT, *WRITTEN_ANEW])
def test_kept_features_are_those_written_anew(client: Client, layer: Layer, query: str) -> None:
    before = features(client, query)
    assert before[0]
    assert before[2] is False
    assert kept.keep_due()
    after = features(client, query)
    assert after[:2] == before[:2]
    assert after[2] is (query in AS_KEPT.values())


def test_nothing_is_found_where_nothing_is(client: Client, layer: Layer) -> None:
    kept.keep_due()
    answer = client.get(f"{ITEMS}?bbox=10,10,11,11").json()
    assert (answer["features"], answer["numberMatched"]) == ([], 0)


def test_feature_without_a_place_is_kept(client: Client, db: None) -> None:
    make_layer("sumur", [(shapely.Point(), {"nama": "Tanpa tempat"}), (shapely.Point(117.5, 0.5), {"nama": "Sumur"})])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE layers_feature SET geom = NULL WHERE ST_IsEmpty(geom)")
    before = features(client, "")
    kept.keep_due()
    after = features(client, "")
    assert after[2]
    assert after[:2] == before[:2]
    assert before[0][0]["geometry"] is None


def test_field_that_is_hidden_does_not_leave_with_what_is_kept(client: Client, layer: Layer) -> None:
    kept.keep_due()
    assert "Sumur 3" in client.get(ITEMS).content.decode()
    fields = [entry | {"hidden": entry["name"] == "nama"} for entry in layer.fields]
    Layer.objects.filter(pk=layer.pk).update(fields=fields)
    found, text, was_kept = features(client, "")
    assert not was_kept
    assert "nama" not in text
    assert "Sumur" not in text
    assert len(found) == 20


def test_property_that_the_dictionary_does_not_know_does_not_leave_with_what_is_kept(client: Client, db: None) -> None:
    make_layer("sumur", [(shapely.Point(117.5, 0.5), {"nama": "Sumur", "lain": "zqxjkv"})], fields=[{"name": "nama"}])
    kept.keep_due()
    _found, text, was_kept = features(client, "")
    assert not was_kept
    assert "zqxjkv" not in text


def test_what_is_hidden_from_everybody_is_not_written_a_second_time(client: Client, layer: Layer) -> None:
    kept.keep_due()
    Layer.objects.filter(pk=layer.pk).update(fields=[{"name": "nama", "hidden": True}, {"name": "dalam"}])
    kept.drop_outdated()
    assert not kept.keep_due()
    kept.drop_outdated()
    assert tables() == set()
    assert len(features(client, "")[0]) == 20


@pytest.mark.parametrize("entry", [{"hidden": True}, {"shown_to": "coming"}, {"shown_to": "coming", "hidden": True}])
def test_hidden_field_of_another_version_changes_nothing(client: Client, layer: Layer, entry: dict[str, Any]) -> None:
    Layer.objects.filter(pk=layer.pk).update(fields=[*layer.fields, {"name": "nik", **entry}])
    assert kept.keep_due()
    kept.drop_outdated()
    assert features(client, "")[2] is True


def test_editors_see_their_edit_and_not_what_is_kept(client: Client, db: None) -> None:
    agency = make_agency("dinkes")
    made = make_layer("sumur", rows(), agency)
    kept.keep_due()
    client.force_login(make_officer(agency))
    one = client.get(f"{ITEMS}/1")
    patch = '{"properties": {"nama": "Sumur baru"}}'
    headers = {"If-Match": one["ETag"], "X-CSRFToken": "x"}
    changed = client.patch(f"{ITEMS}/1", patch, content_type="application/merge-patch+json", headers=headers)
    assert changed.status_code in {200, 204}, changed.content
    assert "Sumur baru" in client.get(ITEMS).content.decode()
    client.logout()
    found, text, was_kept = features(client, "")
    assert was_kept
    assert "Sumur baru" not in text
    assert len(found) == made.current.feature_count  # type: ignore[union-attr]


def test_new_version_is_read_at_once_and_kept_next(client: Client, layer: Layer) -> None:
    assert kept.keep_due()
    assert not kept.keep_due()
    client.get(ITEMS)
    publish(version=make_version(layer, rows(5)), by=None)
    found, _text, was_kept = features(client, "")
    assert (len(found), was_kept) == (5, False)
    assert kept.keep_due()
    found, _text, was_kept = features(client, "")
    assert (len(found), was_kept) == (5, True)


def test_what_is_kept_of_a_retired_version_goes_at_the_round_after_the_next(client: Client, layer: Layer) -> None:
    kept.keep_due()
    first = layer.current
    following = client.get(f"{ITEMS}?limit=7").json()["links"]
    following = next(link["href"] for link in following if link["rel"] == "next")
    publish(version=make_version(layer, rows(5)), by=None)
    kept.keep_due()
    both = tables()
    assert len(both) == 2
    kept.drop_outdated()
    assert tables() == both
    assert LayerVersion.objects.get(pk=first.pk).kept_as == ""  # type: ignore[union-attr]
    assert len(client.get(following).json()["features"]) == 7
    kept.drop_outdated()
    assert len(tables()) == 1
    assert len(client.get(following).json()["features"]) == 7
    found, _text, was_kept = features(client, "")
    assert (len(found), was_kept) == (5, True)


@pytest.mark.parametrize("hours", [0, 1, 2])
def test_version_that_is_taken_back_to_is_kept_again(client: Client, layer: Layer, hours: int) -> None:
    kept.keep_due()
    publish(version=make_version(layer, rows(5)), by=None)
    for _hour in range(hours):
        kept.drop_outdated()
    layer.refresh_from_db()
    roll_back(layer=layer, by=None)
    while kept.keep_due():
        pass
    found, _text, was_kept = features(client, "")
    assert (len(found), was_kept) == (20, True)


def test_what_was_kept_in_another_form_is_made_anew(
    client: Client, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep_due()
    monkeypatch.setattr(kept, "FORM", "0ther001")
    assert features(client, "")[2] is False
    assert kept.keep_due()
    assert features(client, "")[2] is True
    kept.drop_outdated()
    assert tables() == {f"{kept.PREFIX}{layer.current_id}_0ther001"}


def test_table_that_a_dump_left_out_is_made_anew(client: Client, layer: Layer) -> None:
    kept.keep_due()
    (name,) = tables()
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE {table}").format(table=sql.Identifier(name)))
    kept.drop_outdated()
    assert features(client, "")[2] is False
    assert kept.keep_due()
    assert features(client, "")[2] is True


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [False, True], ids=["for who asks anew", "for who remembers the layer"])
def test_page_is_written_anew_where_the_table_is_gone(client: Client, layer: Layer, after: bool) -> None:
    kept.keep_due()
    if after:
        client.get(ITEMS)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {kept.PREFIX}{layer.current_id}_{kept.FORM}")
    answer = client.get(f"{ITEMS}?limit=7")
    assert answer.status_code == 200
    assert [feature["id"] for feature in answer.json()["features"]] == [1, 2, 3, 4, 5, 6, 7]


def test_small_and_unpublished_versions_are_not_kept(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    make_version(layer, rows(30))
    monkeypatch.setattr(kept, "FROM_FEATURES", 21)
    assert not kept.keep_due()


@pytest.mark.django_db(transaction=True)
def test_table_that_is_gone_is_not_missed(client: Client) -> None:
    made = make_layer("sumur", rows())
    kept.keep_due()
    assert features(client, "")[2] is True
    LayerVersion.objects.filter(layer=made).update(kept_as="")
    kept.drop_outdated()
    assert tables() == set()
    found, _text, was_kept = features(client, "")
    assert (len(found), was_kept) == (20, False)


@pytest.mark.django_db(transaction=True)
def test_table_that_somebody_reads_is_dropped_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_layer("sumur", rows())
    kept.keep_due()
    LayerVersion.objects.filter(layer=made).update(kept_as="")
    monkeypatch.setattr(kept, "DROP_WAIT_MS", 50)
    (name,) = tables()
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {table}").format(table=sql.Identifier(name)))
        kept.drop_outdated()
    assert tables() == {name}
    other.close()
    kept.drop_outdated()
    assert tables() == set()


def test_worker_keeps_and_drops() -> None:
    assert "layers.ogc.kept.keep_due" in settings.WORKER_JOBS
    assert "layers.ogc.kept.drop_outdated" in settings.WORKER_HOURLY
