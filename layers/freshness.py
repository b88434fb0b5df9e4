"""How fresh a layer is: its age against the cycle that its producer promises."""

import datetime as dt

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from layers.models import CYCLE_DAYS

GRACE = 1.5
"""From one cycle to this many the layer is due; beyond it is late."""


class Freshness(models.TextChoices):
    """The steps of freshness."""

    FRESH = "fresh", _("up to date")
    DUE = "due", _("due for renewal")
    LATE = "late", _("overdue for renewal")
    ONCE = "once", _("made once")


def freshness_of(cycle: str, published_at: dt.datetime | None, now: dt.datetime | None = None) -> Freshness:
    """Return how fresh data published then are, by their cycle. Data of the cycle "once" never age."""
    days = CYCLE_DAYS.get(cycle)
    if days is None or published_at is None:
        return Freshness.ONCE
    age = ((now or timezone.now()) - published_at).total_seconds() / 86_400 / days
    if age <= 1:
        return Freshness.FRESH
    return Freshness.DUE if age <= GRACE else Freshness.LATE
