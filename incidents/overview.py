"""The regency at a glance, for the leadership: how much is open at which agency, and what is late.

Every number is that of the public list behind its link. Confidential reports stand beside them as one sum, because
their content is their agency's alone.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import Agency
from incidents import rollups
from incidents.models import Report
from incidents.models.reports import OPEN_STATUSES, Status

AT_WORK = (*OPEN_STATUSES, Status.ANSWERED)
"""Statuses in which somebody still waits: for the agency, or for the reporter's word."""

_PUBLIC = Q(confidential=False)
_COUNTED = {status.value: Count("pk", filter=_PUBLIC & Q(status=status)) for status in AT_WORK}


@dataclass(frozen=True)
class Load:
    """What lies at one agency (None: with the coordinator, not forwarded yet)."""

    agency: Agency | None
    by_status: dict[str, int]
    overdue: int

    @property
    def open(self) -> int:
        """To how many the agency still owes an answer."""
        return sum(self.by_status[status] for status in OPEN_STATUSES)

    @property
    def new(self) -> int:
        """Forwarded or reopened, and not yet taken."""
        return self.by_status[Status.ROUTED] + self.by_status[Status.REOPENED]


@dataclass(frozen=True)
class Overview:
    """The whole regency, and the agencies at which something lies: the most overdue first."""

    whole: Load
    agencies: list[Load]
    done: int
    confidential: int


def overview(now: dt.datetime | None = None) -> Overview:
    """Count what is at work: one query over the open reports, and the roll-up for those that are done."""
    now = now or timezone.now()
    late = ~Q(status__in=[Status.ON_HOLD, Status.ANSWERED]) & Q(resolve_due_at__lt=now)
    at_work: list[Any] = list(
        Report.objects.filter(status__in=AT_WORK)
        .order_by()
        .values("agency")
        .annotate(
            overdue=Count("pk", filter=_PUBLIC & late),
            hidden=Count("pk", filter=~_PUBLIC & ~Q(status=Status.ANSWERED)),
            **_COUNTED,
        )
    )
    agencies = Agency.objects.in_bulk([row["agency"] for row in at_work if row["agency"]])
    loads = [_load(row, agencies.get(row["agency"])) for row in at_work]
    whole: Counter[str] = Counter()
    for load in loads:
        whole.update(load.by_status)
    listed = [load for load in loads if load.agency and any(load.by_status.values())]
    listed.sort(key=lambda load: load.agency.name if load.agency else "")
    listed.sort(key=attrgetter("overdue", "open"), reverse=True)
    return Overview(
        whole=Load(None, {status: whole[status] for status in AT_WORK}, sum(load.overdue for load in loads)),
        agencies=listed,
        done=rollups.total(statuses=[Status.CLOSED]),
        confidential=sum(row["hidden"] for row in at_work),
    )


def _load(row: dict[str, Any], agency: Agency | None) -> Load:
    return Load(agency, {status: row[status] for status in AT_WORK}, row["overdue"])
