"""A report's events as a conversation: the agency speaks, the reporter speaks, steps of the system stand between."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from incidents.duplicates import told_by
from incidents.models import Photo, Report, ReportEvent
from incidents.workflow import REJECTION_REASONS

Type = ReportEvent.Type
FAR_M = 500
"""A photo of an answer that was taken farther than this from the pin is flagged."""


@dataclass(frozen=True)
class Picture:
    """A photo of a turn, and what its own data say against it (empty: nothing)."""

    photo: Photo
    note: str


@dataclass(frozen=True)
class Turn:
    """One line of the conversation. `side` is agency, reporter or system; `officer` is for the desk only."""

    side: str
    type: str
    who: str
    headline: str
    at: dt.datetime
    text: str = ""
    note: str = ""
    officer: str = ""
    internal: bool = False
    pictures: list[Picture] = field(default_factory=list)


def turns_of(report: Report, events: Iterable[ReportEvent]) -> list[Turn]:
    """Return `events` (oldest first, with agency and photos read) as turns."""
    turns: list[Turn] = []
    owner = ""
    for event in events:
        if event.type in {Type.ROUTED, Type.HANDED_OVER} and event.agency:
            turns.append(_forwarded(event, owner, report))
            owner = event.agency.name
        else:
            turns.append(_turn(report, event, owner))
    return turns


def _turn(report: Report, event: ReportEvent, owner: str) -> Turn:
    side, headline = _SAYS[Type(event.type)]
    if event.type == Type.RESUMED and event.actor_id is None:
        side, headline = "system", "hold_over"
    if event.type in {Type.COMMENTED, Type.SEPARATED} and event.by_reporter:
        side = "reporter"
    agency = event.agency.name if event.agency else owner
    if side == "line":  # a step that becomes speech when it carries words
        side = "agency" if event.text else "system"
    return Turn(
        side=side,
        type=event.type,
        who=_("The reporter") if side == "reporter" else agency,
        headline=_headline(headline, agency),
        at=event.created_at,
        text=event.text,
        note=note_of(event),
        officer=_officer(event),
        internal=not event.public,
        pictures=[Picture(photo, _against(photo, report)) for photo in event.photos.all()],
    )


def _forwarded(event: ReportEvent, owner: str, report: Report) -> Turn:
    """Tell a forwarding or hand-over with its reason, unless the page says it already as the present one."""
    name = event.agency.name if event.agency else ""
    handed = event.type == Type.HANDED_OVER
    if handed and owner:
        headline = _("Handed over from %(old)s to %(agency)s") % {"old": owner, "agency": name}
    else:
        headline = _("Forwarded to %(agency)s") % {"agency": name}
    english = (get_language() or "").startswith("en")
    reason = event.data.get("reason_en" if english else "reason_id", "") if not event.text else ""
    return Turn(
        side="system",
        type=event.type,
        who=owner,
        headline=headline,
        at=event.created_at,
        text=event.text,
        note="" if reason == report.reason else reason,
        officer=_officer(event),
        internal=not event.public,
    )


_SAYS: dict[Type, tuple[str, str]] = {
    Type.RECEIVED: ("system", "received"),
    Type.ROUTED: ("system", "forwarded"),
    Type.TAKEN: ("line", "taken"),
    Type.ANSWERED: ("agency", "answered"),
    Type.COMMENTED: ("agency", ""),
    Type.HELD: ("agency", "held"),
    Type.RESUMED: ("line", "resumed"),
    Type.HANDED_OVER: ("system", "forwarded"),
    Type.REJECTED: ("agency", "rejected"),
    Type.CONFIRMED: ("reporter", "confirmed"),
    Type.REOPENED: ("reporter", "reopened"),
    Type.CLOSED_SILENT: ("system", "closed_silent"),
    Type.CONCEALED: ("agency", "concealed"),
    Type.MERGED: ("agency", "merged"),
    Type.SEPARATED: ("agency", "separated"),
}


def _headline(key: str, agency: str) -> str:
    told = {
        "received": _("Report received"),
        "forwarded": _("Forwarded"),
        "taken": _("%(agency)s took it into work"),
        "answered": pgettext("what was done", "Answer"),
        "held": pgettext("what was done", "Put on hold"),
        "resumed": _("%(agency)s goes on with the work"),
        "hold_over": _("The hold is over: the clock runs again"),
        "rejected": _("Archived"),
        "confirmed": _("Yes, it is done"),
        "reopened": _("No, it is not done yet"),
        "closed_silent": _("Closed: nobody objected within the days for it"),
        "concealed": _("Made confidential"),
        "merged": _("This tells the same as another report"),
        "separated": _("A matter of its own after all"),
        "": "",
    }[key]
    return told.replace("%(agency)s", agency)


def note_of(event: ReportEvent) -> str:
    """Return what an event tells beside its words: why no photo, until when on hold, why archived and whom to ask."""
    data: dict[str, Any] = event.data
    if event.type == Type.ANSWERED and data.get("no_photo_reason"):
        return _("Without a photo: %(reason)s") % {"reason": data["no_photo_reason"]}
    if event.type == Type.HELD and (until := parse_date(str(data.get("until", "")))):
        return _("Work goes on on %(day)s.") % {"day": date_format(until, "DATE_FORMAT")}
    if event.type == Type.MERGED and (ticket := told_by(event)):
        return _("What is done about it stands at %(ticket)s.") % {"ticket": ticket}
    if event.type == Type.REJECTED and data.get("reason_code") in REJECTION_REASONS:
        reason = str(REJECTION_REASONS[data["reason_code"]])
        if addressee := addressee_of(event):
            told = _("%(reason)s. The right addressee: %(addressee)s.")
            return told % {"reason": reason, "addressee": addressee["name"]}
        return reason
    return ""


def addressee_of(event: ReportEvent) -> dict[str, str | None] | None:
    """Return whom the reporter of an archived report should turn to, as {"code", "name"}; code None: no agency here."""
    addressee = event.data.get("addressee")
    return {"code": addressee.get("code"), "name": addressee["name"]} if addressee else None


def _officer(event: ReportEvent) -> str:
    return (event.actor.get_full_name() or event.actor.get_username()) if event.actor_id and event.actor else ""


def _against(photo: Photo, report: Report) -> str:
    """Say when a photo was taken far from the pin or before the report."""
    distance = photo.facts.get("distance_m")
    if isinstance(distance, int | float) and distance > FAR_M:
        return _("Taken %(km)s km from the place of the report.") % {"km": f"{distance / 1000:.1f}"}
    taken = parse_datetime(str(photo.facts.get("taken_at", "")))
    if taken and taken.tzinfo and taken < report.created_at:
        return _("Taken before the report was sent.")
    return ""
