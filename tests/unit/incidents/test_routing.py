"""Where a point lies and who answers there: in one round trip, with the answer of the steps one by one."""

import random

import pytest
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import Agency
from geo.errors import InvalidPoint, OutsideRegency
from geo.locate import locate
from geo.models import Kecamatan
from incidents.errors import UnknownCategory
from incidents.models import Category, RoutingRule
from incidents.routing import route, whereabouts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kutim")]

INLAND, AT_SEA, ELSEWHERE = (117.5346, 0.5168), (117.665, 0.55), (116.0, -1.0)


def test_one_round_trip_answers_as_the_steps_do(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    generator = random.Random(7)
    codes = list(Category.objects.filter(parent__isnull=False).values_list("code", flat=True))
    for number, kecamatan in enumerate(Kecamatan.objects.order_by("code")[:6]):
        RoutingRule.objects.create(
            category=Category.objects.get(code=codes[number]), kecamatan=kecamatan, agency=Agency.objects.all()[number]
        )
    found = coastal = 0
    for _ in range(400):
        lon, lat, code = generator.uniform(116.0, 119.0), generator.uniform(-0.2, 1.9), generator.choice(codes)
        try:
            place = locate(lon, lat)
        except OutsideRegency:
            with pytest.raises(OutsideRegency):
                whereabouts(lon, lat, code)
            continue
        steps = (place, *route(code, place))
        with django_assert_num_queries(3 if place.coastal else 1):
            assert whereabouts(lon, lat, code) == steps
        found, coastal = found + 1, coastal + place.coastal
    assert found > 100
    assert coastal > 0


@pytest.mark.parametrize("code", ["tiada", "", "jalan\x00", "x" * 5000])
@pytest.mark.parametrize("point", [INLAND, AT_SEA])
def test_unknown_categories_are_named(point: tuple[float, float], code: str) -> None:
    with translation.override("en"), pytest.raises(UnknownCategory, match="There is no category"):
        whereabouts(*point, code)


def test_a_wrong_place_goes_before_a_wrong_category() -> None:
    refused: list[tuple[tuple[float, float], type[Exception]]] = [
        ((float("nan"), 0.5), InvalidPoint), ((117.5, 91.0), InvalidPoint), (ELSEWHERE, OutsideRegency),
    ]  # fmt: skip
    for point, error in refused:
        with pytest.raises(error):
            whereabouts(*point, "tiada")
