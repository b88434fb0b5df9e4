"""The figures of a printed report: those of numbers.py for one question, read together, and as JSON.

    figures = figures_of(monthly_question(dt.date(2026, 10, 1), today))
    figures.as_json()

What takes longer than a month (promises, the trend) is told for the twelve months up to the question's end, too.
"""

import datetime as dt
from dataclasses import dataclass, fields, replace
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from dashboards import numbers
from dashboards.api import serializer_of
from dashboards.numbers import MONTH
from dashboards.questions import MONTHS, PUBLIC, Question, months_before
from geo.models import BoundaryEdition, Kecamatan

DAY = dt.timedelta(days=1)
CHANGE_DAYS = 28
"""What changed is told of the last four weeks: they end with the month and hold each weekday as often."""
EVERY = 100
"""More categories than there are: the tables are complete."""
PROMISES = 20


@dataclass(frozen=True)
class Figures:
    """Every figure of a report. The period's: `totals`, `kecamatan`, `categories`. The year's: the others."""

    question: Question
    before: Question
    """The same about the period before: the month before a month, else as many days."""
    last_year: Question
    year: Question
    as_of: dt.datetime
    boundaries: BoundaryEdition | None
    totals: numbers.Totals
    totals_before: numbers.Totals
    totals_last_year: numbers.Totals
    totals_year: numbers.Totals
    kecamatan: list[numbers.AreaRow]
    kecamatan_year: list[numbers.AreaRow]
    desa: list[numbers.AreaRow]
    """Of the year; the last row (code "") are reports without a desa."""
    desa_period: dict[str, int | None]
    """How many came in the period, by the desa's code."""
    trend: list[numbers.TrendBin]
    categories: list[numbers.CategoryRow]
    agencies: list[numbers.AgencyRow]
    flow: list[numbers.FlowBin]
    flow_period: list[numbers.FlowBin]
    changes: numbers.Changes
    promises: list[numbers.BrokenPromise]

    @property
    def address(self) -> str:
        """The page that answers the same question."""
        return _address(self.question)

    @property
    def address_year(self) -> str:
        return _address(self.year)

    @property
    def backlog(self) -> tuple[int, int] | None:
        """How many reports waited when the period began, and when it ended; None where the flow is not told."""
        if not self.flow_period:
            return None
        first = self.flow_period[0]
        return first.backlog - first.came + first.went, self.flow_period[-1].backlog

    def as_json(self) -> dict[str, Any]:
        """Return every figure in the shapes of /api/v1/stats/."""
        found: dict[str, Any] = {
            "as_of": self.as_of.isoformat(),
            "regency": settings.REGENCY_NAME,
            "boundaries": self.boundaries.slug if self.boundaries else None,
        }
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Question):
                found[one.name] = {"query": value.query_string(), "address": _address(value)}
            elif isinstance(value, dict):
                found[one.name] = value
            elif one.name not in {"as_of", "boundaries"}:
                found[one.name] = _shaped(value)
        return found


def monthly_question(month: dt.date, today: dt.date) -> Question:
    """Return what a monthly report asks: all public reports received in the month that begins on `month`."""
    return Question(since=month, until=_next_month(month) - DAY, audience=PUBLIC, today=today)


def figures_of(question: Question, *, as_of: dt.datetime | None = None) -> Figures:
    """Read every figure. Call it in one repeatable-read transaction, so that all tell of the same moment."""
    year = question.over(months_before(question.until, MONTHS - 1), question.until)
    before, last_year = question.over(*_before(question)), question.over(*_year_before(question))
    return Figures(
        question=question,
        before=before,
        last_year=last_year,
        year=year,
        as_of=as_of or timezone.now(),
        boundaries=BoundaryEdition.objects.active().first(),
        totals=numbers.totals(question),
        totals_before=numbers.totals(before),
        totals_last_year=numbers.totals(last_year),
        totals_year=numbers.totals(year),
        kecamatan=numbers.by_kecamatan(question),
        kecamatan_year=numbers.by_kecamatan(year),
        desa=numbers.by_desa(_of_all_kecamatan(year)),
        desa_period={row.code: row.n for row in numbers.by_desa(_of_all_kecamatan(question))},
        trend=numbers.trend(year, MONTH),
        categories=numbers.top_categories(question, EVERY),
        agencies=numbers.by_agency(year),
        flow=numbers.flow(year, MONTH),
        flow_period=numbers.flow(question, MONTH),
        changes=numbers.changes(question, CHANGE_DAYS),
        promises=numbers.broken_promises(year, PROMISES),
    )


def _of_all_kecamatan(question: Question) -> Question:
    """Return the question with every kecamatan named where no place is: its desa are then told."""
    return (
        question if question.kecamatan or question.desa else replace(question, kecamatan=tuple(Kecamatan.objects.all()))
    )


def _before(question: Question) -> tuple[dt.date, dt.date]:
    if is_month(question):
        return months_before(question.since, 1), question.since - DAY
    return question.since - (question.until - question.since) - DAY, question.since - DAY


def _year_before(question: Question) -> tuple[dt.date, dt.date]:
    if is_month(question):
        first = months_before(question.since, 12)
        return first, _next_month(first) - DAY
    return question.since - 52 * 7 * DAY, question.until - 52 * 7 * DAY


def is_month(question: Question) -> bool:
    """Whether the question is about one whole month."""
    return question.since.day == 1 and question.until == _next_month(question.since) - DAY


def _next_month(day: dt.date) -> dt.date:
    return (day.replace(day=1) + 31 * DAY).replace(day=1)


def _shaped(value: Any) -> Any:
    if isinstance(value, list):
        return serializer_of(type(value[0]))(value, many=True).data if value else []
    return serializer_of(type(value))(value).data


def _address(question: Question) -> str:
    return f"{settings.SITE_URL.rstrip('/')}{reverse('dashboard_public')}?{question.query_string()}"
