"""The small map beside a found data set: a drawing inside the page, with words, for what the reader may see."""

import re
from typing import Any

import pytest
import shapely
from django.test import Client

from layers.models import Layer
from layers.small_maps import WIDTH, regency_symbol, small_maps
from tests.factories.accounts import make_agency
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db


def box_of(layer: Layer) -> list[float]:
    """Return x, y, width, height of the drawn extent."""
    assert layer.current is not None
    drawing = small_maps([layer.current])[layer.current.pk].drawing
    return [
        float(number)
        for number in re.findall(r'<rect [^>]*?x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)"', drawing)[0]
    ]


def catalogue(path: str = "/data/") -> str:
    return str(Client(headers={"Accept-Language": "en"}).get(path).content.decode())


def test_regency_is_drawn_once_and_each_map_uses_it(kutim: None) -> None:
    agency = make_agency("dinkes")
    for slug in ("satu", "dua"):
        make_layer(slug, agency=agency)
    text = catalogue()
    assert text.count('<symbol id="regency"') == 1
    assert text.count('<use href="#regency"/>') == 2
    assert 'aria-label="Small map: in ' in text
    assert "Sangatta" in text.split('aria-label="Small map: in ')[1][:60]
    assert len(regency_symbol()) < 12_000


def test_point_can_be_seen_and_east_lies_right(kutim: None) -> None:
    west = make_layer("barat", [(shapely.Point(116.5, 1.0), {"nama": "a"})], make_agency("dinkes"))
    east = make_layer("timur", [(shapely.Point(118.5, 0.9), {"nama": "a"})], make_agency("dpu"))
    assert box_of(west)[2:] == pytest.approx([5, 5], abs=0.2)
    assert box_of(west)[0] < box_of(east)[0]


@pytest.mark.parametrize("box", [(-180, -90, 180, 90), (10, 10, 20, 20), (119.5, -5, 119.6, -4.9)])
def test_extent_beyond_the_regency_stays_inside_the_drawing(kutim: None, box: tuple[float, ...]) -> None:
    x, y, width, height = box_of(make_layer("jauh", [(shapely.box(*box), {"nama": "a"})]))
    assert 0 <= x <= x + width <= WIDTH
    assert 0 <= y <= y + height
    assert width >= 4.9
    assert height >= 4.9


def test_layer_outside_or_empty_is_told_so(kutim: None) -> None:
    empty = make_layer("kosong", [], make_agency("dpu"), fields=[{"name": "nama"}])
    assert empty.current is not None
    told = small_maps([empty.current])[empty.current.pk]
    assert "rect" not in told.drawing
    assert "outside" in told.words or "luar" in told.words


def test_without_boundaries_there_are_no_small_maps() -> None:
    make_layer()
    assert "small-map" not in catalogue()


def test_private_layer_has_no_small_map(kutim: None) -> None:
    make_layer("rahasia", access="agency")
    assert "small-map" not in catalogue()


def test_small_maps_cost_two_queries(kutim: None, django_assert_max_num_queries: Any) -> None:
    agency = make_agency("dinkes")
    versions = [make_layer(f"lapis-{n}", agency=agency).current for n in range(4)]
    with django_assert_max_num_queries(5):
        assert len(small_maps([version for version in versions if version])) == 4
