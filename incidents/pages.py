"""Keyset pages of reports: a page costs the same at the end of a million reports as at the beginning."""

import base64
import binascii
import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from geo.errors import ParameterError
from incidents.models import Report

LIMIT = 50
LIMIT_MAX = 200
COUNT_UP_TO = 10_000
"""Pages say "more than" beyond this, so that their cost does not grow with the number of reports."""


@dataclass(frozen=True)
class Order:
    """An order by a moment (a field or annotation that is never empty), then by id."""

    by: str
    ascending: bool = False


NEWEST = Order("created_at")
LONGEST_DUE = Order("resolve_due_at", ascending=True)


@dataclass(frozen=True)
class Page:
    """Some reports, and the cursor of the page after them (None on the last page)."""

    reports: list[Report]
    next_cursor: str | None


def count_of(reports: Any) -> tuple[int, bool]:
    """Return how many reports a queryset holds, up to COUNT_UP_TO, and whether there are still more."""
    count = reports.order_by()[: COUNT_UP_TO + 1].count()
    return min(count, COUNT_UP_TO), count > COUNT_UP_TO


def page_of(reports: Any, *, cursor: str | None = None, limit: str | int | None = None, order: Order = NEWEST) -> Page:
    """Return a page of the queryset `reports` in `order`. A cursor belongs to the order that made it.

    Raises ParameterError when `cursor` did not come from a page or `limit` is not 1 to LIMIT_MAX.
    """
    size = _limit(limit)
    if cursor:
        moment, pk = _decode(cursor)
        past = "gt" if order.ascending else "lt"
        reports = reports.filter(Q(**{f"{order.by}__{past}": moment}) | Q(**{order.by: moment, f"pk__{past}": pk}))
    sign = "" if order.ascending else "-"
    found = list(reports.order_by(f"{sign}{order.by}", f"{sign}id")[: size + 1])
    more = len(found) > size
    return Page(found[:size], _encode(found[size - 1], order) if more else None)


def _limit(value: str | int | None) -> int:
    if value in {None, ""}:
        return LIMIT
    try:
        limit = int(str(value))
    except ValueError:
        limit = 0
    if not 1 <= limit <= LIMIT_MAX:
        raise ParameterError("limit", value, _("Write a whole number from 1 to %(max)d.") % {"max": LIMIT_MAX})
    return limit


def _encode(report: Report, order: Order) -> str:
    text = f"{getattr(report, order.by).astimezone(dt.UTC).isoformat()}|{report.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[dt.datetime, int]:
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
        moment, pk = text.split("|")
        created_at = dt.datetime.fromisoformat(moment)
        number = int(pk)
    except (ValueError, binascii.Error) as error:
        raise _bad_cursor(cursor) from error
    if created_at.tzinfo is None or not 0 <= number < 2**63:
        raise _bad_cursor(cursor)
    return created_at, number


def _bad_cursor(cursor: str) -> ParameterError:
    return ParameterError("cursor", cursor[:80], _("This is no cursor of ours. Begin again without it."))
