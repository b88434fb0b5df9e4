"""What forms send, made safe to use: texts without controls, times that parse; and whether to trust it at all."""

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from rest_framework.authentication import CSRFCheck

from incidents.texts import clean_text


def is_forged(request: HttpRequest) -> bool:
    """Whether the post lacks a valid CSRF token: then nothing is stored, and the page comes back as it was typed.

    For views that are exempt from Django's own check, whose page could only say that it failed.
    """
    check = CSRFCheck(lambda _request: HttpResponse())
    check.process_request(request)
    return check.process_view(request, is_forged, (), {}) is not None  # type: ignore[arg-type]


def stale() -> str:
    """Return what is said to somebody whose page was too old."""
    return _("This page had been open for too long. What you typed is still here: press the button once more.")


def posted_text(request: HttpRequest, name: str) -> str:
    """Return a posted text with plain line ends and without controls (NUL, say, which PostgreSQL cannot store)."""
    return clean_text(request.POST.get(name, ""), lines=True)


def posted_moment(request: HttpRequest, name: str) -> dt.datetime | None:
    """Return a posted ISO 8601 time with its zone, or None."""
    try:
        moment = parse_datetime(request.POST.get(name, ""))
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def posted_day(request: HttpRequest, name: str) -> dt.date | None:
    """Return a posted ISO 8601 date, or None."""
    try:
        return parse_date(request.POST.get(name, ""))
    except ValueError:
        return None
