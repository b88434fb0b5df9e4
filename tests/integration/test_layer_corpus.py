"""Forty nasty files, made here: each becomes the right layer, or gets the sentence that tells how to mend it.

Reading runs in its own process, so this process, which stands for the service, must come through all of them.
"""

import io
import json
import os
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import openpyxl
import pytest
import shapely

from layers.reader import Inspection, Options, Reader, reading
from layers.reading import limits
from layers.reading.copying import HEAD, read_rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kutim")]

# Three places inside the regency, with letters that break in the wrong encoding.
SPOTS = [(117.53, 0.50), (117.60, 0.90), (116.90, 1.20)]
NAMES = ["Puskesmas Café Sangatta", "Pustu Bengalon Señal", "Pustu Wahau Ümit"]
SQUARE = shapely.box(117.50, 0.50, 117.52, 0.52)
BOW_TIE = shapely.Polygon([(117.50, 0.50), (117.52, 0.52), (117.52, 0.50), (117.50, 0.52)])
# A ring that touches itself in a point: two triangles, one ring.
TOUCHING = shapely.Polygon(
    [(117.50, 0.50), (117.51, 0.51), (117.52, 0.50), (117.52, 0.53), (117.51, 0.51), (117.50, 0.53), (117.50, 0.50)]
)
KML = (
    '<?xml version="1.0" encoding="UTF-8"?>{doctype}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    "<Folder><name>Puskesmas</name>{marks}</Folder></Document></kml>"
)
MARK = "<Placemark><name>{name}</name><Point><coordinates>{lon},{lat},12</coordinates></Point></Placemark>"


def frame(crs: str = "EPSG:4326", shapes: Any = None, **columns: Any) -> geopandas.GeoDataFrame:
    """Return the three places (or `shapes`) in a CRS."""
    shapes = [shapely.Point(spot) for spot in SPOTS] if shapes is None else shapes
    columns = columns or {"nama": NAMES[: len(shapes)], "kode": ["001", "002", "003"][: len(shapes)]}
    return geopandas.GeoDataFrame(columns, geometry=list(shapes), crs="EPSG:4326").to_crs(crs)


def write(data: geopandas.GeoDataFrame, path: Path, **more: Any) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what a format cannot hold, which is meant here
        data.to_file(path, **more)
    return path


def shapefile(folder: Path, data: geopandas.GeoDataFrame, *, without: tuple[str, ...] = (), **more: Any) -> Path:
    path = write(data, folder / "data.shp", **more)
    for suffix in without:
        path.with_suffix(suffix).unlink()
    return path


def zipped(folder: Path, *files: Path, name: str = "data.zip") -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    return folder / name


def text(folder: Path, name: str, content: str, encoding: str = "utf-8") -> Path:
    (folder / name).write_bytes(content.encode(encoding))
    return folder / name


def marks() -> str:
    return "".join(MARK.format(name=name, lon=lon, lat=lat) for name, (lon, lat) in zip(NAMES, SPOTS, strict=True))


def geojson(folder: Path, shapes: list[Any], name: str = "data.geojson", properties: Any = None) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"nama": f"n{n}"} if properties is None else properties[n],
            "geometry": shape if shape is None or isinstance(shape, dict) else shapely.geometry.mapping(shape),
        }
        for n, shape in enumerate(shapes)
    ]
    return text(folder, name, json.dumps({"type": "FeatureCollection", "features": features}))


# --- The makers, one a file -------------------------------------------------------------------------------------------


def bad_cpg(folder: Path) -> Path:
    path = shapefile(folder, frame(), encoding="UTF-8")
    path.with_suffix(".cpg").write_text("ISO-8859-1")
    return path


def cpg_says_utf8(folder: Path) -> Path:
    path = shapefile(folder, frame(), encoding="CP1252")
    path.with_suffix(".cpg").write_text("UTF-8")
    return path


def no_cpg(folder: Path) -> Path:
    return shapefile(folder, frame(), without=(".cpg",), encoding="CP1252")


def no_prj(folder: Path) -> Path:
    return zipped(folder, *_parts(shapefile(folder, frame("EPSG:32650"), without=(".prj",))))


def no_prj_tm3(folder: Path) -> Path:
    return shapefile(folder, frame("EPSG:23837"), without=(".prj",))


def no_prj_far(folder: Path) -> Path:
    far = geopandas.GeoDataFrame({"nama": ["a"]}, geometry=[shapely.Point(3_333.0, 777_777.0)])
    return shapefile(folder, far)


def wrong_prj(folder: Path) -> Path:
    path = shapefile(folder, frame("EPSG:32650"))
    path.with_suffix(".prj").write_text(
        'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137,298.257223563]],'
        'PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]]'
    )
    return path


def rubbish_prj(folder: Path) -> Path:
    path = shapefile(folder, frame("EPSG:32650"))
    path.with_suffix(".prj").write_text("koordinat biasa")
    return path


def tm3(folder: Path) -> Path:
    return write(frame("EPSG:23838", [shapely.Point(118.2, 1.0)]), folder / "data.gpkg")


def web_mercator(folder: Path) -> Path:
    return write(frame("EPSG:3857"), folder / "data.fgb", driver="FlatGeobuf")


def geojson_in_metres(folder: Path) -> Path:
    return geojson(folder, list(frame("EPSG:32650").geometry))


def swapped_axes(folder: Path) -> Path:
    return geojson(folder, [shapely.Point(lat, lon) for lon, lat in SPOTS])


def bow_tie(folder: Path) -> Path:
    return geojson(folder, [BOW_TIE, SQUARE])


def touching(folder: Path) -> Path:
    return geojson(folder, [TOUCHING])


def three_dimensions(folder: Path) -> Path:
    return geojson(folder, [shapely.force_3d(SQUARE, 7.0), SQUARE])


def unclosed_and_short(folder: Path) -> Path:
    line = {"type": "LineString", "coordinates": [[117.5, 0.5]]}
    return geojson(folder, [line, shapely.LineString([(117.5, 0.5), (117.6, 0.6)])])


def mixed(folder: Path) -> Path:
    return geojson(folder, [shapely.Point(117.5, 0.5), SQUARE, shapely.LineString([(117.5, 0.5), (117.6, 0.6)])])


def single_and_multi(folder: Path) -> Path:
    return geojson(folder, [SQUARE, shapely.MultiPolygon([SQUARE])], properties=[{"a": 1}, {"a": 2}])


def collections(folder: Path) -> Path:
    return geojson(folder, [shapely.GeometryCollection([SQUARE])])


def empty_and_null(folder: Path) -> Path:
    return geojson(folder, [None, shapely.Point(117.5, 0.5), None], properties=[{"a": None}, {"a": 1}, {"a": 2}])


def duplicates(folder: Path) -> Path:
    spot = shapely.Point(117.5, 0.5)
    return geojson(folder, [spot, spot, spot], properties=[{"a": 1}, {"a": 1}, {"a": 2}])


def no_features(folder: Path) -> Path:
    return geojson(folder, [])


def truncated_geojson(folder: Path) -> Path:
    path = geojson(folder, [SQUARE] * 50)
    path.write_bytes(path.read_bytes()[:-400])
    return path


def truncated_shp(folder: Path) -> Path:
    path = shapefile(folder, frame())
    path.write_bytes(path.read_bytes()[:-20])
    return path


def truncated_zip(folder: Path) -> Path:
    path = no_prj(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def truncated_gpkg(folder: Path) -> Path:
    path = write(frame(), folder / "data.gpkg")
    path.write_bytes(path.read_bytes()[:30_000])
    return path


def zero_bytes(folder: Path) -> Path:
    return text(folder, "data.shp", "")


def shp_alone(folder: Path) -> Path:
    return shapefile(folder, frame(), without=(".dbf", ".shx", ".prj", ".cpg"))


def no_shx(folder: Path) -> Path:
    return shapefile(folder, frame(), without=(".shx",))


def wrong_extension(folder: Path) -> Path:
    return write(frame(), folder / "data.gpkg").rename(folder / "data.shp")


def pdf(folder: Path) -> Path:
    return text(folder, "peta.shp", "%PDF-1.7 ...")


def web_page(folder: Path) -> Path:
    return text(folder, "data.geojson", "<!doctype html><html><body>404</body></html>")


def kmz(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "data.kmz", "w") as archive:
        archive.writestr("doc.kml", KML.format(doctype="", marks=marks()))
        archive.writestr("files/icon.png", b"\x89PNG")
    return folder / "data.kmz"


def billion_laughs(folder: Path) -> Path:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE kml [<!ENTITY l0 "ha">{entities}]>'
    return text(folder, "data.kml", KML.format(doctype=doctype, marks="<Placemark><name>&l9;</name></Placemark>"))


def nested_zip(folder: Path) -> Path:
    inner = zipped(folder, *_parts(shapefile(folder, frame())), name="inner.zip")
    return zipped(folder, inner, name="outer.zip")


def nested_deep(folder: Path) -> Path:
    one = zipped(folder, write(frame(), folder / "data.gpkg"), name="one.zip")
    return zipped(folder, zipped(folder, one, name="two.zip"), name="three.zip")


def zip_bomb(folder: Path) -> Path:
    with (
        zipfile.ZipFile(folder / "data.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("data.csv", "w", force_zip64=True) as out,
    ):
        for _ in range(limits.ZIP_BYTES // 10_000_000 + 1):
            out.write(b"0" * 10_000_000)
    return folder / "data.zip"


def zip_bomb_that_lies(folder: Path) -> Path:
    """The table of contents says 10 bytes; the entry unpacks to 100 MB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", b"0" * 100_000_000)
    data = bytearray(buffer.getvalue())
    for at in (data.find(b"PK\x03\x04") + 22, data.find(b"PK\x01\x02") + 24):
        data[at : at + 4] = struct.pack("<I", 10)
    (folder / "data.zip").write_bytes(data)
    return folder / "data.zip"


def zip_many(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "data.zip", "w") as archive:
        for number in range(limits.ZIP_FILES + 1):
            archive.writestr(f"{number}.prj", "x")
    return folder / "data.zip"


def zip_slip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "data.zip", "w") as archive:
        archive.writestr("../../../../tmp/kutim-slipped.csv", "a;b")
    return folder / "data.zip"


def symlink(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "data.zip", "w") as archive:
        entry = zipfile.ZipInfo("data.csv")
        entry.external_attr = (0o120777 << 16) | 0x20
        archive.writestr(entry, "/etc/passwd")
    return folder / "data.zip"


def password(folder: Path) -> Path:
    path = zipped(folder, write(frame(), folder / "data.gpkg"))
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag that the entry is encrypted
        data[data.find(mark) + at] |= 1
    path.write_bytes(data)
    return path


def zip_of_pictures(folder: Path) -> Path:
    return zipped(folder, text(folder, "foto.jpg", "x"))


def zip_of_two(folder: Path) -> Path:
    return zipped(folder, write(frame(), folder / "jalan.gpkg"), write(frame(), folder / "sekolah.gpkg"))


def csv_semicolons(folder: Path) -> Path:
    rows = "\r\n".join(f'{n};"{n}; tanda";{lon};{lat};12,5' for n, (lon, lat) in zip(NAMES, SPOTS, strict=True))
    rows = rows.replace("117.", "117,").replace("116.", "116,").replace(";0.", ";0,").replace(";1.", ";1,")
    return text(folder, "data.csv", f"Nama;Catatan;Bujur;Lintang;Luas (ha)\r\n{rows}\r\n", "cp1252")


def csv_dms(folder: Path) -> Path:
    rows = ['a,"0°30\'00""LU","117° 31\' 48,0"" BT"', "b,0 54 0 LU,117 36 0 BT", "c,N 1°12'00.0,E116°54'00.0"]
    return text(folder, "data.csv", "nama,lintang,bujur\n" + "\n".join(rows) + "\n")


def csv_utm(folder: Path) -> Path:
    rows = [f"{n}\t{p.x:.2f}\t{p.y:.2f}" for n, p in zip("abc", frame("EPSG:32650").geometry, strict=True)]
    return text(folder, "data.tsv", "nama\tX\tY\n" + "\n".join(rows) + "\n")


def csv_swapped(folder: Path) -> Path:
    rows = [f"{n},{lon},{lat}" for n, (lon, lat) in zip("abc", SPOTS, strict=True)]
    return text(folder, "data.csv", "nama,lat,lon\n" + "\n".join(rows) + "\n")


def csv_by_desa(folder: Path) -> Path:
    return text(
        folder,
        "data.csv",
        "desa,kecamatan,sumur\nSangatta Utara,Sangatta Utara,4\nTeluk Lingga,Sangatta Utara,2\nAtlantis,Bengalon,1\n",
    )


def csv_by_code(folder: Path) -> Path:
    return text(folder, "data.csv", "kode,penduduk\n64.08.04,125410\n64.08.09,30000\n6408020,20000\n")


def csv_without_place(folder: Path) -> Path:
    return text(folder, "data.csv", "nama,harga\nBeras,12000\nGula,15000\n")


def csv_personal(folder: Path) -> Path:
    return text(
        folder,
        "data.csv",
        "nama,nomor,kontak,surel,lat,lon\n"
        "A,6408044107850001,081234567890,a@contoh.id,0.5,117.5\n"
        "B,6408040101900002,+62 812-3456-7891,b@contoh.id,0.6,117.6\n",
    )


def xlsx_merged(folder: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["DAFTAR PUSKESMAS KABUPATEN KUTAI TIMUR TAHUN 2024"])
    sheet.merge_cells("A1:E1")
    sheet.append([])
    sheet.append(["Kecamatan", "Nama", "Koordinat", None, "Tanggal"])
    sheet.append([None, None, "Lintang", "Bujur", None])
    sheet.merge_cells("C3:D3")
    sheet.append(["Sangatta Utara", NAMES[0], 0.5, 117.53, "3 Januari 2024"])
    sheet.append([None, NAMES[1], 0.9, 117.6, "4 Januari 2024"])
    sheet.merge_cells("A5:A6")
    sheet.append(["Muara Wahau", NAMES[2], 1.2, 116.9, "5 Januari 2024"])
    sheet.append(["JUMLAH", 3])
    book.save(folder / "data.xlsx")
    return folder / "data.xlsx"


def xlsx_entities(folder: Path) -> Path:
    path = xlsx_merged(folder)
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><workbook>&a;</workbook>'
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(folder / "bad.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, bomb if name == "xl/workbook.xml" else old.read(name))
    return folder / "bad.xlsx"


def gpx(folder: Path) -> Path:
    points = "".join(
        f'<wpt lat="{lat}" lon="{lon}"><name>{n}</name></wpt>' for n, (lon, lat) in zip("abc", SPOTS, strict=True)
    )
    return text(
        folder,
        "data.gpx",
        f'<?xml version="1.0"?><gpx version="1.1" creator="uji" xmlns="http://www.topografix.com/GPX/1/1">{points}</gpx>',
    )


def later_contradictions(folder: Path) -> Path:
    """What the first 20,000 rows show is not true of the rest."""
    rows = [f"{n},117.5{n % 10},0.5,{n}" for n in range(20_500)]
    rows[-1] = "20499,117.5,0.5,tidak ada"
    return text(folder, "data.csv", "nomor,lon,lat,nilai\n" + "\n".join(rows) + "\n")


def _parts(path: Path) -> list[Path]:
    return sorted(file for file in path.parent.iterdir() if file.stem == path.stem)


# --- What must become of them -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A file, the codes of what must be said of it, and what must become of it (`rows` None: it is not taken)."""

    make: Callable[[Path], Path]
    says: tuple[str, ...] = ()
    rows: int | None = None
    kind: str = "Point"
    crs: str = "EPSG:4326"
    at: tuple[tuple[float, float], ...] = ()


THREE: dict[str, Any] = {"rows": 3, "at": tuple(SPOTS)}
AREA: dict[str, Any] = {"kind": "MultiPolygon"}
CASES = [
    Case(bad_cpg, ("encoding_lies",), **THREE),
    Case(cpg_says_utf8, ("encoding_lies",), **THREE),
    Case(no_cpg, ("encoding_found",), **THREE),
    Case(no_prj, ("crs_found",), crs="EPSG:32650", **THREE),
    Case(no_prj_tm3, ("crs_found",), crs="EPSG:23837", **THREE),
    Case(no_prj_far, ("crs_ask_none",)),
    Case(wrong_prj, ("crs_wrong",), crs="EPSG:32650", **THREE),
    Case(rubbish_prj, ("crs_found",), crs="EPSG:32650", **THREE),
    Case(tm3, (), 1, crs="EPSG:23838", at=((118.2, 1.0),)),
    Case(web_mercator, (), crs="EPSG:3857", **THREE),
    Case(geojson_in_metres, ("crs_wrong",), crs="EPSG:32650", **THREE),
    Case(swapped_axes, ("axes_swapped",), **THREE),
    Case(bow_tie, ("repaired",), 2, **AREA),
    Case(touching, ("repaired",), 1, **AREA),
    Case(three_dimensions, ("z_dropped",), 2, **AREA),
    Case(unclosed_and_short, ("without_geometry",), 2, kind="MultiLineString"),
    Case(mixed, ("families",), 3, kind="Geometry"),
    Case(single_and_multi, (), 2, **AREA),
    Case(collections, (), 1, **AREA),
    Case(empty_and_null, ("empty_rows", "without_geometry"), 2),
    Case(duplicates, ("duplicates",), 2),
    Case(no_features, ("no_rows",)),
    Case(truncated_geojson, ("is_damaged_why",)),
    Case(truncated_shp, ("is_cut",)),
    Case(truncated_zip, ("zip_broken",)),
    Case(truncated_gpkg, ("is_damaged_why",)),
    Case(zero_bytes, ("is_empty",)),
    Case(shp_alone, ("shp_part_missing",)),
    Case(no_shx, (), **THREE),
    Case(wrong_extension, ("wrong_extension",), **THREE),
    Case(pdf, ("is_pdf",)),
    Case(web_page, ("is_web_page",)),
    Case(kmz, ("z_dropped",), **THREE),
    Case(billion_laughs, ("xml_entities",)),
    Case(nested_zip, ("zip_nested",), **THREE),
    Case(nested_deep, ("zip_nested_deep",)),
    Case(zip_bomb, ("zip_large",)),
    Case(zip_bomb_that_lies, ("zip_broken",)),
    Case(zip_many, ("zip_many",)),
    Case(zip_slip, ("zip_outside",)),
    Case(symlink, ("zip_link",)),
    Case(password, ("zip_password",)),
    Case(zip_of_pictures, ("zip_without_data",)),
    Case(zip_of_two, ("choose_layer",)),
    Case(csv_semicolons, ("encoding_found", "csv_delimiter", "position_columns"), **THREE),
    Case(csv_dms, ("position_columns",), **THREE),
    Case(csv_utm, ("crs_found",), crs="EPSG:32650", **THREE),
    Case(csv_swapped, ("axes_swapped",), **THREE),
    Case(csv_by_desa, ("position_join_outline", "join_unknown"), 3, **AREA),
    Case(csv_by_code, ("position_join_outline",), 3, **AREA),
    Case(csv_without_place, ("position_ask",)),
    Case(csv_personal, ("personal",), 2),
    Case(xlsx_merged, ("header_found", "merged_filled", "totals_left"), **THREE),
    Case(xlsx_entities, ("xml_entities",)),
    Case(gpx, (), **THREE),
    Case(later_contradictions, ("column_mixed",), 20_500),
]


def read(path: Path, **options: Any) -> tuple[Inspection, list[tuple[Any, dict[str, Any]]]]:
    """Return the inspection of a file and its first rows as (geometry, properties)."""
    with reading(path, Options(**options)) as reader:
        made = list(rows_of(reader)) if reader.inspection.status == "ready" else []
    return reader.inspection, made


def rows_of(reader: Reader) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Read the rows that count, as PostgreSQL would: (geometry, properties), in the order of the file."""
    for rows in reader.passes():
        made = b"".join(iter(partial(rows.read, 1 << 20), b""))
    assert made.startswith(HEAD)
    rows_by_number = sorted(read_rows(made.removeprefix(HEAD)), key=itemgetter(0))
    for number, (fid, ewkb, properties) in enumerate(rows_by_number, start=1):
        assert fid == number
        geometry = shapely.from_wkb(ewkb)
        assert geometry is None or shapely.get_srid(geometry) == 4326
        yield geometry, json.loads(properties)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.make.__name__)
def test_file_becomes_the_right_layer_or_gets_the_right_sentence(case: Case, tmp_path: Path) -> None:
    inspection, rows = read(case.make(tmp_path))
    codes = [finding["code"] for finding in inspection.findings]
    assert set(case.says) <= set(codes), inspection.findings
    for finding in inspection.findings:
        assert "{" not in finding["text_id"] + finding["text_en"]
    assert inspection.peak_mb <= limits.MEMORY // 1_000_000
    if case.rows is None:
        assert inspection.status == ("asks" if inspection.findings[-1]["level"] == "ask" else "refused")
        assert codes[-1] == case.says[-1]
        return
    assert inspection.status == "ready", inspection.findings
    assert (inspection.rows, len(rows)) == (case.rows, case.rows)
    assert (inspection.geometry_type, inspection.source_crs.split()[0]) == (case.kind, case.crs)
    for (geometry, _), spot in zip(rows, case.at, strict=False):
        assert (geometry.x, geometry.y) == pytest.approx(spot, abs=1e-7)
    shapes = np.array([geometry for geometry, _ in rows], dtype=object)
    assert shapely.is_valid(shapes[~shapely.is_missing(shapes)]).all()
    assert not shapely.has_z(shapes).any()
    assert not Path("/tmp/kutim-slipped.csv").exists()


@pytest.mark.parametrize("make", [bad_cpg, cpg_says_utf8, no_cpg, nested_zip, csv_semicolons, xlsx_merged, kmz])
def test_names_come_through_every_encoding(make: Callable[[Path], Path], tmp_path: Path) -> None:
    _, rows = read(make(tmp_path))
    column = "name" if make is kmz else "nama"
    assert [properties[column] for _, properties in rows] == NAMES


def test_codes_keep_their_zeros_and_numbers_their_commas(tmp_path: Path) -> None:
    inspection, rows = read(csv_semicolons(tmp_path))
    assert rows[0][1]["luas_ha"] == 12.5
    assert rows[0][1]["catatan"] == f"{NAMES[0]}; tanda"
    inspection, rows = read(shapefile(tmp_path, frame()))
    assert {field["name"]: field["type"] for field in inspection.fields} == {"nama": "text", "kode": "code"}
    assert rows[0][1]["kode"] == "001"


def test_repair_lists_the_row_and_the_reason(tmp_path: Path) -> None:
    inspection, rows = read(bow_tie(tmp_path))
    (repaired,) = [finding for finding in inspection.findings if finding["code"] == "repaired"]
    assert (repaired["count"], repaired["rows"][0]["row"]) == (1, 1)
    assert repaired["rows"][0]["why_id"].startswith("garisnya memotong dirinya sendiri")
    assert rows[0][0].area == pytest.approx(0.02 * 0.02 / 2)


def test_merged_cells_and_dates_of_a_sheet_are_read(tmp_path: Path) -> None:
    inspection, rows = read(xlsx_merged(tmp_path))
    assert [properties["kecamatan"] for _, properties in rows] == ["Sangatta Utara", "Sangatta Utara", "Muara Wahau"]
    assert [properties["tanggal"] for _, properties in rows] == ["2024-01-03", "2024-01-04", "2024-01-05"]
    assert {"koordinat_lintang", "koordinat_bujur"} <= {field["name"] for field in inspection.fields}


def test_personal_data_are_hidden_and_counted_only(tmp_path: Path) -> None:
    inspection, _ = read(csv_personal(tmp_path))
    assert {field["name"] for field in inspection.fields if field["hidden"]} == {"nomor", "kontak", "surel"}
    assert inspection.statistics["nomor"] == {"count": 2, "nulls": 0}
    assert all("nomor" not in row for row in inspection.preview)


def test_question_is_settled_by_an_answer(tmp_path: Path) -> None:
    path = zip_of_two(tmp_path)
    asked, _ = read(path)
    assert [choice["value"] for choice in asked.findings[-1]["choices"]] == ["jalan", "sekolah"]
    answered, _ = read(path, layer="sekolah")
    assert (answered.status, answered.rows) == ("ready", 3)


def test_unknown_crs_shows_where_each_choice_would_put_the_data(tmp_path: Path) -> None:
    asked, _ = read(no_prj_far(tmp_path))
    choices = {choice["value"]: choice for choice in asked.findings[-1]["choices"]}
    assert {"EPSG:4326", "EPSG:32650", "EPSG:23838"} <= set(choices)
    assert "di luar Kutai Timur" in choices["EPSG:32650"]["text_id"]
    answered, _ = read(tmp_path / "data.shp", crs="EPSG:32650")
    assert answered.status == "ready"


def test_unknown_columns_are_settled_by_an_answer(tmp_path: Path) -> None:
    path = text(tmp_path, "data.csv", "a,b\n512345,55000\n512346,55001\n")
    assert read(path)[0].status == "asks"
    answered, rows = read(path, columns={"lon": "a", "lat": "b"})
    assert answered.source_crs.startswith("EPSG:32650")
    assert rows[0][0].x == pytest.approx(117.11, abs=0.01)


def test_million_rows_fit_into_the_limit(tmp_path: Path) -> None:
    """1,000,000 points with attributes within 512 MB of resident memory."""
    random = np.random.default_rng(6408)
    lons, lats = random.uniform(116.5, 118.5, 1_000_000).tolist(), random.uniform(0.2, 1.5, 1_000_000).tolist()
    with (tmp_path / "data.csv").open("w") as out:
        out.write("nomor,bujur,lintang,jenis\n")
        out.writelines(
            f"{n},{lon:.6f},{lat:.6f},jenis {n % 7}\n" for n, (lon, lat) in enumerate(zip(lons, lats, strict=True))
        )
    with reading(tmp_path / "data.csv") as reader:
        inspection = reader.inspection
        assert (inspection.status, inspection.rows) == ("ready", 1_000_000)
        assert inspection.peak_mb <= limits.MEMORY // 1_000_000
    assert inspection.statistics["jenis"]["distinct"] == 7


def test_reader_over_its_memory_is_stopped_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMORY", 20_000_000)
    inspection, _ = read(geojson(tmp_path, [SQUARE]))
    assert [finding["code"] for finding in inspection.findings] == ["too_much_memory"]


def test_reader_over_its_time_is_stopped_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WALL_S", 0)
    inspection, _ = read(geojson(tmp_path, [SQUARE]))
    assert [finding["code"] for finding in inspection.findings] == ["too_slow"]


def test_reader_knows_no_database_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's environment carries none of the service's."""
    seen: dict[str, str] = {}
    import subprocess

    original = subprocess.Popen

    def spied(*arguments: Any, **named: Any) -> Any:
        seen.update(named["env"])
        return original(*arguments, **named)

    monkeypatch.setattr("layers.reader.subprocess.Popen", spied)
    assert read(geojson(tmp_path, [SQUARE]))[0].status == "ready"
    assert not {"DATABASE_URL", "SECRET_KEY"} & set(seen)
    assert {"DATABASE_URL", "SECRET_KEY"} <= set(os.environ)
