"""Hexagons of H3 (https://h3geo.org): equal neighbours for heat maps and hot spots, as 64-bit integers.

    at(117.55, 0.52)        -> the hexagon of resolution `FINEST` at a point, about 0.74 km2
    parent_sql("c", 6)      -> SQL for the hexagon of resolution 6 in which a finer one counts
    outline(cell)           -> [(lon, lat), ...], six corners (five for twelve cells of the world)

A hexagon belongs to one parent of each coarser resolution, but lies only roughly inside it: counts of parents are sums
of their children, not counts inside their outlines.
"""

from collections.abc import Sequence
from typing import cast

FINEST = 8


def at(lon: float, lat: float) -> int:
    """Return the hexagon of resolution `FINEST` at a point (EPSG:4326)."""
    from h3.api import basic_int

    return cast("int", basic_int.latlng_to_cell(lat, lon, FINEST))


def resolution(cell: int) -> int:
    """Return the resolution of a hexagon, 0 to 15."""
    return cell >> 52 & 15


def parent_sql(column: str, coarser: int) -> str:
    """Return SQL for the hexagon of resolution `coarser` in which that of a bigint column counts.

    The index has its resolution in bits 52 to 55, and three bits for each resolution's digit, finest last; digits that
    are finer than the resolution are 7 (https://h3geo.org/docs/core-library/h3Indexing).
    """
    digits = (1 << 3 * (15 - coarser)) - 1
    return f"({column} & {~(15 << 52)}::bigint | {coarser << 52 | digits}::bigint)"


def span(cell: int) -> tuple[int, int]:
    """Return the first and the last hexagon of resolution `FINEST` that count in `cell`, in the order of numbers."""
    digits = (1 << 3 * (FINEST - resolution(cell))) - 1 << 3 * (15 - FINEST)
    finest = cell & ~(15 << 52) | FINEST << 52
    return finest & ~digits, finest


def outline(cell: int) -> list[tuple[float, float]]:
    """Return the corners (lon, lat; EPSG:4326), the first not repeated at the end."""
    from h3.api import basic_int

    return [(lon, lat) for lat, lon in basic_int.cell_to_boundary(cell)]


def neighbours(cell: int) -> Sequence[int]:
    """Return the hexagons that share an edge with `cell`."""
    from h3.api import basic_int

    return [one for one in basic_int.grid_disk(cell, 1) if one != cell]


def name(cell: int) -> str:
    """Return the hexagon as H3 writes it, hexadecimal."""
    return f"{cell:x}"
