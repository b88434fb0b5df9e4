import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import clock
from incidents.clock import WITA, Rules
from incidents.models import RegencyHoliday, ServiceStandard
from tests.factories.incidents import make_standards

PLAIN = Rules(days={("respond", ""): 5, ("resolve", "field"): 60}, regency_holidays=frozenset())
MOMENTS = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2030, 12, 31)).map(lambda m: m.replace(tzinfo=dt.UTC))


def wita(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=WITA)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ((2026, 11, 23), True),  # Monday
        ((2026, 11, 21), False),  # Saturday
        ((2026, 11, 22), False),  # Sunday
        ((2026, 8, 17), False),  # Independence Day, a Monday
        ((2026, 12, 25), False),  # Christmas, a Friday
        ((2026, 1, 1), False),  # New Year, a Thursday
    ],
)
def test_working_day_is_no_weekend_and_no_holiday(day: tuple[int, int, int], works: bool) -> None:
    assert PLAIN.is_working_day(dt.date(*day)) is works


def test_regency_holiday_is_no_working_day() -> None:
    anniversary = dt.date(2026, 10, 12)  # a Monday
    assert PLAIN.is_working_day(anniversary)
    assert not Rules(days={}, regency_holidays=frozenset({anniversary})).is_working_day(anniversary)


def test_deadline_skips_weekend_and_holiday() -> None:
    # Thursday 13 Aug 2026; Friday 14 is day 1; Monday 17 is a holiday; Tuesday 18 is day 2
    assert PLAIN.deadline(wita(2026, 8, 13, 10), 2) == wita(2026, 8, 18, 23, 59, 59)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        # 23:59 and 00:01 in WITA are two different days, although both are the 23rd in UTC
        (dt.datetime(2026, 11, 23, 15, 59, tzinfo=dt.UTC), wita(2026, 11, 24, 23, 59, 59)),
        (dt.datetime(2026, 11, 23, 16, 1, tzinfo=dt.UTC), wita(2026, 11, 25, 23, 59, 59)),
    ],
)
def test_deadline_counts_the_day_in_wita(start: dt.datetime, due: dt.datetime) -> None:
    assert PLAIN.deadline(start, 1) == due


def test_days_left_counts_down_to_nought_and_then_says_how_late() -> None:
    due = wita(2026, 11, 27, 23, 59, 59)  # Friday
    left = {day: PLAIN.days_left(wita(2026, 11, day, 12), due) for day in (24, 26, 27, 28, 29, 30)}
    assert left == {24: 3, 26: 1, 27: 0, 28: -1, 29: -1, 30: -1}
    assert PLAIN.days_left(wita(2026, 12, 1, 12), due) == -2


def test_standard_for_the_handling_goes_before_the_general_one() -> None:
    rules = Rules(days={("resolve", ""): 14, ("resolve", "field"): 60}, regency_holidays=frozenset())
    assert (rules.working_days("resolve", "field"), rules.working_days("resolve", "desk")) == (60, 14)


def test_missing_standard_says_what_to_do() -> None:
    with pytest.raises(LookupError, match="seed"):
        PLAIN.working_days("close")


@given(MOMENTS, st.integers(1, 80))
def test_deadline_is_the_end_of_a_working_day_and_days_left_agrees(start: dt.datetime, days: int) -> None:
    due = PLAIN.deadline(start, days)
    assert PLAIN.is_working_day(due.date())
    assert (due.hour, due.minute, due.second, due.tzinfo) == (23, 59, 59, WITA)
    assert PLAIN.days_left(start, due) == days


@given(MOMENTS, st.integers(0, 40), st.integers(0, 40))
def test_deadline_of_two_terms_is_the_deadline_of_their_sum(start: dt.datetime, first: int, second: int) -> None:
    if first == 0 and not PLAIN.is_working_day(start.astimezone(WITA).date()):
        first = 1
    assert PLAIN.deadline(PLAIN.deadline(start, first), second) == PLAIN.deadline(start, first + second)


@given(MOMENTS, st.integers(0, 60), st.integers(0, 60))
def test_longer_term_never_ends_earlier(start: dt.datetime, one: int, more: int) -> None:
    assert PLAIN.deadline(start, one) <= PLAIN.deadline(start, one + more)


@pytest.mark.django_db
def test_promise_follows_the_standards_in_the_database() -> None:
    make_standards()
    due = clock.promise(wita(2026, 11, 2, 9), "desk")  # Monday; no holiday in the next three weeks
    assert (due.verify.day, due.respond.day, due.resolve.day) == (5, 9, 20)
    ServiceStandard.objects.filter(step="respond").update(working_days=1)
    RegencyHoliday.objects.create(date=dt.date(2026, 11, 3), name="Libur kabupaten")
    clock.forget_rules()
    assert clock.promise(wita(2026, 11, 2, 9), "desk").respond == wita(2026, 11, 4, 23, 59, 59)
    clock.forget_rules()


@pytest.mark.django_db
def test_after_hold_moves_only_by_working_days() -> None:
    make_standards()
    due = wita(2026, 11, 27, 23, 59, 59)
    over_a_weekend = clock.after_hold(due, wita(2026, 11, 20, 17), wita(2026, 11, 23, 8))  # Friday to Monday
    assert over_a_weekend == wita(2026, 11, 30, 23, 59, 59)
    assert clock.after_hold(due, wita(2026, 11, 21, 9), wita(2026, 11, 22, 9)) == due  # Saturday to Sunday
