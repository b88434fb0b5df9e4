"""/opd/peta/: who may ask about what, that map, tables, list and files agree, and what the address may say."""

import datetime as dt
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pyogrio
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from h3.api.basic_int import latlng_to_cell

from dashboards import planner_files
from dashboards.planner_questions import STANDINGS
from geo import hexagons
from incidents import rollups
from incidents.models import Report, ReportContact
from tests.factories.accounts import make_coordinator, make_leader, make_officer, make_user
from tests.factories.map_reports import Place

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}
PERIOD = {"since": "2026-04", "until": "2026-06"}
SQUARE = "117.5,0.5;117.6,0.5;117.6,0.6;117.5,0.6"


@pytest.fixture
def place() -> Place:
    """Return a place with three reports of DLH, one of them confidential and one far away, and two of DPU."""
    place = Place()
    place.report(117.55, 0.52)
    place.report(117.55, 0.52, confidential=True, title="Rahasia sekali")
    place.report(117.70, 0.70, kecamatan=place.other, desa=None, status="closed")
    place.report(117.55, 0.52, agency=place.second, title="Jembatan milik DPU")
    place.report(117.55, 0.52, agency=place.second, created_at=dt.datetime(2026, 4, 1, 2, tzinfo=dt.UTC))
    return place


def get(client: Client, path: str = "", status: int = 200, **query: Any) -> str:
    response = client.get(f"/opd/peta/{path}?{urlencode(PERIOD | query, doseq=True)}", headers=ENGLISH)
    assert response.status_code == status
    return b"".join(response).decode() if response.streaming else response.content.decode()


def cells(client: Client, **query: Any) -> dict[str, int]:
    return {cell["id"]: cell["n"] for cell in json.loads(get(client, "sel.json", **query))["cells"]}


def titles(page: str) -> list[str]:
    return sorted(re.findall(r'<th scope="row"><a href="[^"]+">([^<]*)</a><span class="planner__about">', page))


def listed(client: Client, **query: Any) -> int:
    """Return how many reports a list has, and make sure that it says so."""
    page = get(client, "laporan/", **query)
    (told,) = re.findall(r'planner__count">([0-9]+) report', page)
    assert int(told) == len(titles(page))
    return int(told)


@pytest.fixture(params=[True, False], ids=["folded", "unfolded"])
def folded(request: pytest.FixtureRequest, place: Place) -> Iterator[None]:
    if request.param:
        rollups.fold_all()
    return


# Who sees what.


@pytest.mark.parametrize("path", ["", "sel.json", "laporan/", "unduh/csv/"])
def test_people_without_an_agency_are_kept_out(client: Client, place: Place, path: str) -> None:
    response = client.get(f"/opd/peta/{path}")
    assert response.status_code == 302
    assert "/akun/" in response["Location"]
    client.force_login(make_user())
    assert client.get(f"/opd/peta/{path}").status_code == 403


def test_an_officer_sees_the_own_agency_alone_and_its_confidential_reports(client: Client, place: Place) -> None:
    client.force_login(make_officer(place.agency))
    assert sum(cells(client).values()) == 3
    page = get(client, "laporan/")
    assert len(titles(page)) == 3
    assert "Rahasia sekali" in page
    assert "Jembatan milik DPU" not in page
    assert "Jembatan milik DPU" not in get(client)


def test_another_agencys_view_is_not_shown_but_explained(client: Client, place: Place) -> None:
    client.force_login(make_officer(place.agency))
    for path in ("", "sel.json", "laporan/", "unduh/csv/"):
        page = get(client, path, status=403, agency="dpu")
        assert "This view is about another agency" in page
        assert "Jembatan milik DPU" not in page
    page = get(client, agency=["dlh", "dpu"])
    assert "Their reports are not shown: DPU" in page
    assert sum(cells(client, agency=["dlh", "dpu"]).values()) == 3


@pytest.mark.usefixtures("folded")
def test_coordinators_see_all_agencies_or_a_chosen_one(client: Client, place: Place) -> None:
    client.force_login(make_coordinator())
    assert sum(cells(client).values()) == 5
    assert sum(cells(client, agency="dpu").values()) == 2
    assert listed(client) == 5
    assert listed(client, agency="dpu") == 2


@pytest.mark.usefixtures("folded")
def test_the_leadership_counts_all_and_lists_what_it_may_read(client: Client, place: Place) -> None:
    client.force_login(make_leader())
    assert sum(cells(client).values()) == 5
    assert listed(client) == 4
    page = get(client, "laporan/")
    assert "Rahasia sekali" not in page
    assert "listed only for those who work on them" in page


# Numbers agree.


@pytest.mark.parametrize("shape", ["hexagons", "squares"])
@pytest.mark.parametrize("size", "1234")
@pytest.mark.usefixtures("folded")
def test_each_cells_number_is_that_of_its_list(client: Client, place: Place, shape: str, size: str) -> None:
    client.force_login(make_officer(place.agency))
    for more in (
        {},
        {"standing": "open"},
        {"standing": "routed"},
        {"standing": "closed"},
        {"kecamatan": "64.08.06"},
        {"category": "jalan"},
    ):
        found = cells(client, shape=shape, size=size, **more)
        assert found
        for name, n in found.items():
            assert listed(client, cell=name, shape=shape, **more) == n


@pytest.mark.parametrize("fold", [False, True])
def test_overdue_and_age_narrow_map_table_and_list_alike(client: Client, place: Place, fold: bool) -> None:
    client.force_login(make_coordinator())
    late = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    old = place.report(117.55, 0.52, created_at=dt.datetime(2025, 12, 30, tzinfo=dt.UTC), resolve_due_at=late)
    period = {"since": "2025-01", "until": "2026-06"}
    if fold:
        rollups.fold_all()
    for more in ({"standing": "overdue"}, {"standing": "open", "age": "3"}, {"standing": "overdue", "age": "1"}):
        n = sum(cells(client, **period, **more).values())
        assert n == listed(client, **period, **more)
        assert n >= 1
    assert "Dec 2025" not in get(client)
    assert old.ticket in get(client, "laporan/", since="2025-12", until="2025-12", standing="overdue")


@pytest.mark.parametrize("standing", [name for name, _words in STANDINGS])
def test_every_standing_has_a_page_with_its_number(client: Client, place: Place, standing: str) -> None:
    client.force_login(make_coordinator())
    assert listed(client, standing=standing) == sum(cells(client, standing=standing).values())
    (told,) = re.findall(r"([0-9]+) reports?</h2>", get(client, standing=standing))
    assert int(told) == listed(client, standing=standing)


def test_the_longest_overdue_come_first(client: Client, place: Place) -> None:
    client.force_login(make_officer(place.agency))
    came = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    for day in (3, 1, 2):
        due = dt.datetime(2026, 5, day, tzinfo=dt.UTC)
        place.report(117.55, 0.52, title=f"Janji {day}", created_at=came, resolve_due_at=due)
    page = get(client, "laporan/", standing="overdue")
    assert "the longest overdue first" in page
    assert re.findall(r">(Janji \d)<", page) == ["Janji 1", "Janji 2", "Janji 3"]


def test_an_area_drawn_gives_its_reports(client: Client, place: Place) -> None:
    client.force_login(make_coordinator())
    assert listed(client, within=SQUARE) == 4
    assert listed(client, within="117.65,0.65;117.75,0.65;117.7,0.75") == 1
    assert listed(client, within="116,0;116.1,0;116,0.1") == 0
    page = get(client, within=SQUARE)
    assert "inside the area drawn" in page
    assert "[[0.5, 117.5]" in page


def test_a_chosen_place_and_the_whole_map_are_told_apart(client: Client, place: Place) -> None:
    """The map keeps its numbers, and the button has that of the list it opens."""
    client.force_login(make_coordinator())
    (chosen,) = [name for name, n in cells(client).items() if n == 4]
    for narrowed in ({"within": SQUARE}, {"cell": chosen}):
        page = get(client, **narrowed)
        assert "5 reports on the whole map</h2>" in page
        assert "The 4 reports of the place chosen, as a list and as a file" in page
        assert listed(client, **narrowed) == 4
    assert "5 reports</h2>" in get(client)


def test_tables_tell_kecamatan_with_rates_and_desa_without(client: Client, place: Place) -> None:
    client.force_login(make_coordinator())
    place.kecamatan.population = 2_000
    place.kecamatan.save()
    page = get(client)
    assert "2.0" in page.split('id="kecamatan"')[1].split("</section>")[0]
    desa = get(client, kecamatan="64.08.04").split('id="desa"')[1].split("</section>")[0]
    assert "Teluk Lingga" in desa
    assert "so there is no rate" in desa
    rates = get(client, shape="kecamatan", measure="per_1000")
    assert "2.0 per 1,000 people" in rates
    assert "</span>2.0</li>" in rates.split('aria-label="Legend"')[1].split("</ul>")[0]


def test_the_address_is_canonical_and_opens_the_same_view(client: Client, place: Place) -> None:
    client.force_login(make_officer(place.agency))
    page = get(client, standing="open", shape="squares", size="4")
    (query,) = re.findall(r'class="button" href="/opd/peta/laporan/\?([^"]*)"', page)
    text = query.replace("&amp;", "&")
    assert text == "since=2026-04&until=2026-06&agency=dlh&standing=open&shape=squares&size=4"


def test_nothing_found_says_so_and_what_to_do(client: Client, place: Place) -> None:
    client.force_login(make_officer(place.agency))
    page = get(client, since="2020-01", until="2020-02")
    assert "No report fits these conditions" in page
    assert "No report fits these conditions" in get(client, "laporan/", since="2020-01", until="2020-02")
    assert cells(client, since="2020-01", until="2020-02") == {}


# What the address may say.


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"since": "2026-13"}, "Write the month as YYYY-MM"),
        ({"since": "1999-12"}, "Choose a month from 2000 to 2199"),
        ({"until": "2025-01"}, "The period ends before it begins"),
        ({"standing": "lost"}, "Which reports"),
        ({"age": "3"}, "Only open reports wait"),
        ({"age": "2", "standing": "open"}, "Waiting"),
        ({"size": "9"}, "Size of cells"),
        ({"kecamatan": "\x00"}, "here"),
        ({"cell": "\x00"}, "Cell"),
        ({"kecamatan": "1"}, "There is no “1” here"),
        ({"within": "117,0"}, "An area needs 3 to 100 corners"),
        ({"within": "117,0;118,0;a,b"}, "cannot be read"),
        ({"within": "117,0;118,0;nan,1"}, "cannot be read"),
        ({"within": "117,0;118,0;117,95"}, "cannot be read"),
        ({"within": "117,0;118,1;118,0;117,1"}, "The lines of the drawn area cross"),
        ({"within": "117,0;117,0;117,0"}, "The lines of the drawn area cross"),
        ({"cell": "88688d4947fff"}, "There is no cell"),
        ({"cell": "12-1"}, "There is no cell"),
        ({"cell": "12-99999-1"}, "There is no cell"),
        ({"cell": "15-1-1"}, "There is no cell"),
        ({"cell": "8a688d49471ffff"}, "There is no cell"),
    ],
)
def test_what_cannot_be_read_comes_back_as_typed(client: Client, query: dict[str, str], told: str) -> None:
    place = Place()
    client.force_login(make_officer(place.agency))
    for path in ("", "sel.json", "laporan/", "unduh/gpkg/"):
        page = get(client, path, status=400, **query)
        assert told in page


def test_an_unknown_parameter_is_named_and_a_wrong_cursor_is_not_found(client: Client, place: Place) -> None:
    client.force_login(make_officer(place.agency))
    assert "left out: colour" in get(client, colour="red")
    assert "left out: colour" in get(client, colour="red", since="x", status=400)
    get(client, "laporan/", status=404, after="x")
    get(client, "unduh/shp/", status=404)


# Files.


def test_files_hold_public_reports_of_the_scope_and_no_contact_data(
    client: Client, place: Place, tmp_path: Path
) -> None:
    report = Report.objects.filter(agency=place.agency, confidential=False).order_by("pk")[0]
    Report.objects.filter(pk=report.pk).update(title="=HYPERLINK(1)", description="Hubungi 0812")
    ReportContact.objects.create(report=report, name="Siti Aminah", phone="0812-3456", email="siti@example.org")
    client.force_login(make_officer(place.agency))
    text = get(client, "unduh/csv/")
    assert text.startswith("\ufeffticket,received,")
    assert len(text.splitlines()) == 3
    assert "'=HYPERLINK(1)" in text
    features = json.loads(get(client, "unduh/geojson/"))["features"]
    assert [len(feature["geometry"]["coordinates"]) for feature in features] == [2, 2]
    book = openpyxl.load_workbook(io.BytesIO(_bytes(client, "unduh/xlsx/")))
    rows = list(book["reports"].iter_rows(values_only=True))
    assert rows[0] == planner_files.COLUMNS
    assert len(rows) == 3
    assert all(cell.data_type != "f" for row in book["reports"].iter_rows() for cell in row)
    table = _table(client, tmp_path)
    assert len(table) == 2
    assert table.crs.to_epsg() == 4326
    everything = text + json.dumps(features) + str(rows) + table.to_csv()
    for secret in ("Siti", "0812", "siti@example.org", "Rahasia sekali", "Jembatan milik DPU"):
        assert secret not in everything


def test_a_file_of_nothing_is_still_a_file(client: Client, place: Place, tmp_path: Path) -> None:
    client.force_login(make_officer(place.agency))
    nothing = {"since": "2020-01", "until": "2020-01"}
    assert len(get(client, "unduh/csv/", **nothing).splitlines()) == 1
    assert json.loads(get(client, "unduh/geojson/", **nothing))["features"] == []
    assert len(_table(client, tmp_path, **nothing)) == 0


def test_files_end_at_their_limit(client: Client, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner_files, "ROWS_MAX", 1)
    client.force_login(make_coordinator())
    assert len(get(client, "unduh/csv/").splitlines()) == 2
    assert "up to 1 reports" in get(client, "laporan/")


def _bytes(client: Client, path: str, **query: Any) -> bytes:
    response = client.get(f"/opd/peta/{path}?{urlencode(PERIOD | query)}")
    assert response.status_code == 200
    return b"".join(response)  # type: ignore[arg-type]


def _table(client: Client, folder: Path, **query: Any) -> Any:
    path = folder / "laporan.gpkg"
    path.write_bytes(_bytes(client, "unduh/gpkg/", **query))
    return pyogrio.read_dataframe(path)


# Cost.


def test_pages_ask_as_often_for_many_reports_as_for_few(client: Client, place: Place) -> None:
    client.force_login(make_coordinator())

    def asked(path: str) -> int:
        get(client, path)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            get(client, path)
        return len(queries)

    before = {path: asked(path) for path in ("", "sel.json", "laporan/", "unduh/csv/")}
    for n in range(20):
        place.report(117.3 + n / 50, 0.52)
    assert {path: asked(path) for path in before} == before
    assert before[""] <= 16


def test_a_cells_finest_hexagons_are_a_span_of_numbers() -> None:
    cell = latlng_to_cell(0.52, 117.55, 6)
    first, last = hexagons.span(cell)
    assert first <= hexagons.at(117.55, 0.52) <= last
    assert not first <= hexagons.at(117.85, 0.52) <= last


def test_the_desk_leads_to_the_map(client: Client, place: Place) -> None:
    client.force_login(make_officer(place.agency))
    assert 'href="/opd/peta/"' in client.get("/opd/", headers=ENGLISH).content.decode()
