"""The schematic edition: Voronoi cells of the desa points, joined by kecamatan, cut by the coarse outline.

Made from `data/facts` alone, so that the system routes from its first start without anybody's boundary data. About four
fifths of the area fall in the right kecamatan: good for a labelled default, not for a border.
"""

from pathlib import Path

import shapely
from django.conf import settings
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from geo import facts

SCHEMATIC_DIR: Path = settings.BASE_DIR / "data" / "shapefiles" / "kecamatan-skematik"
GRID_DEG = 1e-6  # 11 cm: every corner lies on this grid, so that neighbours share theirs exactly
WEDGE_WITHIN_DEG = 0.02  # 2.2 km: a point this near the outline is joined to it; a farther one is an island
ROOM_DEG = 0.005  # 550 m of land around a point that the outline leaves out
ISLAND_DEG = 0.01
DATE = "2026-01-01"  # what the .dbf says, so that building twice gives the same bytes


def cells() -> list[tuple[facts.DesaFact, shapely.MultiPolygon]]:
    """Return each desa with its cell, EPSG:4326, by code: a coverage (shared edges, no overlap, no gap)."""
    desa = facts.desa()
    points = shapely.points([(fact.lon, fact.lat) for fact in desa])
    land = extended_outline(points)
    edges = shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=land.envelope.buffer(1), only_edges=True)
    lines = shapely.union_all([shapely.set_precision(edges, GRID_DEG), land.boundary], grid_size=GRID_DEG)
    faces = [face for face in shapely.polygonize([lines]).geoms if land.contains(face.representative_point())]
    owners = shapely.STRtree(points).nearest([face.representative_point() for face in faces])
    parts: list[list[BaseGeometry]] = [[] for _ in desa]
    for face, owner in zip(faces, owners, strict=True):
        parts[owner].append(face)
    return [(fact, as_multi(shapely.coverage_union_all(part))) for fact, part in zip(desa, parts, strict=True)]


def extended_outline(points: list[shapely.Point]) -> BaseGeometry:
    """Return the outline with a little land added for each point that it leaves out."""
    outline = facts.outline()
    added: list[BaseGeometry] = [outline]
    for point in points:
        if outline.contains(point):
            continue
        if outline.distance(point) <= WEDGE_WITHIN_DEG:
            shore = nearest_points(outline, point)[0]
            added.append(shapely.union_all([point.buffer(ROOM_DEG, 2), shore.buffer(ROOM_DEG, 2)]).convex_hull)
        else:
            added.append(point.buffer(ISLAND_DEG, 2))
    return shapely.union_all(added, grid_size=GRID_DEG)


def left_out() -> list[facts.DesaFact]:
    """Return the desa whose point the coarse outline leaves out, and for which land was added."""
    return [fact for fact in facts.desa() if not facts.outline().contains(shapely.Point(fact.lon, fact.lat))]


def build(target: Path = SCHEMATIC_DIR) -> list[Path]:
    """Write kecamatan.* and desa.* (shapefiles) into `target` and return the files. Same facts, same bytes."""
    import geopandas  # two seconds to import, and only this command needs it here

    target.mkdir(parents=True, exist_ok=True)
    names = {fact.code: fact.name for fact in facts.kecamatan()}
    desa = cells()
    whole = [
        (code, as_multi(shapely.coverage_union_all([cell for fact, cell in desa if fact.kecamatan_code == code])))
        for code in sorted(names)
    ]
    frames = {
        "kecamatan": {"kode": [code for code, _ in whole], "nama": [names[code] for code, _ in whole]},
        "desa": {"kode": [fact.code for fact, _ in desa], "nama": [fact.name for fact, _ in desa]},
    }
    geometries = {"kecamatan": [geometry for _, geometry in whole], "desa": [geometry for _, geometry in desa]}
    for level, columns in frames.items():
        frame = geopandas.GeoDataFrame(columns, geometry=geometries[level], crs="EPSG:4326")
        frame.to_file(
            target / f"{level}.shp", engine="pyogrio", encoding="UTF-8", layer_options={"DBF_DATE_LAST_UPDATE": DATE}
        )
    return sorted(path for level in frames for path in target.glob(f"{level}.*"))


def as_multi(geometry: BaseGeometry) -> shapely.MultiPolygon:
    """Return the geometry as a MultiPolygon, parts and corners in a canonical order."""
    multi = geometry if isinstance(geometry, shapely.MultiPolygon) else shapely.MultiPolygon([geometry])
    return shapely.normalize(multi)
