"""/dasbor/titik-panas/ and its two sisters: where reports concentrate, for the leadership, the public and an agency.

Each has a page, what its maps draw (`sel/`, JSON) and the table of all cells (`sel.csv`); everything by URL.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboards.cells import GROUP_TITLES, KIND_MARKS, SPOT_MARKS, Drawing, box_of, csv_of
from dashboards.concentration import (
    DISTANCE_ERROR_KM,
    FEWEST_NEAR,
    FEWEST_REPORTS,
    GROUPS,
    Concentration,
    differences,
)
from dashboards.hotspot_forms import COUNTS, VIEW_TITLES, HotspotControls, HotspotForm, period
from dashboards.hotspots import CLEAR, FEWEST_MONTHS, STRONG
from dashboards.numbers import SMALLEST_SHOWN
from dashboards.questions import LEADERSHIP, PUBLIC, audience_of
from dashboards.study_area import StudyArea, study_area
from geo import maps

LEADERS, EVERYBODY, DESK = "hotspots", "hotspots_public", "hotspots_desk"
ROWS = 25
"""Rows of a list before the rest is behind a disclosure; the CSV has all cells."""

Answer = Callable[[HttpRequest, HotspotForm, str], HttpResponse]


def _for_readers(answer: Answer) -> Callable[..., HttpResponse]:
    """Let in who may read at this address; send everybody else where they may."""

    @never_cache
    @require_safe
    @wraps(answer)
    def view(request: HttpRequest, where: str) -> HttpResponse:
        audience = audience_of(request.user)
        if where == DESK and not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        theirs = {LEADERSHIP.name: LEADERS, PUBLIC.name: EVERYBODY}.get(audience.name, DESK)
        if where not in {theirs, EVERYBODY}:
            here = request.resolver_match.url_name if request.resolver_match else None
            name = (here or where).replace(where, theirs)  # the same part of theirs
            query = request.META.get("QUERY_STRING", "")
            return redirect(reverse(name) + (f"?{query}" if query else ""))
        form = HotspotForm(request.GET, audience=PUBLIC if where == EVERYBODY else audience)
        return answer(request, form, where)

    return view


@_for_readers
def hotspots_page(request: HttpRequest, form: HotspotForm, where: str) -> HttpResponse:
    """Show where reports concentrate."""
    context: dict[str, Any] = {
        "form": form,
        "audience": form.audience,
        "theirs": audience_of(request.user),
        "where": where,
        "strange": form.unknown_parameters(),
    }
    if not form.is_valid():
        return render(request, "dashboards/hotspots/asked_wrongly.html", context, status=400)
    view = form.cleaned_data["view"] or COUNTS
    facility = form.cleaned_data["facility"]
    asked, beside = form.asked()
    controls = HotspotControls(asked, beside, view, facility.slug if facility else "")
    context |= {"controls": controls, "view": view, "periods": [period(one) for one in (asked, beside) if one]}
    area, areas = study_area(asked.grid.name), maps.active_areas()
    if area is None or areas is None:
        return render(request, "dashboards/hotspots/page.html", context)
    one, other = _concentrations(form, area)
    drawing = Drawing(view, one, other)
    if drawing.has_months or not one.sealed:
        one.read_months()
    context |= {
        "con": one,
        "other": other,
        "view_title": VIEW_TITLES[view],
        "drawing": drawing,
        "maps": _maps(request, areas, drawing, controls, where),
        "rows": _rows(one, other, controls),
        "distances": one.distances(facility) if facility and not one.sealed else None,
        "facility": facility,
        "csv": reverse(f"{where}_csv"),
        "limits": {
            "smallest": SMALLEST_SHOWN, "reports": FEWEST_REPORTS, "near": FEWEST_NEAR, "months": FEWEST_MONTHS,
            "strong": round(100 * STRONG), "clear": round(100 * CLEAR), "error_km": DISTANCE_ERROR_KM,
        },
    }  # fmt: skip
    return render(request, "dashboards/hotspots/page.html", context)


@_for_readers
def hotspots_cells(request: HttpRequest, form: HotspotForm, where: str) -> HttpResponse:
    """Answer what a map draws; `side=b`: the one beside. 400 with the errors for a question that cannot be read."""
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    area = study_area(form.asked()[0].grid.name)
    if area is None:
        return JsonResponse({"dresses": [], "cells": [], "months": [], "monthly": []})
    one, other = _concentrations(form, area)
    drawing = Drawing(form.cleaned_data["view"] or COUNTS, one, other)
    shown = other if form.cleaned_data["side"] and other else one
    return HttpResponse(drawing.as_json(shown), content_type="application/json")


@_for_readers
def hotspots_csv(request: HttpRequest, form: HotspotForm, where: str) -> HttpResponse:
    """Answer every cell of the study area with its numbers."""
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    area = study_area(form.asked()[0].grid.name)
    if area is None:
        return HttpResponse("", content_type="text/csv; charset=utf-8")
    one, _other = _concentrations(form, area)
    name = f"titik-panas_{one.asked.grid.name}_{one.question.since}_{one.question.until}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(csv_of(one), content_type="text/csv; charset=utf-8", headers=headers)


def _concentrations(form: HotspotForm, area: StudyArea) -> tuple[Concentration, Concentration | None]:
    asked, beside = form.asked()
    one = Concentration(asked, area)
    other = Concentration(beside, area) if beside else None
    if other and (one.sealed or other.sealed):  # what is hidden on one side would show as the difference of the two
        one, other = Concentration(asked, area, sealed=True), Concentration(other.asked, area, sealed=True)
    return one, other


def _maps(
    request: HttpRequest, areas: maps.Areas, drawing: Drawing, controls: HotspotControls, where: str
) -> list[maps.MapMarkup]:
    """Return one map, or two that move together."""
    url = reverse(f"{where}_cells")
    query = controls.query()
    sides = [query, f"{query}&side=b"] if drawing.other else [query]
    names = [period(con.asked) for con in (drawing.one, drawing.other) if con]
    options = {
        "bounds": areas.bounds,
        "texts": {
            "failed": _("The cells did not load. The tables have the numbers."),
            "retry": _("Try again"),
            "zoomIn": _("Zoom in"),
            "zoomOut": _("Zoom out"),
            "whole": _("All months together"),
        },
    }
    return maps.twin_maps(
        nonce=request.csp_nonce,  # type: ignore[attr-defined]
        areas=areas,
        layers=[maps.TileLayer(url, side) for side in sides],
        module="js/dashboards/hotspots.js",
        options=[options] * len(sides),
        labels=[_("Map of cells, %(period)s. The tables below have the numbers.") % {"period": name} for name in names],
    )


def _rows(one: Concentration, other: Concentration | None, controls: HotspotControls) -> dict[str, Any]:
    """Return the lists of the page, each row with its sign and the query of its reports."""

    def reports(cell: int) -> str:
        return controls.reports(("bbox", box_of(one, cell)))

    busiest = sorted((i for i, n in enumerate(one.counts) if one.shown(int(n))), key=lambda i: (-one.counts[i], i))
    return {
        "busiest": [(one.place(i), int(one.counts[i]), reports(int(one.area.cells[i]))) for i in busiest[:ROWS]],
        "hot": [(SPOT_MARKS[spot.level], spot, reports(spot.cell)) for spot in one.hot],
        "cold": [(SPOT_MARKS[spot.level], spot, reports(spot.cell)) for spot in one.cold],
        "developments": [
            (
                title,
                [
                    (KIND_MARKS[row.kind], row, reports(row.cell))
                    for row in one.developments
                    if row.kind in GROUPS[group]
                ],
            )
            for group, title in GROUP_TITLES.items()
        ],
        "differences": differences(one, other, ROWS) if other else [],
    }
