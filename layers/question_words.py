"""Spatial questions in words: what was asked, what was found, of which data, and what else one must know."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from geo.models import BoundaryEdition, Desa, Kecamatan
from layers.models import Access, Answer, Layer
from layers.question_kinds import KINDS, Question, Source
from layers.question_sql import answer_fields

SLUG = "tanya"  # /data/tanya/ stands where a layer's page would
STRICTER = (Access.AGENCY, Access.GROUPS, Access.REGENCY, Access.PUBLIC)


def asked(question: Question) -> str:
    """Return the question as a sentence."""
    place, other = place_name(question.place), other_name(question)
    stands_alone = question.kind == "within" and not other  # the place is what they lie in
    text = str(KINDS[question.kind].sentence).format(
        a=question.a.layer.title, b=place if stands_alone else other, metres=figure(question.metres)
    )
    only = _("(only %(place)s)") % {"place": place}
    return f"{text} {only}" if place and not stands_alone else text


def other_name(question: Question) -> str:
    """Return what the other side is called; "" without one."""
    if question.areas:
        return _("desa") if question.areas == "desa" else _("kecamatan")
    return question.b.layer.title if question.b else ""


def place_name(place: Kecamatan | Desa | None) -> str:
    """Return a kecamatan or desa with the word for it; "" for none."""
    if isinstance(place, Desa):
        return f"{'Kelurahan' if place.kind == 'kelurahan' else 'Desa'} {place.name}"
    return _("Kecamatan %(name)s") % {"name": place.name} if place else ""


# What was found ------------------------------------------------------------------------------------------------------


def finding(question: Question, answer: Answer) -> str:
    """Return what was found, in one or two sentences with its numbers."""
    facts = answer.facts
    words = {
        "n": figure(answer.feature_count),
        "all": figure(facts["all"]),
        "a": question.a.layer.title,
        "b": f"“{question.b.layer.title}”" if question.b else other_name(question) or place_name(question.place),
        "metres": figure(question.metres),
        "found": figure(facts.get("found") or 0),
    }
    return FINDINGS[question.kind](question, answer, words)


def _near(_question: Question, answer: Answer, words: dict[str, str]) -> str:
    text = ngettext(
        "%(n)s of %(all)s feature of “%(a)s” lies within %(metres)s m of %(b)s.",
        "%(n)s of %(all)s features of “%(a)s” lie within %(metres)s m of %(b)s.",
        answer.facts["all"],
    )
    return text % words


def _within(_question: Question, answer: Answer, words: dict[str, str]) -> str:
    text = ngettext(
        "%(n)s of %(all)s feature of “%(a)s” lies inside %(b)s.",
        "%(n)s of %(all)s features of “%(a)s” lie inside %(b)s.",
        answer.facts["all"],
    )
    return text % words


def _nearest(_question: Question, answer: Answer, words: dict[str, str]) -> str:
    facts = answer.facts
    if facts["half_m"] is None:
        return _("There is nothing to measure: one of the two has no features.")
    distances = {name: distance(facts[f"{name}_m"]) for name in ("half", "least", "most")}
    text = _(
        "Half of “%(a)s” have the nearest of %(b)s within %(half)s; the shortest way is %(least)s, the longest "
        "%(most)s, as the crow flies."
    )
    return text % (words | distances)


def _count(_question: Question, answer: Answer, words: dict[str, str]) -> str:
    facts = answer.facts
    words |= {"filled": figure(facts["filled"]), "most": figure(facts["most"] or 0)}
    text = ngettext(
        "%(found)s of %(all)s feature of “%(a)s” lies in %(b)s, in %(filled)s of %(n)s areas; most in one: %(most)s.",
        "%(found)s of %(all)s features of “%(a)s” lie in %(b)s, in %(filled)s of %(n)s areas; most in one: %(most)s.",
        facts["all"],
    )
    return text % words


def _buffer(question: Question, answer: Answer, words: dict[str, str]) -> str:
    words["area"] = number_format(answer.facts["area_km2"], 2, force_grouping=True)
    if question.merge:
        text = ngettext(
            "What lies within %(metres)s m of “%(a)s” is %(area)s km², in %(n)s piece.",
            "What lies within %(metres)s m of “%(a)s” is %(area)s km², in %(n)s pieces.",
            answer.feature_count,
        )
    else:
        text = ngettext(
            "%(n)s area of %(metres)s m was drawn around “%(a)s”.",
            "%(n)s areas of %(metres)s m were drawn, one around each of “%(a)s”; overlapping ones are not joined.",
            answer.feature_count,
        )
    return text % words


def _intersect(_question: Question, answer: Answer, words: dict[str, str]) -> str:
    facts = answer.facts
    text = ngettext(
        "%(found)s of %(all)s feature of “%(a)s” lies in %(b)s, in %(n)s pieces",
        "%(found)s of %(all)s features of “%(a)s” lie in %(b)s, in %(n)s pieces",
        facts["all"],
    )
    sizes = []
    if facts["area_m2"]:
        sizes.append(_("%(n)s ha") % {"n": number_format(facts["area_m2"] / 10_000, 2, force_grouping=True)})
    if facts["length_m"]:
        sizes.append(_("%(n)s km") % {"n": number_format(facts["length_m"] / 1_000, 2, force_grouping=True)})
    return text % words + (": " + ", ".join(sizes) if sizes else "") + "."


FINDINGS: dict[str, Callable[[Question, Answer, dict[str, str]], str]] = {
    "near": _near,
    "within": _within,
    "nearest": _nearest,
    "count": _count,
    "buffer": _buffer,
    "intersect": _intersect,
}


def notes(question: Question, answer: Answer) -> list[str]:
    """Return what one must know besides: what was left out, what counts twice, what the borders are worth."""
    facts, told = answer.facts, []
    if facts["placeless"]:
        told.append(
            ngettext(
                "%(n)s feature has no place and is left out.",
                "%(n)s features have no place and are left out.",
                facts["placeless"],
            )
            % {"n": figure(facts["placeless"])}
        )
    if facts.get("several"):
        text = (
            ngettext(
                "%(n)s feature lies in or touches several areas and counts in each.",
                "%(n)s features lie in or touch several areas and count in each.",
                facts["several"],
            )
            if question.kind == "count"
            else ngettext(
                "%(n)s feature lies in several areas; only the first is named.",
                "%(n)s features lie in several areas; only the first is named.",
                facts["several"],
            )
        )
        told.append(text % {"n": figure(facts["several"])})
    if question.place is not None and question.kind != "within":
        told.append(_("What touches %(place)s counts as lying in it.") % {"place": place_name(question.place)})
    if any(source.layer.synthetic for source in question.sources):
        told.append(_("These data are made up, for demonstration. Nothing in them is real."))
    if question.uses_boundaries and question.edition and question.edition.kind == BoundaryEdition.Kind.SCHEMATIC:
        told.append(_("The boundaries are schematic: near them, the answer is not certain."))
    return told


def origin(question: Question, answer: Answer) -> str:
    """Return when the answer was computed, and of which versions of which data."""
    when = date_format(timezone.localtime(answer.made_at), "DATETIME_FORMAT")
    parts = [_of_version(source) for source in question.sources]
    if question.uses_boundaries and question.edition:
        parts.append(_("boundaries “%(name)s”") % {"name": question.edition.name})
    return _("Computed on %(when)s from %(data)s.") % {"when": when, "data": ", ".join(parts)}


def _of_version(source: Source) -> str:
    version = source.version
    when = date_format(timezone.localtime(version.published_at), "DATE_FORMAT") if version.published_at else "-"
    return _("“%(layer)s” version %(number)d of %(when)s (%(agency)s)") % {
        "layer": source.layer.title,
        "number": version.number,
        "when": when,
        "agency": source.layer.agency.short_name,
    }


# The answer as a layer -----------------------------------------------------------------------------------------------


def page_of(question: Question, *, pinned: bool = False, **more: str) -> str:
    """Return the path of the question's page."""
    return reverse("questions") + "?" + urlencode(question.params(pinned=pinned) | more)


def lineage(question: Question, answer: Answer, base: str) -> str:
    """Return how the answer was made: the question, the finding, the data with their versions, and its address."""
    lines = [
        _("Answer to a spatial question: %(question)s") % {"question": asked(question)},
        finding(question, answer),
        origin(question, answer),
        *notes(question, answer),
        base + page_of(question, pinned=True),
    ]
    return "\n".join(lines)


def described(question: Question, answer: Answer, base: str) -> Layer:
    """Return the description of the answer as a layer, which is never stored. It is as open as its data together."""
    layers = [source.layer for source in question.sources]
    shown_as = Layer(
        slug=SLUG,
        title_id=asked(question),
        abstract_id=finding(question, answer),
        agency=layers[0].agency,
        state=Layer.State.PUBLISHED,
        access=min((Access(layer.access) for layer in layers), key=STRICTER.index),
        theme=layers[0].theme,
        licence=licence(question),
        lineage=lineage(question, answer, base),
        source="\n".join(dict.fromkeys(layer.source for layer in layers if layer.source)),
        synthetic=any(layer.synthetic for layer in layers),
        fields=answer_fields(question),
    )
    shown_as.asked = urlencode(question.params(pinned=True))
    return shown_as


def licence(question: Question) -> str:
    """Return the licences of the data, each once."""
    return "; ".join(dict.fromkeys(source.layer.licence for source in question.sources if source.layer.licence))[:120]


def figure(number: float) -> str:
    """Return a whole number as people read it."""
    return number_format(number, 0, force_grouping=True)


def distance(metres: float) -> str:
    """Return a distance in metres, or kilometres from 10 km on."""
    if metres >= 10_000:
        return _("%(n)s km") % {"n": number_format(metres / 1_000, 1, force_grouping=True)}
    return _("%(n)s m") % {"n": number_format(metres, 0, force_grouping=True)}
