import datetime as dt
import itertools
import random
from dataclasses import replace
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from accounts.models import Agency
from dashboards import numbers
from dashboards.questions import LEADERSHIP, PUBLIC, Audience, Question, QuestionForm, today_wita
from dashboards.statistics import Share, dispersion
from incidents import rollups
from incidents.clock import WITA
from incidents.models import Category, Report
from incidents.synthetic import make_reports
from tests.factories.map_reports import Place

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 6, 17)  # a Wednesday


def at(day: dt.date, hour: int = 10) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), WITA)


def ask(query: str = "", audience: Audience = PUBLIC, today: dt.date = TODAY) -> Question:
    form = QuestionForm(QueryDict(query))
    assert form.is_valid(), form.errors
    return form.question(audience=audience, today=today)


def report(place: Place, day: dt.date, *, due: int = 30, answered: int | None = None, **fields: Any) -> Report:
    """Store a report received on `day`, owed and answered so many days later."""
    values: dict[str, Any] = {"created_at": at(day), "resolve_due_at": at(day + dt.timedelta(days=due), 23)}
    if answered is not None:
        values |= {"answered_at": at(day + dt.timedelta(days=answered)), "status": "answered"}
    return place.report(**values | fields)


@pytest.fixture(params=["unfolded", "folded"])
def fold(request: pytest.FixtureRequest) -> Any:
    return rollups.fold_all if request.param == "folded" else lambda: None


def test_totals_tell_where_reports_stand(fold: Any) -> None:
    place = Place()
    report(place, TODAY, due=5)  # waits
    report(place, TODAY - dt.timedelta(days=40))  # overdue
    report(place, TODAY - dt.timedelta(days=40), status="on_hold", held_at=at(TODAY), held_until=TODAY)
    report(place, TODAY - dt.timedelta(days=40), answered=4)
    report(place, TODAY - dt.timedelta(days=40), answered=35, due=20)
    report(place, TODAY - dt.timedelta(days=40), status="rejected", closed_at=at(TODAY))
    report(place, TODAY - dt.timedelta(days=400))  # before the period
    report(place, TODAY, confidential=True)
    fold()
    found = numbers.totals(ask())
    assert (found.n, found.open, found.on_hold, found.overdue) == (6, 3, 1, 1)
    assert (found.answered, found.closed, found.rejected, found.duplicate) == (2, 0, 1, 0)
    assert found.overdue_share == Share(1, 3)
    assert found.on_time == Share(1, 3)  # in time, late, and overdue
    assert found.resolve is not None
    assert found.resolve.n == 2
    assert found.resolve.median_days == pytest.approx(4, rel=numbers.QUANTILE_ERROR)
    assert found.resolve.p90_days == pytest.approx(35, rel=numbers.QUANTILE_ERROR)
    assert numbers.totals(ask(audience=LEADERSHIP)).n == 7
    assert numbers.totals(ask(audience=Audience("agency", (place.agency.pk,)))).n == 7
    assert numbers.totals(ask(audience=Audience("agency", (place.second.pk,)))).n == 6


def test_overdue_begins_on_the_day_after_the_promised_one(fold: Any) -> None:
    place = Place()
    report(place, TODAY - dt.timedelta(days=3), due=3)
    fold()
    assert numbers.totals(ask()).overdue == 0
    assert numbers.totals(ask(today=TODAY + dt.timedelta(days=1))).overdue == 1
    assert numbers.totals(ask(today=TODAY + dt.timedelta(days=60))).overdue == 1
    assert numbers.totals(ask("since=2026-06-14&until=2026-06-14", today=TODAY + dt.timedelta(days=60))).overdue == 1


def test_kecamatan_and_desa_have_rates_and_none_is_missing(fold: Any) -> None:
    place = Place()
    place.kecamatan.population = 2_000
    place.kecamatan.save()
    for _ in range(3):
        report(place, TODAY)
    report(place, TODAY, desa=None)
    fold()
    rows = numbers.by_kecamatan(ask())
    assert [(row.name, row.n, row.per_1000) for row in rows] == [
        ("Sangatta Selatan", 0, None),
        ("Sangatta Utara", 4, 2.0),
    ]
    desa = numbers.by_desa(ask("kecamatan=64.08.04"))
    assert [(row.code, row.n) for row in desa] == [("64.08.04.1001", 3), ("", 1)]
    assert numbers.by_desa(ask("desa=64.08.04.1001"))[0].n == 3


@pytest.mark.parametrize("step", [numbers.WEEK, numbers.MONTH])
def test_trend_compares_with_the_year_before(step: str, fold: Any) -> None:
    place = Place()
    for _ in range(2):
        report(place, TODAY)
    report(place, TODAY - dt.timedelta(days=366))
    report(place, TODAY - dt.timedelta(days=360))  # not yet, a year ago
    fold()
    bins = numbers.trend(ask("since=2026-05-13&until=2026-06-17"), step)
    assert (bins[0].first, bins[-1].last) == (dt.date(2026, 5, 13), TODAY)
    assert all(before.last + dt.timedelta(days=1) == after.first for before, after in itertools.pairwise(bins))
    assert len(bins) == (6 if step == numbers.WEEK else 2)
    assert (bins[-1].n, bins[-1].last_year) == (2, 1)
    assert sum(one.n or 0 for one in bins[:-1]) == 0


def test_agencies_with_few_promises_are_not_ranked(fold: Any) -> None:
    place = Place()
    for n in range(25):
        report(place, TODAY - dt.timedelta(days=60), answered=40 if n < 5 else 3)
    for _ in range(numbers.RANKED_FROM - 1):
        report(place, TODAY - dt.timedelta(days=60), answered=3, agency=place.second)
    fold()
    first, second = numbers.by_agency(ask())
    assert (first.code, first.rank, first.on_time) == ("dlh", 1, Share(20, 25))
    assert (second.code, second.rank, second.on_time.rate) == ("dpu", None, 1.0)


def test_flow_sums_up_to_the_backlog(fold: Any) -> None:
    place = Place()
    report(place, dt.date(2025, 1, 3))  # open from before
    report(place, dt.date(2026, 4, 10), answered=30)
    report(place, dt.date(2026, 5, 11), status="on_hold", held_at=at(TODAY), held_until=TODAY)
    fold()
    bins = numbers.flow(ask("since=2026-04-01"), numbers.MONTH)
    assert [(one.came, one.went, one.backlog) for one in bins] == [(1, 0, 2), (1, 1, 2), (0, 0, 2)]
    assert bins[-1].last == TODAY
    assert sum(one.came for one in numbers.flow(ask("since=2026-04-01"), numbers.WEEK)) == 2


def test_changes_tell_a_jump_from_noise(fold: Any) -> None:
    place = Place()
    for week in range(1, 10):
        for n in range(6 + week % 2):
            report(place, TODAY - dt.timedelta(days=1 + 7 * week + n % 7))
    for n in range(30):
        report(place, TODAY - dt.timedelta(days=1 + n % 7), category=place.waste, kecamatan=place.other, desa=None)
    for n in range(6):
        report(place, TODAY - dt.timedelta(days=1 + n))
    report(place, TODAY)  # today is not over
    fold()
    found = numbers.changes(ask())
    assert (found.first, found.last) == (TODAY - dt.timedelta(days=7), TODAY - dt.timedelta(days=1))
    assert {(row.code, row.direction) for row in found.rows} == {("64.08.06", "up"), ("sampah", "up")}
    assert found.compared == 4
    assert found.total is not None
    assert found.total.n == 36
    assert all(row.low <= row.mean <= row.high < row.n for row in found.rows)


def test_changes_rarely_cry_wolf() -> None:
    """Of 200 quiet regencies, few see any change: all rows together err in 5 %."""
    chance = random.Random(11)
    alarms = 0
    for _ in range(200):
        rows = [[sum(chance.random() < 0.02 for _ in range(mean * 50)) for _ in range(9)] for mean in (2, 5, 9, 20)]
        spread = dispersion([row[:-1] for row in rows])
        for row in rows:
            low, high = numbers._expected(row, spread).interval(0.05 / len(rows))
            alarms += not low <= row[-1] <= high
    assert alarms <= 20


def test_broken_promises_are_public_and_oldest_first(fold: Any) -> None:
    place = Place()
    late = report(place, dt.date(2026, 5, 4), due=10)
    later = report(place, dt.date(2026, 5, 5), due=10)
    report(place, dt.date(2026, 5, 4), due=9, confidential=True)
    report(place, dt.date(2026, 5, 4), due=9, answered=20)
    fold()
    for audience in (PUBLIC, LEADERSHIP):
        found = numbers.broken_promises(ask(audience=audience))
        assert [one.ticket for one in found] == [late.ticket, later.ticket]
    assert found[0].due == dt.date(2026, 5, 14)
    assert found[0].late_days > 15
    assert len(numbers.broken_promises(ask(), limit=1)) == 1
    assert numbers.broken_promises(ask("agency=dpu")) == []


def test_heat_counts_every_report_of_the_months(fold: Any) -> None:
    place = Place()
    for n in range(5):
        report(place, TODAY, geom=f"SRID=4326;POINT({117.4 + n / 10} 0.5)")
    report(place, TODAY, confidential=True)
    report(place, TODAY, category=place.waste)
    fold()
    for level in rollups.HEAT_LEVELS:
        assert sum(cell.n for cell in numbers.heat(ask(), level)) == 6
        assert sum(cell.n for cell in numbers.heat(ask("category=sampah"), level)) == 1
        assert sum(cell.n for cell in numbers.heat(ask(audience=LEADERSHIP), level)) == 7
    with pytest.raises(ValueError, match="11 to 14"):
        numbers.heat(ask(), 15)


def test_public_sees_no_small_count_of_a_sensitive_category(fold: Any) -> None:
    place = Place()
    place.waste.sensitive = True
    place.waste.save()
    for _ in range(4):
        report(place, TODAY, category=place.waste)
    for _ in range(6):
        report(place, TODAY, category=place.waste, kecamatan=place.other, desa=None)
    for _ in range(2):
        report(place, TODAY)
    fold()
    asked = ask("category=sampah")
    rows = numbers.by_kecamatan(asked)
    assert [row.n for row in rows] == [None, None]  # the larger one, too: else the total would tell the smaller
    assert all(row.open is None and row.overdue_share == Share(0, 0) and row.resolve is None for row in rows)
    assert numbers.totals(asked).n == 10
    assert numbers.totals(replace(asked, kecamatan=(place.kecamatan,))).n is None
    assert numbers.by_desa(ask("category=sampah&kecamatan=64.08.04"))[0].n is None
    assert numbers.flow(asked) == []
    assert numbers.changes(asked).total is None
    assert [row.n for row in numbers.top_categories(ask())] == [10, 2]
    assert [row.n for row in numbers.top_categories(ask("kecamatan=64.08.04"))] == [None, 2]
    assert [row.n for row in numbers.by_kecamatan(replace(asked, audience=LEADERSHIP))] == [6, 4]
    assert [row.n for row in numbers.by_kecamatan(ask())] == [6, 6]  # not asked for by name: part of the whole


def test_group_of_a_sensitive_category_is_sensitive() -> None:
    place = Place()
    assert not ask("category=jalan").is_sensitive
    place.hole.sensitive = True
    place.hole.save()
    assert ask("category=jalan").is_sensitive


@pytest.mark.usefixtures("kutim")
def test_durations_are_within_the_stated_error() -> None:
    make_reports(count=1_500, seed=3)
    took = sorted(
        (answered - created).total_seconds() / 86_400
        for created, answered in Report.objects.public()
        .filter(answered_at__isnull=False)
        .values_list("created_at", "answered_at")
    )
    found = numbers.totals(ask("since=2020-01-01", today=today_wita())).resolve
    assert found is not None
    assert found.n == len(took)
    for value, share in ((found.median_days, 0.5), (found.p90_days, 0.9)):
        true = took[max(0, -int(-share * len(took) // 1) - 1)]
        assert value == pytest.approx(true, rel=numbers.QUANTILE_ERROR)


@pytest.mark.usefixtures("kutim")
def test_number_of_queries_does_not_grow(django_assert_max_num_queries: Any) -> None:
    make_reports(count=400, seed=5)
    asked = ask(today=timezone.now().date())
    assert Category.objects.count() > 30
    assert Agency.objects.count() > 30
    for function in (
        numbers.totals, numbers.by_kecamatan, numbers.trend, numbers.top_categories, numbers.by_agency, numbers.flow,
        numbers.changes, numbers.broken_promises,
    ):  # fmt: skip
        with django_assert_max_num_queries(6):
            function(asked)


def test_share_survives_a_report_that_moves_between_two_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is overdue is read after what is open: a report that arrives late in between belongs to one of them only."""
    place = Place()
    report(place, TODAY - dt.timedelta(days=60))
    counted = numbers.counts.counted

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        rows = counted(*args, **kwargs)
        report(place, TODAY - dt.timedelta(days=60))
        return rows

    monkeypatch.setattr(numbers.counts, "counted", meanwhile)
    found = numbers.totals(ask())
    assert (found.open, found.overdue, found.overdue_share) == (1, 2, Share(1, 1))
    assert found.overdue_share.high == 1
