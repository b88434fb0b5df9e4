"""The small map beside a found data set: where its version lies in the regency, as a drawing inside the page.

The regency is drawn once for a page, as a symbol that each small map uses. Nothing but numbers gets into the drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import shapely
from django.db import connection
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from geo.maps import Areas, active_areas
from geo.models import BoundaryEdition
from layers.models import LayerPlace, LayerVersion

WIDTH = 120
"""Units of the drawing from west to east; its height follows from the regency's shape."""
MARGIN = 3
SIMPLIFY = 0.02
"""Degrees: about one unit of the drawing."""
LEAST = 5
"""Units: an extent is drawn no smaller, so that a single point can be seen."""
NAMED = 3
EDGE = 0.06
"""The free edge around points and regency, as a share of what both span."""
FAR = 8
"""So many times as wide as the regency, a drawing shows the regency as a mark."""


@dataclass(frozen=True)
class SmallMap:
    """A drawing for the page, and the same in words."""

    drawing: SafeString
    words: str


@dataclass(frozen=True)
class Frame:
    """How degrees become units: `scale` units to a degree, from the regency's north-west corner."""

    west: float
    north: float
    scale: float
    height: int

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        """Return x, y in units."""
        return (MARGIN + (lon - self.west) * self.scale, MARGIN + (self.north - lat) * self.scale)


def regency_symbol() -> SafeString:
    """Return the regency's outline and its kecamatan as a symbol to use; empty without an active edition."""
    edition = BoundaryEdition.objects.active_id()
    areas = active_areas()
    return _symbol(edition, areas.bounds) if edition and areas else SafeString("")


def small_maps(versions: Sequence[LayerVersion]) -> dict[int, SmallMap]:
    """Return the small map of each version, by its id: one query. Empty without an active edition."""
    areas, edition = active_areas(), BoundaryEdition.objects.active_id()
    if areas is None or edition is None or not versions:
        return {}
    names: dict[int, list[str]] = {}
    rows = LayerPlace.objects.filter(version__in=versions, kecamatan__isnull=False, desa=None, edition_id=edition)
    for version_id, name in rows.order_by("-n", "kecamatan__name").values_list("version_id", "kecamatan__name"):
        names.setdefault(version_id, []).append(name)
    extents = [version.extent and bytes(version.extent.wkb) for version in versions]
    boxes = shapely.bounds(shapely.from_wkb(extents))  # all at once: GEOS through ctypes takes a millisecond for each
    return {
        version.pk: _small_map(box if extent else None, areas, names.get(version.pk, []))
        for version, extent, box in zip(versions, extents, boxes.tolist(), strict=True)
    }


def _small_map(extent: Sequence[float] | None, areas: Areas, names: list[str]) -> SmallMap:
    frame, words = _frame(areas.bounds), _in_words(names)
    box: SafeString = SafeString("")
    if extent:
        west, south, east, north = extent
        left, top = frame.at(west, north)
        right, bottom = frame.at(east, south)
        left, right = _at_least(left, right, WIDTH)
        top, bottom = _at_least(top, bottom, frame.height)
        numbers = [f"{number:.1f}" for number in (left, top, right - left, bottom - top)]
        box = format_html('<rect class="small-map__extent" x="{}" y="{}" width="{}" height="{}" rx="1.5"/>', *numbers)
    drawing = format_html(
        '<svg class="small-map" viewBox="0 0 {} {}" role="img" aria-label="{}"><use href="#regency"/>{}</svg>',
        str(WIDTH), str(frame.height), words, box,
    )  # fmt: skip
    return SmallMap(drawing, words)


def map_of_points(points: Sequence[Sequence[float]], words: str) -> SafeString:
    """Return a drawing of points (lon, lat) with the regency, both in the frame; `words` say the same.

    Uses the regency's symbol; empty without an active edition.
    """
    areas = active_areas()
    if areas is None:
        return SafeString("")
    frame = _frame(areas.bounds)
    placed = [frame.at(lon, lat) for lon, lat in points]
    across = [0.0, float(WIDTH), *(x for x, _y in placed)]
    down = [0.0, float(frame.height), *(y for _x, y in placed)]
    left, top, wide, high = min(across), min(down), max(across) - min(across), max(down) - min(down)
    margin = EDGE * max(wide, high)
    # From afar, the regency is a mark.
    home = f"M{WIDTH / 2} {frame.height / 2}h0" if max(wide / WIDTH, high / frame.height) > FAR else ""
    box = (left - margin, top - margin, wide + 2 * margin, high + 2 * margin)
    return format_html(
        '<svg class="small-map small-map--points" viewBox="{} {} {} {}" role="img" aria-label="{}">'
        '<use href="#regency" width="{}" height="{}"/><path class="small-map__home" d="{}"/>'
        '<path class="small-map__points" d="{}"/></svg>',
        *(f"{number:.1f}" for number in box), words, str(WIDTH), str(frame.height), home,
        "".join(f"M{x:.1f} {y:.1f}h0" for x, y in placed),
    )  # fmt: skip


def _at_least(first: float, last: float, most: int) -> tuple[float, float]:
    """Return a span of LEAST units and more inside 0 to `most`; of what lies beyond, its edge."""
    missing = max(0.0, LEAST - (last - first)) / 2
    first, last = max(0.5, first - missing), min(most - 0.5, last + missing)
    if last - first >= LEAST:
        return first, last
    middle = min(max((first + last) / 2, 0.5 + LEAST / 2), most - 0.5 - LEAST / 2)
    return middle - LEAST / 2, middle + LEAST / 2


def _in_words(names: list[str]) -> str:
    if not names:
        return _("Small map: outside the kecamatan")
    shown = ", ".join(names[:NAMED])
    more = len(names) - NAMED
    if more <= 0:
        return _("Small map: in %(names)s") % {"names": shown}
    told = ngettext(
        "Small map: in %(names)s and %(n)d other kecamatan", "Small map: in %(names)s and %(n)d other kecamatan", more
    )
    return told % {"names": shown, "n": more}


def _frame(bounds: tuple[float, float, float, float]) -> Frame:
    west, south, east, north = bounds
    scale = (WIDTH - 2 * MARGIN) / (east - west)
    return Frame(west, north, scale, round((north - south) * scale + 2 * MARGIN))


@cache
def _symbol(edition: int, bounds: tuple[float, float, float, float]) -> SafeString:
    frame = _frame(bounds)
    with connection.cursor() as cursor:
        # Translated and scaled by the database, so that it can write the drawing's paths in whole tenths of a unit.
        cursor.execute(
            "SELECT ST_AsSVG(ST_Translate(ST_Scale(ST_Translate(ST_SimplifyPreserveTopology(geom, %(fine)s),"
            " -%(west)s, -%(north)s), %(scale)s, %(scale)s), %(margin)s, -%(margin)s), 0, 1)"
            " FROM geo_kecamatanboundary WHERE edition_id = %(edition)s ORDER BY kecamatan_id",
            {
                "fine": SIMPLIFY, "west": frame.west, "north": frame.north, "scale": frame.scale,
                "margin": MARGIN, "edition": edition,
            },
        )  # fmt: skip
        paths = " ".join(row[0] for row in cursor.fetchall())
    return format_html(
        '<svg class="small-map__source" aria-hidden="true" focusable="false"><symbol id="regency" viewBox="0 0 {} {}">'
        '<path class="small-map__land" d="{}"/></symbol></svg>',
        str(WIDTH), str(frame.height), paths,
    )  # fmt: skip
