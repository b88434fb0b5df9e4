"""What can go wrong with reports, one line each. `config/problems.py` turns them into HTTP."""


class ReportError(Exception):
    """The parent of all errors about reports. The message is for the person, in their language."""

    code = "report_error"


class MistypedTicket(ReportError):
    code = "mistyped_ticket"


class UnknownCategory(ReportError):
    code = "unknown_category"


class KeyReused(ReportError):
    code = "idempotency_key_reused"


class BadPhoto(ReportError):
    code = "bad_photo"


class DraftGone(ReportError):
    """The draft was sent, thrown away, or begun in another browser."""

    code = "not_found"


class TooManyDrafts(ReportError):
    """The session holds as many drafts as it can; one more would push out another."""

    code = "too_many_drafts"


class NotProven(ReportError):
    """Nothing has shown yet that a person sends the draft."""

    code = "proof"


class MoveNotAllowed(ReportError):
    """The report's status or the person's role does not allow this move."""

    code = "move_not_allowed"


class ReportChanged(MoveNotAllowed):
    """Somebody else moved the report after the person had read it."""

    code = "report_changed"


class MoveIncomplete(ReportError):
    """The move needs something that was not given; `field` names it."""

    code = "move_incomplete"

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field
