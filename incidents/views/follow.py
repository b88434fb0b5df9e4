"""Following reports: the public list, one report with its conversation, the secret link, and tracking by ticket."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from geo.errors import ParameterError
from geo.maps import MapMarkup, locator_map
from incidents import clock, duplicates, keyring, moves, pages, tickets
from incidents.errors import MistypedTicket, MoveIncomplete, MoveNotAllowed
from incidents.filters import ReportFilter
from incidents.models import Report, ReportEvent
from incidents.moves import until_when
from incidents.promises import next_promise, promises_of
from incidents.secrets import is_secret_of
from incidents.timeline import turns_of
from incidents.views.posted import posted_moment, posted_text
from incidents.workflow import Party

PAGE_SIZE = 25
ASKED_IN_FORM = {"q", "status", "kecamatan", "category", "since", "until", "overdue"}
"""Conditions for which the form has a field; it carries the others along."""
REPORTER_MOVES = ("confirm", "reopen", "other_matter", "reply")

View = Callable[..., HttpResponse]


def with_ticket(view: View) -> View:
    """Give the view a well-formed ticket; redirect other spellings to it, and tell a mistyped one."""

    @wraps(view)
    def wrapped(request: HttpRequest, ticket: str, **kwargs: Any) -> HttpResponse:
        try:
            canonical = tickets.parse(ticket)
        except MistypedTicket as error:
            return missing(request, ticket, str(error))
        if canonical != ticket and request.method in {"GET", "HEAD"} and request.resolver_match:
            name = str(request.resolver_match.url_name)
            query = request.META.get("QUERY_STRING", "")
            address = reverse(name, kwargs={"ticket": canonical, **kwargs})
            return redirect(f"{address}?{query}" if query else address, permanent=True)
        return view(request, canonical, **kwargs)

    return wrapped


def missing(request: HttpRequest, ticket: str, error: str = "") -> HttpResponse:
    """Answer 404 with help. A confidential report and one that does not exist get the same answer."""
    return render(request, "incidents/follow/missing.html", {"ticket": ticket[:40], "error": error}, status=404)


@require_safe
def report_list(request: HttpRequest) -> HttpResponse:
    """Show the public reports, narrowed and ordered by the query string."""
    found = ReportFilter(request.GET, queryset=Report.objects.public())
    by_date = request.GET.get("order") == "overdue"
    reports = found.qs.open() if by_date else found.qs
    try:
        page = pages.page_of(
            reports.with_places(),
            cursor=request.GET.get("cursor"),
            limit=PAGE_SIZE,
            order=pages.LONGEST_DUE if by_date else pages.NEWEST,
        )
    except ParameterError:
        return redirect(f"{request.path}?{_query(found, by_date)}")
    count, more_than = pages.count_of(reports)
    return render(
        request,
        "incidents/follow/list.html",
        {
            "found": found,
            "rows": [(report, next_promise(report)) for report in page.reports],
            "next_cursor": page.next_cursor,
            "is_first": not request.GET.get("cursor"),
            "count": count,
            "more_than": more_than,
            "by_date": by_date,
            "query": found.query_string(),
            "kept": list(found.pairs(leave_out=ASKED_IN_FORM)),
            "query_and_order": _query(found, by_date),
        },
    )


@never_cache
@require_safe
@with_ticket
def report_detail(request: HttpRequest, ticket: str) -> HttpResponse:
    """Show one report: what, where, who answers and why, the public clock and the conversation."""
    report = _readable(request, ticket)
    return _detail(request, report) if report else missing(request, ticket)


@never_cache
@require_safe
@with_ticket
def report_key(request: HttpRequest, ticket: str, secret: str) -> HttpResponse:
    """Take the secret of a report into the session, then go on to the address without it."""
    if not is_secret_of(ticket, secret) or not Report.objects.filter(ticket=ticket).exists():
        answer = render(request, "incidents/follow/bad_key.html", {"ticket": ticket}, status=404)
    else:
        keyring.remember(request.session, ticket)
        answer = redirect("report_detail", ticket=ticket)
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@with_ticket
def reporter_move(request: HttpRequest, ticket: str) -> HttpResponse:
    """Take the reporter's word: done, not done, or something to add. Its address alone leads to the report."""
    if request.method != "POST":  # a reload, or the other language, after a word that was refused
        return redirect("report_detail", ticket=ticket)
    report = _readable(request, ticket)
    name = request.POST.get("move", "")
    if report is None or not keyring.holds(request.session, ticket) or name not in REPORTER_MOVES:
        return missing(request, ticket)
    text = posted_text(request, "text")
    try:
        moves.make(name, report=report, by=Party.REPORTER, seen_at=posted_moment(request, "seen_at"), text=text)
    except MoveIncomplete as error:
        return _detail(request, report, {"move": name, "text": text, "error": str(error)}, status=422)
    except MoveNotAllowed as error:
        report.refresh_from_db()
        return _detail(request, report, {"move": name, "text": text, "error": str(error)}, status=409)
    messages.success(request, _thanks(name))
    return redirect("report_detail", ticket=ticket)


@require_safe
def track(request: HttpRequest) -> HttpResponse:
    """Find a report by its ticket; tell a mistyped ticket from one that does not exist."""
    typed = request.GET.get("ticket", "").strip()
    error = ""
    if typed:
        try:
            ticket = tickets.parse(typed)
        except MistypedTicket as mistyped:
            error = str(mistyped)
        else:
            if keyring.readable(request.user, request.session).filter(ticket=ticket).exists():
                return redirect("report_detail", ticket=ticket)
            error = _(
                "There is no public report %(ticket)s. If it is yours and confidential, open the secret link that you "
                "got when you sent it."
            ) % {"ticket": ticket}
    recent = keyring.tickets_in(request.session)
    return render(
        request,
        "incidents/follow/track.html",
        {
            "typed": typed[:40],
            "error": error,
            "recent": sorted(
                Report.objects.filter(ticket__in=recent).with_places(), key=lambda report: recent.index(report.ticket)
            ),
        },
    )


def _readable(request: HttpRequest, ticket: str) -> Report | None:
    return (
        keyring.readable(request.user, request.session)
        .with_places()
        .select_related("edition")
        .filter(ticket=ticket)
        .first()
    )


def _detail(
    request: HttpRequest, report: Report, answer: dict[str, str] | None = None, *, status: int = 200
) -> HttpResponse:
    events = (
        ReportEvent.objects.filter(report=report, public=True)
        .select_related("agency")
        .prefetch_related("photos")
        .order_by("pk")
    )
    is_reporter = keyring.holds(request.session, report.ticket)
    allowed = {move.name for move in moves.allowed(report, by=Party.REPORTER)} if is_reporter else set()
    told_with = duplicates.shown_with(report, keyring.readable(request.user, request.session))
    return render(
        request,
        "incidents/follow/detail.html",
        told_with
        | {
            "report": report,
            "photos": report.photos.filter(event=None),
            "promises": promises_of(report),
            "now": next_promise(report),
            "locator": locator(request, report),
            "turns": turns_of(report, events),
            "is_reporter": is_reporter,
            "allowed": allowed,
            "object_until": until_when(report.closed_at) if report.closed_at else None,
            "answer": answer,
            "at_reply": _is_told_at_reply(answer["move"], allowed) if answer else False,
            "silent_days": clock.rules().working_days(clock.Step.CLOSE),
            "works_here": Report.objects.at_desk_of(request.user).filter(pk=report.pk).exists()
            if request.user.is_authenticated
            else False,
        },
        status=status,
    )


def _is_told_at_reply(name: str, allowed: set[str]) -> bool:
    """Whether what came of the move `name` is told beside the field for a reply: it has no field of its own now."""
    return (
        name == "reply"
        or (name == "reopen" and "confirm" not in allowed)
        or (name == "other_matter" and name not in allowed)
    )


def locator(request: HttpRequest, report: Report) -> MapMarkup | None:
    """Return the small map of the report's place."""
    return locator_map(nonce=request.csp_nonce, lon=report.geom.x, lat=report.geom.y)  # type: ignore[attr-defined]


def _query(found: ReportFilter, by_date: bool) -> str:
    return "&".join(part for part in (found.query_string(), "order=overdue" if by_date else "") if part)


def _thanks(name: str) -> str:
    return {
        "confirm": _("Thank you. The report is closed as done."),
        "reopen": _("Thank you. The report is open again, and the agency knows why."),
        "other_matter": _("Thank you. Your report is a matter of its own again, and the agency knows why."),
        "reply": _("Your words are stored and stand below."),
    }[name]
