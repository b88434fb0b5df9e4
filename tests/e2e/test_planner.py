"""/opd/peta/ in a browser: cells lead to their reports, and an area is drawn without dragging."""

import re
from collections.abc import Callable

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Agency
from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.test_desk import sign_in
from tests.factories.accounts import make_officer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]


def test_an_area_is_drawn_corner_by_corner_with_the_keyboard(
    open_page: Callable[..., Page], live_server: LiveServer
) -> None:
    call_command("make_reports", count=300, seed=7, verbosity=0)
    page = open_page(DESKTOP, "en-GB")
    sign_in(page, live_server.url, make_officer(Agency.objects.get(code="dpu-pupr")))
    page.set_default_navigation_timeout(60_000)  # a process's first map loads folium
    page.goto(f"{live_server.url}/opd/peta/?since=2024-01")
    cells = page.locator("path.planner-cell")
    expect(cells.first).to_be_visible()
    assert cells.count() > 10
    page.locator(".leaflet-container").first.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Zoom in")).to_be_focused()  # cells are no stops: the table has them
    cells.nth(5).hover(force=True)
    expect(page.locator(".dash-tip")).to_have_text(re.compile(r"^\d+ reports?$"))
    page.get_by_role("button", name="Draw an area").click()
    corner = page.get_by_role("button", name="Corner in the middle of the map")
    for keys in ("ArrowLeft ArrowLeft", "ArrowUp ArrowUp", "ArrowRight ArrowRight ArrowRight ArrowRight"):
        page.locator(".leaflet-container").first.focus()
        for key in keys.split():
            page.keyboard.press(key)
            page.wait_for_timeout(350)  # the map glides to its place
        corner.press("Enter")
    expect(page.locator("[data-draw-told]")).to_have_text("Corners: 3. Tap the next one, or finish.")
    page.get_by_role("button", name="Show its reports").press("Enter")
    expect(page).to_have_url(re.compile(r"/opd/peta/laporan/\?since=2024-01.*&within=[\d.,;-]+$"))
    expect(page.get_by_role("heading", name="Reports of the area chosen")).to_be_visible()
    expect(page.get_by_text("inside the area drawn").first).to_be_visible()
    page.get_by_role("link", name="On the map").click()
    expect(page.locator("path.planner-lasso")).to_be_visible()


def test_a_phone_shows_the_table_of_kecamatan_whole(open_page: Callable[..., Page], live_server: LiveServer) -> None:
    call_command("make_reports", count=100, seed=7, verbosity=0)
    page = open_page(PHONE, "id-ID")
    sign_in(page, live_server.url, make_officer(Agency.objects.get(code="dpu-pupr")))
    page.set_default_navigation_timeout(60_000)
    page.goto(f"{live_server.url}/opd/peta/?shape=kecamatan&measure=per_1000")
    row = page.locator("#kecamatan tbody tr").filter(has_text="Sangatta Selatan")
    sign, name = row.locator(".planner__sign").bounding_box(), row.locator("a").first.bounding_box()
    assert sign
    assert name
    assert abs(sign["y"] - name["y"]) < 12
    assert sign["x"] + sign["width"] < name["x"]
    assert page.locator("#kecamatan .table-scroll").evaluate("(box) => box.scrollWidth <= box.clientWidth")
