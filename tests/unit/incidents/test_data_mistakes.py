"""A mistake in data, reported from the data's page: place, agency and data set come along by the address."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils.translation import override

from incidents.data_mistakes import TITLE_MAX, categories_of, name_of, title_for
from incidents.models.drafts import ReportDraft
from layers.models import Layer
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


def test_categories_are_those_that_go_to_the_agency_everywhere(health: Any) -> None:
    assert categories_of("dinkes") == {"puskesmas", "wabah"}
    elsewhere = make_agency("dlh")
    make_rule(elsewhere, category=make_category("sampah"), kecamatan=make_kecamatan())
    assert categories_of("dlh") == set()
    for odd in ("", "tidak-ada", "a\0b", "x" * 5_000):
        assert categories_of(odd) == set()


def test_sensitive_and_retired_categories_are_not_suggested(health: Any) -> None:
    group = make_group("kesehatan")
    agency = make_agency("dp3a")
    make_rule(agency, category=make_category("kekerasan", parent=group, sensitive=True))
    make_rule(agency, category=make_category("lama", parent=group, active=False))
    assert categories_of("dp3a") == set()


@pytest.mark.parametrize("text", ["", "A", "<b>", "x" * 61, "faskes\n", "faskes\0", "tidak-ada"])
def test_what_is_no_data_set_has_no_name(text: str) -> None:
    make_layer()
    assert name_of(text) == title_for(text) == ""


def test_data_set_is_called_by_its_title_in_the_readers_language(client: Client, health: Any) -> None:
    make_layer(title_en="Health facilities")
    page = client.get("/lapor/?agency=dinkes&layer=faskes").content.decode()
    assert "“Fasilitas kesehatan”" in page
    page = client.get("/lapor/?agency=dinkes&layer=faskes", headers={"Accept-Language": "en"}).content.decode()
    assert "“Health facilities”" in page
    assert "“faskes”" not in page
    with override("en"):  # the report is public and read by the agency
        assert "“Fasilitas kesehatan”" in title_for("faskes")


def test_long_title_leaves_the_sentence_whole() -> None:
    make_layer(title_id="Sebaran " * 20)
    assert len(title_for("faskes")) <= TITLE_MAX
    assert title_for("faskes").endswith("…”")


@pytest.mark.parametrize("over", [{"access": "regency"}, {"access": "agency"}, {"state": "withdrawn"}])
def test_data_set_that_not_everybody_may_read_is_not_named(client: Client, over: dict[str, str]) -> None:
    make_layer("rahasia", title_id="Judul tertutup")
    Layer.objects.filter(slug="rahasia").update(**over)
    client.force_login(make_coordinator())
    page = client.get("/lapor/?layer=rahasia").content.decode()
    assert "at_layer" not in page
    assert "Judul tertutup" not in page
    client.post("/lapor/", {"category": make_category().code, "at_layer": "rahasia", "go": "next"})
    assert "cerita" not in ReportDraft.objects.get().data


def test_page_chooses_nothing_and_the_story_begins_with_the_data_set(client: Client, health: Any) -> None:
    make_layer()
    make_rule(make_agency("dpupr"))
    address = "/lapor/?agency=dinkes&layer=faskes&lon=117.55&lat=0.5"
    page = client.get(address)
    text = page.content.decode()
    assert not page.context["chosen"]
    assert 'type="radio" name="category"' in text
    assert not re.search(r'name="category"[^>]* checked', text)
    assert text.count('<details class="choice__group" open>') == 1, "of two groups that of the data's agency is open"
    assert 'name="at_layer" value="faskes"' in text
    sent = {"category": "puskesmas", "at_layer": "faskes", "at_lon": "117.55", "at_lat": "0.5", "go": "next"}
    assert client.post("/lapor/", sent).status_code == 302
    draft = ReportDraft.objects.get()
    assert "“Fasilitas kesehatan”" in draft.data["cerita"]["typed"]["title"]
    assert draft.data["di-mana"]["typed"]["lon"] == "117.55"
    assert not draft.data["cerita"]["tried"]


def test_page_shows_nothing_of_a_name_that_cannot_be_one(client: Client, health: Any) -> None:
    page = client.get("/lapor/", {"layer": "<script>alert(1)</script>", "agency": "'"}).content.decode()
    assert "at_layer" not in page
    assert "alert(1)" not in page
    client.post("/lapor/", {"category": "puskesmas", "at_layer": "<b>x</b>", "go": "next"})
    assert "cerita" not in ReportDraft.objects.get().data


def test_given_category_is_chosen(client: Client, health: Any) -> None:
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
