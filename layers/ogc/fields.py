"""Which properties of a layer leave the house, and what kind of value each holds.

Only fields of the dictionary that the layer's reader may see exist (layers/field_access.py). A property that the
dictionary does not know is withheld, too: nobody has looked at it yet.
"""

from dataclasses import dataclass
from typing import Any

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
    return {entry["name"]: _field(entry) for entry in layer.shown_fields()}


def time_field(fields: dict[str, Field]) -> Field | None:
    """Return the field that `datetime` asks about: the first with a date; None if there is none."""
    return next((field for field in fields.values() if field.kind in {"date", "datetime"}), None)


def _field(entry: dict[str, Any]) -> Field:
    return Field(
        name=str(entry["name"]),
        kind=KINDS.get(entry.get("type", "text"), "text"),
        whole=entry.get("type") == "integer",
        title=entry.get("title") or "",
        description=entry.get("description") or "",
    )
