"""/dasbor/layanan/: the service's figures for one question, with their charts and ways on. Nothing is counted here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy

from accounts.models import Agency
from dashboards import numbers, service
from dashboards.controls import FIRST_MEASURE, Controls, DashboardForm, Pairs, Way
from dashboards.line_charts import LineChart, Moment, lines
from dashboards.numbers import MONTH, WEEK
from dashboards.questions import Question
from dashboards.screens import WEEKS_UP_TO
from dashboards.statistics import Share

PARTS = {
    service.AGENCY: gettext_lazy("By agency"),
    service.KECAMATAN: gettext_lazy("By kecamatan"),
    service.CATEGORY: gettext_lazy("By category"),
}
WEEKS_SHOWN = 12
"""So many weeks of the past stand before the forecast."""


class ServiceForm(DashboardForm):
    """A question, and by what the table of the service is told."""

    by = forms.ChoiceField(choices=list(PARTS.items()), required=False, label=gettext_lazy("Table"))

    @property
    def carried(self) -> Pairs:
        return [*super().carried, *(("by", text) for text in self._typed("by"))]


@dataclass(frozen=True)
class ServiceControls(Controls):
    """The ways on from the page, which keep what the table is told by."""

    by: str = service.AGENCY

    def query(self, pairs: Iterable[tuple[str, str]] | None = None, **more: str) -> str:
        by = self.by if self.by != service.AGENCY else ""
        return super().query(pairs, **({"by": by} | more))

    @property
    def parts(self) -> list[Way]:
        """What the table may be told by."""
        return [
            Way(str(label), self.query(by=by if by != service.AGENCY else ""), by == self.by)
            for by, label in PARTS.items()
        ]


@dataclass(frozen=True)
class State:
    """A state's row, and where its median and 90th percentile stand on a scale from 0 to 100."""

    row: service.StateRow
    median: float
    p90: float


@dataclass(frozen=True)
class Part:
    """A row of the service's table, the question inside of it, and the list of its reports."""

    row: service.ServiceRow
    inside: str
    reports: str


class ServiceScreen:
    """The service's figures of a question; each section is read once, when the template comes to it."""

    def __init__(self, question: Question, *, by: str, wall: bool = False, turn: str = "") -> None:
        self.question = question
        self.by = by
        self.wall = wall
        self.controls = ServiceControls(question, FIRST_MEASURE, wall, turn, by)
        self.as_of = timezone.now()

    @cached_property
    def totals(self) -> numbers.Totals:
        return numbers.totals(self.question)

    @cached_property
    def recorded(self) -> Share:
        return service.recorded(self.question)

    @property
    def is_partly_recorded(self) -> bool:
        """Whether some of the reports counted have no steps on record."""
        return 0 <= self.recorded.k < self.recorded.n

    @cached_property
    def step(self) -> str:
        """Whether the flow goes by week or by month."""
        return WEEK if (self.question.until - self.question.since).days < WEEKS_UP_TO else MONTH

    @cached_property
    def flow(self) -> list[tuple[numbers.FlowBin, int, int]]:
        """The flow's steps, each with what came and what went since the beginning of the first one.

        What came begins with the backlog of that day, so that the two differ by the backlog.
        """
        came, went, found = 0, 0, []
        bins = numbers.flow(self.question, self.step)
        if bins:
            came = bins[0].backlog - bins[0].came + bins[0].went
        for one in bins:
            came, went = came + one.came, went + one.went
            found.append((one, came, went))
        return found

    @cached_property
    def flow_chart(self) -> LineChart | None:
        form = "M" if self.step == MONTH else "j M"
        moments = [Moment(date_format(one.first, form), (came, went), (went, came)) for one, came, went in self.flow]
        return lines(moments) if moments else None

    @cached_property
    def states(self) -> list[State]:
        rows = service.states(self.question)
        longest = max((row.stay.p90_days or 0.0 for row in rows if row.stay), default=0.0)
        scale = 100 / longest if longest else 0.0
        return [
            State(
                row,
                round(scale * (row.stay.median_days or 0.0), 2) if row.stay else 0.0,
                round(scale * (row.stay.p90_days or 0.0), 2) if row.stay else 0.0,
            )
            for row in rows
        ]

    @property
    def has_states(self) -> bool:
        return any(state.row.stay and state.row.stay.n for state in self.states)

    @cached_property
    def handovers(self) -> service.Handovers:
        return service.handovers(self.question)

    @cached_property
    def parts(self) -> list[Part]:
        return [
            Part(row, self.controls.only(self.by, row.code), self.controls.reports((self.by, row.code)))
            for row in service.service(self.question, self.by)
        ]

    @cached_property
    def reopened(self) -> Share:
        return service.reopened(self.question)

    @cached_property
    def forecast(self) -> service.Forecast | None:
        return service.forecast(self.question)

    @cached_property
    def forecast_chart(self) -> LineChart | None:
        """The backlog of the last weeks as a line, the weeks to come as a line with its range."""
        told = self.forecast
        if told is None:
            return None
        past = numbers.flow(self.question.over(told.since, told.until), WEEK)[-WEEKS_SHOWN:]
        moments = [Moment(date_format(week.last, "j M"), (week.backlog, None)) for week in past]
        moments[-1] = replace(
            moments[-1], lines=(told.backlog, told.backlog), band=(float(told.backlog), float(told.backlog))
        )
        moments += [
            Moment(date_format(week.last, "j M"), (None, week.expected), (week.low, week.high)) for week in told.weeks
        ]
        return lines(moments)


def own_question(question: Question) -> Question:
    """Return an officer's question about the own agencies, unless it names agencies; others' as it is."""
    own = question.audience.agency_ids
    if question.audience.name != "agency" or question.agencies:
        return question
    return replace(question, agencies=tuple(Agency.objects.filter(pk__in=own).order_by("code")))
