from pathlib import Path

import pytest
import shapely

from geo import facts, schematic

CELLS = schematic.cells()


def test_schematic_files_are_what_the_command_builds(tmp_path: Path) -> None:
    built = schematic.build(tmp_path)
    assert len(built) == 10
    for path in built:
        assert path.read_bytes() == (schematic.SCHEMATIC_DIR / path.name).read_bytes(), path.name


def test_schematic_cells_hold_their_own_desa_point() -> None:
    assert len(CELLS) == 141
    for fact, cell in CELLS:
        assert cell.contains(shapely.Point(fact.lon, fact.lat)), fact.name


def test_schematic_cells_are_a_coverage() -> None:
    assert shapely.coverage_is_valid([cell for _fact, cell in CELLS])


def test_schematic_cells_fill_the_outline_and_little_more() -> None:
    whole = shapely.union_all([cell for _fact, cell in CELLS])
    outline = facts.outline()
    assert outline.difference(whole).area < 1e-6 * outline.area
    assert whole.area / outline.area == pytest.approx(1, abs=0.001)


def test_schematic_adds_land_for_the_four_points_that_the_outline_leaves_out() -> None:
    assert sorted(fact.name for fact in schematic.left_out()) == [
        "Benua Baru Ulu", "Danau Redan", "Kaliorang", "Pulau Miang",
    ]  # fmt: skip


def test_sea_holds_the_coast_and_not_the_inland_borders() -> None:
    sea = facts.sea()
    assert sea.is_valid
    assert sea.contains(shapely.Point(117.75, 0.60))  # off Sangatta
    assert sea.contains(shapely.Point(118.60, 0.70))  # off Sandaran
    assert not sea.contains(shapely.Point(117.48, 0.13))  # Bontang
    assert not sea.contains(shapely.Point(118.85, 1.05))  # Berau's side of Tanjung Mangkalihat
    assert not sea.contains(shapely.Point(115.90, 0.90))  # west
