"""Which agency answers, and why: the most specific active `RoutingRule`, told as a sentence in both languages."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Case, IntegerField, Q, Value, When

from accounts.models import Agency
from geo.locate import Location
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


def best_rule(category: Category, kecamatan_id: int) -> RoutingRule | None:
    """Return the most specific active rule, with its agency, or None.

    Order: category and kecamatan, category, group and kecamatan, group, kecamatan.
    """
    chain = [category.pk, category.parent_id]
    return (
        RoutingRule.objects.filter(Q(category__in=chain) | Q(category=None), Q(kecamatan=kecamatan_id) | Q(kecamatan=None))
        .filter(active=True, agency__active=True)
        .annotate(
            rank=Case(
                When(category=category.pk, then=Value(4)),
                When(category=category.parent_id, then=Value(2)),
                default=Value(0),
                output_field=IntegerField(),
            )
            + Case(When(kecamatan=kecamatan_id, then=Value(1)), default=Value(0), output_field=IntegerField())
        )
        .select_related("agency")
        .order_by("-rank")
        .first()
    )


def route(category: Category, place: Location) -> Route:
    """Choose the agency for a report of `category` at `place`, and say why."""
    return explain(category, place, best_rule(category, place.kecamatan.id))


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
