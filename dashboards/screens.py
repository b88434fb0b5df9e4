"""One screen of figures: every section of numbers.py for one question, with its charts and its ways on.

Nothing is counted here. /dasbor/ and /dasbor/publik/ show the same screen to different audiences.
"""

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property

from dashboards import numbers
from dashboards.charts import Bin, Chart, columns_and_line
from dashboards.choropleth import MEASURES, Choropleth, Colour, choropleth
from dashboards.controls import Controls
from dashboards.numbers import MONTH, WEEK
from dashboards.questions import Question
from incidents.models.reports import OPEN_STATUSES

WEEKS_UP_TO = 190
"""Days: a longer period's trend is told by month."""


@dataclass(frozen=True)
class Area:
    """A kecamatan's or desa's row, how the map shows it, where it leads (a query of the screen) and its reports."""

    row: numbers.AreaRow
    colour: Colour | None
    inside: str
    reports: str


@dataclass(frozen=True)
class Category:
    row: numbers.CategoryRow
    width: float
    """Of its bar, from 0 to 100: the largest category has 100."""
    inside: str
    reports: str


@dataclass(frozen=True)
class Agency:
    row: numbers.AgencyRow
    inside: str
    reports: str


@dataclass(frozen=True)
class Change:
    change: numbers.Change
    inside: str


class Screen:
    """The figures of a question; each section is read once, when the template comes to it."""

    def __init__(self, question: Question, *, measure: str, wall: bool, turn: str = "") -> None:
        self.question = question
        self.controls = Controls(question, measure, wall, turn)
        self.wall = wall
        self.as_of = timezone.now()

    @cached_property
    def totals(self) -> numbers.Totals:
        return numbers.totals(self.question)

    @cached_property
    def lists(self) -> dict[str, str]:
        """The queries of the lists of reports behind the headline figures."""
        reports = self.controls.reports
        return {
            "all": reports(),
            "open": reports(*(("status", status) for status in OPEN_STATUSES)),
            "overdue": reports(("overdue", "1")),
        }

    @cached_property
    def last_year(self) -> int | None:
        """How many came in the same time a year before; None if part of it is hidden or the period is not over."""
        counts = [one.last_year for one in self.trend]
        told = [n for n in counts if n is not None]
        return sum(told) if told and len(told) == len(counts) and self.question.until <= self.question.today else None

    @cached_property
    def kecamatan(self) -> list[Area]:
        """Every kecamatan asked for, the largest number of the map's measure first; those without a number last."""
        measure = self.choropleth.measure
        rows = sorted(self._kecamatan, key=lambda row: (row.n is None, -(measure.value(row) or 0), row.name))
        return [
            Area(
                row,
                self.choropleth.colours[row.code],
                self.controls.only("kecamatan", row.code),
                self.controls.reports(("kecamatan", row.code)),
            )
            for row in rows
        ]

    @cached_property
    def choropleth(self) -> Choropleth:
        return choropleth(self._kecamatan, MEASURES[self.controls.measure])

    @cached_property
    def desa(self) -> list[Area]:
        """The desa of the kecamatan asked for; none where the whole regency is asked for."""
        if not (self.question.kecamatan or self.question.desa):
            return []
        return [
            Area(
                row,
                None,
                self.controls.only("desa", row.code) if row.code else "",
                self.controls.reports(("desa", row.code)) if row.code else "",
            )
            for row in numbers.by_desa(self.question)
        ]

    @cached_property
    def step(self) -> str:
        """Whether the charts over time go by week or by month."""
        return WEEK if (self.question.until - self.question.since).days < WEEKS_UP_TO else MONTH

    @cached_property
    def trend(self) -> list[numbers.TrendBin]:
        return numbers.trend(self.question, self.step)

    @property
    def trend_rows(self) -> list[tuple[numbers.TrendBin, str]]:
        """The trend's steps, each with the query of its reports."""
        days = [(("since", one.first.isoformat()), ("until", one.last.isoformat())) for one in self.trend]
        return [(one, self.controls.reports(*pairs)) for one, pairs in zip(self.trend, days, strict=True)]

    @cached_property
    def trend_chart(self) -> Chart | None:
        bins = [Bin(self._label(one.first), one.n, one.last_year) for one in self.trend]
        return columns_and_line(bins) if bins else None

    @cached_property
    def flow(self) -> list[numbers.FlowBin]:
        return numbers.flow(self.question, self.step)

    @cached_property
    def flow_chart(self) -> Chart | None:
        bins = [Bin(self._label(one.first), one.came, one.went) for one in self.flow]
        return columns_and_line(bins) if bins else None

    @cached_property
    def categories(self) -> list[Category]:
        rows = numbers.top_categories(self.question)
        most = max((row.n or 0 for row in rows), default=0)
        return [
            Category(
                row,
                round(100 * (row.n or 0) / most, 1) if most else 0.0,
                self.controls.only("category", row.code),
                self.controls.reports(("category", row.code)),
            )
            for row in rows
        ]

    @cached_property
    def agencies(self) -> list[Agency]:
        return [
            Agency(row, self.controls.only("agency", row.code), self.controls.reports(("agency", row.code)))
            for row in numbers.by_agency(self.question)
        ]

    @property
    def ranked(self) -> list[Agency]:
        return [agency for agency in self.agencies if agency.row.rank is not None]

    @property
    def unranked(self) -> list[Agency]:
        return [agency for agency in self.agencies if agency.row.rank is None]

    @cached_property
    def changes(self) -> numbers.Changes:
        return numbers.changes(self.question)

    @cached_property
    def change_rows(self) -> list[Change]:
        return [Change(row, self.controls.only(row.kind, row.code)) for row in self.changes.rows]

    @cached_property
    def promises(self) -> list[numbers.BrokenPromise]:
        return numbers.broken_promises(self.question)

    @cached_property
    def _kecamatan(self) -> list[numbers.AreaRow]:
        return numbers.by_kecamatan(self.question)

    def _label(self, first: dt.date) -> str:
        return date_format(first, "M" if self.step == MONTH else "j M")
