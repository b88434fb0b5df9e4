import datetime as dt
import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pgtrigger
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import move_counts
from incidents.counts import Selection
from incidents.models import Report, ReportEvent
from incidents.models.move_counts import NTH_MAX, MoveCount, MoveDelta, StayCount
from tests.factories.map_reports import NOON, Place
from tests.unit.incidents.test_rollups import bucket, day_of, month

PASSING = {"routed", "handed_over"}
NUMBERED = {"handed_over", "answered", "reopened"}
YEAR = Selection(dt.date(2026, 1, 1), dt.date(2026, 12, 31), dt.date(2026, 12, 31), confidential_of=None)


def recount() -> tuple[Counter[Any], Counter[Any]]:
    """Count every step straight from the record, for every row that is kept: moves, and stays by their bucket."""
    moves: Counter[Any] = Counter()
    stays: Counter[Any] = Counter()
    for report in Report.objects.prefetch_related("events"):
        shown = (report.channel, report.confidential)
        areas = {"kecamatan": report.kecamatan_id, "category": report.category_id}
        last, answered, holders, seen = None, None, [], Counter()
        for event in report.events.all():
            if event.from_status == event.to_status and event.type != "handed_over":
                continue
            seen[event.type] += 1
            nth = min(seen[event.type], NTH_MAX) if event.type in NUMBERED else 0
            agency = holders[-1] if holders else 0
            to = (event.agency_id or 0) if event.type in PASSING else 0
            back = event.type == "handed_over" and event.agency_id in holders
            told = [(month(day_of(event.created_at)), event.type, event.from_status, to, nth, back)]
            if event.type == "reopened" and answered:
                told.append((month(day_of(answered)), "objected", "", 0, 0, False))
            for start, kind, state, to_agency, number, returned in told:
                rest = (state, number, returned, *shown)
                moves["all", start, kind, areas["kecamatan"], areas["category"], agency, to_agency, *rest] += 1
                moves["kecamatan", start, kind, areas["kecamatan"], 0, 0, 0, *rest] += 1
                moves["category", start, kind, 0, areas["category"], 0, 0, *rest] += 1
                moves["agency", start, kind, 0, 0, agency, to_agency, *rest] += 1
            if last:
                rest = (*shown, bucket(last, event.created_at))
                start, state = month(day_of(event.created_at)), event.from_status
                stays["all", start, state, areas["kecamatan"], areas["category"], agency, *rest] += 1
                stays["kecamatan", start, state, areas["kecamatan"], 0, 0, *rest] += 1
                stays["category", start, state, 0, areas["category"], 0, *rest] += 1
                stays["agency", start, state, 0, 0, agency, *rest] += 1
            last = event.created_at
            answered = event.created_at if event.type == "answered" else answered
            if event.type in PASSING and event.agency_id:
                holders.append(event.agency_id)
    return moves, stays


def stored() -> tuple[Counter[Any], Counter[Any]]:
    assert not MoveCount.objects.filter(n=0).exists()
    return Counter({row.pk: row.n for row in MoveCount.objects.all()}), Counter(
        {row.pk: row.n for row in StayCount.objects.all()}
    )


def step(report: Report, kind: str, before: str, after: str, hours: float, agency: Any = None) -> ReportEvent:
    """Append an event `hours` after NOON."""
    return ReportEvent.objects.create(
        report=report,
        type=kind,
        from_status=before,
        to_status=after,
        agency=agency,
        created_at=NOON + dt.timedelta(hours=hours),
    )


def told(place: Place, **fields: Any) -> Report:
    """Store a report that was received, forwarded after 2 hours, and answered after 50."""
    report = place.report(**fields)
    step(report, "received", "", "received", 0)
    step(report, "routed", "received", "routed", 2, place.agency)
    step(report, "answered", "routed", "answered", 50, place.agency)
    return report


KINDS = {
    "routed": "routed", "taken": "in_progress", "answered": "answered", "held": "on_hold", "handed_over": "routed",
    "reopened": "reopened", "closed_silent": "closed", "commented": None, "concealed": None,
}  # fmt: skip
steps = st.one_of(
    st.tuples(st.just("add"), st.booleans(), st.none()),
    st.tuples(st.just("event"), st.integers(0, 20), st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 900))),
    st.tuples(st.just("event"), st.integers(0, 20), st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 900))),
    st.tuples(st.just("event"), st.integers(0, 3), st.tuples(st.sampled_from(sorted(NUMBERED)), st.integers(0, 900))),
    st.tuples(st.just("category"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("confidential"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("kecamatan"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("erase"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("forget one"), st.integers(0, 20), st.integers(0, 20)),
    st.tuples(st.just("fold"), st.integers(1, 5), st.none()),
    st.tuples(st.just("rebuild"), st.none(), st.none()),
)


def play(place: Place, what: str, first: Any, second: Any) -> None:
    if what == "add":
        report = place.report(confidential=first)
        ReportEvent.objects.bulk_create([
            ReportEvent(report=report, type="received", to_status="received", created_at=NOON),
            ReportEvent(
                report=report, type="routed", from_status="received", to_status="routed", created_at=NOON,
                agency=place.agency,
            ),
        ])  # fmt: skip
    elif what == "fold":
        move_counts.fold(limit=first)
    elif what == "rebuild":
        move_counts.rebuild()
    elif ids := list(Report.objects.order_by("pk").values_list("pk", flat=True)):
        chosen = Report.objects.get(pk=ids[first % len(ids)])
        if what == "event":
            kind, hours = second
            last = chosen.events.order_by("-id").first()
            before = last.to_status if last else ""
            agency = [place.agency, place.second, None][hours % 3]
            step(chosen, kind, before, KINDS[kind] or before, hours, agency)
        elif what == "erase":
            with pgtrigger.ignore("incidents.ReportEvent:events_are_append_only"), connection.cursor() as cursor:
                events = f"DELETE FROM incidents_reportevent WHERE report_id = {chosen.pk}"
                report = f"DELETE FROM incidents_report WHERE id = {chosen.pk}"
                for statement in (events, report) if second else (report, events):
                    cursor.execute(statement)
        elif what == "forget one":
            events = list(chosen.events.all())
            with pgtrigger.ignore("incidents.ReportEvent:events_are_append_only"):
                ReportEvent.objects.filter(pk__in=[e.pk for e in events[second % 4 : second % 4 + 2]]).delete()
        elif what == "category":
            Report.objects.filter(pk=chosen.pk).update(category=place.waste if second else place.hole)
        elif what == "kecamatan":
            Report.objects.filter(pk=chosen.pk).update(kecamatan=place.other if second else place.kecamatan)
        else:
            Report.objects.filter(pk=chosen.pk).update(confidential=second)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, max_size=40))
def test_counts_equal_recount_after_any_history(history: list[tuple[str, Any, Any]]) -> None:
    with transaction.atomic():
        place = Place()
        for one in history:
            play(place, *one)
        move_counts.fold_all()
        assert stored() == recount()
        assert not MoveDelta.objects.exists()
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_step_knows_who_held_the_report_and_for_how_long() -> None:
    place = Place()
    report = told(place)
    step(report, "reopened", "answered", "reopened", 100)
    step(report, "handed_over", "reopened", "routed", 124, place.second)
    step(report, "handed_over", "routed", "routed", 130, place.agency)
    step(report, "commented", "routed", "routed", 131, place.agency)
    first, second = place.agency.pk, place.second.pk
    for _ in range(2):
        given_on = move_counts.moves(YEAR, ["agency", "to_agency", "nth", "back"], ["handed_over"])
        assert given_on == {(first, second, 1, False): 1, (second, first, 2, True): 1}
        objected = move_counts.moves(YEAR, ["agency"], ["answered", "objected"])
        assert objected == {(first,): 2}
        stays = move_counts.stays(YEAR, ["agency"])
        assert stays["routed", first] == {bucket(NOON, NOON + dt.timedelta(hours=48)): 1}
        assert stays["routed", second] == {bucket(NOON, NOON + dt.timedelta(hours=6)): 1}
        assert stays["answered", first] == {bucket(NOON, NOON + dt.timedelta(hours=50)): 1}
        move_counts.fold_all()


@pytest.mark.django_db
def test_reading_takes_every_condition_and_each_cut_agrees() -> None:
    place = Place()
    told(place)
    told(place, category=place.waste, kecamatan=place.other, desa=None)
    told(place, confidential=True)
    for _ in range(2):
        assert move_counts.moves(YEAR, ["type"], ["answered"]) == {("answered",): 3}
        for name in ("kecamatan", "category", "agency"):
            assert sum(move_counts.moves(YEAR, [name], ["answered"]).values()) == 3
        both = move_counts.moves(YEAR, ["kecamatan", "category"], ["answered"])
        assert both == {(place.kecamatan.pk, place.hole.pk): 2, (place.other.pk, place.waste.pk): 1}

        def answered(**conditions: Any) -> int:
            return move_counts.moves(replace(YEAR, **conditions), ["type"], ["answered"]).get(("answered",), 0)

        assert answered(confidential_of=()) == 2
        assert answered(confidential_of=(place.agency.pk,)) == 3
        assert answered(confidential_of=(place.second.pk,)) == 2
        assert answered(kecamatan=(place.other.pk,)) == 1
        assert answered(categories=(place.hole.pk,), agencies=(place.agency.pk,)) == 2
        assert answered(channels=("api",)) == 0
        assert answered(first=dt.date(2026, 7, 1)) == 0
        assert answered(first=dt.date(2026, 6, 30), last=dt.date(2026, 7, 1)) == 3  # the whole of June
        received = replace(YEAR, agencies=(place.agency.pk,))
        assert move_counts.moves(received, ["type"], ["routed"]) == {}
        assert move_counts.moves(received, ["type"], ["routed"], received_too=True) == {("routed",): 3}
        move_counts.fold_all()


@pytest.mark.django_db
def test_rebuild_mends_wrong_counts_and_the_command_does_both() -> None:
    told(Place())
    move_counts.fold_all()
    MoveCount.objects.update(n=99)
    StayCount.objects.all().delete()
    call_command("rebuild_rollups")
    assert stored() == recount()
    assert move_counts.rebuild() == 3


@pytest.mark.django_db
def test_the_migration_counts_steps_that_are_there() -> None:
    """The statement of migration 0045 gives each step the delta that its trigger would have given."""
    from importlib import import_module

    migration = import_module("incidents.migrations.0045_counts_of_moves")
    place = Place()
    with pgtrigger.ignore("incidents.ReportEvent:count_moves_told"):
        report = told(place, confidential=True)
        step(report, "reopened", "answered", "reopened", 1_000)
        step(report, "handed_over", "reopened", "routed", 1_100, place.second)
    assert not MoveDelta.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute(migration.COUNT_ALL.replace("%", "%%"))
    move_counts.fold_all()
    assert stored() == recount()


@pytest.mark.django_db(transaction=True)
def test_steps_and_changes_of_reports_at_once_stay_exact() -> None:
    place = Place()
    reports = [place.report() for _ in range(3)]
    problems: list[Exception] = []

    def working(job: Any) -> threading.Thread:
        def run() -> None:
            try:
                job()
            except Exception as error:  # noqa: BLE001 - shown by the assertion below
                problems.append(error)
            finally:
                connection.close()

        return threading.Thread(target=run)

    def write(report: Report) -> None:
        for n in range(15):
            step(report, "handed_over", "routed", "routed", n, place.second if n % 2 else place.agency)

    def change() -> None:
        for n in range(30):
            Report.objects.filter(pk=reports[n % 3].pk).update(confidential=n % 2 == 0)

    threads = [working(lambda one=one: write(one)) for one in reports]
    threads += [working(change), working(lambda: [move_counts.fold(limit=7) for _ in range(15)])]
    threads += [working(lambda: [move_counts.rebuild() for _ in range(3)])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    move_counts.fold_all()
    assert stored() == recount()
