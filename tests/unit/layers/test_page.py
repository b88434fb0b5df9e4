"""A layer's page: map, table twin, figures, versions, private layers and hidden fields."""

import json
import re
from typing import Any

import pytest
import shapely
from django.db import connection
from django.test import Client
from django.utils.translation import override

from accounts.models import User
from layers.models import Layer
from layers.styling import CLASSES, breaks_style, style_of
from layers.values import shown_value
from layers.versions import publish
from tests.factories.accounts import make_agency, make_officer
from tests.factories.layers import POINTS, make_layer, make_version

pytestmark = pytest.mark.django_db
FIELDS: list[dict[str, Any]] = [
    {"name": "nama", "title": "Nama", "type": "text", "description": "Nama fasilitas"},
    {"name": "jenis", "title": "Jenis", "type": "code"},
    {"name": "tempat_tidur", "title": "Tempat tidur", "type": "integer"},
]


def get(path: str, user: User | None = None, status: int = 200) -> Any:
    client = Client(headers={"Accept-Language": "en"})
    if user:
        client.force_login(user)
    response = client.get(path)
    assert response.status_code == status
    if response.streaming:
        response.getvalue()  # to the end, so that its file is closed
    return response


def html(path: str, user: User | None = None) -> str:
    return str(get(path, user).content.decode())


def names_in_order(text: str, *names: str) -> list[str]:
    body = text.split("<tbody>")[1].split("</tbody>")[0]
    return sorted((name for name in names if name in body), key=body.index)


ALL = ("Puskesmas Teluk Lingga", "Puskesmas Sangatta Selatan", "Pustu Sepaso")


def test_page_shows_what_is_known(kutim: None) -> None:
    make_layer(fields=FIELDS, lineage="Didata di lapangan", synthetic=True)
    text = html("/data/faskes/")
    for words in ("Puskesmas Teluk Lingga", "Didata di lapangan", "made up", "CC BY 4.0", "/ogc/", 'id="folium-map'):
        assert words in text or words == 'id="folium-map'
    assert "data-map" in text
    assert "Sangatta" in text


def test_page_without_boundaries_keeps_its_table() -> None:
    make_layer()
    assert "the table works" in html("/data/faskes/").casefold()


def test_table_sorts_numbers_as_numbers() -> None:
    make_layer(fields=FIELDS)
    assert names_in_order(html("/data/faskes/?sort=tempat_tidur"), *ALL) == [
        "Pustu Sepaso",
        "Puskesmas Sangatta Selatan",
        "Puskesmas Teluk Lingga",
    ]
    assert names_in_order(html("/data/faskes/?sort=-tempat_tidur"), *ALL)[0] == "Puskesmas Teluk Lingga"


def test_table_filters_by_words_and_kecamatan(kutim: None) -> None:
    make_layer(fields=FIELDS)
    assert names_in_order(html("/data/faskes/?q=lingga"), *ALL) == ["Puskesmas Teluk Lingga"]
    located = [
        code
        for code in ("64.08.04", "64.08.01", "64.08.02", "64.08.16")
        if "Pustu Sepaso" in html(f"/data/faskes/?kecamatan={code}").split("<tbody>")[-1]
    ]
    assert len(located) <= 1
    get("/data/faskes/?kecamatan=99.99.99", status=400)


def test_table_refuses_an_unknown_field() -> None:
    make_layer(fields=FIELDS)
    get("/data/faskes/?sort=rahasia", status=400)


def test_features_without_a_place_stand_below_the_kecamatan(kutim: None) -> None:
    layer = make_layer(rows=[*POINTS, (shapely.Point(), {"nama": "Gudang"})])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE layers_feature SET geom = NULL WHERE version_id = %s AND ST_IsEmpty(geom)", [layer.current_id]
        )
    rows = re.findall(r'<th scope="row">(.*?)</th><td class="is-number">(\d+)', html("/data/faskes/"))
    assert rows[-1] == ("without a place", "1")
    assert sum(int(n) for _name, n in rows) == len(POINTS) + 1
    assert ">without a place<" not in html(f"/data/{make_layer('sekolah').slug}/")


def test_table_pages(django_assert_max_num_queries: Any) -> None:
    rows = [(shapely.Point(117.5, 0.5 + n / 1000), {"nama": f"Nomor {n:03}"}) for n in range(120)]
    make_layer(rows=rows)
    with django_assert_max_num_queries(16):
        text = html("/data/faskes/?page=3")
    assert "Nomor 119" in text
    assert "Nomor 099" not in text
    assert "Nomor 119" in html("/data/faskes/?page=9999999")


def test_feature_is_told_with_its_place_and_the_way_to_report() -> None:
    layer = make_layer(fields=FIELDS)
    found = json.loads(get(f"/data/{layer.slug}/fitur/1/").content)
    assert found["label"] == "Puskesmas Teluk Lingga"
    assert {"title": "Tempat tidur", "value": "12"} in found["fields"]
    assert found["report"] == "/lapor/?agency=dinkes&layer=faskes&lon=117.550000&lat=0.500000"
    get("/data/faskes/fitur/99/", status=404)


def test_hidden_field_is_nowhere_on_the_page() -> None:
    rows = [(shapely.Point(117.5, 0.5), {"nama": "Sumur", "pemilik": "MARKERNAMA", "nik": 6408123456})]
    hidden = [{"name": "nama"}, *({"name": n, "hidden": True} for n in ("pemilik", "nik"))]
    make_layer("sumur", rows, fields=hidden)
    for path in ("", "?colour=pemilik", "?q=MARKERNAMA", "?q=6408123456", "fitur/1/", "metadata.xml"):
        text = html(f"/data/sumur/{path}").replace('value="MARKERNAMA"', "").replace('value="6408123456"', "")
        text = text.replace("q=MARKERNAMA", "").replace("q=6408123456", "").replace("?colour=pemilik", "")
        assert "MARKERNAMA" not in text, path
        assert "6408123456" not in text, path
        assert "pemilik" not in text, path
    assert "Sumur" not in html("/data/sumur/?q=MARKERNAMA").split('id="table"')[1].split('id="take"')[0]
    get("/data/sumur/?sort=pemilik", status=400)
    assert "/data/sumur/" not in html("/data/?q=MARKERNAMA")


def test_field_hidden_later_is_found_no_more() -> None:
    layer = make_layer(fields=FIELDS)
    assert "/data/faskes/" in html("/data/?q=lingga")
    layer.fields = [{**FIELDS[0], "hidden": True}, *FIELDS[1:]]
    layer.save()
    assert "/data/faskes/" not in html("/data/?q=lingga")
    assert "Lingga" not in html("/data/faskes/")


@pytest.mark.parametrize("access", ["regency", "agency", "groups"])
def test_private_layer_is_a_404_everywhere(access: str) -> None:
    agency = make_agency("dlh")
    make_layer("rahasia", access=access, agency=agency)
    for path in ("", "fitur/1/", "metadata.xml", "metadata.jsonld", "unduh/csv/", "unduh/gpkg/"):
        get(f"/data/rahasia/{path}", status=404)
        get(f"/data/rahasia/{path}", make_officer(make_agency("dpu")), status=200 if access == "regency" else 404)
        response = get(f"/data/rahasia/{path}", make_officer(agency))
        assert "private" in response["Cache-Control"]
    get("/tiles/rahasia/8/211/127.mvt", status=404)


def test_earlier_versions_stay_readable_and_unpublished_ones_do_not_exist() -> None:
    layer = make_layer(fields=FIELDS)
    publish(version=make_version(layer, POINTS[:1]), by=None)
    make_version(layer, POINTS[:2])
    assert "Pustu Sepaso" not in html("/data/faskes/")
    text = html("/data/faskes/?version=1")
    assert "Pustu Sepaso" in text
    assert "an earlier one" in text
    get("/data/faskes/?version=3", status=404)
    get("/data/faskes/?version=x", status=400)


def test_categories_are_at_most_six() -> None:
    rows = [(shapely.Point(117.5, 0.5), {"jenis": f"jenis {n % 9}"}) for n in range(40)]
    layer = make_layer(rows=rows, fields=[{"name": "jenis", "type": "text"}])
    assert layer.current is not None
    style = style_of(layer, layer.current, "jenis")
    assert len(style.classes) == CLASSES
    assert style.classes[-1].label in {"other", "lainnya"}


def test_breaks_keep_zero_apart_and_cover_every_number() -> None:
    numbers = [0.0, 0.0, 3.0, 4.0, 5.5, 20.0, 21.0, 99.0, 100.0, 1234.5]
    style = breaks_style("n", numbers)
    assert style.zero
    assert style.upper[0] == 0
    assert style.upper[-1] >= max(numbers)
    assert len(style.classes) == len(style.upper) <= CLASSES
    assert list(style.upper) == sorted(set(style.upper))


def test_breaks_of_rounded_numbers_are_printed_with_their_decimals_and_drawn_as_printed() -> None:
    numbers = [n / 10 for n in (0, 4, 6, 12, 13, 55, 56, 300, 1234)]
    style = breaks_style("n", numbers, 1)
    told = [one.label.split()[-1].replace(",", ".") for one in style.classes]
    assert [float(text) for text in told] == list(style.upper)
    assert {len(text.partition(".")[2]) for text in told} == {1}


def test_breaks_of_negative_and_equal_numbers() -> None:
    assert breaks_style("n", [-5.0, -5.0]).upper == (-5.0,)
    style = breaks_style("n", [float(n) for n in range(-50, 50)])
    assert not style.zero
    assert style.upper[-1] >= 49


def test_personal_fields_are_not_offered_for_colour() -> None:
    layer = make_layer(fields=[{"name": "nama", "type": "text", "personal": True}, *FIELDS[1:]])
    assert layer.current is not None
    assert style_of(layer, layer.current, "nama").kind == "one"


def test_page_of_an_empty_layer_says_so() -> None:
    Layer.objects.all()
    make_layer("kosong", [], fields=[{"name": "nama", "type": "text"}])
    assert "This data set is empty" in html("/data/kosong/")


PLOTS: list[dict[str, Any]] = [
    {"name": "luas", "title": "Luas", "type": "number"},
    {"name": "tahun", "title": "Tahun", "type": "number"},
    {"name": "kode", "title": "Kode", "type": "code"},
    {"name": "jumlah", "title": "Jumlah", "type": "integer"},
    {"name": "resmi", "title": "Resmi", "type": "boolean"},
    {"name": "hari", "title": "Hari", "type": "date"},
    {"name": "waktu", "title": "Waktu", "type": "datetime"},
]


def make_plots() -> Layer:
    rows = [
        (shapely.Point(117.5, 0.5 + n / 1000), {"luas": area, "tahun": 2024, "kode": "1284.4", "jumlah": 64081, **more})
        for n, area in enumerate((1284.4, 1284.4, 86.3, 2000, 1049.123))
        for more in [{"resmi": n < 4, "hari": f"2026-06-0{n + 1}", "waktu": f"2025-09-24T05:4{n}:00+00:00"}]
    ]
    return make_layer("bidang", rows, fields=PLOTS)


def test_values_are_written_as_people_read_them_in_each_language() -> None:
    make_plots()
    rows = Client().get("/data/bidang/").context["lines"]
    assert [text for text, _class in rows[0][1]] == [
        "1.284,400", "2024", "1284.4", "64.081", "ya", "1 Jun 2026", "24 Sep 2025, 13.40 WITA",
    ]  # fmt: skip
    assert [values[0] for _fid, values in rows] == [
        (text, "is-number") for text in ("1.284,400", "1.284,400", "86,300", "2.000,000", "1.049,123")
    ]
    assert rows[0][1][5][1] == rows[0][1][6][1] == "is-moment"
    rows = get("/data/bidang/").context["lines"]
    assert [text for text, _class in rows[0][1]] == [
        "1,284.400", "2024", "1284.4", "64,081", "yes", "1 Jun 2026", "24 Sep 2025, 13:40 WITA",
    ]  # fmt: skip
    feature = json.loads(Client().get("/data/bidang/fitur/1/").content)["fields"]
    assert {"title": "Luas", "value": "1.284,4"} in feature
    assert {"title": "Waktu", "value": "24 Sep 2025, 13.40 WITA"} in feature


def test_a_cell_shows_the_beginning_of_a_long_text_and_the_feature_all_of_it() -> None:
    make_layer(rows=[(shapely.Point(117.5, 0.5), {"nama": "a" * 20_000, "ket": "b" * 400})])
    lines = get("/data/faskes/").context["lines"]
    assert [text for text, _class in lines[0][1]] == ["a" * 400 + " …", "b" * 400]
    feature = json.loads(get("/data/faskes/fitur/1/").content)["fields"]
    assert feature[0]["value"] == "a" * 20_000


def told_of_fields(page: str) -> str:
    return " ".join(page.split('id="fields"')[1].split("</section>")[0].split())


def test_figures_are_written_as_the_table_writes_values() -> None:
    make_plots()
    text = told_of_fields(Client().get("/data/bidang/").content.decode())
    for words in (
        "dari 86,3 ",
        " 2.000, rata-rata 1.140,84",
        "1.284,4 (2)",
        "2024, rata-rata 2024",
        "ya (4), tidak (1)",
    ):
        assert words in text, words
    assert "true" not in text
    assert "+00:00" not in text
    text = told_of_fields(html("/data/bidang/"))
    assert "from 1 Jun 2026 to 5 Jun 2026" in text
    assert "from 24 Sep 2025, 13:40 WITA to 24 Sep 2025, 13:44 WITA" in text


def test_legend_says_yes_and_no() -> None:
    layer = make_plots()
    assert layer.current is not None
    with override("id"):
        style = style_of(layer, layer.current, "resmi")
    assert [one.label for one in style.classes] == ["ya", "tidak"]
    assert style.values == ("true", "false")


@pytest.mark.parametrize(
    ("value", "type_", "shown"),
    [
        (0.1, "number", "0,1"),
        (1e-7, "number", "0,0000001"),
        (1234567.0, "number", "1.234.567"),
        (117.512345678, "number", "117,512345678"),
        (117.1 + 0.1, "number", "117,2"),
        (-1234.5, "number", "-1.234,5"),
        (1e300, "number", "1e+300"),
        (10**30, "integer", "1" + ".000" * 10),
        (-1234567, "integer", "-1.234.567"),
        (12345, "integer", "12.345"),
        (9999, "integer", "9999"),
        (6408, "number", "6.408"),
        (1234567, "code", "1234567"),
        (12345, "text", "12345"),
        ("entah", "date", "entah"),
        ("2026-06-03T23:30:00", "datetime", "3 Jun 2026, 23.30"),
        ("2026-06-03", "text", "2026-06-03"),
        ("9999-12-31T23:59:59+00:00", "datetime", "9999-12-31T23:59:59+00:00"),
        ("", "text", "–"),
        (None, "number", "–"),
        (["a", 1], "text", "a, 1"),
    ],
)
def test_value_in_words(value: Any, type_: str, shown: str) -> None:
    with override("id"):
        assert shown_value(value, {"name": "kolom", "type": type_}) == shown


@pytest.mark.parametrize(
    "name",
    ["kode_pos", "KODE", "kodewilayah", "no", "no_persil", "nomor", "id", "id_desa", "desa_id", "iddesa", "ID2",
     "objectid_1", "tahun", "tahun_bangun", "thn", "year", "kdbps", "kode_bps", "npsn", "tgl", "rt", "desa"],
)  # fmt: skip
def test_number_that_names_something_is_not_grouped(name: str) -> None:
    with override("id"):
        for type_ in ("integer", "number"):
            assert shown_value(20251234, {"name": name, "type": type_}) == "20251234"


@pytest.mark.parametrize(
    "name", ["penduduk", "jumlah", "jumlah_desa", "luas_m2", "anggaran", "produksi_ton", "kodok", "unoccupied", "murid"]
)
def test_number_that_counts_is_grouped(name: str) -> None:
    with override("id"):
        assert shown_value(20251234, {"name": name, "type": "integer"}) == "20.251.234"
    with override("en"):
        assert shown_value(20251234, {"name": name, "type": "integer"}) == "20,251,234"


def test_page_groups_thousands_and_downloads_do_not() -> None:
    fields = [{"name": "penduduk", "type": "integer"}, {"name": "kode_pos", "type": "integer"}]
    rows = [(shapely.Point(117.5, 0.5), {"penduduk": n, "kode_pos": 75611}) for n in (1234567, 1234569)]
    make_layer("desa", rows, fields=fields)
    page = get("/data/desa/").content.decode()
    assert "1,234,567" in page
    assert "1,234,568" in page  # on average
    assert "75,611" not in page
    for address in ("/data/desa/unduh/csv/", "/data/desa/unduh/geojson/", "/ogc/collections/desa/items"):
        answer = Client().get(address)
        taken = answer.getvalue().decode()
        assert "1234567" in taken, address


def test_empty_cell_of_numbers_stands_where_the_numbers_do() -> None:
    fields = [{"name": "n", "type": "integer"}, {"name": "m", "type": "number"}, {"name": "t", "type": "text"}]
    rows = [(shapely.Point(117.5, 0.5), one) for one in ({"n": 1, "m": 0.5, "t": "a"}, dict.fromkeys("nmt"))]
    make_layer("sumur", rows, fields=fields)
    lines = get("/data/sumur/").context["lines"]
    assert [[kind for _text, kind in cells] for _fid, cells in lines] == [["is-number", "is-number", ""]] * 2


def test_codes_of_digits_sort_by_length() -> None:
    codes = ["10", "2", None, "11", "007", "1", "A1", "08", "a'; --"]
    rows = [(shapely.Point(117.5, 0.5), {"id": code, "teks": code}) for code in codes]
    fields = [{"name": "id", "type": "code"}, {"name": "teks", "type": "text"}]
    make_layer("sumur", rows, fields=fields)

    def column(sort: str) -> list[str | None]:
        return [values[0] for _fid, values in get(f"/data/sumur/?sort={sort}").context["table"].rows]

    by_code, by_text = column("id"), column("teks")
    assert by_code[:6] == ["1", "2", "08", "10", "11", "007"]
    assert set(by_code[6:8]) == {"A1", "a'; --"}
    assert by_code[8] is None
    assert column("-id") == [*reversed(by_code[:8]), None]
    assert by_text[:6] == ["007", "08", "1", "10", "11", "2"]


def test_wrong_condition_leads_back_to_the_page(client: Client) -> None:
    make_layer()
    page = client.get("/data/faskes/?sort=zzz")
    assert page.status_code == 400
    assert 'href="/data/faskes/"' in page.content.decode()
    assert client.get("/data/faskes/").status_code == 200
