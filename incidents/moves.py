"""Moving a report along the workflow. Every move goes through `_move`: checked, atomic, with its event and message."""

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.db import OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Agency, User
from incidents import clock, duplicates, outbox
from incidents.errors import MoveIncomplete, MoveNotAllowed, ReportChanged
from incidents.models import Report, ReportEvent
from incidents.models.reports import Status
from incidents.photos import CleanPhoto, keep
from incidents.workflow import MOVES, NOT_AUTHORITY, REJECTION_REASONS, REOPEN_DAYS, Move, Party, Who

By = User | Party
NO_RESPONSE = {"route", "hand_over", "duplicate", "separate"}
"""Moves that are no response to what was reported: they pass it on, or say where it is worked on."""
TEXT_MAX = 5_000
"""Characters of an event's text."""
NAME_MAX = 120
"""Characters of an addressee's name that an officer writes."""


def allowed(report: Report, *, by: By) -> list[Move]:
    """Return the moves that `by` may make with `report` now, in the table's order."""
    return [move for move in MOVES.values() if _is_possible(move, report) and _may(move, report, by)]


@transaction.atomic
def make(name: str, *, report: Report, by: By, seen_at: dt.datetime | None = None, **given: Any) -> ReportEvent:
    """Make the move `name` with what its service takes, for somebody who saw the report as of `seen_at`.

    The same move with the same words again, by the same person, is a double click: it returns the first one's event.
    Raises ReportChanged when the report changed since `seen_at`, and what the move itself raises.
    """
    current = Report.objects.select_for_update(of=("self",)).get(pk=report.pk)
    if seen_at and current.changed_at != seen_at:
        last = current.events.order_by("-id").first()
        if last and _repeats(last, name, by, given):
            return last
        raise ReportChanged(_("The report changed while you were writing. Nothing was lost; look and send again."))
    return SERVICES[name](report=report, by=by, **given)


def was_made(name: str, *, ticket: str, by: By, **given: Any) -> bool:
    """Whether the last thing that happened to a report is this move by `by`, with the same given."""
    last = ReportEvent.objects.filter(report__ticket=ticket).order_by("-id").first()
    return last is not None and _repeats(last, name, by, given)


@transaction.atomic
def rehearse(name: str, *, report: Report, by: By, seen_at: dt.datetime | None = None, **given: Any) -> None:
    """Raise what `make` would raise, and change nothing."""
    make(name, report=Report.objects.get(pk=report.pk), by=by, seen_at=seen_at, **given)
    transaction.set_rollback(True)


@transaction.atomic
def route(*, report: Report, by: By, agency: Agency | None, text: str = "") -> ReportEvent:
    """Forward an unrouted report to `agency`."""
    if agency is None:
        raise MoveIncomplete(_("Choose an agency."), "agency")
    reason = _chosen_by_coordinator(agency)
    return _move(
        "route",
        report,
        by,
        text=text,
        agency=agency,
        data={"rule": None, **reason},
        changes={"agency": agency, "verified_at": timezone.now(), "rule": None, **reason},
    )


@transaction.atomic
def take(*, report: Report, by: By) -> ReportEvent:
    """Take the report into work: the first response."""
    return _move("take", report, by)


@transaction.atomic
def answer(
    *, report: Report, by: By, text: str, photos: Sequence[CleanPhoto] = (), no_photo_reason: str = ""
) -> ReportEvent:
    """Answer publicly, with a photo of the result or the reason why there is none."""
    if not photos and not no_photo_reason.strip():
        raise MoveIncomplete(_("Add a photo of the result, or say why there is none."), "no_photo_reason")
    event = _move(
        "answer",
        report,
        by,
        text=text,
        data={"no_photo_reason": no_photo_reason.strip()} if not photos else {},
        changes={"answered_at": timezone.now()},
    )
    for photo in photos:
        keep(photo, report=report, event=event)
    return event


@transaction.atomic
def hold(*, report: Report, by: By, text: str, until: dt.date | None) -> ReportEvent:
    """Put on hold until a date, with the reason; the clock stands still."""
    now = timezone.now()
    if until is None or not now.astimezone(clock.WITA).date() < until <= now.date() + dt.timedelta(days=366):
        raise MoveIncomplete(_("Choose the day on which work goes on, within a year from tomorrow."), "until")
    return _move(
        "hold", report, by, text=text, data={"until": until.isoformat()}, changes={"held_at": now, "held_until": until}
    )


@transaction.atomic
def resume(*, report: Report, by: By, text: str = "") -> ReportEvent:
    """Go on after a hold; the dates move by the working days that the clock stood still."""
    return _move("resume", report, by, text=text, changes=_going_on(report, timezone.now()))


@transaction.atomic
def resume_held(*, report: Report) -> ReportEvent:
    """Go on where the promised day has come: the clock stood still up to that day, however late this is noticed."""
    day = report.held_until or timezone.now().astimezone(clock.WITA).date()
    return _move(
        "resume_held", report, Party.SYSTEM, changes=_going_on(report, dt.datetime.combine(day, dt.time(), clock.WITA))
    )


def resume_all_held(now: dt.datetime | None = None) -> int:
    """Resume every report on hold whose day has come; return how many. Called hourly by the worker."""
    today = (now or timezone.now()).astimezone(clock.WITA).date()
    resumed = 0
    for report in Report.objects.filter(status=Status.ON_HOLD, held_until__lte=today).iterator(chunk_size=200):
        with suppress(MoveNotAllowed):  # an officer was quicker
            resume_held(report=report)
            resumed += 1
    return resumed


def _going_on(report: Report, since: dt.datetime) -> dict[str, Any]:
    held_at = report.held_at or since
    return {
        "held_at": None,
        "held_until": None,
        "resolve_due_at": clock.after_hold(report.resolve_due_at, held_at, since),
    }


@transaction.atomic
def hand_over(*, report: Report, by: By, agency: Agency | None, text: str) -> ReportEvent:
    """Give the report to another agency, with the reason. The dates stay: the citizen waits for the regency."""
    if agency is None or agency.pk == report.agency_id:
        raise MoveIncomplete(_("Choose another agency."), "agency")
    return _move(
        "hand_over",
        report,
        by,
        text=text,
        agency=agency,
        changes={"agency": agency, "rule": None, **passed_on(agency)},
    )


@transaction.atomic
def reject(
    *, report: Report, by: By, reason_code: str, text: str, addressee: Agency | None = None, addressee_name: str = ""
) -> ReportEvent:
    """Archive the report, for a reason from the public list and a sentence to the reporter.

    What lies outside the regency's authority names the right addressee: an external body, or one that no row stands
    for, by its name.
    """
    if reason_code not in REJECTION_REASONS:
        raise MoveIncomplete(_("Choose a reason from the list."), "reason_code")
    data: dict[str, Any] = {"reason_code": reason_code}
    if reason_code == NOT_AUTHORITY:
        data["addressee"] = _addressee(addressee, addressee_name)
    changes: dict[str, Any] = {"closed_at": timezone.now()}
    if report.agency_id is None:
        changes["agency"] = _own_agency(by)
    return _move("reject", report, by, text=text, data=data, changes=changes)


def _addressee(body: Agency | None, name: str) -> dict[str, str]:
    """Return whom to turn to as the event keeps it: the name as of today, and the code of a body that is known."""
    name = " ".join(name.split())
    if body is not None and name:
        raise MoveIncomplete(
            _("Both “%(body)s” from the list and “%(name)s” are given. Keep one of them.")
            % {"body": body.name, "name": name[:NAME_MAX]},
            "addressee",
        )
    if body is not None:
        if not body.is_external:
            raise MoveIncomplete(
                _("%(agency)s belongs to the regency: hand the report over to it instead.") % {"agency": body.name},
                "addressee",
            )
        return {"code": body.code, "name": body.name}
    if not name:
        raise MoveIncomplete(
            _("Say who is the right addressee, so that the reporter knows where to turn."), "addressee"
        )
    if len(name) > NAME_MAX:
        told = _("The addressee's name may have at most %(limit)d characters.") % {"limit": NAME_MAX}
        raise MoveIncomplete(told, "addressee")
    return {"name": name}


@transaction.atomic
def duplicate(*, report: Report, by: By, original: str, text: str = "") -> ReportEvent:
    """Say that the report tells the same as the one with the ticket `original`: its reporter follows that one."""
    if not isinstance(by, User):
        raise MoveNotAllowed(_("Only an officer may say so."))
    found = duplicates.original_of(original, report=report, by=by)
    try:  # so that it is not ended meanwhile, and that two reports do not become each other's duplicates
        Report.objects.select_for_update(of=("self",), nowait=True).get(pk=found.pk)
    except OperationalError as error:
        told = _("Somebody is writing to %(ticket)s at this moment. Send it again.")
        raise MoveNotAllowed(told % {"ticket": found.ticket}) from error
    found = duplicates.original_of(original, report=report, by=by)
    changes: dict[str, Any] = {"closed_at": timezone.now(), "duplicate_of": found}
    if report.agency_id is None:
        changes["agency"] = _own_agency(by)
    return _move("duplicate", report, by, text=text, data={"original": found.ticket}, changes=changes)


@transaction.atomic
def separate(*, report: Report, by: By, text: str) -> ReportEvent:
    """Say that the report is a matter of its own after all; the promised dates stay."""
    return _move("separate", report, by, text=text, changes=_on_its_own(report))


@transaction.atomic
def other_matter(*, report: Report, by: By, text: str) -> ReportEvent:
    """The reporter says that it is another matter, within `REOPEN_DAYS` working days."""
    _still_in_time(report.closed_at)
    return _move("other_matter", report, by, text=text, changes=_on_its_own(report))


def _on_its_own(report: Report) -> dict[str, Any]:
    """Return what makes a duplicate a report of its own: one that nobody had forwarded waits for that again."""
    changes: dict[str, Any] = {"closed_at": None, "duplicate_of": None}
    if report.verified_at is None:
        changes |= {"status": Status.RECEIVED, "agency": None}
    return changes


@transaction.atomic
def comment(*, report: Report, by: By, text: str, public: bool = True) -> ReportEvent:
    """Write a note: public, or for colleagues only."""
    return _move("comment", report, by, text=text, public=public)


@transaction.atomic
def conceal(*, report: Report, by: By, text: str) -> ReportEvent:
    """Make a public report confidential, for instance because it names a person."""
    return _move("conceal", report, by, text=text, public=False, changes={"confidential": True})


@transaction.atomic
def confirm(*, report: Report, by: By, text: str = "") -> ReportEvent:
    """The reporter agrees: done."""
    return _move("confirm", report, by, text=text, changes={"closed_at": timezone.now()})


@transaction.atomic
def reopen(*, report: Report, by: By, text: str) -> ReportEvent:
    """The reporter objects, within `REOPEN_DAYS` working days after the answer."""
    _still_in_time(report.answered_at)
    return _move("reopen", report, by, text=text, changes={"closed_at": None, "answered_at": None})


def until_when(said_at: dt.datetime) -> dt.datetime:
    """Return until when the reporter may object to what was said at `said_at`."""
    return clock.rules().deadline(said_at, REOPEN_DAYS)


def _still_in_time(said_at: dt.datetime | None) -> None:
    if said_at and timezone.now() > until_when(said_at):
        raise MoveNotAllowed(
            _("The %(days)d working days for an objection are over. Send a new report and name this ticket.")
            % {"days": REOPEN_DAYS}
        )


@transaction.atomic
def reply(*, report: Report, by: By, text: str) -> ReportEvent:
    """The reporter adds something that the agency should know; everybody who may read the report reads it."""
    return _move("reply", report, by, text=text)


@transaction.atomic
def close_silent(*, report: Report) -> ReportEvent:
    """Close an answered report after the silent days of the standard."""
    return _move("close_silent", report, Party.SYSTEM, changes={"closed_at": timezone.now()})


def close_all_silent(now: dt.datetime | None = None) -> int:
    """Close every answered report whose silent days are over; return how many."""
    now = now or timezone.now()
    days = clock.rules().working_days(clock.Step.CLOSE)
    waiting = Report.objects.filter(status=Status.ANSWERED, answered_at__lt=now - dt.timedelta(days=days))
    closed = 0
    for report in waiting.iterator(chunk_size=200):
        if report.answered_at and now > clock.rules().deadline(report.answered_at, days):
            with suppress(MoveNotAllowed):  # the reporter spoke meanwhile
                close_silent(report=report)
                closed += 1
    return closed


SERVICES: dict[str, Callable[..., ReportEvent]] = {
    service.__name__: service
    for service in (
        *(route, take, answer, hold, resume, hand_over, reject, duplicate, separate, comment, conceal),
        *(confirm, reopen, other_matter, reply),
    )
}
"""The moves that people make, by name."""


def _repeats(last: ReportEvent, name: str, by: By, given: dict[str, Any]) -> bool:
    """Whether `last` is the very move that `by` asks for: the same words, and for a duplicate the same original."""
    same_person = last.actor_id == by.pk if isinstance(by, User) else last.by_reporter
    if last.type != MOVES[name].event or not same_person or last.text != str(given.get("text", "")).strip():
        return False
    return name != "duplicate" or duplicates.names(given["original"], last.data["original"])


def _move(
    name: str,
    report: Report,
    by: By,
    *,
    text: str = "",
    agency: Agency | None = None,
    data: dict[str, Any] | None = None,
    public: bool = True,
    changes: dict[str, Any] | None = None,
) -> ReportEvent:
    """Make the move `name`: lock the report, check the table, change it, append the event, write the message."""
    move = MOVES[name]
    current = Report.objects.select_for_update(of=("self",)).get(pk=report.pk)
    if not _is_possible(move, current) or not _may(move, current, by):
        raise MoveNotAllowed(
            _("“%(move)s” is not possible now: the report is “%(status)s”. Reload the page to see what changed.")
            % {"move": move.label, "status": current.get_status_display()}
        )
    if "text" in move.needs and not text.strip():
        raise MoveIncomplete(_("Write a sentence: it is part of the report's record."), "text")
    if len(text) > TEXT_MAX:
        told = _("%(given)d characters were written; at most %(limit)d fit.")
        raise MoveIncomplete(told % {"given": len(text), "limit": TEXT_MAX}, "text")
    now = timezone.now()
    before = current.status
    values = {"status": move.to or before, "changed_at": now, **(changes or {})}
    if current.responded_at is None and isinstance(by, User) and public and name not in NO_RESPONSE:
        values["responded_at"] = now
    for target in (current, report):
        for field, value in values.items():
            setattr(target, field, value)
    current.save(update_fields=list(values))
    event = ReportEvent.objects.create(
        report=current,
        type=move.event,
        from_status=before,
        to_status=current.status,
        actor=by if isinstance(by, User) else None,
        by_reporter=by is Party.REPORTER,
        agency=agency or _speaks_for(by, current),
        text=text.strip(),
        public=public,
        data=data or {},
        created_at=now,
    )
    if public:
        outbox.send("report_moved", report_id=current.pk, event_id=event.pk)
        if name != "reply" and not current.confidential:
            for follower_id in duplicates.followed_by(current):
                outbox.send("report_followed", report_id=follower_id, event_id=event.pk)
    return event


def _is_possible(move: Move, report: Report) -> bool:
    """Whether the report is where the move begins; what is confidential cannot become it once more."""
    return report.status in move.start and not (move.name == "conceal" and report.confidential)


def _may(move: Move, report: Report, by: By) -> bool:
    if isinstance(by, Party):
        return move.who.value == by.value
    if by.is_coordinator:
        return move.who in {Who.OFFICER, Who.COORDINATOR}
    return move.who is Who.OFFICER and by.answers_for(report.agency_id)


def _speaks_for(by: By, report: Report) -> Agency | None:
    """The agency in whose name `by` moves `report`: the report's own, else that of the person."""
    if isinstance(by, User) and by.answers_for(report.agency_id):
        return report.agency
    return _own_agency(by)


def _own_agency(by: By) -> Agency | None:
    """The agency of the first membership; none for a party."""
    if isinstance(by, Party):
        return None
    membership = by.memberships.select_related("agency").order_by("pk").first()
    return membership.agency if membership else None


def _chosen_by_coordinator(agency: Agency) -> dict[str, str]:
    return {
        "reason_id": f"Koordinator memilih {agency.name}, karena belum ada aturan untuk laporan seperti ini.",
        "reason_en": f"The coordinator chose {agency.name}, as there is no rule for reports like this yet.",
    }


def passed_on(agency: Agency) -> dict[str, str]:
    """Return why a report that was handed over lies with `agency`, in both languages."""
    return {
        "reason_id": f"Diteruskan ke {agency.name} oleh petugas; alasannya ada di riwayat laporan.",
        "reason_en": f"Forwarded to {agency.name} by an officer; the history of the report says why.",
    }
