"""Normalise outlines once, at the border, in named steps.

Each step takes an array of shapely geometries and returns a new one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

WGS84 = "EPSG:4326"


@dataclass(frozen=True)
class Repair:
    """An outline that was invalid: its row, why (GEOS' words), and what making it valid changed, in hectares."""

    row: int
    why: str
    changed_ha: float


def drop_z(geometries: Any) -> Any:
    """Return the geometries without heights and measures; None stays None."""
    return shapely.force_2d(geometries)


def to_wgs84(geometries: Any, crs: Any) -> Any:
    """Return the geometries in EPSG:4326, lon lat, from any CRS that pyproj reads."""
    from pyproj import Transformer  # half a second to import

    transformer = Transformer.from_crs(crs, WGS84, always_xy=True)

    def corners(lonlat: Any) -> Any:
        return np.column_stack(transformer.transform(lonlat[:, 0], lonlat[:, 1]))

    return shapely.transform(geometries, corners)


def make_valid(geometries: Any) -> tuple[Any, list[Repair]]:
    """Return the geometries made valid, only their areas kept, and what that changed."""
    repaired, repairs = geometries.copy(), []
    for row in np.flatnonzero(~shapely.is_valid(geometries) & ~shapely.is_missing(geometries)):
        before = geometries[row]
        after = only_areas(shapely.make_valid(before, method="structure"))
        repaired[row] = after
        # An invalid ring has no area that means anything; its bounding box bounds the harm.
        changed = area_ha(shapely.box(*before.bounds)) if after.is_empty else abs(area_ha(after) - area_ha(before))
        repairs.append(Repair(int(row), shapely.is_valid_reason(before), changed))
    return repaired, repairs


def to_multi(geometries: Any) -> Any:
    """Return polygons as MultiPolygons; anything else as it is."""
    result = geometries.copy()
    for row in np.flatnonzero(shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON):
        result[row] = shapely.MultiPolygon([geometries[row]])
    return result


def area_ha(geometry: Any) -> float:
    """Return the area on the spheroid, in hectares."""
    return abs(_geod().geometry_area_perimeter(shapely.orient_polygons(geometry))[0]) / 10_000


def only_areas(geometry: Any) -> Any:
    """Return the polygons of a geometry as a MultiPolygon; points and lines (as intersections leave them) go."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
    return shapely.MultiPolygon(parts)


def _geod() -> Any:
    from pyproj import Geod

    return Geod(ellps="WGS84")
