"""Short names that the site's own addresses need: the list is read from the addresses; every way in refuses them."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.urls import URLPattern, get_resolver

from layers import importing, uploads
from layers.models import FIXED_SLUGS, ImportJob, Layer
from tests.factories.accounts import make_agency, make_officer

FORESEEN = {"heat", "pertanyaan", "tanya"}
"""Names of the contract (tiles of heat) or of pages that are being made."""


def routes(patterns: list[Any], prefix: str = "") -> list[str]:
    """Return every route of the site, such as `data/<slug:slug>/versi/`."""
    found = []
    for entry in patterns:
        route = prefix + str(entry.pattern)
        found += [route] if isinstance(entry, URLPattern) else routes(entry.url_patterns, route)
    return found


def taken() -> set[str]:
    """Return the fixed words that stand where some other route has a layer's short name."""
    every = [route.lstrip("^").split("/") for route in routes(get_resolver().url_patterns)]
    places = {(*parts[:n],) for parts in every for n, part in enumerate(parts) if part in {"<slug:slug>", "<str:slug>"}}
    return {
        parts[len(place)]
        for place in places
        for parts in every
        if tuple(parts[: len(place)]) == place
        and len(parts) > len(place)
        and re.fullmatch(r"[\w-]+", parts[len(place)])
    }


def test_list_has_every_address_that_stands_where_a_layers_would() -> None:
    found = taken()
    assert {"unggah", "kunci", "unduhan", "kecamatan", "desa", "reports", "catalogue"} <= found
    assert found <= FIXED_SLUGS
    assert found | FORESEEN >= FIXED_SLUGS


@pytest.mark.django_db
@pytest.mark.parametrize("slug", sorted(FIXED_SLUGS))
def test_no_way_in_makes_a_layer_of_that_name(slug: str, tmp_path: Path) -> None:
    agency = make_agency("dlh")
    file = tmp_path / f"{slug}.geojson"
    file.write_text('{"type":"FeatureCollection","features":[]}')
    with pytest.raises(LookupError, match=slug):
        importing.layer_for(agency=agency, values={"slug": slug})
    with pytest.raises(ValidationError, match=slug):
        Layer(slug=slug, title_id="x", agency=agency).full_clean(exclude=["fields", "keywords"])
    assert importing.slug_of(slug) not in FIXED_SLUGS
    made = uploads._new_layer(ImportJob(agency=agency, by=make_officer(agency), name=f"{slug.upper()}.zip"))
    assert made.slug not in FIXED_SLUGS
    assert list(Layer.objects.values_list("slug", flat=True)) == [made.slug]


@pytest.mark.django_db
def test_command_refuses_the_name_in_words(tmp_path: Path) -> None:
    make_agency("dlh")
    file = tmp_path / "sumur.geojson"
    file.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"nama":"a"},'
        '"geometry":{"type":"Point","coordinates":[117.5,0.5]}}]}'
    )
    with pytest.raises(CommandError, match="kunci"):
        call_command("load_layer", file, agency="DLH", slug="kunci", commit=True)
    assert not Layer.objects.exists()


@pytest.mark.django_db
def test_other_names_are_taken() -> None:
    assert importing.layer_for(agency=make_agency("dlh"), values={"slug": "kunci-inggris"}).slug == "kunci-inggris"
