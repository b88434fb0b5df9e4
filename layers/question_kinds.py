"""The spatial questions that can be asked, as sentences with blanks, and one question with its blanks filled in."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from geo.models import BoundaryEdition, Desa, Kecamatan
from layers.models import Layer, LayerVersion

RULES = 4
"""Raise it when a question comes to mean something else: answers that are kept are then made again."""
METRES_MAX = 50_000

IN_METRES = frozenset({"buffer", "near", "nearest"})
"""The questions that measure distances in EPSG:32650."""
OF_AREAS = frozenset({"within", "intersect", "count"})
"""The questions whose other side must be areas."""


@dataclass(frozen=True)
class Kind:
    """A question. `sentence` has the blanks {a}, {b} and {metres}; `gives` says what the answer is."""

    code: str
    sentence: Promise
    gives: Promise
    icon: str

    @property
    def has_metres(self) -> bool:
        return self.code in {"buffer", "near"}

    @property
    def has_other(self) -> bool:
        return self.code != "buffer"

    @property
    def takes_kecamatan(self) -> bool:
        """Whether the other side may be all kecamatan or all desa."""
        return self.code in {"intersect", "count"}

    @property
    def wants_areas(self) -> bool:
        return self.code in OF_AREAS


KINDS = {
    kind.code: kind
    for kind in (
        Kind("near", _("Which of {a} lie within {metres} m of {b}?"),
             _("A list with the distance to the nearest one."), "locate"),
        Kind("within", _("Which of {a} lie inside {b}?"),
             _("A list of what lies inside, and in which area."), "check"),
        Kind("count", _("How many of {a} lie in each of {b}?"),
             _("A number for each area, and how many per km²."), "list"),
        Kind("nearest", _("For each of {a}: which of {b} is nearest, and how far is it?"),
             _("Each one with the nearest and the distance in metres."), "pin"),
        Kind("buffer", _("Which area lies within {metres} m of {a}?"),
             _("The area around them, drawn and measured."), "globe"),
        Kind("intersect", _("How much of {a} lies in each of {b}?"),
             _("The pieces, cut at the borders, with the area or length of each."), "edit"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A layer that is asked, and which of its published versions."""

    layer: Layer
    version: LayerVersion

    @property
    def shown(self) -> list[str]:
        """The names of the fields that the reader may see."""
        return [str(field["name"]) for field in self.layer.shown_fields()]

    def for_everybody(self) -> "Source":
        """Return the same with the fields alone that everybody sees."""
        return replace(self, layer=self.layer.for_everybody())


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question with its blanks filled in.

    The other side is the layer `b`, or `areas`: "kecamatan" or "desa" of the edition. `metres` of buffer and near;
    `merge` of buffer: one area instead of one for each feature. `place` narrows `a` to what lies in or touches it
    (within: to what lies in it, and then it may stand alone).
    """

    kind: str
    a: Source
    b: Source | None = None
    areas: str = ""
    metres: int = 0
    merge: bool = True
    place: Kecamatan | Desa | None = None
    edition: BoundaryEdition | None = None

    @cached_property
    def key(self) -> str:
        """The digest under which the answer is kept."""
        edition = self.edition.pk if self.edition and self.uses_boundaries else None
        asked: list[Any] = [RULES, self.kind, self.areas, self.metres, self.merge, edition]
        asked.append(self.place.code if self.place else None)
        for source in (self.a, self.b):
            asked.append([source.version.pk, source.shown] if source else None)
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def for_everybody(self) -> "Question":
        """Return the same question about the fields alone that everybody sees."""
        return replace(self, a=self.a.for_everybody(), b=self.b.for_everybody() if self.b else None)

    @property
    def uses_boundaries(self) -> bool:
        """Whether the answer hangs on the outlines of kecamatan or desa."""
        return bool(self.areas or self.place)

    @property
    def sources(self) -> list[Source]:
        """The layers that are asked, each once."""
        both = [source for source in (self.a, self.b) if source is not None]
        return both[:1] if self.asks_itself else both

    @property
    def asks_itself(self) -> bool:
        """Whether both sides are the same: no feature is then compared with itself."""
        return self.b is not None and self.b.version.pk == self.a.version.pk

    def params(self, *, pinned: bool = False) -> dict[str, str]:
        """Return the question as parameters of its address; `pinned` to the versions that were asked."""
        given = {"kind": self.kind, "a": self.a.layer.slug}
        given["b"] = f"@{self.areas}" if self.areas else self.b.layer.slug if self.b else ""
        if KINDS[self.kind].has_metres:
            given["metres"] = str(self.metres)
        if self.kind == "buffer":
            given["merge"] = "yes" if self.merge else "no"
        given["place"] = self.place.code if self.place else ""
        for name, source in (("a_version", self.a), ("b_version", self.b)):
            if source and (pinned or source.version.pk != source.layer.current_id):
                given[name] = str(source.version.number)
        return {name: value for name, value in given.items() if value}
