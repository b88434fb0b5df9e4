"""Uploading data: choose a file, see what it is, answer, describe, hand in; the steward publishes or sends back."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.limits import ByAddress, refuse_too_large, refuse_too_often
from accounts.models import User
from geo.maps import MapMarkup, TileLayer, active_areas, data_map
from geo.tiles import lazy_tile, tile_of
from layers import differences, editing
from layers import uploads as services
from layers.comparing import LINES, MOST, Difference, Line, lines
from layers.errors import NotReady, UploadRefused, UploadTooLarge
from layers.incoming import incoming_of
from layers.models import ImportJob
from layers.ogc.fields import field_of, type_in_words
from layers.reader import LEVELS, language
from layers.reading import limits
from layers.small_maps import map_of_points, regency_symbol
from layers.styling import style_of
from layers.tiles import NO_FIELD, make_tile
from layers.upload_forms import COLUMNS, AboutForm, AnswerForm, UploadForm
from layers.values import shown_value
from layers.versions import hiding_personal
from layers.views import geometry_of, map_texts

State = ImportJob.State
LICENCES = ("CC BY 4.0", "CC BY-SA 4.0", "CC0 1.0", "ODbL 1.0")
SHAPES = {
    "Point": gettext_lazy("points"),
    "MultiPoint": gettext_lazy("groups of points"),
    "MultiLineString": gettext_lazy("lines"),
    "MultiPolygon": gettext_lazy("areas"),
    "None": gettext_lazy("none"),
}

View = Callable[..., HttpResponse]


class UploadLimit(ByAddress):
    scope = "upload"


def for_uploaders(view: View) -> View:
    """Let in people who may upload for some agency: others sign in, or are told why not."""

    @wraps(view)
    def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return _turned_away(request) or view(request, **kwargs)

    return never_cache(wrapped)


def _turned_away(request: HttpRequest) -> HttpResponse | None:
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if not isinstance(request.user, User) or not services.agencies_of(request.user).exists():
        return render(request, "layers/upload/forbidden.html", status=403)
    return None


@for_uploaders
@require_http_methods(["GET", "POST"])
def uploads(request: HttpRequest) -> HttpResponse:
    """Show the form and the uploads on their way; take files in."""
    user = _user(request)
    form = UploadForm(request.POST or None, request.FILES or None, user=user)
    status = 422
    if request.method == "POST" and form.is_valid():
        try:
            given = form.cleaned_data
            job = services.start(
                agency=given["agency"], layer=given["layer"], files=given["file"], arrived=given["arrived"], by=user
            )
        except UploadRefused as error:
            form.add_error("file", str(error))
            status = 413 if isinstance(error, UploadTooLarge) else status
        else:
            return redirect("upload", pk=job.pk)
    context = {
        "form": form,
        "unfinished": incoming_of(user),
        "jobs": services.waiting_for(user)[:50],
        "edits": editing.waiting_for(user)[:50],
        "published": services.jobs_of(user).filter(state=State.PUBLISHED)[:10],
    }
    return render(request, "layers/upload/new.html", context, status=status if form.errors else 200)


def _before_upload(request: HttpRequest) -> HttpResponse | None:
    """See config/before_body.py: who, how large and how often, before the files lie on the disk."""
    turned_away = _turned_away(request)
    if turned_away is None:
        refuse_too_large(request, limits.ZIP_BYTES)
        refuse_too_often(request, UploadLimit)
    return turned_away


uploads.before_body = _before_upload  # type: ignore[attr-defined]


@for_uploaders
@require_safe
def upload(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one upload: what was found, what is asked, the preview, and the next step."""
    return _show(request, _job(request, pk))


@for_uploaders
@require_POST
def answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the answer to the reader's question and have the file read again."""
    job = _job(request, pk)
    form = AnswerForm(request.POST, offered=_offered(_questions(job)))
    if not form.is_valid():
        return _show(request, job, answer=form, status=422)
    return _done(request, job, lambda: services.answer(job=job, options=form.options(), by=_user(request)))


@for_uploaders
@require_POST
def about(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep the metadata; hand the upload in when asked to."""
    job, user = _job(request, pk), _user(request)
    if job.layer is None:
        raise Http404
    draft = request.POST.get("do") != "submit"
    form = AboutForm(request.POST, instance=job.layer, draft=draft)
    if not form.is_valid():
        job.layer.refresh_from_db()
        return _show(request, job, form, status=422)

    def keep() -> None:
        services.describe(job=job, about=form.cleaned_data, by=user)
        if not draft:
            services.submit(job=job, by=user)
            messages.success(request, _("Handed in. The steward looks at it, then it is published."))
        else:
            messages.success(request, _("Kept."))

    return _done(request, job, keep)


@for_uploaders
@require_POST
def decide(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Publish what was handed in, or send it back with a word."""
    job, user = _job(request, pk), _user(request)
    if not user.is_coordinator:
        raise Http404
    if request.POST.get("do") == "publish":
        return _done(request, job, lambda: services.approve(job=job, by=user), _("Published."))
    note = request.POST.get("note", "").strip()[:2_000]
    if not note:
        return _show(request, job, note_error=_("Write what is to be changed."), status=422)
    return _done(request, job, lambda: services.give_back(job=job, note=note, by=user), _("Sent back."))


@for_uploaders
@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Delete an upload that is not published, for good."""
    job = _job(request, pk)
    try:
        services.withdraw(job=job, by=_user(request))
    except NotReady as error:
        messages.error(request, str(error))
        return redirect("upload", pk=pk)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": job.name})
    return redirect("uploads")


@for_uploaders
@require_safe
def tile(request: HttpRequest, pk: UUID, z: str, x: str, y: str) -> HttpResponse:
    """Answer with a tile of the version that is not published yet: shapes only."""
    wanted = tile_of(z, x, y)
    job = _job(request, pk)
    if job.layer is None or job.version is None:
        raise Http404
    layer, version = job.layer, job.version
    etag = f"{version.pk}-{wanted.z}-{wanted.x}-{wanted.y}"
    response = lazy_tile(request, etag, lambda: make_tile(layer, version, wanted, NO_FIELD), max_age=0)
    response["Cache-Control"] = "private, no-store"
    return response


@for_uploaders
@require_safe
def signs(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer with a sign for each feature that differs from the version shown now: GeoJSON."""
    job = _job(request, pk)
    if job.layer is None or job.layer.current is None or job.version is None or _compared(job) is None:
        raise Http404
    layer = hiding_personal(job.layer, job.version)
    found = differences.between(layer=layer, old=job.layer.current, new=job.version, found=_differing(job))
    return JsonResponse(found, content_type="application/geo+json")


def _compared(job: ImportJob) -> dict[str, Any] | None:
    """Return the counts beside the version shown now; None without one, and when the upload's own is shown."""
    told: dict[str, Any] | None = job.inspection.get("comparison")
    if not told or job.layer is None or job.layer.current_id in {None, job.version_id}:
        return None
    return told


def _differing(job: ImportJob) -> list[Difference]:
    return [Difference(*one) for one in job.inspection.get("differing", [])]


def _changed(job: ImportJob) -> list[tuple[Line, str, list[tuple[str, str, str]]]]:
    """Return the features that differ from the version shown now: line, what became of it, and its values."""
    if job.layer is None or job.layer.current is None or job.version is None or _compared(job) is None:
        return []
    found = _differing(job)[:LINES]
    layer = hiding_personal(job.layer, job.version)
    return differences.told(lines(layer=layer, old=job.layer.current, new=job.version, found=found))


def _changes(job: ImportJob) -> int:
    told = _compared(job) or {}
    kinds = ("added", "removed", "moved", "lost", "gained", "changed")
    return sum(told.get(name, 0) for name in kinds) - told.get("both", 0)


def _other_kinds(job: ImportJob) -> list[str]:
    """Return what is of another kind than in the version shown now, in words: shapes, and columns of both."""
    if job.layer is None or job.layer.current is None or _compared(job) is None:
        return []
    current, told = job.layer.current, []
    was, now = shapes_in_words(current.geometry_type), shapes_in_words(job.inspection.get("geometry_type", ""))
    if was != now:
        told.append(_("The shapes were: %(was)s. Now they are: %(now)s.") % {"was": was, "now": now})
    for entry in job.inspection.get("fields", []):
        before = current.statistics.get(entry["name"], {}).get("type")
        if before is None:
            continue
        was, now = type_in_words(field_of(entry | {"type": before})), type_in_words(field_of(entry))
        if was != now:
            told.append(
                _("The column “%(name)s” held: %(was)s. Now it holds: %(now)s.")
                % {"name": entry["title"], "was": was, "now": now}
            )
    return told


def shapes_in_words(geometry_type: str) -> str:
    """Return what people are told of the shapes of a version."""
    return str(SHAPES.get(geometry_type, _("several kinds of shapes")))


COLUMNS_ASKED = {"position_ask", "position_names_unknown", "position_unread"}
"""The reader's questions that are answered by names of columns."""


def _show(
    request: HttpRequest,
    job: ImportJob,
    form: AboutForm | None = None,
    *,
    answer: AnswerForm | None = None,
    note_error: str = "",
    status: int = 200,
) -> HttpResponse:
    told, user = job.inspection, _user(request)
    waits = job.state in {State.WAITING, State.READING}
    # What was found before an answer holds no longer while the file is read again.
    findings = [] if waits else [_in_language(one) for one in told.get("findings", [])]
    findings.sort(key=lambda one: LEVELS.index(one["level"]))
    questions = _questions(job, answer)
    editable = job.state in {State.READY, State.RETURNED} and job.layer is not None
    preview = told.get("preview", [])
    shown = [field for field in told.get("fields", []) if not field["hidden"]][:8]
    context = {
        "job": job,
        "findings": [one for one in findings if one["level"] != "ask"],
        "questions": questions,
        "answered": answer is not None,
        "regency": regency_symbol() if questions else "",
        "told": told,
        "outside": told.get("kecamatan_of", 0) - sum(place["count"] for place in told.get("kecamatan", [])),
        "columns_read": [_read_as(field) for field in told.get("fields", [])],
        "heads": [field["title"] for field in shown],
        "lines": [[shown_value(row.get(field["name"]), field) for field in shown] for row in preview],
        "map": _map(request, job),
        "changes": _changes(job),
        "changed": _changed(job),
        "most": MOST,
        "shapes": shapes_in_words(told.get("geometry_type", "")),
        "other_kinds": _other_kinds(job),
        "form": (form or AboutForm(instance=job.layer, initial=job.about)) if editable else None,
        "licences": LICENCES,
        "waits": waits,
        "may_withdraw": job.state in services.WITHDRAWN_FROM,
        "note_error": note_error,
        "decides": job.state == State.SUBMITTED and user.is_coordinator,
        "about": AboutForm(instance=job.layer, initial=job.about).told() if job.layer else [],
    }
    return render(request, "layers/upload/job.html", context, status=status)


def _read_as(field: dict[str, Any]) -> str:
    """Return a column's title and what its values were read as; whether it begins hidden."""
    kind = type_in_words(field_of(field))
    return f"{field['title']} ({kind}, {_('hidden')})" if field["hidden"] else f"{field['title']} ({kind})"


def _questions(job: ImportJob, answer: AnswerForm | None = None) -> list[dict[str, Any]]:
    """Return what the upload asks, each question for a form of its own: to choose one, and to name columns.

    One that is read asks where else the data may lie.
    """
    if not services.may_be_answered(job):
        return []
    if job.state == State.READY:
        return _with_errors(_asks_elsewhere(job.inspection.get("elsewhere", {}), answer), answer)
    found = [one for one in job.inspection.get("findings", []) if one["level"] == "ask"]
    if not found:
        return []
    asked = _in_language(found[0])
    if asked["code"] in COLUMNS_ASKED:
        questions = [_asks_columns(asked["text"], [one["value"] for one in asked["choices"]], answer)]
    else:
        questions = [_asks_one("layer" if asked["code"] == "choose_layer" else "crs", asked["text"], asked["choices"])]
        if titles := found[0].get("titles"):
            questions.append(_asks_columns(str(_OTHER_COLUMNS), titles, answer))
    return _with_errors(questions, answer)


_OTHER_COLUMNS = gettext_lazy(
    "If the places come from the wrong columns, choose the right ones here: those of the coordinates, or the one with "
    "names or codes of kecamatan or desa."
)


def _asks_elsewhere(told: dict[str, Any], answer: AnswerForm | None) -> list[dict[str, Any]]:
    questions, spoken = [], language()
    if choices := [_choice(one, spoken) for one in told.get("choices", [])]:
        text = _("Which coordinate system puts the data where they belong?")
        questions.append(_asks_one("crs", text, choices))
    if titles := told.get("titles"):
        questions.append(_asks_columns(str(_OTHER_COLUMNS), titles, answer))
    return questions


def _asks_one(name: str, text: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "text": text, "choices": choices}


def _asks_columns(text: str, titles: list[str], answer: AnswerForm | None) -> dict[str, Any]:
    return {"text": text, "titles": titles, "columns": _columns(titles, answer)}


def _with_errors(questions: list[dict[str, Any]], answer: AnswerForm | None) -> list[dict[str, Any]]:
    """Add what is wrong with the answer to the question that it answers; what is wrong with a column has its place."""
    if answer is not None and questions:
        question = questions[-1 if answer.names_columns else 0]
        question["errors"] = [*answer.non_field_errors(), *answer.errors.get(question.get("name", ""), [])]
    return questions


def _offered(questions: list[dict[str, Any]]) -> dict[str, set[str]] | None:
    """Return what each field of an answer may say; None when nothing is asked."""
    offered: dict[str, set[str]] = {}
    for question in questions:
        if "columns" in question:
            offered |= {name: set(question["titles"]) for name in COLUMNS}
        else:
            offered[question["name"]] = {one["value"] for one in question["choices"]}
    return offered or None


def _columns(titles: list[str], answer: AnswerForm | None) -> list[dict[str, Any]]:
    """Return the selects that ask for columns, with what was chosen and what is wrong with it."""
    labels = {
        "lon": _("Longitude or X"),
        "lat": _("Latitude or Y"),
        "place": _("or: name or code of the kecamatan or desa"),
    }
    return [
        {
            "name": name,
            "label": label,
            "titles": titles,
            "chosen": answer.data.get(name, "") if answer else "",
            "errors": answer.errors.get(name, []) if answer else [],
        }
        for name, label in labels.items()
    ]


def _in_language(finding: dict[str, Any]) -> dict[str, Any]:
    spoken = language()
    return {
        "code": finding["code"],
        "level": finding["level"],
        "text": finding[f"text_{spoken}"],
        "rows": [{"row": row["row"], "why": row[f"why_{spoken}"]} for row in finding["rows"]],
        "choices": [_choice(one, spoken) for one in finding.get("choices", [])],
    }


def _choice(one: dict[str, Any], spoken: str) -> dict[str, Any]:
    text = one[f"text_{spoken}"]
    title, _colon, where = (
        text.partition(": ") if "points" in one and one["value"].startswith("EPSG:") else (text, "", "")
    )
    drawing = map_of_points(one["points"], where) if where else ""
    return {"value": one["value"], "text": title, "where": where, "map": drawing}


def _map(request: HttpRequest, job: ImportJob) -> MapMarkup | None:
    areas = active_areas()
    if areas is None or job.layer is None or job.version is None or job.version.extent is None:
        return None
    style = style_of(job.layer, job.version, "")
    url = reverse("upload_tiles", args=[job.pk, 6, 7, 8]).replace("6/7/8", "{z}/{x}/{y}")
    more = {"style": style.options(), "geometry": geometry_of(job.version.geometry_type)}
    return data_map(
        nonce=request.csp_nonce,  # type: ignore[attr-defined]
        areas=areas,
        layer=TileLayer(url, f"v={job.version.pk}", more=more),
        module="js/layers/upload-map.js",
        options={
            "extent": [round(number, 6) for number in job.version.extent.extent],
            "texts": map_texts(),
            **differences.map_options(reverse("upload_signs", args=[job.pk]), _changes(job)),
        },
        label=_("Where the uploaded data fall"),
    )


def _done(request: HttpRequest, job: ImportJob, act: Callable[[], object], said: str = "") -> HttpResponse:
    """Do what was asked and go back to the upload's page; say why when it cannot be done."""
    try:
        act()
    except NotReady as error:
        messages.error(request, str(error))
    else:
        if said:
            messages.success(request, said)
    return redirect("upload", pk=job.pk)


def _job(request: HttpRequest, pk: UUID) -> ImportJob:
    job = services.jobs_of(_user(request)).filter(pk=pk).first()
    if job is None:
        raise Http404
    if job.layer is not None:
        job.layer.reader = _user(request)
    return job


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  for_uploaders has looked
    return request.user
