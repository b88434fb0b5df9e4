"""Which layers a combined map shows, as read from its address: in its order, at most six, those the person may see.

What is not there and what the person may not see are told apart nowhere: both are only `missing`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict

from accounts.models import User
from geo.maps import Bounds
from layers.models import Layer

MOST = 6
NAMED = 40
"""Names of an address that are looked at; an address has no more by any form of ours."""
SHORT_NAME = re.compile(r"[a-z0-9_-]{1,60}")


@dataclass(frozen=True)
class Combination:
    """The layers of a map, the first on top, and whether reports lie above them."""

    layers: tuple[Layer, ...]
    reports: bool
    missing: tuple[str, ...] = ()
    """Names of the address that stand for nothing the person may see."""
    left_out: int = 0
    """How many layers are one too many and more."""

    @property
    def slugs(self) -> list[str]:
        return [layer.slug for layer in self.layers]

    @property
    def extent(self) -> Bounds | None:
        """What the layers cover together; None if nothing."""
        boxes = [layer.current.extent.extent for layer in self.layers if layer.current and layer.current.extent]
        if not boxes:
            return None
        west, south, east, north = zip(*boxes, strict=True)
        return (min(west), min(south), max(east), max(north))

    def raised(self, slug: str) -> str:
        """Return the query string with a layer one place further up."""
        slugs, at = self.slugs, self.slugs.index(slug)
        slugs.insert(max(0, at - 1), slugs.pop(at))
        return query_of(slugs, reports=self.reports)

    def without(self, slug: str) -> str:
        """Return the query string without a layer."""
        return query_of([one for one in self.slugs if one != slug], reports=self.reports)


def query_of(slugs: Sequence[str], *, reports: bool) -> str:
    """Return the query string of a combined map."""
    return urlencode([*(("layer", slug) for slug in slugs), *([("reports", "1")] if reports else [])])


def read_combination(params: QueryDict, user: User | AnonymousUser) -> Combination:
    """Read an address. What others add to links (utm_source and the like) is left out."""
    named = list(dict.fromkeys(name for name in params.getlist("layer") if name))[:NAMED]
    well_formed = [name for name in named if SHORT_NAME.fullmatch(name)]
    visible = Layer.objects.visible_to(user).filter(slug__in=well_formed).select_related("agency", "current")
    by_slug = {layer.slug: layer for layer in visible}
    found = [by_slug[name] for name in named if name in by_slug]
    return Combination(
        layers=tuple(found[:MOST]),
        reports=params.get("reports", "") not in {"", "0"},
        missing=tuple(name[:60] for name in named if name not in by_slug),
        left_out=max(0, len(found) - MOST),
    )
