"""Uploading data in a real browser: chosen or dropped, with progress, without a script, and what it says when wrong."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from accounts.models import Agency, User
from layers import uploads
from layers.models import ImportJob, IncomingFile, LayerVersion
from tests.e2e.conftest import DESKTOP, PHONE, axe_findings, sign_in
from tests.factories.accounts import make_officer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]

CSV = (
    "kode,nama,NIK,lat,lon\nA1,Sumur <b>satu</b>,6408044107850001,0.5,117.5\nA2,Sumur dua,6408040101900002,0.6,117.6\n"
)


@pytest.fixture
def officer() -> User:
    return make_officer(Agency.objects.get(short_name="DLH"))


@pytest.mark.parametrize("scripted", [True, False])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_file_is_uploaded_read_described_and_handed_in(
    scripted: bool,
    viewport: dict[str, int],
    live_server: object,
    open_page: Callable[..., Page],
    officer: User,
    tmp_path: Path,
) -> None:
    address = str(live_server)
    (tmp_path / "sumur desa.csv").write_text(CSV)
    page = sign_in(open_page(viewport, java_script_enabled=scripted), address, officer)
    page.goto(f"{address}/data/unggah/")
    page.set_input_files("#id_file", tmp_path / "sumur desa.csv")
    if scripted:
        expect(page.locator("[data-chosen] li")).to_have_text("sumur desa.csv (1 kB)")
    page.get_by_role("button", name="Unggah dan periksa").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sumur desa.csv")
    expect(page.get_by_text("sedang dibaca.")).to_be_visible()
    assert uploads.read_due()
    expect(page.get_by_role("heading", name="Pratinjau")).to_be_visible()  # the page looks again by itself
    expect(page.get_by_text("tampaknya berisi NIK")).to_be_visible()
    expect(page.get_by_role("cell", name="Sumur <b>satu</b>")).to_be_visible()
    assert "6408044107850001" not in page.content()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") if scripted else True
    if scripted:
        page.locator("[data-map] canvas").first.wait_for()
        assert axe_findings(page) == []
    page.get_by_label("Ringkasan Indonesia").fill("Sumur milik desa.")
    page.get_by_label("Tema").select_option("sosial")
    page.get_by_label("Lisensi").fill("CC BY 4.0")
    page.get_by_role("button", name="Serahkan untuk diterbitkan").click()
    expect(page.get_by_role("main").get_by_text("Walidata memeriksanya").first).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False])
def test_what_lies_in_the_wrong_place_is_read_again_by_keyboard(
    scripted: bool, live_server: object, open_page: Callable[..., Page], officer: User, tmp_path: Path
) -> None:
    address = str(live_server)
    (tmp_path / "sumur.csv").write_text("nama,kecamatan,x,y\nSatu,Bengalon,512345,55000\nDua,Bengalon,512346,55001\n")
    page = sign_in(open_page(PHONE, java_script_enabled=scripted), address, officer)
    page.goto(f"{address}/data/unggah/")
    page.set_input_files("#id_file", tmp_path / "sumur.csv")
    page.get_by_role("button", name="Unggah dan periksa").click()
    expect(page.get_by_text("sedang dibaca.")).to_be_visible()
    assert uploads.read_due()
    expect(page.get_by_role("heading", name="Pratinjau")).to_be_visible()
    expect(page.get_by_text("EPSG:32650 UTM 50N").first).to_be_visible()
    question = page.locator("details").filter(has=page.locator("[name=crs]"))
    question.locator("summary").focus()
    page.keyboard.press("Enter")
    page.locator("[name=crs]").first.focus()
    if scripted:
        assert axe_findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("[name=crs][value='EPSG:32750']").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("sedang dibaca.")).to_be_visible()
    assert uploads.read_due()
    expect(page.get_by_text("EPSG:32750 UTM 50S").first).to_be_visible()
    assert LayerVersion.objects.get().source_crs == "EPSG:32750 UTM 50S"


def test_dropped_file_of_a_wrong_kind_is_told(
    live_server: object, open_page: Callable[..., Page], officer: User
) -> None:
    address = str(live_server)
    page = sign_in(open_page(DESKTOP), address, officer)
    page.goto(f"{address}/data/unggah/")
    assert axe_findings(page) == []
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["%PDF-1.7"], "peta.pdf"));
            const target = document.querySelector("[data-drop]");
            target.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator("[data-chosen]")).to_contain_text("peta.pdf")
    page.get_by_role("button", name="Unggah dan periksa").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("peta.pdf")
    assert uploads.read_due()
    expect(page.get_by_text("bukan data")).to_be_visible()


def test_upload_goes_on_after_the_connection_broke_and_the_page_was_loaded_again(
    live_server: object, browser: Browser, officer: User, tmp_path: Path
) -> None:
    content = ("kode,nama,lat,lon\n" + "".join(f"A{n},Sumur {n},0.5{n:05d},117.5\n" for n in range(340_000))).encode()
    assert len(content) > 2 * 4 * 1024 * 1024  # three pieces
    (tmp_path / "sumur banyak.csv").write_bytes(content)
    address = str(live_server)
    context = browser.new_context(viewport=PHONE, locale="id-ID")  # not watched: the browser reports what broke off
    context.set_default_timeout(15_000)
    page = sign_in(context.new_page(), address, officer)
    # The second piece never arrives.
    offsets: list[str] = []

    def cut(route: Route) -> None:
        offsets.append(route.request.headers.get("upload-offset", ""))
        if len(offsets) > 1:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(
        "**/data/unggah/berkas/*/", lambda route: cut(route) if route.request.method == "PATCH" else route.continue_()
    )
    page.goto(f"{address}/data/unggah/")
    page.set_input_files("#id_file", tmp_path / "sumur banyak.csv")
    with page.expect_request(lambda request: request.headers.get("upload-offset", "0") != "0"):
        page.get_by_role("button", name="Unggah dan periksa").click()
    page.context.set_offline(True)
    expect(page.get_by_text("Sambungan terputus")).to_be_visible()
    page.goto("about:blank")
    page.context.set_offline(False)
    page.unroute_all()
    file = IncomingFile.objects.get()
    assert 0 < file.received < len(content)
    page.goto(f"{address}/data/unggah/")
    expect(page.get_by_role("heading", name="Terputus di tengah jalan")).to_be_visible()
    assert axe_findings(page) == []
    page.on("request", lambda request: offsets.append(request.headers.get("upload-offset", "")))
    offsets.clear()
    page.set_input_files("#id_file", tmp_path / "sumur banyak.csv")
    expect(page.locator("[data-chosen]")).to_contain_text("sudah ada di sini")
    page.get_by_role("button", name="Unggah dan periksa").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sumur banyak.csv")
    assert str(file.received) in offsets
    assert "0" not in offsets
    assert uploads.read_due()
    expect(page.get_by_role("heading", name="Pratinjau")).to_be_visible()
    version = LayerVersion.objects.get()
    assert version.source_sha256 == hashlib.sha256(content).hexdigest()
    assert version.feature_count == 340_000
    assert not IncomingFile.objects.exists()
    context.close()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_coordinate_system_is_chosen_by_keyboard_where_maps_and_words_show_the_data(
    viewport: dict[str, int],
    live_server: object,
    open_page: Callable[..., Page],
    officer: User,
    tmp_path: Path,
    shot: Callable[[Page, str], None],
) -> None:
    address = str(live_server)
    rows = "".join(f"{n},{520_000 + 90 * n},{9_100_000 + 60 * n}\n" for n in range(300))  # far to the south
    (tmp_path / "titik.csv").write_text("no,x,y\n" + rows)
    page = sign_in(open_page(viewport, java_script_enabled=viewport is DESKTOP), address, officer)
    page.goto(f"{address}/data/unggah/")
    page.set_input_files("#id_file", tmp_path / "titik.csv")
    shot(page, f"upload-{viewport['width']}")
    page.get_by_role("button", name="Unggah dan periksa").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("titik.csv")
    assert uploads.read_due()
    page.reload()
    south = page.get_by_role("radio", name="UTM 50S")
    expect(page.get_by_role("radio")).to_have_count(6)
    card = page.locator(".radio-card", has=south)
    expect(card).to_contain_text("di luar Kutai Timur, 900 km ke arah selatan")
    expect(card.get_by_role("img")).to_have_attribute("aria-label", "di luar Kutai Timur, 900 km ke arah selatan")
    path = card.locator(".small-map__points").get_attribute("d") or ""
    assert path.count("M") == 200
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") if viewport is DESKTOP else True
    shot(page, f"upload-crs-{viewport['width']}")
    if viewport is DESKTOP:
        assert axe_findings(page) == []
    page.get_by_role("radio").first.focus()
    for _press in range(6):
        if south.is_checked():
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("sedang dibaca.")).to_be_visible()
    assert ImportJob.objects.get().options == {"crs": "EPSG:32750"}
