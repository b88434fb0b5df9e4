"""The study area: all cells that touch land, and nothing else; neighbours; where they lie."""

from collections.abc import Iterator

import numpy as np
import pytest
import shapely
from django.db import connection
from h3.api.basic_int import cell_to_parent

from dashboards import study_area
from dashboards.models import KeptStudyArea
from dashboards.study_area import GRIDS, outline
from geo import hexagons
from geo.models import BoundaryEdition, KecamatanBoundary

pytestmark = pytest.mark.django_db


def land() -> shapely.Geometry:
    return shapely.union_all([shapely.from_wkb(bytes(one.geom.wkb)) for one in KecamatanBoundary.objects.all()])


@pytest.mark.usefixtures("kutim")
@pytest.mark.parametrize("name", ["hex-5", "hex-6", "square-12"])
def test_cells_are_those_that_touch_land_no_more_no_less(name: str) -> None:
    area = study_area.study_area(name)
    assert area is not None
    shape = land()
    shapely.prepare(shape)
    cells = [shapely.Polygon(outline(area.grid, int(cell))) for cell in area.cells]
    assert shapely.intersects(shape, cells).all()
    assert shapely.covers(shapely.union_all(cells).buffer(1e-7), shape)
    assert shapely.union_all(cells).area == pytest.approx(sum(cell.area for cell in cells), rel=1e-6)
    assert (np.diff(area.cells) > 0).all()


@pytest.mark.usefixtures("kutim")
def test_sizes_are_what_the_grids_are_called_after() -> None:
    for name, km2 in (("hex-5", 250), ("hex-6", 36), ("square-12", 96)):
        area = study_area.study_area(name)
        assert area is not None
        assert area.area_km2.mean() == pytest.approx(km2, rel=0.05)


@pytest.mark.usefixtures("kutim")
@pytest.mark.parametrize(("name", "most"), [("hex-6", 6), ("square-12", 8)])
def test_neighbours_touch_and_are_mutual(name: str, most: int) -> None:
    area = study_area.study_area(name)
    assert area is not None
    n = len(area.cells)
    boxes = [shapely.Polygon(outline(area.grid, int(cell))) for cell in area.cells]
    around = [set(row[row < n].tolist()) - {i} for i, row in enumerate(area.near.index)]
    assert max(map(len, around)) == most
    tree = shapely.STRtree(boxes)
    for i in range(0, n, 7):
        touching = set(tree.query(boxes[i].buffer(1e-6), predicate="intersects").tolist()) - {i}
        assert around[i] == touching
        assert all(i in around[j] for j in around[i])


@pytest.mark.usefixtures("kutim")
@pytest.mark.parametrize("bandwidth_m", [10_000, 20_000])
def test_smoothing_reaches_what_lies_within_its_bandwidth_and_nothing_else(bandwidth_m: int) -> None:
    area = study_area.study_area("hex-6")
    assert area is not None
    kernel = area.kernel(bandwidth_m)
    far = np.hypot(area.x_m[:, None] - area.x_m, area.y_m[:, None] - area.y_m)
    expected = set(map(tuple, np.argwhere(far <= bandwidth_m).tolist()))
    assert set(zip(kernel.to.tolist(), kernel.source.tolist(), strict=True)) == expected
    assert len(kernel.to) == len(expected) > len(area.cells)


@pytest.mark.usefixtures("kutim")
def test_every_cell_lies_in_the_kecamatan_and_desa_of_its_middle() -> None:
    area = study_area.study_area("hex-6")
    assert area is not None
    with connection.cursor() as cursor:
        for i in range(0, len(area.cells), 50):
            cursor.execute(
                "SELECT kecamatan_id, desa_id FROM geo_boundarypiece"
                " WHERE ST_Covers(geom, ST_SetSRID(ST_MakePoint(%s, %s), 4326)) AND desa_id IS NOT NULL",
                [float(area.lon[i]), float(area.lat[i])],
            )
            if row := cursor.fetchone():
                assert (area.kecamatan[i], area.desa[i]) == row
            assert area.kecamatan[i]


@pytest.mark.usefixtures("kutim")
def test_counts_keep_zeros_and_tell_what_lies_beyond() -> None:
    area = study_area.study_area("hex-6")
    assert area is not None
    far = cell_to_parent(hexagons.at(100.0, 30.0), 6)
    n, beyond = area.counts([(int(area.cells[3]), 7), (far, 2)])
    assert n.sum() == n[3] == 7
    assert len(n) == len(area.cells)
    assert beyond == {far: 2}
    assert area.counts([])[0].sum() == 0


@pytest.fixture
def _new_process() -> Iterator[None]:
    study_area._kept.cache_clear()
    yield
    study_area._kept.cache_clear()


@pytest.mark.usefixtures("kutim", "_new_process")
@pytest.mark.parametrize("name", ["hex-5", "square-12"])
def test_an_area_is_made_once_and_read_from_the_database_after_that(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study_area.study_area(name)
    assert KeptStudyArea.objects.filter(grid=name).count() == 1
    study_area._kept.cache_clear()
    with monkeypatch.context() as patch:
        patch.delattr(study_area, "_made")
        read = study_area.study_area(name)
    assert made is not None
    assert read is not None
    assert read is not made
    assert (read.grid, read.edition) == (made.grid, made.edition)
    assert np.array_equal(read.near.index, made.near.index)
    for array in study_area._ARRAYS:
        assert np.array_equal(getattr(read, array), getattr(made, array))
        assert getattr(read, array).dtype == getattr(made, array).dtype
    assert set(study_area._ARRAYS) == {"cells", "lon", "lat", "x_m", "y_m", "area_km2", "kecamatan", "desa"}


@pytest.mark.usefixtures("kutim", "_new_process")
def test_new_pieces_or_a_new_recipe_make_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    first = study_area.study_area("hex-5")
    assert first is not None
    edition = BoundaryEdition.objects.active().get()
    piece = edition.pieces.exclude(desa=None).first()
    assert piece is not None
    edition.pieces.exclude(desa=None).delete()
    piece.pk = None
    piece.save()
    second = study_area.study_area("hex-5")
    assert second is not None
    assert set(second.desa) == {piece.desa_id}
    assert len(set(first.desa)) > 1
    monkeypatch.setattr(study_area, "RECIPE", study_area.RECIPE + 1)
    study_area._kept.cache_clear()
    study_area.study_area("hex-5")
    assert KeptStudyArea.objects.get().state.startswith(f"{study_area.RECIPE}/")


@pytest.mark.usefixtures("kutim")
def test_another_edition_makes_another_area() -> None:
    assert study_area.study_area("hex-5") is study_area.study_area("hex-5")
    BoundaryEdition.objects.update(status="retired")
    assert study_area.study_area("hex-5") is None


def test_a_box_of_a_hexagon_lies_around_its_middle() -> None:
    for grid in GRIDS.values():
        cell = cell_to_parent(hexagons.at(117.5, 0.5), grid.level) if grid.hexagonal else (3_384 << 32 | 2_042)
        ring = outline(grid, cell)
        assert len(ring) == (6 if grid.hexagonal else 4)
