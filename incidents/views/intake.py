"""/lapor/: five steps, one question a page, kept on the server as they are typed. Works without JavaScript.

Every post is answered with a redirect, so that back, reload and a second click do no harm; a script that posts with
`Accept: application/json` gets the same address as `{"next": ...}`. What is wrong is shown by the page it leads to.
"""

from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import TooOften
from accounts.limits import refuse_too_large, refuse_too_often
from geo.locate import check_point
from geo.maps import MapMarkup, pin_map
from geo.models import Kecamatan
from incidents import clock, drafts, duplicates, keyring, proof
from incidents.data_mistakes import categories_of, name_of, title_for
from incidents.errors import BadPhoto, DraftGone, NotProven, TooManyDrafts
from incidents.intake_forms import CHECK, ORDER, STEPS, Answers, StepForm
from incidents.limits import DraftLimit, PhotoLimit, SendLimit
from incidents.models import Category, Report
from incidents.models.categories import CATCH_ALL, Kind
from incidents.models.drafts import ReportDraft
from incidents.models.reports import Status
from incidents.photos import clean, gate_photos, refusal_of
from incidents.promises import Promise, promises_of
from incidents.routing import Route, route
from incidents.secrets import secret_of
from incidents.views.posted import is_forged, stale

FIRST = ORDER[0]


@never_cache
@csrf_exempt  # checked in `is_forged`, which keeps what was typed
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Show the first step, or the drafts that wait to be gone on with; take the first step's answer."""
    if request.method == "POST":
        if is_forged(request):
            return _page(request, FIRST, STEPS[FIRST](request.POST), draft_id=_posted_id(request), notice=stale())
        try:
            draft = _begin(request, _posted_id(request))
        except (TooOften, TooManyDrafts) as error:
            return _held_up(request, FIRST, _posted_id(request), error)
        _take_point(request, draft)
        return _take(request, draft, FIRST)
    waiting = drafts.of_session(request.session)
    too_many = drafts.too_many(len(waiting)) if len(waiting) >= drafts.IN_A_SESSION else ""
    if waiting and ("baru" not in request.GET or too_many):
        codes = [draft.data.get("apa", {}).get("typed", {}).get("category", "") for draft in waiting]
        categories = {category.code: category for category in Category.objects.filter(code__in=codes)}
        shown = [(draft, categories.get(code)) for draft, code in zip(waiting, codes, strict=True)]
        context = {"waiting": shown, "query": request.GET.urlencode(), "too_many": too_many}
        return render(request, "incidents/intake/resume.html", context)
    form = STEPS[FIRST](initial={"category": request.GET.get("category", "")})
    return _page(request, FIRST, form, draft_id=uuid4())


@never_cache
@csrf_exempt  # checked in `is_forged`, which keeps what was typed
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, draft_id: UUID, step: str) -> HttpResponse:
    """Show a step of a draft, or take its answer."""
    if step not in ORDER:
        raise Http404
    draft = drafts.find(request.session, draft_id)
    if request.method == "POST" and is_forged(request):
        if step == CHECK:
            messages.warning(request, stale())
            return redirect("report_step", draft_id, CHECK)
        form = STEPS[step](request.POST)
        return _page(request, step, form, draft_id=draft_id, draft=draft, notice=stale())
    if draft is None:
        return _gone(request, draft_id, step)
    if step == CHECK:
        return _send(request, draft) if request.method == "POST" else _check(request, draft)
    if request.method == "POST":
        return _take(request, draft, step)
    answers = Answers(draft)
    if (first_open := answers.first_open()) != step and ORDER.index(first_open) < ORDER.index(step):
        return redirect("report_step", draft.pk, first_open)
    return _page(request, step, answers.form(step), draft_id=draft.pk, draft=draft)


@never_cache
@require_GET
def sent(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Show the receipt: ticket, secret link, who answers and by when."""
    report = drafts.sent_report(request.session, draft_id)
    if report is None:
        raise Http404
    import segno  # encodings of QR codes, which no other page needs

    link = request.build_absolute_uri(reverse("report_key", args=[report.ticket, secret_of(report.ticket)]))
    return render(
        request,
        "incidents/intake/sent.html",
        {
            "report": report,
            "draft_id": draft_id,
            "link": link,
            "qr": segno.make(link, error="m").svg_data_uri(scale=4, border=2, dark="#16241f", light="#ffffff"),
            "promises": [promise for promise in promises_of(report) if promise.is_open],
            "photos": report.photos.filter(event=None),
        },
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Ask whether to throw the draft away; on a post, do."""
    draft = drafts.find(request.session, draft_id)
    if draft is None:
        return redirect("report_new")
    if request.method == "POST":
        drafts.delete(draft)
        messages.success(request, _("The draft is thrown away. Nothing was sent."))
        return redirect("report_new")
    return render(request, "incidents/intake/discard.html", {"draft": draft, "answers": Answers(draft)})


@never_cache
@require_POST
def add_photo(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Take one photo from the page's script; answers `{"id", "thumb"}`, or a problem document."""
    draft = drafts.find(request.session, draft_id)
    if draft is None:
        raise _no_draft()
    upload = request.FILES.get("photo")
    if upload is None:
        raise BadPhoto(_("There is no photo in this request. Choose it again."))
    (kept,) = drafts.add_photos(draft=draft, photos=[clean(upload)], limit=settings.PHOTOS_MAX)
    return JsonResponse({"id": str(kept.pk), "thumb": reverse("draft_photo", args=[kept.pk])}, status=201)


@never_cache
@require_GET
def challenge(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Give the browser a proof of work to do for this draft."""
    if not drafts.owns(request.session, draft_id):
        raise _no_draft()
    return JsonResponse(proof.challenge(draft_id))


def _before_photo(request: HttpRequest, draft_id: UUID) -> None:
    """See config/before_body.py: whose draft, how large and how often, before the photo lies on the disk."""
    if not drafts.owns(request.session, draft_id):
        raise _no_draft()
    refuse_too_large(request, settings.PHOTO_MAX_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    refuse_too_often(request, PhotoLimit)


def _before_step(request: HttpRequest, **_address: object) -> None:
    """See config/before_body.py: photos that the limits refuse are skipped, and what was typed is taken all the same.

    Only of a body that no form of ours would make is nothing read.
    """
    gate_photos(request, anybody=True)


add_photo.before_body = _before_photo  # type: ignore[attr-defined]
start.before_body = step.before_body = _before_step  # type: ignore[attr-defined]


def _begin(request: HttpRequest, draft_id: UUID) -> ReportDraft:
    """Return the session's draft of this id, begun if need be. Raises TooOften, TooManyDrafts."""
    if drafts.find(request.session, draft_id) is None:
        refuse_too_often(request, DraftLimit)
    return drafts.begin(session=request.session, draft_id=draft_id)


def _held_up(request: HttpRequest, step: str, draft_id: UUID, error: TooOften | TooManyDrafts) -> HttpResponse:
    """Show the step as it was typed, with the word that it is not kept yet."""
    if _wants_json(request):
        raise error
    notice = _not_lost(error)
    form = STEPS[step](request.POST)
    if isinstance(error, TooManyDrafts):
        return _page(request, step, form, draft_id=draft_id, notice=notice, too_many=True, status=409)
    response = _page(request, step, form, draft_id=draft_id, notice=notice, status=429)
    response["Retry-After"] = str(int(error.wait) + 1)
    return response


def _not_lost(error: TooOften | TooManyDrafts) -> str:
    here = _("What you typed is still here.")  # not within the f-string, where makemessages does not see it
    return f"{error} {here}"


def _take(request: HttpRequest, draft: ReportDraft, step: str) -> HttpResponse:
    """Keep what was typed, then go where the pressed button leads."""
    go = "stay" if "remove" in request.POST else request.POST.get("go", "next")
    typed = {name: request.POST[name] for name in STEPS[step].base_fields if name in request.POST}
    notes = {
        name: [_("Invisible characters were taken out of this text. Read it again.")]
        for name, text in typed.items()
        if "\x00" in text
    }
    if step == "cerita" and (refused := _take_photos(request, draft)):
        notes["photos"] = refused
    tried = go == "next" or (go == "stay" and bool(draft.data.get(step, {}).get("tried")))
    clean_typed = {name: text.replace("\x00", "").replace("\r\n", "\n") for name, text in typed.items()}
    drafts.save_step(draft=draft, step=step, typed=clean_typed, tried=tried, notes=notes)
    if go == "back":
        return _go(request, draft, ORDER[max(0, ORDER.index(step) - 1)])
    if go == "stay":
        return _go(request, draft, step, "#foto")
    answers = Answers(draft)
    return _go(request, draft, answers.first_open() if answers.is_done(step) else step)


def _take_photos(request: HttpRequest, draft: ReportDraft) -> list[str]:
    """Add the posted photos that can be used and remove the one named; return why others were refused."""
    if photo_id := _uuid(request.POST.get("remove", "")):
        drafts.remove_photo(draft=draft, photo_id=photo_id)
    refused = [refusal] if (refusal := refusal_of(request)) else []
    for upload in request.FILES.getlist("photos"):
        try:
            drafts.add_photos(draft=draft, photos=[clean(upload)], limit=settings.PHOTOS_MAX)
        except BadPhoto as error:
            if str(error) not in refused:
                refused.append(str(error))
    return refused


def _take_point(request: HttpRequest, draft: ReportDraft) -> None:
    """Keep the point that the map's own "report here" came with, and which data are wrong."""
    point = {name: request.POST.get(f"at_{name}", "")[:30].replace("\x00", "") for name in ("lon", "lat")}
    if all(point.values()) and "di-mana" not in draft.data:
        drafts.save_step(draft=draft, step="di-mana", typed=point | {"place_source": "tap"}, tried=False)
    if "cerita" not in draft.data and (title := title_for(request.POST.get("at_layer", ""))):
        drafts.save_step(draft=draft, step="cerita", typed={"title": title}, tried=False)


def _check(request: HttpRequest, draft: ReportDraft, *, error: str = "", status: int = 200) -> HttpResponse:
    answers = Answers(draft)
    if (first_open := answers.first_open()) != CHECK:
        return redirect("report_step", draft.pk, first_open)
    category, found = _route(answers)
    return render(
        request,
        "incidents/intake/check.html",
        {
            **_frame(CHECK, draft.pk),
            "draft": draft,
            "is_begun": True,
            "answers": {name.replace("-", "_"): answers.form(name).cleaned_data for name in STEPS},
            "photos": list(draft.photos.all()),
            "kind": Kind(answers.form("apa").cleaned_data["kind"]).label,
            "category": answers.category,
            "place": answers.place,
            "route": found,
            "promises": _would_promise(category, found),
            "confidential": category.sensitive or answers.form("anda").cleaned_data["confidential"],
            "question": proof.ask(draft.pk),
            "shown": drafts.state_of(draft),
            "error": error,
        },
        status=status,
    )


def _send(request: HttpRequest, draft: ReportDraft) -> HttpResponse:
    if request.POST.get("go") == "back":
        return _go(request, draft, ORDER[ORDER.index(CHECK) - 1])
    answers = Answers(draft)
    if (first_open := answers.first_open()) != CHECK:
        return _go(request, draft, first_open)
    if request.POST.get("shown", state := drafts.state_of(draft)) != state:
        messages.warning(request, _("Something here was changed in another window. Read it once more, then send it."))
        return _go(request, draft, CHECK)
    if error := _robot(request, draft):
        if _wants_json(request):
            raise NotProven(error)
        return _check(request, draft, error=error)
    try:
        refuse_too_often(request, SendLimit)
    except TooOften as too_often:
        if _wants_json(request):
            raise
        response = _check(request, draft, error=_not_lost(too_often), status=429)
        response["Retry-After"] = str(int(too_often.wait) + 1)
        return response
    language = "en" if (get_language() or "").startswith("en") else "id"
    try:
        receipt = drafts.send(draft=draft, new=answers.new_report(language=language))
    except ReportDraft.DoesNotExist:
        return _gone(request, draft.pk, CHECK)
    keyring.remember(request.session, receipt.report.ticket)
    return _answer(request, reverse("report_sent", args=[draft.pk]))


def _robot(request: HttpRequest, draft: ReportDraft) -> str:
    """Return what to tell somebody who has not shown to be a person; empty when all is well."""
    if payload := request.POST.get("altcha", ""):
        try:
            proof.ProofField(draft_id=draft.pk).clean(payload)
        except ValidationError:
            return _("The quiet check against robots had run out and is being renewed. Press “Send” once more.")
        return ""
    if request.POST.get("kosongkan"):
        return _("One field must stay empty. Clear it and press “Send” once more.")
    if (timezone.now() - draft.created_at).total_seconds() < settings.HUMAN_SECONDS:
        return _("That was very quick. Read once more what you wrote, then press “Send”.")
    if not proof.is_answered(draft.pk, request.POST.get("token", ""), request.POST.get("answer", "")):
        return _("The answer to the sum is not right. Here is another one.")
    return ""


def _gone(request: HttpRequest, draft_id: UUID, step: str) -> HttpResponse:
    """Answer for a draft that this session does not have: sent already, or the session ended; nothing typed is lost."""
    report = drafts.sent_report(request.session, draft_id)
    if report:
        keyring.remember(request.session, report.ticket)
        return _answer(request, reverse("report_sent", args=[draft_id]))
    if request.method != "POST" or step == CHECK:
        messages.warning(request, _("This draft is no longer here. Begin again; if you sent it, look under “Track”."))
        return _answer(request, reverse("report_new"))
    try:
        draft = _begin(request, draft_id)
    except (TooOften, TooManyDrafts) as error:
        return _held_up(request, step, draft_id, error)
    messages.warning(
        request, _("Your session had ended. What you typed on the last page is kept; answer the others again.")
    )
    return _take(request, draft, step)


def _page(
    request: HttpRequest,
    step: str,
    form: StepForm,
    *,
    draft_id: UUID,
    draft: ReportDraft | None = None,
    notice: str = "",
    too_many: bool = False,
    status: int | None = None,
) -> HttpResponse:
    """Show a step. With a notice nothing of it has been kept: by default because the page was stale (403).

    `too_many`: because no more drafts fit; the notice then leads to them.
    """
    status = status or (403 if notice else 200)
    answers = Answers(draft) if draft else None
    context = {
        **_frame(step, draft_id),
        "form": form,
        "draft": draft,
        "is_begun": draft is not None or step != FIRST,  # only the first step may begin one: no later step posts there
        "notice": notice,
        "too_many": too_many,
        "category": answers.category if answers and step != FIRST else None,
    }
    if step == FIRST:
        # Whoever reports says what it is about: the agency of the data only opens the groups that may fit.
        near = categories_of(request.GET.get("agency", ""))
        context |= {
            "groups": _groups(near | {str(form["category"].value())}),
            "otherwise": Category.objects.filter(code=CATCH_ALL, active=True, parent__active=True).first(),
            "kinds": _kinds(),
            "chosen": form["category"].value(),
            "kind": form["kind"].value(),
        }
        at = {name: request.GET.get(name, request.POST.get(f"at_{name}", "")) for name in ("lon", "lat")}
        layer = request.GET.get("layer", request.POST.get("at_layer", ""))
        context["at"] = at | ({"layer": layer, "layer_name": name} if (name := name_of(layer)) else {})
    elif step == "di-mana":
        context["kecamatan_list"] = Kecamatan.objects.prefetch_related("desa")
        context["chosen"] = form["desa"].value()
        context["map"] = _map(request, form)
    elif step == "cerita":
        context |= {"photos": list(draft.photos.all()) if draft else [], "photos_max": settings.PHOTOS_MAX}
        context["photo_bytes"] = settings.PHOTO_MAX_BYTES
        if answers and answers.place:
            context |= {"place": answers.place, "route": _route(answers)[1] if answers.category else None}
            context |= {"near": _near(answers), "near_m": duplicates.NEAR_M}
    return render(request, f"incidents/intake/{step}.html", context, status=status)


def _near(answers: Answers) -> list[tuple[Report, int]]:
    """Return what was reported already beside the chosen point; nothing beside a point that stands for a whole desa."""
    where = answers.form("di-mana").cleaned_data
    if answers.category is None or where["place_source"] not in {Report.PlaceSource.TAP, Report.PlaceSource.DEVICE}:
        return []
    return duplicates.near_point(lon=where["lon"], lat=where["lat"], category=answers.category)


def _map(request: HttpRequest, form: StepForm) -> MapMarkup | None:
    """Return the map for tapping, with the pin where it was put before; a desa's point is set by the page's script."""
    lon, lat = form["lon"].value(), form["lat"].value()
    try:
        place = None if form["desa"].value() else (float(lon), float(lat))
        if place:
            check_point(*place)
    except (TypeError, ValueError):  # InvalidPoint is a ValueError
        place = None
    nonce = request.csp_nonce  # type: ignore[attr-defined]
    return pin_map(nonce=nonce, lon=place[0], lat=place[1]) if place else pin_map(nonce=nonce)


def _frame(step: str, draft_id: UUID) -> dict[str, object]:
    """Return what the frame of every step shows: where one is, and the steps' bar."""
    number = ORDER.index(step) + 1
    return {"step": step, "draft_id": draft_id, "number": number, "total": len(ORDER),
            "bar": [n <= number for n in range(1, len(ORDER) + 1)]}  # fmt: skip


def _groups(opened_by: set[str]) -> list[dict[str, object]]:
    """Return the groups with their categories; those that hold one of the codes `opened_by` are open."""
    leaves: dict[int, list[Category]] = {}
    for leaf in Category.objects.filter(active=True, parent__active=True):
        leaves.setdefault(leaf.parent_id or 0, []).append(leaf)
    groups = Category.objects.filter(pk__in=leaves)
    return [
        {
            "group": group,
            "leaves": leaves[group.pk],
            "is_open": any(leaf.code in opened_by for leaf in leaves[group.pk]),
        }
        for group in groups
    ]


def _kinds() -> list[tuple[str, str, str]]:
    hints = {
        Kind.LAPORAN: _("Something is broken, dangerous or wrong."),
        Kind.KELUHAN: _("A service treated you badly or too slowly."),
        Kind.KRITIK: _("You disagree with how something is done."),
        Kind.SARAN: _("You have an idea."),
    }
    return [(kind.value, str(kind.label), hints[kind]) for kind in Kind]


def _route(answers: Answers) -> tuple[Category, Route]:
    place = answers.place
    if place is None:
        raise Http404
    return route(answers.form("apa").cleaned_data["category"], place)


def _would_promise(category: Category, found: Route) -> list[Promise]:
    """Return what would be promised if the report were sent now."""
    now = timezone.now()
    due = clock.promise(now, category.handling)
    report = Report(
        agency=found.agency,
        status=Status.ROUTED if found.agency else Status.RECEIVED,
        created_at=now,
        verified_at=now if found.agency else None,
        verify_due_at=due.verify,
        respond_due_at=due.respond,
        resolve_due_at=due.resolve,
    )
    return [promise for promise in promises_of(report, now) if promise.is_open]


def _go(request: HttpRequest, draft: ReportDraft, step: str, anchor: str = "") -> HttpResponse:
    return _answer(request, reverse("report_step", args=[draft.pk, step]) + anchor)


def _answer(request: HttpRequest, address: str) -> HttpResponse:
    return JsonResponse({"next": address}) if _wants_json(request) else redirect(address)


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "") == "application/json"


def _no_draft() -> DraftGone:
    return DraftGone(_("This draft is no longer here. Reload the page."))


def _posted_id(request: HttpRequest) -> UUID:
    return _uuid(request.POST.get("draft", "")) or uuid4()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
