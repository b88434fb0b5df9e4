"""The dashboards in a browser: the map's colours and keys, the wall's refresh, paper, and no script."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from incidents.models import Report
from tests.e2e.conftest import DESKTOP, PHONE, sign_in
from tests.factories.accounts import make_coordinator, make_leader

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]
WALL = {"width": 1920, "height": 1080}
A4 = (595, 842)  # points


@pytest.fixture
def _reports(live_kutim: None) -> None:
    call_command("make_reports", count=800, seed=7, verbosity=0)


@pytest.fixture
def lead(live_server: LiveServer, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Return `lead(address, viewport, locale, **options)`: a page of one of the leadership."""

    def make(address: str, viewport: dict[str, int] = DESKTOP, locale: str = "en-GB", **options: Any) -> Page:
        page = sign_in(open_page(viewport, locale, **options), live_server.url, make_leader())
        page.goto(live_server.url + address)
        page.wait_for_load_state("networkidle")
        return page

    return make


@pytest.mark.usefixtures("_reports")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_kecamatan_has_its_colour_and_a_tap_opens_its_desa(lead: Callable[..., Page], scheme: str) -> None:
    page = lead("/dasbor/?measure=per_1000", color_scheme=scheme)
    areas = page.locator(".dash-area")
    expect(areas).to_have_count(18)
    told = page.evaluate("""() => [...document.querySelectorAll(".dash-area")].map((path) => {
        const name = path.getAttribute("aria-label").split(":")[0];
        const rows = [...document.querySelectorAll("[data-area]")];
        const row = rows.find((one) => one.querySelector("th").textContent === name);
        const sign = document.querySelector(`.dash__sign[data-step="${row.dataset.step}"]`);
        return [getComputedStyle(path).fill, getComputedStyle(sign).backgroundColor];
    })""")
    assert all(fill == sign for fill, sign in told)
    assert len({fill for fill, _sign in told}) >= 4
    name = re.compile("Bengalon: ")
    area = page.get_by_role("link", name=name)
    area.focus()
    expect(page.locator(".dash-tip")).to_contain_text(name)
    area.press("Enter")
    expect(page.locator("#desa h2")).to_have_text("Desa")
    assert "kecamatan=64.08." in page.url
    assert page.url.endswith("#desa")


@pytest.mark.usefixtures("_reports")
@pytest.mark.parametrize(("query", "areas"), [("", 18), ("?kecamatan=64.08.04", 1)])
def test_tab_walks_through_the_map_and_leaves_it(lead: Callable[..., Page], query: str, areas: int) -> None:
    page = lead(f"/dasbor/{query}")
    expect(page.locator(".dash-area")).to_have_count(18)
    page.locator(".folium-map").focus()
    walked: list[str] = []
    while len(walked) < 30 and not page.evaluate("document.activeElement.matches('.map-zoom .button')"):
        page.keyboard.press("Tab")
        walked.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert len(set(walked)) == len(walked) == areas + 1, walked
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == walked[-2]


@pytest.mark.usefixtures("_reports")
def test_a_name_is_no_wider_than_its_lines_and_the_credit_lies_on_no_land(lead: Callable[..., Page]) -> None:
    page = lead("/dasbor/publik/")
    expect(page.locator(".dash-area")).to_have_count(18)
    name = page.locator(".map-name__text").filter(has_text="Selatan")
    assert 40 < name.evaluate("(name) => name.offsetWidth") < 125  # one line of sixteen letters
    credit = page.locator(".map-corner").bounding_box()
    assert credit
    boxes = [one.bounding_box() for one in page.locator(".dash-area").all()]
    assert all(box and box["y"] + box["height"] <= credit["y"] + 1 for box in boxes)


@pytest.mark.usefixtures("_reports")
def test_a_wall_refreshes_what_changed_and_says_when_it_cannot(lead: Callable[..., Page]) -> None:
    page = lead("/dasbor/?layar=1", WALL)
    page.evaluate("document.querySelector('#agencies').dataset.mark = 'kept'")
    count = page.locator('[data-figure="n"]')
    before = int(count.inner_text().replace(",", ""))
    report = Report.objects.public().order_by("-id").first()
    assert report is not None
    report.pk, report.ticket = None, "KT-26-7777777-7"
    report.save()
    refresh = "import('/static/js/dashboards/wall.js').then((wall) => wall.refresh())"
    page.evaluate(refresh)
    expect(count).to_have_text(f"{before + 1:,}")
    expect(page.locator("#agencies")).to_have_attribute("data-mark", "kept")
    assert page.evaluate("[...document.querySelectorAll('.dash-area')].every((path) => path.dataset.step !== 'out')")
    late = page.locator("[data-wall-late]")
    expect(late).to_be_hidden()
    page.context.clear_cookies()
    page.evaluate(refresh)  # the leadership's page is no longer theirs: it must not show the public's under its name
    expect(late).to_be_visible()
    expect(count).to_have_text(f"{before + 1:,}")


def test_a_wall_turns_and_stands_still_when_asked(lead: Callable[..., Page]) -> None:
    page = lead("/dasbor/layanan/?layar=1&putar=15", WALL)
    page.clock.install()
    page.reload()
    expect(page.locator("[data-turns]:visible")).to_have_id("flow")
    page.clock.run_for(16_000)
    expect(page.locator("[data-turns]:visible")).to_have_id("forecast")
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(60_000)
    expect(page.locator("[data-turns]:visible")).to_have_id("forecast")
    page.get_by_role("button", name="Back").click()
    expect(page.locator("[data-turns]:visible")).to_have_id("flow")
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    expect(page.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true")


@pytest.mark.usefixtures("_reports")
@pytest.mark.parametrize("address", ["/dasbor/", "/dasbor/layanan/"])
def test_each_part_of_a_turning_wall_fits_and_the_map_comes_back(lead: Callable[..., Page], address: str) -> None:
    page = lead(f"{address}?layar=1&putar=60", WALL)
    rows = page.evaluate("document.querySelectorAll('[data-turns] tbody tr, [data-turns] ol li').length")
    rows -= page.evaluate("document.querySelectorAll('[data-turns] details tr').length")
    rows += page.evaluate("document.querySelectorAll('[data-turns] details thead tr').length")
    place, seen, pages = page.locator("[data-turn-place]"), 0, []
    while place.inner_text() not in pages:
        pages.append(place.inner_text())
        told = page.evaluate("""() => {
            const part = document.querySelector("[data-turns]:not([hidden])");
            const shown = [...part.querySelectorAll("tbody tr, ol li")].filter((row) => row.checkVisibility());
            const within = part.getBoundingClientRect().bottom <= innerHeight && part.scrollHeight <= part.clientHeight;
            const page = document.documentElement;
            return { rows: shown.length, fits: within && page.scrollHeight <= innerHeight, id: part.id };
        }""")
        assert told["fits"], (told, pages)
        seen += told["rows"]
        page.get_by_role("button", name="Next").click()
    assert seen == rows
    assert place.inner_text() == pages[0]
    assert len(pages) > page.locator("[data-turns]").count()  # the longest lists have more than one
    if address == "/dasbor/":
        page.wait_for_timeout(500)  # Leaflet looks at its size in the next frame
        areas = page.locator(".leaflet-overlay-pane g").bounding_box()
        canvas = page.locator(".dash__canvas").bounding_box()
        assert areas
        assert canvas
        assert areas["width"] > canvas["width"] / 2 or areas["height"] > canvas["height"] / 2


@pytest.mark.usefixtures("_reports")
def test_paper_is_a4_and_nothing_is_cut(lead: Callable[..., Page], live_server: LiveServer) -> None:
    page = lead("/dasbor/", color_scheme="dark")
    expect(page.locator(".dash-area")).to_have_count(18)
    for address, most in (
        ("/dasbor/", 7), ("/dasbor/layanan/", 6), ("/dasbor/titik-panas/?view=spots", 6), ("/dasbor/data/", 2),
        ("/opd/peta/", 5), ("/opd/peta/laporan/?kecamatan=64.08.04", 5), ("/dasbor/laporan-bulanan/", 2),
        ("/jejak/", 3),
    ):  # fmt: skip
        page.goto(live_server.url + address)
        page.wait_for_load_state("networkidle")
        paper = page.pdf(prefer_css_page_size=True, print_background=False)
        boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", paper)
        assert {(round(float(width)), round(float(height))) for width, height in boxes} == {A4}, address
        assert 1 <= len(re.findall(rb"/Type\s*/Page[^s]", paper)) <= most, address
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 680, "height": 960})  # 180 mm
        wide = page.evaluate("""() => [...document.querySelectorAll("main *")].filter((one) =>
            one.checkVisibility() && !one.closest(".folium-map, .visually-hidden, details:not([open])")
            && one.getBoundingClientRect().right > 682).map((one) => one.className?.baseVal ?? one.className)""")
        assert wide == [], address
        page.emulate_media(media="screen")
        page.set_viewport_size(DESKTOP)


@pytest.mark.usefixtures("_reports")
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP])
def test_on_paper_the_credit_lies_on_no_land(lead: Callable[..., Page], viewport: dict[str, int]) -> None:
    page = lead("/dasbor/")
    page.set_viewport_size(viewport)
    expect(page.locator(".dash-area")).to_have_count(18)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # opens the credit
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 960})  # 180 mm
    credit = page.locator(".map-corner").bounding_box()
    assert credit
    assert credit["height"] > 30
    boxes = [one.bounding_box() for one in page.locator(".dash-area").all()]
    assert all(box and box["y"] + box["height"] <= credit["y"] + 1 for box in boxes)
    below = page.locator("#map-key").bounding_box()
    assert below
    assert credit["y"] + credit["height"] <= below["y"]


def test_the_header_of_a_coordinator_has_one_line(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    page = sign_in(open_page(DESKTOP, "id-ID"), live_server.url, make_coordinator(first_name="Koordinator Pengaduan"))
    for address in ("/dasbor/laporan-bulanan/", "/jejak/"):
        page.goto(live_server.url + address)
        lines = page.locator(".site-nav a, .site-header__account > summary > span").evaluate_all("""(all) =>
            all.map((one) => {
                const words = document.createRange();
                words.selectNodeContents(one);
                return new Set([...words.getClientRects()].map(({ top }) => top)).size;
            })""")
        assert lines == [1] * 6


@pytest.mark.usefixtures("_reports")
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP])
def test_without_a_script_everything_is_there_but_the_map(
    live_server: LiveServer, browser: Any, viewport: dict[str, int]
) -> None:
    context = browser.new_context(viewport=viewport, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/dasbor/publik/")
    expect(page.locator(".dash__canvas")).to_be_hidden()
    expect(page.locator("[data-area]")).to_have_count(18)
    expect(page.locator("#trend svg.dash-chart__shapes")).to_be_visible()
    page.locator("#trend summary").click()
    expect(page.locator("#trend tbody tr")).to_have_count(12)
    page.locator(".dash__more summary").click()
    page.locator("#id_kecamatan").select_option("64.08.04")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("[data-area]")).to_have_count(1)
    expect(page.locator("#desa")).to_be_visible()
    context.close()
