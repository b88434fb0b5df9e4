"""/dasbor/data/: the layers of each agency, their freshness and completeness, their use, and searches in vain.

Layers are those that the reader may see, as in the catalogue; searches tell what the public would have found.
"""

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Sum
from django.utils import timezone
from django.utils.functional import cached_property

from accounts.models import User
from layers import searches
from layers.freshness import Freshness, freshness_of
from layers.metadata import completeness
from layers.models import Layer, LayerUse

DAYS = 90
"""Use and searches are those of so many days, today among them."""
MOST_USED = 15
SEARCHES = 30


@dataclass(frozen=True)
class AgencyData:
    """An agency's layers: how many, how fresh, how well described, and how often taken in the last `DAYS` days."""

    code: str
    name: str
    layers: int
    fresh: int
    due: int
    late: int
    once: int
    completeness: int
    """The median of the layers' points, 0 to 100."""
    downloads: int
    reads: int
    """Answers in which a layer's features or tiles were read."""

    @property
    def aging(self) -> int:
        """How many layers have a cycle."""
        return self.fresh + self.due + self.late


@dataclass(frozen=True)
class LayerRow:
    """A layer as the lists show it."""

    layer: Layer
    freshness: Freshness
    completeness: int
    downloads: int
    reads: int


class DataScreen:
    """The data's figures for one reader; each section is read once."""

    def __init__(self, user: User | AnonymousUser, today: dt.date | None = None) -> None:
        self.user = user
        self.until = today or timezone.localdate()
        self.since = self.until - dt.timedelta(days=DAYS - 1)
        self.as_of = timezone.now()
        self.days = DAYS

    @cached_property
    def rows(self) -> list[LayerRow]:
        """Every layer that the reader may see, by title."""
        used = self._used
        return [
            LayerRow(
                layer,
                freshness_of(layer.cycle, layer.current.published_at if layer.current else None, self.as_of),
                completeness(layer).percent,
                used[layer.pk]["downloads"],
                used[layer.pk]["items"] + used[layer.pk]["tiles"],
            )
            for layer in Layer.objects.visible_to(self.user).select_related("agency", "current")
        ]

    @cached_property
    def agencies(self) -> list[AgencyData]:
        """The agencies with layers, those with most first."""
        grouped: dict[int, list[LayerRow]] = defaultdict(list)
        for row in self.rows:
            grouped[row.layer.agency_id].append(row)
        found = []
        for rows in grouped.values():
            ages = Counter(row.freshness for row in rows)
            agency = rows[0].layer.agency
            found.append(
                AgencyData(
                    code=agency.code,
                    name=agency.short_name,
                    layers=len(rows),
                    fresh=ages[Freshness.FRESH],
                    due=ages[Freshness.DUE],
                    late=ages[Freshness.LATE],
                    once=ages[Freshness.ONCE],
                    completeness=round(median(row.completeness for row in rows)),
                    downloads=sum(row.downloads for row in rows),
                    reads=sum(row.reads for row in rows),
                )
            )
        return sorted(found, key=lambda one: (-one.layers, one.name))

    @cached_property
    def totals(self) -> dict[str, int]:
        """Layers, those that are overdue for renewal, and how often they were taken and read."""
        return {
            "layers": len(self.rows),
            "late": sum(row.freshness == Freshness.LATE for row in self.rows),
            "downloads": sum(row.downloads for row in self.rows),
            "reads": sum(row.reads for row in self.rows),
        }

    @cached_property
    def late(self) -> list[LayerRow]:
        """The layers that are overdue for renewal, the oldest first."""
        late = [row for row in self.rows if row.freshness == Freshness.LATE]
        return sorted(late, key=lambda row: (row.layer.current and row.layer.current.published_at) or self.as_of)

    @cached_property
    def most_used(self) -> list[LayerRow]:
        """The layers that were taken and read most."""
        used = [row for row in self.rows if row.downloads or row.reads]
        return sorted(used, key=lambda row: (-row.downloads, -row.reads, row.layer.title))[:MOST_USED]

    @property
    def tells_what_was_asked(self) -> bool:
        """Whether the reader sees the texts: people of the agencies do. Anybody can search for any sentence."""
        return isinstance(self.user, User) and self.user.works_at_desk()

    @cached_property
    def asked(self) -> list[searches.Asked]:
        """What was searched often enough to be shown and not wholly found, most often first."""
        if not self.tells_what_was_asked:
            return []
        return [one for one in searches.often(self.since, self.until) if one.missed][:SEARCHES]

    @cached_property
    def searched(self) -> tuple[int, int]:
        """How many searches there were, and how many found nothing."""
        return searches.total(self.since, self.until)

    @cached_property
    def _used(self) -> dict[int, dict[str, int]]:
        found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        rows: Any = (
            LayerUse.objects.filter(day__gte=self.since, day__lte=self.until, layer__isnull=False)
            .values_list("layer_id", "kind")
            .annotate(n=Sum("n"))
        )
        for layer, kind, n in rows:
            found[layer][kind] += n
        return found
