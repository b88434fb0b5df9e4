"""includes/place.html: where something lies, in words."""

import pytest
from django.template.loader import render_to_string

from geo.errors import Area

SANGATTA = Area(1, "64.08.04", "Sangatta Utara")


@pytest.mark.parametrize(
    ("desa", "words"),
    [
        (None, "Kecamatan Sangatta Utara"),
        (Area(1, "64.08.04.2001", "Sangatta Utara"), "Desa Sangatta Utara, Kecamatan Sangatta Utara"),
        (Area(2, "64.08.04.1003", "Teluk Lingga"), "Kelurahan Teluk Lingga, Kecamatan Sangatta Utara"),
    ],
)
def test_place_is_named_with_its_kind(desa: Area | None, words: str) -> None:
    assert render_to_string("includes/place.html", {"kecamatan": SANGATTA, "desa": desa}).strip() == words
