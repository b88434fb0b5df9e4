"""The agencies' desk: the inbox of one's own reports, one report with all that an officer may know, and the moves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Agency, User
from geo.errors import ParameterError
from incidents import duplicates, moves, pages
from incidents.errors import BadPhoto, MoveIncomplete, MoveNotAllowed, ReportChanged
from incidents.filters import ReportFilter
from incidents.models import Report, ReportContact, ReportEvent
from incidents.models.reports import Status
from incidents.overview import AT_WORK, overview
from incidents.photos import clean_all, gate_photos, refusal_of
from incidents.promises import next_promise, promises_of
from incidents.timeline import Turn, turns_of
from incidents.views.follow import locator, with_ticket
from incidents.views.posted import is_forged, posted_day, posted_moment, posted_text, stale
from incidents.workflow import MOVES, NOT_AUTHORITY, REJECTION_REASONS, REOPEN_DAYS, Party

PAGE_SIZE = 25
BY_PROMISE = pages.Order("next_due_at", ascending=True)
BY_CHANGE = pages.Order("changed_at")
ASKED_IN_FORM = {"kecamatan", "category", "since", "until", "overdue"}
"""Conditions for which the form has a field; it carries the others along."""
NEEDS_CONFIRMING = {"hand_over", "reject", "duplicate", "conceal"}
"""Moves that end a report here or cannot be taken back: they are shown once more before they are made."""

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Tab:
    """A part of the inbox, by the work that it asks for."""

    name: str
    label: str | Promise
    condition: Q
    order: pages.Order


UNROUTED = Tab("unrouted", gettext_lazy("Not forwarded yet"), Q(agency=None), BY_PROMISE)
TABS = [
    Tab("new", pgettext_lazy("reports", "New"), Q(status__in=[Status.ROUTED, Status.REOPENED]), BY_PROMISE),
    Tab("in_progress", gettext_lazy("In progress"), Q(status=Status.IN_PROGRESS), BY_PROMISE),
    Tab("on_hold", gettext_lazy("On hold"), Q(status=Status.ON_HOLD), BY_PROMISE),
    Tab("answered", gettext_lazy("Answered"), Q(status=Status.ANSWERED), BY_CHANGE),
    Tab("all", pgettext_lazy("reports", "All"), Q(), pages.NEWEST),
]


def for_desk(view: View) -> View:
    """Let in only people who work at an agency: others sign in, or are told why not.

    What somebody sent whose session is over comes back to be read, and to be sent after signing in.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            # What another site made a browser send is not given back: it would stand in the form after signing in.
            typed_here = bool(request.POST.get("text")) and not is_forged(request)
            return not_sent(request) if typed_here else redirect_to_login(request.get_full_path())
        if not isinstance(request.user, User) or not request.user.works_at_desk():
            return render(request, "incidents/desk/forbidden.html", status=403)
        return view(request, **kwargs)

    return never_cache(wrapped)


@for_desk
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Show the reports at the person's desk, by the work they ask for; to the leadership first the whole regency."""
    if isinstance(request.user, User) and request.user.only_leads and not request.GET:
        return render(request, "incidents/desk/overview.html", _overview(request))
    try:
        return render(request, "incidents/desk/inbox.html", _inbox(request))
    except ParameterError:
        return redirect("desk")


@for_desk
@require_safe
@with_ticket
def report(request: HttpRequest, ticket: str) -> HttpResponse:
    """Show one report with everything that an officer may know, beside the inbox."""
    found = _at_desk(request, ticket)
    return _detail(request, found) if found else _missing(request, ticket)


@csrf_exempt  # checked in `is_forged`, which keeps what was typed
@for_desk
@require_http_methods(["GET", "POST"])
@with_ticket
def move(request: HttpRequest, ticket: str, move: str) -> HttpResponse:
    """Make a move; what cannot be taken back is shown once more before."""
    found = _at_desk(request, ticket)
    if found is None and request.method == "POST" and _was_made(request, ticket, move):
        messages.success(request, _("%(ticket)s left your desk.") % {"ticket": ticket})
        return redirect(_address("desk", request))
    if found is None or move not in moves.SERVICES or MOVES[move].who.value == Party.REPORTER.value:
        return _missing(request, ticket)
    if request.method == "GET":
        return redirect(_address("desk_report", request, ticket=ticket))
    if is_forged(request):
        return _detail(request, found, _failed(move, request, stale()), status=403)
    if "back" in request.POST:
        return _detail(request, found, _failed(move, request, ""))
    seen_at = posted_moment(request, "seen_at")
    common: dict[str, Any] = {"report": found, "by": request.user, "seen_at": seen_at}
    try:
        given = _given(move, request)
        if move in NEEDS_CONFIRMING and "confirmed" not in request.POST:
            moves.rehearse(move, **common, **given)
            return _confirm(request, found, move, given)
        moves.make(move, **common, **given)
    except ReportChanged as error:
        found.refresh_from_db()
        news = [turn for turn in _turns(found) if seen_at and turn.at > seen_at]
        return _detail(request, found, _failed(move, request, str(error)), news=news, status=409)
    except MoveNotAllowed as error:
        found.refresh_from_db()
        return _detail(request, found, _failed(move, request, str(error)), status=409)
    except MoveIncomplete as error:
        return _detail(request, found, _failed(move, request, str(error), error.field), status=422)
    except BadPhoto as error:
        return _detail(request, found, _failed(move, request, str(error), "photos"), status=422)
    messages.success(request, _done(move, found))
    # Forwarding is work on a queue: the next one is in the list.
    still_here = move != "route" and Report.objects.at_desk_of(request.user).filter(pk=found.pk).exists()
    return redirect(_address("desk_report", request, ticket=ticket) if still_here else _address("desk", request))


def not_sent(request: HttpRequest) -> HttpResponse:
    """Give back what somebody sent whose session is over: to be read, and to be sent after signing in.

    It says nothing of the report, for the person may be anybody by now.
    """
    ticket = str(resolve(request.path_info).kwargs.get("ticket", ""))
    back = _address("desk_report", request, ticket=ticket) if ticket else _address("desk", request)
    context = {
        "kept": {"action": request.path, "typed": _typed(request)},
        "text": posted_text(request, "text"),
        "sign_in": f"{reverse('account_login')}?{urlencode({'next': back})}",
        "had_photos": bool(refusal_of(request)),
    }
    return render(request, "incidents/desk/not_sent.html", context, status=403)


def _before_move(request: HttpRequest, **_address: object) -> None:
    """See config/before_body.py: what was typed is taken; photos that are too large, or by a stranger, are not."""
    gate_photos(request, anybody=False, refusal="" if request.user.is_authenticated else _("You are signed out."))


move.before_body = _before_move  # type: ignore[attr-defined]


def _was_made(request: HttpRequest, ticket: str, name: str) -> bool:
    """Whether the same was sent before and has been done: the report may be at another desk by now."""
    person, given = request.user, {"text": posted_text(request, "text"), "original": _original(request)}
    return (
        isinstance(person, User) and name in moves.SERVICES and moves.was_made(name, ticket=ticket, by=person, **given)
    )


def _given(name: str, request: HttpRequest) -> dict[str, Any]:
    """Return what the form of the move `name` sent, as its service takes it. Raises BadPhoto."""
    given: dict[str, Any] = {}
    if name not in {"take", "resume", "route"}:
        given["text"] = posted_text(request, "text")
    if refused := refusal_of(request):
        raise BadPhoto(refused)
    if name == "answer":
        given["photos"] = clean_all(request.FILES.getlist("photos"))
        given["no_photo_reason"] = posted_text(request, "no_photo_reason")[:500]
    if name == "hold":
        given["until"] = posted_day(request, "until")
    if name in {"hand_over", "route"}:
        given["agency"] = Agency.objects.filter(active=True, code=posted_text(request, "agency")).first()
    if name == "reject":
        given["reason_code"] = request.POST.get("reason_code", "")
        given["addressee"] = Agency.objects.filter(active=True, code=posted_text(request, "addressee")).first()
        given["addressee_name"] = posted_text(request, "addressee_name")
    if name == "duplicate":
        given["original"] = _original(request)
    if name == "comment":
        given["public"] = request.POST.get("audience") == "public"
    return given


def _original(request: HttpRequest) -> str:
    """Return the ticket of the report that tells the same: a typed one before a chosen one."""
    return posted_text(request, "ticket") or posted_text(request, "original")


def _inbox(request: HttpRequest, open_report: Report | None = None) -> dict[str, Any]:
    """Return what the list shows: tabs with counts, conditions, one page of rows.

    Without a tab in the query it is the open report's; without a report the first, or all for a search.
    """
    desk = Report.objects.at_desk_of(request.user)
    tabs = [UNROUTED, *TABS] if _is_coordinator(request) else TABS
    asked = request.GET.get("tab", "")
    searching = any(name in request.GET for name in ReportFilter.base_filters)
    start = tabs[-1] if searching else _tab_of(open_report, tabs) if open_report else tabs[0]
    tab = next((tab for tab in tabs if tab.name == asked), start)
    waiting = desk.filter(status__in=AT_WORK)  # counting all would cost as much as there are reports
    counts = waiting.aggregate(**{one.name: Count("pk", filter=one.condition) for one in tabs if one.condition})
    found = ReportFilter(request.GET, queryset=desk.filter(tab.condition))
    page = pages.page_of(
        found.qs.with_next_due().with_places(), cursor=request.GET.get("cursor"), limit=PAGE_SIZE, order=tab.order
    )
    narrowed = found.query_string()
    return {
        "tabs": [(one, counts.get(one.name)) for one in tabs],
        "tab": tab,
        "found": found,
        "narrowed": narrowed,
        "kept": list(found.pairs(leave_out=ASKED_IN_FORM)),
        "rows": [(report, next_promise(report)) for report in page.reports],
        "elsewhere": [(one, counts[one.name]) for one in tabs if one is not tab and counts.get(one.name)],
        "next_cursor": page.next_cursor,
        "is_first": not request.GET.get("cursor"),
        "here": request.GET.urlencode(),
        "tab_query": "&".join(part for part in (f"tab={tab.name}", narrowed) if part),
        "is_coordinator": _is_coordinator(request),
    }


def _tab_of(report: Report, tabs: list[Tab]) -> Tab:
    """Return the tab whose work `report` is; that of all when none is."""
    names = {
        Status.RECEIVED: "unrouted",
        Status.ROUTED: "new",
        Status.REOPENED: "new",
        Status.IN_PROGRESS: "in_progress",
        Status.ON_HOLD: "on_hold",
        Status.ANSWERED: "answered",
    }
    wanted = names.get(Status(report.status))
    return next((tab for tab in tabs if tab.name == wanted), tabs[-1])


def _detail(
    request: HttpRequest,
    report: Report,
    failed: dict[str, Any] | None = None,
    *,
    news: list[Turn] | None = None,
    status: int = 200,
) -> HttpResponse:
    try:
        listed = _inbox(request, report)
    except ParameterError:
        return redirect("desk_report", ticket=report.ticket)
    allowed = moves.allowed(report, by=request.user) if isinstance(request.user, User) else []
    if failed:
        failed["still_possible"] = any(move.name == failed["move"] for move in allowed)
    may_repeat = any(move.name == "duplicate" for move in allowed) and isinstance(request.user, User)
    told_with = duplicates.shown_with(report, Report.objects.visible_to(request.user))
    context = (
        listed
        | told_with
        | {
            "object_days": REOPEN_DAYS,
            "near_m": duplicates.NEAR_M,
            "near": duplicates.near(report) if may_repeat else [],
            "report": report,
            "photos": report.photos.filter(event=None),
            "promises": promises_of(report),
            "turns": _turns(report),
            "locator": locator(request, report),
            "contact": ReportContact.objects.filter(report=report).first(),
            "moves": allowed,
            "quick": [move for move in allowed if move.name in {"take", "resume"}],
            "forms": [move for move in allowed if move.name not in {"take", "resume"}],
            "agencies": Agency.objects.filter(active=True).exclude(pk=report.agency_id or 0),
            "reasons": REJECTION_REASONS.items(),
            "bodies": Agency.objects.filter(active=True, kind=Agency.Kind.EXTERNAL),
            "failed": failed,
            "news": news,
        }
    )
    return render(request, "incidents/desk/report.html", context, status=status)


def _confirm(request: HttpRequest, report: Report, name: str, given: dict[str, Any]) -> HttpResponse:
    context = {
        "report": report,
        "move": MOVES[name],
        "given": given,
        "reason": REJECTION_REASONS.get(given.get("reason_code", ""), ""),
        "original": duplicates.original_of(given["original"], report=report, by=request.user)
        if name == "duplicate" and isinstance(request.user, User)
        else None,
        "followers": len(duplicates.followed_by(report)) if name == "conceal" else 0,
        "addressee": _addressee(given) if given.get("reason_code") == NOT_AUTHORITY else "",
        "kept": {key: value for key, value in request.POST.items() if key != "csrfmiddlewaretoken"},
        "waiting": {"action": request.path, "typed": _typed(request)},  # for whoever changes the language here
        "here": request.GET.urlencode(),
    }
    return render(request, "incidents/desk/confirm.html", context)


def _addressee(given: dict[str, Any]) -> str:
    body: Agency | None = given["addressee"]
    return body.name if body else " ".join(given["addressee_name"].split())


def _at_desk(request: HttpRequest, ticket: str) -> Report | None:
    found = Report.objects.at_desk_of(request.user).with_places().select_related("edition")
    return found.filter(ticket=ticket).first()


def _missing(request: HttpRequest, ticket: str) -> HttpResponse:
    return render(request, "incidents/desk/missing.html", {"ticket": ticket[:40]}, status=404)


def _turns(report: Report) -> list[Turn]:
    events = ReportEvent.objects.filter(report=report).select_related("agency", "actor").prefetch_related("photos")
    return turns_of(report, events.order_by("pk"))


def _failed(name: str, request: HttpRequest, error: str, field: str = "") -> dict[str, Any]:
    """Return what went wrong and what was typed, so that nothing has to be typed again."""
    return {"move": name, "label": MOVES[name].label, "error": error, "field": field, "typed": _typed(request),
            "had_photos": bool(request.FILES) or bool(refusal_of(request))}  # fmt: skip


def _typed(request: HttpRequest) -> dict[str, str]:
    return {key: str(value) for key, value in request.POST.items() if key not in {"csrfmiddlewaretoken", "seen_at"}}


def _address(name: str, request: HttpRequest, **kwargs: str) -> str:
    """Return an address of the desk that keeps the list as it is."""
    query = request.GET.urlencode()
    return f"{reverse(name, kwargs=kwargs)}?{query}" if query else reverse(name, kwargs=kwargs)


def _overview(request: HttpRequest) -> dict[str, Any]:
    own = Agency.objects.filter(memberships__user=request.user.pk)
    return {"overview": overview(), "agencies": own, "now": timezone.now()}


def _is_coordinator(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_coordinator


def _done(name: str, report: Report) -> str:
    told = {
        "route": _("%(ticket)s is forwarded to %(agency)s."),
        "take": _("%(ticket)s is in progress. The reporter is told."),
        "answer": _("%(ticket)s is answered. The reporter is asked whether it is done."),
        "hold": _("%(ticket)s is on hold; its clock stands still."),
        "resume": _("%(ticket)s goes on."),
        "hand_over": _("%(ticket)s is handed over to %(agency)s."),
        "reject": _("%(ticket)s is archived, with the reason for everybody to read."),
        "duplicate": _("%(ticket)s is a duplicate now. Its reporter is told where to follow the matter."),
        "separate": _("%(ticket)s is a report of its own again."),
        "comment": _("Your note on %(ticket)s is stored."),
        "conceal": _("%(ticket)s is confidential now."),
    }[name]
    return told % {"ticket": report.ticket, "agency": report.agency.name if report.agency else ""}
