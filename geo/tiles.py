"""Vector tiles: the tile grid, and the one way in which this project answers a tile request.

Tiles are Mapbox Vector Tiles on the Web-Mercator grid (EPSG:3857, XYZ, 4,096 units). The SQL is the caller's: it takes
named parameters (at least those of `Tile.params`) and returns one row with one bytea. Fragments for it:

    WHERE b.geom && {TILE_MARGIN_4326}
    SELECT ST_AsMVTGeom(b.geom_3857, {TILE_3857}) ...

A tile's edges are parallels and meridians, so an index in degrees serves it as well as one in metres.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import Any

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from isal import igzip_lib

from geo.errors import ParameterError

MVT_TYPE = "application/vnd.mapbox-vector-tile"
MAX_ZOOM = 22
EXTENT = 4096
BUFFER = 64
GZIP_LEVEL = 1  # of ISA-L's 0 to 3: a quarter of zlib's time at its level 1, for fewer bytes
GZIP_FROM_BYTES = 200
GZIP_MAGIC = b"\x1f\x8b"  # no tile begins so: its first byte is 0x1a, the field of a layer
SHELF_MARK_BYTES = 300  # what it takes to keep a tile, besides its bytes

# Fragments of SQL; parameters as in `Tile.params`.
TILE_3857 = "ST_TileEnvelope(%(z)s, %(x)s, %(y)s)"
# Not ST_TileEnvelope's margin transformed: beyond 180 degrees PROJ goes on at -180, and the box is the world's rest.
TILE_MARGIN_4326 = "ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)"

WORLD_M = 2 * 20_037_508.342789244  # edge of the grid's square in EPSG:3857


@dataclass(frozen=True)
class Tile:
    """A tile of the grid: zoom 0 to 22, x from the west, y from the north."""

    z: int
    x: int
    y: int

    @property
    def params(self) -> dict[str, Any]:
        """The tile as parameters for SQL: z, x, y, and its edges in degrees, a margin further out."""
        edge = BUFFER / EXTENT
        west, east = lon_of(self.z, self.x - edge), lon_of(self.z, self.x + 1 + edge)
        south, north = lat_of(self.z, self.y + 1 + edge), lat_of(self.z, self.y - edge)
        return {"z": self.z, "x": self.x, "y": self.y, "west": west, "south": south, "east": east, "north": north}

    @property
    def metres_per_unit(self) -> float:
        """The size of one of the tile's 4,096 units, in metres of EPSG:3857 (near the equator: of ground)."""
        return WORLD_M / (1 << self.z) / EXTENT

    @property
    def degrees_per_unit(self) -> float:
        """The width of one of the tile's 4,096 units, in degrees (near the equator: its height, too)."""
        return 360 / (1 << self.z) / EXTENT

    def __str__(self) -> str:
        return f"{self.z}/{self.x}/{self.y}"


def packed(x: int, y: int) -> int:
    """Return a square of the grid as one number, whatever its zoom: x * 2^32 + y."""
    return x << 32 | y


def unpacked(square: int) -> tuple[int, int]:
    """Return x and y of a packed square."""
    return square >> 32, square & 0xFFFFFFFF


def lon_of(z: int, column: float) -> float:
    """Return the longitude (degrees) of a column's west edge, or of a place inside it."""
    return 360 * column / (1 << z) - 180


def lat_of(z: int, row: float) -> float:
    """Return the latitude (degrees) of a row's north edge, or of a place inside it."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / (1 << z)))))


def outline(z: int, x: int, y: int) -> list[tuple[float, float]]:
    """Return the corners (lon, lat; EPSG:4326) of a square of the grid, the first not repeated."""
    west, east = lon_of(z, x), lon_of(z, x + 1)
    north, south = lat_of(z, y), lat_of(z, y + 1)
    return [(west, south), (east, south), (east, north), (west, north)]


def tile_or_404(z: int, x: int, y: int) -> Tile:
    """Return the tile, or raise Http404: a tile beyond the grid does not exist."""
    if not (0 <= z <= MAX_ZOOM and 0 <= x < 1 << z and 0 <= y < 1 << z):
        raise Http404(f"There is no tile {z}/{x}/{y}.")
    return Tile(z, x, y)


def tile_response(
    request: HttpRequest, etag: str, sql: Any, params: Mapping[str, Any] | Sequence[Any], *, max_age: int = 60
) -> HttpResponse:
    """Answer a tile request: 304 before any tile is made, 204 when it is empty, else the tile, gzipped if asked.

    `etag` is any text that changes when the tile's content may change. `sql` (text or psycopg2 Composable) gives
    one row with one bytea. Browsers keep the answer `max_age` seconds and then ask again with the ETag.
    """
    return lazy_tile(request, etag, lambda: run_tile(sql, params), max_age=max_age)


def made_tile(request: HttpRequest, body: bytes, *, max_age: int = 60) -> HttpResponse:
    """Answer with a tile that is already made: as `tile_response`, with an ETag of the content itself."""
    return lazy_tile(request, blake2b(body, digest_size=12).hexdigest(), lambda: body, max_age=max_age)


class Shelf:
    """Finished tiles that a process keeps, up to a number of bytes; the longest unused leave first."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._bytes = 0
        self._tiles: OrderedDict[tuple[str, bool], bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, bool]) -> bytes | None:
        """Return a tile that is kept."""
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
            return self._tiles.get(key)

    def put(self, key: tuple[str, bool], body: bytes) -> None:
        """Keep a tile."""
        with self._lock:
            self._bytes += len(body) + SHELF_MARK_BYTES
            if key in self._tiles:
                self._bytes -= len(self._tiles[key]) + SHELF_MARK_BYTES
            self._tiles[key] = body
            while self._bytes > self.most_bytes:
                _key, gone = self._tiles.popitem(last=False)
                self._bytes -= len(gone) + SHELF_MARK_BYTES


def lazy_tile(
    request: HttpRequest, etag: str, make: Callable[[], bytes], *, max_age: int = 60, shelf: Shelf | None = None
) -> HttpResponse:
    """Answer as `tile_response`, with `make` called for the tile unless the browser has it, or the shelf.

    With a shelf, `etag` must name one tile among all that are put there, and never stand for another content.
    """
    quoted = f'W/"{etag}"'
    asked = request.headers.get("If-None-Match", "")
    response: HttpResponse
    if asked and not {"*", quoted, quoted.removeprefix("W/")}.isdisjoint(parse_etags(asked)):
        response = HttpResponseNotModified()
    else:
        response = _tile(request, etag, make, shelf)
    response["ETag"] = quoted
    response["Cache-Control"] = f"public, max-age={max_age}, stale-while-revalidate={max_age * 10}"
    response["Vary"] = "Accept-Encoding"
    return response


def run_tile(sql: Any, params: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return the tile that one statement makes; empty for none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return bytes(row[0]) if row and row[0] else b""


def accepts_gzip(request: HttpRequest) -> bool:
    """Whether the client takes gzip."""
    return takes_gzip(request.headers.get("Accept-Encoding", ""))


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` names gzip (and does not refuse it with q=0)."""
    for part in accepted.lower().split(","):
        name, _, quality = part.strip().partition(";")
        if name.strip() in {"gzip", "*"}:
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def gzipped(body: bytes) -> bytes:
    """Return `body` in gzip, the same bytes each time."""
    packed: bytes = igzip_lib.compress(body, GZIP_LEVEL, igzip_lib.COMP_GZIP)
    return packed


def _tile(request: HttpRequest, etag: str, make: Callable[[], bytes], shelf: Shelf | None) -> HttpResponse:
    packed = accepts_gzip(request)
    body = shelf.get((etag, packed)) if shelf else None
    if body is None:
        body = make()
        if packed and len(body) >= GZIP_FROM_BYTES:
            body = gzipped(body)
        if shelf:
            shelf.put((etag, packed), body)
    if not body:
        return HttpResponse(status=204)
    response = HttpResponse(body, content_type=MVT_TYPE)
    if body.startswith(GZIP_MAGIC):
        response["Content-Encoding"] = "gzip"
    return response


def tile_of(z: str, x: str, y: str) -> Tile:
    """Return the tile that an address names.

    Raises ParameterError unless all three are whole numbers, and Http404 as `tile_or_404`.
    """
    for name, text in (("z", z), ("x", x), ("y", y)):
        if not (text.isascii() and text.isdigit() and len(text) <= 8):
            raise ParameterError(name, text, _("“%(text)s” is not a whole number.") % {"text": text[:40]})
    return tile_or_404(int(z), int(x), int(y))
