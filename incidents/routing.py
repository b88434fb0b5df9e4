"""Which agency answers, and why: the most specific active `RoutingRule`, told as a sentence in both languages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import Agency
from geo.locate import Location, from_hits, hit_params
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


# The functions are in migrations 0004 and 0051.
_CHOOSE = "SELECT * FROM incidents_choose(%(code)s, %(kecamatan)s)"
_WHEREABOUTS = "SELECT * FROM incidents_whereabouts(%(lon)s, %(lat)s, %(near)s, %(touch)s, %(code)s)"
_HIT_COLUMNS = 5
_CATEGORY_FIELDS = ("id", "code", "parent_id", "name_id", "name_en", "kind", "handling", "sensitive")
_AGENCY_FIELDS = ("id", "code", "short_name", "name", "kind")


def whereabouts(lon: float, lat: float, code: str) -> tuple[Location, Category, Route]:
    """Return where a point lies (EPSG:4326) and who answers there for the category `code`, in one round trip.

    At sea it takes three. Raises UnknownCategory and what `geo.locate.locate` raises, which goes before.
    """
    params = hit_params(lon, lat)
    with connection.cursor() as cursor:
        cursor.execute(_WHEREABOUTS, params | {"code": _sendable(code)})
        rows = cursor.fetchall()
    place = from_hits(lon, lat, [row[:_HIT_COLUMNS] for row in rows])
    if place.coastal:
        category, rule = choose(code, place.kecamatan.id)
    else:
        category, rule = _chosen(code, rows[0][_HIT_COLUMNS:])
    return place, category, explain(category, place, rule)


def choose(code: str, kecamatan_id: int | None) -> tuple[Category, RoutingRule | None]:
    """Return the category `code` and the most specific active rule for it in a kecamatan (with its agency), or None.

    Order: category and kecamatan, category, group and kecamatan, group, kecamatan. Raises UnknownCategory.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CHOOSE, {"code": _sendable(code), "kecamatan": kecamatan_id})
        return _chosen(code, cursor.fetchone())


def _sendable(code: str) -> str | None:
    """Return the code; None for one with a NUL, which no category has: the driver would refuse it in its own words."""
    return None if "\x00" in code else code


def _chosen(code: str, row: tuple[Any, ...] | None) -> tuple[Category, RoutingRule | None]:
    if row is None or row[0] is None:
        raise UnknownCategory(
            _("There is no category “%(code)s”. /api/v1/categories/ lists them.") % {"code": code[:60]}
        )
    category = Category(**dict(zip(_CATEGORY_FIELDS, row[:8], strict=True)))
    if row[8] is None:
        return category, None
    agency = Agency(**dict(zip(_AGENCY_FIELDS, row[11:], strict=True)))
    return category, RoutingRule(id=row[8], category_id=row[9], kecamatan_id=row[10], agency=agency)


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
