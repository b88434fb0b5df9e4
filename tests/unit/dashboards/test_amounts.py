"""Numbers are written as Django writes them, and rounded."""

import random

import pytest
from django.utils import translation
from django.utils.formats import number_format

from dashboards.amounts import amount


@pytest.mark.parametrize("language", ["id", "en"])
def test_numbers_are_written_as_django_writes_them(language: str) -> None:
    chance = random.Random(3)
    numbers = [0, 7, 999, 1_000, -1_234, 12_345_678, *(chance.randrange(10**9) for _n in range(200))]
    with translation.override(language):
        for n in numbers:
            assert amount(n) == number_format(n, use_l10n=True, force_grouping=True)
        for n in numbers:
            assert amount(n / 10, 1) == number_format(n / 10, 1, use_l10n=True, force_grouping=True)


def test_numbers_are_rounded_in_the_language_in_use() -> None:
    with translation.override("id"):
        assert (amount(1234.56, 1), amount(0.96, 1), amount(2.7)) == ("1.234,6", "1,0", "3")
    with translation.override("en"):
        assert amount(1234.56, 1) == "1,234.6"
