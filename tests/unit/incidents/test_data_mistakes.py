"""A mistake in data, reported from the data's page: place, agency and data set come along by the address."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from incidents.data_mistakes import category_for, read_layer
from incidents.models.drafts import ReportDraft
from tests.factories.accounts import make_agency, make_coordinator
from tests.factories.incidents import make_category, make_group, make_kecamatan, make_rule
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db


@pytest.fixture
def health() -> Any:
    agency = make_agency("dinkes")
    group = make_group("kesehatan")
    make_rule(agency, category=make_category("wabah", parent=group, position=2))
    make_rule(agency, category=make_category("puskesmas", parent=group, position=1))
    return agency


def test_category_is_the_first_that_goes_to_the_agency_everywhere(health: Any) -> None:
    assert category_for("dinkes") == "puskesmas"
    elsewhere = make_agency("dlh")
    make_rule(elsewhere, category=make_category("sampah"), kecamatan=make_kecamatan())
    assert category_for("dlh") == ""
    for odd in ("", "tidak-ada", "a\0b", "x" * 5_000):
        assert category_for(odd) == ""


def test_sensitive_and_retired_categories_are_not_suggested(health: Any) -> None:
    group = make_group("kesehatan")
    agency = make_agency("dp3a")
    make_rule(agency, category=make_category("kekerasan", parent=group, sensitive=True))
    make_rule(agency, category=make_category("lama", parent=group, active=False))
    assert category_for("dp3a") == ""


@pytest.mark.parametrize(
    ("text", "layer"), [("faskes_2", "faskes_2"), ("", ""), ("A", ""), ("<b>", ""), ("x" * 61, ""), ("a\n", "")]
)
def test_short_name_is_read_only_if_it_can_be_one(text: str, layer: str) -> None:
    assert read_layer(text) == layer


def test_page_begins_with_the_category_and_the_story_with_the_data_set(client: Client, health: Any) -> None:
    address = "/lapor/?agency=dinkes&layer=faskes&lon=117.55&lat=0.5"
    page = client.get(address)
    assert page.context["chosen"] == "puskesmas"
    assert 'name="at_layer" value="faskes"' in page.content.decode()
    sent = {"category": "puskesmas", "at_layer": "faskes", "at_lon": "117.55", "at_lat": "0.5", "go": "next"}
    assert client.post("/lapor/", sent).status_code == 302
    draft = ReportDraft.objects.get()
    assert "“faskes”" in draft.data["cerita"]["typed"]["title"]
    assert draft.data["di-mana"]["typed"]["lon"] == "117.55"
    assert not draft.data["cerita"]["tried"]


def test_page_shows_nothing_of_a_name_that_cannot_be_one(client: Client, health: Any) -> None:
    page = client.get("/lapor/", {"layer": "<script>alert(1)</script>", "agency": "'"}).content.decode()
    assert "at_layer" not in page
    assert "alert(1)" not in page
    client.post("/lapor/", {"category": "puskesmas", "at_layer": "<b>x</b>", "go": "next"})
    assert "cerita" not in ReportDraft.objects.get().data


def test_given_category_wins(client: Client, health: Any) -> None:
    assert client.get("/lapor/?agency=dinkes&category=wabah").context["chosen"] == "wabah"


def asked(address: str) -> dict[str, list[str]]:
    assert urlsplit(address).path == "/lapor/"
    return parse_qs(urlsplit(address).query)


def test_data_page_hands_over_place_agency_and_data_set(client: Client, health: Any) -> None:
    make_layer()
    page = client.get("/data/faskes/")
    assert asked(page.context["mistake"]) == {"agency": ["dinkes"], "layer": ["faskes"]}
    assert page.context["mistake"].replace("&", "&amp;") in page.content.decode()
    found = client.get("/data/faskes/fitur/1/").json()["report"]
    assert asked(found) == {"agency": ["dinkes"], "layer": ["faskes"], "lon": ["117.550000"], "lat": ["0.500000"]}


def test_name_of_an_internal_data_set_does_not_get_into_a_public_report(client: Client, health: Any) -> None:
    make_layer("rahasia", access="regency")
    client.force_login(make_coordinator())
    for address in (
        client.get("/data/rahasia/").context["mistake"],
        client.get("/data/rahasia/fitur/1/").json()["report"],
    ):
        assert "layer" not in asked(address)
        assert asked(address)["agency"] == ["dinkes"]
