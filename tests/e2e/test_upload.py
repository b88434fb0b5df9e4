"""Uploading data in a real browser: chosen or dropped, with progress, without a script, and what it says when wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import Agency, User
from layers import uploads
from tests.e2e.conftest import DESKTOP, PHONE, axe_findings
from tests.factories.accounts import make_officer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]

CSV = (
    "kode,nama,NIK,lat,lon\nA1,Sumur <b>satu</b>,6408044107850001,0.5,117.5\nA2,Sumur dua,6408040101900002,0.6,117.6\n"
)


def signed_in(page: Page, address: str, user: User) -> Page:
    client = Client()
    client.force_login(user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": address}])
    return page


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
    page = signed_in(open_page(viewport, java_script_enabled=scripted), address, officer)
    page.goto(f"{address}/data/unggah/")
    page.set_input_files("#id_file", tmp_path / "sumur desa.csv")
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


def test_dropped_file_of_a_wrong_kind_is_told(
    live_server: object, open_page: Callable[..., Page], officer: User
) -> None:
    address = str(live_server)
    page = signed_in(open_page(DESKTOP), address, officer)
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
