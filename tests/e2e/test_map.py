"""The public map in a real browser: by finger, by keyboard, without a script, without a network, on paper."""

import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.gis.gdal import GDALRaster
from django.core.management import call_command
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Agency
from geo.models import BoundaryEdition, Kecamatan
from incidents import rollups
from incidents.models import Category, Report
from tests.e2e.conftest import DESKTOP, PHONE, axe_findings
from tests.factories.incidents import make_report

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]
OpenPage = Callable[..., Page]
HERE = (117.55, 0.52)
NASTY = "<script>alert(1)</script> ${x} 'ꦲꦏ꧀ꦱꦫ' \"🙂\""


def a_report(lon: float = HERE[0], lat: float = HERE[1], **over: Any) -> Report:
    """Return a public report on the seeded areas."""
    made = {
        "place": (lon, lat),
        "category": Category.objects.get(code="jalan-rusak"),
        "kecamatan": Kecamatan.objects.get(name="Sangatta Utara"),
        "edition": BoundaryEdition.objects.get(status="active"),
        "agency": Agency.objects.get(code="dpu-pupr"),
    }
    return make_report(**made | over)


@pytest.fixture
def reports() -> list[Report]:
    """Five near one another, one of them with words that try to be code, and one far away."""
    near = [a_report(HERE[0] + n / 500, HERE[1], title=f"Lubang {n}") for n in range(4)]
    return [*near, a_report(HERE[0], HERE[1] + 0.002, title=NASTY, status="closed"), a_report(116.5, 0.9, title="Jauh")]


def ready(page: Page) -> None:
    """Wait until the map has its tiles."""
    expect(page.locator("[data-loading]")).to_be_hidden()
    expect(page.locator("[data-list]")).not_to_have_attribute("aria-busy", "true")


def tap_middle(page: Page) -> None:
    box = page.locator("[data-map]").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("locale", ["id-ID", "en-GB"])
def test_map_is_complete_and_axe_finds_nothing(
    live_server: LiveServer, reports: list[Report], open_page: OpenPage, viewport: dict[str, int], locale: str
) -> None:
    page = open_page(viewport=viewport, locale=locale)
    page.goto(f"{live_server.url}/")
    ready(page)
    expect(page.locator("[data-count]")).to_contain_text("6")
    expect(page.locator(".list-row")).to_have_count(6)
    assert axe_findings(page) == []


def test_square_tells_its_count_and_goes_nearer_until_a_report_opens(
    live_server: LiveServer, reports: list[Report], open_page: OpenPage, shot: Callable[[Page, str], None]
) -> None:
    page = open_page()
    page.goto(f"{live_server.url}/#9/{HERE[1]}/{HERE[0]}")
    ready(page)
    shot(page, "map-phone")
    tap_middle(page)
    expect(page.locator("[data-told]")).to_contain_text("5")
    page.wait_for_url("**/#11/**")
    page.goto(f"{live_server.url}/#17/{HERE[1] + 0.002}/{HERE[0]}")
    ready(page)
    tap_middle(page)
    card = page.locator("[data-card]")
    expect(card.get_by_role("heading", level=3)).to_have_text(NASTY)
    expect(page.locator(".sheet")).to_have_attribute("data-height", "half")
    assert axe_findings(page) == []
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_list_and_address_follow_the_map(live_server: LiveServer, reports: list[Report], open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    page.goto(f"{live_server.url}/")
    ready(page)
    page.locator("[data-jump]").select_option(label="Sangatta Utara")
    expect(page.locator(".list-row")).to_have_count(5)
    expect(page.locator("[data-count]")).to_contain_text("5")
    address = page.url
    assert "#" in address
    again = open_page(DESKTOP)
    again.goto(address)
    expect(again.locator(".list-row")).to_have_count(5)


@pytest.mark.parametrize(("view", "ends"), [("99", "zoom-in"), ("1e9", "zoom-in"), ("-3", "zoom-out")])
def test_address_beyond_the_map_ends_where_the_map_does(
    view: str, ends: str, live_server: LiveServer, reports: list[Report], open_page: OpenPage
) -> None:
    page = open_page(DESKTOP)
    page.goto(f"{live_server.url}/#{view}/0.5/117.55")
    ready(page)
    expect(page.locator(f'[data-do="{ends}"]')).to_be_disabled()


def test_conditions_narrow_list_and_tiles_and_keep_the_place(
    live_server: LiveServer, reports: list[Report], open_page: OpenPage
) -> None:
    page = open_page(DESKTOP)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{live_server.url}/#12/{HERE[1]}/{HERE[0]}")
    ready(page)
    page.locator(".map-stage__bar a").nth(1).click()  # done
    page.wait_for_url("**/?status=closed#12/**")
    ready(page)
    expect(page.locator(".list-row")).to_have_count(1)
    assert any("/tiles/reports/12/" in url and "status=closed" in url for url in asked)
    page.locator(".map-stage__bar a").first.click()  # takes the condition away
    page.wait_for_url(lambda url: "status" not in url)
    expect(page.locator(".list-row")).to_have_count(5)


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("id-ID", ["Sebagian pencarian tidak dapat dipakai", "Dari:"]),
        ("en-US", ["Part of the search", "From: This is no day"]),
    ],
)
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_wrong_condition_is_told_beside_the_others_and_left_by_a_link(
    live_server: LiveServer, open_page: OpenPage, viewport: dict[str, int], locale: str, words: list[str]
) -> None:
    page = open_page(viewport, locale)
    page.goto(f"{live_server.url}/?since=abc&status=closed#12/{HERE[1]}/{HERE[0]}")
    ready(page)
    told = page.locator(".error-summary")
    expect(told).to_have_count(1)
    expect(told).to_be_in_viewport(ratio=1)
    expect(told).to_be_focused()
    for word in words:
        expect(told).to_contain_text(word)
    assert axe_findings(page) == []
    told.get_by_role("link").click()
    page.wait_for_url("**/?status=closed#12/**")
    expect(told).to_have_count(0)


def test_everything_by_keyboard(live_server: LiveServer, reports: list[Report], open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    page.goto(f"{live_server.url}/#16/{HERE[1]}/{HERE[0]}")
    ready(page)
    page.locator("[data-map]").focus()
    page.keyboard.press("+")
    page.wait_for_url("**/#17/**")
    ready(page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Enter")
    expect(page.locator("[data-card]")).to_be_focused()
    expect(page.locator("[data-card]").get_by_role("heading", level=3)).to_have_text("Lubang 0")
    page.keyboard.press("Escape")
    expect(page.locator("[data-map]")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: f"/{HERE[0]:.5f}" not in url)


def test_missing_tiles_say_so_and_come_back(
    live_server: LiveServer, reports: list[Report], open_page: OpenPage
) -> None:
    page = open_page(DESKTOP)
    broken = [True]

    def answer(route: Route) -> None:
        if broken[0]:
            route.fulfill(status=200, body=b"\xff\xff no tile", content_type="application/vnd.mapbox-vector-tile")
        else:
            route.continue_()

    page.route("**/tiles/reports/**", answer)
    page.goto(f"{live_server.url}/#9/{HERE[1]}/{HERE[0]}")
    problem = page.locator("[data-problem]")
    expect(problem).to_be_visible()
    broken[0] = False
    problem.get_by_role("button").click()
    expect(problem).to_be_hidden()
    ready(page)
    tap_middle(page)
    expect(page.locator("[data-told]")).to_contain_text("5")


def test_without_a_script_there_are_list_filter_and_a_sentence(
    live_server: LiveServer, reports: list[Report], open_page: OpenPage
) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{live_server.url}/")
    expect(page.locator("noscript p, .map-without").first).to_be_visible()
    expect(page.locator(".list-row")).to_have_count(6)
    page.locator("[data-filter] > summary").click()
    page.locator("input[name=q]").fill("Jauh")
    page.locator("form.filter button.button--primary").click()
    expect(page.locator(".list-row")).to_have_count(1)


def test_own_location_is_shown_and_said_in_words(
    live_server: LiveServer, reports: list[Report], open_page: OpenPage, shot: Callable[[Page, str], None]
) -> None:
    page = open_page(
        permissions=["geolocation"], geolocation={"longitude": HERE[0], "latitude": HERE[1], "accuracy": 30}
    )
    page.goto(f"{live_server.url}/")
    ready(page)
    page.locator('[data-do="locate"]').click()
    page.wait_for_url("**/#14/**")
    expect(page.locator(".map-here")).to_be_visible()
    for words in (page.locator(".map-here__words"), page.locator("[data-told]")):
        expect(words).to_contain_text(re.compile("(Desa|Kelurahan) .+, Kecamatan Sangatta Utara"))
    ready(page)
    shot(page, "map-here")
    assert axe_findings(page) == []


def test_location_outside_names_the_nearest_kecamatan_and_the_distance(
    live_server: LiveServer, reports: list[Report], browser: Browser
) -> None:
    # Not a watched page: the browser notes the answer 422 in its console.
    place = {"longitude": 117.0, "latitude": -0.4, "accuracy": 30}
    page = browser.new_context(
        viewport=PHONE, locale="en-US", permissions=["geolocation"], geolocation=place
    ).new_page()
    page.context.add_cookies([{"name": "bahasa", "value": "id", "url": live_server.url}])
    page.goto(f"{live_server.url}/")
    ready(page)
    page.locator('[data-do="locate"]').click()
    for words in (page.locator(".map-here__words"), page.locator("[data-told]")):
        expect(words).to_contain_text(re.compile(r"di luar Kutai Timur\. Kecamatan .* km"))
    expect(page.locator(".map-here")).to_be_visible()
    expect(page.locator(".map-name__text:not(.map-name__text--away)").first).to_be_visible()
    page.context.close()


def test_desa_have_lines_and_names_from_near_by(
    live_server: LiveServer, reports: list[Report], open_page: OpenPage
) -> None:
    page = open_page(DESKTOP)
    page.goto(f"{live_server.url}/#11/{HERE[1]}/{HERE[0]}")
    ready(page)
    desa = page.locator(".map-name__text--desa:not(.map-name__text--away)")
    expect(desa).to_have_count(0)
    page.locator('[data-do="zoom-in"]').click()
    expect(desa.first).to_be_visible()
    page.locator('[data-do="zoom-out"]').click()
    expect(desa).to_have_count(0)


def test_empty_part_of_the_map_says_what_to_do(live_server: LiveServer, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{live_server.url}/")
    ready(page)
    page.locator(".sheet__handle").click()
    expect(page.locator(".sheet .empty")).to_be_visible()
    expect(page.locator(".sheet .empty a")).to_have_attribute("href", "/lapor/")


# Paper ---------------------------------------------------------------------------------------------------------------

BOUNDARY, NIGHT = (0x7D, 0x8A, 0x80), (0x0E, 0x17, 0x14)
CELLS = [(0xDF, 0xE3, 0xCF), (0xB9, 0xCD, 0xB4), (0x86, 0xB0, 0x96)]
"""Colours of the tokens in the light scheme: lines, the dark scheme's ground, squares of 2 to 100 reports."""


def pixels_of(picture: Any, colour: tuple[int, int, int], within: int) -> int:
    """Return how many pixels of a picture (rows, columns, RGB) have about this colour."""
    return int((abs(picture[:, :, :3].astype(int) - colour).max(axis=2) <= within).sum())


def first_page(pdf: bytes, folder: Path) -> Any:
    """Return the first page of a PDF as an array of rows, columns, RGB, at 150 dpi: GDAL's PDF driver draws it."""
    path = folder / "page.pdf"
    path.write_bytes(pdf)
    raster = GDALRaster(str(path))
    return np.dstack([raster.bands[n].data() for n in range(3)])


def print_of(page: Page, way: str, folder: Path) -> Any:
    """Return what is printed: a real PDF's first page, or the page in the media of paper."""
    if way == "screenshot":
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        return np.asarray(Image.open(io.BytesIO(page.screenshot(full_page=True))))
    pdf = page.pdf(format="A4", landscape=way == "lying", prefer_css_page_size=False)
    if kept := os.environ.get("SCREENSHOTS"):
        (Path(kept) / f"map-{way}.pdf").write_bytes(pdf)
    return first_page(pdf, folder)


@pytest.mark.parametrize(
    ("way", "viewport", "scheme"),
    [
        ("standing", PHONE, "dark"), ("standing", DESKTOP, "light"), ("lying", DESKTOP, "dark"),
        ("lying", PHONE, "light"), ("screenshot", PHONE, "dark"), ("screenshot", DESKTOP, "light"),
    ],
    ids=["standing-phone", "standing-desktop", "lying-desktop", "lying-phone", "screen-phone", "screen-desktop"],
)  # fmt: skip
def test_paper_shows_lines_and_counts_as_the_screen_does(
    live_server: LiveServer, open_page: OpenPage, tmp_path: Path, way: str, viewport: dict[str, int], scheme: str
) -> None:
    call_command("make_reports", count=900, seed=7, verbosity=0)
    rollups.fold()
    page = open_page(viewport, color_scheme=scheme)
    page.goto(f"{live_server.url}/?category=jalan")
    ready(page)
    page.wait_for_load_state("networkidle")
    before = page.url
    picture = print_of(page, way, tmp_path)
    assert pixels_of(picture, BOUNDARY, within=3) > (25 if way == "screenshot" else 100)  # without lines: 6
    assert sum(pixels_of(picture, colour, within=5) for colour in CELLS) > 5_000  # the legend alone: 1,500
    assert pixels_of(picture, NIGHT, within=5) < 2_000
    assert page.url == before  # the view has not moved
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme ?? ''") == ""


def test_paper_says_what_it_shows(live_server: LiveServer, reports: list[Report], open_page: OpenPage) -> None:
    page = open_page(PHONE)
    page.goto(f"{live_server.url}/?status=closed")
    ready(page)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    for part in (".map-paper__title", ".map-legend__cells", ".map-credit > p", ".list-row >> nth=0"):
        expect(page.locator(part)).to_be_visible()
    expect(page.locator(".map-paper")).to_contain_text("Selesai")
    expect(page.locator(".map-paper [data-as-of]")).to_contain_text("WITA")
    expect(page.locator(".map-credit")).to_contain_text("CC0-1.0")
    expect(page.locator(".legend__swatch")).to_have_count(6)
    for part in (".map-tools", ".map-stage__bar", ".map-stage__action", ".map-told", ".panel-footer"):
        expect(page.locator(part)).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    expect(page.locator(".map-credit > p")).to_be_hidden()


def test_print_button_waits_for_the_tiles(live_server: LiveServer, reports: list[Report], open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    page.add_init_script("window.print = () => { document.body.dataset.printed = 'yes' }")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/tiles/reports/**", hold)
    page.goto(f"{live_server.url}/#9/{HERE[1]}/{HERE[0]}")
    page.locator('[data-do="print"]').click()
    expect(page.locator("[data-told]")).not_to_be_empty()
    page.wait_for_timeout(300)
    expect(page.locator("body")).not_to_have_attribute("data-printed", "yes")
    for route in held:
        route.continue_()
    expect(page.locator("body")).to_have_attribute("data-printed", "yes")
