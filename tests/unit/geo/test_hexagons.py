import random

import pytest
from django.db import connection
from h3.api.basic_int import (
    cell_to_boundary,
    cell_to_children,
    cell_to_latlng,
    cell_to_parent,
    grid_disk,
    latlng_to_cell,
)

from geo import hexagons

# Twelve hexagons of each resolution are pentagons: their parents are found in the same way.
PENTAGON = 0x801DFFFFFFFFFFF


def cells(seed: int) -> list[int]:
    """Return random hexagons of the world, of all resolutions."""
    chance = random.Random(seed)
    found = [
        latlng_to_cell(chance.uniform(-90, 90), chance.uniform(-180, 180), chance.randint(0, 15)) for _ in range(5_000)
    ]
    return found + list(cell_to_children(PENTAGON, 3))


@pytest.mark.django_db
def test_parent_in_sql_equals_h3() -> None:
    with connection.cursor() as cursor:
        for coarser in range(9):
            finer = [cell for cell in cells(coarser) if hexagons.resolution(cell) >= coarser]
            expected = [cell_to_parent(cell, coarser) for cell in finer]
            cursor.execute(
                f"SELECT array_agg({hexagons.parent_sql('cell', coarser)} ORDER BY i)"
                " FROM unnest(%s::bigint[]) WITH ORDINALITY AS one (cell, i)",
                [finer],
            )
            assert cursor.fetchone()[0] == expected
            assert len(finer) > 100


def test_a_hexagon_at_a_place_takes_lon_before_lat() -> None:
    cell = hexagons.at(117.55, 0.52)
    assert cell == latlng_to_cell(0.52, 117.55, 8)
    assert hexagons.resolution(cell) == 8
    assert hexagons.name(cell) == "88688d4947fffff"
    lat, lon = cell_to_latlng(cell)
    assert abs(lon - 117.55) < 0.01
    assert abs(lat - 0.52) < 0.01


def test_outline_has_six_corners_around_the_middle() -> None:
    cell = hexagons.at(117.55, 0.52)
    corners = hexagons.outline(cell)
    assert corners == [(lon, lat) for lat, lon in cell_to_boundary(cell)]
    assert len(corners) == 6


def test_neighbours_are_the_six_around() -> None:
    cell = hexagons.at(117.55, 0.52)
    assert set(hexagons.neighbours(cell)) == set(grid_disk(cell, 1)) - {cell}
