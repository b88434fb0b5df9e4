"""Choosing a place on the map of the report form: by tap, by keyboard, by button; from afar only after going nearer."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.e2e.conftest import axe_findings

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]

SEEN_NAMES = "[data-map] .map-name__text--desa:not(.map-name__text--away)"


def to_the_map(page: Page, live_server: LiveServer) -> None:
    """Go through the form's first question to the one that asks where."""
    page.goto(f"{live_server.url}/lapor/")
    page.fill("#narrow-what", "lubang")
    page.locator("input[value=jalan-rusak]").check()
    page.locator("form .button--primary").click()
    page.wait_for_url("**/di-mana/")
    page.locator("[data-map]").scroll_into_view_if_needed()
    page.locator("[data-map] canvas.leaflet-tile").first.wait_for()


def chosen(page: Page) -> tuple[float, float]:
    return tuple(float(page.locator(f"#id_{name}").input_value() or 0) for name in ("lon", "lat"))  # type: ignore[return-value]


def nothing_is_chosen_yet(page: Page) -> None:
    """The map went nearer and says how to go on; no place has been taken."""
    expect(page.locator(".map-told")).not_to_be_empty()
    expect(page.locator(".map-told")).to_have_role("status")
    expect(page.locator(".map-pin")).to_have_count(0)
    assert chosen(page) == (0, 0)
    page.wait_for_timeout(400)  # a second tap at once would be half of a double tap


def test_first_tap_goes_nearer_and_the_second_sets_the_pin(
    live_server: LiveServer, open_page: Callable[..., Page], shot: Callable[[Page, str], None]
) -> None:
    page = open_page()
    to_the_map(page, live_server)
    place = page.locator("[data-map]")
    place.click()
    nothing_is_chosen_yet(page)
    expect(page.locator(".map-spot")).to_have_count(1)
    expect(page.locator(SEEN_NAMES).first).to_be_visible()  # something to go by, although there is no base map
    shot(page, "pin-nearer")
    assert axe_findings(page) == []
    place.click()
    expect(page.locator(".map-spot")).to_have_count(0)
    expect(page.locator(".map-pin")).to_have_role("button")
    expect(page.locator(".map-told")).to_be_empty()
    lon, lat = chosen(page)
    assert 115 < lon < 119.5
    assert -0.5 < lat < 2.5
    place.click(position={"x": 40, "y": 200})  # near enough already: one tap is enough
    assert 0 < abs(chosen(page)[0] - lon) < 0.2


def test_double_tap_from_afar_takes_no_place(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_the_map(page, live_server)
    page.locator("[data-map]").dblclick(position={"x": 80, "y": 100})
    nothing_is_chosen_yet(page)


def test_arrow_keys_move_the_pin(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_the_map(page, live_server)
    page.fill("#place-search", "singa gembara")
    page.locator("#place-found button").first.click()
    expect(page.locator(SEEN_NAMES).first).to_be_visible()
    before = chosen(page)
    page.get_by_role("button", name="Perkecil").click()
    page.wait_for_timeout(400)
    pin = page.locator(".map-pin")
    pin.focus()
    page.keyboard.press("ArrowRight")  # the desa's point is seen from afar: this goes nearer
    expect(page.locator(".map-told")).not_to_be_empty()
    assert chosen(page) == before
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    east, north = chosen(page)
    assert 0 < east - before[0] < 0.01
    assert 0 < north - before[1] < 0.01
    page.keyboard.press("Shift+ArrowLeft")
    assert before[0] < chosen(page)[0] < east
    expect(page.locator("#id_place_source")).to_have_value("tap")


def test_enter_takes_what_is_under_the_cross(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_the_map(page, live_server)
    page.locator("[data-map]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".map-cross")).to_be_visible()
    nothing_is_chosen_yet(page)
    page.keyboard.press("Enter")
    expect(page.locator(".map-pin")).to_have_count(1)
    assert chosen(page)[0] > 115


def test_middle_button_needs_neither_tap_nor_pin(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_the_map(page, live_server)
    page.locator(".map-middle").focus()
    page.keyboard.press("Enter")
    nothing_is_chosen_yet(page)
    expect(page.locator(".map-middle")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".map-pin")).to_be_focused()
    assert chosen(page)[0] > 115


def test_pin_dropped_from_afar_goes_back_until_the_place_is_tapped(
    live_server: LiveServer, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    to_the_map(page, live_server)
    page.fill("#place-search", "singa gembara")
    page.locator("#place-found button").first.click()
    before = chosen(page)
    page.get_by_role("button", name="Perkecil").click()
    page.wait_for_timeout(400)
    box = page.locator(".map-pin").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 20, steps=6)
    page.mouse.up()
    expect(page.locator(".map-told")).not_to_be_empty()
    assert chosen(page) == before
    page.wait_for_timeout(400)
    page.locator("[data-map]").click()
    assert chosen(page) != before
