import datetime as dt
import itertools
from collections import Counter
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, F, Q

from accounts.models import Agency
from geo import hexagons
from geo.locate import locate
from incidents import move_counts, rollups, synthetic, synthetic_bulk, tickets
from incidents.models import Report, ReportEvent, RoutingRule
from incidents.models.rollups import ReportCellDelta
from incidents.routing import route
from incidents.synthetic_bulk import make_reports_in_bulk
from incidents.synthetic_texts import REJECTIONS
from incidents.workflow import NOT_AUTHORITY, REJECTION_REASONS

NOW = dt.datetime(2026, 6, 3, 4, tzinfo=dt.UTC)
pytestmark = pytest.mark.django_db


def make(count: int = 300, seed: int = 7) -> list[Report]:
    synthetic.make_reports(count=count, seed=seed, now=NOW)
    return list(Report.objects.with_places().order_by("id"))


@pytest.mark.usefixtures("kutim")
def test_reports_are_labelled_located_and_routed_as_intake_would() -> None:
    reports = make()
    assert len(reports) == 300
    assert {report.channel for report in reports} == {"synthetic"}
    handed = set(ReportEvent.objects.filter(type="handed_over").values_list("report_id", flat=True))
    for report in [report for report in reports if report.pk not in handed][:40]:
        place = locate(report.geom.x, report.geom.y)
        assert (report.kecamatan_id, report.edition_id) == (place.kecamatan.id, place.edition_id)
        assert report.desa_id == (place.desa.id if place.desa else None)
        _category, routed = route(report.category.code, place)
        assert (report.agency, report.reason_id, report.reason_en) == (
            routed.agency,
            routed.reason_id,
            routed.reason_en,
        )
        assert tickets.parse(report.ticket) == report.ticket


@pytest.mark.usefixtures("kutim")
def test_spread_is_plausible() -> None:
    reports = make(1_500)
    kecamatan = Report.objects.values_list("kecamatan__name").annotate(n=Count("id")).order_by("-n")
    assert kecamatan[0][0] in {"Sangatta Utara", "Sangatta Selatan"}
    assert len(kecamatan) >= 15
    assert len({report.category_id for report in reports}) >= 25
    assert len({report.status for report in reports}) >= 5
    assert all(report.confidential for report in reports if report.category.sensitive)
    times = [report.created_at for report in reports]
    assert times == sorted(times)
    assert NOW - dt.timedelta(days=732) < times[0]
    assert times[-1] < NOW
    halves = sum(time > NOW - dt.timedelta(days=365) for time in times)
    assert halves > 0.55 * len(times)  # it grows
    night = sum(time.astimezone(dt.timezone(dt.timedelta(hours=8))).hour < 5 for time in times)
    assert night < 0.1 * len(times)


@pytest.mark.usefixtures("kutim")
def test_every_life_is_consistent_with_its_events() -> None:
    make(600)
    assert not Report.objects.filter(Q(changed_at__gt=NOW) | Q(changed_at__lt=F("created_at"))).exists()
    assert not Report.objects.filter(status="closed", closed_at=None).exists()
    assert not Report.objects.filter(status="answered", answered_at=None).exists()
    for report in Report.objects.prefetch_related("events"):
        events = list(report.events.all())
        assert events[0].type == ReportEvent.Type.RECEIVED
        assert events[-1].to_status == report.status
        assert events[-1].created_at == report.changed_at
        assert [event.from_status for event in events[1:]] == [event.to_status for event in events[:-1]]
        assert [event.created_at for event in events] == sorted(event.created_at for event in events)
        assert all(event.hash for event in events)


@pytest.mark.usefixtures("kutim")
def test_some_are_handed_over_and_a_few_come_back() -> None:
    reports = {report.pk: report for report in make(1_500)}
    handed = ReportEvent.objects.filter(type="handed_over")
    given = Counter(event.report_id for event in handed)
    assert 0.02 * len(reports) < len(given) < 0.08 * len(reports)
    assert {1, 2} == set(given.values())
    for event in handed:
        report = reports[event.report_id]
        passing = report.events.filter(type__in=["routed", "handed_over"]).order_by("id")
        agencies = [one.agency_id for one in passing]
        assert all(one != other for one, other in itertools.pairwise(agencies))
        assert report.agency_id == agencies[-1]
        assert report.rule is None
        assert event.text


@pytest.mark.usefixtures("kutim")
def test_same_seed_gives_the_same_reports() -> None:
    def told(reports: list[Report]) -> list[tuple[object, ...]]:
        return [(r.geom.coords, r.category_id, r.title, r.status, r.created_at, r.confidential) for r in reports]

    first = told(make(50, seed=3))
    second = told(make(50, seed=3)[50:])
    other = told(make(50, seed=4)[100:])
    assert first == second
    assert first != other


@pytest.mark.usefixtures("kutim")
def test_a_few_of_the_newest_wait_for_the_coordinator() -> None:
    make(1_500)
    waiting = list(Report.objects.unrouted().select_related("category"))
    assert 2 <= len(waiting) <= 12
    ruled = set(RoutingRule.objects.filter(category__isnull=False).values_list("category", flat=True))
    for report in waiting:
        assert report.created_at > NOW - dt.timedelta(days=synthetic.UNROUTED_DAYS)
        assert report.category_id not in ruled
        assert (report.status, report.verified_at, report.rule) == ("received", None, None)
        assert report.category.name_id in report.reason_id
        assert [event.type for event in report.events.all()] == ["received"]


@pytest.mark.usefixtures("kutim")
def test_archived_reports_say_why_and_whom_to_ask() -> None:
    make(1_500)
    rejected = ReportEvent.objects.filter(type="rejected")
    assert {event.data["reason_code"] for event in rejected} == set(REJECTION_REASONS)
    for event in rejected:
        assert event.text == REJECTIONS[event.data["reason_code"]]
        addressee = event.data.get("addressee")
        assert bool(addressee) is (event.data["reason_code"] == NOT_AUTHORITY)
        if addressee and "code" in addressee:
            assert Agency.objects.get(code=addressee["code"]).is_external


@pytest.mark.usefixtures("kutim")
def test_counts_are_folded_and_exact() -> None:
    make(100)
    assert rollups.fold() == 0
    assert move_counts.fold() == 0
    assert rollups.total() == Report.objects.public().count()


@pytest.mark.usefixtures("kutim")
def test_only_the_newest_of_many_get_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "EVENTS_FOR", 30)
    monkeypatch.setattr(synthetic, "BATCH", 40)
    reports = make(100)
    with_events = set(ReportEvent.objects.values_list("report_id", flat=True))
    assert with_events == {report.pk for report in reports[-30:]}


@pytest.mark.usefixtures("kutim")
def test_command_says_what_it_did() -> None:
    out, err = StringIO(), StringIO()
    call_command("make_reports", count=5, seed=1, stdout=out, stderr=err)
    assert "5 synthetic reports added" in out.getvalue()
    assert "5 of 5 reports" in err.getvalue()


def test_command_on_an_empty_system_says_what_to_run() -> None:
    with pytest.raises(CommandError, match=r"manage\.py prepare"):
        call_command("make_reports", count=5)
    with pytest.raises(CommandError, match="must be 1 or more"):
        call_command("make_reports", count=0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("live_kutim")
def test_bulk_stores_the_same_reports_with_exact_counts_and_all_indexes() -> None:
    told = ("geom", "category", "title", "status", "created_at", "confidential", "agency", "reason_id")
    indexes = (
        "SELECT array_agg(indexname::text ORDER BY indexname) FROM pg_indexes WHERE tablename = 'incidents_report'"
    )
    keys = "SELECT array_agg(conname::text ORDER BY conname) FROM pg_constraint"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({indexes}), ({keys})")
        before = cursor.fetchone()
    make(120, seed=3)
    one_by_one = list(Report.objects.order_by("id").values_list(*told))
    assert make_reports_in_bulk(count=120, seed=3, now=NOW) == 120
    assert list(Report.objects.order_by("id").values_list(*told))[120:] == one_by_one
    assert ReportEvent.objects.count() == 2 * ReportEvent.objects.filter(report_id__in=ids_of(120)).count()
    assert rollups.total() == Report.objects.public().count()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({indexes}), ({keys})")
        assert cursor.fetchone() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("live_kutim")
def test_bulk_writes_no_deltas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "rebuild", lambda: None)
    make_reports_in_bulk(count=20, seed=3, now=NOW)
    assert not ReportCellDelta.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("live_kutim")
def test_bulk_beyond_the_distinct_ones_repeats_lives_at_other_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic_bulk, "DISTINCT", 40)
    assert make_reports_in_bulk(count=100, seed=3, now=NOW) == 100
    reports = list(Report.objects.order_by("id"))
    assert len({report.ticket for report in reports}) == len({report.geom.coords for report in reports}) == 100
    for report in reports:
        assert tickets.parse(report.ticket) == report.ticket
        assert report.hexagon == hexagons.at(*report.geom.coords)
    again = reports[40:80]
    for first, second in zip(reports, again, strict=False):
        assert (first.title, first.status, first.created_at) == (second.title, second.status, second.created_at)
        assert first.geom.distance(second.geom) * synthetic.M_PER_DEGREE < 250
    assert [report.title for report in reports[80:]] == [report.title for report in reports[:20]]
    assert rollups.total() == Report.objects.public().count()


def ids_of(first: int) -> list[int]:
    return list(Report.objects.order_by("id").values_list("id", flat=True)[:first])
