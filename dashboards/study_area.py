"""The study area: every cell of a grid that touches land of the regency, with or without reports.

    area = study_area("hex-6")         -> StudyArea, or None while no boundary edition is in use
    area.counts([(cell, n), ...])      -> n by position, and what lies beyond its cells

Cells are numbers: H3 indexes, or x * 2^32 + y of the Web-Mercator quadtree. Metres are EPSG:32650. An area changes only
with the boundaries. Whoever asks first makes it, which takes a second or two, and leaves it in the database; processes
keep what they have read.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from django.contrib.gis.db.models.functions import AsWKB
from django.db.models import Max
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboards.hotspots import Kernel, Neighbours, Numbers, Positions
from dashboards.models import KeptStudyArea
from geo import hexagons, tiles
from geo.models import BoundaryEdition, BoundaryPiece

METRES = 32650
RECIPE = 1
"""Of the areas in the database; to be raised when one would be made differently."""
AREA_SAMPLE = 1e6


@dataclass(frozen=True)
class Grid:
    """A kind and size of cells; `level` is H3's resolution or the quadtree's level."""

    name: str
    hexagonal: bool
    level: int
    title: str | Promise


GRIDS = {
    grid.name: grid
    for grid in (
        Grid("hex-5", True, 5, _("Hexagons of 250 km²")),
        Grid("hex-6", True, 6, _("Hexagons of 36 km²")),
        Grid("hex-7", True, 7, _("Hexagons of 5 km²")),
        Grid("square-12", False, 12, _("Squares of 96 km²")),
        Grid("square-13", False, 13, _("Squares of 24 km²")),
        Grid("square-14", False, 14, _("Squares of 6 km²")),
    )
}
FIRST_GRID = "hex-6"
KERNELS_KEPT = 6
"""Kernels that a process keeps: of the finest cells one has several million pairs."""


@dataclass(frozen=True, eq=False)
class StudyArea:
    """Cells that touch land, in ascending order; all arrays are by position."""

    grid: Grid
    edition: int
    cells: Positions
    near: Neighbours
    lon: Numbers
    lat: Numbers
    x_m: Numbers
    y_m: Numbers
    area_km2: Numbers
    """Of the whole cell, sea included."""
    kecamatan: Positions
    """Row ids: where the cell's middle lies; for one at sea the nearest."""
    desa: Positions
    """Row ids, 0 where no desa's outline is known."""

    def position(self, cells: Any) -> Positions:
        """Return the position of each cell, -1 for one that is not in the area."""
        wanted = np.asarray(cells, dtype=np.int64)
        if not len(self.cells):
            return np.full(wanted.shape, -1)
        at = np.minimum(np.searchsorted(self.cells, wanted), len(self.cells) - 1)
        return np.where(self.cells[at] == wanted, at, -1)

    def counts(self, rows: Iterable[tuple[int, int]]) -> tuple[Positions, dict[int, int]]:
        """Return the count of each cell, zeros included, and the counts of cells beyond the area (coastal water)."""
        given = list(rows)
        counts = np.zeros(len(self.cells), dtype=np.int64)
        if not given:
            return counts, {}
        cells, n = np.array(given, dtype=np.int64).T
        at = self.position(cells)
        counts[at[at >= 0]] = n[at >= 0]
        return counts, {int(cell): int(k) for cell, k, place in zip(cells, n, at, strict=True) if place < 0}

    def kernel(self, bandwidth_m: int) -> Kernel:
        """Return the quartic kernel of the area; a process keeps the last ones."""
        return _kernel(self, bandwidth_m)


def study_area(name: str) -> StudyArea | None:
    """Return the study area of a grid in `GRIDS` for the active edition; None without one."""
    # Pieces never change: a new cut of the same edition has new ones.
    edition = BoundaryEdition.objects.active().annotate(last=Max("pieces")).values_list("pk", "last").first()
    return _kept(name, *edition) if edition else None


def outline(grid: Grid, cell: int) -> list[tuple[float, float]]:
    """Return the corners of a cell (lon, lat; EPSG:4326), the first not repeated."""
    if grid.hexagonal:
        return hexagons.outline(cell)
    return tiles.outline(grid.level, *tiles.unpacked(cell))


@lru_cache(maxsize=KERNELS_KEPT)
def _kernel(area: StudyArea, bandwidth_m: int) -> Kernel:
    x, y, h = area.x_m, area.y_m, float(bandwidth_m)
    # Boxes, then true distances: a predicate of the tree's own takes four times as long.
    to, source = shapely.STRtree(shapely.points(x, y)).query(shapely.box(x - h, y - h, x + h, y + h))
    near = (x[to] - x[source]) ** 2 + (y[to] - y[source]) ** 2 <= h * h
    return Kernel.quartic(np.stack([to[near], source[near]]), x, y, area.area_km2, bandwidth_m)


@lru_cache(maxsize=len(GRIDS))
def _kept(name: str, edition: int, last_piece: int | None) -> StudyArea:
    """Return the area from the database; make it and leave it there if it is missing, or of other boundaries."""
    state = f"{RECIPE}/{last_piece}"
    row = KeptStudyArea.objects.filter(edition=edition, grid=name, state=state).values_list("arrays").first()
    if row:
        return _from_bytes(name, edition, bytes(row[0]))
    area = _made(name, edition)
    KeptStudyArea.objects.update_or_create({"state": state, "arrays": _as_bytes(area)}, edition_id=edition, grid=name)
    return area


_ARRAYS = [field.name for field in fields(StudyArea) if field.type in {Numbers, Positions}]


def _as_bytes(area: StudyArea) -> bytes:
    file = io.BytesIO()
    np.savez(file, near=area.near.index, **{name: getattr(area, name) for name in _ARRAYS})
    return file.getvalue()


def _from_bytes(name: str, edition: int, arrays: bytes) -> StudyArea:
    with np.load(io.BytesIO(arrays), allow_pickle=False) as found:
        return StudyArea(
            grid=GRIDS[name], edition=edition, near=Neighbours(found["near"]), **{one: found[one] for one in _ARRAYS}
        )


def _made(name: str, edition: int) -> StudyArea:
    grid = GRIDS[name]
    pieces = BoundaryPiece.objects.filter(edition=edition).annotate(wkb=AsWKB("geom"))
    land = list(pieces.filter(desa=None).values_list("wkb", "kecamatan_id"))
    villages = list(pieces.exclude(desa=None).values_list("wkb", "desa_id"))
    shapes = shapely.from_wkb([bytes(wkb) for wkb, _pk in land])
    candidates = np.array(sorted(_around(grid, shapes)), dtype=np.int64)
    boxes = _boxes(grid, candidates)
    tree = shapely.STRtree(shapes)
    touching = np.unique(tree.query(boxes, predicate="intersects")[0]) if len(boxes) else np.array([], dtype=np.int64)
    cells, boxes = candidates[touching], boxes[touching]
    middles = shapely.centroid(boxes)
    lon, lat = shapely.get_x(middles), shapely.get_y(middles)
    x_m, y_m = _metres(lon, lat)
    return StudyArea(
        grid=grid,
        edition=edition,
        cells=cells,
        near=_neighbours(grid, cells),
        lon=lon,
        lat=lat,
        x_m=x_m,
        y_m=y_m,
        area_km2=_area_km2(grid, cells, boxes),
        kecamatan=_nearest(tree, middles, [pk for _wkb, pk in land]),
        desa=_nearest(shapely.STRtree(shapely.from_wkb([bytes(wkb) for wkb, _pk in villages])), middles,
                      [pk for _wkb, pk in villages]),
    )  # fmt: skip


def _boxes(grid: Grid, cells: Positions) -> Any:
    """Return the cells as polygons: those with as many corners are made together."""
    outlines = [outline(grid, int(cell)) for cell in cells]
    corners = np.array([len(ring) for ring in outlines], dtype=np.int64)
    boxes = np.empty(len(cells), dtype=object)
    for many in np.unique(corners):  # six, but twelve hexagons of the world have five
        at = np.flatnonzero(corners == many)
        boxes[at] = shapely.polygons(np.array([outlines[i] for i in at]))
    return boxes


def _around(grid: Grid, shapes: Any) -> set[int]:
    """Return the cells that may touch the shapes: all that their boxes together span, and one more each way."""
    if not len(shapes):
        return set()
    west, south, east, north = shapely.total_bounds(shapes)
    if grid.hexagonal:
        from h3.api import basic_int

        margin = 0.3 if grid.level < 6 else 0.1  # degrees, more than a hexagon is wide
        box = basic_int.LatLngPoly(
            [(south - margin, west - margin), (south - margin, east + margin),
             (north + margin, east + margin), (north + margin, west - margin)]
        )  # fmt: skip
        return {int(cell) for cell in basic_int.h3shape_to_cells(box, grid.level)}
    size = 2**grid.level
    x = [int((lon / 360 + 0.5) * size) for lon in (west, east)]
    y = [int((0.5 - np.arcsinh(np.tan(np.radians(lat))) / (2 * np.pi)) * size) for lat in (north, south)]
    return {tiles.packed(a, b) for a in range(x[0] - 1, x[1] + 2) for b in range(y[0] - 1, y[1] + 2)}


def _neighbours(grid: Grid, cells: Positions) -> Neighbours:
    """Return each cell, and those of the area that share an edge (hexagons) or an edge or corner (squares) with it."""
    n = len(cells)
    place = {int(cell): i for i, cell in enumerate(cells)}
    width = 7 if grid.hexagonal else 9
    index = np.full((n, width), n, dtype=np.int64)
    for i, cell in enumerate(cells):
        around = hexagons.neighbours(int(cell)) if grid.hexagonal else _queen(int(cell))
        found = [i, *(place[one] for one in around if one in place)]
        index[i, : len(found)] = found
    return Neighbours(index)


def _queen(cell: int) -> list[int]:
    x, y = tiles.unpacked(cell)
    return [tiles.packed(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]


def _nearest(tree: Any, middles: Any, keys: list[int]) -> Positions:
    """Return the key of the piece in which each point lies, or of the nearest one; 0 without pieces."""
    found = np.zeros(len(middles), dtype=np.int64)
    if not keys:
        return found
    known = np.asarray(keys, dtype=np.int64)
    at, piece = tree.query(middles, predicate="intersects")  # quicker than looking for the nearest of all
    found[at] = known[piece]
    outside = np.setdiff1d(np.arange(len(middles)), at)
    if len(outside):
        at, piece = tree.query_nearest(middles[outside], all_matches=False)
        found[outside[at]] = known[piece]
    return found


def _metres(lon: Numbers, lat: Numbers) -> tuple[Numbers, Numbers]:
    from pyproj import Transformer

    x, y = Transformer.from_crs(4326, METRES, always_xy=True).transform(lon, lat)
    return np.asarray(x), np.asarray(y)


def _area_km2(grid: Grid, cells: Positions, boxes: Any) -> Numbers:
    from pyproj import Geod

    ellipsoid = Geod(ellps="WGS84")
    # Squares of one row are equally large; no two hexagons are.
    sizes = cells if grid.hexagonal else cells & 0xFFFFFFFF
    _sizes, first, like = np.unique(sizes, return_index=True, return_inverse=True)
    rings = (shapely.get_coordinates(box) for box in boxes[first])
    areas = [abs(ellipsoid.polygon_area_perimeter(ring[:, 0], ring[:, 1])[0]) / AREA_SAMPLE for ring in rings]
    return np.array(areas)[like] if areas else np.zeros(0)
