"""What must be true of outlines before they may become an edition.

Each reason names the feature, the area and the remedy.

Areas are on the spheroid, in hectares; overlaps and gaps below `NOISE_HA` are rounding, not disagreement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from geo import facts
from geo.matching import Match, name_key
from geo.normalise import Repair, area_ha, only_areas

NOISE_HA = 0.1
REPAIR_MAX_HA = 1.0  # a repair that changes more than this is a question for whoever drew the outline
TOTAL_TOLERANCE = 0.10
AREA_FACTOR = 2.0  # an outline of half or twice the known area is probably another area's
AREA_NOTE = 0.10
LISTED = 100


@dataclass
class Findings:
    """What the checks found: `reasons` refuse the file, `notes` are worth knowing."""

    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def names_of(level: str) -> dict[str, str]:
    """Return the names of a level's areas by code."""
    known = facts.kecamatan() if level == "kecamatan" else facts.desa()
    return {fact.code: fact.name for fact in known}


def check_codes(match: Match) -> Findings:
    """Every area exactly once, nothing else, and names that do not contradict the codes."""
    found, names = Findings(), names_of(match.level)
    for row, (code, given) in enumerate(zip(match.codes, match.given, strict=True), start=1):
        if code is None or code not in names:
            found.reasons.append(
                _("Feature %(row)d: “%(given)s” is no %(level)s of this regency. Correct its code or leave it out.")
                % {"row": row, "given": given or "-", "level": match.level}
            )
    rows: dict[str, list[int]] = {}
    for row, code in enumerate(match.codes, start=1):
        if code in names:
            rows.setdefault(str(code), []).append(row)
    for code, where in sorted(rows.items()):
        if len(where) > 1:
            found.reasons.append(
                _("%(area)s comes %(count)d times (features %(rows)s). Dissolve by code, or correct the codes.")
                % {"area": _area(code, names), "count": len(where), "rows": ", ".join(map(str, where))}
            )
    missing = sorted(names.keys() - rows.keys())
    if missing:
        found.reasons.append(
            ngettext(
                "%(count)d %(level)s of %(all)d is missing: %(areas)s. Load a file that holds all.",
                "%(count)d %(level)s of %(all)d are missing: %(areas)s. Load a file that holds all.",
                len(missing),
            )
            % {
                "count": len(missing),
                "level": match.level,
                "all": len(names),
                "areas": _some([_area(code, names) for code in missing]),
            }
        )
    if match.names and match.level == "kecamatan":
        known = {fact.code: {name_key(fact.name), name_key(fact.other_name)} for fact in facts.kecamatan()}
        for code, name in zip(match.codes, match.names, strict=True):
            if code and name and name_key(name) not in known.get(code, set()):
                found.notes.append(
                    _("%(area)s is called “%(name)s” in the file. The code decides.")
                    % {"area": _area(code, names), "name": name[:60]}
                )
    return found


def check_kinds(geometries: Any, given: Sequence[str]) -> Findings:
    """Only areas: no points, lines or empty outlines. `given` names each feature."""
    found = Findings()
    good = np.isin(shapely.get_type_id(geometries), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    for row in np.flatnonzero(~good | shapely.is_empty(geometries)):
        shape = geometries[row]
        found.reasons.append(
            _("Feature %(row)d (%(given)s) has no area: %(kind)s. Give it a polygon.")
            % {"row": row + 1, "given": given[int(row)], "kind": shape.geom_type if shape is not None else "-"}
        )
    return found


def check_place(geometries: Any) -> Findings:
    """The outlines lie where the regency lies."""
    found = Findings()
    box = shapely.total_bounds(geometries)
    land = shapely.box(*facts.outline().bounds)
    if np.isfinite(box).all() and shapely.box(*box).intersects(land):
        return found
    west, south, east, north = box
    if shapely.box(south, west, north, east).intersects(land) if np.isfinite(box).all() else False:
        hint = _("It seems that latitude and longitude are swapped: the first coordinate must be the longitude.")
    else:
        hint = _("Its coordinate system is probably another one than it says: try --crs, such as --crs EPSG:32650.")
    found.reasons.append(
        _("The outlines lie at %(west)s to %(east)s E, %(south)s to %(north)s N, not in Kutai Timur. %(hint)s")
        % {
            "west": f"{west:.2f}",
            "east": f"{east:.2f}",
            "south": f"{south:.2f}",
            "north": f"{north:.2f}",
            "hint": hint,
        }
    )
    return found


def check_repairs(repairs: list[Repair], given: Sequence[str]) -> Findings:
    """Small repairs are noted; large ones refuse the file."""
    found = Findings()
    for repair in repairs:
        words = {
            "row": repair.row + 1,
            "given": given[repair.row],
            "why": repair.why,
            "ha": ha(repair.changed_ha),
        }
        if repair.changed_ha > REPAIR_MAX_HA:
            found.reasons.append(
                _(
                    "Feature %(row)d (%(given)s) is invalid (%(why)s); mending it would change %(ha)s ha. "
                    "Mend it in your GIS (QGIS: Fix geometries) and look at the result."
                )
                % words
            )
        else:
            found.notes.append(
                _("Feature %(row)d (%(given)s) was invalid (%(why)s) and was mended: %(ha)s ha changed.") % words
            )
    return found


def check_coverage(outlines: Mapping[str, shapely.MultiPolygon], level: str) -> Findings:
    """No two outlines overlap, and nothing is left out between them."""
    found, names = Findings(), names_of(level)
    overlaps, gaps = find_overlaps(outlines), find_gaps(outlines)
    if overlaps:
        head = ngettext(
            "%(count)d overlap, %(ha)s ha in all. Give each place to one side "
            "(QGIS: Topology checker; mapshaper: -clean):",
            "%(count)d overlaps, %(ha)s ha in all. Give each place to one side "
            "(QGIS: Topology checker; mapshaper: -clean):",
            len(overlaps),
        ) % {"count": len(overlaps), "ha": ha(sum(size for _a, _b, size in overlaps))}
        lines = [
            _("%(a)s and %(b)s: %(ha)s ha") % {"a": _area(a, names), "b": _area(b, names), "ha": ha(size)}
            for a, b, size in overlaps
        ]
        found.reasons.append(f"{head}\n{_lines(lines)}")
    if gaps:
        head = ngettext(
            "%(count)d gap, %(ha)s ha in all. Fill it from one side (QGIS: Topology checker; mapshaper: -clean):",
            "%(count)d gaps, %(ha)s ha in all. Fill each from one side (QGIS: Topology checker; mapshaper: -clean):",
            len(gaps),
        ) % {"count": len(gaps), "ha": ha(sum(gap.size_ha for gap in gaps))}
        lines = [
            _("between %(areas)s, at lon %(lon)s, lat %(lat)s: %(ha)s ha")
            % {
                "areas": ", ".join(names.get(code, code) for code in gap.beside),
                "lon": f"{gap.lon:.4f}",
                "lat": f"{gap.lat:.4f}",
                "ha": ha(gap.size_ha),
            }
            for gap in gaps
        ]
        found.reasons.append(f"{head}\n{_lines(lines)}")
    return found


def check_areas(outlines: Mapping[str, shapely.MultiPolygon], level: str, *, schematic: bool = False) -> Findings:
    """Sizes near the known figures: the whole within 10 %, each within a factor of 2; schematic ones are noted."""
    found, names = Findings(), names_of(level)
    figures = {fact.code: fact.area_km2 for fact in (facts.kecamatan() if level == "kecamatan" else facts.desa())}
    sizes = {code: area_ha(outline) / 100 for code, outline in outlines.items()}
    whole, known = sum(sizes.values()), sum(figures[code] for code in sizes)
    refuse = found.notes if schematic else found.reasons
    if abs(whole / known - 1) > TOTAL_TOLERANCE:
        refuse.append(
            _(
                "All outlines together have %(ha)s ha; the figures say %(known)s ha (%(percent)s %%). "
                "Check the coordinate system and whether this is the whole regency."
            )
            % {"ha": ha(whole * 100), "known": ha(known * 100), "percent": _percent(whole / known - 1)}
        )
    others = 0
    for code, size in sorted(sizes.items()):
        words = {
            "area": _area(code, names),
            "ha": ha(size * 100),
            "known": ha(figures[code] * 100),
            "percent": _percent(size / figures[code] - 1),
        }
        if level == "kecamatan" and not 1 / AREA_FACTOR <= size / figures[code] <= AREA_FACTOR:
            refuse.append(
                _(
                    "%(area)s has %(ha)s ha; the figures say %(known)s ha (%(percent)s %%). "
                    "Check whether its code belongs to this outline."
                )
                % words
            )
        elif abs(size / figures[code] - 1) > AREA_NOTE:
            others += 1
            if level == "kecamatan":
                found.notes.append(_("%(area)s: %(ha)s ha, figures %(known)s ha (%(percent)s %%).") % words)
    if level == "desa" and others:
        found.notes.append(
            ngettext(
                "%(count)d desa differs from the known area by more than 10 %%.",
                "%(count)d desa differ from the known area by more than 10 %%.",
                others,
            )
            % {"count": others}
        )
    return found


def find_overlaps(outlines: Mapping[str, shapely.MultiPolygon]) -> list[tuple[str, str, float]]:
    """Return the pairs of codes whose outlines overlap by `NOISE_HA` or more, with hectares, largest first."""
    codes = sorted(outlines)
    shapes = np.array([outlines[code] for code in codes], dtype=object)
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    found = []
    for i, j in zip(left, right, strict=True):
        if i < j:
            size = area_ha(only_areas(shapely.intersection(shapes[i], shapes[j])))
            if size >= NOISE_HA:
                found.append((codes[i], codes[j], size))
    return sorted(found, key=lambda overlap: (-overlap[2], overlap[0], overlap[1]))


@dataclass(frozen=True)
class Gap:
    """Land between outlines that belongs to none: a point in it, the codes beside it, its size."""

    lon: float
    lat: float
    beside: tuple[str, ...]
    size_ha: float


def find_gaps(outlines: Mapping[str, shapely.MultiPolygon]) -> list[Gap]:
    """Return the holes in the whole of `NOISE_HA` or more, largest first."""
    codes = sorted(outlines)
    shapes = np.array([outlines[code] for code in codes], dtype=object)
    tree = shapely.STRtree(shapes)
    found = []
    for part in shapely.get_parts(shapely.union_all(shapes)):
        for ring in part.interiors:
            hole = shapely.Polygon(ring)
            size = area_ha(hole)
            if size < NOISE_HA:
                continue
            inside = hole.representative_point()
            beside = sorted(codes[i] for i in tree.query(hole, predicate="intersects"))
            found.append(Gap(inside.x, inside.y, tuple(beside), size))
    return sorted(found, key=lambda gap: (-gap.size_ha, gap.lon))


def ha(size: float) -> str:
    """Return hectares as people read them: whole from 10 on, else one decimal."""
    decimals = 0 if size >= 10 else 1
    return number_format(round(size, decimals), decimal_pos=decimals, force_grouping=True)


def _area(code: str, names: Mapping[str, str]) -> str:
    return f"{names.get(code, '?')} ({code})"


def _percent(share: float) -> str:
    return f"{share * 100:+.0f}"


def _some(items: list[str]) -> str:
    more = [_("and %(count)d more") % {"count": len(items) - LISTED}] if len(items) > LISTED else []
    return ", ".join([*items[:LISTED], *more])


def _lines(items: list[str]) -> str:
    more = [_("and %(count)d more") % {"count": len(items) - LISTED}] if len(items) > LISTED else []
    return "\n".join(f"    {item}" for item in [*items[:LISTED], *more])
