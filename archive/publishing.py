"""Ordering editions, keeping them, and taking them back: all writes to the archive."""

import datetime as dt
from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import User
from archive.errors import AlreadyOrdered, AlreadyWithdrawn, MonthNotOver, ReasonMissing
from archive.models import FIRST, Order, Publication, PublishedFile, Withdrawal


@transaction.atomic
def order(*, period: dt.date, today: dt.date, by: User | None, reason: str = "") -> Order:
    """Order an edition of the month that begins on `period`; `today` is the day in WITA.

    Raise MonthNotOver, ReasonMissing (there is an edition already) or AlreadyOrdered (one is being made).
    """
    reason = " ".join(reason.split())
    if period.replace(day=1) >= today.replace(day=1):
        raise MonthNotOver(_("This month is not over yet."))
    is_first = not Publication.objects.of_month(period).exists()
    if not is_first and not reason:
        raise ReasonMissing(_("There is an edition of this month already. Say why a further one is needed."))
    try:
        with transaction.atomic():
            return Order.objects.create(period=period, by=by, reason="" if is_first else reason)
    except IntegrityError as error:
        raise AlreadyOrdered(_("An edition of this month is being made already.")) from error


def next_edition(period: dt.date) -> int:
    """Return the number of a month's next edition."""
    last = Publication.objects.of_month(period).aggregate(last=Max("edition"))["last"]
    return FIRST if last is None else last + 1


@transaction.atomic
def publish(
    *, order: Order, edition: int, as_of: dt.datetime, boundaries: str, files: Iterable[PublishedFile]
) -> Publication:
    """Keep the files as the edition that was ordered. The database refuses a number that is there already."""
    publication = Publication.objects.create(
        period=order.period,
        edition=edition,
        reason=order.reason,
        as_of=as_of,
        boundaries=boundaries[:300],
        by=order.by,
    )
    for file in files:
        file.publication = publication
        file.save()
    order.publication, order.error = publication, ""
    order.save()
    return publication


@transaction.atomic
def withdraw(*, publication: Publication, reason: str) -> Withdrawal:
    """Take an edition's files back for good; its number, its digests and the reason stay public."""
    if Withdrawal.objects.filter(publication=publication).exists():
        raise AlreadyWithdrawn(_("This edition was withdrawn before."))
    made = Withdrawal.objects.create(publication=publication, reason=reason)
    publication.files.update(content=None)
    return made
