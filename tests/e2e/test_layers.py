"""The catalogue and a layer's page in a real browser: search, map, table, by keyboard, without a script, on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
import shapely
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from layers.models import Layer, LayerVersion
from layers.versions import publish
from tests.e2e.conftest import DESKTOP, PHONE, axe_findings, sign_in
from tests.factories.accounts import make_agency, make_coordinator
from tests.factories.layers import POINTS, make_layer, make_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]

KINDS = ["puskesmas", "pustu", "klinik", "rumah sakit", "posyandu", "apotek", "praktik dokter"]
FIELDS: list[dict[str, Any]] = [
    {"name": "nama", "title": "Nama", "type": "text", "description": "Nama fasilitas"},
    {"name": "jenis", "title": "Jenis", "type": "code", "description": "Jenis fasilitas"},
    {"name": "tempat_tidur", "title": "Tempat tidur", "type": "integer"},
    {"name": "pemilik", "title": "Pemilik", "type": "text", "hidden": True},
]
SIGNS = """() => {
  let area = 0;
  for (const canvas of document.querySelectorAll(".layer-signs canvas.leaflet-tile-loaded")) {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 3; at < data.length; at += 4) area += data[at] === 255 ? (256 / canvas.width) ** 2 : 0;
  }
  const height = (name) => Number(getComputedStyle(document.querySelector(`.leaflet-${name}-pane`)).zIndex);
  return { area, above: area > 0 && height("signs") > height("names") };
}"""
"""The area of the signs of tiny areas in px, and whether their pane stands above that of the names."""


def health_posts() -> Layer:
    """Return 70 health posts around Sangatta and Bengalon; the first one's name is markup."""
    rows = [
        (
            shapely.Point(117.2 + (n * 37 % 70) / 160, 0.3 + (n * 53 % 70) / 110),
            {
                "nama": f"{KINDS[n % 7].title()} {n + 1}" if n else "<img src=x onerror=alert(1)>",
                "jenis": KINDS[n % 7] if n % 11 else None,
                "tempat_tidur": (n * n) % 90 if n % 3 else 0,
                "pemilik": "MARKER",
            },
        )
        for n in range(70)
    ]
    return make_layer(
        "faskes", rows, make_agency("dinkes", name="Dinas Kesehatan", short_name="Dinkes"), fields=FIELDS,
        title_id="Fasilitas kesehatan", title_en="Health facilities", cycle="yearly", keywords=["puskesmas", "klinik"],
        abstract_id="Puskesmas, klinik dan rumah sakit di seluruh kabupaten, dengan jumlah tempat tidur.",
        abstract_en="Health centres, clinics and hospitals of the whole regency, with their number of beds.",
        synthetic=True, lineage="Didata petugas di lapangan dengan GPS.", contact="Bidang Data, Dinas Kesehatan",
    )  # fmt: skip


def some_others() -> None:
    """Add a layer of lines and one of areas."""
    roads = [
        (shapely.LineString([(117.3 + n / 50, 0.4), (117.35 + n / 50, 0.7), (117.3 + n / 40, 0.9)]),
         {"nama": f"Jalan {n}", "kondisi": ["baik", "sedang", "rusak"][n % 3]})
        for n in range(9)
    ]  # fmt: skip
    make_layer(
        "jalan", roads, make_agency("dpu", name="Dinas Pekerjaan Umum", short_name="DPU"),
        title_id="Jalan kabupaten",
        title_en="Regency roads", theme="transportasi", abstract_id="Ruas jalan dan kondisinya.",
        fields=[{"name": "nama", "title": "Nama"}, {"name": "kondisi", "title": "Kondisi", "type": "code"}],
    )  # fmt: skip
    areas = [
        (shapely.box(117 + n / 20, 0.5, 117.045 + n / 20, 0.54 + n / 300), {"blok": f"B{n}", "hektare": n * n * 3.5})
        for n in range(12)
    ]
    make_layer(
        "kebun", areas, make_agency("disbun", name="Dinas Perkebunan", short_name="Disbun"),
        title_id="Kebun sawit rakyat",
        title_en="Smallholders' oil palm", theme="ekonomi", abstract_id="Petak kebun sawit milik rakyat.",
        fields=[{"name": "blok", "title": "Blok"}, {"name": "hektare", "title": "Luas", "type": "number"}],
    )  # fmt: skip


def painted(page: Page) -> None:
    """Wait until the tiles of the layer are drawn, all that are in sight."""
    expect(page.locator(".leaflet-overlay-pane canvas.leaflet-tile-loaded").first).to_be_attached()
    expect(page.locator(".leaflet-overlay-pane canvas.leaflet-tile:not(.leaflet-tile-loaded)")).to_have_count(0)


def test_person_finds_data_and_looks_at_a_feature(
    open_page: Callable[..., Page], live_server: LiveServer, shot: Callable[[Page, str], None]
) -> None:
    health_posts()
    some_others()
    page = open_page(DESKTOP, "en-US")
    page.goto(f"{live_server.url}/data/")
    shot(page, "catalogue-en-desktop")
    page.get_by_role("searchbox", name="What are you looking for?").fill("puskemas")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing has the word “puskemas”")).to_be_visible()
    shot(page, "catalogue-search-en-desktop")
    page.get_by_role("link", name="Health facilities").click()
    painted(page)
    page.get_by_label("Colour by").select_option("jenis")
    page.get_by_role("button", name="Show", exact=True).click()
    painted(page)
    expect(page.get_by_label("Legend")).to_contain_text("other")
    shot(page, "layer-en-desktop")
    page.locator('[data-show="1"]').click()
    feature = page.locator("[data-feature]")
    expect(feature).to_contain_text("<img src=x onerror=alert(1)>")
    expect(feature).not_to_contain_text("MARKER")
    expect(feature.get_by_role("link", name="Report a mistake here")).to_have_attribute(
        "href", "/lapor/?agency=dinkes&layer=faskes&lon=117.200000&lat=0.300000"
    )
    page.wait_for_timeout(400)
    shot(page, "layer-feature-en-desktop")
    page.keyboard.press("Escape")
    expect(feature).to_be_hidden()


def test_tap_on_the_map_shows_what_is_there(open_page: Callable[..., Page], live_server: LiveServer) -> None:
    make_layer("satu", [(shapely.box(117.4, 0.4, 117.6, 0.6), {"nama": "Petak satu"})])
    page = open_page(PHONE, "en-US")
    page.goto(f"{live_server.url}/data/satu/")
    painted(page)
    page.locator("[data-map]").click()  # its middle, which is the middle of the layer
    expect(page.locator("[data-feature]")).to_contain_text("Petak satu")
    page.locator("[data-feature-close]").click()
    page.locator("[data-map]").press("Enter")  # by keyboard: what lies under the cross
    expect(page.locator("[data-feature]")).to_contain_text("Petak satu")


@pytest.mark.parametrize("opened", [False, True])
def test_credit_that_is_opened_is_read_above_the_scale(
    open_page: Callable[..., Page], live_server: LiveServer, opened: bool
) -> None:
    health_posts()
    page = open_page(DESKTOP)
    page.goto(f"{live_server.url}/data/faskes/")
    scale = page.locator(".leaflet-control-scale-line").first
    expect(scale).to_be_visible()
    page.locator("[data-map]").evaluate("map => map.scrollIntoView({ block: 'center' })")
    if opened:
        page.locator(".map-credit summary").click()
    above = scale.evaluate(
        """line => {
          const { x, y, width, height } = line.getBoundingClientRect();
          const there = document.elementsFromPoint(x + width / 2, y + height / 2);
          return there.findIndex((one) => one.matches(".map-corner, .map-corner *"));
        }"""
    )
    assert above == (0 if opened else -1)


@pytest.mark.parametrize(("locale", "viewport"), [("id-ID", PHONE), ("en-US", DESKTOP)], ids=["phone-id", "desktop-en"])
def test_pages_have_no_barriers_and_nothing_sticks_out(
    open_page: Callable[..., Page],
    live_server: LiveServer,
    shot: Callable[[Page, str], None],
    viewport: Any,
    locale: str,
) -> None:
    health_posts()
    some_others()
    page = open_page(viewport, locale)
    name = f"{locale[:2]}-{viewport['width']}"
    for path, label in [
        ("/data/", "catalogue"),
        ("/data/?q=puskesmas+di+Sangatta", "catalogue-search"),
        ("/data/?q=bandara+qqq", "catalogue-nothing"),
        ("/data/faskes/?colour=jenis", "layer"),
        ("/data/jalan/?colour=kondisi", "layer-lines"),
        ("/data/kebun/?colour=hektare", "layer-areas"),
    ]:
        page.goto(live_server.url + path)
        if "layer" in label:
            painted(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
        assert axe_findings(page) == [], path
        shot(page, f"{label}-{name}")
        if label == "layer":
            page.locator("#take").scroll_into_view_if_needed()
            for summary in page.locator("#take summary").all():
                summary.click()
            for part in ("table", "take", "fields", "places", "about"):
                page.locator(f"#{part}").scroll_into_view_if_needed()
                page.evaluate(f"document.getElementById('{part}').scrollIntoView()")
                shot(page, f"{label}-{part}-{name}")


def test_everything_but_the_map_works_without_a_script(browser: Browser, live_server: LiveServer) -> None:
    health_posts()
    context = browser.new_context(java_script_enabled=False, viewport=PHONE, locale="en-US")
    page = context.new_page()
    page.goto(f"{live_server.url}/data/?q=puskesmas")
    page.get_by_role("link", name="Health facilities").click()
    page.get_by_label("Words in the table").fill("klinik")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#rows-count")).to_contain_text("10 rows")
    page.get_by_role("link", name="Tempat tidur").click()
    expect(page.locator('th[aria-sort="ascending"]')).to_contain_text("Tempat tidur")
    with page.expect_download() as started:
        page.locator("a.format", has_text="CSV").click()
    assert started.value.suggested_filename == "faskes-v1-dipilih.csv"
    context.close()


NOTHING_SCROLLS_SIDEWAYS = """() =>
    [document.documentElement, ...document.querySelectorAll(".table-scroll")]
        .every((one) => one.scrollWidth <= one.clientWidth)"""


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_tables_of_versions_and_of_addresses_are_cards_on_a_phone(
    open_page: Callable[..., Page], live_server: LiveServer, shot: Callable[[Page, str], None], locale: str
) -> None:
    layer = health_posts()
    for _n in range(2):
        publish(version=make_version(layer, POINTS), by=None)
    LayerVersion.objects.update(source_name="fasilitas_kesehatan_kabupaten_kutai_timur_2026_perbaikan.geojson")
    page = sign_in(open_page(PHONE, locale), live_server.url, make_coordinator())
    for path in ("/data/faskes/versi/", "/ogc/api?f=html", "/ogc/collections/faskes/queryables?f=html"):
        page.goto(live_server.url + path)
        assert page.evaluate(NOTHING_SCROLLS_SIDEWAYS), path
        assert axe_findings(page) == []
        shot(page, f"{path.strip('/').replace('/', '-').partition('?')[0]}-{locale}")
        if "versi" in path:
            roll_back = page.get_by_role("row").nth(2).get_by_role("link").last
            box, row = roll_back.bounding_box(), page.get_by_role("row").nth(2).bounding_box()
            assert box is not None
            assert row is not None
            assert box["x"] + box["width"] <= PHONE["width"]
            assert row["height"] < 300


def test_palest_class_of_a_scale_has_an_edge_on_the_map(
    open_page: Callable[..., Page], live_server: LiveServer
) -> None:
    health_posts()
    page = open_page(DESKTOP, "en-US")
    page.goto(f"{live_server.url}/data/faskes/?colour=tempat_tidur")
    painted(page)
    edges = page.evaluate(
        """() => {
          const probe = document.body.appendChild(document.createElement("i"));
          probe.style.color = "var(--line-strong)";
          const edge = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
          let found = 0;
          for (const canvas of document.querySelectorAll(".layer-tiles canvas.leaflet-tile-loaded")) {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            for (let at = 0; at < data.length; at += 4)
              if (edge.every((part, n) => Math.abs(part - data[at + n]) < 3) && data[at + 3] === 255) found += 1;
          }
          return found;
        }"""
    )
    assert edges > 100


def test_areas_too_small_to_be_seen_have_a_sign_above_the_names(
    open_page: Callable[..., Page], live_server: LiveServer, shot: Callable[[Page, str], None]
) -> None:
    middles = [(117.55, 0.52), (117.05, 1.15), (116.65, 0.85), (117.75, 0.95), (118.2, 1.05)]
    areas = [
        (shapely.box(lon - 0.009, lat - 0.009, lon + 0.009, lat + 0.009), {"nama": f"Kebun {n}"})
        for n, (lon, lat) in enumerate(middles)
    ]
    make_layer("kebun", areas, make_agency("disbun", name="Dinas Perkebunan", short_name="Disbun"), title_id="Kebun")
    page = open_page(PHONE, "id-ID")
    page.goto(f"{live_server.url}/data/kebun/")
    painted(page)
    page.wait_for_timeout(500)
    page.locator(".viewer__map").scroll_into_view_if_needed()
    shot(page, "kebun")
    signs = page.evaluate(SIGNS)
    assert 5 * 49 <= signs["area"] < 5 * 150
    assert signs["above"]


def test_many_areas_too_small_to_be_seen_do_not_cover_the_names(
    open_page: Callable[..., Page], live_server: LiveServer
) -> None:
    areas = [
        (shapely.box(lon, lat, lon + 0.002, lat + 0.002), {"nama": f"Bidang {n}"})
        for n in range(200)
        for lon, lat in [(117.0 + n % 20 / 20, 0.3 + n // 20 / 20)]
    ]
    areas.append((shapely.box(118.4, 1.0, 118.402, 1.002), {"nama": "Bidang jauh"}))
    make_layer("bidang", areas, make_agency("atr", name="Dinas Pertanahan", short_name="ATR"), title_id="Bidang")
    page = open_page(PHONE, "id-ID")
    page.goto(f"{live_server.url}/data/bidang/")
    painted(page)
    page.wait_for_timeout(500)
    assert page.evaluate(SIGNS)["area"] == 0
