"""CSV and XLSX as they are read: under other names, with marks of their encoding, and our own given back."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
import shapely

from layers.reading import pipeline, positions
from layers.reading.findings import Findings, Stopped
from layers.reading.places import Place, Places, name_key
from layers.reading.tables import CsvTable, XlsxTable

ROWS = [["nama", "lon", "lat"], ["Pustu Bengalon", 117.6, 0.9], ["Pustu Wahau", 116.9, 1.2]]


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    with path.open("wb") as file:
        book.save(file)
    return path


def read(path: Path, folder: Path) -> dict[str, Any]:
    made = folder / "made"
    made.mkdir()
    return pipeline.answer({"file": str(path), "folder": str(made), "options": {"crs": "EPSG:4326"}})


def codes(answer: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in answer["findings"]}


@pytest.mark.parametrize("name", ["gabung.xls", "salah.shp", "gabung.xlsx"])
def test_workbook_is_read_whatever_its_name(name: str, tmp_path: Path) -> None:
    answer = read(workbook(tmp_path / name, data=ROWS), tmp_path)
    assert answer["status"] == "ready", answer["findings"]
    assert ("wrong_extension" in codes(answer)) == (name != "gabung.xlsx")


def test_mark_says_the_encoding(tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        path = tmp_path / f"{encoding}.csv"
        path.write_text("nama,lon,lat\nPustu Señal,117.6,0.9\n", encoding=encoding)
        folder = tmp_path / encoding
        folder.mkdir()
        answer = read(path, folder)
        assert answer["status"] == "ready", answer["findings"]
        assert "encoding_found" not in codes(answer)
        assert answer["fields"][0]["name"] == "nama"
        assert answer["preview"][0]["nama"] == "Pustu Señal"


def test_apostrophes_that_protect_are_no_data(tmp_path: Path) -> None:
    texts = ["'=1+1", "'+62 812", "'-5 derajat", "'@kutim", "'biasa", "'", "-"]
    rows = [["nama", "lon", "lat"], *([text, 117.6 + n / 100, 0.9] for n, text in enumerate(texts))]
    csv = tmp_path / "data.csv"
    csv.write_text("\n".join(",".join(map(str, row)) for row in rows))
    for number, path in enumerate((csv, workbook(tmp_path / "data.xlsx", data=rows))):
        folder = tmp_path / str(number)
        folder.mkdir()
        answer = read(path, folder)
        counts = {value for value, _n in answer["statistics"]["nama"]["common"]}
        assert counts == {"=1+1", "+62 812", "-5 derajat", "@kutim", "'biasa", "'", "-"}


def test_sheet_called_readme_is_not_asked_about(tmp_path: Path) -> None:
    about = [["Fasilitas kesehatan"], ["Lisensi: CC BY 4.0"]]
    answer = read(workbook(tmp_path / "data.xlsx", data=ROWS, README=about), tmp_path)
    assert answer["status"] == "ready", answer["findings"]
    assert answer["rows"] == 2


def test_which_of_two_tables_is_asked(tmp_path: Path) -> None:
    answer = read(workbook(tmp_path / "data.xlsx", data=ROWS, lama=ROWS, README=[["Isi"]]), tmp_path)
    assert answer["status"] == "asks"
    assert "choose_layer" in codes(answer)


@pytest.mark.parametrize(
    "head",
    ["lintang;bujur;luas;panjang", "Lintang;Bujur", "DATA SUMUR 2025\n\nLintang;Bujur;Luas"],
)
def test_decimal_commas_in_every_column_do_not_divide_it(head: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    row = ";".join(["0,9{n}", "117,6{n}", "1,5", "2,5"][: head.count(";") + 1])
    path.write_text("\n".join([head, *(row.format(n=n) for n in range(10, 60))]))
    answer = read(path, tmp_path)
    assert answer["status"] == "ready", answer["findings"]
    assert answer["rows"] == 50
    assert answer["extent"] == pytest.approx([117.61, 0.91, 117.659, 0.959])


def test_semicolons_in_a_text_do_not_divide_what_commas_do(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = [f"Jl. Yos Sudarso; RT {n},117.6{n},0.9" for n in range(10, 30)]
    path.write_text("\n".join(["alamat,lon,lat", *rows]))
    answer = read(path, tmp_path)
    assert [field["name"] for field in answer["fields"]] == ["alamat", "lon", "lat"]


def test_comma_in_every_row_does_not_divide_what_semicolons_do(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = [f"Sumur {n};4,5;0.9;117.6{n}" for n in range(10, 30)]
    path.write_text("\n".join(["nama;luas, ha;lat;lon", *rows, "Jumlah;4,0"]))
    answer = read(path, tmp_path)
    assert [field["name"] for field in answer["fields"]] == ["nama", "luas_ha", "lat", "lon"]


NAMES = ("Sangatta Utara", "Sangatta Selatan", "Bengalon")
PLACES = Places(near=shapely.box(115, -1, 120, 3))


@pytest.mark.parametrize(
    ("given", "is_read"),
    [
        ([("557.130", "55.209"), ("560.315", "56.736")], (557_130, 55_209)),
        ([("557,130", "55,209"), ("-", "-"), ("560,315", "56,736")], (557_130, 55_209)),
        ([("557.130", "10.055.209"), ("560.315", 980)], (557_130, 10_055_209)),
        ([("557.130,5", "55.209,25"), ("560.315,5", "56.736,5")], (557_130.5, 55_209.25)),
        ([("117.530", "0.510"), ("117.531", "0.512")], (117.53, 0.51)),
        ([("117,530", "0,510"), ("117,531", "0,512")], (117.53, 0.51)),
    ],
)
def test_metres_with_marks_of_thousands_are_no_decimals(given: Any, is_read: tuple[float, float]) -> None:
    table = {"X": [x for x, _y in given], "Y": [y for _x, y in given]}
    found = positions.detect(["X", "Y"], table, {}, PLACES, Findings())
    first = found.geometries(table, range(2, 2 + len(given)), PLACES)[0]
    assert (first.x, first.y) == is_read


@pytest.mark.parametrize(
    ("title", "cells"),
    [
        ("Latitude, Longitude", ["0.51000, 117.53000", "0.52000, 117.54000"]),
        ("Titik di lapangan", ["0.51,117.53", None, "0.52,117.54"]),
        ("Koordinat lokasi", ["0°30'36\"N 117°31'48\"E"]),
        ("GPS tim", ["117,53; 0,51"]),
    ],
)
def test_pair_of_coordinates_is_found_under_any_name(title: str, cells: list[Any]) -> None:
    table = {"nama": ["Pustu"] * len(cells), "nomor": ["1, 2"] * len(cells), title: cells}
    found = positions.detect(list(table), table, {}, PLACES, Findings())
    assert (found.how, found.columns) == ("pair", (title,))
    first = found.geometries(table, range(2, 2 + len(cells)), PLACES)[0]
    assert sorted((first.x, first.y)) == pytest.approx([0.51, 117.53])


def test_numbers_beside_a_word_are_told_to_be_mixed(tmp_path: Path) -> None:
    rows = [["nama", "lon", "lat", "jumlah", "kapan"]]
    rows += [[f"Pustu {n}", 117.6 + n / 100, 0.9, n, "12 Mei"] for n in range(5)]
    answer = read(
        workbook(tmp_path / "data.xlsx", data=[*rows, ["Pustu 5", 117.7, 0.9, "belum ada", "12 Mei"]]), tmp_path
    )
    told = next(finding for finding in answer["findings"] if finding["code"] == "column_mixed")
    assert "jumlah" in told["text_id"]
    assert "kapan" not in told["text_id"]


def test_name_that_is_not_known_is_told_with_the_one_that_may_be_meant() -> None:
    areas = [Place("kecamatan", f"64.08.0{n}", name, name, None, shapely.Point(117, n)) for n, name in enumerate(NAMES)]
    places = Places(kecamatan_by_name={name_key(area.name): area for area in areas})
    table = {"Kecamatan": ["Kec. Sangata Utara", "Bengalon", "Kutai Timur"]}
    found = positions.detect(list(table), table, {"place": "Kecamatan"}, places, Findings())
    found.geometries(table, range(2, 5), places)
    assert [(row.row, row.why_id, row.why_en) for row in found.unread_rows] == [
        (2, "Kec. Sangata Utara (mungkin Sangatta Utara?)", "Kec. Sangata Utara (perhaps Sangatta Utara?)"),
        (4, "Kutai Timur", "Kutai Timur"),
    ]


def test_zero_for_both_coordinates_is_no_place(tmp_path: Path) -> None:
    rows = [["nama", "lon", "lat"], ["a", 117.6, 0.9], ["b", 0, 0], ["c", 117.7, 0]]
    answer = read(workbook(tmp_path / "data.xlsx", data=rows), tmp_path)
    told = next(finding for finding in answer["findings"] if finding["code"] == "position_unreadable")
    assert [(row["row"], row["why_id"]) for row in told["rows"]] == [(3, "0 / 0")]
    assert answer["extent"] == pytest.approx([117.6, 0, 117.7, 0.9])


def test_columns_that_are_called_column_are_columns(tmp_path: Path) -> None:
    file = tmp_path / "lebar.csv"
    file.write_text("nama,lon,lat,,kolom 1,Kolom 7,\nMelati,117.5,0.5,x,12,tiga,\n")
    answer = read(file, tmp_path)
    assert [field["title"] for field in answer["fields"]] == ["nama", "lon", "lat", "kolom 4", "kolom 1", "Kolom 7"]
    assert codes(answer).isdisjoint({"long_rows"})


SIGNED = [["Sangatta, 31 Mei 2025"], ["Kepala Dinas"], [], ["Budi Santoso"], ["NIP 19700101 199503 1 001"]]


def test_signature_below_a_table_is_no_data(tmp_path: Path) -> None:
    answer = read(workbook(tmp_path / "pustu.xlsx", data=[*ROWS, [], *SIGNED]), tmp_path)
    assert answer["rows"] == 2
    told = next(finding for finding in answer["findings"] if finding["code"] == "notes_left")
    assert [row["row"] for row in told["rows"]] == [5, 6, 8, 9]
    assert "Santoso" not in str(answer)


def test_row_of_one_cell_above_others_is_data(tmp_path: Path) -> None:
    rows = [ROWS[0], ["Kecamatan Bengalon"], ROWS[1], ROWS[2]]
    answer = read(workbook(tmp_path / "pustu.xlsx", data=rows), tmp_path)
    assert (answer["rows"], "notes_left" in codes(answer)) == (3, False)


def test_table_of_rows_with_one_cell_each_is_data(tmp_path: Path) -> None:
    rows = [["kecamatan", "jumlah", "keterangan"], ["Bengalon", None, None], ["Kombeng", None, None]]
    answer = read(workbook(tmp_path / "kosong.xlsx", data=rows), tmp_path)
    assert "notes_left" not in codes(answer)


def test_columns_that_have_numbers_for_names_are_read(tmp_path: Path) -> None:
    file = tmp_path / "nomor.csv"
    file.write_text("(1),(2),(3)\nMelati,117.5,0.5\nMawar,117.6,0.6\n")
    answer = read(file, tmp_path)
    assert [field["title"] for field in answer["fields"]] == ["(1)", "(2)", "(3)"]
    assert answer["extent"] == pytest.approx([117.5, 0.5, 117.6, 0.6])


SCHOOLS = [
    ["JUMLAH SEKOLAH MENURUT KECAMATAN", None, None, None, None, None],
    ["No", "Kecamatan", "SD", None, None, None],
    [None, None, "Negeri", None, "Swasta", None],
    [None, None, "Sekolah", "Murid", "Sekolah", "Murid"],
    [1, 2, 3, 4, 5, 6],
    [1, "Bengalon", 10, 200, 3, 50],
    [2, "Kaliorang", 11, 210, 4, 55],
]


def test_header_of_three_rows_and_one_of_numbers(tmp_path: Path) -> None:
    path = workbook(tmp_path / "sekolah.xlsx", data=SCHOOLS)
    book = openpyxl.load_workbook(path)
    for merged in ("A1:F1", "A2:A4", "B2:B4", "C2:F2", "C3:D3", "E3:F3"):
        book["data"].merge_cells(merged)
    book.save(path)
    table = XlsxTable(path, Findings(), sheet=None)
    assert table.titles == [
        "No", "Kecamatan", "SD Negeri Sekolah", "SD Negeri Murid", "SD Swasta Sekolah", "SD Swasta Murid",
    ]  # fmt: skip
    (batch,) = table.batches()
    assert batch.columns["SD Swasta Murid"] == [50, 55]


def test_heading_over_columns_without_merged_cells(tmp_path: Path) -> None:
    path = tmp_path / "puskesmas.csv"
    path.write_text(
        "Kecamatan,Puskesmas,,Keterangan,Titik Koordinat,\n,Induk,Pembantu,,Lintang,Bujur\n1,2,3,4,5,6\n"
        'Bengalon,2,3,baik,"0,5","117,5"\nKaliorang,1,4,,"0,6","117,6"\n'
    )
    table = CsvTable(path, Findings(), encoding=None)
    assert table.titles == [
        "Kecamatan", "Puskesmas Induk", "Puskesmas Pembantu", "Keterangan",
        "Titik Koordinat Lintang", "Titik Koordinat Bujur",
    ]  # fmt: skip
    (batch,) = table.batches()
    assert batch.rows == [4, 5]


def test_first_row_with_a_gap_stays_data(tmp_path: Path) -> None:
    path = tmp_path / "sumur.csv"
    path.write_text("nama,alamat,,kondisi\n,Jalan Poros,dekat pasar,baik\nSumur B,Jalan A,,rusak\n")
    table = CsvTable(path, Findings(), encoding=None)
    (batch,) = table.batches()
    assert batch.rows == [2, 3]


def test_two_columns_of_one_name_do_not_make_rows_names(tmp_path: Path) -> None:
    path = tmp_path / "sumur.csv"
    path.write_text("nama,ket,ket\nSumur A,baik,\nSumur B,,rusak\n")
    (batch,) = CsvTable(path, Findings(), encoding=None).batches()
    assert batch.rows == [2, 3]


@pytest.mark.parametrize(
    ("titles", "cells", "place"),
    [
        (
            ["Lintang Derajat", "Lintang Menit", "Lintang Detik", "Bujur Derajat", "Bujur Menit", "Bujur Detik"],
            ["0", "30", "36,0", "117", "31", "48"],
            (117.53, 0.51),
        ),
        (
            ["Lintang °", "Lintang '", 'Lintang "', "Bujur °", "Bujur '", 'Bujur "'],
            [0, 30, 36.0, 117, 31, None],
            (117 + 31 / 60, 0.51),
        ),
        (["LS_d", "LS_m", "LS_s", "BT_d", "BT_m", "BT_s"], ["0°", "30'", '36"', 117, 31, 48], (117.53, -0.51)),
        (["lat deg", "lat min", "long deg", "long min", "LU/LS"], [0, 30.6, 117, 31.8, "LS"], (117.53, -0.51)),
        (["lat deg", "lat min", "long deg", "long min", "LU/LS"], ["-0", 30.6, 117, 31.8, None], (117.53, -0.51)),
    ],
)
def test_degrees_minutes_and_seconds_in_columns_of_their_own(
    titles: list[str], cells: list[Any], place: tuple[float, float]
) -> None:
    table = {title: [cell] for title, cell in zip(titles, cells, strict=True)} | {"kedalaman (m)": [4]}
    found = positions.detect(list(table), table, {}, PLACES, Findings())
    (point,) = found.geometries(table, [2], PLACES)
    assert (point.x, point.y) == pytest.approx(place)
    assert found.degrees


def test_part_of_an_angle_that_is_none_gives_no_place() -> None:
    table = {title: [1, 61] for title in ("lat d", "lat m", "lon d", "lon m")}
    found = positions.detect(list(table), table, {}, PLACES, Findings())
    assert found.geometries(table, [2, 3], PLACES)[1] is None
    assert [row.row for row in found.unread_rows] == [3]


def test_words_before_an_axis_say_nothing() -> None:
    table = {"Titik Koordinat Lintang": ["0,51"], "Titik Koordinat Bujur": ["117,53"], "Kecamatan": ["Bengalon"]}
    found = positions.detect(list(table), table, {}, PLACES, Findings())
    assert (found.how, found.columns) == ("xy", ("Titik Koordinat Bujur", "Titik Koordinat Lintang"))


def test_what_is_counted_in_a_place_is_no_total(tmp_path: Path) -> None:
    path = tmp_path / "indikator.csv"
    path.write_text(
        "Uraian;Kecamatan;Nilai\nJumlah penduduk;Bengalon;1200\nRata-rata umur;Bengalon;30\nTotal Kutai Timur;-;1230\n"
        "JUMLAH :;seluruhnya;1230\nTotal 2 baris;;Rp 5\n"
    )
    table = CsvTable(path, Findings(), encoding=None)
    (batch,) = table.batches()
    assert batch.rows == [2, 3]
    assert [row.row for row in table.totals] == [4, 5, 6]


def test_column_that_says_kecamatan_is_one_whatever_the_typing_errors() -> None:
    areas = [Place("kecamatan", f"64.08.0{n}", name, name, None, shapely.Point(117, n)) for n, name in enumerate(NAMES)]
    places = Places(kecamatan_by_name={name_key(area.name): area for area in areas})
    table = {"nama kecamatan": ["Sangata Utara", "Bengalonn", "Bengalon"], "jumlah": ["1", "2", "3"]}
    found = positions.detect(list(table), table, {}, places, Findings())
    assert (found.how, found.columns, found.level) == ("join", ("nama kecamatan",), "kecamatan")
    table["keterangan"] = table.pop("nama kecamatan")
    with pytest.raises(Stopped):
        positions.detect(list(table), table, {}, places, Findings())


def test_codes_of_kecamatan_beside_their_names_are_no_desa() -> None:
    areas = [Place("kecamatan", f"64.08.0{n}", name, name, None, shapely.Point(117, n)) for n, name in enumerate(NAMES)]
    places = Places(
        kecamatan_by_name={name_key(area.name): area for area in areas},
        by_code={area.code.replace(".", ""): area for area in areas},
    )
    table = {"kecamatan": [area.name for area in areas], "kode": [area.code for area in areas]}
    found = positions.detect(list(table), table, {}, places, Findings())
    assert (found.columns, found.level) == (("kode",), "kecamatan")


def test_types_are_told_from_all_folders_of_a_kml(tmp_path: Path) -> None:
    mark = (
        "<Folder><name>{}</name><Placemark><name>{}</name><ExtendedData>{}</ExtendedData>"
        "<Point><coordinates>117.5,0.{}</coordinates></Point></Placemark></Folder>"
    )
    told = ["", '<Data name="debit"><value>2</value></Data>', '<Data name="debit"><value>2,5</value></Data>']
    folders = "".join(mark.format(f"Tahap {n}", f"Sumur {n}", data, n + 1) for n, data in enumerate(told))
    path = tmp_path / "sumur.kml"
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{folders}</Document></kml>')
    answer = read(path, tmp_path)
    assert {field["name"]: field["type"] for field in answer["fields"]}["debit"] == "number"
    assert answer["rows"] == 3
    assert [row["debit"] for row in answer["preview"]] == [None, 2, 2.5]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("jalan.dxf", b"  0\r\nSECTION\r\n  2\r\nHEADER\r\n", "is_drawing"),
        ("jalan.tab", b"!table\n!version 300\n", "is_mapinfo"),
        ("jalan.mif", b'Version 300\nCharset "WindowsLatin1"\nColumns 1\n', "is_mapinfo"),
        ("proyek.qgs", b"<!-- QGIS --><qgis version='3'></qgis>", "is_project"),
        ("lain.json", b'{"data": [1, 2]}', "is_other_json"),
        ("daftar.json", b'[{"nama": "a", "lat": 0.5, "lon": 117.5}]', "is_other_json"),
    ],
)
def test_what_is_another_programs_is_refused_by_its_name(name: str, content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    answer = read(path, tmp_path)
    assert answer["status"] == "refused"
    assert codes(answer) == {code}


@pytest.mark.parametrize(
    ("member", "code"), [("Data.gdb/a00000001.gdbtable", "is_geodatabase"), ("a.qgs", "is_project")]
)
def test_geodatabase_and_project_in_a_zip_are_refused_by_their_name(member: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr(member, "x")
    assert codes(read(path, tmp_path)) == {code}
