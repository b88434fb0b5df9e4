"""The public clock: working days in WITA, by the service standards that stand in the database.

A working day is Monday to Friday, not a national public holiday (`holidays`) and not a `RegencyHoliday`.
A term of n working days ends with the n-th working day after the day it began, at 23:59:59 WITA.
"""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import timezone

from incidents.models.standards import RegencyHoliday, ServiceStandard

WITA = ZoneInfo("Asia/Makassar")
FRESH_S = 30.0
"""Seconds for which a process trusts the standards and holidays that it read."""

Step = ServiceStandard.Step


@dataclass(frozen=True)
class Rules:
    """The standards and the regency's days off, as read from the database at one moment."""

    days: dict[tuple[str, str], int]
    regency_holidays: frozenset[dt.date]

    def working_days(self, step: str, handling: str = "") -> int:
        """Return the working days that `step` may take; a standard for `handling` goes before the general one.

        Raises LookupError when no standard covers the step.
        """
        found = self.days.get((step, handling), self.days.get((step, "")))
        if found is None:
            raise LookupError(f"No service standard for step {step!r}. Run manage.py seed or add it in the admin.")
        return found

    def is_working_day(self, day: dt.date) -> bool:
        """Whether offices work on `day`."""
        return day.weekday() < 5 and day not in self.regency_holidays and day not in _national(day.year)

    def deadline(self, start: dt.datetime, working_days: int) -> dt.datetime:
        """Return the end of the `working_days`-th working day after `start` (aware), in WITA."""
        day = start.astimezone(WITA).date()
        while working_days > 0:
            day += dt.timedelta(days=1)
            if self.is_working_day(day):
                working_days -= 1
        return dt.datetime.combine(day, dt.time(23, 59, 59), WITA)

    def days_left(self, now: dt.datetime, due: dt.datetime) -> int:
        """Return the working days from `now` to `due`: 0 on the last day, negative when it has passed."""
        today, last = now.astimezone(WITA).date(), due.astimezone(WITA).date()
        if today <= last:
            return self.working_days_between(today, last)
        return -max(1, self.working_days_between(last, today))

    def working_days_between(self, first: dt.date, last: dt.date) -> int:
        """Count the working days after `first` up to and including `last`."""
        return sum(self.is_working_day(first + dt.timedelta(days=n)) for n in range(1, (last - first).days + 1))


@lru_cache(maxsize=16)
def _national(year: int) -> frozenset[dt.date]:
    import holidays  # a tenth of a start goes by until it is there

    return frozenset(holidays.country_holidays("ID", years=year))


def read_rules() -> Rules:
    """Read the standards and the regency's holidays from the database."""
    return Rules(
        days={(s.step, s.handling): s.working_days for s in ServiceStandard.objects.all()},
        regency_holidays=frozenset(RegencyHoliday.objects.values_list("date", flat=True)),
    )


def _kept_fresh(read: Callable[[], Rules]) -> tuple[Callable[[], Rules], Callable[[], None]]:
    kept: tuple[float, Rules] | None = None

    def current() -> Rules:
        nonlocal kept
        if kept is None or time.monotonic() - kept[0] > FRESH_S:
            kept = (time.monotonic(), read())
        return kept[1]

    def forget() -> None:
        nonlocal kept
        kept = None

    return current, forget


rules, forget_rules = _kept_fresh(read_rules)


@dataclass(frozen=True)
class Due:
    """The three dates promised for a report, aware, in WITA."""

    verify: dt.datetime
    respond: dt.datetime
    resolve: dt.datetime


def promise(received: dt.datetime, handling: str) -> Due:
    """Return what the standards promise for a report `received` then, in a category of this `handling`."""
    current = rules()
    return Due(
        verify=current.deadline(received, current.working_days(Step.VERIFY)),
        respond=current.deadline(received, current.working_days(Step.RESPOND)),
        resolve=current.deadline(received, current.working_days(Step.RESOLVE, handling)),
    )


def after_hold(due: dt.datetime, held: dt.datetime, resumed: dt.datetime | None = None) -> dt.datetime:
    """Return `due` moved on by the working days that the clock stood still, from `held` to `resumed` (or now)."""
    current = rules()
    stood = current.working_days_between(
        held.astimezone(WITA).date(), (resumed or timezone.now()).astimezone(WITA).date()
    )
    return current.deadline(due, stood) if stood else due
