"""Several layers on one map in a real browser: taps, an address to share, without a script; and a map in a frame."""

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import shapely
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.test_layers import painted
from tests.factories.accounts import make_agency
from tests.factories.layers import make_layer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]


@pytest.fixture(autouse=True)
def two_layers(live_kutim: None) -> None:
    """One area, and a point in its middle."""
    agency = make_agency("dinkes")
    rows = [(shapely.box(117.4, 0.4, 117.6, 0.6), {"nama": "<b>Petak satu</b>"})]
    make_layer("petak", rows, agency, title_id="Petak", title_en="Plots")
    make_layer(
        "sumur", [(shapely.Point(117.5, 0.5), {"nama": "Sumur dua"})], agency, title_id="Sumur", title_en="Wells"
    )


def test_tap_tells_the_topmost_and_the_address_keeps_the_view(
    open_page: Callable[..., Page], live_server: LiveServer
) -> None:
    page = open_page(PHONE, "en-US")
    page.goto(f"{live_server.url}/data/peta/?layer=petak&layer=sumur")
    painted(page)
    page.wait_for_load_state("networkidle")
    panel = page.locator("[data-feature]")
    page.locator("[data-map]").click()  # its middle
    expect(panel).to_contain_text("<b>Petak satu</b>")
    expect(panel).to_contain_text("Plots")
    page.get_by_role("link", name=re.compile("^Further up ?: Wells$")).click()
    expect(page).to_have_url(re.compile(r"\?layer=sumur&layer=petak"))
    painted(page)
    page.wait_for_load_state("networkidle")
    page.locator("[data-map]").press("Enter")  # by keyboard: what lies under the cross
    expect(panel).to_contain_text("Sumur dua")
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile(r"layer=petak#[\d.]+/0\.\d+/117\.\d+$"))
    address = page.url
    colleague = open_page(PHONE, "en-US")
    colleague.goto(address)
    painted(colleague)
    colleague.get_by_label("Citizens' reports").check()
    colleague.get_by_role("button", name="Show on the map").click()
    place = address.split("#")[1]
    expect(colleague).to_have_url(re.compile(r"layer=sumur&layer=petak&reports=1#" + re.escape(place.split("/")[0])))
    expect(colleague.get_by_role("link", name="List", exact=True)).to_be_visible()
    rows_between = """() => [...document.querySelectorAll(".map-name__text:not(.map-name__text--away)")]
        .every((name) => name.offsetHeight < 22)"""
    assert colleague.evaluate(rows_between)  # one line each: it fits between two rows of numbers


def test_choosing_works_without_a_script(browser: Browser, live_server: LiveServer) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=PHONE, locale="en-US")
    page = context.new_page()
    page.goto(f"{live_server.url}/data/peta/")
    page.get_by_label("Wells").check()
    page.get_by_role("button", name="Show on the map").click()
    page.get_by_label("Find data").fill("petak")
    page.get_by_role("button", name="Search").click()
    page.get_by_label("Plots").check()
    page.get_by_role("button", name="Show on the map").click()
    expect(page.locator(".combine__line strong")).to_have_text(["Wells", "Plots"])
    expect(page.get_by_role("link", name=re.compile("^Table ?: Plots$"))).to_have_attribute(
        "href", "/data/petak/#table"
    )
    context.close()


@pytest.fixture
def other_site() -> Iterator[Callable[[str], str]]:
    """Return `other_site(html)`: the address of that page on a server of its own, which is another origin."""
    pages: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages[-1])

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    def serve(html: str) -> str:
        pages.append(html.encode())
        return f"http://127.0.0.1:{server.server_port}/"

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield serve
        server.shutdown()
        thread.join()


def test_embedded_map_works_inside_another_site(
    browser: Browser, live_server: LiveServer, other_site: Callable[[str], str]
) -> None:
    context = browser.new_context(viewport=DESKTOP, locale="en-US")
    page = context.new_page()
    code = f'<iframe src="{live_server.url}/data/petak/sematan/" title="Map: Plots" width="100%" height="480"></iframe>'
    other = f'<!doctype html><title>x</title>{code}<iframe id="page" src="{live_server.url}/data/petak/"></iframe>'
    page.goto(other_site(other))
    page.wait_for_load_state("networkidle")
    frame = page.frame_locator('iframe[title="Map: Plots"]')
    expect(frame.locator("canvas.leaflet-tile-loaded").first).to_be_attached()
    frame.locator("[data-map]").click()
    expect(frame.locator("[data-feature]")).to_contain_text("<b>Petak satu</b>")
    expect(page.frame_locator("#page").locator(".page-head")).to_have_count(0)  # the layer's own page may not be framed
    context.close()
