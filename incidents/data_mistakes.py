"""A mistake in an agency's data, reported from the data's own page: `/lapor/?agency=<code>&layer=<short name>`.

The address is all that the data's page hands over; whoever reports can change everything that it fills in.
"""

import re

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import override

from incidents.models import Report, RoutingRule

_LAYER = re.compile(r"[a-z0-9_-]{1,60}")
TITLE_MAX = Report._meta.get_field("title").max_length or 0


def categories_of(agency_code: str) -> set[str]:
    """Return the codes of the categories that go to the agency everywhere: what its data may be about."""
    if not agency_code or "\x00" in agency_code:
        return set()
    rules = RoutingRule.objects.filter(
        active=True,
        kecamatan=None,
        agency__code=agency_code,
        agency__active=True,
        category__active=True,
        category__sensitive=False,
        category__parent__active=True,
    )
    return set(rules.values_list("category__code", flat=True))


def name_of(layer: str) -> str:
    """Return the title of a data set in the active language by its short name, as an address gave it.

    "" if there is none, and alike if not everybody may read it: a report is public.
    """
    name: str = import_string(settings.DATA_SET_TITLE)(layer) if _LAYER.fullmatch(layer) else ""
    return name


def title_for(layer: str) -> str:
    """Return the sentence that the report begins with, in Indonesian, which the agency reads; "" if `name_of` is."""
    with override("id"):
        name = name_of(layer)
        sentence = _("A mistake in the data set “%(layer)s”")
        room = TITLE_MAX - len(sentence % {"layer": ""})
        return sentence % {"layer": Truncator(name).chars(room)} if name else ""
