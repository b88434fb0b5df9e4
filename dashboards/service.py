"""How the service runs: time in each state, hand-overs, objections, and what the backlog will be; pure reads.

    recorded(question)              -> Share                 how many of the reports have their steps on record
    states(question)                -> list[StateRow]        how long reports stay in each state
    handovers(question)             -> Handovers             how often, and from whom to whom
    reopened(question)              -> Share                 answers that the reporter objected to
    service(question, by="agency")  -> list[ServiceRow]      promises, hand-overs and objections, by OPD, area, category
    forecast(question)              -> Forecast | None       the backlog of the next weeks

docs/dashboards.md defines each figure. Steps are counted by whole months, those that the period touches, and not by
desa: where one is asked for, they are not told. What is hidden from the public is hidden as in numbers.py.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from accounts.models import Agency
from dashboards import numbers
from dashboards.forecasts import HORIZON, LEAST_RECEIVED, WEEKS_READ, predicted
from dashboards.numbers import WEEK, Duration, _by, _Curtain
from dashboards.questions import EARLIEST, Question
from dashboards.statistics import Share
from geo.models import Kecamatan
from incidents import counts, move_counts
from incidents.models import Category
from incidents.models.reports import Status

STATES = (*(Status.RECEIVED, Status.ROUTED, Status.IN_PROGRESS, Status.ON_HOLD, Status.ANSWERED, Status.REOPENED),)
"""The states in which a report waits for somebody, in the order of its life."""
AGENCY, KECAMATAN, CATEGORY = "agency", "kecamatan", "category"
PARTS = (AGENCY, KECAMATAN, CATEGORY)
PAIRS = 15
"""So many pairs of agencies are told, those with most hand-overs."""


@dataclass(frozen=True)
class StateRow:
    """How long reports stayed in `state`: of the stays that ended in the period, in elapsed days.

    A hand-over ends a stay and begins another one, with the next agency. None: hidden, or not kept for desa.
    """

    state: str
    name: str
    stay: Duration | None


@dataclass(frozen=True)
class Pair:
    """How many reports went from one agency to another. "" stands for the coordinator's queue."""

    giver: str
    giver_name: str
    taker: str
    taker_name: str
    n: int | None


@dataclass(frozen=True)
class Handovers:
    """Hand-overs in the period. `reports` were handed over for the first time in it."""

    n: int | None
    reports: int | None
    again: int | None
    """Hand-overs of reports that had been handed over before."""
    back: Share
    """Of all hand-overs: those to an agency that had the report before."""
    of_forwarded: Share
    """Reports handed over for the first time, of the reports forwarded to an agency in the period."""
    pairs: list[Pair]


@dataclass(frozen=True)
class ServiceRow:
    """The service of an agency, in a kecamatan, or for a category. None: hidden, or not kept for desa."""

    code: str
    name: str
    n: int | None
    open: int | None
    overdue: int | None
    on_time: Share
    """Answered in time, of all promises due: open and overdue ones count as not kept."""
    resolve: Duration | None
    given: int | None
    """Hand-overs to another agency: by this agency, or of reports of this kecamatan or category."""
    got: int | None
    """Hand-overs to this agency; None where agencies are not told apart."""
    reopened: Share
    """Of the answers given in the period, those that the reporter objected to until now."""


@dataclass(frozen=True)
class ForecastWeek:
    """The backlog at the end of `last`: expected, and the range in which it lies with 95 %."""

    last: dt.date
    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """What the backlog will be if the next weeks are as the weeks from `since` to `until` were.

    `weeks` are whole weeks from Monday, the first after `until`.
    """

    since: dt.date
    until: dt.date
    backlog: int
    """Open reports at the end of `until`."""
    received: int
    """Reports that came in the weeks read."""
    net_per_week: float
    weeks: list[ForecastWeek]


def recorded(question: Question) -> Share:
    """Return of how many of the reports received in the period's whole months the steps are on record.

    Of all agencies: a report is received before any agency has it.
    """
    every = replace(question, agencies=(), desa=())
    first, last = question.since.replace(day=1), _last_of_months(question)
    # Public reports tell it for an agency, too: its own confidential ones had no agency when they were received.
    received, steps = (
        one if one.confidential_of is None else replace(one, confidential_of=())
        for one in (every.over(first, last).selection(), every.selection())
    )
    (row,) = counts.counted(received, measures=["n"])
    begun = sum(move_counts.moves(steps, ["type"], ["received"]).values())
    return _Curtain(question).share(begun, row["n"])


def states(question: Question) -> list[StateRow]:
    """Return how long reports stayed in each state, of the stays that ended in the period."""
    curtain = _Curtain(question)
    found: dict[tuple[Any, ...], dict[int, int]] = {} if question.desa else move_counts.stays(question.selection())
    return [
        StateRow(
            state.value,
            str(state.label),
            None if question.desa else curtain.duration(found.get((state.value,), {})),
        )
        for state in STATES
        if not (question.agencies and state == Status.RECEIVED)  # no agency has it yet
    ]


def handovers(question: Question) -> Handovers:
    """Return how often reports were handed to another agency, and from whom to whom."""
    curtain = _Curtain(question)
    if question.desa:
        return Handovers(None, None, None, Share(0, 0), Share(0, 0), [])
    selection = question.selection()
    steps = move_counts.moves(
        selection, ["type", "nth", "back", "agency", "to_agency"], ["handed_over", "routed"], received_too=True
    )
    n = first = back = forwarded = given = 0
    pairs: dict[tuple[int, int], int] = defaultdict(int)
    for (kind, nth, returned, giver, taker), many in steps.items():
        if kind == "routed":
            forwarded += many
            continue
        n += many
        first += many if nth == 1 else 0
        given += many if nth == 1 and (not selection.agencies or giver in selection.agencies) else 0
        back += many if returned else 0
        pairs[giver, taker] += many
    names = {agency.pk: agency for agency in Agency.objects.filter(pk__in={pk for pair in pairs for pk in pair})}
    largest = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:PAIRS]
    return Handovers(
        n=curtain.n(n),
        reports=curtain.n(first),
        again=curtain.n(n - first),
        back=curtain.share(back, n),
        of_forwarded=curtain.share(given, forwarded) if given <= forwarded else Share(0, 0),
        pairs=[
            Pair(*_named(names.get(giver)), *_named(names.get(taker)), n=curtain.n(many))
            for (giver, taker), many in largest
        ],
    )


def reopened(question: Question) -> Share:
    """Return of how many of the answers given in the period the reporter objected to until now."""
    if question.desa:
        return Share(0, 0)
    steps = move_counts.moves(question.selection(), ["type"], ["answered", "objected"])
    return _Curtain(question).share(steps.get(("objected",), 0), steps.get(("answered",), 0))


def service(question: Question, by: str = AGENCY) -> list[ServiceRow]:
    """Return promises kept, hand-overs and objections by agency, kecamatan or category, those with most first."""
    if by not in PARTS:
        raise ValueError(f"by {by}; service is told by {', '.join(PARTS)}")
    selection = question.selection()
    rows = _by(counts.counted(selection, [by]), by)
    late = counts.overdue(selection, [by])
    took = None if question.desa else counts.durations(selection, "resolve", [by])
    steps: dict[tuple[str, int], int] = defaultdict(int)
    if not question.desa:
        kinds = ["handed_over", "answered", "objected"]
        for (kind, pk), n in move_counts.moves(selection, ["type", by], kinds).items():
            steps[kind, pk] += n
        if by == AGENCY:
            got = move_counts.moves(selection, ["to_agency"], ["handed_over"], received_too=True)
            steps |= {("got", pk): n for (pk,), n in got.items()}
    wanted = {pk for pk, row in rows.items() if row["n"]} | {pk for _kind, pk in steps}
    names = _names_of(by, wanted)
    if by == AGENCY and question.agencies:
        names = {pk: one for pk, one in names.items() if pk in selection.agencies}
    curtain = _Curtain(question, {pk: rows[pk]["n"] for pk in names})
    found = []
    for pk, one in names.items():
        row = rows[pk]
        own = curtain
        if by == CATEGORY and one.sensitive:
            own = _Curtain(question, {pk: row["n"]}, sensitive=True)
        told = not question.desa
        found.append(
            ServiceRow(
                code=one.code,
                name=one.short_name if isinstance(one, Agency) else one.name,
                n=own.n(row["n"], pk),
                open=own.n(row["open"], pk),
                overdue=own.n(late.get((pk,), 0), pk),
                on_time=own.on_time(row, late.get((pk,), 0), pk),
                resolve=own.duration(None if took is None else took.get((pk,), {}), pk),
                given=own.n(steps["handed_over", pk], pk) if told else None,
                got=own.n(steps["got", pk], pk) if told and by == AGENCY else None,
                reopened=own.share(steps["objected", pk], steps["answered", pk], pk),
            )
        )
    return sorted(found, key=lambda row: (-(row.n or 0), row.name))


def forecast(question: Question) -> Forecast | None:
    """Return the backlog that the next weeks lead to; the period asked for plays no part.

    None where too little is known: fewer than `LEAST_RECEIVED` reports in the last `WEEKS_READ` whole weeks, or
    sensitive categories asked for by the public.
    """
    until = question.today - dt.timedelta(days=question.today.weekday() + 1)
    since = until - dt.timedelta(days=7 * WEEKS_READ - 1)
    if since < EARLIEST:
        return None
    weeks = numbers.flow(question.over(since, until), WEEK)
    if not weeks:
        return None
    received = sum(week.came for week in weeks)
    if received < LEAST_RECEIVED:
        return None
    steps = predicted(weeks[-1].backlog, [week.came - week.went for week in weeks])
    return Forecast(
        since=since,
        until=until,
        backlog=weeks[-1].backlog,
        received=received,
        net_per_week=sum(week.came - week.went for week in weeks) / WEEKS_READ,
        weeks=[
            ForecastWeek(until + dt.timedelta(days=7 * ahead), *step)
            for ahead, step in zip(range(1, HORIZON + 1), steps, strict=True)
        ],
    )


def _names_of(by: str, wanted: Iterable[int]) -> dict[int, Any]:
    model: Any = {AGENCY: Agency, KECAMATAN: Kecamatan, CATEGORY: Category}[by]
    return {row.pk: row for row in model.objects.filter(pk__in=list(wanted))}


def _named(agency: Agency | None) -> tuple[str, str]:
    return (agency.code, agency.short_name) if agency else ("", "")


def _last_of_months(question: Question) -> dt.date:
    last = question.until.replace(day=1) + dt.timedelta(days=31)
    return last.replace(day=1) - dt.timedelta(days=1)
