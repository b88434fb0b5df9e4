"""Every figure that dashboards show: pure reads, each from one `Question` to small frozen dataclasses.

    totals(question)                    -> Totals
    by_kecamatan(question)              -> list[AreaRow]      every kecamatan, by name
    by_desa(question)                   -> list[AreaRow]      the desa of the kecamatan asked for
    trend(question, step=WEEK)          -> list[TrendBin]     beside the same period a year before
    top_categories(question, limit=10)  -> list[CategoryRow]
    by_agency(question)                 -> list[AgencyRow]    the league table
    flow(question, step=MONTH)          -> list[FlowBin]      in, out, backlog
    changes(question, days=7)           -> Changes            the last 7 days against the 8 weeks before
    broken_promises(question, limit=10) -> list[BrokenPromise]
    heat(question, level)               -> list[HeatCell]     whole months

docs/dashboards.md defines each figure. All are exact at the moment of reading, but for medians and percentiles, which
are right within `QUANTILE_ERROR` of their value. A figure of None is hidden: a small number about a sensitive category
(only from the public; then its shares are of 0). A rate of None has nothing to divide by.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from accounts.models import Agency
from dashboards.questions import EARLIEST, Question
from dashboards.statistics import NegativeBinomial, Share, dispersion
from geo import tiles
from geo.models import Desa, Kecamatan
from incidents import clock, counts
from incidents.counts import QUANTILE_ERROR as QUANTILE_ERROR
from incidents.models import Category, Report
from incidents.models.rollups import NO_DESA
from incidents.rollups import MEASURES

WEEK, MONTH = "week", "month"
SMALLEST_SHOWN = 5
"""The public sees no smaller count where sensitive categories are asked for."""
RANKED_FROM = 20
"""An agency with fewer promises due is shown, but not ranked."""
WEEKS_BEFORE = 8
"""With how many weeks the last 7 days are compared; or with so many times as many days as are asked for."""
CHANGE_DAYS = range(7, 29)


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
    """The reports received in the period, by where they stand now.

    `n` = open + answered + closed + rejected + duplicate; those on hold are open, too.
    """

    n: int | None
    open: int | None
    on_hold: int | None
    overdue: int | None
    answered: int | None
    closed: int | None
    rejected: int | None
    duplicate: int | None
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
    open: int | None
    overdue: int | None
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
    open: int | None
    overdue: int | None


@dataclass(frozen=True)
class AgencyRow:
    """An agency in the league table. `rank` counts from 1; None: fewer than `RANKED_FROM` promises due, not ranked."""

    code: str
    short_name: str
    name: str
    n: int | None
    open: int | None
    overdue: int | None
    on_time: Share
    resolve: Duration | None
    rank: int | None


@dataclass(frozen=True)
class FlowBin:
    """What came in and went out from `first` to `last`, and how many were open at the end of `last`.

    A report goes out on the day of its answer (or of its archiving); a reopened one has not gone out. The public gets
    no flow of sensitive categories.
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
    """Reports a week in the weeks before (or in as many days as are compared)."""
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
    total: Change | None
    """None for the public where sensitive categories are asked for."""
    rows: list[Change]
    """Never sensitive categories, for the public."""
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
    selection, curtain = question.selection(), _Curtain(question)
    (row,) = counts.counted(selection)
    late = counts.overdue(selection).get((), 0)
    took: dict[str, Any] = dict.fromkeys(counts.STEPS) if question.desa else counts.all_durations(selection)
    return Totals(
        n=curtain.n(row["n"]),
        open=curtain.n(row["open"]),
        on_hold=curtain.n(row["on_hold"]),
        overdue=curtain.n(late),
        answered=curtain.n(row["answered"]),
        closed=curtain.n(row["closed"]),
        rejected=curtain.n(row["rejected"]),
        duplicate=curtain.n(row["duplicate"]),
        overdue_share=curtain.share(late, row["open"]),
        on_time=curtain.on_time(row, late),
        verify=curtain.duration(took["verify"]),
        respond=curtain.duration(took["respond"]),
        resolve=curtain.duration(took["resolve"]),
    )


def by_kecamatan(question: Question) -> list[AreaRow]:
    """Return every kecamatan asked for, by name."""
    selection = question.selection()
    areas = sorted(question.kecamatan, key=lambda area: area.name) or list(Kecamatan.objects.all())
    rows = _by(counts.counted(selection, ["kecamatan"]), "kecamatan")
    late = counts.overdue(selection, ["kecamatan"])
    took = None if question.desa else counts.durations(selection, "resolve", ["kecamatan"])
    curtain = _Curtain(question, {area.pk: rows[area.pk]["n"] for area in areas})
    return [
        curtain.area(
            area, area.pk, rows[area.pk], late.get((area.pk,), 0),
            population=area.population, source=area.population_source,
            took=None if took is None else took.get((area.pk,), {}),
        )
        for area in areas
    ]  # fmt: skip


def by_desa(question: Question) -> list[AreaRow]:
    """Return the desa of the kecamatan asked for, by name; the last row (code "") are reports without a desa.

    Where desa are asked for, those.
    """
    areas = list(question.desa or Desa.objects.filter(kecamatan__in=question.kecamatan))
    areas.sort(key=lambda area: (area.name, area.code))
    outside = () if question.desa else (NO_DESA,)
    selection = replace(question.selection(), desa=(*sorted(area.pk for area in areas), *outside))
    rows = _by(counts.counted(selection, ["desa"]), "desa")
    late = counts.overdue(selection, ["desa"])
    curtain = _Curtain(question, {pk: rows[pk]["n"] for pk in selection.desa})
    found = [curtain.area(area, area.pk, rows[area.pk], late.get((area.pk,), 0)) for area in areas]
    if outside and rows[NO_DESA]["n"]:
        found.append(curtain.area(None, NO_DESA, rows[NO_DESA], late.get((NO_DESA,), 0)))
    return found


def trend(question: Question, step: str = WEEK) -> list[TrendBin]:
    """Return how many reports came in each week or month, beside the year before."""
    before = question.over(_a_year_before(question.since, step), _a_year_before(question.until, step))
    now, then = (_came(one, step) for one in (question, before))
    bins = []
    for first, last in _bins(question.since, min(question.until, max(question.today, question.since)), step):
        year_before = _start_of(_a_year_before(_start_of(first, step), step), step)
        bins.append((first, last, now[_start_of(first, step)]["n"], then[year_before]["n"]))
    curtain = _Curtain(question, {first: n for first, _last, n, _then in bins})
    return [TrendBin(first, last, curtain.n(n, first), curtain.n(then)) for first, last, n, then in bins]


def top_categories(question: Question, limit: int = 10) -> list[CategoryRow]:
    """Return the categories with most reports, the largest first."""
    selection = question.selection()
    rows = _by(counts.counted(selection, ["category"]), "category")
    before = question.over(_a_year_before(question.since, MONTH), _a_year_before(question.until, MONTH))
    then = _by(counts.counted(before.selection(), ["category"], ["n"]), "category")
    late = counts.overdue(selection, ["category"])
    every = sum(row["n"] for row in rows.values())
    categories = {row.pk: row for row in Category.objects.select_related("parent").filter(pk__in=list(rows))}
    largest = sorted(
        (pk for pk in categories if rows[pk]["n"]), key=lambda pk: (-rows[pk]["n"], categories[pk].position, pk)
    )
    found = []
    for pk in largest[:limit]:
        category, row = categories[pk], rows[pk]
        curtain = _Curtain(question, sensitive=category.sensitive)
        found.append(
            CategoryRow(
                code=category.code,
                name=category.name,
                group=category.parent.name if category.parent else "",
                n=curtain.n(row["n"]),
                share=curtain.share(row["n"], every),
                last_year=curtain.n(then[pk]["n"]),
                open=curtain.n(row["open"]),
                overdue=curtain.n(late.get((pk,), 0)),
            )
        )
    return found


def by_agency(question: Question) -> list[AgencyRow]:
    """Return the agencies: ranked ones by their share on time, then those with too few promises, by name."""
    selection = question.selection()
    rows = _by(counts.counted(selection, ["agency"]), "agency")
    late = counts.overdue(selection, ["agency"])
    took = None if question.desa else counts.durations(selection, "resolve", ["agency"])
    agencies = [agency for agency in Agency.objects.filter(pk__in=list(rows)) if rows[agency.pk]["n"]]
    curtain = _Curtain(question, {agency.pk: rows[agency.pk]["n"] for agency in agencies})
    found = [
        AgencyRow(
            code=agency.code,
            short_name=agency.short_name,
            name=agency.name,
            n=curtain.n(row["n"], agency.pk),
            open=curtain.n(row["open"], agency.pk),
            overdue=curtain.n(late.get((agency.pk,), 0), agency.pk),
            on_time=curtain.on_time(row, late.get((agency.pk,), 0), agency.pk),
            resolve=curtain.duration(None if took is None else took.get((agency.pk,), {}), agency.pk),
            rank=None,
        )
        for agency in agencies
        for row in [rows[agency.pk]]
    ]
    ranked = sorted(
        (row for row in found if row.on_time.n >= RANKED_FROM),
        key=lambda row: (-(row.on_time.rate or 0), -row.on_time.n, row.name),
    )
    places = [replace(row, rank=place) for place, row in enumerate(ranked, 1)]
    return places + [row for row in found if row.on_time.n < RANKED_FROM]


def flow(question: Question, step: str = MONTH) -> list[FlowBin]:
    """Return what came, what went and what was left in each week or month of the period."""
    if _Curtain(question).drawn:
        return []
    until = min(question.until, max(question.today, question.since))
    rows = _came(question.over(question.since, until), step)
    (before,) = counts.counted(
        question.over(EARLIEST, question.since - dt.timedelta(days=1)).selection(), measures=["n", "ended"]
    )
    backlog = before["n"] - before["ended"]
    found = []
    for first, last in _bins(question.since, until, step):
        row = rows[_start_of(first, step)]
        backlog += row["n"] - row["ended"]
        found.append(FlowBin(first, last, row["n"], row["ended"], backlog))
    return found


def changes(question: Question, days: int = 7) -> Changes:
    """Compare the last 7 whole days (up to yesterday, or to `until` if that is earlier) with the 8 weeks before.

    Or the last `days` (7 to 28), with the 8 times as many before them.
    """
    if days not in CHANGE_DAYS:
        raise ValueError(f"{days} days; changes are told of {CHANGE_DAYS[0]} to {CHANGE_DAYS[-1]}")
    last = min(question.until, question.today - dt.timedelta(days=1))
    first = last - dt.timedelta(days=days - 1)
    begin = first - dt.timedelta(days=days * WEEKS_BEFORE)
    selection = question.over(begin, last).selection()
    weeks: dict[tuple[str, int], list[int]] = {}
    for kind, rows in counts.received_daily(selection).items():
        for pk, day, n in rows:
            weeks.setdefault((kind, pk), [0] * len(_WEEKS))[(day - begin).days // days] += n
    total = [sum(series[week] for (kind, _pk), series in weeks.items() if kind == "kecamatan") for week in _WEEKS]
    names = _names(weeks)
    hidden = _Curtain(question).drawn
    if question.audience.is_public:
        weeks = {key: series for key, series in weeks.items() if not hidden and not names[key].sensitive}
    spread = dispersion([series[:-1] for series in weeks.values()])
    found = []
    for (kind, pk), series in weeks.items():
        expected = _expected(series, spread)
        surprise = abs(series[-1] - expected.mean) / expected.variance**0.5
        if surprise <= 1.5:
            continue  # within any interval that is asked for, which takes time to compute
        low, high = expected.interval(0.05 / len(weeks))
        change = Change(kind, names[kind, pk].code, names[kind, pk].name, series[-1], _mean(series), low, high)
        if change.direction:
            found.append((surprise, change))
    found.sort(key=lambda pair: (-pair[0], pair[1].kind, pair[1].code))
    whole = _expected(total, max(spread, dispersion([total[:-1]]))).interval(0.05)
    return Changes(
        first=first,
        last=last,
        total=None if hidden else Change("", "", "", total[-1], _mean(total), *whole),
        rows=[change for _surprise, change in found],
        compared=len(weeks),
        dispersion=spread,
    )


def broken_promises(question: Question, limit: int = 10) -> list[BrokenPromise]:
    """Return the overdue public reports, the longest overdue first."""
    selection = question.selection()
    reports = Report.objects.public().overdue(_midnight(question.today)).with_places()
    for field, values in (
        ("kecamatan", selection.kecamatan),
        ("desa", selection.desa),
        ("category", selection.categories),
        ("agency", selection.agencies),
        ("channel", selection.channels),
    ):
        if values:
            reports = reports.filter(**{f"{field}__in": values})
    period = (_midnight(question.since), _midnight(question.until + dt.timedelta(days=1)))
    reports = reports.filter(created_at__gte=period[0], created_at__lt=period[1], answered_at=None)
    # Nothing is due before it came: the index of due dates is read from there on.
    reports = reports.filter(resolve_due_at__gte=period[0])
    if question.audience.is_public:
        reports = reports.filter(category__sensitive=False)
    rules = clock.rules()
    return [
        BrokenPromise(
            ticket=report.ticket,
            title=report.title,
            category=report.category.name,
            kecamatan=report.kecamatan.name,
            desa=report.desa.name if report.desa else "",
            agency=report.agency.short_name if report.agency else "",
            received=report.created_at.astimezone(clock.WITA).date(),
            due=report.resolve_due_at.astimezone(clock.WITA).date(),
            late_days=rules.working_days_between(report.resolve_due_at.astimezone(clock.WITA).date(), question.today),
        )
        for report in reports.order_by("resolve_due_at", "id")[:limit]
    ]


def heat(question: Question, level: int) -> list[HeatCell]:
    """Return the cells of `level` (11 to 14) that hold reports, of the whole months that the period touches."""
    curtain = _Curtain(question)
    cells = counts.squares(question.selection(), level)
    return [HeatCell(*tiles.unpacked(cell), n) for cell, n in cells if curtain.n(n)]


# How figures are put together.

_WEEKS = range(WEEKS_BEFORE + 1)


class _Named(NamedTuple):
    code: str
    name: str
    sensitive: bool


def _by(rows: list[dict[str, Any]], column: str) -> dict[Any, dict[str, Any]]:
    """Return the rows by a column; a value without a row has zeros."""
    found: dict[Any, dict[str, Any]] = defaultdict(lambda: dict.fromkeys((*MEASURES, "open"), 0))
    found.update({row[column]: row for row in rows})
    return found


class _Curtain:
    """Hides small numbers about sensitive categories from the public: those from 1 to `SMALLEST_SHOWN` - 1.

    `sizes` are the rows of one list by their keys. Where one row alone is hidden, the smallest other one is, too: else
    it would be the whole less the others.
    """

    def __init__(
        self, question: Question, sizes: dict[Any, int] | None = None, *, sensitive: bool | None = None
    ) -> None:
        asked = question.is_sensitive if sensitive is None else sensitive
        self.drawn = question.audience.is_public and asked
        sizes = sizes or {}
        self.hidden = {key for key, n in sizes.items() if self._is_small(n)}
        shown = [key for key, n in sizes.items() if n and key not in self.hidden]
        if len(self.hidden) == 1 and shown:
            self.hidden.add(min(shown, key=lambda key: (sizes[key], str(key))))

    def _is_small(self, n: int) -> bool:
        return self.drawn and 0 < n < SMALLEST_SHOWN

    def n(self, n: int, key: Any = None) -> int | None:
        """Return a count of the row `key`, or None."""
        return None if key in self.hidden or self._is_small(n) else n

    def share(self, k: int, n: int, key: Any = None) -> Share:
        """Return `k` of `n`, or nothing of nothing.

        Both may come from statements of their own, between which a report has moved: `k` is then taken as `n`.
        """
        k = min(k, n)
        hidden = key in self.hidden or self._is_small(n) or self._is_small(k) or self._is_small(n - k)
        return Share(0, 0) if hidden else Share(k, n)

    def on_time(self, row: dict[str, Any], late: int, key: Any = None) -> Share:
        """Return the share answered in time, of those answered or overdue."""
        return self.share(row["kept"], row["kept"] + row["broken"] + late, key)

    def duration(self, histogram: dict[int, int] | None, key: Any = None) -> Duration | None:
        """Return what a histogram tells."""
        if histogram is None or key in self.hidden or self._is_small(sum(histogram.values())):
            return None
        median, p90 = (counts.quantile_hours(histogram, share) for share in (0.5, 0.9))
        return Duration(
            n=sum(histogram.values()),
            median_days=None if median is None else median / 24,
            p90_days=None if p90 is None else p90 / 24,
        )

    def area(
        self,
        area: Kecamatan | Desa | None,
        key: int,
        row: dict[str, Any],
        late: int,
        *,
        population: int | None = None,
        source: str = "",
        took: dict[int, int] | None = None,
    ) -> AreaRow:
        """Return the row of an area."""
        n = self.n(row["n"], key)
        return AreaRow(
            code=area.code if area else "",
            name=area.name if area else "",
            n=n,
            population=population,
            population_source=source,
            per_1000=1000 * n / population if n is not None and population else None,
            open=self.n(row["open"], key),
            overdue=self.n(late, key),
            overdue_share=self.share(late, row["open"], key),
            resolve=self.duration(took, key),
        )


def _came(question: Question, step: str) -> dict[dt.date, dict[str, Any]]:
    """Return what came and ended, by the first day of each week or month."""
    return _by(counts.counted(question.selection(), [step], ["n", "ended"]), step)


def _start_of(day: dt.date, step: str) -> dt.date:
    return day - dt.timedelta(days=day.weekday()) if step == WEEK else day.replace(day=1)


def _bins(first: dt.date, last: dt.date, step: str) -> Iterator[tuple[dt.date, dt.date]]:
    """Yield the weeks or months from `first` to `last`, the outer ones cut there."""
    while first <= last:
        after = _start_of(_start_of(first, step) + dt.timedelta(days=7 if step == WEEK else 31), step)
        yield first, min(after - dt.timedelta(days=1), last)
        first = after


def _a_year_before(day: dt.date, step: str) -> dt.date:
    """Return the day 52 weeks before, so that weekdays agree, or the same day of the last year's month."""
    if step == WEEK:
        return day - dt.timedelta(weeks=52)
    start = dt.date(day.year - 1, day.month, 1)
    if (day + dt.timedelta(days=1)).day == 1:  # a month's end stays one
        return _start_of(start + dt.timedelta(days=31), MONTH) - dt.timedelta(days=1)
    return start.replace(day=min(day.day, 28) if day.month == 2 else day.day)


def _expected(series: list[int], spread: float) -> NegativeBinomial:
    """Return what the weeks before lead to expect of the next: their mean, and its own uncertainty added.

    Without extra spread it is the Poisson's predictive distribution under Jeffreys' prior.
    """
    mean = (sum(series[:-1]) + 0.5) / WEEKS_BEFORE
    return NegativeBinomial(mean, spread * mean * (1 + 1 / WEEKS_BEFORE))


def _mean(series: list[int]) -> float:
    return sum(series[:-1]) / WEEKS_BEFORE


def _names(keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], _Named]:
    wanted = list(keys)
    found = {
        ("kecamatan", area.pk): _Named(area.code, area.name, False)
        for area in Kecamatan.objects.filter(pk__in=[pk for kind, pk in wanted if kind == "kecamatan"])
    }
    for category in Category.objects.filter(pk__in=[pk for kind, pk in wanted if kind == "category"]):
        found["category", category.pk] = _Named(category.code, category.name, category.sensitive)
    return found


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), clock.WITA)
