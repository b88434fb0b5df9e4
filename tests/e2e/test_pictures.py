"""The three kinds of page, as README shows them: `SCREENSHOTS=docs/pictures bin/test tests/e2e/test_pictures.py`."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import Agency
from incidents.models import Report
from tests.e2e.conftest import DESKTOP, PHONE
from tests.factories.accounts import make_officer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]


def test_map_report_and_desk_show_what_is_there(
    live_server: Any, open_page: Callable[..., Page], shot: Callable[[Page, str], None]
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

    client = Client()
    client.force_login(make_officer(Agency.objects.get(code="dpu-pupr"), first_name="Joni"))
    desk = open_page(DESKTOP)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    desk.context.add_cookies([cookie])  # type: ignore[list-item]
    desk.goto(f"{live_server.url}/opd/{report.ticket}/")
    expect(desk.locator("main")).to_contain_text(report.title)
    shot(desk, "meja")
