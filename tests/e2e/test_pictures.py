"""The kinds of page as README and docs/dashboards.md show them.

Made by `SCREENSHOTS=docs/pictures bin/test tests/e2e/test_pictures.py`.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from PIL import Image
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Agency, User
from archive.publishing import withdraw
from incidents.models import DayMark, Report
from tests.e2e.conftest import DESKTOP, PHONE, sign_in
from tests.factories.accounts import make_officer
from tests.factories.publications import MAY, make_edition

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]


def test_map_report_and_desk_show_what_is_there(
    live_server: LiveServer, open_page: Callable[..., Page], shot: Callable[[Page, str], None]
) -> None:
    call_command("make_reports", count=1_200, seed=6408, verbosity=0)
    report = Report.objects.public().filter(status="answered", agency__code="dpu-pupr").order_by("-id").first()
    assert report is not None

    page = open_page(DESKTOP)
    page.goto(f"{live_server.url}/")
    page.wait_for_load_state("networkidle")
    expect(page.locator("canvas.leaflet-tile").first).to_be_attached()
    shot(page, "peta")

    phone = open_page(PHONE)
    phone.goto(f"{live_server.url}/laporan/{report.ticket}/")
    expect(phone.locator("main")).to_contain_text(report.title)
    shot(phone, "laporan")

    officer = make_officer(Agency.objects.get(code="dpu-pupr"), first_name="Joni")
    desk = sign_in(open_page(DESKTOP), live_server.url, officer)
    desk.goto(f"{live_server.url}/opd/{report.ticket}/")
    expect(desk.locator("main")).to_contain_text(report.title)
    shot(desk, "meja")


WALL = {"width": 1920, "height": 1080}
SIZES = (WALL, DESKTOP, PHONE)
LOOKS = [("light", "id-ID"), ("dark", "en-GB"), ("light", "en-GB"), ("dark", "id-ID")]
"""Any three in a row show both schemes and both languages."""
DASHBOARDS = [
    ("ringkasan", "/dasbor/", "setda", "leader"),
    ("publik", "/dasbor/publik/?kecamatan=64.08.04", "", ""),
    ("layanan", "/dasbor/layanan/", "setda", "leader"),
    ("titik-panas", "/dasbor/titik-panas/?view=spots", "setda", "leader"),
    ("titik-panas-publik", "/dasbor/publik/titik-panas/", "", ""),
    ("titik-panas-opd", "/opd/peta/titik-panas/?view=smooth", "dpu-pupr", "officer"),
    ("data", "/dasbor/data/", "", ""),
    ("laporan-bulanan", "/dasbor/laporan-bulanan/", "diskominfo-staper", "coordinator"),
    ("peta", "/opd/peta/", "dpu-pupr", "officer"),
    ("jejak", "/jejak/", "", ""),
]


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="pictures of pages that other tests visit")
def test_dashboards_at_every_size(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    call_command("make_reports", count=3_000, seed=6408, verbosity=0)
    call_command("make_layers", count=400, seed=6408, verbosity=0)
    first = make_edition()
    make_edition(reason="Laporan Kaubun terhitung untuk Bengalon")
    withdraw(publication=first, reason="Penghapusan data pribadi")
    DayMark.objects.create(day=MAY, upto=7, digest="0" * 64)
    folder = Path(os.environ["SCREENSHOTS"]) / "dashboards"
    folder.mkdir(parents=True, exist_ok=True)
    people: dict[str, User] = {}
    for turn, (name, address, agency, role) in enumerate(DASHBOARDS):
        if role and role not in people:
            people[role] = make_officer(Agency.objects.get(code=agency), role)
        for place, size in enumerate(SIZES):
            scheme, locale = LOOKS[(turn + place) % len(LOOKS)]
            page = open_page(size, locale, color_scheme=scheme)
            if role:
                sign_in(page, live_server.url, people[role])
            page.goto(live_server.url + address)
            page.wait_for_load_state("networkidle")
            expect(page.locator("h1")).to_be_visible()
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            look = f"{size['width']}x{size['height']}-{scheme}-{locale[:2]}"
            picture.save(folder / f"{name}-{look}.webp", quality=75, method=6)
            page.close()
