"""The main job, whole, in a real browser: from a pin to the agency, and from its answer to the reporter's yes."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Position, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Agency
from incidents import proof, rollups
from incidents.models import Report
from incidents.models.drafts import ReportDraft
from incidents.models.reports import Status
from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.test_intake import NASTY, choose, go_on, picture, tell
from tests.factories.accounts import PASSWORD, make_officer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]

Open = Callable[..., Page]
Shot = Callable[[Page, str], None]


def report_by_tap(page: Page, base: str) -> Report:
    choose(page, base)
    tap_twice(page, {"x": 160, "y": 150})
    expect(page.locator("#id_place_source")).to_have_value("tap")
    expect(page.locator("[data-result]")).to_contain_text("Dinas Pekerjaan Umum")
    go_on(page, "cerita")
    tell(page)
    page.set_input_files("#id_photos", [picture()])
    expect(page.locator("[data-photo] img")).to_have_count(1)
    go_on(page, "anda")
    go_on(page, "periksa")
    page.locator("button.button--primary[name=go]").click()
    page.wait_for_url("**/terkirim/")
    return Report.objects.get()


def tap_twice(page: Page, position: Position) -> None:
    """Tap the map, which goes nearer, and then the place itself."""
    page.locator("[data-map]").click(position=position)
    expect(page.locator(".map-told")).not_to_be_empty()
    page.wait_for_timeout(400)  # a second tap at once counts as half of a double tap
    page.locator("[data-map]").click()  # its middle, where the first one was


def report_by_list(page: Page, base: str) -> Report:
    choose(page, base)
    page.get_by_text("Sangatta Utara", exact=True).first.click()
    page.locator("input[name=desa][value='64.08.04.2011']").check()
    go_on(page, "cerita")
    tell(page)
    page.set_input_files("#id_photos", [picture()])
    go_on(page, "anda")
    go_on(page, "periksa")
    token = page.locator("input[name=token]").get_attribute("value") or ""
    draft_id = ReportDraft.objects.get().pk
    page.fill("#id_answer", next(str(n) for n in range(2, 11) if proof.is_answered(draft_id, token, str(n))))
    page.locator("button.button--primary[name=go]").click()
    page.wait_for_url("**/terkirim/")
    return Report.objects.get()


def answer_at_the_desk(desk: Page, base: str, report: Report) -> None:
    """Sign in, find the report in the inbox, answer it with a photo."""
    desk.goto(f"{base}/opd/")
    desk.locator("[name=login]").fill("petugas")
    desk.locator("[name=password]").fill(PASSWORD)
    desk.locator("[name=password]").press("Enter")
    desk.wait_for_url("**/opd/")
    desk.locator(f"a[href*='{report.ticket}']").first.click()
    desk.wait_for_url(f"**/opd/{report.ticket}/**")
    desk.locator("#step-answer > summary").click()
    desk.locator("#answer-text").fill("Lubang sudah ditambal. Mohon dicek.")
    desk.locator("#answer-photos").set_input_files([picture("hasil.jpg", (40, 120, 80))])
    desk.locator("#step-answer button.button--primary").click()
    expect(desk.locator("main")).to_contain_text("Lubang sudah ditambal.")


@pytest.mark.parametrize("by", ["tap", "list"])
def test_report_is_answered_confirmed_and_on_the_map(
    by: str, live_server: LiveServer, open_page: Open, shot: Shot, settings: Any
) -> None:
    settings.HUMAN_SECONDS = 0
    make_officer(Agency.objects.get(code="dpu-pupr"), username="petugas", first_name="Joni")
    base = live_server.url
    citizen = open_page(PHONE, java_script_enabled=by == "tap")
    report = (report_by_tap if by == "tap" else report_by_list)(citizen, base)
    assert report.agency is not None
    assert report.agency.code == "dpu-pupr"
    link = citizen.locator("a[href*='/kunci/'], input[value*='/kunci/']").first
    secret_link = link.get_attribute("href") or link.get_attribute("value") or ""

    desk = open_page(DESKTOP, java_script_enabled=by == "tap")
    answer_at_the_desk(desk, base, report)
    shot(desk, f"meja-{by}")

    citizen.goto(secret_link)
    citizen.wait_for_url(f"**/laporan/{report.ticket}/**")
    expect(citizen.locator("main")).to_contain_text("Lubang sudah ditambal.")
    shot(citizen, f"laporan-{by}")
    if by == "tap":
        expect(citizen.locator(".reply .field__count")).to_contain_text("0 / 5.000")
    citizen.locator("form[action*='/jawab/'] button[value=confirm]").click()
    expect(citizen.locator("main")).to_contain_text("Selesai")
    report.refresh_from_db()
    assert report.status == Status.CLOSED
    assert [event.type for event in report.events.all()] == ["received", "routed", "answered", "confirmed"]

    rollups.fold()
    public = open_page(DESKTOP)
    with public.expect_response(re.compile(r"/tiles/reports/\d+/\d+/\d+\.mvt")) as tile:
        public.goto(f"{base}/?status=closed")
    assert tile.value.status in {200, 204}
    expect(public.locator("main")).to_contain_text(report.ticket)
    expect(public.locator("main")).to_contain_text(NASTY)
    shot(public, f"peta-{by}")
