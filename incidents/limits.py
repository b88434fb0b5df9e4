"""Limits on what a report may say, which the form and the API share, and on how much one client address may send."""

import datetime as dt

from accounts.limits import ByAddress

TITLE_MIN = 5
"""Characters."""
DESCRIPTION_MIN = 10
"""Characters."""
OLDEST = dt.timedelta(days=731)
"""How long ago something may have happened."""
KEY_LENGTHS = range(8, 201)
"""Characters of an Idempotency-Key."""


class LocateThrottle(ByAddress):
    scope = "locate"


class ReportThrottle(ByAddress):
    """Reports by the API."""

    scope = "report"


class DraftLimit(ByAddress):
    """Drafts begun at /lapor/."""

    scope = "draft"


class PhotoLimit(ByAddress):
    """Photos of drafts."""

    scope = "photo"


class SendLimit(ByAddress):
    """Reports sent at /lapor/."""

    scope = "send"
