import gzip
import math
import random
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.db import connection
from django.http import Http404, HttpResponse, QueryDict
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries

from geo.errors import ParameterError
from geo.tiles import Tile
from incidents import rollups, tiles
from incidents.models import Report
from incidents.views.map import reports_tile
from tests.factories.map_reports import SANGATTA, Place

pytestmark = pytest.mark.django_db


def features(body: bytes) -> list[dict[str, Any]]:
    """Decode a tile of points: a reader of the few parts of the format that our tiles use."""
    found = []
    for layer in _fields(body).get(3, []):
        parts = _fields(layer)
        keys = [key.decode() for key in parts.get(3, [])]
        values = [_value(value) for value in parts.get(4, [])]
        for feature in parts[2]:
            inside = _fields(feature)
            tags, geometry = _varints(inside[2][0]), _varints(inside[4][0])
            found.append(
                {keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2], strict=True)}
                | {"layer": parts[1][0].decode(), "x": _zigzag(geometry[1]), "y": _zigzag(geometry[2])}
            )
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at


def _varints(data: bytes) -> list[int]:
    at, values = 0, []
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _fields(data: bytes) -> dict[int, list[Any]]:
    at, fields = 0, {}
    while at < len(data):
        tag, at = _varint(data, at)
        value: Any
        value, at = _varint(data, at)
        if tag & 7 == 2:
            value, at = data[at : at + value], at + value
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _value(data: bytes) -> Any:
    (kind, (value, *_)), *_rest = _fields(data).items()
    return value.decode() if kind == 1 else _zigzag(value) if kind == 6 else value


def _zigzag(value: int) -> int:
    return value >> 1 ^ -(value & 1)


def tile_at(lon: float, lat: float, z: int) -> Tile:
    """Return the tile of zoom z in which lon, lat (EPSG:4326) lies."""
    x = (lon + 180) / 360 * 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z
    return Tile(z, int(x), int(y))


def around(z: int) -> list[Tile]:
    """Return all tiles of zoom z that touch the regency."""
    first, last = tile_at(115.9, 1.9, z), tile_at(119.1, -0.2, z)
    return [Tile(z, x, y) for x in range(first.x, last.x + 1) for y in range(first.y, last.y + 1)]


def count(z: int, query: str = "") -> int:
    parts = [features(tiles.report_tile(tile, QueryDict(query))) for tile in around(z)]
    return sum(feature.get("n", 1) for part in parts for feature in part)


def scatter(place: Place, number: int = 60) -> None:
    """Reports all over the regency, the first ones exactly on edges and corners of tiles of zoom 9 to 15."""
    chance = random.Random(1)
    for n in range(number):
        place.report(
            117.5 + chance.uniform(-1.2, 1.2),
            0.9 + chance.uniform(-0.8, 0.8),
            category=chance.choice([place.hole, place.bridge, place.waste]),
            status=chance.choice(["routed", "closed"]),
            kecamatan=chance.choice([place.kecamatan, place.other]),
            confidential=n % 10 == 9,
        )
    for z in range(9, 16):
        x, y = tile_at(117.4, 0.5, z).x, tile_at(117.4, 0.5, z).y
        edge = Point(x / 2**z * 2 * tiles.HALF_WORLD_M - tiles.HALF_WORLD_M, tiles.HALF_WORLD_M * (1 - 2 * y / 2**z))
        edge.srid = 3857
        edge.transform(4326)
        place.report(edge.x, edge.y)


@pytest.mark.parametrize("z", [5, 6, 7, 8, 9, 10])
@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("", {}),
        ("category=jalan", {"category__parent__code": "jalan"}),
        (
            "category=jembatan&category=sampah&status=closed",
            {"category__code__in": ["jembatan", "sampah"], "status": "closed"},
        ),
        ("status=closed&status=routed", {}),
        ("kecamatan=64.08.06", {"kecamatan__code": "64.08.06"}),
        ("q=lubang&since=2026-06-01", {}),
    ],
)
def test_cells_of_all_tiles_sum_up_to_the_reports(z: int, query: str, condition: dict[str, Any]) -> None:
    scatter(Place())
    rollups.fold(limit=40)  # some deltas stay unfolded
    assert count(z, query) == Report.objects.public().filter(**condition).count() > 0


@pytest.mark.parametrize("z", [11, 12, 13])
@pytest.mark.parametrize("query", ["", "category=jalan-rusak", "q=lubang"])
def test_fine_cells_sum_up_too(z: int, query: str) -> None:
    place = Place()
    for n in range(30):
        place.report(117.55 + n / 500, 0.5 + n / 700)
    middle = tile_at(117.58, 0.52, z)
    near = [Tile(z, middle.x + dx, middle.y + dy) for dx in range(-3, 4) for dy in range(-3, 4)]
    for _ in range(2):
        found = [feature for tile in near for feature in features(tiles.report_tile(tile, QueryDict(query)))]
        assert sum(feature["n"] for feature in found) == 30
        rollups.fold()


def test_cell_lies_where_its_reports_are() -> None:
    place = Place()
    place.report()
    tile = tile_at(*SANGATTA, 10)
    (cell,) = features(tiles.report_tile(tile))
    assert (cell["layer"], cell["n"], cell["s"]) == ("cells", 1, 128)
    (point,) = features(tiles._counted(tile, None, tiles.CELL_STEP))
    assert (cell["x"], cell["y"]) == (point["x"], point["y"])
    x = (SANGATTA[0] + 180) / 360 * 2**10 % 1 * 4096
    assert abs(cell["x"] - x) <= 64


def test_points_carry_ticket_status_and_category() -> None:
    place = Place()
    report = place.report(status="answered")
    place.report(confidential=True)
    (point,) = features(tiles.report_tile(tile_at(*SANGATTA, 16)))
    assert {key: point[key] for key in "tsc"} == {"t": report.ticket, "s": "answered", "c": "jalan-rusak"}
    x = (SANGATTA[0] + 180) / 360 * 2**16 % 1 * 4096
    assert abs(point["x"] - x) <= 0.51


@pytest.mark.parametrize("query", ["", "kind=laporan"])
def test_points_agree_with_st_asmvtgeom(query: str) -> None:
    place = Place()
    for n in range(20):
        place.report(SANGATTA[0] + n / 5_000, SANGATTA[1] + n / 7_000)
    tile = tile_at(*SANGATTA, 14)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT ST_AsMVT(p, 'points') FROM (
                SELECT ST_AsMVTGeom(geom_3857, ST_TileEnvelope(%s, %s, %s), 4096, 160) AS geom, ticket AS t
                FROM incidents_report
                WHERE geom_3857 && ST_TileEnvelope(%s, %s, %s, margin => 160.0 / 4096)
            ) AS p
            """,
            [tile.z, tile.x, tile.y] * 2,
        )
        expected = {(f["t"], f["x"], f["y"]) for f in features(bytes(cursor.fetchone()[0]))}
    got = {(f["t"], f["x"], f["y"]) for f in features(tiles.report_tile(tile, QueryDict(query)))}
    assert got == expected
    assert len(got) > 5


@pytest.mark.parametrize("query", ["", "kind=laporan"])
@pytest.mark.parametrize("z", [14, 15, 16, 17, 18])
def test_too_many_points_become_exact_cells(monkeypatch: pytest.MonkeyPatch, query: str, z: int) -> None:
    place = Place()
    for n in range(12):
        place.report(SANGATTA[0] + n / 1_000_000, SANGATTA[1])
    lower_the_limit(monkeypatch, 5)
    for _ in range(2):
        found = [f for t in around_point(z) for f in features(tiles.report_tile(t, QueryDict(query)))]
        assert {feature["layer"] for feature in found} == {"cells"}
        assert sum(feature["n"] for feature in found) == 12
        rollups.fold()


def test_crowd_next_door_costs_a_tile_its_margin_only(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place()
    z = 15
    edge = tile_at(*SANGATTA, z).x / 2**z * 360 - 180  # the western edge of the tile, in degrees
    for n in range(6):
        place.report(edge - 0.0001, SANGATTA[1] + n / 1_000_000)
    own = place.report(edge + 0.0001, SANGATTA[1])
    tile = tile_at(*SANGATTA, z)
    assert len(features(tiles.report_tile(tile))) == 7
    lower_the_limit(monkeypatch, 5)
    (point,) = features(tiles.report_tile(tile))
    assert point["t"] == own.ticket


def lower_the_limit(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    sql = tiles._PUBLIC_POINTS_TILE.replace(f"<= {tiles.POINTS_MAX}", f"<= {limit}")
    monkeypatch.setattr(tiles, "_PUBLIC_POINTS_TILE", sql)
    monkeypatch.setattr(tiles, "POINTS_MAX", limit)


def around_point(z: int) -> list[Tile]:
    middle = tile_at(*SANGATTA, z)
    return [Tile(z, middle.x + dx, middle.y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]


def test_unfiltered_tile_takes_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    Place().report()
    for z in (8, 14):
        with django_assert_num_queries(1):
            tiles.report_tile(tile_at(*SANGATTA, z), QueryDict("v=17"))


@pytest.mark.parametrize(
    ("query", "name"),
    [("status=done", "status"), ("colour=red", "colour"), ("since=yesterday", "since"), ("category=%00", "category")],
)
def test_wrong_condition_is_named(query: str, name: str) -> None:
    with pytest.raises(ParameterError) as refused:
        tiles.report_tile(Tile(6, 52, 31), QueryDict(query))
    assert refused.value.name == name


def get(tile: Tile, query: str = "", **headers: str) -> HttpResponse:
    request = RequestFactory(headers=headers).get(f"/?{query}")
    return reports_tile(request, str(tile.z), str(tile.x), str(tile.y))


def test_view_answers_with_etag_and_gzip() -> None:
    place = Place()
    for n in range(20):
        place.report(117.5 + n / 50, 0.5)
    tile = tile_at(117.6, 0.5, 8)
    whole, packed = get(tile), get(tile, **{"Accept-Encoding": "gzip"})
    assert whole.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert gzip.decompress(packed.content) == whole.content
    assert "stale-while-revalidate" in whole.headers["Cache-Control"]
    assert "Cookie" not in whole.headers["Vary"]
    again = get(tile, **{"If-None-Match": whole.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    place.report(117.6, 0.5)
    assert get(tile, **{"If-None-Match": whole.headers["ETag"]}).status_code == 200


def test_view_empty_tile_is_204() -> None:
    assert get(Tile(6, 0, 0)).status_code == 204
    assert get(Tile(15, 0, 0)).status_code == 204


@pytest.mark.parametrize("address", [("a", "1", "1"), ("6", "-1", "0"), ("6", "1.5", "0"), ("６", "1", "1")])
def test_view_refuses_what_is_no_number(address: tuple[str, str, str]) -> None:
    with pytest.raises(ParameterError):
        reports_tile(RequestFactory().get("/"), *address)


@pytest.mark.parametrize("address", [("6", "64", "0"), ("30", "1", "1")])
def test_view_refuses_tiles_beyond_the_grid(address: tuple[str, str, str]) -> None:
    with pytest.raises(Http404):
        reports_tile(RequestFactory().get("/"), *address)
