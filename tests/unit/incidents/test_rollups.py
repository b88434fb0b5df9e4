import datetime as dt
import math
import threading
from collections import Counter
from importlib import import_module
from typing import Any

import pgtrigger
import pytest
from django.contrib.gis.geos import Point
from django.core.management import call_command
from django.db import connection, transaction
from h3.api.basic_int import cell_to_parent, latlng_to_cell
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import folding, rollups
from incidents.clock import WITA
from incidents.models import Report, ReportCell, ReportCellDelta
from incidents.models.move_counts import MoveDelta
from incidents.models.reports import OPEN_STATUSES
from incidents.models.rollups import DueCount, DurationCount, HeatCount, HeatDue, ReportCount
from tests.factories.incidents import make_event
from tests.factories.map_reports import NOON, Place

HALF = 20037508.342789244

Key = tuple[int, int, int, int, str]


def recount() -> Counter[Key]:
    """Count the public reports straight from the table, for every level and key that the roll-up keeps."""
    counts: Counter[Key] = Counter()
    for report in Report.objects.public():
        for level in rollups.LEVELS:
            size = 2 * HALF / (1 << level)
            x, y = int((report.geom_3857.x + HALF) // size), int((HALF - report.geom_3857.y) // size)
            keys = {(0, "")}
            if level <= rollups.DETAILED_UP_TO:
                keys |= {(report.category_id, ""), (0, report.status), (report.category_id, report.status)}
            for category, status in keys:
                counts[level, x, y, category, status] += 1
    return counts


def stored() -> Counter[Key]:
    return Counter({(c.level, c.x, c.y, c.category, c.status): c.n for c in ReportCell.objects.all()})


def day_of(moment: dt.datetime) -> dt.date:
    return moment.astimezone(WITA).date()


def month(day: dt.date) -> dt.date:
    return day.replace(day=1)


def week(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


def bucket(began: dt.datetime, ended: dt.datetime) -> int:
    hours = (ended - began).total_seconds() / 3600
    return min(60, math.ceil(math.log(max(hours, 1)) / 0.2))


def cuts(who: tuple[Any, ...], desa: int) -> list[tuple[Any, ...]]:
    """Return each cut in which a row is told, with what it is told by there."""
    kecamatan, category, agency, _channel, confidential = who
    found = [("all", *who), ("kecamatan", kecamatan, 0, 0, "", confidential)]
    if desa == 0:
        found += [("agency", 0, 0, agency, "", confidential), ("category", 0, category, 0, "", confidential)]
    return found


def recount_all() -> dict[str, Counter[Any]]:
    """Count all reports straight from the table, for every row that the dashboards' tables keep."""
    counts: Counter[Any] = Counter()
    dues: Counter[Any] = Counter()
    durations: Counter[Any] = Counter()
    heat: Counter[Any] = Counter()
    heat_dues: Counter[Any] = Counter()
    for report in Report.objects.all():
        day, desa = day_of(report.created_at), report.desa_id or -1
        agency = report.agency_id or 0
        who = (report.kecamatan_id, report.category_id, agency, report.channel, report.confidential)

        def add(day: dt.date, measure: str, desa: int = desa, who: Any = who) -> None:
            for span, start, area in (
                ("d", day, desa), ("d", day, 0), ("w", week(day), 0), ("m", month(day), desa), ("m", month(day), 0)
            ):  # fmt: skip
                for one in cuts(who, area):
                    counts[one[0], span, area, start, *one[1:], measure] += 1

        add(day, "n")
        add(day, report.status)
        if report.answered_at:
            add(day, "kept" if report.answered_at <= report.resolve_due_at else "broken")
        if report.status not in OPEN_STATUSES:
            add(day_of(report.answered_at or report.closed_at or report.created_at), "ended")
        elif report.status != "on_hold" and not report.answered_at:
            due = day_of(report.resolve_due_at)
            for area in (desa, 0):
                for cut, *whose in cuts(who, area):
                    dues[cut, "d", area, due, day, *whose] += 1
                    dues[cut, "m", area, month(due), month(day), *whose] += 1
        for step, ended in (
            ("verify", report.verified_at), ("respond", report.responded_at), ("resolve", report.answered_at)
        ):  # fmt: skip
            if ended:
                took = (report.confidential, bucket(report.created_at, ended))
                kecamatan, category = report.kecamatan_id, report.category_id
                for cut, *whose in (
                    ("all", category, month(day), kecamatan, agency, report.channel),
                    ("kecamatan", 0, month(day), kecamatan, 0, ""), ("agency", 0, month(day), 0, agency, ""),
                    ("category", category, month(day), 0, 0, ""), ("pair", 0, month(day), kecamatan, agency, ""),
                ):  # fmt: skip
                    durations[cut, step, *whose, *took] += 1
        place = (report.kecamatan_id, desa, report.confidential)
        hexagon = latlng_to_cell(report.geom.y, report.geom.x, 8)
        cells = {level: packed_cell(report, level) for level in rollups.HEAT_STORED}
        for level, cell in (cells | {7: cell_to_parent(hexagon, 7), 8: hexagon}).items():
            for keys in (("total", 0, 0), ("agency", 0, agency), ("all", report.category_id, agency)):
                for measure in ("n", report.status):
                    heat[level, *keys, month(day), cell, *place, measure] += 1
        if report.status in OPEN_STATUSES and report.status != "on_hold" and not report.answered_at:
            due = day_of(report.resolve_due_at)
            heat_dues[due, month(day), cells[14], hexagon, *place[:2], report.category_id, agency, place[2]] += 1
    return {"counts": counts, "dues": dues, "durations": durations, "heat": heat, "heat_dues": heat_dues}


def packed_cell(report: Report, level: int) -> int:
    size = 2 * HALF / (1 << level)
    x, y = int((report.geom_3857.x + HALF) // size), int((HALF - report.geom_3857.y) // size)
    return x * 2**32 + y


def stored_columns(model: Any, columns: tuple[str, ...]) -> Counter[Any]:
    """Return the numbers of a table's rows by key and column; no row may be empty."""
    rows = list(model.objects.all())
    assert all(any(getattr(row, column) for column in columns) for row in rows)
    return Counter({
        (*row.pk, column): getattr(row, column) for row in rows for column in columns if getattr(row, column)
    })  # fmt: skip


def stored_all() -> dict[str, Counter[Any]]:
    found = {"dues": DueCount, "durations": DurationCount, "heat_dues": HeatDue}
    return {
        "counts": stored_columns(ReportCount, rollups.MEASURES),
        "heat": stored_columns(HeatCount, rollups.HEAT_MEASURES),
    } | {name: Counter({row.pk: row.n for row in model.objects.all()}) for name, model in found.items()}


STATUSES = ["routed", "in_progress", "answered", "closed"]
# Close together, so that cells are shared: 0.001 degree is about 111 m.
places = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda p: (117.5 + p[0] / 1000, 0.5 + p[1] / 1000))
steps = st.one_of(
    st.tuples(st.just("add"), places, st.booleans()),
    st.tuples(st.just("status"), st.integers(0, 20), st.sampled_from(STATUSES)),
    st.tuples(st.just("category"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("confidential"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("move"), st.integers(0, 20), places),
    st.tuples(st.just("kecamatan"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("agency"), st.integers(0, 20), st.integers(0, 2)),
    st.tuples(st.just("received"), st.integers(0, 20), st.integers(-800, 800)),
    st.tuples(st.just("answered"), st.integers(0, 20), st.integers(0, 2_000) | st.none()),
    st.tuples(st.just("delete"), st.integers(0, 20), st.none()),
    st.tuples(st.just("fold"), st.integers(1, 5), st.none()),
    st.tuples(st.just("rebuild"), st.none(), st.none()),
)


def play(place: Place, step: tuple[str, Any, Any]) -> None:
    what, first, second = step
    if what == "add":
        place.report(*first, confidential=second)
    elif what == "fold":
        rollups.fold(limit=first)
    elif what == "rebuild":
        rollups.rebuild()
    elif ids := list(Report.objects.order_by("pk").values_list("pk", flat=True)):
        chosen = Report.objects.filter(pk=ids[first % len(ids)])
        if what == "delete":
            chosen.delete()
        elif what == "category":
            chosen.update(category=place.waste if second else place.hole)
        elif what == "move":
            chosen.update(geom=Point(*second, srid=4326))
        elif what == "kecamatan":
            chosen.update(kecamatan=place.other if second else place.kecamatan, desa=None if second else place.desa)
        elif what == "agency":
            chosen.update(agency=[place.agency, place.second, None][second], status="received")
        elif what == "received":
            chosen.update(created_at=NOON + dt.timedelta(hours=second))
        elif what == "answered":
            after = None if second is None else chosen.get().created_at + dt.timedelta(hours=second)
            chosen = chosen.exclude(agency=None)
            chosen.update(answered_at=after, responded_at=after, status="routed" if second is None else "answered")
        elif what == "status":
            chosen.exclude(agency=None).update(status=second)
        else:
            chosen.update(**{what: second})


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, max_size=40))
def test_rollup_equals_recount_after_any_history(history: list[tuple[str, Any, Any]]) -> None:
    with transaction.atomic():
        place = Place()
        for step in history:
            play(place, step)
        assert rollups.total() == Report.objects.public().count()
        rollups.fold_all()
        assert stored() == recount()
        assert stored_all() == recount_all()
        assert not ReportCellDelta.objects.exists()
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_total_is_exact_before_and_after_folding() -> None:
    place = Place()
    place.report()
    place.report(status="closed")
    place.report(category=place.waste, confidential=True)
    for _ in range(2):
        assert rollups.total() == 2
        assert rollups.total(statuses=["closed"]) == 1
        assert rollups.total(categories=[place.hole.pk, place.waste.pk]) == 2
        assert rollups.total(categories=[place.waste.pk]) == 0
        assert rollups.total(categories=[place.hole.pk], statuses=["closed", "routed"]) == 2
        rollups.fold()


@pytest.mark.django_db
def test_fold_says_how_many_and_stops_at_the_limit() -> None:
    place = Place()
    for _ in range(3):
        place.report()
    assert [rollups.fold(limit=2), rollups.fold(limit=2), rollups.fold(limit=2)] == [2, 1, 0]


@pytest.mark.django_db
def test_the_worker_is_told_to_go_on_while_a_whole_batch_of_either_kind_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "BATCH", 3)
    place = Place()
    for _ in range(4):
        report = place.report()
    assert [folding.fold_waiting(), folding.fold_waiting()] == [True, False]
    assert not ReportCellDelta.objects.exists()
    for number in range(4):
        make_event(report, "held" if number % 2 else "taken", from_status="routed", to_status="in_progress")
    assert MoveDelta.objects.count() == 4
    assert [folding.fold_waiting(), folding.fold_waiting()] == [True, False]
    assert not MoveDelta.objects.exists()


@pytest.mark.django_db
def test_fold_reads_the_deltas_without_joining_them_to_themselves() -> None:
    """On stale statistics such a join was planned without an index: 50,000 x 50,000 rows."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE incidents_reportcelldelta")  # of an empty table: the most misleading statistics
        cursor.execute("EXPLAIN " + rollups._FOLD, {"limit": 50_000})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    deleting = plan.partition("Delete on incidents_reportcelldelta")[2].partition("CTE")[0]
    assert "InitPlan" in deleting
    assert "Join" not in deleting
    assert "Nested Loop" not in deleting


@pytest.mark.django_db
def test_fold_removes_rows_that_became_empty() -> None:
    report = Place().report(answered_at=NOON + dt.timedelta(days=1))
    rollups.fold()
    assert ReportCell.objects.exists()
    report.delete()
    rollups.fold()
    tables = (ReportCell, ReportCount, DueCount, DurationCount, HeatCount, HeatDue)
    assert not any(table.objects.exists() for table in tables)


@pytest.mark.django_db
def test_rebuild_mends_wrong_counts() -> None:
    place = Place()
    place.report(answered_at=NOON + dt.timedelta(days=2), status="answered")
    rollups.fold()
    ReportCell.objects.update(n=99)
    for model in (DueCount, DurationCount, HeatCount, HeatDue):
        model.objects.update(n=99)
    ReportCount.objects.update(answered=0, ended=7)
    place.report(confidential=True)
    steps_told: list[str] = []
    assert rollups.rebuild(steps_told.append) == 2
    assert stored() == recount()
    assert stored_all() == recount_all()
    assert steps_told[0] == "counting reports"
    assert len(steps_told) == 7


@pytest.mark.django_db
def test_migrations_cut_what_is_counted_as_folding_does() -> None:
    cuts, durations = (
        import_module(f"incidents.migrations.{name}") for name in ("0053_cuts_of_counts", "0054_cuts_of_durations")
    )
    place = Place()
    for days, fields in (
        (1, {}), (1, {"confidential": True}), (9, {"agency": place.second, "kecamatan": place.other, "desa": None})
    ):  # fmt: skip
        place.report(answered_at=NOON + dt.timedelta(days=days), status="answered", **fields)
        place.report(**fields)
    rollups.fold()
    kept = stored_all()
    assert kept == recount_all()
    assert DurationCount.objects.exclude(cut="all").update(n=99)
    with connection.cursor() as cursor:
        cursor.execute(durations.RECUT)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, columns in cuts.TABLES.items():
            cursor.execute(cuts.narrowed(table, *columns))
            cursor.execute(cuts.widened(table, *columns))
    assert stored_all() == kept


@pytest.mark.django_db
def test_rebuild_command_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    Place().report()
    call_command("rebuild_rollups")
    assert capsys.readouterr().out == "1 reports and 0 steps counted.\n"


@pytest.mark.django_db
def test_migration_counts_reports_that_are_there() -> None:
    """The statements of migration 0040 give each report its hexagon and the delta that its trigger would have given."""
    from importlib import import_module

    migration = import_module("incidents.migrations.0040_hexagons_and_standings_of_cells")
    place = Place()
    with pgtrigger.ignore("incidents.Report:count_new"):
        place.report(confidential=True)
        place.report(answered_at=NOON + dt.timedelta(days=70), status="closed")
        place.report(117.6, 0.4)
        rollups.fold()
        Report.objects.update(hexagon=0)
    with connection.schema_editor() as editor:
        migration.find_hexagons(None, editor)
    with connection.cursor() as cursor:
        cursor.execute(migration.COUNT_ALL + "; DELETE FROM incidents_heatcount; DELETE FROM incidents_heatdue")
    assert rollups.total() == 2
    rollups.fold_all()
    assert stored() == recount()
    assert stored_all() == recount_all()


@pytest.mark.django_db(transaction=True)
def test_writers_folders_and_a_rebuild_at_once_stay_exact() -> None:
    place = Place()
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

    def write(offset: float) -> None:
        for n in range(25):
            report = place.report(117.5 + offset + n / 500, 0.5)
            if n % 3 == 0:
                Report.objects.filter(pk=report.pk).update(status="closed")

    jobs = [lambda: write(0.0), lambda: write(0.0005)]
    jobs += [lambda: [rollups.fold(limit=7) for _ in range(12)]] * 2
    jobs += [lambda: [rollups.rebuild() for _ in range(3)]]
    threads = [working(job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert rollups.total() == 50
    rollups.fold_all()
    assert stored() == recount()
    assert stored_all() == recount_all()
