"""The coordinate system: what the file declares, checked against where its data would fall, or what fits if it is mute.

Ranking is by the share of features that would lie in or near the regency. One clear winner is used, and said; otherwise
a person is asked, and shown where each candidate would put the data.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from layers.reading.findings import Choice, Findings, Stopped
from layers.reading.places import INDONESIA, Places

WGS84 = "EPSG:4326"
SAME = {"EPSG:4979": WGS84, "OGC:CRS84": WGS84, "OGC:CRS84h": WGS84}  # with heights, which go; by another name
# What planners bring: degrees; UTM 50 north and south; DGN95 TM-3 zones 50.1 and 50.2; Web Mercator.
CANDIDATES = {
    "EPSG:4326": "WGS 84",
    "EPSG:32650": "UTM 50N",
    "EPSG:32750": "UTM 50S",
    "EPSG:23837": "TM-3 50.1",
    "EPSG:23838": "TM-3 50.2",
    "EPSG:3857": "Web Mercator",
}
CLEAR, UNLIKELY = 0.5, 0.05
SAMPLED = 1_000
"""So many places at most tell where a candidate would put the data, when nothing is decided by it."""
POINTS = 200
"""So many places at most show on a map where a candidate would put the data."""


@dataclass(frozen=True)
class Decision:
    """The coordinate system to read in, as pyproj takes it and as people call it, and whether x and y are swapped."""

    crs: str
    name: str
    swapped: bool = False


@dataclass(frozen=True)
class Candidate:
    """One reading of the coordinates: where the sample falls (lon, lat), and the share that is near."""

    crs: str
    swapped: bool
    lonlat: Any
    share: float


def decide(
    points: Any,
    *,
    declared: str | None,
    given: str | None,
    swap: bool | None,
    is_table: bool,
    places: Places,
    findings: Findings,
) -> Decision:
    """Return the coordinate system for points (n, 2) of the file. Raise Stopped to ask or to refuse.

    `given` is a person's answer and settles it; `swap` settles the order of axes.
    """
    declared = SAME.get(declared or "", declared)
    if given:
        if not re.fullmatch(r"EPSG:\d{4,6}", given) or not _is_known(given):
            raise Stopped("crs_unknown", crs=given)
        findings.tell("crs_given", crs=label(given))
        return _with_swap(given, points, swap, places, findings)
    if not len(points):
        return Decision(declared or WGS84, label(declared or WGS84))
    ranked = rank(points, places)
    if declared and not _is_known(declared):
        findings.tell("crs_unreadable")
        declared = None
    if declared:
        return _check_declared(points, declared, swap, ranked, places, findings)
    best = [candidate for candidate in ranked if candidate.share >= CLEAR]
    straight = [candidate for candidate in best if not candidate.swapped] or best
    if len(straight) == 1:
        winner = straight[0]
        if is_table and winner.crs == WGS84:
            findings.tell("crs_degrees", place=places.where(winner.lonlat))
        else:
            findings.tell("crs_found", crs=label(winner.crs), place=places.where(winner.lonlat))
        if winner.swapped:
            findings.tell("axes_swapped")
        return Decision(winner.crs, label(winner.crs), winner.swapped)
    raise Stopped("crs_ask" if best else "crs_ask_none", choices=_choices(ranked, places))


def rank(points: Any, places: Places) -> list[Candidate]:
    """Return every candidate in both orders of axes, those that put most points near the regency first."""
    made = []
    for swapped in (False, True):
        xy = points[:, ::-1] if swapped else points
        for crs in CANDIDATES:
            lonlat = to_lonlat(xy, crs)
            made.append(Candidate(crs, swapped, lonlat, places.share_near(lonlat)))
    return sorted(made, key=lambda candidate: (-candidate.share, candidate.swapped))


def to_lonlat(xy: Any, crs: str) -> Any:
    """Return points (n, 2) in lon, lat; infinite where the projection does not reach."""
    if crs == WGS84:
        inside = (np.abs(xy[:, 0]) <= 180) & (np.abs(xy[:, 1]) <= 90)
        return np.where(inside[:, None], xy, np.inf)
    transformer = transformer_from(crs)
    lon, lat = transformer.transform(xy[:, 0], xy[:, 1], errcheck=False)
    return np.column_stack([lon, lat])


@cache
def transformer_from(crs: str) -> Any:
    """Return the transformer to EPSG:4326, x and y in that order."""
    from pyproj import Transformer

    return Transformer.from_crs(crs, WGS84, always_xy=True)


def label(crs: str) -> str:
    """Return a coordinate system as people call it: its code and name."""
    if crs in CANDIDATES:
        return f"{crs} {CANDIDATES[crs]}"
    try:
        from pyproj import CRS

        known = CRS.from_user_input(crs)
    except _errors():
        return crs[:60]
    return f"{crs} {known.name}" if crs.startswith("EPSG:") else known.name


def choice(candidate: Candidate, places: Places) -> Choice:
    """Return a candidate as an answer to choose, with the place that it would give."""
    finite = candidate.lonlat[np.isfinite(candidate.lonlat).all(axis=1)]
    where_id, where_en = places.where(candidate.lonlat)
    bbox = (*finite.min(axis=0).tolist(), *finite.max(axis=0).tolist()) if len(finite) else None
    name = label(candidate.crs)
    some = finite[np.linspace(0, len(finite) - 1, min(len(finite), POINTS)).astype(int)] if len(finite) else finite
    points = tuple((round(float(lon), 4), round(float(lat), 4)) for lon, lat in some)
    return Choice(candidate.crs, f"{name}: {where_id}", f"{name}: {where_en}", bbox, points)


def choices(points: Any, declared: str | None, places: Places) -> list[Choice]:
    """Return the coordinate systems that points (n, 2) may be in, the file's own among them, for who knows better."""
    some = points[:: -(-len(points) // SAMPLED)]
    ranked = rank(some, places)
    declared = SAME.get(declared or "", declared)
    if declared and declared not in CANDIDATES and re.fullmatch(r"EPSG:\d{4,6}", declared) and _is_known(declared):
        lonlat = to_lonlat(some, declared)
        ranked.insert(0, Candidate(declared, False, lonlat, places.share_near(lonlat)))
    return _choices(ranked, places)


def _choices(ranked: list[Candidate], places: Places) -> list[Choice]:
    return [choice(candidate, places) for candidate in ranked if not candidate.swapped]


def _check_declared(
    points: Any, declared: str, swap: bool | None, ranked: list[Candidate], places: Places, findings: Findings
) -> Decision:
    lonlat = to_lonlat(points, declared)
    share = places.share_near(lonlat)
    if share >= CLEAR:
        return _with_swap(declared, points, swap, places, findings)
    turned = to_lonlat(points[:, ::-1], declared)
    if swap or (swap is None and places.share_near(turned) >= CLEAR and share <= UNLIKELY):
        findings.tell("axes_swapped")
        return Decision(declared, label(declared), swapped=True)
    others = [c for c in ranked if c.share >= CLEAR and not c.swapped and c.crs != declared]
    if len(others) == 1 and share <= UNLIKELY:
        winner = others[0]
        if _share_in_indonesia(lonlat) <= UNLIKELY:
            findings.tell(
                "crs_wrong", declared=label(declared), crs=label(winner.crs), place=places.where(winner.lonlat)
            )
            return Decision(winner.crs, label(winner.crs))
        mine = Candidate(declared, False, lonlat, share)
        raise Stopped(
            "crs_doubtful",
            choices=[choice(mine, places), choice(winner, places)],
            declared=label(declared),
            place=places.where(lonlat),
            crs=label(winner.crs),
            other=places.where(winner.lonlat),
        )
    if not np.isfinite(lonlat).all(axis=1).any():
        raise Stopped("crs_ask_none", choices=_choices(ranked, places))
    return _with_swap(declared, points, swap, places, findings)


def _with_swap(crs: str, points: Any, swap: bool | None, places: Places, findings: Findings) -> Decision:
    if swap is None and len(points):
        straight = places.share_near(to_lonlat(points, crs))
        swap = straight <= UNLIKELY and places.share_near(to_lonlat(points[:, ::-1], crs)) >= CLEAR
    if swap:
        findings.tell("axes_swapped")
    return Decision(crs, label(crs), bool(swap))


def _share_in_indonesia(lonlat: Any) -> float:
    west, south, east, north = INDONESIA
    lon, lat = lonlat[:, 0], lonlat[:, 1]
    return float(np.mean((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)))


def _is_known(crs: str) -> bool:
    from pyproj import CRS

    try:
        return not CRS.from_user_input(crs).is_geocentric
    except _errors():
        return False


def _errors() -> tuple[type[Exception], ...]:
    from pyproj.exceptions import CRSError

    return (CRSError,)
