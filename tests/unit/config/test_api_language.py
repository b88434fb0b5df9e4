"""The API speaks as `Accept-Language` asks, says so in `Vary`, and does not look at the cookie of the pages."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import Agency
from config.api_index import CALLS
from tests.factories.accounts import make_officer

pytestmark = pytest.mark.usefixtures("kutim")

WITH_WORDS = [
    "/api/v1/",
    "/api/v1/locate/?lat=0.5&lon=117.55&category=jalan-rusak",
    "/api/v1/locate/?lat=99",
    "/api/v1/categories/?x=1",
    "/api/v1/agencies/",
    "/api/v1/areas/kecamatan/?simplify=x",
    "/api/v1/reports/?limit=0",
    "/api/v1/reports/KT-26-0000001-X/",
    "/api/v1/nothing/",
]


@pytest.mark.parametrize("path", WITH_WORDS)
def test_api_does_not_read_the_language_cookie(path: str) -> None:
    plain, cookie = Client(), Client()
    cookie.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    without, with_cookie = plain.get(path), cookie.get(path)
    assert without.content == with_cookie.content
    english = cookie.get(path, headers={"Accept-Language": "en"})
    assert english.content == plain.get(path, headers={"Accept-Language": "en-GB;q=0.8, fr"}).content
    for answer in (without, with_cookie, english):
        assert "Accept-Language" in answer["Vary"]


def test_words_differ_by_accept_language_alone() -> None:
    client = Client()
    path = "/api/v1/locate/?lat=0.5&lon=117.55&category=jalan-rusak"
    assert client.get(path).json()["reason"] != client.get(path, headers={"Accept-Language": "en"}).json()["reason"]
    for path in ("/api/v1/nothing/", "/api/v1/areas/kecamatan/?simplify=x"):
        indonesian, english = client.get(path), client.get(path, headers={"Accept-Language": "en"})
        assert indonesian.json()["detail"] != english.json()["detail"]


@pytest.mark.parametrize("path", ["/ogc/?f=json", "/ogc/collections?f=json", "/ogc/collections/nothing?f=json"])
def test_ogc_for_programs_does_not_read_the_cookie_even_of_somebody_who_signed_in(path: str) -> None:
    client = Client()
    client.force_login(make_officer(Agency.objects.get(code="dlh")))
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert client.get(path).content == Client().get(path).content
    assert 'lang="en"' in client.get("/ogc/?f=html").content.decode()


def test_index_leads_to_what_answers(client: Client) -> None:
    index = client.get("/api/v1/")
    assert index.headers["Content-Type"] == "application/json"
    body = index.json()
    assert set(body) == set(CALLS)
    assert body["reports"] == "http://testserver" + reverse("api_reports")
    for name, address in body.items():
        assert client.get(address).status_code == (400 if name == "locate" else 200), address
    assert client.get("/api/v1/?x=1").status_code == 400
    assert client.post("/api/v1/").status_code == 405
