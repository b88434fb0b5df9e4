"""Who may read a field of a layer. One rule, asked by `Layer.shown_fields()`, which every way out goes through.

The layer that is in hand knows for whom it was opened (`Layer.reader`): `LayerQuerySet.visible_to(user)` and
`layers.access.layer_or_404` tell it. One that was opened for nobody shows what everybody may read.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from accounts.models import User

KEY, GROUPS_KEY = "shown_to", "groups"
"""Where an entry of the field dictionary says who reads the field, and the ids of the named groups."""


class ShownTo(TextChoices):
    """Who may read a field, of those who may read its layer."""

    EVERYBODY = "everybody", _("whoever sees the layer")
    REGENCY = "regency", _("people who work for the regency")
    AGENCY = "agency", _("the agency that produces the layer")
    GROUPS = "groups", _("the agency and named groups")
    NOBODY = "nobody", _("nobody")


COMING = "coming"
"""Instead of a value of `ShownTo`: of a field that no published version has. Nobody reads it; publication shows it."""
LATER_KEY = "shown_to_later"
"""Where the entry of a coming field says who will read it, if not everybody."""
_KNOWN = tuple(ShownTo.values)  # made once: it is asked for each field of each answer
_EVERYBODY, _NOBODY = ShownTo.EVERYBODY.value, ShownTo.NOBODY.value


def shown_to(entry: Mapping[str, Any]) -> str:
    """Return who may read a field, a value of `ShownTo`; what is not understood is nobody."""
    told = entry.get(KEY, _EVERYBODY)
    return _NOBODY if entry.get("hidden") or told not in _KNOWN else str(told)


def is_coming(entry: Mapping[str, Any]) -> bool:
    """Whether no published version has the field, so that nobody reads it."""
    return entry.get(KEY) == COMING


def once_published(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry as it is once a version that has the field is published: who was named reads it."""
    if not is_coming(entry):
        return dict(entry)
    shown = {name: value for name, value in entry.items() if name not in {KEY, LATER_KEY}}
    return shown | ({KEY: entry[LATER_KEY]} if LATER_KEY in entry else {})


def becomes_personal(entry: Mapping[str, Any], statistics: Mapping[str, Any]) -> bool:
    """Whether a version, by its statistics, holds personal data in a field of which nobody knew that yet."""
    return bool(statistics.get(entry["name"], {}).get("personal")) and not entry.get("personal")


def may_read(entry: Mapping[str, Any], agency_id: int, reader: User | AnonymousUser | None) -> bool:
    """Whether `reader` (None: anybody) may read a field of an agency's layer."""
    told = shown_to(entry)
    if told in {_EVERYBODY, _NOBODY}:
        return told == _EVERYBODY
    if not isinstance(reader, User) or not reader.is_active:
        return False
    if reader.is_coordinator or agency_id in reader.agency_ids():
        return True
    if told == ShownTo.REGENCY:
        return reader.works_at_desk()
    return told == ShownTo.GROUPS and not reader.group_ids().isdisjoint(entry.get(GROUPS_KEY) or ())
