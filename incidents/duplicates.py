"""Reports of the same matter: which one a report repeats, which ones lie near, and who is told along."""

from typing import Any

from django.contrib.gis.db.models.functions import Distance
from django.contrib.gis.geos import Point
from django.utils.translation import gettext as _

from accounts.models import User
from incidents import tickets
from incidents.errors import MistypedTicket, MoveIncomplete
from incidents.models import Category, Report, ReportEvent
from incidents.models.reports import OPEN_STATUSES, Status
from incidents.querysets import ReportQuerySet

NEAR_M = 300
NEAR_MAX = 5
REPEATS_MAX = 20
"""More reports that tell the same are only counted on the page."""
FIELD = "original"


def original_of(ticket: str, *, report: Report, by: User) -> Report:
    """Return the report whose matter `report` repeats, by the ticket that `by` chose or typed.

    Raises MoveIncomplete for whatever cannot be followed in its stead. One that `by` may not read is as one that does
    not exist.
    """
    if not ticket.strip():
        raise MoveIncomplete(_("Choose the report that tells the same, or type its ticket."), FIELD)
    try:
        ticket = tickets.parse(ticket)
    except MistypedTicket as error:
        raise MoveIncomplete(str(error), FIELD) from error
    found = Report.objects.visible_to(by).with_places().select_related("duplicate_of").filter(ticket=ticket).first()
    words = {"ticket": ticket}
    if found is None:
        raise MoveIncomplete(_("There is no report %(ticket)s that you may read.") % words, FIELD)
    if found.pk == report.pk:
        raise MoveIncomplete(_("%(ticket)s is this report itself. Choose another one.") % words, FIELD)
    if found.duplicate_of_id == report.pk:
        told = _("%(ticket)s was told to be a duplicate of this one. Take that back first, on its page.")
        raise MoveIncomplete(told % words, FIELD)
    if found.duplicate_of:
        if found.duplicate_of.confidential:
            raise MoveIncomplete(_("%(ticket)s is a duplicate itself. Choose another one.") % words, FIELD)
        words["original"] = found.duplicate_of.ticket
        raise MoveIncomplete(_("%(ticket)s is a duplicate itself, of %(original)s. Choose that one.") % words, FIELD)
    if found.confidential:
        raise MoveIncomplete(
            _("%(ticket)s is confidential: who wrote this report could not follow it. Choose a public one.") % words,
            FIELD,
        )
    if found.status == Status.CLOSED:
        raise MoveIncomplete(
            _("%(ticket)s is done. What is reported again after that is a matter of its own.") % words, FIELD
        )
    if found.status == Status.REJECTED:
        raise MoveIncomplete(_("%(ticket)s is archived: nobody works on it. Choose one that is open.") % words, FIELD)
    return found


def names(typed: str, ticket: str) -> bool:
    """Whether somebody who typed `typed` means `ticket`."""
    try:
        return tickets.parse(typed) == ticket
    except MistypedTicket:
        return False


def near(report: Report) -> list[tuple[Report, int]]:
    """Return public reports that may tell the same as `report`, as `_around` does."""
    return _around(report.geom_3857, report.category, Report.objects.public().exclude(pk=report.pk))


def near_point(*, lon: float, lat: float, category: Category) -> list[tuple[Report, int]]:
    """Return public reports that may tell the same as one that is about to be written, as `_around` does."""
    place = Point(lon, lat, srid=4326)
    place.transform(3857)
    return _around(place, category, Report.objects.public())


def _around(place: Point, category: Category, among: ReportQuerySet) -> list[tuple[Report, int]]:
    """Return at most `NEAR_MAX` reports that are worked on, nearest first, with their distance in metres.

    `place` lies in EPSG:3857, whose metres are a ten-thousandth too long here.
    """
    found = (
        among.filter(
            geom_3857__dwithin=(place, NEAR_M), category=category, status__in=[*OPEN_STATUSES, Status.ANSWERED]
        )
        .annotate(apart=Distance("geom_3857", place))
        .with_places()
        .order_by("apart", "pk")
    )
    return [(one, round(one.apart.m)) for one in found[:NEAR_MAX]]


def told_by(event: ReportEvent) -> str | None:
    """Return the ticket that an event tells to follow instead; None where it tells of none that everybody may read."""
    ticket = event.data.get("original")
    return ticket if ticket and Report.objects.public().filter(ticket=ticket).exists() else None


def followed_by(report: Report) -> list[int]:
    """Return the ids of the duplicates of `report`, and of their own: whoever wrote them goes along with it."""
    found: list[int] = []
    level = [report.pk]
    while level:
        level = list(Report.objects.filter(duplicate_of__in=level).order_by("pk").values_list("pk", flat=True))
        found += level
    return found


def shown_with(report: Report, readable: ReportQuerySet) -> dict[str, Any]:
    """Return what the page of `report` leads to, for its template, of what is `readable`.

    `original` is the report to follow instead (None: none that is readable), at the end of a chain of duplicates;
    `repeats` are the first of the `repeats_n` reports that tell the same as this one.
    """
    wanted, original = report.duplicate_of_id, None
    while wanted:
        original = readable.with_places().filter(pk=wanted).first()
        wanted = original.duplicate_of_id if original else None
    repeats = readable.filter(pk__in=followed_by(report))
    first = list(repeats.order_by("created_at")[:REPEATS_MAX])
    n = len(first) if len(first) < REPEATS_MAX else repeats.count()
    return {"original": original, "repeats": first, "repeats_n": n, "repeats_more": n - len(first)}
