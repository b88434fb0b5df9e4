import json
from importlib import import_module
from typing import Any

import pytest
import shapely
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from psycopg2 import sql

from accounts.models import User
from layers import differences, versions
from layers.comparing import Pair, lines
from layers.errors import NoEarlierVersion, NotReady
from layers.models import Feature, Layer, LayerVersion, LayerWord
from layers.selection import matches, words_query
from tests.factories.accounts import make_agency, make_officer
from tests.factories.layers import POINTS, make_layer, make_version

pytestmark = pytest.mark.django_db
SPOT = shapely.Point(117.5, 0.5)


def test_store_version_keeps_features_and_counts_them() -> None:
    layer = make_layer()
    assert layer.current is not None
    assert layer.current.feature_count == 3
    assert layer.current.extent is not None
    first = Feature.objects.get(version=layer.current, fid=1)
    assert first.properties["nama"] == "Puskesmas Teluk Lingga"
    assert first.geom.coords == (117.55, 0.5)


def test_publish_swaps_the_current_version_and_keeps_the_old() -> None:
    layer = make_layer(access="agency")
    old = layer.current
    assert old is not None
    versions.publish(version=make_version(layer, POINTS[:1]), by=None)
    layer.refresh_from_db()
    assert layer.current is not None
    assert (layer.current.number, layer.current.feature_count) == (2, 1)
    old.refresh_from_db()
    assert old.state == "retired"
    assert Feature.objects.filter(version=old).count() == 3
    assert layer.access == "agency"


def test_roll_back_brings_the_earlier_version_again() -> None:
    layer = make_layer()
    versions.publish(version=make_version(layer, POINTS[:1]), by=None)
    layer.refresh_from_db()
    versions.roll_back(layer=layer, by=None)
    layer.refresh_from_db()
    assert layer.current is not None
    assert layer.current.number == 1
    with pytest.raises(NoEarlierVersion):
        versions.roll_back(layer=layer, by=None)


def test_roll_back_to_a_version_from_before_types_were_kept_brings_its_types() -> None:
    layer = make_layer(rows=[(shapely.Point(117, 0.5), {"dalam": 3})], fields=[{"name": "dalam", "type": "integer"}])
    with connection.cursor() as cursor:
        cursor.execute(import_module("layers.migrations.0084_types_beside_statistics").TYPES)
    second = make_version(layer, [(shapely.Point(117, 0.5), {"dalam": "tiga"})])
    second.statistics["dalam"]["type"] = "text"
    second.save()
    assert [field["type"] for field in versions.publish(version=second, by=None).fields] == ["text"]
    layer.refresh_from_db()
    assert [field["type"] for field in versions.roll_back(layer=layer, by=None).fields] == ["integer"]
    assert layer.versions.get(number=1).statistics["dalam"] == {
        "type": "integer", "count": 1, "nulls": 0, "distinct": 1,
    }  # fmt: skip


def test_publish_refuses_a_layer_without_licence_and_names_it() -> None:
    layer = make_layer()
    Layer.objects.filter(pk=layer.pk).update(licence="")
    with pytest.raises(NotReady, match=r"lisensi|licence"):
        versions.publish(version=make_version(layer, POINTS), by=None)


def test_store_version_with_one_point_has_an_extent() -> None:
    layer = make_layer(rows=[(shapely.Point(117.5, 0.5), {"nama": "Satu"})])
    assert layer.current is not None
    assert layer.current.extent is not None
    assert layer.current.extent.valid


def test_store_version_without_features_has_no_extent() -> None:
    layer = make_layer(rows=[])
    assert layer.current is not None
    assert layer.current.feature_count == 0
    assert layer.current.extent is None


def test_words_of_a_large_version_are_indexed_by_the_worker(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(versions, "WORDS_AT_ONCE", 2)
    layer = make_layer()
    small, large = make_version(layer, POINTS[:1]), layer.current
    assert large is not None
    assert (small.words_indexed, large.words_indexed) == (True, False)
    assert "layers.versions.index_words_due" in settings.WORKER_JOBS
    found = matching(large, "puskesmas")
    assert found
    assert versions.index_words_due()
    assert not versions.index_words_due()
    large.refresh_from_db()
    assert large.words_indexed
    assert matching(large, "puskesmas") == found
    asked = sql.SQL("EXPLAIN SELECT f.fid FROM {table} f WHERE {condition}").format(
        table=sql.Identifier(large.partition), condition=matches(layer, words_query("puskesmas"))
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(asked)
        assert any("Bitmap Index Scan" in line for (line,) in cursor.fetchall())


def test_row_with_more_words_than_an_index_holds_is_found_by_its_short_values(monkeypatch: pytest.MonkeyPatch) -> None:
    report = " ".join(f"kata{number}" for number in range(200_000))  # 2 MB; a tsvector holds one
    rows = [(shapely.Point(117.5, 0.5), {"laporan": report, "nama": "Embung Rantau Pulung", "nomor": 6408})]
    layer = make_layer(rows=rows)
    version = layer.current
    assert version is not None
    assert version.words_indexed
    assert matching(version, "rantau pulung") == matching(version, "6408") == matching(version, "kata7") == [1]
    assert matching(version, "kata199999") == []
    assert LayerWord.objects.filter(layer=layer, part="feature", word="embung").exists()


def matching(version: LayerVersion, words: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT f.fid FROM layers_feature f WHERE f.version_id = {id} AND {condition} ORDER BY 1").format(
                id=sql.Literal(version.pk), condition=matches(version.layer, words_query(words))
            )
        )
        return [fid for (fid,) in cursor.fetchall()]


def test_personal_data_hide_a_field_when_their_version_is_published_no_earlier() -> None:
    layer = make_layer(rows=[(SPOT, {"nama": "Sumur", "catatan": "kering"})])
    loaded = make_version(layer, [(SPOT, {"nama": "Sumur", "catatan": "6408041207850001"})])
    loaded.statistics = {"nama": {}, "catatan": {"personal": True}}
    loaded.save()
    pair = Pair(layer.current, loaded)
    masked = versions.hiding_personal(layer, loaded)
    told = lines(layer=masked, old=layer.current, new=loaded, found=pair.differing())
    assert [(line.values, line.hidden) for line in told] == [((), 1)]
    signs = differences.between(layer=masked, old=layer.current, new=loaded, found=pair.differing())
    assert len(signs["features"]) == 1
    assert "6408041207850001" not in json.dumps(signs)
    assert [field["name"] for field in layer.shown_fields()] == ["nama", "catatan"]
    versions.publish(version=loaded, by=None)
    layer.refresh_from_db()
    assert [field["name"] for field in layer.shown_fields()] == ["nama"]
    # Whoever shows it again has been warned: the next version leaves it so.
    layer.fields = [entry | {"hidden": False} for entry in layer.fields]
    layer.save()
    again = make_version(layer, [(SPOT, {"nama": "Sumur", "catatan": "6408041207850002"})])
    LayerVersion.objects.filter(pk=again.pk).update(statistics=loaded.statistics)
    again.refresh_from_db()
    versions.publish(version=again, by=None)
    layer.refresh_from_db()
    assert [field["name"] for field in layer.shown_fields()] == ["nama", "catatan"]


@pytest.mark.parametrize("named", ["everybody", "agency", "groups"])
def test_whoever_is_named_reads_a_new_field_from_its_publication(named: str) -> None:
    agency = make_agency("dinkes")
    officer = make_officer(agency)
    layer = make_layer(rows=[(SPOT, {"nama": "Sumur"})], agency=agency)
    layer.fields = [*layer.fields, {"name": "debit", "type": "number", "shown_to": "coming", "shown_to_later": named}]
    layer.save()
    loaded = make_version(layer, [(SPOT, {"nama": "Sumur", "debit": 3})])

    def seen(by: User | AnonymousUser) -> list[str]:
        return [field["name"] for field in Layer.objects.visible_to(by).get(pk=layer.pk).shown_fields()]

    assert seen(officer) == ["nama"]
    versions.publish(version=loaded, by=None)
    assert seen(officer) == ["nama", "debit"]
    assert seen(AnonymousUser()) == ["nama", "debit"][: 2 if named == "everybody" else 1]


@pytest.mark.parametrize("saved", [False, True])
def test_first_publication_shows_no_names_of_a_file_that_waits(saved: bool) -> None:
    layer = make_layer(rows=[(SPOT, {"nama": "Sumur"})])
    make_version(layer, [(SPOT, {"nama": "Sumur", "upah": 3})])
    Layer.objects.filter(pk=layer.pk).update(state="draft", current=None)
    layer.refresh_from_db()
    layer.fields = [*layer.fields, {"name": "upah", "type": "number"} | ({"shown_to": "agency"} if saved else {})]
    layer.save()
    shown = versions.publish(version=layer.versions.get(number=1), by=None)
    assert [field["name"] for field in shown.shown_fields()] == ["nama"]
    assert shown.fields[1]["shown_to"] == "coming"
    versions.publish(version=layer.versions.get(number=2), by=None)
    layer.refresh_from_db()
    assert layer.fields[1].get("shown_to", "everybody") == ("agency" if saved else "everybody")


def test_version_with_which_the_worker_fails_keeps_it_from_no_other(caplog: pytest.LogCaptureFixture) -> None:
    layer = make_layer()
    bad, good = layer.current, make_version(layer, POINTS[:1])
    LayerVersion.objects.update(words_indexed=False)
    waiting = LayerVersion.objects.filter(words_indexed=False).order_by("pk")
    tried = []

    def work(cursor: Any, version: LayerVersion) -> None:
        tried.append(version)
        cursor.execute("SELECT 1 / %s", [0 if version == bad else 1])
        LayerVersion.objects.filter(pk=version.pk).update(words_indexed=True)

    assert versions.do_next(waiting, 4711, work)
    assert not versions.do_next(waiting, 4711, work)
    assert tried == [bad, good]
    assert list(waiting) == [bad]
    assert "left alone" in caplog.text
