"""Orders and editions for tests, with files that need no printing."""

import datetime as dt

from django.utils import timezone

from archive.models import Order, Publication, PublishedFile
from archive.publishing import next_edition, publish

MAY = dt.date(2026, 5, 1)


def make_edition(period: dt.date = MAY, reason: str = "") -> Publication:
    """Publish an edition of a month with one small PDF and one JSON file."""
    order = Order.objects.create(period=period, reason=reason)
    edition = next_edition(period)
    stem = f"laporan-bulanan-{period:%Y-%m}-e{edition}"
    return publish(
        order=order,
        edition=edition,
        as_of=timezone.now(),
        boundaries="Test",
        files=[
            PublishedFile.of(
                b"%PDF-1.7 " + stem.encode(), name=f"{stem}-id.pdf", media_type="application/pdf", language="id"
            ),
            PublishedFile.of(b"{}" + stem.encode(), name=f"{stem}.json", media_type="application/json"),
        ],
    )
