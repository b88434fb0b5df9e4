"""Downloads: each format read back, filters, coordinate systems, harmless cells, limits, private layers, the audit."""

import csv
import datetime as dt
import io
import json
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import openpyxl
import pyogrio
import pytest
import shapely
from django.db import InternalError, transaction
from django.test import Client

from accounts.models import User
from layers import downloads, formats
from layers.downloads import short_names
from layers.models import LayerDownload
from tests.factories.accounts import make_agency, make_officer
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db

FIELDS: list[dict[str, Any]] = [
    {"name": "nama", "title": "Nama", "type": "text", "description": "Nama fasilitas"},
    {"name": "jenis_fasilitas", "type": "code"},
    {"name": "jenis_fasilitas_lama", "type": "code"},
    {"name": "tempat_tidur", "type": "integer"},
    {"name": "rasio", "type": "number"},
    {"name": "pemilik", "type": "text", "hidden": True},
]
ROWS: list[tuple[Any, dict[str, Any]]] = [
    (
        shapely.Point(117.55, 0.50),
        {"nama": '=HYPERLINK("http://x","Teluk, Lingga")', "jenis_fasilitas": "a", "tempat_tidur": 12, "rasio": -0.5,
         "pemilik": "MARKER"},
    ),
    (
        shapely.Point(117.45, 0.60),
        {"nama": "Désa <b>Sepaso</b> & kawan", "jenis_fasilitas": "007", "tempat_tidur": None, "rasio": 1e-7,
         "pemilik": "MARKER"},
    ),
]  # fmt: skip
EVERY = sorted(formats.FORMATS)


@pytest.fixture
def layer() -> Any:
    return make_layer(rows=ROWS, fields=FIELDS, lineage="Didata di lapangan")


def take(code: str, query: str = "", user: User | None = None, status: int = 200, slug: str = "faskes") -> Any:
    client = Client(headers={"Accept-Language": "en"})
    if user:
        client.force_login(user)
    response = client.get(f"/data/{slug}/unduh/{code}/{query}")
    assert response.status_code == status
    return response


def saved(code: str, folder: Path, query: str = "") -> Path:
    response = take(code, query)
    path = folder / response["Content-Disposition"].split('"')[1]
    path.write_bytes(response.getvalue())
    return path


def test_geojson_is_whole_and_says_its_licence(layer: Any) -> None:
    data = json.loads(take("geojson").getvalue())
    assert [feature["id"] for feature in data["features"]] == [1, 2]
    assert data["features"][0]["geometry"] == {"type": "Point", "coordinates": [117.55, 0.5]}
    assert data["features"][0]["properties"]["tempat_tidur"] == 12
    assert data["licence"] == "CC BY 4.0"
    assert "crs" not in data


def test_csv_is_for_excel_and_computes_nothing(layer: Any) -> None:
    response = take("csv")
    body = response.getvalue().decode("utf-8")
    assert body.startswith("\ufeff")
    assert response["Content-Disposition"] == 'attachment; filename="faskes-v1.csv"'
    assert 'rel="describedby"' in response["Link"]  # CSV has no room for a licence
    rows = list(csv.DictReader(io.StringIO(body.removeprefix("\ufeff"))))
    assert rows[0]["nama"] == '\'=HYPERLINK("http://x","Teluk, Lingga")'
    assert rows[0]["rasio"] == "-0.5"  # a number stays one
    assert rows[1]["jenis_fasilitas"] == "007"
    assert rows[1]["tempat_tidur"] == ""
    assert rows[0]["jenis_fasilitas_lama"] == ""
    assert (rows[0]["lon"], rows[0]["lat"]) == ("117.5500000", "0.5000000")


@pytest.mark.parametrize("text", ["=1", "+62", "-x", "@a", "\t=1", " =1", "- 1", "--A1", "-\n=1", "=-(1)", "\ta", "-é"])
def test_csv_makes_every_formula_harmless(text: str) -> None:
    assert downloads.safe_cell(text) == f"'{text}"
    make_layer(rows=[(shapely.Point(117, 0.5), {"nama": text})])
    body = take("csv").getvalue().decode().removeprefix("\ufeff")
    assert next(iter(csv.DictReader(io.StringIO(body))))["nama"] == f"'{text}"


@pytest.mark.parametrize("text", ["-", " - ", "--", "+", "=", "@", "-\n", "a-1", "1=1", "–"])
def test_csv_leaves_a_sign_alone_as_it_is(text: str) -> None:
    assert downloads.safe_cell(text) == text
    make_layer(rows=[(shapely.Point(117, 0.5), {"nama": text})])
    body = take("csv").getvalue().decode().removeprefix("\ufeff")
    assert next(iter(csv.DictReader(io.StringIO(body, newline=""))))["nama"] == text


def test_csv_of_areas_has_wkt() -> None:
    make_layer(rows=[(shapely.box(117, 0, 118, 1), {"nama": "kotak"})])
    body = take("csv").getvalue().decode().removeprefix("\ufeff")
    row = next(iter(csv.DictReader(io.StringIO(body))))
    assert shapely.from_wkt(row["wkt"]).equals(shapely.box(117, 0, 118, 1))


def test_kml_shows_no_markup(layer: Any) -> None:
    root = ET.fromstring(take("kml").getvalue())
    space = {"k": "http://www.opengis.net/kml/2.2"}
    names = [element.text for element in root.findall(".//k:Placemark/k:name", space)]
    assert names[1] == "Désa <b>Sepaso</b> & kawan"
    assert root.findtext(".//k:coordinates", "", space).startswith("117.55,0.5")


def test_kml_keeps_both_of_two_titles_that_differ_in_their_case(tmp_path: Path) -> None:
    fields = [{"name": "limit", "title": "limit", "type": "integer"}, {"name": "limit_2", "title": "LIMIT"}]
    make_layer(rows=[(shapely.Point(117, 0.5), {"limit": 7, "limit_2": "delapan"})], fields=fields)
    row = gpd.read_file(saved("kml", tmp_path)).loc[0]
    assert (int(row["limit"]), row["limit_2"]) == (7, "delapan")


def test_xlsx_has_texts_not_formulas_and_a_readme(layer: Any, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(saved("xlsx", tmp_path))
    rows = list(book["data"].iter_rows())
    assert [cell.value for cell in rows[0]][:2] == ["fid", "nama"]
    assert rows[1][1].data_type == "s"
    assert rows[1][1].value.startswith("=HYPERLINK")
    assert rows[1][4].value == 12
    assert "CC BY 4.0" in str(list(book["README"].values))
    book.close()


def test_gpkg_has_features_types_and_metadata(layer: Any, tmp_path: Path) -> None:
    path = saved("gpkg", tmp_path)
    frame = gpd.read_file(path)
    assert len(frame) == 2
    assert frame.loc[1, "nama"] == "Désa <b>Sepaso</b> & kawan"
    assert frame.loc[1, "jenis_fasilitas"] == "007"
    assert frame["tempat_tidur"].dtype.kind in "if"
    assert pyogrio.read_info(path)["layer_metadata"]["LICENCE"] == "CC BY 4.0"


def test_gpkg_of_many_chunks_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(downloads, "CHUNK", 10)
    rows = [(shapely.Point(117 + n / 1000, 0.5), {"nama": f"n{n}"}) for n in range(35)]
    make_layer(rows=rows)
    assert list(gpd.read_file(saved("gpkg", tmp_path))["nama"]) == [f"n{n}" for n in range(35)]


def test_shapefile_zip_has_short_names_and_a_readme(layer: Any, tmp_path: Path) -> None:
    path = saved("shp", tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        words = archive.read("README.txt").decode()
    assert {"README.txt", "metadata.json", "faskes-v1.shp", "faskes-v1.prj", "faskes-v1.cpg"} <= set(names)
    assert "jenis_fa_1 = jenis_fasilitas_lama" in words
    assert "CC BY 4.0" in words
    frame = gpd.read_file(path)
    assert "jenis_fasi" in frame.columns
    assert frame.loc[1, "nama"].startswith("Désa")


@pytest.mark.parametrize(("text", "is_cut"), [("é" * 127, False), ("é" * 127 + "a", True)])
def test_shapefile_says_which_texts_were_cut(text: str, is_cut: bool, tmp_path: Path) -> None:
    make_layer(rows=[(shapely.Point(117, 0.5), {"nama": "a", "keterangan_lengkap": text})])
    path = saved("shp", tmp_path)
    with zipfile.ZipFile(path) as archive:
        words = archive.read("README.txt").decode()
    assert ("cut in: keterangan" in words) is is_cut
    assert (gpd.read_file(f"/vsizip/{path}").loc[0, "keterangan"] == text) is not is_cut


def test_shapefile_of_mixed_outlines_is_split(tmp_path: Path) -> None:
    make_layer(rows=[(shapely.Point(117, 0), {"nama": "a"}), (shapely.box(117, 0, 118, 1), {"nama": "b"})])
    with zipfile.ZipFile(saved("shp", tmp_path)) as archive:
        assert {"faskes-v1-point.shp", "faskes-v1-polygon.shp"} <= set(archive.namelist())


def test_fgb_and_parquet_are_whole(layer: Any, tmp_path: Path) -> None:
    assert gpd.read_file(saved("fgb", tmp_path)).loc[0, "tempat_tidur"] == 12
    frame = gpd.read_parquet(saved("parquet", tmp_path))
    assert len(frame) == 2
    assert frame.crs.to_epsg() == 4326


@pytest.mark.parametrize("srid", [3857, 32650, 23837, 23838, 23880])
def test_coordinates_are_those_of_postgis(layer: Any, srid: int, tmp_path: Path) -> None:
    frame = gpd.read_file(saved("gpkg", tmp_path, f"?crs={srid}"))
    expected = gpd.GeoSeries([row[0] for row in ROWS], crs=4326).to_crs(srid)
    assert frame.crs.to_epsg() == srid
    assert max(frame.geometry.distance(expected)) < 0.01
    collection = json.loads(take("geojson", f"?crs={srid}").getvalue())
    assert collection["crs"]["properties"]["name"].endswith(f"::{srid}")


def test_download_is_filtered_as_the_table(layer: Any, tmp_path: Path) -> None:
    path = saved("gpkg", tmp_path, "?q=sepaso")
    assert path.name == "faskes-v1-dipilih.gpkg"
    assert len(gpd.read_file(path)) == 1
    assert json.loads(take("geojson", "?q=marker").getvalue())["features"] == []


@pytest.mark.parametrize("code", EVERY)
def test_hidden_field_is_in_no_file(layer: Any, code: str) -> None:
    body = take(code).getvalue()
    parts = [body]
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            parts += [archive.read(name) for name in archive.namelist()]
    for part in parts:
        assert b"MARKER" not in part
        assert b"pemilik" not in part


@pytest.mark.parametrize("code", EVERY)
def test_empty_selection_gives_an_empty_file(layer: Any, code: str) -> None:
    assert len(take(code, "?q=tidakada").getvalue()) > 0


def test_what_is_wrong_is_refused_by_name(layer: Any) -> None:
    take("gpkg", "?crs=1234", status=400)
    take("kml", "?crs=32650", status=400)
    take("gpkg", "?limit=3", status=400)
    take("dwg", status=404)


def test_too_large_a_file_is_refused_with_the_limit_and_streams_are_not(
    layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "GEOMETRY_MAX_BYTES", 10)
    text = take("gpkg", status=422).content.decode()
    assert "50,000" in text or "50.000" in text
    assert "GeoJSON" in text
    assert "/ogc/" in text
    take("geojson").getvalue()


def test_downloads_of_private_layers_are_recorded_and_stay() -> None:
    agency = make_agency("dlh")
    officer = make_officer(agency)
    make_layer("rahasia", access="agency", agency=agency)
    response = take("csv", "?q=sepaso", officer, slug="rahasia")
    response.getvalue()
    assert response["Cache-Control"] == "private, no-store"
    row = LayerDownload.objects.get()
    assert (row.user, row.format, row.srid, row.conditions) == (officer, "csv", 4326, {"q": "sepaso"})
    with pytest.raises(InternalError), transaction.atomic():
        row.delete()
    take("csv", slug="rahasia", status=404)
    take("csv", "", make_officer(make_agency("dpu")), slug="rahasia", status=404)
    assert LayerDownload.objects.count() == 1


def test_downloads_of_public_layers_are_not_recorded(layer: Any) -> None:
    take("csv", "", make_officer()).getvalue()
    assert not LayerDownload.objects.exists()


def test_short_names_are_unique_and_ascii() -> None:
    names = ["keterangan_lengkap", "keterangan_lain", "KETERANGAN", "jumlah_ñ", "a"]
    short = short_names(names)
    assert len({name.casefold() for name in short.values()}) == len(names)
    assert all(name.isascii() and len(name) <= 10 for name in short.values())


def test_areas_of_many_chunks_keep_one_kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(downloads, "CHUNK", 2)
    boxes = [shapely.box(117 + n, 0, 117.5 + n, 1) for n in range(3)]
    rows = [(shapely.MultiPolygon(boxes[:2]), {"nama": "dua"}), *((box, {"nama": "satu"}) for box in boxes)]
    make_layer(rows=rows)
    for code in ("gpkg", "fgb", "shp", "parquet"):
        path = saved(code, tmp_path)
        frame = gpd.read_parquet(path) if code == "parquet" else gpd.read_file(path)
        assert sorted(frame["nama"]) == ["dua", "satu", "satu", "satu"], code
        assert shapely.area(frame.geometry.to_numpy()).sum() == pytest.approx(2.5), code


def test_outline_too_long_for_a_cell_is_not_cut(tmp_path: Path) -> None:
    ring = shapely.Point(117, 0.5).buffer(0.1, quad_segs=800)
    make_layer(rows=[(ring, {"nama": "bulat"})])
    book = openpyxl.load_workbook(saved("xlsx", tmp_path))
    assert "GeoPackage" in str(book["data"]["C2"].value)
    book.close()


def test_features_without_a_place_are_kept(tmp_path: Path) -> None:
    make_layer(rows=[(shapely.Point(117, 0.5), {"nama": "ada"}), (shapely.Point(), {"nama": "kosong"})])
    for code in formats.FORMATS:
        assert take(code).getvalue(), code


@pytest.mark.parametrize("others", [[], [(shapely.box(117, 0, 118, 1), {"nama": "bidang"})]])
def test_shapefile_keeps_features_without_a_place(others: Any, tmp_path: Path) -> None:
    make_layer(
        rows=[(shapely.Point(117, 0.5), {"nama": "ada"}), (shapely.Point(), {"nama": "kosong"}), *others],
    )
    path = saved("shp", tmp_path)
    with zipfile.ZipFile(path) as archive:
        files = sorted(name for name in archive.namelist() if name.endswith(".shp"))
    frames = [gpd.read_file(f"/vsizip/{path}/{name}") for name in files]
    assert len(files) == 1 + len(others)
    assert list(frames[0]["nama"]) == ["ada", "kosong"]
    assert list(frames[0].geometry.isna()) == [False, True]
    assert [len(frame) for frame in frames[1:]] == [1] * len(others)


COLLECTION = shapely.GeometryCollection(
    [
        shapely.Point(117, 0.5),
        shapely.MultiLineString([[(117, 0.5), (117.1, 0.5)], [(117, 0.6), (117.1, 0.6)]]),
        shapely.box(117, 0, 118, 1),
        shapely.MultiPolygon([shapely.box(118.5, 0, 119, 1)]),
    ]
)


@pytest.mark.parametrize("code", EVERY)
def test_collections_leave_in_every_format(code: str) -> None:
    make_layer(rows=[(COLLECTION, {"nama": "a"}), (shapely.Point(117, 0.5), {"nama": "b"})])
    assert take(code).getvalue()


def test_shapefile_keeps_a_collection_of_nothing(tmp_path: Path) -> None:
    make_layer(rows=[(shapely.Point(117, 0.5), {"nama": "a"}), (shapely.GeometryCollection(), {"nama": "b"})])
    frame = gpd.read_file(f"/vsizip/{saved('shp', tmp_path)}")
    assert list(frame["nama"]) == ["a", "b"]
    assert list(frame.geometry.isna()) == [False, True]


def test_shapefile_of_points_and_groups_of_points_is_whole(tmp_path: Path) -> None:
    groups = shapely.GeometryCollection([shapely.Point(117, 0), shapely.Point(117, 1), shapely.box(117, 0, 118, 1)])
    make_layer(rows=[(shapely.Point(117, 0.5), {"nama": "a"}), (groups, {"nama": "b"})])
    frame = gpd.read_file(f"/vsizip/{saved('shp', tmp_path)}/faskes-v1-point.shp")
    assert [shapely.get_num_coordinates(outline) for outline in frame.geometry] == [1, 2]


def test_kml_of_a_collection_has_its_parts(tmp_path: Path) -> None:
    make_layer(rows=[(COLLECTION, {"nama": "a"}), (shapely.Point(117, 0.5), {"nama": "b"})])
    frame = gpd.read_file(saved("kml", tmp_path))
    assert list(frame["Name"]) == ["a", "b"]
    assert shapely.union_all(next(iter(frame.geometry)).geoms).equals(shapely.unary_union(COLLECTION))


def test_shapefile_of_a_collection_has_its_parts_by_kind(tmp_path: Path) -> None:
    make_layer(rows=[(COLLECTION, {"nama": "a"}), (shapely.Point(117, 0.25), {"nama": "b"})])
    path = saved("shp", tmp_path)
    frames = {
        kind: gpd.read_file(f"/vsizip/{path}/faskes-v1-{kind}.shp") for kind in ("point", "linestring", "polygon")
    }
    assert list(frames["point"]["nama"]) == ["a", "b"]
    assert list(frames["linestring"]["nama"]) == list(frames["polygon"]["nama"]) == ["a"]
    assert frames["polygon"].geometry[0].area == pytest.approx(1.5)
    assert frames["linestring"].geometry[0].length == pytest.approx(0.2)
    with zipfile.ZipFile(path) as archive:
        assert "several kinds of outlines" in archive.read("README.txt").decode()


MOMENTS: list[dict[str, Any]] = [
    {"name": "nama", "type": "text"},
    {"name": "hari", "type": "date"},
    {"name": "saat", "type": "datetime"},
    {"name": "kosong", "type": "date"},
    {"name": "campur", "type": "date"},
    {"name": "catatan", "type": "text"},
]


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A layer of several chunks; a day of the last one is none."""
    monkeypatch.setattr(downloads, "CHUNK", 2)
    held: list[dict[str, Any]] = [
        {"hari": "1998-05-21", "saat": "2026-01-31T08:00:00+08:00", "campur": "2026-01-31"},
        {"hari": None, "saat": None, "campur": None},
        {"hari": "2026-02-28", "saat": "2026-01-31T00:00:00Z", "campur": "2026-02-30"},
    ]
    rows = [(shapely.Point(117 + n, 0.5), {"nama": f"n{n}"} | one) for n, one in enumerate(held)]
    return make_layer(rows=rows, fields=MOMENTS)


@pytest.mark.parametrize("code", ["gpkg", "fgb", "shp", "parquet"])
def test_dates_and_times_leave_as_such(moments: Any, code: str, tmp_path: Path) -> None:
    path = saved(code, tmp_path)
    if code == "parquet":
        frame = gpd.read_parquet(path)
    else:
        types = dict(zip(*(pyogrio.read_info(path)[key] for key in ("fields", "ogr_types")), strict=True))
        day = "OFTDateTime" if code == "fgb" else "OFTDate"
        assert (types["hari"], types["kosong"], types["campur"]) == (day, day, "OFTString")
        assert types["saat"] == ("OFTString" if code == "shp" else "OFTDateTime")
        frame = pyogrio.read_dataframe(path)
    frame = frame.sort_values("nama", ignore_index=True)
    assert [str(value)[:10] for value in frame["hari"].dropna()] == ["1998-05-21", "2026-02-28"]
    assert list(frame["hari"].isna()) == [False, True, False]
    assert frame["kosong"].isna().all()
    assert frame["catatan"].isna().all()
    assert [value for value in frame["campur"] if isinstance(value, str)] == ["2026-01-31", "2026-02-30"]
    instants = [None if value is None or value != value else dt.datetime.fromisoformat(str(value))
                for value in frame["saat"]]  # fmt: skip
    assert instants == [dt.datetime(2026, 1, 31, tzinfo=dt.UTC), None, dt.datetime(2026, 1, 31, tzinfo=dt.UTC)]


def test_file_says_where_a_day_or_a_time_could_not_be_one(moments: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved("shp", tmp_path)) as archive:
        assert "Times are written as text" in archive.read("README.txt").decode()
    assert "Days are written as times at 00:00" in str(pyogrio.read_info(saved("fgb", tmp_path)))
    make_layer("lain", rows=ROWS, fields=FIELDS)
    with zipfile.ZipFile(io.BytesIO(take("shp", slug="lain").getvalue())) as archive:
        assert "Times are" not in archive.read("README.txt").decode()


def test_xlsx_has_cells_of_dates(moments: Any, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(saved("xlsx", tmp_path))
    assert [cell.value for cell in book["data"]["C"]] == ["hari", dt.datetime(1998, 5, 21), None,
                                                          dt.datetime(2026, 2, 28)]  # fmt: skip
    assert [cell.value for cell in book["data"]["D"]] == ["saat", dt.datetime(2026, 1, 31, 8), None,
                                                          dt.datetime(2026, 1, 31, 8)]  # fmt: skip
    assert [cell.value for cell in book["data"]["F"]] == ["campur", "2026-01-31", None, "2026-02-30"]
    assert "WITA" in " ".join(str(cell.value) for cell in book["README"]["A"])
    book.close()


def test_days_that_a_spreadsheet_has_not_stay_texts(tmp_path: Path) -> None:
    make_layer(rows=[(shapely.Point(117, 0.5), {"hari": "1850-01-01"})], fields=[{"name": "hari", "type": "date"}])
    book = openpyxl.load_workbook(saved("xlsx", tmp_path))
    assert book["data"]["B2"].value == "1850-01-01"
    book.close()


def test_no_two_columns_of_a_table_have_one_name(tmp_path: Path) -> None:
    names = ["fid", "lon", "lat", "lat_", "x", "y", "wkt"]
    fields = [{"name": name, "type": "text"} for name in names]
    make_layer(rows=[(shapely.Point(117, 0.5), dict.fromkeys(names, "a"))], fields=fields)
    make_layer("wilayah", rows=[(shapely.box(117, 0, 118, 1), dict.fromkeys(names, "a"))], fields=fields)
    for slug, query, places in (
        ("faskes", "", ["lon_", "lat__"]),
        ("faskes", "?crs=32650", ["x_", "y_"]),
        ("wilayah", "", ["wkt_"]),
    ):
        head = next(csv.reader(io.StringIO(take("csv", query, slug=slug).getvalue().decode("utf-8-sig"))))
        assert head == ["fid_", *names, *places]
        book = openpyxl.load_workbook(io.BytesIO(take("xlsx", query, slug=slug).getvalue()))
        assert [cell.value for cell in book["data"][1]] == head
        book.close()


def test_wide_rows_hold_every_shown_value_and_no_other(layer: Any) -> None:
    names = [f"kolom_{n:02}" for n in range(60)]
    values = {name: f"nilai {name}" * 20 for name in names} | {"rahasia": "MARKER"}
    fields = [{"name": name, "type": "text", "hidden": name == "kolom_07"} for name in names]
    make_layer("lebar", rows=[(shapely.Point(117.5, 0.5), values)], fields=fields)
    expected = {name: values[name] for name in names if name != "kolom_07"}
    (feature,) = json.loads(take("geojson", slug="lebar").getvalue())["features"]
    assert feature["properties"] == expected
    (row,) = csv.DictReader(io.StringIO(take("csv", slug="lebar").getvalue().decode("utf-8-sig")))
    assert {name: row[name] for name in row if name not in {"fid", "lon", "lat"}} == expected
    assert "MARKER" not in take("kml", slug="lebar").getvalue().decode()
