"""API keys, the record of downloads, going back to an earlier version: in a browser, on a phone and at a desk."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from layers import usage
from layers.models import Layer
from layers.versions import publish
from tests.e2e.conftest import DESKTOP, PHONE, axe_findings, sign_in
from tests.factories.accounts import make_agency, make_coordinator, make_officer
from tests.factories.keys import make_api_key
from tests.factories.layers import POINTS, make_layer, make_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]

VIEWS = [(PHONE, "id-ID"), (DESKTOP, "en-GB")]


@pytest.fixture
def layer() -> Layer:
    layer = make_layer("rawan-banjir", agency=make_agency("bpbd", name="Badan Penanggulangan Bencana Daerah"),
                       access="regency", title_id="Rawan banjir", title_en="Flood risk")  # fmt: skip
    publish(version=make_version(layer, POINTS[:1]), by=None)
    layer.refresh_from_db()
    return layer


def looked_at(page: Page, name: str) -> None:
    """Find nothing wrong with the page; keep a picture of it if PICTURES names a folder."""
    assert axe_findings(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    if folder := os.environ.get("PICTURES"):
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=str(Path(folder) / f"{name}-{width}.png"), full_page=True)


@pytest.mark.parametrize(("viewport", "locale"), VIEWS, ids=["phone-id", "desktop-en"])
def test_key_is_made_used_and_revoked(
    viewport: dict[str, int], locale: str, live_server: LiveServer, open_page: Callable[..., Page], layer: Layer
) -> None:
    usage.forget()
    coordinator = make_coordinator(first_name="Dewi")
    _key, headers = make_api_key(make_officer(make_agency("dlh"), first_name="Budi"), consumer="Peta sampah DLH")
    for _n in range(12):
        Client(headers=headers).get("/ogc/collections/rawan-banjir/items")
    page = sign_in(open_page(viewport, locale), live_server.url, coordinator)
    page.goto(live_server.url + "/data/kunci/")
    looked_at(page, "kunci-kosong")
    page.locator("#id_consumer").fill("Dasbor banjir")
    page.locator("main form[action='/data/kunci/'] button").click()
    secret = page.locator("#key").inner_text()
    assert secret.startswith("kutim_")
    page.locator("details.ask summary").first.click()
    looked_at(page, "kunci")
    assert Client(headers={"X-API-Key": secret}).get("/ogc/collections/rawan-banjir").status_code == 200
    page.goto(live_server.url + "/data/kunci/")
    expect(page.locator("#key")).to_have_count(0)
    card = page.locator("li.card", has_text="Dasbor banjir")
    card.locator("summary").last.click()
    card.locator("form button").click()
    expect(page.locator(".messages")).to_contain_text("Dasbor banjir")
    assert Client(headers={"X-API-Key": secret}).get("/ogc/collections/rawan-banjir").status_code == 401


@pytest.mark.parametrize(("viewport", "locale"), VIEWS, ids=["phone-id", "desktop-en"])
def test_steward_reads_who_took_data_and_goes_back_a_version(
    viewport: dict[str, int], locale: str, live_server: LiveServer, open_page: Callable[..., Page], layer: Layer
) -> None:
    taker = make_officer(make_agency("dinsos"), first_name="Sri", last_name="Wahyuni")
    client = Client()
    client.force_login(taker)
    page = sign_in(open_page(viewport, locale), live_server.url, make_coordinator(first_name="Dewi"))
    page.goto(live_server.url + "/data/unduhan/")
    looked_at(page, "unduhan-kosong")
    for code in ("gpkg", "csv", "xlsx"):
        assert client.get(f"/data/rawan-banjir/unduh/{code}/").getvalue()
    page.reload()
    expect(page.get_by_role("cell", name="Sri Wahyuni")).to_have_count(3)
    looked_at(page, "unduhan")
    page.goto(live_server.url + "/data/rawan-banjir/")
    page.locator("a[href='/data/rawan-banjir/versi/']").click()
    looked_at(page, "versi")
    page.locator("a[href$='/versi/1/pakai/']").click()
    looked_at(page, "pakai")
    page.locator("#reason").fill("Berkas baru kehilangan dua titik.")
    page.locator("main form button").click()
    expect(page.locator(".versions")).to_contain_text("Berkas baru kehilangan dua titik.")
    looked_at(page, "versi-kembali")
    layer.refresh_from_db()
    assert layer.current is not None
    assert layer.current.number == 1


def test_catalogue_offers_what_the_person_may_do(
    live_server: LiveServer, open_page: Callable[..., Page], layer: Layer
) -> None:
    page = sign_in(open_page(PHONE), live_server.url, make_officer(make_agency("bpbd")))
    page.goto(live_server.url + "/data/")
    expect(page.locator("main a[href='/data/unggah/']")).to_have_count(1)
    looked_at(page, "katalog")
