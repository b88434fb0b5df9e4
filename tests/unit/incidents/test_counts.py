import datetime as dt
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from h3.api.basic_int import cell_to_parent, latlng_to_cell
from hypothesis import given
from hypothesis import strategies as st

from incidents import counts, rollups
from incidents.clock import WITA
from incidents.counts import DAY, Piece, Selection, bucket_hours, pieces, quantile_hours
from incidents.models import Report
from incidents.models.rollups import DurationCount
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
    rollups.fold()
    DurationCount.objects.filter(cut="all").delete()
    assert counts.durations(public, "resolve", ["category"]) == {(place.hole.pk,): {bucket: 2}}


@pytest.mark.django_db
def test_received_daily_tells_both_ways_in_one_go() -> None:
    place = Place()
    place.report()
    place.report(category=place.waste)
    day = dt.date(2026, 6, 3)
    found = counts.received_daily(Selection(day, day, day))
    assert found["kecamatan"] == [(place.kecamatan.pk, day, 2)]
    assert sorted(found["category"]) == sorted([(place.hole.pk, day, 1), (place.waste.pk, day, 1)])


@pytest.mark.django_db
def test_every_cut_tells_what_the_reports_tell() -> None:
    place = scattered()
    whole = Selection(dt.date(2026, 4, 1), dt.date(2026, 7, 31), AS_OF)
    own = (place.agency.pk,)
    conditions: list[dict[str, Any]] = [
        {}, {"kecamatan": (place.kecamatan.pk,)}, {"desa": (place.desa.pk,)}, {"categories": (place.hole.pk,)},
        {"agencies": own}, {"channels": ("web",)}, {"kecamatan": (place.other.pk,), "agencies": own},
        {"categories": (place.waste.pk,), "agencies": own}, {"kecamatan": (place.kecamatan.pk,), "channels": ("api",)},
        {"confidential_of": None}, {"confidential_of": own}, {"agencies": own, "confidential_of": own},
    ]  # fmt: skip
    columns: dict[str, Callable[[Report], Any]] = {
        "kecamatan": lambda report: report.kecamatan_id,
        "desa": lambda report: report.desa_id or -1,
        "category": lambda report: report.category_id,
        "agency": lambda report: report.agency_id or 0,
        "channel": lambda report: report.channel,
        "day": day_of,
        "week": lambda report: day_of(report) - DAY * day_of(report).weekday(),
        "month": month_of,
    }
    seen = 0
    bys = [[], *([name] for name in columns), ["kecamatan", "month"], ["category", "week"], ["agency", "day"]]
    for some, by in itertools.product(conditions, bys):
        selection = replace(whole, **some)

        def key(report: Report, by: Sequence[str] = by) -> tuple[Any, ...]:
            return tuple(columns[name](report) for name in by)

        reports = [report for report in reports_of(selection, "n") if within_channels(report, selection)]
        seen += len(reports)
        for measure, standing in (("n", "n"), ("routed", "routed")):
            rows = counts.counted(selection, by, [measure])
            told = Counter({tuple(row[name] for name in by): row[measure] for row in rows if row[measure]})
            assert told == Counter(key(one) for one in reports if standing in ("n", one.status)), (some, by)
        if not {"day", "week", "month"} & {*by}:
            late = [one for one in reports_of(selection, "overdue") if within_channels(one, selection)]
            found = {values: n for values, n in counts.overdue(selection, by).items() if n}
            assert Counter(found) == Counter(key(one) for one in late), (some, by)
        if {*by} <= {"kecamatan", "category", "agency"} and "desa" not in some:
            expected: Counter[Any] = Counter(
                (*key(one), hours_bucket(one)) for one in reports if one.answered_at is not None
            )
            histograms = counts.durations(selection, "resolve", by)
            assert Counter({(*values, b): n for values, h in histograms.items() for b, n in h.items()}) == expected
    assert seen > 2_000
    daily = counts.received_daily(whole)
    for kind in ("kecamatan", "category"):
        expected = Counter((columns[kind](one), day_of(one)) for one in reports_of(whole, "n"))
        assert Counter({(pk, day): n for pk, day, n in daily[kind]}) == expected


def within_channels(report: Report, selection: Selection) -> bool:
    return not selection.channels or report.channel in selection.channels


def day_of(report: Report) -> dt.date:
    return report.created_at.astimezone(WITA).date()


def hours_bucket(report: Report) -> int:
    assert report.answered_at is not None
    hours = (report.answered_at - report.created_at).total_seconds() / 3600
    return min(60, math.ceil(math.log(max(hours, 1)) / counts.BUCKET_LOG))


# Cells: everything that planners may ask of them, against the reports themselves.

AS_OF = dt.date(2026, 8, 20)
PERIOD = (dt.date(2026, 4, 10), dt.date(2026, 7, 2))
"""Touches four whole months: April to July."""


def reports_of(selection: Selection, standing: str) -> list[Report]:
    """Return the reports that a selection of cells counts, straight from the table."""
    found = []
    last = (selection.last.replace(day=1) + 31 * DAY).replace(day=1)
    for report in Report.objects.all():
        day = report.created_at.astimezone(WITA).date()
        due = report.resolve_due_at.astimezone(WITA).date()
        owed = report.status in {"received", "routed", "in_progress", "reopened"} and not report.answered_at
        of_standing = {"n": True, "open": report.is_open, "overdue": owed and due < selection.today}
        own = selection.confidential_of
        if (
            selection.first.replace(day=1) <= day < last
            and of_standing.get(standing, report.status == standing)
            and (not selection.kecamatan or report.kecamatan_id in selection.kecamatan)
            and (not selection.desa or (report.desa_id or -1) in selection.desa)
            and (not selection.categories or report.category_id in selection.categories)
            and (not selection.agencies or report.agency_id in selection.agencies)
            and (own is None or not report.confidential or report.agency_id in own)
        ):
            found.append(report)
    return found


def month_of(report: Report) -> dt.date:
    return report.created_at.astimezone(WITA).date().replace(day=1)


def quad(report: Report, level: int) -> int:
    half, size = 20037508.342789244, 2 * 20037508.342789244 / (1 << level)
    x, y = int((report.geom_3857.x + half) // size), int((half - report.geom_3857.y) // size)
    return x * 2**32 + y


def scattered() -> Place:
    """Store reports of all kinds in a few cells, half of them folded already."""
    place = Place()
    chance = random.Random(4)
    for number in range(60):
        status = chance.choice(["received", "routed", "in_progress", "answered", "closed", "on_hold", "reopened"])
        created = NOON + dt.timedelta(days=chance.randint(-100, 70))
        place.report(
            117.5 + chance.random() * 0.3, 0.4 + chance.random() * 0.2,
            kecamatan=chance.choice([place.kecamatan, place.other]), desa=chance.choice([place.desa, None]),
            category=chance.choice([place.hole, place.waste]), confidential=chance.random() < 0.2,
            agency=None if status == "received" else chance.choice([place.agency, place.second]),
            status=status, held_at=created, held_until=AS_OF, created_at=created,
            answered_at=created + DAY * chance.randint(0, 9) if status in {"answered", "closed"} else None,
            resolve_due_at=created + dt.timedelta(days=chance.randint(10, 90)), channel=chance.choice(["web", "api"]),
        )  # fmt: skip
        if number == 30:
            rollups.fold_all()
    return place


@pytest.mark.django_db
def test_cells_of_both_grids_equal_the_reports_for_every_condition_and_standing() -> None:
    place = scattered()
    whole = Selection(*PERIOD, AS_OF)
    own = (place.agency.pk,)
    selections = [
        whole,
        replace(whole, confidential_of=None),
        replace(whole, kecamatan=(place.other.pk,)),
        replace(whole, desa=(place.desa.pk,)),
        replace(whole, desa=(-1,), confidential_of=None),
        replace(whole, categories=(place.waste.pk,)),
        replace(whole, categories=(place.waste.pk, place.hole.pk), agencies=(place.second.pk,)),
        replace(whole, agencies=own, confidential_of=own),
        replace(whole, confidential_of=own),
        replace(whole, agencies=own, kecamatan=(place.kecamatan.pk,), confidential_of=own),
        replace(whole, categories=(place.hole.pk,), agencies=own, desa=(place.desa.pk,), confidential_of=own),
    ]
    seen = 0
    for selection, standing in itertools.product(selections, counts.STANDINGS):
        reports = reports_of(selection, standing)
        seen += len(reports)
        for level in rollups.HEAT_LEVELS:
            expected = Counter((quad(report, level), month_of(report)) for report in reports)
            assert by_month(counts.squares_monthly(selection, level, standing)) == expected
            total = Counter(quad(report, level) for report in reports)
            assert Counter(dict(counts.squares(selection, level, standing))) == total
        for resolution in rollups.RESOLUTIONS:
            # Children do not lie wholly in their parents: a report counts in the parent of its finest hexagon.
            of = {
                report.pk: cell_to_parent(latlng_to_cell(report.geom.y, report.geom.x, 8), resolution)
                for report in reports
            }
            expected_hexes = Counter((of[report.pk], month_of(report)) for report in reports)
            assert by_month(counts.hexes_monthly(selection, resolution, standing)) == expected_hexes
            assert Counter(dict(counts.hexes(selection, resolution, standing))) == Counter(of.values())
    assert seen > 500


def by_month(found: counts.CellMonths) -> Counter[tuple[int, dt.date]]:
    assert (found.n > 0).all()
    keys = list(zip(found.cell.tolist(), found.month.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    return Counter(dict(zip(keys, found.n.tolist(), strict=True)))


@pytest.mark.django_db
def test_cells_refuse_levels_and_standings_that_are_not_kept() -> None:
    selection = Selection(*PERIOD, AS_OF)
    for wrong in (
        lambda: counts.squares(selection, 15), lambda: counts.squares_monthly(selection, 10),
        lambda: counts.hexes(selection, 9), lambda: counts.hexes_monthly(selection, 4),
        lambda: counts.hexes(selection, 7, "verified; DROP TABLE"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"level|resolution|standing"):
            wrong()


@pytest.mark.django_db
def test_a_report_that_moves_changes_its_hexagon_however_it_is_written() -> None:
    report = Place().report()
    Report.objects.filter(pk=report.pk).update(geom=Point(117.6, 0.6, srid=4326))
    report.refresh_from_db()
    assert report.hexagon == latlng_to_cell(0.6, 117.6, 8)
    report.geom = Point(117.5, 0.5, srid=4326)
    Report.objects.bulk_update([report], ["geom"])
    report.refresh_from_db()
    assert report.hexagon == latlng_to_cell(0.5, 117.5, 8)
    report.geom = Point(117.4, 0.4, srid=4326)
    report.save(update_fields=["geom"])
    report.refresh_from_db()
    assert report.hexagon == latlng_to_cell(0.4, 117.4, 8)
    report.geom = Point(117.7, 0.7, srid=4326)
    report.save()
    rollups.fold_all()
    selection = Selection(report.created_at.date(), report.created_at.date(), AS_OF)
    assert counts.hexes(selection, 8) == [(latlng_to_cell(0.7, 117.7, 8), 1)]
