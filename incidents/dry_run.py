"""What a change of one routing rule would do, told by the reports of the last days, before anybody saves it.

Reports are compared by the rules alone: where the present rules send a category in a kecamatan, and where the changed
rules would. Hand-overs made since play no part.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count
from django.utils import timezone

from accounts.models import Agency
from geo.models import Kecamatan
from incidents.models import Category, Report, RoutingRule

DAYS = 90
SAMPLE = 5
"""Tickets shown for each pair."""


@dataclass(frozen=True)
class Change:
    """Reports of one category in one kecamatan that would go to `new` instead of `old` (None: the coordinator)."""

    category: Category
    kecamatan: Kecamatan
    old: Agency | None
    new: Agency | None
    count: int
    tickets: list[str]


@dataclass(frozen=True)
class DryRun:
    """All reports since then, and the changes, largest first."""

    since: dt.datetime
    total: int
    changes: list[Change]

    @property
    def moved(self) -> int:
        """How many reports would go elsewhere."""
        return sum(change.count for change in self.changes)


def dry_run(changed: RoutingRule, *, now: dt.datetime | None = None, days: int = DAYS) -> DryRun:
    """Tell which of the last `days` days' reports would go elsewhere with `changed` in place of its saved self.

    `changed` need not be saved; without a primary key it counts as an additional rule, inactive as none.
    """
    since = (now or timezone.now()) - dt.timedelta(days=days)
    present = list(RoutingRule.objects.filter(active=True, agency__active=True).select_related("agency"))
    future = [rule for rule in present if rule.pk != changed.pk]
    if changed.active and changed.agency.active:
        future.append(changed)
    pairs = list(
        Report.objects.filter(created_at__gte=since)
        .order_by()
        .values("category", "kecamatan")
        .annotate(n=Count("pk"), tickets=ArrayAgg("ticket", order_by="-created_at"))
    )
    categories = Category.objects.in_bulk([pair["category"] for pair in pairs])
    places = Kecamatan.objects.in_bulk([pair["kecamatan"] for pair in pairs])
    changes = []
    for pair in pairs:
        category = categories[pair["category"]]
        old, new = (_agency(rules, category, pair["kecamatan"]) for rules in (present, future))
        if old != new:
            changes.append(Change(category, places[pair["kecamatan"]], old, new, pair["n"], pair["tickets"][:SAMPLE]))
    changes.sort(key=lambda change: (-change.count, change.category.position, change.kecamatan.name))
    return DryRun(since, sum(pair["n"] for pair in pairs), changes)


def best_of(rules: Sequence[RoutingRule], category: Category, kecamatan_id: int) -> RoutingRule | None:
    """Return the most specific of `rules`, as `incidents.routing.choose` does among those in the database."""
    fitting = [
        rule
        for rule in rules
        if rule.category_id in {None, category.pk, category.parent_id} and rule.kecamatan_id in {None, kecamatan_id}
    ]
    return max(fitting, key=lambda rule: _rank(rule, category), default=None)


def _rank(rule: RoutingRule, category: Category) -> int:
    by_category = {category.pk: 4, category.parent_id: 2}.get(rule.category_id, 0) if rule.category_id else 0
    return by_category + (1 if rule.kecamatan_id else 0)


def _agency(rules: Sequence[RoutingRule], category: Category, kecamatan_id: int) -> Agency | None:
    rule = best_of(rules, category, kecamatan_id)
    return rule.agency if rule else None
