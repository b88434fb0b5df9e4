"""The header at every width: one row, nothing beyond the screen, also with a long name."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.e2e.conftest import sign_in
from tests.factories.accounts import make_coordinator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]

WIDTHS = (320, 340, 360, 420, 600, 960, 1000, 1024, 1060, 1100, 1150, 1280)
FRAMES = ("/tentang/", "/", "/opd/", "/lapor/")
BEYOND = """() => {
    const row = document.querySelector(".site-header__row");
    const seen = [...row.children].map((part) => part.getBoundingClientRect()).filter(({ width }) => width);
    return [document.documentElement.scrollWidth, Math.max(...seen.map(({ right }) => right)), row.offsetHeight,
        Math.max(...[...row.querySelectorAll("a, summary, .button")].map((part) => part.offsetHeight))];
}"""


@pytest.mark.parametrize("signed_in", [False, True], ids=["anybody", "officer"])
@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_header_is_one_row_within_the_screen(
    locale: str, signed_in: bool, live_server: LiveServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(locale=locale)
    if signed_in:
        sign_in(page, live_server.url, make_coordinator(first_name="Muhammad Fachruddin Kusumawardhana Putra"))
    wrong = []
    for frame in FRAMES:
        if frame == "/opd/" and not signed_in:
            continue
        page.goto(f"{live_server.url}{frame}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            scroll, right, height, tallest = page.evaluate(BEYOND)
            if scroll > width or right > width or height > 64 or tallest > 52:
                wrong.append((frame, width, scroll, right, height, tallest))
    assert wrong == []
