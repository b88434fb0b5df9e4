"""Choosing a place on the map of the report form: by tap, by keyboard, by button."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]


def to_the_map(page: Page, live_server: Any) -> None:
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


def test_tap_then_arrow_keys_move_the_pin(live_server: Any, open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_the_map(page, live_server)
    page.locator("[data-map]").click()
    expect(page.locator(".map-pin")).to_have_role("button")
    lon, lat = chosen(page)
    assert 115 < lon < 119.5
    assert -0.5 < lat < 2.5
    page.locator(".map-pin").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    east, north = chosen(page)
    assert east > lon
    assert north > lat
    page.keyboard.press("Shift+ArrowLeft")
    assert lon < chosen(page)[0] < east


def test_middle_button_needs_neither_tap_nor_pin(live_server: Any, open_page: Callable[..., Page]) -> None:
    page = open_page()
    to_the_map(page, live_server)
    page.locator(".map-middle").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".map-pin")).to_be_focused()
    assert chosen(page)[0] > 115
