import datetime as dt

import pytest
from django.http import QueryDict
from django.utils import timezone, translation

from incidents.filters import ReportFilter
from incidents.models import Report
from tests.factories.map_reports import NOON, SANGATTA, Place

pytestmark = pytest.mark.django_db


def found(query: str, **over: object) -> ReportFilter:
    return ReportFilter(QueryDict(query), queryset=Report.objects.public(), **over)


def titles(query: str) -> set[str]:
    return set(found(query).qs.values_list("title", flat=True))


@pytest.fixture
def place() -> Place:
    """Four public reports that differ in everything that can be asked for, and a confidential one."""
    place = Place()
    place.report(title="satu")
    place.report(title="dua", category=place.bridge, status="closed", created_at=NOON - dt.timedelta(days=30))
    place.report(117.9, 0.9, title="tiga", category=place.waste, kecamatan=place.other, desa=None, kind="saran")
    place.report(title="empat", agency=None, status="received", description="Pipa air bocor di pasar")
    place.report(title="rahasia", confidential=True)
    return place


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"satu", "dua", "tiga", "empat"}),
        ("category=jalan-rusak", {"satu", "empat"}),
        ("category=jalan", {"satu", "dua", "empat"}),
        ("category=jembatan&category=sampah", {"dua", "tiga"}),
        ("status=closed", {"dua"}),
        ("status=closed&status=received", {"dua", "empat"}),
        ("kecamatan=64.08.06", {"tiga"}),
        ("kecamatan=64.08.06&kecamatan=64.08.04", {"satu", "dua", "tiga", "empat"}),
        ("desa=64.08.04.1001", {"satu", "dua", "empat"}),
        ("agency=dlh&kind=laporan", {"satu", "dua"}),
        ("kind=saran", {"tiga"}),
        ("since=2026-06-01", {"satu", "tiga", "empat"}),
        ("until=2026-06-01", {"dua"}),
        ("since=2026-06-03&until=2026-06-03", {"satu", "tiga", "empat"}),
        ("bbox=117.5,0.5,117.6,0.6", {"satu", "dua", "empat"}),
        ("bbox=-180,-90,180,90&status=closed", {"dua"}),
        ("q=pipa+bocor", {"empat"}),
        ("q=%22air+bocor%22", {"empat"}),
        ("q=berlubang+besar", {"satu", "dua", "tiga"}),  # by the stem: lubang
        ("q=jembatan", set()),
        ("status=closed&kecamatan=64.08.06", set()),
    ],
)
def test_filter_finds(place: Place, query: str, expected: set[str]) -> None:
    assert titles(query) == expected
    assert found(query).errors == {}


def test_days_begin_and_end_at_midnight_in_wita(place: Place) -> None:
    late = dt.datetime(2026, 6, 4, 15, 59, tzinfo=dt.UTC)  # 23.59 WITA
    place.report(title="malam", created_at=late)
    assert "malam" in titles("since=2026-06-04&until=2026-06-04")
    place.report(title="esok", created_at=late + dt.timedelta(minutes=1))
    assert "esok" not in titles("until=2026-06-04")


def test_overdue_counts_open_reports_past_their_date(place: Place) -> None:
    Report.objects.update(resolve_due_at=timezone.now() - dt.timedelta(days=1))
    assert titles("overdue=1") == {"satu", "tiga", "empat"}


def test_ticket_is_found_whole_in_any_spelling_and_by_its_beginning(place: Place) -> None:
    ticket = Report.objects.get(title="dua").ticket
    assert titles(f"q={ticket.lower().replace('-', '+')}") == {"dua"}
    assert titles(f"q={ticket[:12]}") >= {"dua"}


def test_never_shows_more_than_the_given_queryset(place: Place) -> None:
    only = Report.objects.filter(title="satu")
    assert set(ReportFilter(QueryDict("kind=laporan"), queryset=only).qs) == set(only)
    assert "rahasia" not in titles("")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("bbox=1,2,3", "bbox"),
        ("bbox=a,b,c,d", "bbox"),
        ("bbox=nan,0,1,1", "bbox"),
        ("bbox=118,0,117,1", "bbox"),
        ("bbox=0.5,117.5,0.6,117.6", "bbox"),
        ("kecamatan=99", "kecamatan"),
        ("kecamatan=%00", "kecamatan"),
        ("desa=x", "desa"),
        ("category=tidak-ada", "category"),
        ("agency=tidak-ada", "agency"),
        ("status=done", "status"),
        ("kind=x", "kind"),
        ("since=01/06/2026", "since"),
        ("since=0001-01-01", "since"),
        ("until=9999-12-31", "until"),
        ("overdue=yes", "overdue"),
        ("q=%00", "q"),
        (f"q={'a' * 201}", "q"),
    ],
)
def test_wrong_value_is_an_error_of_its_field_and_narrows_nothing(place: Place, query: str, name: str) -> None:
    wrong = found(query)
    assert list(wrong.errors) == [name]
    assert not wrong.is_default
    assert wrong.qs.count() == 4


def test_unknown_parameters_are_named(place: Place) -> None:
    assert found("colour=red&status=closed&page=2&cursor=x").unknown_parameters({"cursor"}) == ["colour", "page"]


def test_empty_fields_of_a_form_are_no_conditions(place: Place) -> None:
    assert found("q=&kecamatan=&since=&status=").is_default
    assert found("q=+&kecamatan=").errors == {}


def test_query_string_is_canonical(place: Place) -> None:
    one = found("status=routed&bbox=117.50000,0.5,117.6,0.60&q=a+b&status=closed&category=sampah&x=1")
    two = found("category=sampah&q=a+b&status=closed&status=routed&bbox=117.5,0.5,117.6,0.6")
    assert one.query_string() == two.query_string()
    assert one.query_string(leave_out={"bbox"}) == "q=a+b&category=sampah&status=closed&status=routed"
    assert found(one.query_string()).query_string() == one.query_string()


def test_chips_say_each_condition_and_what_remains_without_it(place: Place) -> None:
    with translation.override("en"):
        chips = found(
            "category=sampah&status=closed&kecamatan=64.08.04&since=2026-06-01&bbox=1,2,3,4&agency=dlh"
        ).chips()
    assert [chip.text for chip in chips] == ["Waste", "Done", "Sangatta Utara", "DLH", "from 1 Jun 2026"]
    assert chips[0].without == "status=closed&kecamatan=64.08.04&agency=dlh&since=2026-06-01"


def test_default_means_nothing_but_the_part_of_the_map(place: Place) -> None:
    assert found("").is_default
    assert found("bbox=117,0,118,1").is_default
    assert not found("status=closed").is_default


def test_cell_keys_tell_what_the_roll_up_can_answer(place: Place) -> None:
    assert found("").cell_keys() == ([], [])
    assert found("category=jalan&status=closed").cell_keys() == (
        sorted([place.group.pk, place.hole.pk, place.bridge.pk]),
        ["closed"],
    )
    assert found("kind=saran").cell_keys() is None
    assert found("bbox=117,0,118,1").cell_keys() is None
    assert found("bbox=117,0,118,1").cell_keys(leave_out={"bbox"}) == ([], [])


def test_options_of_the_form_know_what_is_chosen(place: Place) -> None:
    chosen = found("category=jembatan&status=closed&kecamatan=64.08.06")
    (group,) = [part for part in chosen.category_groups() if part["group"] == place.group]
    assert group["open"]
    assert (place.bridge, True) in group["children"]
    assert ("closed", True) in [(value, is_chosen) for value, _label, is_chosen in chosen.status_options()]
    assert (place.other, True) in chosen.kecamatan_options()


def test_place_is_narrowed_by_the_index(place: Place) -> None:
    west, south = SANGATTA[0] - 0.01, SANGATTA[1] - 0.01
    sql = str(found(f"bbox={west},{south},117.6,0.6").qs.query)
    assert '"incidents_report"."geom_3857" && ST_Transform(' in sql


def test_period_that_ends_before_it_begins_is_said(place: Place) -> None:
    with translation.override("en"):
        wrong = found("since=2026-05-02&until=2026-05-01")
        assert wrong.errors == {"until": ["The period ends before it begins."]}
    assert not found("since=2026-05-01&until=2026-05-01").errors
