"""Reads over reports, as sentences: `Report.objects.visible_to(user).open().within(kecamatan)`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone

from accounts.models import User
from geo import hexagons
from geo.models import Kecamatan

if TYPE_CHECKING:
    from incidents.models import Report  # noqa: F401


class ReportQuerySet(models.QuerySet["Report"]):
    """Report sentences. Deny first: begin with `public()`, `visible_to(user)` or `at_desk_of(user)`."""

    def update(self, **changes: Any) -> int:
        """Change rows; a report that moves changes its hexagon, too."""
        if "geom" in changes and "hexagon" not in changes:
            changes["hexagon"] = hexagons.at(changes["geom"].x, changes["geom"].y)
        return super().update(**changes)

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Write these fields of many reports; those that move change their hexagons, too."""
        reports, names = list(objs), {*fields}
        if "geom" in names:
            names.add("hexagon")
            for report in reports:
                report.hexagon = hexagons.at(report.geom.x, report.geom.y)
        return super().bulk_update(reports, names, batch_size)

    def public(self) -> Self:
        """Those that everybody may read."""
        return self.filter(confidential=False)

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those that `user` may read: the public ones, and those at the desk of the user."""
        if not isinstance(user, User) or not user.works_at_desk():
            return self.public()
        if user.is_coordinator:
            return self
        return self.filter(models.Q(confidential=False) | models.Q(agency__in=user.agency_ids()))

    def at_desk_of(self, user: User | AnonymousUser) -> Self:
        """Those that `user` may work on: the agency's own; a coordinator's are all."""
        if not isinstance(user, User) or not user.works_at_desk():
            return self.none()
        if user.is_coordinator:
            return self
        return self.filter(agency__in=user.agency_ids())

    def open(self) -> Self:
        """Those to which the agency still owes an answer."""
        from incidents.models.reports import OPEN_STATUSES

        return self.filter(status__in=OPEN_STATUSES)

    def overdue(self, now: Any = None) -> Self:
        """Open ones whose resolving date has passed and whose clock runs."""
        return self.open().exclude(status="on_hold").filter(resolve_due_at__lt=now or timezone.now())

    def unrouted(self) -> Self:
        """Those that no rule could route: the coordinator's queue."""
        return self.filter(agency=None)

    def within(self, kecamatan: Kecamatan) -> Self:
        """Those given to `kecamatan`."""
        return self.filter(kecamatan=kecamatan)

    def with_next_due(self) -> Self:
        """Add `next_due_at`: the date of the promise to be kept next (verify, first response, or resolve)."""
        return self.annotate(
            next_due_at=models.Case(
                models.When(status="received", then="verify_due_at"),
                models.When(responded_at=None, then="respond_due_at"),
                default="resolve_due_at",
            )
        )

    def with_places(self) -> Self:
        """Join what every card shows: category and its group, kecamatan, desa, agency."""
        return self.select_related("category__parent", "kecamatan", "desa", "agency")
