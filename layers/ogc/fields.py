"""Which properties of a layer leave the house, and what kind of value each holds.

Only fields of the dictionary that the layer's reader may see exist (layers/field_access.py). A property that the
dictionary does not know is withheld, too: nobody has looked at it yet.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from layers.models import Layer

KINDS = {"integer": "number", "number": "number", "date": "date", "datetime": "datetime", "boolean": "boolean"}
GEOMETRY = "geometry"
"""The name of the geometry in filters and in the queryables."""


@dataclass(frozen=True)
class Field:
    """A field as readers know it. `kind` is text, number, boolean, date or datetime."""

    name: str
    kind: str
    whole: bool = False
    title: str = ""
    description: str = ""


def fields_of(layer: Layer) -> dict[str, Field]:
    """Return the fields that readers may see, by name, in the dictionary's order."""
    return {entry["name"]: field_of(entry) for entry in layer.shown_fields()}


def time_field(fields: dict[str, Field]) -> Field | None:
    """Return the field that `datetime` asks about: the first with a date; None if there is none."""
    return next((field for field in fields.values() if field.kind in {"date", "datetime"}), None)


def kind_in_words(kind: str) -> str:
    """Return what kind of value a field, or a part of a filter, holds."""
    return {
        "text": _("text"),
        "number": pgettext("kind of value", "number"),
        "boolean": _("true or false"),
        "date": _("date"),
        "datetime": _("date and time"),
        "geometry": _("geometry"),
        "span": _("interval"),
    }[kind]


def type_in_words(field: Field) -> str:
    """Return what people are told of the type of a field: whole numbers are told apart."""
    return pgettext("kind of value", "whole number") if field.whole else kind_in_words(field.kind)


def geometry_in_words(geometry_type: str) -> str:
    """Return what people are told of a version's geometry type, as PostGIS or GDAL names it."""
    words = {"polygon": _("areas"), "line": _("lines"), "point": _("points")}
    return next((word for part, word in words.items() if part in geometry_type.casefold()), _("geometry"))


def field_of(entry: dict[str, Any]) -> Field:
    """Return an entry of a field dictionary as a field."""
    return Field(
        name=str(entry["name"]),
        kind=KINDS.get(entry.get("type", "text"), "text"),
        whole=entry.get("type") == "integer",
        title=entry.get("title") or "",
        description=entry.get("description") or "",
    )
