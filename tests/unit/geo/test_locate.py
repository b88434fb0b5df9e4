import math

import pytest
import shapely
from django.contrib.gis.geos import GEOSGeometry

from geo.errors import InvalidPoint, NoActiveEdition, OutsideRegency
from geo.locate import locate, locate_many
from geo.models import NeighbourBoundary
from tests.factories.geo import LOW, SELATAN, SOUTH, TOP, UTARA, make_edition

pytestmark = pytest.mark.django_db


def neighbour(name: str, box: tuple[float, float, float, float]) -> None:
    outline = shapely.MultiPolygon([shapely.box(*box)])
    NeighbourBoundary.objects.create(code="64.74", name=name, source="drawn", geom=GEOSGeometry(outline.wkt, srid=4326))


def test_locate_inside_names_kecamatan_and_desa() -> None:
    edition = make_edition()
    found = locate(117.45, 0.47)
    assert (found.kecamatan.code, found.desa and found.desa.code) == (UTARA, TOP)
    assert (found.coastal, found.distance_m, found.near_border) == (False, 0.0, ())
    assert (found.edition_id, found.edition_kind) == (edition.pk, "indicative")


def test_locate_inside_takes_one_query(django_assert_num_queries: object) -> None:
    make_edition()
    with django_assert_num_queries(1):  # type: ignore[operator]
        locate(117.45, 0.47)


def test_locate_without_desa_outlines_leaves_the_desa_empty() -> None:
    make_edition(desa=None)
    assert locate(117.45, 0.47).desa is None


@pytest.mark.parametrize(("lon", "own", "other"), [(117.499, UTARA, SELATAN), (117.501, SELATAN, UTARA)])
def test_locate_near_border_names_the_other_side(lon: float, own: str, other: str) -> None:
    make_edition()
    found = locate(lon, 0.47)  # 0.001 degree of longitude at the equator: 111.3 m
    assert found.kecamatan.code == own
    assert [near.code for near in found.near_border] == [other]
    assert found.near_border[0].distance_m == pytest.approx(111.3, abs=0.2)


def test_locate_farther_than_250_m_names_no_other_side() -> None:
    make_edition()
    assert locate(117.4977, 0.47).near_border == ()  # 256 m
    assert locate(117.4978, 0.47).near_border != ()  # 245 m


def test_locate_on_a_shared_border_gives_the_lowest_code_and_the_other_at_0_m() -> None:
    make_edition()
    for lat in (0.41, 0.4333333333, 0.47, 0.4912345678901):
        found = locate(117.5, lat)
        assert found.kecamatan.code == UTARA
        assert [(near.code, near.distance_m) for near in found.near_border] == [(SELATAN, 0.0)]


def test_locate_on_a_shared_border_of_desa_gives_the_lowest_code() -> None:
    make_edition()
    found = locate(117.45, 0.45)
    assert (found.desa and found.desa.code) == min(TOP, LOW)


def test_locate_never_mixes_a_desa_with_another_kecamatan() -> None:
    # The desa file puts the border 0.01 degree farther west than the kecamatan file.
    make_edition(desa={LOW: shapely.box(117.40, 0.40, 117.49, 0.50), SOUTH: shapely.box(117.49, 0.4, 117.6, 0.5)})
    found = locate(117.495, 0.47)
    assert (found.kecamatan.code, found.desa) == (UTARA, None)


def test_locate_at_sea_within_2_km_gives_the_nearest_kecamatan() -> None:
    make_edition()
    found = locate(117.61, 0.45)  # 0.01 degree: 1,113 m
    assert (found.kecamatan.code, found.desa, found.coastal) == (SELATAN, None, True)
    assert found.distance_m == pytest.approx(1_113, abs=2)


def test_locate_at_sea_beyond_2_km_is_outside() -> None:
    make_edition()
    with pytest.raises(OutsideRegency) as refused:
        locate(117.62, 0.45)
    assert refused.value.nearest.code == SELATAN
    assert refused.value.distance_m == pytest.approx(2_226, abs=3)
    assert refused.value.neighbour is None


def test_locate_on_land_beyond_the_border_is_outside_however_near() -> None:
    make_edition()
    with pytest.raises(OutsideRegency) as refused:
        locate(117.395, 0.45)  # 556 m west of the regency: nothing is sea there
    assert refused.value.nearest.code == UTARA


def test_locate_in_a_neighbour_is_never_coastal_and_names_it() -> None:
    make_edition()
    neighbour("Kota Bontang", (117.60, 0.40, 117.70, 0.50))
    with pytest.raises(OutsideRegency) as refused:
        locate(117.61, 0.45)
    assert refused.value.neighbour == "Kota Bontang"
    assert "Kota Bontang" in refused.value.detail
    assert refused.value.extra["nearest"]["code"] == SELATAN


def test_locate_where_a_neighbour_overlaps_the_regency_wins() -> None:
    make_edition()
    neighbour("Kota Bontang", (117.58, 0.40, 117.70, 0.50))
    assert locate(117.59, 0.45).kecamatan.code == SELATAN


@pytest.mark.parametrize(("lon", "lat"), [(math.nan, 0.5), (117.5, math.inf), (180.1, 0.0), (0.0, -90.1), (0.5, 117.5)])
def test_locate_refuses_what_is_no_place(lon: float, lat: float) -> None:
    with pytest.raises(InvalidPoint):
        locate(lon, lat)


def test_locate_without_an_edition_says_how_to_mend_it() -> None:
    make_edition(active=False)
    with pytest.raises(NoActiveEdition, match="prepare"):
        locate(117.45, 0.47)


def test_locate_follows_the_active_edition() -> None:
    make_edition()
    assert locate(117.45, 0.47).kecamatan.code == UTARA
    swapped = {SELATAN: shapely.box(117.40, 0.40, 117.50, 0.50), UTARA: shapely.box(117.50, 0.40, 117.60, 0.50)}
    make_edition("tukar", swapped, None)
    assert locate(117.45, 0.47).kecamatan.code == SELATAN


def test_locate_many_equals_locate_one_by_one() -> None:
    make_edition()
    points = [(117.45, 0.47), (117.5, 0.45), (117.61, 0.45), (117.7, 0.45), (117.499, 0.41), (0.0, 0.0)]
    expected = []
    for point in points:
        try:
            expected.append(locate(*point))
        except OutsideRegency:
            expected.append(None)
    assert locate_many(points) == expected


def test_locate_many_of_nothing_is_nothing() -> None:
    assert locate_many([]) == []


def test_locate_many_in_another_edition_than_the_active() -> None:
    make_edition()
    swapped = {SELATAN: shapely.box(117.40, 0.40, 117.50, 0.50), UTARA: shapely.box(117.50, 0.40, 117.60, 0.50)}
    candidate = make_edition("tukar", swapped, None, active=False)
    [found] = locate_many([(117.45, 0.47)], edition=candidate)
    assert found is not None
    assert found.kecamatan.code == SELATAN
