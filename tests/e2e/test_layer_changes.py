"""An editor hands the open changes of a layer in, and the steward publishes them, in a real browser."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import shapely
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from layers import editing
from layers.history import compare_due
from layers.models import Layer
from tests.e2e.conftest import DESKTOP, PHONE, axe_findings, sign_in
from tests.factories.accounts import PASSWORD, make_coordinator, make_officer
from tests.factories.layers import make_layer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]
VIEWS = [(PHONE, "id-ID"), (DESKTOP, "en-GB")]
ITEMS = "/ogc/collections/faskes/items"


def changed_layer() -> tuple[Layer, User]:
    """Return a layer with one feature added, one moved, one with other values and one deleted, and its editor."""
    rows = [
        (shapely.Point(117.3 + n / 20, 0.4 + n / 30), {"nama": f"Puskesmas {n}", "tempat_tidur": "8"}) for n in range(9)
    ]
    layer = make_layer("faskes", rows, title_en="Health facilities", abstract_en="Health centres.")
    officer = make_officer(layer.agency, first_name="Rina", last_name="Sari")
    header = "Basic " + base64.b64encode(f"{officer.username}:{PASSWORD}".encode()).decode()
    sent: list[tuple[str, str, Any]] = [
        ("POST", "", {
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [117.5, 0.55]},
            "properties": {"nama": "Pustu Tepian Langsat yang baru dibangun di ujung jalan", "tempat_tidur": "2"},
        }),
        ("PATCH", "/2", {"geometry": {"coordinates": [117.6, 0.7]}}),
        ("PATCH", "/3", {"properties": {"tempat_tidur": "12"}}),
        ("DELETE", "/4", None),
    ]  # fmt: skip
    for method, path, body in sent:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/geo+json"
        answer = Client().generic(
            method,
            ITEMS + path,
            json.dumps(body),
            content_type=kind,
            headers={"Authorization": header, "If-Match": "*"},
        )
        assert answer.status_code < 300, answer.content
    return layer, officer


@pytest.mark.parametrize(("viewport", "locale"), VIEWS, ids=["phone-id", "desktop-en"])
def test_editor_hands_changes_in_and_the_steward_publishes_them(
    viewport: dict[str, int],
    locale: str,
    live_server: LiveServer,
    open_page: Callable[..., Page],
    shot: Callable[[Page, str], None],
) -> None:
    _layer, officer = changed_layer()
    page = sign_in(open_page(viewport, locale), live_server.url, officer)
    page.goto(f"{live_server.url}/data/faskes/")
    part = page.get_by_role("region", name="4")
    expect(part).to_be_visible()
    assert axe_findings(page) == []
    shot(page, f"layer-with-changes-{locale}")
    part.get_by_role("link").click()
    assert page.url == f"{live_server.url}/data/faskes/perubahan/"
    expect(page.get_by_role("row")).to_have_count(5)
    expect(page.locator("[data-map][data-differences='4']")).to_have_count(1)
    for kind in ("added", "removed", "moved", "changed"):
        expect(page.locator(f".leaflet-marker-pane .difference--{kind}")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    shot(page, f"layer-changes-map-{locale}")
    assert axe_findings(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    discard = page.locator("button[value=discard]")
    expect(discard).to_be_hidden()  # a second step asks for it
    page.locator("details > summary").last.click()
    expect(discard).to_be_visible()
    shot(page, f"layer-changes-{locale}")
    page.locator("button[value=hand-in]").click()
    expect(page.locator("button[value=take-back]")).to_be_visible()
    assert axe_findings(page) == []
    shot(page, f"layer-changes-handed-in-{locale}")

    page = sign_in(open_page(viewport, locale), live_server.url, make_coordinator())
    page.goto(f"{live_server.url}/data/unggah/")
    page.locator("a[href='/data/faskes/perubahan/']").click()
    expect(page.locator("textarea[name=note]")).to_be_visible()
    assert axe_findings(page) == []
    shot(page, f"layer-changes-steward-{locale}")
    page.locator("button[value=publish]").click()
    page.wait_for_url(f"{live_server.url}/data/faskes/")
    assert page.locator("#changes-title").count() == 0
    numbers = [feature["id"] for feature in json.loads(Client().get(ITEMS).content)["features"]]
    assert numbers == [1, 2, 3, 5, 6, 7, 8, 9, 10]

    assert compare_due()
    page = open_page(viewport, locale)  # nobody in particular
    page.goto(f"{live_server.url}/data/faskes/")
    page.locator("a[href='/data/faskes/riwayat/']").click()
    assert axe_findings(page) == []
    shot(page, f"layer-history-{locale}")
    page.locator("a[href='/data/faskes/riwayat/2/']").click()
    expect(page.locator("[data-map][data-differences='4']")).to_have_count(1)
    expect(page.get_by_role("row")).to_have_count(5)
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert axe_findings(page) == []
    page.wait_for_load_state("networkidle")
    shot(page, f"layer-history-change-{locale}")


@pytest.mark.parametrize(("viewport", "locale"), VIEWS, ids=["phone-id", "desktop-en"])
def test_steward_of_a_large_layer_watches_the_worker_publish(
    viewport: dict[str, int],
    locale: str,
    live_server: LiveServer,
    open_page: Callable[..., Page],
    shot: Callable[[Page, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(editing, "AT_ONCE", 2)
    changed_layer()
    page = sign_in(open_page(viewport, locale), live_server.url, make_coordinator())
    page.goto(f"{live_server.url}/data/faskes/perubahan/")
    page.locator("button[value=publish]").click()
    expect(page.get_by_role("status").locator("button[value=withdraw]")).to_be_visible()
    expect(page.locator("button[value=publish], button[value=discard]")).to_have_count(0)
    assert axe_findings(page) == []
    shot(page, f"layer-changes-busy-{locale}")
    assert editing.publish_asked()
    page.wait_for_url(f"{live_server.url}/data/faskes/")  # by itself
    expect(page.locator(".notice--success")).to_be_visible()
    assert page.locator("#changes-title").count() == 0
