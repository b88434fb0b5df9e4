"""Which agency answers, and why: the most specific active `RoutingRule`, told as a sentence in both languages."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import Agency
from geo.locate import Location
from incidents.errors import UnknownCategory
from incidents.models.categories import Category
from incidents.models.routing import RoutingRule

SENTENCES = {
    "both": (
        "Laporan tentang “{category_id}” di Kecamatan {kecamatan} ditangani {agency}.",
        "Reports about “{category_en}” in Kecamatan {kecamatan} are handled by {agency}.",
    ),
    "category": (
        "Laporan tentang “{category_id}” di seluruh Kutai Timur ditangani {agency}.",
        "Reports about “{category_en}” anywhere in Kutai Timur are handled by {agency}.",
    ),
    "kecamatan": (
        "Belum ada dinas khusus untuk “{category_id}”; {agency} menanganinya karena titik ini di wilayahnya.",
        "No agency is named for “{category_en}”; {agency} handles it because the place lies in its area.",
    ),
    "none": (
        "Belum ada aturan untuk “{category_id}” di Kecamatan {kecamatan}; koordinator akan memilihkan dinasnya.",
        "There is no rule for “{category_en}” in Kecamatan {kecamatan} yet; the coordinator will choose the agency.",
    ),
    "external": (
        " {short} bukan perangkat kabupaten; laporan diteruskan ke sana dan kabupaten ikut memantau.",
        " {short} is not a regency agency; the report is passed on and the regency keeps an eye on it.",
    ),
    "coastal": (
        " Titik ini di laut, {distance} m dari pantai; kecamatan terdekat dipakai.",
        " The place lies in the sea, {distance} m off the coast; the nearest kecamatan is taken.",
    ),
    "border": (
        " Titik ini dekat batas dengan Kecamatan {neighbours}.",
        " The place is close to the border with Kecamatan {neighbours}.",
    ),
}


@dataclass(frozen=True)
class Route:
    """Who answers (None: the coordinator chooses), by which rule, and why, in Indonesian and English."""

    agency: Agency | None
    rule: RoutingRule | None
    reason_id: str
    reason_en: str


_CHOOSE = "SELECT * FROM incidents_choose(%(code)s, %(kecamatan)s)"  # the function is in migration 0004


def choose(code: str, kecamatan_id: int | None) -> tuple[Category, RoutingRule | None]:
    """Return the category `code` and the most specific active rule for it in a kecamatan (with its agency), or None.

    Order: category and kecamatan, category, group and kecamatan, group, kecamatan. Raises UnknownCategory.
    """
    row = None
    if "\x00" not in code:  # the database driver refuses it with an error of its own
        with connection.cursor() as cursor:
            cursor.execute(_CHOOSE, {"code": code, "kecamatan": kecamatan_id})
            row = cursor.fetchone()
    if row is None:
        raise UnknownCategory(
            _("There is no category “%(code)s”. /api/v1/categories/ lists them.") % {"code": code[:60]}
        )
    category = Category(**dict(zip(_CATEGORY_FIELDS, row[:8], strict=True)))
    if row[8] is None:
        return category, None
    agency = Agency(**dict(zip(_AGENCY_FIELDS, row[11:], strict=True)))
    return category, RoutingRule(id=row[8], category_id=row[9], kecamatan_id=row[10], agency=agency)


_CATEGORY_FIELDS = ("id", "code", "parent_id", "name_id", "name_en", "kind", "handling", "sensitive")
_AGENCY_FIELDS = ("id", "code", "short_name", "name", "kind")


def route(code: str, place: Location) -> tuple[Category, Route]:
    """Choose the agency for a report of the category `code` at `place`, and say why. Raises UnknownCategory."""
    category, rule = choose(code, place.kecamatan.id)
    return category, explain(category, place, rule)


def explain(category: Category, place: Location, rule: RoutingRule | None) -> Route:
    """Tell `rule` (None: no rule fits) as a sentence for this category and place."""
    agency = rule.agency if rule else None
    keys = [_shape(rule)]
    if agency and agency.is_external:
        keys.append("external")
    if place.coastal:
        keys.append("coastal")
    if place.near_border:
        keys.append("border")
    words = {
        "category_id": category.name_id,
        "category_en": category.name_en,
        "kecamatan": place.kecamatan.name,
        "agency": agency.name if agency else "",
        "short": agency.short_name if agency else "",
        "distance": round(place.distance_m),
        "neighbours": _join(border.name for border in place.near_border),
    }
    return Route(
        agency=agency,
        rule=rule,
        reason_id="".join(SENTENCES[key][0] for key in keys).format(**words),
        reason_en="".join(SENTENCES[key][1] for key in keys).format(**words),
    )


def _shape(rule: RoutingRule | None) -> str:
    if rule is None:
        return "none"
    if rule.category_id and rule.kecamatan_id:
        return "both"
    return "category" if rule.category_id else "kecamatan"


def _join(names: Iterable[str]) -> str:
    return ", ".join(names)
