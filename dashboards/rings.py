"""Outlines of cells as the maps' scripts take them: JSON, ready to be put into an answer.

    of_hexagon(cell)        -> fragment of [[lat, lon], ...]
    of_square(level, cell)  -> the same; `cell` is x * 2^32 + y of the Web-Mercator quadtree

Degrees, EPSG:4326, the first corner not repeated. A process keeps them: maps draw the same thousands of cells again and
again, and none ever changes.
"""

from collections.abc import Sequence
from functools import lru_cache

import orjson

from geo import hexagons, tiles

DECIMALS = 5
"""Of degrees: 1 m."""
KEPT = 50_000
"""Of each kind; 400 bytes each."""


@lru_cache(maxsize=KEPT)
def of_hexagon(cell: int) -> orjson.Fragment:
    return _fragment(hexagons.outline(cell))


@lru_cache(maxsize=KEPT)
def of_square(level: int, cell: int) -> orjson.Fragment:
    return _fragment(tiles.outline(level, *tiles.unpacked(cell)))


def _fragment(corners: Sequence[tuple[float, float]]) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps([[round(lat, DECIMALS), round(lon, DECIMALS)] for lon, lat in corners]))
