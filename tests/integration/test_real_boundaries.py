"""Look-ups and loads on the real boundary files, read from KUTIM_DATA_DIR and never kept in the project."""

import os
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from django.core.management import CommandError, call_command
from django.utils import translation

from geo.checks import find_overlaps
from geo.errors import OutsideRegency
from geo.locate import Location, locate, locate_many
from geo.models import BoundaryEdition
from geo.seed import seed_areas

DATA = Path(os.environ.get("KUTIM_DATA_DIR", ""), "boundaries")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not os.environ.get("KUTIM_DATA_DIR"), reason="KUTIM_DATA_DIR does not name the folder with the real boundaries"
    ),
]
KECAMATAN, DESA = DATA / "kecamatan_kutai_timur.zip", DATA / "desa_kutai_timur.zip"
SEED = 64_08


def load(*arguments: object) -> str:
    out = StringIO()
    with translation.override("en"):
        call_command("load_boundaries", *map(str, arguments), stdout=out, no_color=True)
    return out.getvalue()


@pytest.fixture
def real(db: None) -> None:
    """The real kecamatan and desa in use, and the three neighbours."""
    seed_areas()
    load(KECAMATAN, f"--desa={DESA}", "--activate")
    load(DATA / "tetangga_64.02_64.03_64.74.geojson", "--neighbours", "--commit")


def random_points(count: int, region: shapely.Geometry) -> list[tuple[float, float]]:
    """Return seeded random points inside the region."""
    shapely.prepare(region)
    west, south, east, north = region.bounds
    random = np.random.default_rng(SEED)
    points: list[tuple[float, float]] = []
    while len(points) < count:
        lons, lats = random.uniform(west, east, count), random.uniform(south, north, count)
        inside = shapely.contains_xy(region, lons, lats)
        points.extend(zip(lons[inside].tolist(), lats[inside].tolist(), strict=True))
    return points[:count]


def owners(frame: geopandas.GeoDataFrame, points: list[tuple[float, float]]) -> list[str]:
    """Return the code of the polygon around each point, as shapely computes it from the file."""
    tree = shapely.STRtree(frame.geometry.to_numpy())
    found = dict(tree.query(shapely.points(points), predicate="within").T.tolist())
    return [frame.kode[found[i]] for i in range(len(points))]


def test_ten_thousand_points_get_what_shapely_computes(real: None) -> None:
    kecamatan, desa = geopandas.read_file(KECAMATAN), geopandas.read_file(DESA)
    points = random_points(10_000, kecamatan.union_all())
    found = [locate(lon, lat) for lon, lat in points]
    assert [place.kecamatan.code for place in found] == owners(kecamatan, points)
    assert [place.desa and place.desa.code for place in found] == owners(desa, points)
    assert locate_many(points) == found


def test_near_borders_are_measured_as_on_the_ground(real: None) -> None:
    kecamatan = geopandas.read_file(KECAMATAN)
    points = random_points(10_000, kecamatan.union_all())
    metric = kecamatan.to_crs(32650)
    flat = geopandas.GeoSeries(shapely.points(points), crs=4326).to_crs(32650)
    tree = shapely.STRtree(metric.geometry.to_numpy())
    # UTM differs from the ground by up to 0.04 % here, PostGIS from the exact geodesic by 0.4 m at most.
    near: dict[int, dict[str, float]] = {}
    for i, j in tree.query(flat.to_numpy(), predicate="dwithin", distance=249.4).T:
        near.setdefault(i, {})[metric.kode[j]] = flat[i].distance(metric.geometry[j])
    for i, place in enumerate(locate_many(points)):
        assert place is not None
        mine = {border.code: border.distance_m for border in place.near_border}
        expected = {code: size for code, size in near[i].items() if code != place.kecamatan.code}
        assert expected.keys() <= mine.keys()
        for code, size in expected.items():
            assert mine[code] == pytest.approx(size, abs=0.6)
    assert sum(len(sides) > 1 for sides in near.values()) > 100


@pytest.mark.parametrize(
    ("neighbour", "code"),
    [("Kabupaten Berau", "64.03"), ("Kabupaten Kutai Kartanegara", "64.02"), ("Kota Bontang", "64.74")],
)
def test_points_in_a_neighbour_are_refused_by_name(real: None, neighbour: str, code: str) -> None:
    frame = geopandas.read_file(DATA / "tetangga_64.02_64.03_64.74.geojson").set_index("kode")
    kecamatan = geopandas.read_file(KECAMATAN)
    metric = kecamatan.to_crs(32650)
    inside = shapely.difference(frame.geometry[code], kecamatan.union_all().buffer(0.0001))
    points = random_points(100, inside)
    flat = geopandas.GeoSeries(shapely.points(points), crs=4326).to_crs(32650)
    for point, on_ground in zip(points, flat, strict=True):
        with pytest.raises(OutsideRegency) as refused:
            locate(*point)
        distances = metric.distance(on_ground)
        assert refused.value.neighbour == neighbour
        # UTM differs from the spheroid by up to 0.3 % at the far ends of the neighbours.
        assert refused.value.distance_m == pytest.approx(distances.min(), rel=0.01)
        nearest = metric.kode[distances.idxmin()]
        assert refused.value.nearest.code == nearest or distances.nsmallest(2).iloc[1] / distances.min() < 1.01


def test_points_in_a_neighbour_without_its_outline_are_refused_without_name() -> None:
    seed_areas()
    load(KECAMATAN, "--activate")
    for lon, lat in [(117.48, 0.13), (117.49, 2.15), (116.98, -0.41)]:  # Bontang, Berau, Kutai Kartanegara
        with pytest.raises(OutsideRegency) as refused:
            locate(lon, lat)
        assert refused.value.neighbour is None
        assert refused.value.distance_m > 2_000


def test_points_on_shared_borders_get_one_answer_with_both_sides(real: None) -> None:
    kecamatan = geopandas.read_file(KECAMATAN)
    for kode, shape in kecamatan.set_index("kode").geometry.items():
        others = kecamatan[(kecamatan.kode != kode) & kecamatan.intersects(shape)]
        for other, neighbour in others.set_index("kode").geometry.items():
            if kode > other:
                continue
            shared = shapely.line_merge(shapely.intersection(shape.boundary, neighbour.boundary))
            corners = shapely.get_coordinates(shared)[::25].tolist()
            middles = [shared.interpolate(part, normalized=True).coords[0] for part in (0.21, 0.5, 0.83)]
            for lon, lat in [*corners, *middles] if shared.length else corners:
                found = locate(lon, lat)
                sides = {found.kecamatan.code} | {near.code for near in found.near_border if near.distance_m == 0}
                assert {kode, other} <= sides
                assert found.kecamatan.code == min(sides)
                assert found == locate(lon, lat)


def test_coastal_water_belongs_to_the_nearest_kecamatan(real: None) -> None:
    kecamatan = geopandas.read_file(KECAMATAN)
    neighbours = geopandas.read_file(DATA / "tetangga_64.02_64.03_64.74.geojson").union_all()
    whole = kecamatan.union_all()
    # Between Sangatta and the cape, within 1.9 km (0.017 degree) of land; nothing but sea.
    water = shapely.box(117.55, 0.25, 118.90, 0.95).intersection(whole.buffer(0.017)) - whole - neighbours
    points = random_points(500, water)
    metric = kecamatan.to_crs(32650)
    flat = geopandas.GeoSeries(shapely.points(points), crs=4326).to_crs(32650)
    for point, on_ground in zip(points, flat, strict=True):
        found = locate(*point)
        distances = metric.distance(on_ground)
        assert (found.coastal, found.desa) == (True, None)
        assert found.distance_m == pytest.approx(distances.min(), abs=2)
        assert found.kecamatan.code == metric.kode[distances.idxmin()] or distances.nsmallest(2).diff().iloc[1] < 2
    with pytest.raises(OutsideRegency):
        locate(118.2, 0.4)  # the open sea


def test_utm_file_loads_to_the_same_polygons_within_a_metre() -> None:
    seed_areas()
    load(KECAMATAN, "--slug=derajat", "--commit")
    out = load(DATA / "kecamatan_kutai_timur_utm50n.zip", "--slug=utm", "--commit")
    assert "EPSG:32650" in out
    degrees, utm = (
        {
            boundary.kecamatan.code: shapely.from_wkb(bytes(boundary.geom.wkb))
            for boundary in BoundaryEdition.objects.get(slug=slug).kecamatan_boundaries.select_related("kecamatan")
        }
        for slug in ("derajat", "utm")
    )
    assert len(degrees) == len(utm) == 18
    for code, shape in degrees.items():
        assert shapely.hausdorff_distance(shape.boundary, utm[code].boundary) * 111_320 < 1


def test_dirty_file_is_refused_with_its_overlaps_and_gaps() -> None:
    seed_areas()
    with pytest.raises(CommandError) as refused:
        load(DATA / "kecamatan_upstream_simplified_dirty.geojson", "--commit")
    said = str(refused.value)
    assert "29 overlaps, 3,418 ha in all" in said
    assert re.search(r"gaps, 2,797 ha in all", said)
    assert len(re.findall(r"^    \S.* and .*: [\d,.]+ ha$", said, re.MULTILINE)) == 29
    assert len(re.findall(r"^    between .*, at lon [\d.]+, lat [\d.]+: [\d,.]+ ha$", said, re.MULTILINE)) == 66
    assert not BoundaryEdition.objects.exists()


def test_bps_edition_says_how_much_would_change_before_it_is_used(real: None) -> None:
    before = locate(116.85, 0.75)
    out = load(DATA / "kecamatan_bps2015.geojson")
    share = re.search(r"Against the boundaries in use, ([\d,]+) ha \(([\d.]+) %\) would belong to another", out)
    assert share
    assert 10 < float(share[2]) < 25
    assert BoundaryEdition.objects.count() == 1
    load(DATA / "kecamatan_bps2015.geojson", "--activate")
    assert BoundaryEdition.objects.active().get().slug == "kecamatan_bps2015"
    call_command("boundaries", "--activate=kecamatan_kutai_timur", stdout=StringIO())
    assert locate(116.85, 0.75) == before


def test_real_files_do_not_overlap() -> None:
    for path in (KECAMATAN, DESA):
        frame = geopandas.read_file(path)
        assert find_overlaps(dict(zip(frame.kode, frame.geometry, strict=True))) == []


def test_every_answer_is_one_location(real: None, django_assert_num_queries: Callable) -> None:
    with django_assert_num_queries(1):
        assert isinstance(locate(117.5365, 0.5037), Location)
