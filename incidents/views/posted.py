"""What forms send, made safe to use: texts without controls, times that parse."""

import datetime as dt

from django.http import HttpRequest
from django.utils.dateparse import parse_date, parse_datetime

from incidents.texts import clean_text


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
