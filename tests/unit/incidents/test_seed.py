"""What the seed adds to categories that exist already, and what it leaves."""

import pytest

from incidents.models import Category
from incidents.models.categories import CATCH_ALL
from incidents.seed import seed

pytestmark = pytest.mark.usefixtures("kutim")


def test_seed_gives_search_words_to_categories_that_have_none() -> None:
    Category.objects.filter(code="air-bersih").update(words="")
    Category.objects.filter(code="listrik").update(words="setrum")
    seed()
    assert "PDAM" in Category.objects.get(code="air-bersih").words
    assert Category.objects.get(code="listrik").words == "setrum"


def test_seed_has_the_category_for_everything_else() -> None:
    assert Category.objects.get(code=CATCH_ALL).parent
