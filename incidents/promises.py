"""A report's three dates as sentences that everybody can read: verify, first response, resolve.

A promise is waiting, overdue, paused (on hold), kept (done in time), broken (done late) or void (archived before it
was due). Days are working days in WITA (incidents/clock.py).
"""

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from incidents import clock
from incidents.models import Report
from incidents.models.reports import Status
from incidents.models.standards import ServiceStandard

Step = ServiceStandard.Step
ENDED = {Status.REJECTED, Status.DUPLICATE}


@dataclass(frozen=True)
class Promise:
    """One promised step. `share` of its time has gone (0 to 100); `left` are working days, negative when late."""

    step: str
    state: str
    title: str
    sentence: str
    due: dt.datetime
    share: int
    left: int

    @property
    def css(self) -> str:
        """The suffix of the class `promise--`."""
        return {"overdue": "overdue", "broken": "overdue", "paused": "paused"}.get(self.state, "running")

    @property
    def icon(self) -> str:
        """The icon that goes with the sentence."""
        icons = {"kept": "check", "broken": "warn", "overdue": "warn", "paused": "status-on_hold", "void": "close"}
        return icons.get(self.state, "clock")

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to keep it."""
        return self.state in {"waiting", "overdue", "paused"}

    @property
    def days(self) -> str:
        """How much time is left, or how late it is, in a few words."""
        return _days(self.left, late=self.state == "overdue")


def promises_of(report: Report, now: dt.datetime | None = None) -> list[Promise]:
    """Return the three promises of `report`, in the order in which they fall due."""
    now = now or timezone.now()
    return [
        _promise(report, now, Step.VERIFY, report.verify_due_at, report.verified_at),
        _promise(report, now, Step.RESPOND, report.respond_due_at, report.responded_at),
        _promise(report, now, Step.RESOLVE, report.resolve_due_at, report.answered_at),
    ]


def next_promise(report: Report, now: dt.datetime | None = None) -> Promise | None:
    """Return the promise that is to be kept next, or None when nothing is owed."""
    return next((promise for promise in promises_of(report, now) if promise.is_open), None)


def _promise(report: Report, now: dt.datetime, step: str, due: dt.datetime, done: dt.datetime | None) -> Promise:
    rules = clock.rules()
    until = done or report.closed_at or now
    if done:
        state = "kept" if done <= due else "broken"
    elif report.status in ENDED or report.status == Status.CLOSED:
        state = "void"
    elif report.status == Status.ON_HOLD and report.held_at:
        state, until = "paused", report.held_at
    else:
        state = "overdue" if now > due else "waiting"
    left = rules.days_left(until, due)
    if state in {"overdue", "broken"}:
        left = min(left, -1)
    whole = (due - report.created_at).total_seconds()
    share = 100 if whole <= 0 else round(100 * (until - report.created_at).total_seconds() / whole)
    return Promise(
        step=step,
        state=state,
        title=_title(step),
        sentence=_sentence(report, step, state, due, done, left),
        due=due,
        share=max(0, min(100, share)),
        left=left,
    )


def _title(step: str) -> str:
    return {
        Step.VERIFY: _("Check and forwarding"),
        Step.RESPOND: _("First response"),
        Step.RESOLVE: _("Solution"),
    }[Step(step)]


def _sentence(report: Report, step: str, state: str, due: dt.datetime, done: dt.datetime | None, left: int) -> str:
    words = {
        "agency": report.agency.name if report.agency else _("The coordinator"),
        "due": _day(due),
        "done": _day(done) if done else "",
        "days": _days(left, late=left < 0),
        "until": date_format(report.held_until, "DATE_FORMAT") if report.held_until else "",
    }
    return _SENTENCES[state](report, Step(step)) % words


def _waiting(report: Report, step: Step) -> str:
    return {
        Step.VERIFY: _("The coordinator checks and forwards it by %(due)s (%(days)s)."),
        Step.RESPOND: _("%(agency)s gives a first response by %(due)s (%(days)s)."),
        Step.RESOLVE: _("%(agency)s resolves it by %(due)s (%(days)s)."),
    }[step]


def _overdue(report: Report, step: Step) -> str:
    return {
        Step.VERIFY: _("The coordinator was to check and forward it by %(due)s: %(days)s."),
        Step.RESPOND: _("%(agency)s was to give a first response by %(due)s: %(days)s."),
        Step.RESOLVE: _("%(agency)s was to resolve it by %(due)s: %(days)s."),
    }[step]


def _kept(report: Report, step: Step) -> str:
    return {
        Step.VERIFY: _("Checked and forwarded on %(done)s, in time."),
        Step.RESPOND: _("First response on %(done)s, in time."),
        Step.RESOLVE: _("Answered on %(done)s, in time."),
    }[step]


def _broken(report: Report, step: Step) -> str:
    return {
        Step.VERIFY: _("Checked and forwarded on %(done)s, %(days)s."),
        Step.RESPOND: _("First response on %(done)s, %(days)s."),
        Step.RESOLVE: _("Answered on %(done)s, %(days)s."),
    }[step]


def _paused(report: Report, step: Step) -> str:
    return _("The clock stands still: on hold until %(until)s.")


def _void(report: Report, step: Step) -> str:
    return _("No longer due: the report is closed.")


_SENTENCES = {
    "waiting": _waiting,
    "overdue": _overdue,
    "kept": _kept,
    "broken": _broken,
    "paused": _paused,
    "void": _void,
}


def _day(moment: dt.datetime) -> str:
    return date_format(timezone.localtime(moment, clock.WITA), "DATE_FORMAT")


def _days(left: int, *, late: bool) -> str:
    if late:
        late_by = max(1, -left)
        return ngettext("%(n)d working day late", "%(n)d working days late", late_by) % {"n": late_by}
    if left <= 0:
        return _("today is the last day")
    return ngettext("%(n)d working day left", "%(n)d working days left", left) % {"n": left}
