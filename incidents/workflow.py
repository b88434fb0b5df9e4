"""The one table of moves: from which status to which, who may, and what each needs. After SP4N-LAPOR!."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from incidents.models.reports import ReportEvent, Status

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Type = ReportEvent.Type
OPEN_DESK = frozenset({Status.ROUTED, Status.IN_PROGRESS, Status.REOPENED})


class Party(Enum):
    """Who moves a report without signing in."""

    REPORTER = "reporter"
    SYSTEM = "system"


class Who(Enum):
    """Who may make a move: an officer of the report's agency (or a coordinator), a coordinator, a party."""

    OFFICER = "officer"
    COORDINATOR = "coordinator"
    REPORTER = "reporter"
    SYSTEM = "system"


@dataclass(frozen=True)
class Move:
    """One allowed step. `to` None keeps the status; `needs` names the fields that must be given."""

    name: str
    label: "StrOrPromise"
    event: Type
    start: frozenset[Status]
    to: Status | None
    who: Who
    needs: tuple[str, ...] = ()


REOPEN_DAYS = 10
"""Working days in which the reporter may object."""

NOT_AUTHORITY = "not_authority"
"""The reason that needs more than itself: whom the reporter should turn to instead."""

REJECTION_REASONS: dict[str, Promise] = {
    NOT_AUTHORITY: _("Not within the regency's authority"),
    "unclear": _("Too unclear to act on, and the reporter could not be reached"),
    "not_true": _("Checked on the spot and not found"),
    "unlawful": _("Contains insults, hate or other people's personal data"),
    "test": _("A test or an accident"),
}

MOVES: dict[str, Move] = {
    move.name: move
    for move in (
        Move(
            "route",
            _("Forward"),
            Type.ROUTED,
            frozenset({Status.RECEIVED}),
            Status.ROUTED,
            Who.COORDINATOR,
            ("agency",),
        ),
        Move(
            "take",
            _("Take it"),
            Type.TAKEN,
            frozenset({Status.ROUTED, Status.REOPENED}),
            Status.IN_PROGRESS,
            Who.OFFICER,
        ),
        Move(
            "answer", _("Answer"), Type.ANSWERED, OPEN_DESK, Status.ANSWERED, Who.OFFICER, ("text", "photos_or_reason")
        ),
        Move(
            "hold",
            _("Put on hold"),
            Type.HELD,
            frozenset({Status.IN_PROGRESS}),
            Status.ON_HOLD,
            Who.OFFICER,
            ("text", "until"),
        ),
        Move("resume", _("Resume"), Type.RESUMED, frozenset({Status.ON_HOLD}), Status.IN_PROGRESS, Who.OFFICER),
        Move(
            "resume_held",
            _("Go on after the hold"),
            Type.RESUMED,
            frozenset({Status.ON_HOLD}),
            Status.IN_PROGRESS,
            Who.SYSTEM,
        ),
        Move(
            "hand_over",
            _("Hand over"),
            Type.HANDED_OVER,
            OPEN_DESK,
            Status.ROUTED,
            Who.OFFICER,
            ("agency", "text"),
        ),
        Move(
            "reject",
            _("Archive"),
            Type.REJECTED,
            OPEN_DESK | {Status.RECEIVED},
            Status.REJECTED,
            Who.OFFICER,
            ("reason_code", "text"),
        ),
        Move(
            "duplicate",
            _("Same as another report"),
            Type.MERGED,
            OPEN_DESK | {Status.RECEIVED},
            Status.DUPLICATE,
            Who.OFFICER,
            ("original",),
        ),
        Move(
            "separate",
            _("Not a duplicate after all"),
            Type.SEPARATED,
            frozenset({Status.DUPLICATE}),
            Status.ROUTED,  # or received, as it was
            Who.OFFICER,
            ("text",),
        ),
        Move("comment", _("Write a note"), Type.COMMENTED, frozenset(Status), None, Who.OFFICER, ("text",)),
        Move("conceal", _("Make confidential"), Type.CONCEALED, frozenset(Status), None, Who.OFFICER, ("text",)),
        Move(
            "confirm", _("Yes, it is done"), Type.CONFIRMED, frozenset({Status.ANSWERED}), Status.CLOSED, Who.REPORTER
        ),
        Move(
            "reopen",
            _("No, not yet"),
            Type.REOPENED,
            frozenset({Status.ANSWERED, Status.CLOSED}),
            Status.REOPENED,
            Who.REPORTER,
            ("text",),
        ),
        Move(
            "other_matter",
            _("No, mine is another matter"),
            Type.SEPARATED,
            frozenset({Status.DUPLICATE}),
            Status.ROUTED,
            Who.REPORTER,
            ("text",),
        ),
        Move(
            "reply",
            _("Write to the agency"),
            Type.COMMENTED,
            frozenset(Status) - {Status.REJECTED, Status.DUPLICATE},
            None,
            Who.REPORTER,
            ("text",),
        ),
        Move(
            "close_silent",
            _("Close after silence"),
            Type.CLOSED_SILENT,
            frozenset({Status.ANSWERED}),
            Status.CLOSED,
            Who.SYSTEM,
        ),
    )
}
