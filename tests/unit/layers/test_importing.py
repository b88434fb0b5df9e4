"""From a file to a version: dry runs, new versions, field dictionaries, comparison, the command."""

import json
import signal
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import shapely
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import translation

from accounts.models import Agency
from layers.comparing import compare
from layers.errors import ImportRefused
from layers.field_access import shown_to
from layers.importing import copy_rows, find_agency, import_file, inspect, merge_fields
from layers.models import Layer, LayerVersion
from layers.reader import Options, Reader, Rows, reading
from layers.reading import limits
from layers.reading.copying import HEAD, as_rows, rows_of_pass
from layers.reading.source import BATCH
from layers.versions import publish, roll_back
from tests.factories.accounts import make_coordinator, make_officer
from tests.factories.layers import make_layer, make_version

pytestmark = pytest.mark.django_db

ROWS: list[dict[str, Any]] = [
    {"kode": "A1", "nama": "Sumur satu", "dalam": 10, "lon": 117.5, "lat": 0.5},
    {"kode": "A2", "nama": "Sumur dua", "dalam": 20, "lon": 117.6, "lat": 0.6},
    {"kode": "A3", "nama": 'Sumur tiga\t\\ "kutip"', "dalam": None, "lon": 117.7, "lat": 0.7},
]


def geojson(path: Path, rows: list[dict[str, Any]]) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {name: value for name, value in row.items() if name not in {"lon", "lat"}},
            "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
        }
        for row in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def load(*arguments: object) -> str:
    out = StringIO()
    with translation.override("en"):
        call_command("load_layer", *map(str, arguments), stdout=out, no_color=True)
    return out.getvalue()


def partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE 'layers_feature_v%' AND relkind = 'r'")
        return {row[0] for row in cursor.fetchall()}


@pytest.fixture
def dlh(kutim: None) -> Agency:
    return Agency.objects.get(short_name="DLH")


def test_inspect_writes_nothing(dlh: Agency, tmp_path: Path) -> None:
    inspection = inspect(geojson(tmp_path / "sumur.geojson", ROWS))
    assert (inspection.status, inspection.rows) == ("ready", 3)
    assert not LayerVersion.objects.exists()


def test_import_stores_what_the_file_holds(dlh: Agency, tmp_path: Path) -> None:
    layer = Layer.objects.create(slug="sumur", title_id="Sumur", agency=dlh)
    version = import_file(layer=layer, path=geojson(tmp_path / "sumur.geojson", ROWS), by=None)
    assert (version.state, version.feature_count, version.geometry_type) == ("loaded", 3, "Point")
    stored = [(feature.properties, feature.geom.coords) for feature in version.features.order_by("fid")]
    assert stored[2] == ({"kode": "A3", "nama": ROWS[2]["nama"], "dalam": None}, (117.7, 0.7))
    assert {field["name"]: field["type"] for field in layer.fields} == {
        "kode": "text",
        "nama": "text",
        "dalam": "integer",
    }
    assert version.statistics["dalam"] == {
        "type": "integer", "count": 2, "nulls": 1, "distinct": 2, "min": 10, "max": 20, "common": [[10, 1], [20, 1]],
    }  # fmt: skip


def test_import_of_what_cannot_be_read_stores_nothing_and_says_why(dlh: Agency, tmp_path: Path) -> None:
    layer = Layer.objects.create(slug="sumur", title_id="Sumur", agency=dlh)
    (tmp_path / "sumur.pdf").write_bytes(b"%PDF-1.4")
    with translation.override("id"), pytest.raises(ImportRefused, match="bukan data"):
        import_file(layer=layer, path=tmp_path / "sumur.pdf", by=None)
    assert not layer.versions.exists()


def test_readers_see_what_they_saw_until_the_new_version_is_published(dlh: Agency, tmp_path: Path) -> None:
    layer = make_layer()
    import_file(layer=layer, path=geojson(tmp_path / "sumur.geojson", ROWS), by=None)
    layer.refresh_from_db()
    assert (layer.current.number, layer.state, layer.access) == (1, "published", "public")


def test_types_are_those_of_the_version_that_is_shown(client: Client, dlh: Agency, tmp_path: Path) -> None:
    def told() -> tuple[str, int]:
        layer.refresh_from_db()
        kinds = {field["name"]: field["type"] for field in layer.fields}
        return kinds["dalam"], client.get("/ogc/collections/sumur/items", {"filter": "dalam = 10"}).status_code

    layer = Layer.objects.create(
        slug="sumur", title_id="Sumur", abstract_id="Sumur.", theme="sosial", licence="CC0", access="public", agency=dlh
    )
    first = import_file(layer=layer, path=geojson(tmp_path / "sumur.geojson", ROWS), by=None)
    publish(version=first, by=None)
    assert told() == ("integer", 200)
    words = [row | {"dalam": "sepuluh"} for row in ROWS]
    second = import_file(layer=layer, path=geojson(tmp_path / "sumur.geojson", words), by=None)
    assert told() == ("integer", 200)  # nobody has published it
    publish(version=second, by=None)
    assert told()[0] in {"text", "code"}
    roll_back(layer=layer, by=None)
    assert told() == ("integer", 200)


def test_names_of_new_columns_are_read_by_nobody_before_publication(
    client: Client, dlh: Agency, tmp_path: Path
) -> None:
    """Nor by the agency's own people: every way out goes by the fields that are shown (layers/field_access.py)."""

    def seen() -> list[str]:
        told = [
            address
            for address in (
                "/data/sumur/", "/data/sumur/unduh/csv/", "/ogc/collections/sumur/queryables",
                "/ogc/collections/sumur/tiles/WebMercatorQuad/tilejson.json",
            )
            if "rahasia_baru" in client.get(address, headers={"Accept": "*/*"}).getvalue().decode()
        ]  # fmt: skip
        found = 'href="/data/sumur/"' in client.get("/data/?q=rahasia").content.decode()
        return [*told, "search"] if found else told

    layer = Layer.objects.create(
        slug="sumur", title_id="Sumur", abstract_id="Sumur.", theme="sosial", licence="CC0", access="public", agency=dlh
    )
    publish(version=import_file(layer=layer, path=geojson(tmp_path / "a.geojson", ROWS), by=None), by=None)
    wider = [row | {"rahasia_baru": "ya", "hp": f"08123456789{n}"} for n, row in enumerate(ROWS)]
    layer.refresh_from_db()
    changed_at = layer.changed_at
    draft = import_file(layer=layer, path=geojson(tmp_path / "b.geojson", wider), by=None)
    assert seen() == []
    layer.refresh_from_db()
    assert layer.changed_at == changed_at  # which its metadata tell
    for reader in (make_officer(dlh), make_coordinator()):
        shown = Layer.objects.visible_to(reader).get(slug="sumur").shown_fields()
        assert "rahasia_baru" not in {field["name"] for field in shown}
    publish(version=draft, by=None)
    assert len(seen()) == 5
    layer.refresh_from_db()
    assert [field["name"] for field in layer.fields if shown_to(field) == "nobody"] == ["hp"]


def test_names_of_another_draft_are_read_by_nobody_after_the_first_publication(dlh: Agency, tmp_path: Path) -> None:
    layer = Layer.objects.create(
        slug="sumur", title_id="Sumur", abstract_id="Sumur.", theme="sosial", licence="CC0", access="public", agency=dlh
    )
    first = import_file(layer=layer, path=geojson(tmp_path / "a.geojson", ROWS), by=None)
    wider = [row | {"rahasia_baru": "ya"} for row in ROWS]
    second = import_file(layer=layer, path=geojson(tmp_path / "b.geojson", wider), by=None)
    names = {str(field["name"]) for field in publish(version=first, by=None).shown_fields()}
    assert names == set(first.statistics)
    assert "rahasia_baru" in {field["name"] for field in publish(version=second, by=None).shown_fields()}


def test_reader_of_a_file_that_cannot_be_copied_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    children, begin = [], subprocess.Popen

    def popen(*given: Any, **more: Any) -> subprocess.Popen[bytes]:
        children.append(begin(*given, **more))
        return children[0]

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(FileNotFoundError), reading(tmp_path / "tiada.csv"):
        pass
    assert [(child.returncode, child.stdin.closed) for child in children] == [(-signal.SIGKILL, True)]


def entry(name: str, **over: Any) -> dict[str, Any]:
    made = {"name": name, "title": name, "type": "text", "description": "", "hidden": False, "personal": False}
    return made | over


def test_field_dictionary_keeps_what_people_wrote_and_hid() -> None:
    old = [entry("a", title="Luas", hidden=True), entry("gone", hidden=True)]
    merged = merge_fields(old, [entry("a", type="number"), entry("b")])
    assert merged == [entry("a", title="Luas", type="number", hidden=True), entry("b"), entry("gone", hidden=True)]
    kept = merge_fields(old, [entry("a", type="number"), entry("b", type="number")], published=True)
    assert [field["type"] for field in kept] == ["text", "number", "text"]
    again = merge_fields(kept, [entry("b", type="integer")], published=True)
    assert again[0] == entry("b", type="integer", shown_to="coming")  # nobody has read it as a number


def test_field_that_becomes_personal_becomes_hidden() -> None:
    merged = merge_fields([entry("a")], [entry("a", hidden=True, personal=True)])
    assert merged == [entry("a", hidden=True, personal=True)]
    shown_again = [entry("a", personal=True)]
    assert merge_fields(shown_again, [entry("a", hidden=True, personal=True)]) == shown_again
    # Of a published layer when it is published, no earlier (test_versions.py).
    assert merge_fields([entry("a")], [entry("a", hidden=True, personal=True)], published=True) == [entry("a")]


def test_compare_tells_added_removed_moved_and_changed_by_key() -> None:
    spot, other = shapely.Point(117.5, 0.5), shapely.Point(117.6, 0.5)
    layer = make_layer(rows=[(spot, {"kode": code, "n": 1}) for code in "abcd"])
    new = make_version(
        layer,
        [
            (spot, {"kode": "a", "n": 1}),
            (other, {"kode": "b", "n": 1}),
            (spot, {"kode": "c", "n": 2}),
            (spot, {"kode": "e", "n": 1}),
        ],
    )
    for version in (layer.current, new):
        version.statistics = {"kode": {"count": 4, "nulls": 0, "distinct": 4}}
    found = compare(old=layer.current, new=new)
    assert (found.key, found.added, found.removed, found.moved, found.changed, found.same) == ("kode", 1, 1, 1, 1, 1)
    assert set(found.listed) == {"b", "c", "d", "e"}


def test_compare_without_a_key_counts_whole_rows() -> None:
    spot = shapely.Point(117.5, 0.5)
    layer = make_layer(rows=[(spot, {"n": 1}), (spot, {"n": 1}), (spot, {"n": 2})])
    found = compare(old=layer.current, new=make_version(layer, [(spot, {"n": 1}), (spot, {"n": 3})]))
    assert (found.key, found.added, found.removed, found.same) == (None, 1, 2, 1)


def points(*corners: tuple[float, float]) -> list[tuple[shapely.Point, dict[str, Any]]]:
    return [(shapely.Point(corner), {"jenis": "sumur"}) for corner in corners]


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ([(117.12345674, 0.512345671), (117.2, 0.6)], [(117.1234567, 0.5123457), (117.2, 0.6)], (0, 0, 2)),
        # On both sides of where one cell of the search ends and the next begins, in each direction.
        ([(117.123449999, 0.512349999)], [(117.12345, 0.51235)], (0, 0, 1)),
        ([(117.12345, 0.51235)], [(117.123449999, 0.512349999)], (0, 0, 1)),
        # The limit is two centimetres.
        ([(117.1234567, 0.5)], [(117.1234570, 0.5)], (1, 1, 0)),
        # Each counts once: of two equal ones one is gone, of two near one only one is it.
        ([(117.12345674, 0.5), (117.12345674, 0.5)], [(117.1234567, 0.5)], (0, 1, 1)),
        ([(117.1234567, 0.5), (117.1234570, 0.5)], [(117.12345685, 0.5)], (0, 1, 1)),
        ([(117.12345685, 0.5)], [(117.1234567, 0.5), (117.1234570, 0.5)], (1, 0, 1)),
    ],
)
def test_compare_without_a_key_forgives_rounding(
    old: list[tuple[float, float]], new: list[tuple[float, float]], counts: tuple[int, int, int]
) -> None:
    # The last two have equal values, so that there is no key.
    extra = points((117.5, 0.5), (117.6, 0.5))
    layer = make_layer(rows=[*points(*old), *extra])
    found = compare(old=layer.current, new=make_version(layer, [*points(*new), *extra]))
    assert (found.key, found.added, found.removed, found.same - 2) == (None, *counts)


def test_compare_without_a_key_forgives_no_other_value() -> None:
    rows = points((117.5, 0.5), (117.6, 0.5), (117.12345674, 0.5))
    layer = make_layer(rows=rows)
    rows[2] = (shapely.Point(117.1234567, 0.5), {"jenis": "embung"})
    found = compare(old=layer.current, new=make_version(layer, rows))
    assert (found.added, found.removed, found.same) == (1, 1, 2)


def test_agency_is_found_by_any_of_its_names_and_near_ones_are_told(dlh: Agency) -> None:
    assert find_agency("dlh") == find_agency(dlh.name) == dlh
    with pytest.raises(LookupError, match="DLH"):
        find_agency("DLHK")


def test_command_is_a_trial_unless_told(dlh: Agency, tmp_path: Path) -> None:
    said = load(geojson(tmp_path / "sumur.geojson", ROWS), "--agency=DLH")
    assert "3 rows of Point" in said
    assert "nothing was written" in said
    assert not Layer.objects.exists()


def test_command_publishes_and_compares_the_second_load(dlh: Agency, tmp_path: Path) -> None:
    file = geojson(tmp_path / "sumur.geojson", ROWS)
    about = ("--agency=DLH", "--title=Sumur", "--abstract=Sumur desa", "--theme=sosial", "--licence=CC0", "--publish")
    load(file, *about, "--access=public")
    geojson(file, [*ROWS[1:], {"kode": "A4", "nama": "Baru", "dalam": 1, "lon": 117.5, "lat": 0.9}])
    assert "1 added, 1 removed, 0 moved, 0 changed, by kode" in load(file, *about)
    layer = Layer.objects.get()
    assert (layer.slug, layer.current.number, layer.state, layer.access) == ("sumur", 2, "published", "public")


def test_command_writes_nothing_when_publication_lacks_something(dlh: Agency, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Before publication"):
        load(geojson(tmp_path / "sumur.geojson", ROWS), "--agency=DLH", "--publish")
    assert not Layer.objects.exists()


def test_command_changes_nothing_that_is_published_without_publishing(dlh: Agency, tmp_path: Path) -> None:
    layer = make_layer("sumur", agency=dlh)
    file = geojson(tmp_path / "sumur.geojson", ROWS)
    with pytest.raises(CommandError, match="--title, --licence would change at once"):
        load(file, "--agency=DLH", "--slug=sumur", "--commit", "--title=Lain", "--licence=CC0")
    load(file, "--agency=DLH", "--slug=sumur", "--commit")
    layer.refresh_from_db()
    assert (layer.title_id, layer.versions.count()) == ("Fasilitas kesehatan", 2)


def test_command_leaves_other_agencies_layers_alone(dlh: Agency, tmp_path: Path) -> None:
    Layer.objects.create(slug="sumur", title_id="Sumur", agency=Agency.objects.get(short_name="BPBD"))
    with pytest.raises(CommandError, match="BPBD"):
        load(geojson(tmp_path / "sumur.geojson", ROWS), "--agency=DLH", "--commit")


def test_store_is_all_or_nothing(dlh: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, before = Layer.objects.create(slug="sumur", title_id="Sumur", agency=dlh), partitions()
    given = iter([HEAD, as_rows([1], [b"nonsense"], [b"{}"]), b""])
    monkeypatch.setattr(Rows, "read", lambda *_: next(given))
    with pytest.raises(DatabaseError, match="endian"):
        import_file(layer=layer, path=geojson(tmp_path / "sumur.geojson", ROWS), by=None)
    assert partitions() == before


def test_rows_that_begin_anew_are_stored_once(dlh: Agency, tmp_path: Path) -> None:
    """A column that is a number in the first rows and text in a later one: the file is read twice."""
    layer = Layer.objects.create(slug="sumur", title_id="Sumur", agency=dlh)
    file = tmp_path / "sumur.csv"
    lines = [f"{n},117.5,0.{n:05d}\n" for n in range(1, BATCH + 1)]
    file.write_text("kode,lon,lat\n" + "".join(lines) + "satu,117.5,0.9\n")
    before = partitions()
    version = import_file(layer=layer, path=file, by=None)
    assert version.feature_count == BATCH + 1
    assert version.features.get(fid=1).properties["kode"] == "1"
    assert partitions() - before == {version.partition}


@pytest.mark.parametrize("content", [b"a,b\n512345,55000\n512346,55001\n", b"%PDF-1.4"], ids=["asks", "refused"])
def test_rows_of_what_is_not_ready_leave_nothing_behind(dlh: Agency, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.csv").write_bytes(content)
    before = partitions()
    with reading(tmp_path / "data.csv") as reader, pytest.raises(ImportRefused), transaction.atomic():
        copy_rows(reader)
    assert partitions() == before


def test_reader_that_is_left_early_ends(dlh: Agency, tmp_path: Path) -> None:
    with reading(geojson(tmp_path / "sumur.geojson", ROWS)) as reader:
        assert not reader.has_ended
    assert reader.has_ended


def test_rows_of_a_reader_that_is_killed_leave_nothing_but_a_sentence(
    dlh: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WALL_S", 0)
    folder = tmp_path / "private"
    folder.mkdir()
    rows_of_pass(folder, 1).write_bytes(as_rows([1, 2], [None, None], [b"{}", b"{}"])[:-1])
    before = partitions()
    with pytest.raises(ImportRefused) as refused, transaction.atomic():
        copy_rows(Reader(folder, geojson(tmp_path / "sumur.geojson", ROWS), Options()))
    assert [finding["code"] for finding in refused.value.inspection.findings] == ["too_slow"]
    assert partitions() == before


def test_times_keep_the_zone_that_they_say(dlh: Agency, tmp_path: Path) -> None:
    times = ["2025-01-31T23:30:00Z", "2025-01-31T23:30:00", "2025-01-31T23:30:00+08:00"]
    rows = [row | {"kapan": when} for row, when in zip(ROWS, times, strict=True)]
    layer = Layer.objects.create(slug="sumur", title_id="Sumur", agency=dlh)
    version = import_file(layer=layer, path=geojson(tmp_path / "sumur.geojson", rows), by=None)
    assert [feature.properties["kapan"] for feature in version.features.order_by("fid")] == [
        "2025-01-31T23:30:00+00:00", "2025-01-31T23:30:00", "2025-01-31T23:30:00+08:00",
    ]  # fmt: skip
    layer.refresh_from_db()
    assert {field["name"]: field["type"] for field in layer.fields}["kapan"] == "datetime"
    assert [finding["code"] for finding in version.findings if finding["level"] == "warning"] == ["times_mixed"]
    alike = [row | {"kapan": f"2025-01-0{n}T00:00:00"} for n, row in enumerate(ROWS, start=1)]
    version = import_file(layer=layer, path=geojson(tmp_path / "hari.geojson", alike), by=None)
    assert [feature.properties["kapan"] for feature in version.features.order_by("fid")] == [
        "2025-01-01", "2025-01-02", "2025-01-03",
    ]  # fmt: skip


def test_texts_that_are_too_long_are_told(tmp_path: Path) -> None:
    rows = [row | {"uraian": "x" * limits.CELL_CHARACTERS * 2} for row in ROWS[:2]]
    found = inspect(geojson(tmp_path / "panjang.geojson", rows))
    told = [finding for finding in found.findings if finding["code"] == "texts_cut"]
    assert [finding["count"] for finding in told] == [2]
    assert "Di kolom uraian, 2 teks lebih panjang daripada 20.000 huruf" in told[0]["text_id"]


def test_latitude_before_longitude_in_one_cell_is_no_mistake(kutim: None, tmp_path: Path) -> None:
    file = tmp_path / "posyandu.csv"
    file.write_text('nama;koordinat\nMelati;"0.5, 117.5"\nMawar;"0.6, 117.6"\n')
    found = inspect(file)
    assert found.extent == [117.5, 0.5, 117.6, 0.6]
    assert "axes_swapped" not in {finding["code"] for finding in found.findings}


def test_hole_outside_its_area_is_told_as_what_it_became(tmp_path: Path) -> None:
    area = {"type": "Polygon", "coordinates": [
        [[117.1, 0.1], [117.2, 0.1], [117.2, 0.2], [117.1, 0.2], [117.1, 0.1]],
        [[117.5, 0.5], [117.6, 0.5], [117.6, 0.6], [117.5, 0.5]],
    ]}  # fmt: skip
    file = tmp_path / "kebun.geojson"
    file.write_text(json.dumps({"type": "Feature", "properties": {"nama": "A"}, "geometry": area}))
    (row,) = next(one for one in inspect(file).findings if one["code"] == "repaired")["rows"]
    assert "kini bidang tersendiri" in row["why_id"]
    assert "now an area of its own" in row["why_en"]
