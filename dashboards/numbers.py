"""Every figure that dashboards show: pure reads, each from one `Question` to small frozen dataclasses.

    totals(question)                    -> Totals
    by_kecamatan(question)              -> list[AreaRow]      every kecamatan, by name
    by_desa(question)                   -> list[AreaRow]      the desa of the kecamatan asked for
    trend(question, step=WEEK)          -> list[TrendBin]     beside the same period a year before
    top_categories(question, limit=10)  -> list[CategoryRow]
    by_agency(question)                 -> list[AgencyRow]    the league table
    flow(question, step=MONTH)          -> list[FlowBin]      in, out, backlog
    changes(question)                   -> Changes            the last 7 days against the 8 weeks before
    broken_promises(question, limit=10) -> list[BrokenPromise]
    heat(question, level)               -> list[HeatCell]     whole months

docs/dashboards.md defines each figure. All are exact at the moment of reading, but for medians and percentiles, which
are right within `QUANTILE_ERROR` of their value. A count of None is hidden: a small number about a sensitive category
(only for the public). A rate of None has nothing to divide by.
"""

import datetime as dt
from dataclasses import dataclass

from dashboards.questions import Question
from dashboards.statistics import Share

WEEK, MONTH = "week", "month"
SMALLEST_SHOWN = 5
"""The public sees no smaller count where sensitive categories are asked for."""
RANKED_FROM = 20
"""An agency with fewer promises due is shown, but not ranked."""
WEEKS_BEFORE = 8
"""With how many weeks the last 7 days are compared."""


@dataclass(frozen=True)
class Duration:
    """How long something took, in days of 24 hours from arrival: of `n` reports for which it is over.

    Days are elapsed days, holds included. None when n is 0.
    """

    n: int
    median_days: float | None
    p90_days: float | None


@dataclass(frozen=True)
class Totals:
    """The reports received in the period, by where they stand now. `n` = open + answered + closed + rejected + duplicate."""

    n: int | None
    open: int
    on_hold: int
    overdue: int
    answered: int
    closed: int
    rejected: int
    duplicate: int
    overdue_share: Share
    """Of the open ones."""
    on_time: Share
    """Answered in time, of all promises due: answered in time, answered late, or open and overdue."""
    verify: Duration | None
    respond: Duration | None
    resolve: Duration | None
    """None where a desa is asked for: durations are kept for kecamatan."""


@dataclass(frozen=True)
class AreaRow:
    """A kecamatan or a desa. `population` is None where no figure is known (every desa)."""

    code: str
    name: str
    n: int | None
    population: int | None
    population_source: str
    per_1000: float | None
    """Reports per 1,000 people in the period."""
    open: int
    overdue: int
    overdue_share: Share
    resolve: Duration | None


@dataclass(frozen=True)
class TrendBin:
    """The reports received from `first` to `last` (days, both included), and in the same days a year before.

    Weeks begin on Monday and are compared with the week 52 weeks before; months with the same month of the last year.
    The first and the last bin are cut at the period's ends.
    """

    first: dt.date
    last: dt.date
    n: int | None
    last_year: int | None


@dataclass(frozen=True)
class CategoryRow:
    """A category by how many reports it got. `share` is of the period's reports."""

    code: str
    name: str
    group: str
    n: int | None
    share: Share
    last_year: int | None
    open: int
    overdue: int


@dataclass(frozen=True)
class AgencyRow:
    """An agency in the league table. `rank` counts from 1; None: fewer than `RANKED_FROM` promises due, not ranked."""

    code: str
    short_name: str
    name: str
    n: int | None
    open: int
    overdue: int
    on_time: Share
    resolve: Duration | None
    rank: int | None


@dataclass(frozen=True)
class FlowBin:
    """What came in and went out from `first` to `last`, and how many were open at the end of `last`.

    A report goes out on the day of its answer (or of its archiving); a reopened one has not gone out.
    """

    first: dt.date
    last: dt.date
    came: int
    went: int
    backlog: int


@dataclass(frozen=True)
class Change:
    """A kecamatan's or category's last 7 days against what the weeks before lead to expect.

    `low` to `high` is where the count would lie by chance, for all rows together with 95 % certainty.
    """

    kind: str
    """kecamatan or category"""
    code: str
    name: str
    n: int
    mean: float
    """Reports a week in the weeks before."""
    low: int
    high: int

    @property
    def direction(self) -> str:
        """up or down; empty when the difference may be noise."""
        return "up" if self.n > self.high else "down" if self.n < self.low else ""


@dataclass(frozen=True)
class Changes:
    """What changed from `first` to `last`. `rows` are those beyond chance, the most surprising first."""

    first: dt.date
    last: dt.date
    total: Change
    rows: list[Change]
    compared: int
    """How many kecamatan and categories were compared: the interval allows for all of them."""
    dispersion: float
    """Variance over mean of weekly counts, at least 1: how much more they vary than by chance alone."""


@dataclass(frozen=True)
class BrokenPromise:
    """An open, public report whose promised day has passed: what everybody may read, for every audience."""

    ticket: str
    title: str
    category: str
    kecamatan: str
    desa: str
    agency: str
    received: dt.date
    due: dt.date
    late_days: int
    """Working days since the promised day."""


@dataclass(frozen=True)
class HeatCell:
    """`n` reports in the cell x, y of the Web-Mercator quadtree's level asked for."""

    x: int
    y: int
    n: int


def totals(question: Question) -> Totals:
    """Return where the period's reports stand now."""
    raise NotImplementedError


def by_kecamatan(question: Question) -> list[AreaRow]:
    """Return every kecamatan asked for, by name."""
    raise NotImplementedError


def by_desa(question: Question) -> list[AreaRow]:
    """Return the desa of the kecamatan asked for, by name; the last row (code "") are reports without a desa."""
    raise NotImplementedError


def trend(question: Question, step: str = WEEK) -> list[TrendBin]:
    """Return how many reports came in each week or month, beside the year before."""
    raise NotImplementedError


def top_categories(question: Question, limit: int = 10) -> list[CategoryRow]:
    """Return the categories with most reports, the largest first."""
    raise NotImplementedError


def by_agency(question: Question) -> list[AgencyRow]:
    """Return the agencies: ranked ones by their share on time, then those with too few promises, by name."""
    raise NotImplementedError


def flow(question: Question, step: str = MONTH) -> list[FlowBin]:
    """Return what came, what went and what was left in each week or month of the period."""
    raise NotImplementedError


def changes(question: Question) -> Changes:
    """Compare the last 7 whole days (up to yesterday, or to `until` if that is earlier) with the 8 weeks before."""
    raise NotImplementedError


def broken_promises(question: Question, limit: int = 10) -> list[BrokenPromise]:
    """Return the overdue public reports, the longest overdue first."""
    raise NotImplementedError


def heat(question: Question, level: int) -> list[HeatCell]:
    """Return the cells of `level` (11 to 14) that hold reports, of the whole months that the period touches."""
    raise NotImplementedError
