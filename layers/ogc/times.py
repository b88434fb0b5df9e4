"""Dates and times: as parameters write them, and as features hold them.

A day is a day in the regency's time zone. An instant without an offset is meant in that zone too.
"""

import datetime as dt
import re
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from geo.errors import ParameterError
from geo.params import SHOWN
from layers.ogc.statements import Sql

OPEN = {"", ".."}
_DAY = r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = r"(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)"
_TIME = re.compile(f"({_DAY})[Tt ]{_CLOCK}{_OFFSET.replace('Z', '[Zz]')}?")
_DURATION = re.compile(
    r"P(?=[0-9T])(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?"
)
MICROSECOND = dt.timedelta(microseconds=1)

Moment = dt.date | dt.datetime


class Span(NamedTuple):
    """From `start` to `end`, both included; None is open."""

    start: Moment | None
    end: Moment | None


def parse_moment(text: str, *, name: str) -> Moment:
    """Return a date, or an instant with its offset (RFC 3339)."""
    try:
        if re.fullmatch(_DAY, text):
            return dt.date.fromisoformat(text)
        if _TIME.fullmatch(text):
            moment = dt.datetime.fromisoformat(text.upper().replace(" ", "T"))
            return moment if moment.tzinfo else timezone.make_aware(moment)
    except (ValueError, OverflowError):
        pass
    raise ParameterError(
        name,
        text,
        _("%(name)s: “%(value)s” is no date or time. Write 2026-01-31 or 2026-01-31T08:00:00Z.")
        % {"name": name, "value": text[:SHOWN]},
    )


def parse_span(text: str, *, name: str = "datetime") -> Span:
    """Return what `datetime` means: a moment, `from/to`, `../to`, `from/..`, `from/P1D` or `P1D/to`."""
    if "/" not in text:
        moment = parse_moment(text, name=name)
        return Span(moment, moment)
    parts = text.split("/")
    if len(parts) != 2 or all(part in OPEN for part in parts):
        raise ParameterError(
            name,
            text,
            _("%(name)s is a moment or an interval with one slash, such as 2026-01-01/2026-06-30 or 2026-01-01/..")
            % {"name": name},
        )
    left, right = (None if part in OPEN or part.startswith("P") else parse_moment(part, name=name) for part in parts)
    if parts[0].startswith("P"):
        left = _moved(right, parts[0], -1, text, name)
    if parts[1].startswith("P"):
        right = _moved(left, parts[1], 1, text, name)
    if left is not None and right is not None and first_instant(left) > last_instant(right):
        raise ParameterError(name, text, _("%(name)s ends before it begins.") % {"name": name})
    return Span(left, right)


def first_instant(moment: Moment) -> dt.datetime:
    """Return when a moment begins: a day at its midnight."""
    if isinstance(moment, dt.datetime):
        return moment
    return timezone.make_aware(dt.datetime.combine(moment, dt.time()))


def last_instant(moment: Moment) -> dt.datetime:
    """Return when a moment ends: a day a microsecond before the next."""
    if isinstance(moment, dt.datetime) or moment == dt.date.max:
        return first_instant(moment)
    return first_instant(moment + dt.timedelta(days=1)) - MICROSECOND


def day_of(moment: Moment) -> dt.date:
    """Return the day in the regency on which a moment falls; before the first day it is that, after the last that."""
    if not isinstance(moment, dt.datetime):
        return moment
    try:
        return timezone.localdate(moment)
    except OverflowError:  # the regency's clock is in another year than the moment's own
        return dt.date.max if moment.year == dt.MAXYEAR else dt.date.min


def day_sql(text: Sql) -> Sql:
    """Return SQL for the date written in `text`; NULL when it holds none. Never fails, whatever the text is."""
    return _repeat(
        f"(CASE WHEN {{}} ~ '^{_DAY}([T ]|$)'"
        " THEN (substr({}, 1, 7) || '-01')::date + substr({}, 9, 2)::int - 1 END)",
        text,
    )


def instant_sql(text: Sql) -> Sql:
    """Return SQL for the instant written in `text`; a date is its midnight. NULL when it holds none."""
    zone = settings.TIME_ZONE
    whole = "(substr({}, 1, 7) || '-01' || substr({}, 11))"
    days = "(substr({}, 9, 2)::int - 1) * interval '24 hours'"
    return _repeat(
        f"(CASE WHEN {{}} ~ '^{_DAY}[T ]{_CLOCK}{_OFFSET}$' THEN {whole}::timestamptz + {days}"
        f" WHEN {{}} ~ '^{_DAY}([T ]{_CLOCK})?$' THEN ({whole}::timestamp + {days}) AT TIME ZONE '{zone}' END)",
        text,
    )


def _repeat(template: str, text: Sql) -> Sql:
    # Braces of the patterns are doubled for str.format; only `{}` is a place.
    escaped = template.replace("{}", "\0").replace("{", "{{").replace("}", "}}").replace("\0", "{}")
    places = template.count("{}")
    return Sql(escaped.format(*[text.text] * places), text.params * places)


def _moved(moment: Moment | None, duration: str, sign: int, text: str, name: str) -> Moment:
    found = _DURATION.fullmatch(duration)
    if moment is None or not found:
        raise ParameterError(
            name,
            text,
            _("%(name)s: a duration such as P7D or PT12H stands beside a date or time.") % {"name": name},
        )
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    if (hours or minutes or seconds) and not isinstance(moment, dt.datetime):
        moment = first_instant(moment)
    try:
        month = moment.month - 1 + sign * (12 * years + months)
        year = moment.year + month // 12
        last = (dt.date(year + (month % 12 == 11), (month % 12 + 1) % 12 + 1, 1) - dt.timedelta(days=1)).day
        turned = moment.replace(year=year, month=month % 12 + 1, day=min(moment.day, last))
        return turned + sign * dt.timedelta(days=7 * weeks + days, hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError) as error:
        raise ParameterError(name, text, _("%(name)s lies outside the years 1 to 9999.") % {"name": name}) from error
