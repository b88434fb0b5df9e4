"""Spatial questions at `/data/tanya/`: choose a sentence, fill in its blanks, see the answer, take it away, keep it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from psycopg2 import sql

from accounts.models import User
from geo.errors import ParameterError
from geo.maps import MapMarkup, TileLayer, active_areas, data_map
from geo.params import refuse_unknown
from geo.tiles import lazy_tile, tile_of
from layers import question_words, styling, table
from layers.access import who
from layers.downloads import answer as give
from layers.downloads import read_download
from layers.errors import LayerError, QuestionRefused, QuestionsBusy
from layers.formats import CRS, FORMATS
from layers.keys import key_of
from layers.models import Answer
from layers.question_drafts import save_draft
from layers.question_forms import NAMES, QuestionForm, read_kind, read_question
from layers.question_kinds import KINDS, METRES_MAX, Question
from layers.question_sql import made_names
from layers.questions import (
    IN_MAX,
    OUT_MAX,
    TIMEOUT_S,
    AnswerSelection,
    answer_to,
    as_selection,
    kept_answer,
    numbers_of,
)
from layers.styling import Style
from layers.tiles import NO_FIELD, draw_tile
from layers.upload_views import for_uploaders
from layers.uploads import agencies_of
from layers.values import is_number, lines_of, shown_field
from layers.views import geometry_of, map_texts

Answered = TypeVar("Answered", bound=HttpResponseBase)
COLOURED_BY = {"count": "per_km2", "near": "jarak_m", "nearest": "jarak_m"}
"""The field by which an answer is coloured."""


PER_100_BELOW = 0.1
"""When half of the numbers per km² that are not zero are below this, screens write them per 100 km²."""


@dataclass(frozen=True)
class Screen:
    """How a number that the question makes is written on screens; downloads keep what the answer holds.

    It is `times` as large, has so many decimals at most, and a `title` of its own, if one is given.
    """

    decimals: int
    times: int = 1
    title: str = ""

    def shown(self, value: Any) -> Any:
        """Return a value of the field as screens write it."""
        return round(value * self.times, self.decimals) if is_number(value) else value

    def style(self, name: str, numbers: Sequence[float]) -> Style:
        """Return the style by these numbers, with a legend in what screens write. No class ends below its numbers."""
        upwards = 10.0**self.decimals
        whole = [math.ceil(round(one * self.times * upwards, 6)) / upwards for one in numbers]
        style = styling.breaks_style(name, whole, self.decimals)
        return replace(style, upper=tuple(round(end / self.times, 9) for end in style.upper))


@require_safe
def ask(request: HttpRequest) -> HttpResponse:
    """Show the questions; with `kind` the blanks of one; with its blanks filled in the answer."""
    given = request.GET.dict()
    context: dict[str, Any] = {
        "kinds": _kinds(given),
        "limits": {"most": IN_MAX, "out": OUT_MAX, "seconds": int(TIMEOUT_S), "metres": METRES_MAX},
    }
    status = 200
    if given.get("kind"):
        form = QuestionForm(read_kind(given), given, who(request))
        context |= {"form": form, "kind": form.kind}
        if form.is_bound and form.is_valid():
            question = form.question()
            try:
                context |= _result(request, question, answer_to(question))
            except QuestionRefused as error:
                context["refused"] = str(error)
                status = 503 if isinstance(error, QuestionsBusy) else 422
        elif form.is_bound:
            status = 422
    return _private(render(request, "layers/questions.html", context, status=status))


@require_safe
def tile(request: HttpRequest, z: str, x: str, y: str) -> HttpResponse:
    """Answer with a tile of an answer that is kept: one MVT layer called `features`."""
    wanted = tile_of(z, x, y)
    question, answer = _kept(request, {"v", "field"})
    field = request.GET.get("field", NO_FIELD)
    if field not in {NO_FIELD, *made_names(question).values()}:
        raise ParameterError("field", field, _("There is no field “%(name)s” here.") % {"name": field[:40]})

    def make() -> bytes:
        return draw_tile(
            wanted,
            source=sql.SQL("layers_answerfeature"),
            these=sql.SQL("f.answer_id = {}").format(sql.Literal(answer.pk)),
            count=answer.feature_count,
            geometry_type=answer.geometry_type,
            attributes=sql.SQL("'{}'::jsonb")
            if field == NO_FIELD
            else sql.SQL("jsonb_build_object({0}::text, f.properties->{0})").format(sql.Literal(field)),
        )

    etag = f"t{answer.pk}-{wanted.z}-{wanted.x}-{wanted.y}-{field.encode().hex()}"
    response = lazy_tile(request, etag, make, max_age=0)
    del response["Vary"]
    return _private(response, "Accept-Encoding")


@require_safe
def feature(request: HttpRequest, fid: int) -> HttpResponse:
    """Answer with one feature of an answer that is kept: JSON."""
    question, answer = _kept(request, set())
    found = table.read_feature(_chosen(question, answer), fid)
    screens = _screens(question, answer)
    found["fields"] = [shown_field(_on_screen(one, screens)) for one in found["fields"]]
    return _private(JsonResponse(found))


@require_safe
def download(request: HttpRequest, code: str) -> HttpResponseBase:
    """Answer with the answer as a file."""
    refuse_unknown(request.GET.dict(), {*NAMES, "crs"})
    person = who(request)
    question = read_question(request.GET.dict(), person)
    chosen = _chosen(question, answer_to(question))
    response = give(read_download(chosen, code, request.GET, settings.SITE_URL), by=person, key=key_of(request))
    return _private(response, store=False)


@for_uploaders
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep the answer as an upload of the person's agency, which goes to the steward as every upload does."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  for_uploaders has looked
    question = read_question(request.POST.dict(), user)
    agencies = agencies_of(user)
    agency = agencies.filter(code=request.POST.get("agency", "").replace("\x00", "")).first()
    if agency is None and len(agencies) == 1:
        agency = agencies[0]
    if agency is None:
        messages.error(request, _("Choose whose data it shall be."))
        return redirect(question_words.page_of(question, pinned=True) + "#keep")
    try:
        job = save_draft(question=question, agency=agency, by=user, base=settings.SITE_URL)
    except LayerError as error:
        messages.error(request, str(error))
        return redirect(question_words.page_of(question, pinned=True) + "#keep")
    messages.success(request, _("Kept. It is being read; describe it, then hand it in."))
    return redirect("upload", pk=job.pk)


# Inside --------------------------------------------------------------------------------------------------------------


def _kinds(given: dict[str, str]) -> list[dict[str, Any]]:
    more = {name: given[name] for name in ("a", "a_version") if given.get(name)}
    return [
        {
            "code": kind.code,
            "text": str(kind.sentence).format(a="…", b="…", metres="…"),
            "gives": kind.gives,
            "icon": kind.icon,
            "query": urlencode({"kind": kind.code} | more),
        }
        for kind in KINDS.values()
    ]


def _kept(request: HttpRequest, more: set[str]) -> tuple[Question, Answer]:
    """Return a question and its answer; what is only looked at is not computed. Raises Http404."""
    refuse_unknown(request.GET.dict(), {*NAMES, *more})
    question = read_question(request.GET.dict(), who(request))
    answer = kept_answer(question)
    if answer is None:
        raise Http404
    return question, answer


def _chosen(question: Question, answer: Answer) -> AnswerSelection:
    return as_selection(question, answer, question_words.described(question, answer, settings.SITE_URL))


def _result(request: HttpRequest, question: Question, answer: Answer) -> dict[str, Any]:
    """Return what the page shows of an answer."""
    chosen = _chosen(question, answer)
    rows = table.read_table(chosen, request.GET)
    screens = _screens(question, answer)
    style = _style(question, answer, screens)
    fields = [_titled(one, screens) for one in chosen.layer.fields]
    user = request.user
    sort = f"{'-' if rows.descending else ''}{rows.sort}"
    return {
        "answer": answer,
        "asked": question_words.asked(question),
        "finding": question_words.finding(question, answer),
        "notes": question_words.notes(question, answer),
        "origin": question_words.origin(question, answer),
        "licence": chosen.layer.licence,
        "sources": [source.layer for source in question.sources],
        "is_private": not all(source.layer.is_same_for_all for source in question.sources),
        "table": rows,
        "lines": lines_of(rows.columns, _rows_on_screen(rows, screens)),
        "heads": _heads(chosen, rows, screens),
        "page_query": chosen.query(sort=sort),
        "query": chosen.query(),
        "style": style,
        "style_title": next((one["title"] for one in fields if one["name"] == style.field), ""),
        "geometry": geometry_of(answer.geometry_type),
        "map": _map(request, chosen, style) if answer.feature_count else None,
        "formats": FORMATS.values(),
        "crs": CRS.items(),
        "here": settings.SITE_URL + question_words.page_of(question),
        "pinned": settings.SITE_URL + question_words.page_of(question, pinned=True),
        "params": question.params(pinned=True),
        "agencies": agencies_of(user) if isinstance(user, User) and answer.feature_count else [],
    }


def _heads(chosen: AnswerSelection, rows: table.Table, screens: Mapping[str, Screen]) -> list[dict[str, Any]]:
    heads = []
    for column in rows.columns:
        name = str(column["name"])
        by_this = name == rows.sort
        heads.append(
            {
                "title": _titled(column, screens).get("title") or name,
                "is_number": column.get("type") in styling.NUMBERS,
                "order": ("descending" if rows.descending else "ascending") if by_this else "",
                "query": chosen.query(sort=f"-{name}" if by_this and not rows.descending else name),
            }
        )
    return heads


def _screens(question: Question, answer: Answer) -> dict[str, Screen]:
    """Return the fields that screens write otherwise than the answer holds them.

    Those are distances, in whole metres, and few things in large areas, counted per 100 km².
    """
    names = made_names(question)
    if "jarak_m" in names:
        return {names["jarak_m"]: Screen(decimals=0)}
    if "per_km2" in names:
        some = [number for number in numbers_of(answer, names["per_km2"]) if number]
        if some and median(some) < PER_100_BELOW:
            return {names["per_km2"]: Screen(decimals=2, times=100, title=_("Number per 100 km²"))}
    return {}


def _titled(field: Mapping[str, Any], screens: Mapping[str, Screen]) -> dict[str, Any]:
    screen = screens.get(str(field["name"]))
    return {**field, "title": screen.title} if screen and screen.title else dict(field)


def _on_screen(one: dict[str, Any], screens: Mapping[str, Screen]) -> dict[str, Any]:
    screen = screens.get(one["name"])
    return one | {"value": screen.shown(one["value"]), "title": screen.title or one["title"]} if screen else one


def _rows_on_screen(rows: table.Table, screens: Mapping[str, Screen]) -> list[tuple[int, list[Any]]]:
    columns = [screens.get(str(column["name"])) for column in rows.columns]
    return [
        (fid, [screen.shown(value) if screen else value for value, screen in zip(values, columns, strict=True)])
        for fid, values in rows.rows
    ]


def _style(question: Question, answer: Answer, screens: Mapping[str, Screen]) -> Style:
    role = COLOURED_BY.get(question.kind)
    if role is None:
        return Style("one")
    name = made_names(question)[role]
    numbers = numbers_of(answer, name)
    if not numbers:
        return Style("one")
    screen = screens.get(name)
    return screen.style(name, numbers) if screen else styling.breaks_style(name, numbers)


def _map(request: HttpRequest, chosen: AnswerSelection, style: Style) -> MapMarkup | None:
    areas = active_areas()
    if areas is None:
        return None
    extent = chosen.answer.extent.extent if chosen.answer.extent else areas.bounds
    query = chosen.query()
    return data_map(
        nonce=request.csp_nonce,  # type: ignore[attr-defined]
        areas=areas,
        layer=TileLayer(
            reverse("question_tiles", args=[6, 7, 8]).replace("6/7/8", "{z}/{x}/{y}"),
            f"{query}&field={style.field or NO_FIELD}&v={chosen.answer.pk}",
            more={"style": style.options(), "geometry": geometry_of(chosen.answer.geometry_type)},
        ),
        module="js/layers/map.js",
        options={
            "extent": [round(number, 6) for number in extent],
            "feature": reverse("question_feature", args=[0]).replace("/0/", "/{fid}/"),
            "query": query,
            "texts": map_texts(),
        },
        label=_("Map of the answer. Arrow keys move it, plus and minus zoom, Enter shows what is in the middle."),
    )


def _private(response: Answered, *vary: str, store: bool = True) -> Answered:
    """Forbid shared caches to keep an answer: what may be asked hangs on the person."""
    del response["Cache-Control"]
    patch_cache_control(response, private=True, **({"no_cache": True} if store else {"no_store": True}))
    patch_vary_headers(response, ["Cookie", *vary])
    return response
