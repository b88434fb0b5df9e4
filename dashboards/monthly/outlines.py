"""The map for paper: the kecamatan's outlines as SVG paths, from the boundary edition in use.

A map's box is `WIDTH` wide; x grows to the east and y to the south. The regency lies on the equator (0 to 2 degrees
north), where a degree of longitude and one of latitude differ by less than 1 %: no projection is needed.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from geo.areas import feature_collection
from geo.models import BoundaryEdition

WIDTH = 1_000.0
PRINT_M = 500
"""Metres by which outlines are simplified: 0.2 mm where the regency is 130 mm wide. Neighbours keep one line."""


@dataclass(frozen=True)
class Outline:
    """A kecamatan: its SVG path, and a point inside for its number."""

    code: str
    path: str
    x: float
    y: float


@dataclass(frozen=True)
class Outlines:
    height: float
    km: float
    """How many kilometres are WIDTH."""
    areas: list[Outline]


def outlines_of(edition: BoundaryEdition | None, points: dict[str, tuple[float, float]]) -> Outlines | None:
    """Return the outlines; None without an edition or without any outline.

    `points` are lon, lat (EPSG:4326) inside each kecamatan, by code.
    """
    if edition is None:
        return None
    features = json.loads(feature_collection("kecamatan", edition, simplify_m=PRINT_M))["features"]
    rings = {one["properties"]["code"]: list(_rings(one["geometry"])) for one in features if one["geometry"]}
    corners = [corner for ring in _every(rings.values()) for corner in ring]
    if not corners:
        return None
    west, east = min(lon for lon, _lat in corners), max(lon for lon, _lat in corners)
    south, north = min(lat for _lon, lat in corners), max(lat for _lon, lat in corners)
    scale = WIDTH / (east - west)

    def at(lon: float, lat: float) -> tuple[float, float]:
        return round((lon - west) * scale, 1), round((north - lat) * scale, 1)

    areas = []
    for code, found in rings.items():
        path = "".join("M" + "L".join("{},{}".format(*at(*corner[:2])) for corner in ring) + "Z" for ring in found)
        areas.append(Outline(code, path, *at(*points.get(code, found[0][0]))))
    return Outlines(round((north - south) * scale, 1), (east - west) * 111.32, areas)


def _rings(geometry: dict[str, Any]) -> Iterator[list[list[float]]]:
    """Yield every ring of a Polygon or MultiPolygon."""
    parts = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    for part in parts:
        yield from part


def _every(lists: Iterable[list[Any]]) -> Iterator[Any]:
    for one in lists:
        yield from one
