import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import counts
from incidents.counts import DAY, Piece, Selection, bucket_hours, pieces, quantile_hours
from tests.factories.map_reports import NOON, Place

days = st.dates(dt.date(2024, 1, 1), dt.date(2026, 12, 31))


def days_of(found: list[Piece]) -> list[dt.date]:
    return [piece.first + n * DAY for piece in found for n in range((piece.last - piece.first).days + 1)]


@given(first=days, length=st.integers(0, 900), weeks=st.booleans())
def test_pieces_cover_each_day_of_the_past_once(first: dt.date, length: int, weeks: bool) -> None:
    last = first + length * DAY
    found = list(pieces(Selection(first, last, today=last + 400 * DAY), weeks=weeks))
    assert days_of(found) == [first + n * DAY for n in range(length + 1)]
    for piece in found:
        if piece.span == "m":
            assert (piece.first.day, (piece.last + DAY).day) == (1, 1)
        if piece.span == "w":
            assert (piece.first.weekday(), piece.last.weekday()) == (0, 6)
    assert sum(piece.span == "d" for piece in found) <= (4 if weeks else 2)


@given(first=days, length=st.integers(0, 900), weeks=st.booleans())
def test_pieces_up_to_today_may_end_with_the_month(first: dt.date, length: int, weeks: bool) -> None:
    today = first + length * DAY
    found = days_of(list(pieces(Selection(first, today, today), weeks=weeks)))
    assert found[: length + 1] == [first + n * DAY for n in range(length + 1)]
    assert all(later.month == today.month for later in found[length + 1 :])


def test_pieces_of_a_period_that_ends_before_it_begins_are_none() -> None:
    assert list(pieces(Selection(dt.date(2026, 3, 1), dt.date(2026, 2, 28), dt.date(2026, 6, 1)))) == []


@given(hours=st.lists(st.floats(1.001, 50_000), min_size=1, max_size=60), share=st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_quantile_is_within_its_error(hours: list[float], share: float) -> None:
    histogram: dict[int, int] = {}
    for value in hours:
        bucket = math.ceil(math.log(value) / counts.BUCKET_LOG)
        histogram[bucket] = histogram.get(bucket, 0) + 1
    true = sorted(hours)[math.ceil(share * len(hours)) - 1]
    assert quantile_hours(histogram, share) == pytest.approx(true, rel=counts.QUANTILE_ERROR + 1e-9)


def test_quantile_of_nothing_is_none_and_of_short_ones_half_an_hour() -> None:
    assert quantile_hours({}, 0.5) is None
    assert quantile_hours({0: 3, 30: 1}, 0.5) == 0.5
    assert bucket_hours(30) == pytest.approx(math.exp(6) * (1 - counts.QUANTILE_ERROR))


@pytest.mark.django_db
def test_durations_read_the_narrowest_rows_that_answer() -> None:
    place = Place()
    for agency in (place.agency, place.second):
        place.report(agency=agency, answered_at=NOON + dt.timedelta(days=3), status="answered")
    place.report(confidential=True, answered_at=NOON + dt.timedelta(days=3), status="answered")
    today = dt.date(2026, 6, 30)
    public = Selection(dt.date(2026, 6, 1), today, today)
    bucket = math.ceil(math.log(72) / counts.BUCKET_LOG)
    assert counts.durations(public, "resolve") == {(): {bucket: 2}}
    assert counts.durations(public, "resolve", ["agency"]) == {
        (place.agency.pk,): {bucket: 1},
        (place.second.pk,): {bucket: 1},
    }
    own = Selection(dt.date(2026, 6, 1), today, today, confidential_of=(place.agency.pk,))
    assert counts.durations(own, "resolve", ["kecamatan"]) == {(place.kecamatan.pk,): {bucket: 3}}
    assert counts.durations(own, "verify") == {}


@pytest.mark.django_db
def test_received_daily_tells_both_ways_in_one_go() -> None:
    place = Place()
    place.report()
    place.report(category=place.waste)
    day = dt.date(2026, 6, 3)
    found = counts.received_daily(Selection(day, day, day))
    assert found["kecamatan"] == [(place.kecamatan.pk, day, 2)]
    assert sorted(found["category"]) == sorted([(place.hole.pk, day, 1), (place.waste.pk, day, 1)])
