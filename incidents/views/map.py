"""The public map, the parts of it that change as it moves, and its tiles."""

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from geo.maps import Areas, MapMarkup, TileLayer, active_areas, browse_map, credit, tile_url
from geo.tiles import made_tile, tile_of
from incidents import pages, rollups
from incidents.filters import ReportFilter
from incidents.models import Report
from incidents.promises import next_promise
from incidents.tiles import BREAKS, POINTS_FROM, report_tile

LISTED = 20
CARD_MAX = 10


@require_safe
def map(request: HttpRequest) -> HttpResponse:
    """Show the public map with its list twin; everything but the map itself works without a script."""
    areas = active_areas()
    found = ReportFilter(request.GET, queryset=Report.objects.public())
    markup = _markup(request, found, areas) if areas else None
    context = {
        "map": markup,
        "areas": areas,
        "credit": credit(areas) if areas else "",
        "legend": _legend(),
        "filter_action": reverse("map"),
    }
    return render(request, "incidents/map.html", context | _listed(found, areas))


@require_safe
def map_list(request: HttpRequest) -> HttpResponse:
    """Answer with the list twin of the part of the map in `bbox`: a fragment of HTML."""
    found = ReportFilter(request.GET, queryset=Report.objects.public())
    return render(request, "incidents/map_list.html", _listed(found, active_areas()))


@require_safe
def map_card(request: HttpRequest) -> HttpResponse:
    """Answer with the public reports whose `ticket` is given (up to ten): a fragment of HTML."""
    tickets = request.GET.getlist("ticket")[:CARD_MAX]
    reports = Report.objects.public().with_places().filter(ticket__in=[text for text in tickets if "\x00" not in text])
    return render(request, "incidents/map_card.html", {"rows": [(report, next_promise(report)) for report in reports]})


@require_safe
def reports_tile(request: HttpRequest, z: str, x: str, y: str) -> HttpResponse:
    """Answer /tiles/reports/z/x/y.mvt: public reports, narrowed by the conditions of the query string."""
    return made_tile(request, report_tile(tile_of(z, x, y), request.GET))


def _listed(found: ReportFilter, areas: Areas | None) -> dict[str, Any]:
    """Return the newest reports found, and how many there are."""
    reports = found.qs.with_places()[:LISTED]
    count, more_than = _count(found, areas)
    return {
        "found": found,
        "rows": [(report, next_promise(report)) for report in reports],
        "count": count,
        "more_than": more_than,
        "more": max(0, count - LISTED),
        "query": found.query_string(leave_out={"bbox"}),
        "query_here": found.query_string(),
    }


def _count(found: ReportFilter, areas: Areas | None) -> tuple[int, bool]:
    """Return how many reports are found, and whether there are still more; the whole regency is counted exactly."""
    keys = found.cell_keys(leave_out={"bbox"})
    if keys is not None and (found.extent is None or (areas and areas.lie_within(found.extent))):
        categories, statuses = keys
        return rollups.total(categories=categories, statuses=statuses), False
    return pages.count_of(found.qs)


def _markup(request: HttpRequest, found: ReportFilter, areas: Areas) -> MapMarkup:
    query = found.query_string(leave_out={"bbox"})
    stamp = f"v={_stamp()}"
    return browse_map(
        nonce=request.csp_nonce,  # type: ignore[attr-defined]
        areas=areas,
        layer=TileLayer(
            url=tile_url("report_tile"),
            query=f"{query}&{stamp}" if query else stamp,
            more={"breaks": BREAKS},
        ),
        start="js/map/page.js",
        options={
            "query": query,
            "list": reverse("map_list"),
            "card": reverse("map_card"),
            "locate": reverse("api_locate"),
            "pointsFrom": POINTS_FROM,
            "texts": {
                "block": _("{n} reports in this square"),
                "locating": _("Looking for your location…"),
                "located": _("The map shows where you are."),
                "here": _("You are here: {place}"),
                "hereAtSea": _("You are at sea, off {place}"),
                "printing": _("The map is loading; it prints when it is complete."),
                "noLocation": _("Your device does not give its location."),
                "listFailed": _("The list could not be loaded. Check your connection."),
                "cardFailed": _("The report could not be loaded. Check your connection."),
            },
        },
        label=_("Map of reports. Arrow keys move it, plus and minus zoom, Enter opens what is in the middle."),
    )


def _stamp() -> str:
    """Return a text that is another one after every change, so that a new page never shows tiles from before it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        return str(cursor.fetchone()[0])


def _legend() -> list[tuple[int, int | None]]:
    """Return each class of counts as (first, last); the last class is open."""
    return [
        (first, following - 1 if following else None)
        for first, following in zip(BREAKS, [*BREAKS[1:], None], strict=True)
    ]
