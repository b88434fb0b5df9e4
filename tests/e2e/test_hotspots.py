"""Where reports concentrate, in a browser: the months by keyboard and button, two maps as one, paper, no script."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.e2e.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]
PAGE = "/dasbor/publik/titik-panas/"


@pytest.fixture
def _reports(live_kutim: None) -> None:
    call_command("make_reports", count=400, seed=7, verbosity=0)


@pytest.mark.usefixtures("_reports")
def test_months_go_by_keyboard_and_by_button(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    page = open_page(PHONE, "en-GB", reduced_motion="reduce")
    page.goto(live_server.url + PAGE)
    cells = page.locator(".hot-cell")
    expect(cells.first).to_be_visible()
    shown = page.evaluate("document.querySelectorAll('.hot-cell:not([data-step=out])').length")
    month, slider, play = page.locator("[data-month]"), page.locator("[data-slider]"), page.locator("[data-play]")
    expect(month).to_have_text("All months together")
    slider.focus()
    slider.press("ArrowRight")
    expect(month).to_have_text(re.compile(r"^\w+ \d{4}$"))
    first = month.inner_text()
    assert page.evaluate("document.querySelectorAll('.hot-cell:not([data-step=out])').length") < shown
    expect(page.locator('[data-key="month"]')).to_be_visible()
    play.click()  # with reduced motion one month for each press
    expect(month).not_to_have_text(first)
    expect(play).to_have_text("Play the months")
    slider.press("Home")
    expect(page.locator('[data-key="whole"]')).to_be_visible()
    assert page.evaluate("document.querySelectorAll('.hot-cell:not([data-step=out])').length") == shown


@pytest.mark.usefixtures("_reports")
def test_cells_are_no_stops_of_the_keyboard_and_their_words_follow_the_month(
    live_server: LiveServer, open_page: Callable[..., Page]
) -> None:
    page = open_page({"width": 1440, "height": 1600}, "en-GB")
    page.goto(live_server.url + PAGE)
    expect(page.locator(".folium-map")).to_have_attribute("data-cells", re.compile(r"\d+"))
    page.locator(".folium-map").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Zoom in")).to_be_focused()
    place, at, told = page.evaluate(f"""async () => {{
        const {{ dresses, cells, monthly }} = await (await fetch("{PAGE}sel/")).json();
        const number = ({{ dress }}) => Number(dresses[dress]?.[2].match(/\\d+/)[0] ?? 0);
        const place = cells.indexOf(cells.reduce((most, cell) => (number(cell) > number(most) ? cell : most)));
        return [place, cells[place].at, monthly[place].map((dress) => dresses[dress]?.[2])];
    }}""")
    assert len(set(told)) > 2
    slider, tip = page.locator("[data-slider]"), page.locator(".dash-tip")
    slider.focus()
    box = page.locator(".hot-cell").nth(place).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(tip).to_contain_text(at)
    for words in told:
        slider.press("ArrowRight")
        if words is None:  # nothing came in that month
            break
        expect(tip).to_have_text(f"{at}: {words}")
    page.mouse.move(box["x"] - 200, box["y"] + 300)
    expect(tip).to_have_count(0)


@pytest.mark.usefixtures("_reports")
def test_two_maps_move_as_one_and_paper_has_both(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    page = open_page(DESKTOP, "en-GB")
    page.goto(f"{live_server.url}{PAGE}?with_since=2025-01-01&with_until=2025-12-31&grid=hex-5")
    maps = page.locator(".folium-map")
    expect(maps).to_have_count(2)
    for n in (0, 1):
        expect(maps.nth(n)).to_have_attribute("data-cells", re.compile(r"\d+"))
    scales = "[...document.querySelectorAll('.map-scale, .leaflet-control-scale-line')].map((one) => one.textContent)"
    page.locator(".map-zoom .button").first.click()
    page.wait_for_timeout(400)
    left, right = page.evaluate(
        "[...document.querySelectorAll('.folium-map')].map((one) =>"
        " [...one.querySelectorAll('.leaflet-overlay-pane svg')].map((svg) => svg.getAttribute('viewBox')).join())"
    )
    assert left == right != ""
    told = page.evaluate(scales)
    assert len(set(told)) <= 1
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 960})  # 180 mm
    assert page.evaluate("document.documentElement.scrollWidth") <= 680
    assert len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(prefer_css_page_size=True))) <= 6


@pytest.mark.usefixtures("_reports")
def test_without_a_script_the_tables_tell_everything(live_server: LiveServer, browser: Any) -> None:
    context = browser.new_context(viewport=PHONE, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}{PAGE}?view=spots")
    expect(page.locator(".hot__canvas")).to_be_hidden()
    expect(page.locator("[data-time]")).to_be_hidden()
    assert page.locator("#list tbody tr").count() >= 3
    page.locator(".dash__more summary").click()
    page.locator("#id_grid").select_option("square-12")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "grid=square-12" in page.url
    expect(page.locator("#list tbody tr").first).to_be_visible()
    context.close()
