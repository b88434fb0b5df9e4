"""/dasbor/layanan/ (how the service runs) and /dasbor/data/ (the agencies' data): all by URL, for each reader."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboards.data import DataScreen
from dashboards.forecasts import HORIZON, LEAST_RECEIVED, WEEKS_READ
from dashboards.numbers import SMALLEST_SHOWN
from dashboards.questions import audience_of
from dashboards.service import AGENCY
from dashboards.service_screens import ServiceForm, ServiceScreen, own_question
from incidents.workflow import REOPEN_DAYS
from layers.searches import KEPT_DAYS, RARE_DAYS, SHOWN_DAYS, SHOWN_FROM


@never_cache
@require_safe
def service(request: HttpRequest) -> HttpResponse:
    """Show how the service runs: the leadership all of it, officers their agency's, everybody else the public's."""
    audience = audience_of(request.user)
    form = ServiceForm(request.GET)
    context: dict[str, Any] = {"form": form, "audience": audience, "strange": form.unknown_parameters()}
    if not form.is_valid():
        context["title"] = _("How the service runs")
        return render(request, "dashboards/asked_wrongly.html", context, status=400)
    shown = form.cleaned_data
    question = own_question(form.question(audience=audience))
    screen = ServiceScreen(question, by=shown["by"] or AGENCY, wall=bool(shown["layar"]), turn=shown["putar"])
    context |= {
        "screen": screen,
        "controls": screen.controls,
        "smallest_shown": SMALLEST_SHOWN,
        "weeks_read": WEEKS_READ,
        "weeks_ahead": HORIZON,
        "least_received": LEAST_RECEIVED,
        "reopen_days": REOPEN_DAYS,
    }
    return render(request, "dashboards/service.html", context)


@never_cache
@require_safe
def data(request: HttpRequest) -> HttpResponse:
    """Show what data each agency publishes, how fresh they are, and what people look for in vain."""
    context = {
        "screen": DataScreen(request.user),
        "strange": list(request.GET),  # it takes no question
        "shown_from": SHOWN_FROM,
        "shown_days": SHOWN_DAYS,
        "rare_days": RARE_DAYS,
        "kept_days": KEPT_DAYS,
    }
    return render(request, "dashboards/data.html", context)
