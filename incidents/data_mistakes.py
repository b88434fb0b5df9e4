"""A mistake in an agency's data, reported from the data's own page: `/lapor/?agency=<code>&layer=<short name>`.

The address is all that the data's page hands over; whoever reports can change everything that it fills in.
"""

import re

from django.utils.translation import gettext as _

from incidents.models import RoutingRule

_LAYER = re.compile(r"[a-z0-9_-]{1,60}")


def category_for(agency_code: str) -> str:
    """Return the code of the first category that goes to the agency everywhere; "" if there is none."""
    if not agency_code or "\x00" in agency_code:
        return ""
    rules = RoutingRule.objects.filter(
        active=True,
        kecamatan=None,
        agency__code=agency_code,
        agency__active=True,
        category__active=True,
        category__sensitive=False,
        category__parent__active=True,
    )
    return rules.order_by("category__position", "category__code").values_list("category__code", flat=True).first() or ""


def read_layer(text: str) -> str:
    """Return the short name of a layer as an address gave it; "" if it cannot be one."""
    return text if _LAYER.fullmatch(text) else ""


def title_for(layer: str) -> str:
    """Return the sentence that the report begins with."""
    return _("A mistake in the data set “%(layer)s”") % {"layer": layer}
