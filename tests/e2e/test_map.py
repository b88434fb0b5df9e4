"""The public map in a real browser: by finger, by keyboard, without a script, without a network, on paper."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from accounts.models import Agency
from geo.models import BoundaryEdition, Kecamatan
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
    live_server: Any, reports: list[Report], open_page: OpenPage, viewport: dict[str, int], locale: str
) -> None:
    page = open_page(viewport=viewport, locale=locale)
    page.goto(f"{live_server.url}/")
    ready(page)
    expect(page.locator("[data-count]")).to_contain_text("6")
    expect(page.locator(".list-row")).to_have_count(6)
    assert axe_findings(page) == []


def test_square_tells_its_count_and_goes_nearer_until_a_report_opens(
    live_server: Any, reports: list[Report], open_page: OpenPage, shot: Callable[[Page, str], None]
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


def test_list_and_address_follow_the_map(live_server: Any, reports: list[Report], open_page: OpenPage) -> None:
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


def test_conditions_narrow_list_and_tiles_and_keep_the_place(
    live_server: Any, reports: list[Report], open_page: OpenPage
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


def test_everything_by_keyboard(live_server: Any, reports: list[Report], open_page: OpenPage) -> None:
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


def test_missing_tiles_say_so_and_come_back(live_server: Any, reports: list[Report], open_page: OpenPage) -> None:
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
    live_server: Any, reports: list[Report], open_page: OpenPage
) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{live_server.url}/")
    expect(page.locator("noscript p, .map-without").first).to_be_visible()
    expect(page.locator(".list-row")).to_have_count(6)
    page.locator("[data-filter] > summary").click()
    page.locator("input[name=q]").fill("Jauh")
    page.locator("form.filter button.button--primary").click()
    expect(page.locator(".list-row")).to_have_count(1)


def test_own_location_is_shown(live_server: Any, reports: list[Report], open_page: OpenPage) -> None:
    page = open_page(
        permissions=["geolocation"], geolocation={"longitude": HERE[0], "latitude": HERE[1], "accuracy": 30}
    )
    page.goto(f"{live_server.url}/")
    ready(page)
    page.locator('[data-do="locate"]').click()
    page.wait_for_url("**/#15/**")
    expect(page.locator(".map-here")).to_be_visible()


def test_empty_part_of_the_map_says_what_to_do(live_server: Any, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{live_server.url}/")
    ready(page)
    page.locator(".sheet__handle").click()
    expect(page.locator(".sheet .empty")).to_be_visible()
    expect(page.locator(".sheet .empty a")).to_have_attribute("href", "/lapor/")


def test_paper_holds_map_legend_and_list(live_server: Any, reports: list[Report], open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    page.goto(f"{live_server.url}/")
    ready(page)
    page.emulate_media(media="print")
    for part in ("[data-map]", ".map-legend", ".list-row >> nth=0"):
        expect(page.locator(part)).to_be_visible()
    expect(page.locator(".map-tools")).to_be_hidden()
    box = page.locator(".map-stage__map").bounding_box()
    assert box
    assert box["width"] < 700  # 180 mm at 96 dpi: within A4
