import numpy as np
import pytest
import shapely

from geo.normalise import area_ha, drop_z, make_valid, only_areas, to_multi, to_wgs84


def array(*geometries: object) -> np.ndarray:
    result = np.empty(len(geometries), dtype=object)
    result[:] = geometries
    return result


def test_drop_z_keeps_the_plane() -> None:
    [flat] = drop_z(array(shapely.from_wkt("POLYGON Z ((0 0 5, 1 0 5, 1 1 5, 0 0 5))")))
    assert not flat.has_z
    assert flat.equals(shapely.Polygon([(0, 0), (1, 0), (1, 1)]))


def test_to_wgs84_knows_the_middle_of_zone_50() -> None:
    # UTM 50N: easting 500,000 is longitude 117; northing 0 is the equator.
    [point] = to_wgs84(array(shapely.Point(500_000, 0)), "EPSG:32650")
    assert (point.x, point.y) == pytest.approx((117, 0), abs=1e-9)


def test_to_wgs84_keeps_lon_first() -> None:
    [point] = to_wgs84(array(shapely.Point(117, 0.5)), "EPSG:4326")
    assert (point.x, point.y) == (117, 0.5)


def test_make_valid_mends_a_bow_tie_and_says_what_changed() -> None:
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])  # two triangles that meet in the middle
    fine = shapely.box(2, 0, 3, 1)
    mended, repairs = make_valid(array(fine, bow_tie))
    assert shapely.is_valid(mended).all()
    assert mended[1].area == pytest.approx(0.5)
    assert [(repair.row, "intersection" in repair.why.lower()) for repair in repairs] == [(1, True)]
    assert not bow_tie.is_valid


def test_make_valid_leaves_nothing_of_a_spike() -> None:
    mended, [repair] = make_valid(array(shapely.Polygon([(0, 0), (1, 0), (0, 0)])))
    assert mended[0].is_empty
    assert repair.row == 0


def test_to_multi_makes_polygons_multi_and_leaves_the_rest() -> None:
    box, line = shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (1, 1)])
    multi = to_multi(array(box, shapely.MultiPolygon([box]), line))
    assert [shape.geom_type for shape in multi] == ["MultiPolygon", "MultiPolygon", "LineString"]


def test_area_ha_is_measured_on_the_spheroid() -> None:
    # 0.01 degree at the equator: 1,113.19 m by 1,105.74 m.
    assert area_ha(shapely.box(117, 0, 117.01, 0.01)) == pytest.approx(111.319 * 110.574 / 100, rel=1e-4)
    assert area_ha(shapely.MultiPolygon()) == 0


def test_only_areas_drops_what_touches() -> None:
    mixed = shapely.GeometryCollection([shapely.box(0, 0, 1, 1), shapely.Point(5, 5)])
    assert only_areas(mixed).equals(shapely.box(0, 0, 1, 1))
