import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import rollups
from incidents.models import Report, ReportCell, ReportCellDelta
from tests.factories.map_reports import Place

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


STATUSES = ["routed", "in_progress", "answered", "closed"]
# Close together, so that cells are shared: 0.001 degree is about 111 m.
places = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda p: (117.5 + p[0] / 1000, 0.5 + p[1] / 1000))
steps = st.one_of(
    st.tuples(st.just("add"), places, st.booleans()),
    st.tuples(st.just("status"), st.integers(0, 20), st.sampled_from(STATUSES)),
    st.tuples(st.just("category"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("confidential"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("move"), st.integers(0, 20), places),
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
            from django.contrib.gis.geos import Point

            chosen.update(geom=Point(*second, srid=4326))
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
def test_fold_removes_cells_that_became_empty() -> None:
    report = Place().report()
    rollups.fold()
    assert ReportCell.objects.exists()
    report.delete()
    rollups.fold()
    assert not ReportCell.objects.exists()


@pytest.mark.django_db
def test_rebuild_mends_wrong_cells() -> None:
    place = Place()
    place.report()
    rollups.fold()
    ReportCell.objects.update(n=99)
    place.report()
    steps_told: list[str] = []
    assert rollups.rebuild(steps_told.append) == 2
    assert stored() == recount()
    assert steps_told[0] == "counting reports"
    assert len(steps_told) == 1 + len(rollups.LEVELS)


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
