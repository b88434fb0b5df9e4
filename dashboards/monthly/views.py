"""/dasbor/laporan-bulanan/: the published months and their files; /jejak/: how anybody verifies them and the events."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from archive.errors import ArchiveError, ReasonMissing
from archive.models import Order, Publication, PublishedFile
from archive.publishing import order
from dashboards.monthly.forms import OrderForm
from dashboards.questions import today_wita
from incidents.models import DayMark

MONTHS_SHOWN = 36
"""Editions on one page of the list."""
MARKS_SHOWN = 31


@dataclass(frozen=True)
class Month:
    """A month's editions, the newest first."""

    period: dt.date
    editions: list[Publication]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def monthly_reports(request: HttpRequest) -> HttpResponse:
    """List the published reports; take a coordinator's order of a further one."""
    coordinates = isinstance(request.user, User) and request.user.is_coordinator
    form = OrderForm(request.POST or None, today=today_wita()) if coordinates else None
    status = 200
    if request.method == "POST":
        if form is None:
            return redirect("monthly_reports")
        if form.is_valid() and _ordered(request, form):
            return redirect("monthly_reports")
        status = 422
    page = Paginator(Publication.objects.listed(), MONTHS_SHOWN).get_page(request.GET.get("page"))
    context = {
        "months": _months(page),
        "page": page,
        "form": form,
        "waiting": Order.objects.filter(publication=None) if coordinates else [],
    }
    return render(request, "dashboards/monthly/list.html", context, status=status)


def _ordered(request: HttpRequest, form: OrderForm) -> bool:
    assert isinstance(request.user, User)  # noqa: S101  the form is a coordinator's
    given = form.cleaned_data
    try:
        order(period=given["month"], today=today_wita(), by=request.user, reason=given["reason"])
    except ReasonMissing as error:
        form.add_error("reason", str(error))
    except ArchiveError as error:
        form.add_error("month", str(error))
    else:
        messages.success(request, _("Ordered. It is made in the background and stands here in about a minute."))
        return True
    return False


def _months(editions: Iterable[Publication]) -> list[Month]:
    return [Month(period, list(found)) for period, found in groupby(editions, key=lambda one: one.period)]


@require_safe
def monthly_file(request: HttpRequest, name: str) -> HttpResponse:
    """Give a published file. It never changes, so it may be kept for good; a withdrawn one is 410."""
    if "\x00" in name:
        raise Http404
    file = get_object_or_404(PublishedFile.objects.defer("content").select_related("publication"), name=name)
    etag = f'"{file.sha256}"'
    # Compared weakly, as If-None-Match asks for: what left gzipped carries W/ before its ETag (RFC 9110, 13.1.2).
    known = None if file.publication.is_withdrawn else get_conditional_response(request, etag=etag)
    if known:
        response: HttpResponse = known
    else:
        content = PublishedFile.objects.values_list("content", flat=True).get(pk=file.pk)
        if content is None:
            return render(request, "dashboards/monthly/withdrawn.html", {"file": file}, status=410)
        response = HttpResponse(bytes(content), content_type=file.media_type)
        response["Content-Disposition"] = f'attachment; filename="{file.name}"'
    response["ETag"] = etag
    response["Cache-Control"] = "public, no-cache"  # asked again each time: an edition may be withdrawn
    return response


@require_safe
def trace(request: HttpRequest) -> HttpResponse:
    """Show the digests of what was published, the marks of the chain of events, and how to verify both."""
    page = Paginator(Publication.objects.listed(), MONTHS_SHOWN).get_page(request.GET.get("page"))
    context = {
        "editions": page,
        "page": page,
        "marks": list(DayMark.objects.all()[:MARKS_SHOWN]),
        "digests_url": reverse("trace_digests"),
    }
    return render(request, "dashboards/monthly/trace.html", context)


@require_safe
def digests(request: HttpRequest) -> HttpResponse:
    """Give the digests of all files as `sha256sum --check` reads them."""
    rows = PublishedFile.objects.order_by("name").values_list("sha256", "name")
    return HttpResponse(
        "".join(f"{digest}  {name}\n" for digest, name in rows), content_type="text/plain; charset=utf-8"
    )
