"""The water along the coast, shared out among the kecamatan: where data's points lie that lie on no land.

A jetty, a buoy or a point mapped a little off belongs to the nearest kecamatan, as a report from there does
(docs/adr/0011): within `COAST_M` of its land, in the zone that is sea, in no neighbour's outline. The water is cut up
once for each boundary edition, so that points are looked up in it as in outlines.
"""

import math

import numpy as np
import shapely
from django.conf import settings
from django.db import connection

from geo import facts

STEP_M = 25.0
"""How far apart the points of the coast are that the water is shared out among."""
LON_M, LAT_M = 111_320.0, 110_574.0
"""Metres in a degree of longitude and of latitude at the equator."""

_OUTLINES = (
    "SELECT kecamatan_id, ST_AsBinary(geom) FROM geo_kecamatanboundary WHERE edition_id = %s ORDER BY kecamatan_id"
)
_NEIGHBOURS = "SELECT ST_AsBinary(geom) FROM geo_neighbourboundary"
_STORE = """
    INSERT INTO layers_coastpiece (edition_id, kecamatan_id, geom)
    SELECT %s, %s, (ST_Dump(ST_Subdivide(ST_GeomFromWKB(%s, 4326), 128))).geom
"""


def share_out(edition_id: int) -> None:
    """Store the coastal water of the kecamatan of the edition in use, instead of what was stored."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM layers_coastpiece")
        cursor.execute(_OUTLINES, [edition_id])
        outlines = {kecamatan: shapely.from_wkb(bytes(geom)) for kecamatan, geom in cursor.fetchall()}
        cursor.execute(_NEIGHBOURS)
        neighbours = [shapely.from_wkb(bytes(geom)) for (geom,) in cursor.fetchall()]
        for kecamatan, water in coastal_water(outlines, neighbours).items():
            cursor.execute(_STORE, [edition_id, kecamatan, shapely.to_wkb(water)])


def coastal_water(
    outlines: dict[int, shapely.Geometry], neighbours: list[shapely.Geometry]
) -> dict[int, shapely.Geometry]:
    """Return the water that is nearest to each outline, in degrees, by the outlines' keys, where there is any."""
    if not outlines:
        return {}
    keys = list(outlines)
    middle = shapely.box(*shapely.total_bounds(list(outlines.values()))).centroid.y
    scale = np.array([LON_M * math.cos(math.radians(middle)), LAT_M])
    shapes = [shapely.transform(one, lambda corners: corners * scale) for one in outlines.values()]
    sea = shapely.transform(facts.sea(), lambda corners: corners * scale)
    land = shapely.union_all(shapes)
    water = shapely.intersection(shapely.buffer(land, settings.COAST_M, quad_segs=32), sea)
    others = [shapely.transform(one, lambda corners: corners * scale) for one in neighbours]
    water = shapely.difference(water, shapely.union_all([land, *others]))
    coast = shapely.segmentize(shapely.intersection(land.boundary, water.buffer(1.0)), STEP_M)
    points = shapely.points(np.unique(shapely.get_coordinates(coast), axis=0))
    if water.is_empty or len(points) == 0:
        return {}
    owners = shapely.STRtree(shapes).nearest(points)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=water, ordered=True))
    found = {}
    for place in np.unique(owners):
        share = shapely.intersection(shapely.union_all(cells[owners == place]), water)
        areas = [part for part in shapely.get_parts(share) if part.geom_type == "Polygon"]
        if areas:
            found[keys[place]] = shapely.transform(shapely.multipolygons(areas), lambda corners: corners / scale)
    return found
