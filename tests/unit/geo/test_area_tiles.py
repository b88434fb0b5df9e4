"""Boundary tiles: complete, and an ETag stands for the same bytes, in whatever order the database meets the rows."""

import pytest
from django.db import connection

from geo.area_tiles import area_tile
from geo.models import BoundaryEdition
from geo.tiles import Tile


@pytest.mark.django_db
@pytest.mark.usefixtures("kutim")
@pytest.mark.parametrize("level", ["kecamatan", "desa"])
def test_bytes_do_not_depend_on_the_order_of_rows(level: str) -> None:
    edition = BoundaryEdition.objects.active_id()
    assert edition is not None
    tiles = [Tile(0, 0, 0), Tile(8, 211, 127)]
    before = [area_tile(level, edition, tile) for tile in tiles]
    with connection.cursor() as cursor:
        # Each row is written anew, the last first: a scan of the table then meets them the other way round.
        cursor.execute(f"SELECT id FROM geo_{level}boundary ORDER BY id DESC")
        for (pk,) in cursor.fetchall():
            cursor.execute(f"UPDATE geo_{level}boundary SET geom = geom WHERE id = %s", [pk])
        cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    assert [area_tile(level, edition, tile) for tile in tiles] == before


@pytest.mark.django_db
@pytest.mark.usefixtures("kutim")
@pytest.mark.parametrize("zoom", range(9))
def test_regency_is_in_one_tile_of_each_zoom_up_to_the_edge_of_the_world(zoom: int) -> None:
    edition = BoundaryEdition.objects.active_id()
    assert edition is not None
    # 117.5 degrees east, 0.7 north: at zoom 1 the tile ends at 180 degrees, and its margin beyond.
    tile = Tile(zoom, int((117.5 + 180) / 360 * (1 << zoom)), ((1 << zoom) - 1) // 2)
    assert b"kecamatan_land" in area_tile("kecamatan", edition, tile)
