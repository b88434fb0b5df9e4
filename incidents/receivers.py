"""What reports say when boundaries are about to change."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.dispatch import receiver
from django.utils.translation import gettext as _

from geo.locate import Location
from geo.signals import edition_previewed
from incidents.models import Report

BATCH = 5_000
LocateMany = Callable[[Sequence[tuple[float, float]]], list[Location | None]]


@receiver(edition_previewed)
def tell_moving_reports(sender: Any, locate_many: LocateMany, **kwargs: Any) -> str:
    """Count the reports that the candidate edition would put into another kecamatan, or outside the regency."""
    total = moved = outside = 0
    for places, codes in _located(locate_many):
        total += len(codes)
        outside += sum(place is None for place in places)
        moved += sum(
            place is not None and place.kecamatan.code != code for place, code in zip(places, codes, strict=True)
        )
    return _(
        "%(moved)d of %(total)d reports would lie in another kecamatan and %(outside)d outside the regency. "
        "Stored reports keep what they were given."
    ) % {"moved": moved, "total": total, "outside": outside}


def _located(locate_many: LocateMany) -> Iterator[tuple[list[Location | None], list[str]]]:
    """Yield the reports in batches: where each would lie, and the kecamatan code that each has."""
    rows = iter(Report.objects.order_by().values_list("geom", "kecamatan__code").iterator(chunk_size=BATCH))
    while batch := list(islice(rows, BATCH)):
        yield locate_many([(point.x, point.y) for point, _code in batch]), [code for _point, code in batch]
