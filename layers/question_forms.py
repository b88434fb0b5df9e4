"""The form of a spatial question: a sentence with blanks. Only data that the person may see are offered or taken."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from geo.errors import ParameterError
from geo.models import BoundaryEdition, Desa, Kecamatan
from layers.models import Layer
from layers.question_kinds import KINDS, METRES_MAX, Kind, Question, Source
from layers.search import Search, Wanted
from layers.selection import read_version

METRES = 500
FEW = 40
"""A list of more layers than this is too long to choose from, above all on a phone."""
MEANT_MAX = 12
"""Layers that are offered where several may be meant."""
NAMES = frozenset({"kind", "a", "b", "metres", "merge", "place", "a_version", "b_version"})
"""The parameters of a question."""
Choices = list[tuple[str, Any]]


class TypedWidget(forms.TextInput):
    """A field to type a layer's title in; a short name of an address is shown as its title."""

    def __init__(self, titles: Mapping[str, str], attrs: dict[str, Any]) -> None:
        self.titles = titles
        super().__init__(attrs)

    def format_value(self, value: Any) -> Any:
        return super().format_value(self.titles.get(value, value))


class QuestionForm(forms.Form):
    """The blanks of one kind of question. Data that a person may not see are as unknown as missing ones."""

    a = forms.CharField(label=gettext_lazy("Data"), widget=forms.Select, max_length=160, required=False)
    metres = forms.IntegerField(
        label=gettext_lazy("Metres"),
        min_value=1,
        max_value=METRES_MAX,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "maxlength": 6, "autocomplete": "off"}),
        error_messages={
            "required": gettext_lazy("Write a whole number of metres, from 1 to 50,000."),
            "invalid": gettext_lazy("Write a whole number of metres, from 1 to 50,000."),
            "min_value": gettext_lazy("Write a whole number of metres, from 1 to 50,000."),
            "max_value": gettext_lazy("Write a whole number of metres, from 1 to 50,000."),
        },
    )
    b = forms.CharField(label=gettext_lazy("Other data"), widget=forms.Select, max_length=160, required=False)
    merge = forms.ChoiceField(
        label=gettext_lazy("Where areas overlap"),
        choices=[("yes", gettext_lazy("join them")), ("no", gettext_lazy("keep one for each feature"))],
        required=False,
    )
    place = forms.CharField(
        label=gettext_lazy("Only in a kecamatan or desa"), widget=forms.Select, max_length=13, required=False
    )

    def __init__(
        self, kind: Kind, given: Mapping[str, str], user: User | AnonymousUser, *, is_asked: bool | None = None
    ) -> None:
        self.kind = kind
        self.given = {name: value.replace("\x00", "") for name, value in given.items()}
        self.user = user
        bound = ("b" in given or "metres" in given) if is_asked is None else is_asked
        initial = {"metres": METRES, "merge": "yes"} | self.given
        super().__init__(self.given if bound else None, initial=initial)
        if not kind.has_metres:
            del self.fields["metres"]
        if not kind.has_other:
            del self.fields["b"]
        if kind.code != "buffer":
            del self.fields["merge"]
        self.known: dict[str, list[tuple[str, str]]] = {}
        self._offer_layers("a", self._grouped(self.layers.values()))
        self._offer_layers("b", self._others())
        self._offer("place", self._places())

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """The layers that the person may see, by slug."""
        found = (
            Layer.objects.visible_to(self.user).select_related("agency", "current").order_by("agency__name", "title_id")
        )
        return {layer.slug: layer for layer in found}

    @cached_property
    def edition(self) -> BoundaryEdition | None:
        return BoundaryEdition.objects.active().first()

    @property
    def pieces(self) -> list[dict[str, Any]]:
        """The sentence in pieces: `text`, or `field` with the mark `after` it that ends the sentence, or ""."""
        parts = re.split(r"\{(\w+)\}", str(self.kind.sentence))
        pieces: list[dict[str, Any]] = []
        for i, part in enumerate(text.strip() for text in parts):
            if i % 2:
                pieces.append({"field": self[part], "after": ""})
            elif pieces and part and not re.search(r"\w", part):  # not alone on a line of its own
                pieces[-1]["after"] = part
            elif part:
                pieces.append({"text": part})
        return pieces

    @property
    def below(self) -> list[forms.BoundField]:
        """The fields that stand below the sentence."""
        return [self[name] for name in ("merge", "place") if name in self.fields]

    def clean_a(self) -> Source:
        """Return the layer with its version."""
        return self._source("a")

    def clean_b(self) -> Source | str | None:
        """Return the other layer, or "kecamatan" or "desa"; None for nothing where a place may stand instead."""
        text = self.cleaned_data["b"].strip()
        named = {"kecamatan": "@kecamatan", "desa": "@desa", _("kecamatan"): "@kecamatan", _("desa"): "@desa"}
        text = named.get(text.casefold(), text)
        if self.kind.takes_kecamatan and text in {"@kecamatan", "@desa"}:
            if self.edition is None:
                raise forms.ValidationError(_("No boundaries are in use yet."))
            return str(text[1:])
        if not text and self.kind.code == "within" and self.given.get("place"):
            return None
        return self._source("b")

    def clean_place(self) -> Kecamatan | Desa | None:
        """Return the kecamatan or desa."""
        code = self.cleaned_data["place"]
        if not code:
            return None
        place = Kecamatan.objects.filter(code=code).first() or Desa.objects.filter(code=code).first()
        if place is None or self.edition is None:
            raise forms.ValidationError(_("Choose a kecamatan or desa of the list."))
        return place

    def question(self) -> Question:
        """Return the question of a valid form."""
        given = self.cleaned_data
        other = given.get("b")
        return Question(
            kind=self.kind.code,
            a=given["a"],
            b=other if isinstance(other, Source) else None,
            areas=other if isinstance(other, str) else "",
            metres=given.get("metres") or 0,
            merge=given.get("merge") != "no",
            place=given.get("place"),
            edition=self.edition,
        )

    def _source(self, name: str) -> Source:
        text = self.cleaned_data[name].strip()
        layer = self.layers.get(text)
        if layer is None and name in self.known:
            found = self._found(text, self.fields[name].widget.titles) if text else []
            layer = self.layers[found[0]] if len(found) == 1 else None
            if layer is None:
                raise forms.ValidationError(
                    _("No data are called so. Type a word of their name, or look in “All data”.")
                )
        if layer is None:
            raise forms.ValidationError(_("Choose data of the list."))
        try:
            version = read_version(layer, self.given.get(f"{name}_version", ""))
        except (Http404, ParameterError):
            raise forms.ValidationError(_("This version was never published. Ask the current one.")) from None
        return Source(layer, version)

    def _offer(self, name: str, choices: Choices) -> None:
        if name in self.fields:
            self.fields[name].widget.choices = choices

    def _offer_layers(self, name: str, choices: Choices) -> None:
        """Offer layers in a list; of more than FEW, in a field to type in, which suggests them."""
        if name not in self.fields:
            return
        known = {slug: title for _agency, group in choices[1:] for slug, title in group}
        if len(known) <= FEW:
            self._offer(name, choices)
            return
        asked = self.given.get(name, "").strip()
        found = [] if asked in known or not asked else self._found(asked, known)
        if len(found) > 1:  # which of them is meant, the person says; in a list, for it works without a script
            titles = [(slug, f"{known[slug]} ({self.layers[slug].agency.short_name})") for slug in found]
            self._offer(name, [(asked, _("Which of these?")), *titles])
            return
        self.fields[name].widget = TypedWidget(
            titles=known,
            attrs={
                "list": f"id_{name}_known",
                "type": "search",
                "autocomplete": "off",
                "maxlength": 160,
                "placeholder": _("Type a word of its name"),
            },
        )
        self.known[name] = [(title, agency) for agency, group in choices[1:] for _slug, title in group]

    def _found(self, text: str, known: Mapping[str, str]) -> list[str]:
        """Return the offered layers that a text names: by the whole title, else as the catalogue finds them."""
        whole = [slug for slug, title in known.items() if slug in self.layers and title.casefold() == text.casefold()]
        if whole:
            return whole[:MEANT_MAX]
        search = Search(Wanted(q=text[:200], place_off=True), self.user)
        return [entry.slug for entry in search.found if entry.slug in known][:MEANT_MAX]

    def _grouped(self, layers: Any) -> Choices:
        """Return a choice of layers, by agency."""
        groups: dict[str, Choices] = {}
        for layer in layers:
            groups.setdefault(layer.agency.name, []).append((layer.slug, layer.title))
        return [("", "–"), *groups.items()]

    def _others(self) -> Choices:
        layers = [layer for layer in self.layers.values() if not self.kind.wants_areas or _has_areas(layer)]
        choices = self._grouped(layers)
        if self.kind.takes_kecamatan and self.edition:
            areas = [("@kecamatan", _("kecamatan")), ("@desa", _("desa"))]
            choices.insert(1, (_("Boundaries"), areas))
        return choices

    def _places(self) -> Choices:
        if self.edition is None:
            return [("", _("the whole regency"))]
        desa: dict[int, Choices] = {}
        for one in Desa.objects.order_by("name"):
            desa.setdefault(one.kecamatan_id, []).append((one.code, one.name))
        groups: Choices = [
            (one.name, [(one.code, _("All of Kecamatan %(name)s") % {"name": one.name}), *desa.get(one.pk, [])])
            for one in Kecamatan.objects.order_by("name")
        ]
        return [("", _("the whole regency")), *groups]


def _has_areas(layer: Layer) -> bool:
    kind = layer.current.geometry_type.casefold() if layer.current else ""
    return "polygon" in kind or "geometry" in kind


def read_question(given: Mapping[str, str], user: User | AnonymousUser) -> Question:
    """Return the question of an address. Raises Http404 for data that are not there for the person, ParameterError."""
    form = QuestionForm(read_kind(given), given, user, is_asked=True)
    if form.is_valid():
        return form.question()
    for name in ("a", "b"):
        if name in form.errors:
            raise Http404
    name, errors = next(iter(form.errors.items()))
    raise ParameterError(name, given.get(name, ""), str(errors[0]))


def read_kind(given: Mapping[str, str]) -> Kind:
    """Return the kind of question that `kind` names. Raises ParameterError."""
    code = given.get("kind", "")
    if code not in KINDS:
        raise ParameterError("kind", code, _("There is no question “%(name)s” here.") % {"name": code[:40]})
    return KINDS[code]
