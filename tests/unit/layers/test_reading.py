"""Small parts of the reader: coordinates as people write them, types of columns, names, headers."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.reading import crs, geometry, limits, pipeline
from layers.reading.columns import cleaned, propose, safe_names, tell_personal
from layers.reading.encodings import fits_utf8
from layers.reading.findings import Findings, Stopped
from layers.reading.places import Places, name_key
from layers.reading.positions import read_number, split_pair
from layers.reading.sentences import SENTENCES
from layers.reading.tables import find_header


@pytest.mark.parametrize(
    ("written", "value", "axis"),
    [
        ("117,5312", 117.5312, ""),
        ("117.5312", 117.5312, ""),
        ("-0.5", -0.5, ""),
        ("\N{MINUS SIGN}0,5", -0.5, ""),
        ("512.345,67", 512345.67, ""),
        ("512,345.67", 512345.67, ""),
        ("0°30'36\"LU", 0.51, "lat"),
        ("0° 30' 36,0\" LS", -0.51, "lat"),
        ("117º31’48” BT", 117.53, "lon"),
        ("N 0 30 36", 0.51, "lat"),
        ("E117°31.8'", 117.53, "lon"),
        ("0°30′36″S", -0.51, "lat"),
        ("117 derajat 30' T", 117.5, "lon"),
        ("117⁰30'00\" BT", 117.5, "lon"),
        ("0o30'36\"LU", 0.51, "lat"),
        ("0 derajat 30 menit 36 detik LS", -0.51, "lat"),
        ("117°31'48\" Bujur Timur", 117.53, "lon"),
        ("0°30'36\" Lintang Utara", 0.51, "lat"),
        ("0°30'36'' L.U.", 0.51, "lat"),
        ("N0.51", 0.51, "lat"),
        ("E 117,53", 117.53, "lon"),
        ("S0,51", -0.51, "lat"),
    ],
)
def test_coordinate_is_read_as_people_write_it(written: str, value: float, axis: str) -> None:
    found = read_number(written)
    assert found is not None
    assert found[0] == pytest.approx(value, abs=1e-9)
    assert found[1] == axis


@pytest.mark.parametrize("written", ["", "-", "tidak ada", "0°75'00\"LU", "12 Mei 2024", None, True])
def test_coordinate_that_is_none_is_refused(written: Any) -> None:
    assert read_number(written) is None


@given(st.floats(-179.99, 179.99), st.sampled_from(["°{m}'{s}\"{h}", " {m} {s} {h}", "° {m}' {s}\" {h}"]))
def test_degrees_minutes_seconds_come_back(value: float, form: str) -> None:
    size = abs(value)
    degrees = int(size)
    minutes = int((size - degrees) * 60)
    seconds = (size - degrees - minutes / 60) * 3600
    text = f"{degrees}" + form.format(
        m=minutes, s=f"{max(0, min(seconds, 59.999999)):.6f}", h="BB" if value < 0 else "BT"
    )
    found = read_number(text)
    assert found is not None
    assert found[0] == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize(
    "cell", ["0.51, 117.53", "0,51; 117,53", "(0.51,117.53)", "0°30'36\"LU 117°31'48\"BT", "0.51 117.53"]
)
def test_pair_in_one_cell_is_split(cell: str) -> None:
    pair = split_pair(cell)
    assert pair is not None
    assert [pytest.approx(number[0]) for part in pair if (number := read_number(part))] == [0.51, 117.53]


def column(*values: Any, name: str = "x", comma: bool = False) -> tuple[str, list[Any]]:
    (made,) = propose([name], [values], as_text=set(), comma=comma)
    return made.type, made.convert(values)


@pytest.mark.parametrize(
    ("values", "kind", "first"),
    [
        (("1", "22"), "integer", 1),
        (("007", "12"), "code", "007"),
        (("1,5", "2"), "number", 1.5),
        (("1.234,5", "2"), "number", 1234.5),
        (("1,234.5", "2"), "number", 1234.5),
        (("64.08.04", "64.08.05"), "code", "64.08.04"),
        (("31/12/2024", "01/02/2024"), "date", "2024-12-31"),
        (("12/31/2024", "01/02/2024"), "date", "2024-12-31"),
        (("3 Agustus 2024", "4 Mei 2023"), "date", "2024-08-03"),
        (("2024-01-02 10:00", "2024-01-02T11:00:00Z"), "datetime", "2024-01-02T10:00:00"),
        (("6408044107850001",), "code", "6408044107850001"),
        (("jl. A", "2"), "text", "jl. A"),
        ((True, False), "boolean", True),
        ((1.0, 2.0), "number", 1),
    ],
)
def test_type_is_told_from_the_values(values: tuple[Any, ...], kind: str, first: Any) -> None:
    assert column(*values)[0] == kind
    assert column(*values)[1][0] == first


def test_thousands_are_told_by_the_decimal_mark_of_the_file() -> None:
    assert column("1.234", "5.678", comma=True)[1] == [1234, 5678]
    assert column("1.234", "5.678", comma=False)[1] == [1.234, 5.678]


@pytest.mark.parametrize(
    ("name", "values", "what"),
    [
        ("x", ["6408044107850001", "6408040101900002"], "nik"),
        ("x", ["0812-3456-7890", "+62 813 4567 8901"], "phone"),
        ("x", ["a@contoh.id"], "email"),
        ("NIP", ["-"], "nip"),
        ("nip_kepala", ["130123456"], "nip"),
        ("pegawai", ["198501012010011001", "19790228 200312 2 004"], "nip"),
        ("pegawai", [198501012010011001], "nip"),
        ("pppk", ["199002292023211004", "199002282023211004", "198811302024212001"], ""),  # of three two, one is no day
        ("pppk", ["199002282023211004", "198811302024212001", "198811302024212002"], "nip"),
        ("nipah", ["12"], ""),
        ("x", ["640804000100100010", "640804000100200020"], ""),  # numbers of plots for the tax (NOP)
        (
            "x",
            ["198513012010011001", "202401012024011001", "198501011987011001"],
            "",
        ),  # no month; too young
        ("No_HP", ["-"], "name"),
        ("kode", ["64.08.04"], ""),
        ("luas", [12345678, 87654321], ""),
    ],
)
def test_personal_data_are_noticed(name: str, values: list[Any], what: str) -> None:
    (made,) = propose([name], [values], as_text=set(), comma=False)
    assert (made.personal, made.dictionary()["hidden"]) == (what, bool(what))


def test_numbers_of_officials_keep_every_figure_and_are_told() -> None:
    columns = propose(["pegawai"], [["198501012010011001"]], as_text=set(), comma=False)
    assert (columns[0].type, columns[0].convert(["198501012010011001"])) == ("code", ["198501012010011001"])
    findings = Findings()
    tell_personal(columns, findings)
    assert "NIP" in findings.made[0]["text_id"]
    assert "NIP" in findings.made[0]["text_en"]


def test_names_are_safe_and_unique() -> None:
    assert safe_names(["Luas (ha)", "luas_ha", "geom", "", "2024", "Ümit"]) == [
        "luas_ha", "luas_ha_2", "k_geom", "kolom_4", "k_2024", "mit",
    ]  # fmt: skip


def test_values_without_content_are_none() -> None:
    assert [cleaned(value) for value in ("  ", "a\x00b", float("nan"), float("inf"), b"x", 0)] == [
        None, "ab", None, None, None, 0,
    ]  # fmt: skip


def test_header_is_found_below_a_title() -> None:
    rows: list[list[Any]] = [
        ["DAFTAR", None, None],
        [None, None, None],
        ["nama", "lat", "lon"],
        [1, 2, 3],
        ["a", 0.5, 117],
    ]
    assert find_header(rows) == (2, 3)
    numbered: list[list[Any]] = [["nama", "lat", "lon"], ["(1)", "(2)", "(3)"], ["a", "0,5", "117"]]
    assert find_header(numbered) == (0, 2)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([["Kecamatan", 2021, 2022], ["Bengalon", 1, 2], ["Busang", 3, 4]], (0, 1)),
        ([["Kecamatan", "2021", "2022"], ["Bengalon", "1", "2"], ["Busang", "3", "4"]], (0, 1)),
        ([["Kecamatan", "Penduduk", "Penduduk"], ["Kecamatan", 2021, 2022], ["Bengalon", 1, 2]], (0, 2)),
        ([["Kecamatan", "Penduduk", "Penduduk"], [None, 2021, 2022], ["Bengalon", 1, 2]], (0, 2)),
        ([["Sekolah", "Tahun", "Tahun"], ["SD 1", 2021, 2022], ["SD 2", 2001, 2003]], (0, 1)),
        ([["Kecamatan", 2021, 2022], ["Bengalon", 1, None], ["Busang", 3, None]], (0, 1)),
    ],
)
def test_years_may_name_columns(rows: list[list[Any]], found: tuple[int, int]) -> None:
    assert find_header(rows) == found


@pytest.mark.parametrize(
    "rows",
    [
        [["SD 1", 2021], ["SD 2", 2001], ["SD 3", 1999]],
        [["SD 1", 2021], ["SD 2", 2001], ["SD 3", 5]][::-1],
        [["SD 1", 2021, 2020], ["SD 2", 2001, None], ["SD 3", 1999, 7]],
    ],
)
def test_years_below_years_are_data(rows: list[list[Any]]) -> None:
    with pytest.raises(Stopped):
        find_header(rows)


def test_utf8_cut_off_at_a_fields_end_is_still_utf8() -> None:
    assert fits_utf8("é".encode() * 20 + b"\xc3") is True
    assert fits_utf8("é".encode("cp1252") * 20) is False
    assert fits_utf8(b"abc") is None


def test_names_of_places_are_compared_without_their_kind() -> None:
    assert name_key("Kec. Sangatta Utara") == name_key("SANGATTA  UTARA") == name_key("Kecamatan Sangatta-Utara")


def square_places() -> Places:
    """A regency of 1 degree around 117.5, 0.5."""
    places = Places(near=shapely.box(117, 0, 118, 1))
    shapely.prepare(places.near)
    return places


def decide(points: list[tuple[float, float]], declared: str | None) -> tuple[crs.Decision, list[str]]:
    findings = Findings()
    decision = crs.decide(
        np.array(points, dtype=float),
        declared=declared,
        given=None,
        swap=None,
        is_table=False,
        places=square_places(),
        findings=findings,
    )
    return decision, [finding["code"] for finding in findings.made]


def test_declared_crs_that_fits_is_kept_silently() -> None:
    assert decide([(117.5, 0.5)], "EPSG:4326") == (crs.Decision("EPSG:4326", "EPSG:4326 WGS 84"), [])


def test_swapped_axes_are_turned_only_when_that_is_plain() -> None:
    assert decide([(0.5, 117.5)], "EPSG:4326")[0].swapped
    assert not decide([(110.0, -7.0)], "EPSG:4326")[0].swapped


def test_every_shape_is_multi_and_of_its_own_dimension() -> None:
    seen = geometry.Seen()
    spike = shapely.Polygon([(0, 0), (1, 0), (1, 1), (2, 2), (1, 1), (0, 0)])
    shapes = np.array([shapely.box(0, 0, 1, 1), spike, None, shapely.Polygon()], dtype=object)
    shapes = geometry.to_family(geometry.make_valid(shapes, np.arange(4), seen), seen, multipoints=False)
    assert [shape and shape.geom_type for shape in shapes] == ["MultiPolygon", "MultiPolygon", None, None]
    assert (seen.families, seen.repaired) == ({"Polygon": 2}, 1)


def test_every_sentence_speaks_both_languages_with_the_same_facts() -> None:
    import re

    for code, (level, indonesian, english) in SENTENCES.items():
        assert level in {"info", "fixed", "warning", "ask", "refused"}, code
        assert set(re.findall(r"{(\w+)}", indonesian)) >= set(re.findall(r"{(\w+)}", english)) - {"level"}, code


def test_no_driver_is_left_that_opens_other_things(tmp_path: Any) -> None:
    import os
    import subprocess
    import sys

    code = "import pyogrio; print(','.join(sorted(pyogrio.list_drivers())))"
    environment = {**os.environ, **limits.ENVIRONMENT}
    out = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert set(out.stdout.strip().split(",")) == {
        "ESRI Shapefile", "FlatGeobuf", "GPKG", "GPX", "GeoJSON", "KML", "LIBKML", "MEM",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ((117.5, -10.0), ("1.110 km ke arah selatan", "1,110 km to the south")),
        ((118.5, 1.5), ("79 km ke arah timur laut", "79 km to the north-east")),
        ((107.0, 0.5), ("1.110 km ke arah barat", "1,110 km to the west")),
    ],
)
def test_place_outside_is_told_by_distance_and_direction(point: tuple[float, float], said: tuple[str, str]) -> None:
    places = Places(hull=shapely.box(117, 0, 118, 1))
    told = places.where(np.array([point] * 3))
    assert told == (f"di luar Kutai Timur, {said[0]}", f"outside Kutai Timur, {said[1]}")


def test_candidate_shows_at_most_200_places() -> None:
    lonlat = np.column_stack([np.linspace(117.1, 117.9, 5_000), np.full(5_000, 0.5)])
    lonlat[7] = np.inf
    shown = crs.choice(crs.Candidate("EPSG:4326", False, lonlat, 1.0), Places(hull=shapely.box(117, 0, 118, 1)))
    assert len(shown.points) == crs.POINTS == 200
    assert (shown.points[0], shown.points[-1]) == ((117.1, 0.5), (117.9, 0.5))
    nowhere = crs.choice(crs.Candidate("EPSG:32650", False, np.full((3, 2), np.inf), 0.0), Places())
    assert (nowhere.points, nowhere.bbox) == ((), None)


ALWAYS_MANY = {"zip_many", "many_rows", "many_columns"}
"""More than a limit that is itself above one."""


def test_english_sentences_are_right_for_one_and_for_many() -> None:
    wrong = [
        code
        for code, (_level, _indonesian, english) in SENTENCES.items()
        if code not in ALWAYS_MANY and re.search(r"\{count\} [a-z]", english)
    ]
    assert wrong == []


def test_of_later_batches_some_are_looked_up_and_by_a_point_inside() -> None:
    bent = shapely.Polygon([(117, 0), (117.5, 0), (117.5, 0.01), (117.01, 0.01), (117.01, 0.5), (117, 0.5)])
    looked_up = []

    class Seen(Places):
        def kecamatan_of(self, lonlat: Any) -> list[str | None]:
            looked_up.append(lonlat)
            return [None] * len(lonlat)

    tally = pipeline.Tally()
    shapes = np.array([bent, None, shapely.Polygon(), *[bent] * 7], dtype=object)
    pipeline.Reading._place(SimpleNamespace(places=Seen()), shapes, tally, 4)  # type: ignore[arg-type]
    assert tally.placed == {None: 4}
    assert shapely.contains_xy(bent, looked_up[0]).all()
    assert tally.bounds == [117, 0, 117.5, 0.5]


def test_neighbours_are_written_together_and_each_row_once() -> None:
    chance = np.random.default_rng(5)
    points = shapely.points(chance.uniform((116, 0), (118, 1.5), (4_000, 2)))
    points[17] = None
    order = geometry.by_place(points)
    assert sorted(order.tolist()) == list(range(4_000))
    assert order[-1] == 17
    steps = np.abs(np.diff(shapely.get_coordinates(points[order[:-1]]), axis=0)).sum(axis=1)
    by_chance = np.abs(np.diff(shapely.get_coordinates(points), axis=0)).sum(axis=1)
    assert steps.mean() < by_chance.mean() / 10


@pytest.mark.parametrize("shapes", [[], [None], [None, None], [shapely.Point(1, 1)] * 3, [shapely.Point()]])
def test_order_of_few_empty_or_equal_shapes_is_theirs(shapes: list[Any]) -> None:
    assert geometry.by_place(np.array(shapes, dtype=object)).tolist() == list(range(len(shapes)))


def test_areas_of_a_collection_that_overlap_become_one_outline_and_that_is_told() -> None:
    left, right, spot = shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3), shapely.Point(5, 5)
    nested = shapely.GeometryCollection([spot, shapely.GeometryCollection([left, right])])
    apart = shapely.GeometryCollection([spot, left, shapely.box(4, 4, 6, 6)])
    seen = geometry.Seen()
    made = geometry.make_valid(np.array([nested, apart, spot], dtype=object), np.arange(3) + 2, seen)
    assert (seen.repaired, [row.row for row in seen.repaired_rows]) == (1, [2])
    assert shapely.equals(made[0].geoms[0], spot)
    assert shapely.equals(made[0].geoms[1], left.union(right))
    assert made[1] is apart
    only_areas = np.array([shapely.GeometryCollection([left, right])], dtype=object)
    family = geometry.to_family(geometry.make_valid(only_areas, np.arange(1), seen), seen, multipoints=False)
    assert family[0].geom_type == "MultiPolygon"
    assert family[0].is_valid


def test_collections_hold_no_further_collections() -> None:
    spot, area = shapely.Point(5, 5), shapely.box(0, 0, 2, 2)
    inner = shapely.GeometryCollection([area, shapely.GeometryCollection(), shapely.MultiPoint([(1, 1), (2, 2)])])
    nested = np.array([shapely.GeometryCollection([spot, inner])], dtype=object)
    made = geometry.to_family(nested, geometry.Seen(), multipoints=False)[0]
    assert [part.geom_type for part in made.geoms] == ["Point", "Polygon", "Point", "Point"]


@pytest.mark.parametrize(
    ("title", "cells", "kind", "values", "shown"),
    [
        ("Luas", ["1.262,59", "-", "…"], "number", [1262.59, None, None], "Luas"),
        ("Luas", [12.5, "-", 3], "number", [12.5, None, 3], "Luas"),
        ("Jumlah", [12, "#N/A", "n/a"], "integer", [12, None, None], "Jumlah"),
        ("Tanggal", ["1 Maret 2025", "-"], "date", ["2025-03-01", None], "Tanggal"),
        ("Nama", ["Sumur", "-"], "text", ["Sumur", "-"], "Nama"),
        ("Kode", ["01", "-"], "text", ["01", "-"], "Kode"),
        ("Kosong", ["-", "-"], "text", ["-", "-"], "Kosong"),
        ("Miskin", ["12,5%", "7 %", "-"], "number", [12.5, 7, None], "Miskin (%)"),
        ("Persen", ["1.250%", "0.5%"], "number", [1.25, 0.5], "Persen"),
        ("Anggaran", ["Rp 250.000", "Rp1.250.000,00", "Rp 3.000.000,-", "Rp -"], "number",
         [250000, 1250000, 3000000, None], "Anggaran (Rp)"),
        ("Harga (Rp)", ["Rp. 1.250,50", "Rp. 2"], "number", [1250.5, 2], "Harga (Rp)"),
        ("Campur", ["12,5%", "baik"], "text", ["12,5%", "baik"], "Campur"),
        ("Berita acara", ["1-2-03", "4-5-06"], "text", ["1-2-03", "4-5-06"], "Berita acara"),
        ("Tgl", ["01/03/25", "31/12/99"], "date", ["2025-03-01", "1999-12-31"], "Tgl"),
        ("Waktu", ["01/03/2025 08:30", "2/3/2025, 14.45.10"], "datetime",
         ["2025-03-01T08:30:00", "2025-03-02T14:45:10"], "Waktu"),
        ("Waktu", ["12/31/2025 08:30", "-"], "datetime", ["2025-12-31T08:30:00", None], "Waktu"),
        ("Waktu", ["01/03/2025 25:30"], "text", ["01/03/2025 25:30"], "Waktu"),
        ("Tgl", ["2025-03-01 00:00:00", "2025-03-02 00:00:00"], "date", ["2025-03-01", "2025-03-02"], "Tgl"),
        ("Waktu", ["2025-03-01 00:00:00", "2025-03-02 08:30:00"], "datetime",
         ["2025-03-01T00:00:00", "2025-03-02T08:30:00"], "Waktu"),
        ("Rekening", ["01.02.03", "04.05.06"], "code", ["01.02.03", "04.05.06"], "Rekening"),
        ("KK", ["10", "25"], "integer", [10, 25], "KK"),
        ("Jumlah KK", ["10", "25"], "integer", [10, 25], "Jumlah KK"),
        ("No KK", ["10", "25"], "code", ["10", "25"], "No KK"),
        ("Jumlah Pos", ["10", "25"], "integer", [10, 25], "Jumlah Pos"),
        ("Kode Pos", ["75683", "75684"], "code", ["75683", "75684"], "Kode Pos"),
    ],
)  # fmt: skip
def test_columns_of_tables_as_offices_write_them(
    title: str, cells: list[Any], kind: str, values: list[Any], shown: str
) -> None:
    (column,) = propose([title], [cells], as_text=set(), comma=True)
    assert (column.type, column.convert(cells), column.failed) == (kind, values, False)
    assert column.dictionary()["title"] == shown


def test_number_without_its_unit_later_in_the_file_makes_the_column_text() -> None:
    (column,) = propose(["Miskin"], [["12,5%"]], as_text=set(), comma=True)
    assert column.convert(["7"]) == ["7"]
    assert column.failed
