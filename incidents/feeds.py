"""`/feeds/laporan.atom`: the newest public reports as Atom with GeoRSS, narrowed as the list is by `ReportFilter`."""

import datetime as dt
import re
from typing import Any

from django.contrib.gis.feeds import Feed, GeoAtom1Feed
from django.http import HttpRequest, HttpResponse
from django.urls import reverse, reverse_lazy
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.formats import date_format
from django.utils.html import linebreaks
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents.clock import WITA
from incidents.filters import ReportFilter
from incidents.models import Report

ENTRIES = 50
KEPT_S = 60
"""Seconds for which readers and what lies between may keep the feed."""
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What people may have typed but XML 1.0 cannot carry."""


class ReportsFeed(Feed):
    """Entries are the `ENTRIES` newest public reports that meet the conditions of the query string.

    Raises ParameterError for a condition that is wrong or unknown.
    """

    feed_type = GeoAtom1Feed
    title = gettext_lazy("Reports from Kutai Timur")
    subtitle = gettext_lazy("What people sent, who answers, and how far it is.")
    link = reverse_lazy("report_list")

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().__call__(request, *args, **kwargs)
        patch_cache_control(response, public=True, max_age=KEPT_S)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> ReportFilter:
        found = ReportFilter(request.GET, queryset=Report.objects.public())
        found.refuse_wrong()
        return found

    def items(self, obj: ReportFilter) -> list[Report]:
        return list(obj.qs.with_places().order_by("-created_at", "-id")[:ENTRIES])

    def item_title(self, item: Report) -> str:
        return whole(item.title)

    def item_description(self, item: Report) -> str:
        place = f"{item.desa.name}, {item.kecamatan.name}" if item.desa else item.kecamatan.name
        answering = item.agency.short_name if item.agency else _("the coordinator will choose the agency")
        due = date_format(item.resolve_due_at.astimezone(WITA), "j M Y")
        told = _("%(status)s. %(place)s. Answered by: %(agency)s. To be resolved by %(day)s.") % {
            "status": item.get_status_display(), "place": place, "agency": answering, "day": due,
        }  # fmt: skip
        return linebreaks(whole(f"{item.description}\n\n{told}"), autoescape=True)  # a summary is HTML

    def item_link(self, item: Report) -> str:
        return reverse("report_detail", kwargs={"ticket": item.ticket})

    def item_pubdate(self, item: Report) -> dt.datetime:
        return item.created_at

    def item_updateddate(self, item: Report) -> dt.datetime:
        return item.changed_at

    def item_categories(self, item: Report) -> list[str]:
        return [item.category.name, item.get_kind_display()]

    def item_geometry(self, item: Report) -> tuple[float, float]:
        return item.geom.x, item.geom.y


def whole(text: str) -> str:
    """Return the text with what XML cannot carry replaced by U+FFFD."""
    return _NO_XML.sub("\ufffd", text)
