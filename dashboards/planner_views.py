"""/opd/peta/: a planner's heat maps, the reports of a place as a list, and as a file. Everything by URL."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from dashboards import planner_files
from dashboards.planner_controls import Controls
from dashboards.planner_maps import Screen, count_of, page_of, reports_of
from dashboards.planner_questions import Asked, NotYours, PlannerForm, scope_of
from geo.errors import ParameterError
from incidents.views.desk import for_desk

View = Callable[..., HttpResponseBase]
OWN = {"rows", "after"}
"""Parameters of the pages that are no part of the question."""


def asking(view: View) -> Any:
    """Give `view` the question and its form; what cannot be read or is not the person's own is said instead."""

    @for_desk
    @require_safe
    @wraps(view)
    def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        form = PlannerForm(request.GET, scope=scope_of(cast("User", request.user)))
        context: dict[str, Any] = {"form": form, "strange": form.unknown_parameters(OWN)}
        if not form.is_valid():
            return render(request, "dashboards/planner_wrong.html", context, status=400)
        try:
            asked = form.asked()
        except NotYours:
            return render(request, "dashboards/planner_not_yours.html", context, status=403)
        return view(request, asked, context | {"foreign": form.foreign_agencies()}, **kwargs)

    return wrapped


@asking
def planner(request: HttpRequest, asked: Asked, context: dict[str, Any]) -> HttpResponse:
    """Show the map of cells or kecamatan with its tables."""
    screen = Screen(asked, all_rows=request.GET.get("rows") == "all")
    if asked.cell or asked.within:  # the map keeps its numbers, the list is narrowed
        context["chosen"], context["more"] = count_of(asked, cast("User", request.user))
    context |= {
        "asked": asked,
        "screen": screen,
        "controls": Controls(asked),
        "map": screen.map(nonce=request.csp_nonce),  # type: ignore[attr-defined]
    }
    return render(request, "dashboards/planner.html", context)


@asking
def cells(_request: HttpRequest, asked: Asked, _context: dict[str, Any]) -> HttpResponse:
    """Return the cells for the map."""
    return HttpResponse(Screen(asked).as_json(), content_type="application/json")


@asking
def reports(request: HttpRequest, asked: Asked, context: dict[str, Any]) -> HttpResponse:
    """List the reports that are counted, as far as the person may read them."""
    user = cast("User", request.user)
    try:
        page = page_of(asked, user, request.GET.get("after"), limit=25)
    except ParameterError as error:
        raise Http404(str(error)) from error
    count, more = count_of(asked, user)
    context |= {
        "asked": asked,
        "controls": Controls(asked),
        "page": page,
        "count": count,
        "more": more,
        "formats": planner_files.FORMATS,
        "rows_max": planner_files.ROWS_MAX,
        "at_desk": not user.only_leads,
    }
    return render(request, "dashboards/planner_reports.html", context)


@asking
def download(request: HttpRequest, asked: Asked, _context: dict[str, Any], code: str) -> HttpResponseBase:
    """Send the public ones of these reports as a file."""
    if code not in dict(planner_files.FORMATS):
        raise Http404
    found = reports_of(asked, cast("User", request.user))
    return planner_files.answer(found, code, planner_files.about_of(asked.words()))
