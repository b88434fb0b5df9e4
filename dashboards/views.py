"""/dasbor/ for the leadership and the coordinators, /dasbor/publik/ for everybody: one screen, everything by URL."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboards.choropleth import map_of
from dashboards.controls import FIRST_MEASURE, DashboardForm
from dashboards.numbers import RANKED_FROM, SMALLEST_SHOWN, WEEKS_BEFORE
from dashboards.questions import LEADERSHIP, PUBLIC, Audience, audience_of
from dashboards.screens import Screen
from geo import maps


@never_cache
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the leadership and the coordinators all figures; send everybody else to the public ones."""
    if audience_of(request.user) != LEADERSHIP:
        query = request.META.get("QUERY_STRING", "")
        return redirect(reverse("dashboard_public") + (f"?{query}" if query else ""))
    return _answer(request, LEADERSHIP)


@never_cache
@require_safe
def public_dashboard(request: HttpRequest) -> HttpResponse:
    """Show everybody the public figures, whoever is signed in."""
    return _answer(request, PUBLIC)


def _answer(request: HttpRequest, audience: Audience) -> HttpResponse:
    form = DashboardForm(request.GET)
    context: dict[str, Any] = {
        "form": form,
        "audience": audience,
        "sees_all": audience_of(request.user) == LEADERSHIP,
        "strange": form.unknown_parameters(),
    }
    if not form.is_valid():
        context["title"] = _("Citizens' reports in figures")
        return render(request, "dashboards/asked_wrongly.html", context, status=400)
    shown = form.cleaned_data
    screen = Screen(
        form.question(audience=audience),
        measure=shown["measure"] or FIRST_MEASURE,
        wall=bool(shown["layar"]),
        turn=shown["putar"],
    )
    areas = maps.active_areas()
    context |= {
        "screen": screen,
        "controls": screen.controls,
        "map": map_of(areas, nonce=request.csp_nonce) if areas else None,  # type: ignore[attr-defined]
        "smallest_shown": SMALLEST_SHOWN,
        "ranked_from": RANKED_FROM,
        "weeks_before": WEEKS_BEFORE,
    }
    return render(request, "dashboards/screen.html", context)
