import json
from collections.abc import Iterator
from typing import Any

import pytest
import shapely
from django.test import Client

from geo.models import Kecamatan
from geo.seed import seed
from tests.factories.geo import DESA, KECAMATAN, SELATAN, UTARA, make_desa, make_edition

pytestmark = [pytest.mark.django_db, pytest.mark.urls("geo.urls")]


@pytest.fixture
def site() -> Iterator[Client]:
    return Client(headers={"accept-language": "en"})


def read(site: Client, path: str) -> dict[str, Any]:
    response = site.get(f"/api/v1/areas/{path}")
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/geo+json"
    return json.loads(response.content)


def test_kecamatan_are_a_feature_collection_with_their_figures(site: Client) -> None:
    edition = make_edition()
    Kecamatan.objects.filter(code=UTARA).update(population=125_410, name='Sangatta "Utara" </script>')
    data = read(site, "kecamatan/")
    assert data["type"] == "FeatureCollection"
    assert data["edition"] == {
        "slug": "uji",
        "name": edition.name,
        "kind": "indicative",
        "source": "drawn for a test",
        "licence": "CC0-1.0",
    }
    first, second = data["features"]
    assert (first["id"], second["id"]) == (UTARA, SELATAN)
    assert first["properties"]["population"] == 125_410
    assert first["properties"]["name"] == 'Sangatta "Utara" </script>'
    assert first["properties"]["area_km2"] == pytest.approx(123.1, abs=0.1)
    assert shapely.equals(shapely.geometry.shape(first["geometry"]), KECAMATAN[UTARA])


def test_desa_are_narrowed_by_kecamatan(site: Client) -> None:
    make_edition()
    assert [feature["id"] for feature in read(site, "desa/")["features"]] == sorted(DESA)
    data = read(site, f"desa/?kecamatan={SELATAN}")
    assert [feature["properties"]["kecamatan"] for feature in data["features"]] == [SELATAN]


def test_areas_without_an_outline_have_a_null_geometry(site: Client) -> None:
    make_edition(desa=None)
    make_desa("64.08.04.2001")
    for query in ("", "?simplify=100"):
        [feature] = read(site, f"desa/{query}")["features"]
        assert (feature["geometry"], feature["properties"]["area_km2"]) == (None, None)


def test_areas_without_geometry_are_properties_only(site: Client) -> None:
    make_edition()
    data = read(site, "kecamatan/?geometry=false")
    assert {feature["geometry"] for feature in data["features"]} == {None}


def test_simplified_areas_stay_a_coverage(site: Client) -> None:
    seed()
    whole, simple = (read(site, f"desa/?simplify={metres}")["features"] for metres in (0, 2_600))
    before, after = (
        [shapely.geometry.shape(feature["geometry"]) for feature in features] for features in (whole, simple)
    )
    assert shapely.coverage_is_valid(after)
    assert shapely.get_num_coordinates(after).sum() < shapely.get_num_coordinates(before).sum()


def test_areas_take_two_queries_then_one(site: Client, django_assert_num_queries: Any) -> None:
    seed()
    with django_assert_num_queries(2):
        read(site, "desa/?simplify=100")
    with django_assert_num_queries(1):
        read(site, "desa/?simplify=101")  # the same step


def test_areas_answer_304_to_a_known_tag_until_the_edition_changes(site: Client) -> None:
    make_edition("satu")
    tag = site.get("/api/v1/areas/kecamatan/")["ETag"]
    for known in (tag, tag.removeprefix("W/"), "*"):
        assert site.get("/api/v1/areas/kecamatan/", headers={"if-none-match": known}).status_code == 304
    make_edition("dua")
    assert site.get("/api/v1/areas/kecamatan/", headers={"if-none-match": tag}).status_code == 200


def test_areas_without_an_edition_are_listed_without_outlines(site: Client) -> None:
    make_edition(active=False)
    data = read(site, "kecamatan/")
    assert data["edition"] is None
    assert [feature["geometry"] for feature in data["features"]] == [None, None]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("kecamatan/?bbox=1,2,3,4", "bbox"),
        ("kecamatan/?kecamatan=64.08.04", "kecamatan"),
        ("kecamatan/?simplify=nan", "simplify"),
        ("kecamatan/?simplify=-1", "simplify"),
        ("kecamatan/?geometry=no", "geometry"),
        ("desa/?kecamatan=64.08.99", "kecamatan"),
        ("desa/?kecamatan=%00", "kecamatan"),
    ],
)
def test_areas_refuse_a_bad_parameter_by_name(site: Client, path: str, field: str) -> None:
    make_edition()
    response = site.get(f"/api/v1/areas/{path}")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    problem = json.loads(response.content)
    assert problem["code"] == "invalid_parameter"
    assert field in problem["errors"]


def test_area_tiles_hold_lines_and_names(site: Client) -> None:
    make_edition()
    response = site.get("/tiles/kecamatan/9/423/255.mvt")  # 117.42 to 118.12 E, 0 to 0.70 N
    assert response.status_code == 200
    assert b"kecamatan_names" in response.content
    assert f"Kecamatan {SELATAN}".encode() in response.content
    assert b"desa_names" in site.get("/tiles/desa/9/423/255.mvt").content


def test_area_tile_is_tagged_by_the_edition(site: Client) -> None:
    make_edition("satu")
    path = "/tiles/kecamatan/9/423/255.mvt"
    tag = site.get(path)["ETag"]
    assert site.get(path, headers={"if-none-match": tag}).status_code == 304
    make_edition("dua")
    assert site.get(path, headers={"if-none-match": tag}).status_code == 200


def test_each_name_lies_in_one_tile_of_a_zoom(site: Client) -> None:
    make_edition()
    label = f"Kecamatan {UTARA}".encode()
    tiles = [site.get(f"/tiles/kecamatan/11/{x}/{y}.mvt") for x in range(1690, 1696) for y in range(1018, 1026)]
    assert sum(label in response.content for response in tiles) == 1


def test_area_tile_elsewhere_is_empty(site: Client) -> None:
    make_edition()
    assert site.get("/tiles/kecamatan/9/0/0.mvt").status_code == 204


def test_area_tile_without_an_edition_is_empty(site: Client) -> None:
    assert site.get("/tiles/kecamatan/9/423/255.mvt").status_code == 204
