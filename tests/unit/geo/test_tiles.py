import gzip
from dataclasses import replace

import pytest
from django.db import connection
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from geo.errors import ParameterError
from geo.tiles import MVT_TYPE, Tile, accepts_gzip, made_tile, tile_of, tile_or_404, tile_response

BODY = b"\x1a" + b"x" * 500


def get(**headers: str) -> object:
    return RequestFactory(headers={name.replace("_", "-"): value for name, value in headers.items()}).get("/t")


def test_tile_params_and_metres() -> None:
    tile = Tile(0, 0, 0)
    assert {name: tile.params[name] for name in "zxy"} == {"z": 0, "x": 0, "y": 0}
    assert tile.metres_per_unit == pytest.approx(40_075_016.7 / 4_096)
    assert replace(tile, z=1).metres_per_unit == tile.metres_per_unit / 2
    assert str(Tile(8, 211, 127)) == "8/211/127"


@pytest.mark.django_db
@pytest.mark.parametrize("tile", [Tile(8, 211, 127), Tile(14, 13517, 8144)])
def test_edges_in_degrees_are_those_of_the_database_with_a_margin(tile: Tile) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM"
            " ST_Transform(ST_TileEnvelope(%s, %s, %s, margin => 64.0 / 4096), 4326) e",
            [tile.z, tile.x, tile.y],
        )
        expected = cursor.fetchone()
    assert [tile.params[side] for side in ("west", "south", "east", "north")] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("z", "x", "y"), [(-1, 0, 0), (23, 0, 0), (0, 1, 0), (3, 0, 8), (3, -1, 0)])
def test_tile_beyond_the_grid_does_not_exist(z: int, x: int, y: int) -> None:
    with pytest.raises(Http404):
        tile_or_404(z, x, y)


def test_tile_of_refuses_what_is_no_whole_number() -> None:
    assert tile_of("8", "211", "127") == Tile(8, 211, 127)
    with pytest.raises(ParameterError, match="1e3"):
        tile_of("8", "1e3", "0")


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("*", True), ("", False), ("br", False), ("gzip;q=0", False)],
)
def test_accepts_gzip_reads_the_header(header: str, accepted: bool) -> None:
    assert accepts_gzip(get(accept_encoding=header)) is accepted  # type: ignore[arg-type]


@pytest.mark.django_db
def test_tile_response_is_packed_dated_and_tagged() -> None:
    response: HttpResponse = tile_response(get(accept_encoding="gzip"), "a-1", "SELECT %(body)s::bytea", {"body": BODY})  # type: ignore[arg-type]
    assert (response.status_code, response["Content-Type"], response["ETag"]) == (200, MVT_TYPE, 'W/"a-1"')
    assert gzip.decompress(response.content) == BODY
    assert "max-age=60" in response["Cache-Control"]
    assert response["Vary"] == "Accept-Encoding"
    plain = tile_response(get(), "a-1", "SELECT %(body)s::bytea", {"body": BODY})  # type: ignore[arg-type]
    assert plain.content == BODY


@pytest.mark.django_db
@pytest.mark.parametrize("sql", ["SELECT NULL", "SELECT ''::bytea", "SELECT 1 WHERE false"])
def test_tile_response_to_an_empty_tile_is_204(sql: str) -> None:
    response = tile_response(get(), "a-1", sql, {})  # type: ignore[arg-type]
    assert (response.status_code, response.content, response["ETag"]) == (204, b"", 'W/"a-1"')


@pytest.mark.parametrize("known", ['W/"a-1"', '"a-1"', 'W/"x", W/"a-1"', "*"])
def test_tile_response_to_a_known_tag_is_304_without_a_query(known: str) -> None:
    # No database mark: a query would fail the test.
    response = tile_response(get(if_none_match=known), "a-1", "SELECT 1/0", {})  # type: ignore[arg-type]
    assert (response.status_code, response["ETag"]) == (304, 'W/"a-1"')


def test_made_tile_is_tagged_by_its_content() -> None:
    first = made_tile(get(), BODY)  # type: ignore[arg-type]
    again = made_tile(get(if_none_match=first["ETag"]), BODY)  # type: ignore[arg-type]
    other = made_tile(get(if_none_match=first["ETag"]), BODY + b"y")  # type: ignore[arg-type]
    assert (first.status_code, again.status_code, other.status_code) == (200, 304, 200)
    assert made_tile(get(), b"").status_code == 204  # type: ignore[arg-type]
