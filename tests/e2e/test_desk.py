"""Following and the desk in a real browser: the whole conversation, by keyboard, without a script, and on a phone."""

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Agency, User
from geo.models import BoundaryEdition, Kecamatan
from incidents import moves
from incidents.models import Category, Report
from incidents.models.reports import Status
from incidents.photos import clean
from incidents.secrets import secret_of
from incidents.workflow import Party
from tests.e2e.conftest import DESKTOP, PHONE, axe_findings, sign_in
from tests.factories.accounts import PASSWORD, make_administrator, make_coordinator, make_officer
from tests.factories.incidents import make_report, make_rule

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]


def a_report(**over: Any) -> Report:
    """Return a report on the seeded areas, at the desk of DPU/PUPR."""
    return make_report(
        **{
            "category": Category.objects.get(code="jalan-rusak"),
            "kecamatan": Kecamatan.objects.get(name="Sangatta Utara"),
            "edition": BoundaryEdition.objects.get(status="active"),
            "agency": Agency.objects.get(code="dpu-pupr"),
            **over,
        }
    )


def an_image() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((640, 480), 60).convert("RGB").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def officer() -> User:
    return make_officer(Agency.objects.get(code="dpu-pupr"), username="petugas", first_name="Joni")


def test_officer_answers_and_reporter_confirms(
    open_page: Callable[..., Page], live_server: LiveServer, officer: User, shot: Callable[[Page, str], None]
) -> None:
    report = a_report(contact={"name": "Bu Ratna", "phone": "+62 812 345"})
    desk = open_page(DESKTOP, "en-US")
    desk.goto(f"{live_server.url}/opd/")
    desk.locator("[name=login]").fill("petugas")
    desk.locator("[name=password]").fill(PASSWORD)
    desk.locator("[name=password]").press("Enter")
    desk.wait_for_url(f"{live_server.url}/opd/")
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**/opd/{report.ticket}/**")
    expect(desk.get_by_text("Bu Ratna")).to_be_visible()
    desk.get_by_role("button", name="Take it").click()
    expect(desk.get_by_role("status", name="Messages")).to_contain_text("in progress")
    desk.locator("#step-answer > summary").click()
    desk.locator("#answer-text").fill("Lubang sudah ditambal.\nMohon dicek.")
    desk.locator("#answer-photos").set_input_files(
        {"name": "hasil.jpg", "mimeType": "image/jpeg", "buffer": an_image()}
    )
    shot(desk, "desk")
    desk.locator("#step-answer").get_by_role("button", name="Answer").click()
    expect(desk.locator(".report__head .status")).to_have_text("Answered")

    citizen = open_page(PHONE, "en-US")
    citizen.goto(f"{live_server.url}/laporan/{report.ticket}/kunci/{secret_of(report.ticket)}/")
    assert citizen.url == f"{live_server.url}/laporan/{report.ticket}/"
    expect(citizen.locator(".turn--agency img")).to_have_js_property("complete", True)
    assert axe_findings(citizen) == []
    shot(citizen, "is-it-done")
    citizen.get_by_role("button", name="Yes, it is done").click()
    expect(citizen.locator(".report__head .status")).to_have_text("Done")
    report.refresh_from_db()
    assert report.status == Status.CLOSED


def test_conversation_works_without_a_script(
    open_page: Callable[..., Page], live_server: LiveServer, officer: User
) -> None:
    report = a_report()
    desk = open_page(PHONE, "en-US", java_script_enabled=False)
    sign_in(desk, live_server.url, officer)
    desk.goto(f"{live_server.url}/opd/")
    desk.get_by_role("link", name=report.title).click()
    desk.get_by_role("button", name="Take it").click()
    desk.locator("#step-answer > summary").click()
    desk.locator("#answer-text").fill("Sudah ditambal.")
    desk.locator("#answer-no-photo").fill("Kamera rusak")
    desk.locator("#step-answer").get_by_role("button", name="Answer").click()

    citizen = open_page(PHONE, "en-US", java_script_enabled=False)
    citizen.goto(f"{live_server.url}/laporan/{report.ticket}/kunci/{secret_of(report.ticket)}/")
    citizen.locator("#not-yet > summary").click()
    citizen.locator("#reopen-text").fill("Baru separuh.")
    citizen.get_by_role("button", name="Send: open it again").click()
    expect(citizen.locator(".report__head .status")).to_have_text("Reopened")
    citizen.goto(f"{live_server.url}/lacak/")
    expect(citizen.get_by_role("link", name=report.title)).to_be_visible()


def test_desk_by_keyboard_alone(open_page: Callable[..., Page], live_server: LiveServer, officer: User) -> None:
    now = timezone.now()
    reports = [a_report(title=f"Laporan {n}", respond_due_at=now + dt.timedelta(days=n)) for n in (1, 2, 3)]
    page = open_page(DESKTOP, "en-US")
    sign_in(page, live_server.url, officer)
    page.goto(f"{live_server.url}/opd/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("[data-rows] a").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#desk-q")).to_be_focused()
    page.keyboard.type("jk?/")
    expect(page.locator("#desk-q")).to_have_value("jk?/")
    page.locator("#desk-q").fill("Laporan 2")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=Laporan+2**")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/opd/{reports[1].ticket}/**")
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Take it")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Single keys work on this device").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("a")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_hand_over_narrows_the_agencies_and_asks_once_more(
    open_page: Callable[..., Page], live_server: LiveServer, officer: User
) -> None:
    report = a_report()
    page = open_page(DESKTOP, "en-US")
    sign_in(page, live_server.url, officer)
    page.goto(f"{live_server.url}/opd/{report.ticket}/")
    page.locator("#step-hand_over > summary").click()
    page.get_by_label("Narrow the list of agencies").fill("lingkungan hidup")
    expect(page.locator("#hand_over-agency")).to_have_value("dlh")
    page.locator("#hand_over-text").fill("Ini di dalam TPA.")
    page.get_by_role("button", name="Check and go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hand this report over?")
    assert axe_findings(page) == []
    page.get_by_role("button", name="Hand over").click()
    page.wait_for_url(f"{live_server.url}/opd/**")
    expect(page.get_by_role("status", name="Messages")).to_contain_text("handed over")
    assert Report.objects.get(pk=report.pk).agency == Agency.objects.get(code="dlh")


def test_officer_finds_the_duplicate_beside_it_on_a_phone(
    open_page: Callable[..., Page], live_server: LiveServer, officer: User
) -> None:
    original = a_report(title="Lubang di depan pasar")
    report = a_report(title="Jalan berlubang")
    page = open_page(PHONE, "en-US")
    sign_in(page, live_server.url, officer)
    page.goto(f"{live_server.url}/opd/{report.ticket}/")
    page.locator("#step-duplicate > summary").click()
    page.get_by_label("Lubang di depan pasar").check()
    assert axe_findings(page) == []
    page.locator("#step-duplicate").get_by_role("button", name="Check and go on").click()
    expect(page.locator(".answers")).to_contain_text(original.ticket)
    assert axe_findings(page) == []
    page.get_by_role("button", name="No, go back").click()
    expect(page.get_by_label("Lubang di depan pasar")).to_be_checked()
    expect(page.locator("#steps")).to_be_in_viewport()
    page.locator("#step-duplicate").get_by_role("button", name="Check and go on").click()
    page.get_by_role("button", name="Yes, put them together").click()
    expect(page.locator(".report__head .status")).to_have_text("Duplicate")
    page.goto(f"{live_server.url}/laporan/{report.ticket}/")
    assert axe_findings(page) == []
    page.get_by_role("link", name="Lubang di depan pasar").click()
    expect(page.get_by_role("heading", name="1 other report tells the same")).to_be_visible()
    assert axe_findings(page) == []


def test_coordinator_empties_the_queue_on_a_phone(open_page: Callable[..., Page], live_server: LiveServer) -> None:
    day = timezone.now()
    forwarded, archived, kept = (
        a_report(agency=None, title=f"Usul {n}", verify_due_at=day + dt.timedelta(days=n)) for n in (1, 2, 3)
    )
    page = open_page(PHONE, "en-US")
    sign_in(page, live_server.url, make_officer(Agency.objects.get(code="diskominfo-staper"), "coordinator"))
    page.goto(f"{live_server.url}/opd/")
    expect(page.locator("[data-rows] a")).to_have_count(3)
    page.get_by_role("link", name=forwarded.title).click()
    page.get_by_label("Narrow the list of agencies").fill("lingkungan hidup")
    page.locator("#step-route").get_by_role("button", name="Forward").click()
    page.wait_for_url(f"{live_server.url}/opd/**")
    expect(page.get_by_role("status", name="Messages")).to_contain_text("forwarded to Dinas Lingkungan Hidup")
    expect(page.locator("[data-rows] a")).to_have_count(2)  # back in the queue, where the next one waits

    page.get_by_role("link", name=archived.title).click()
    page.locator("#step-reject > summary").click()
    expect(page.locator("#reject-addressee")).to_be_hidden()
    page.get_by_label("Not within the regency's authority").check()
    page.locator("#reject-text").fill("Jalan ini jalan nasional.")
    page.locator("#reject-addressee").select_option("bbpjn")
    page.get_by_role("button", name="Check and go on").click()
    expect(page.locator(".answers")).to_contain_text("Balai Besar Pelaksanaan Jalan Nasional")
    assert axe_findings(page) == []
    page.get_by_role("button", name="Archive").click()
    expect(page.locator(".conversation")).to_contain_text("Balai Besar Pelaksanaan Jalan Nasional")
    page.goto(f"{live_server.url}/opd/")
    expect(page.locator("[data-rows] a")).to_have_count(1)
    for report, status in ((forwarded, Status.ROUTED), (archived, Status.REJECTED), (kept, Status.RECEIVED)):
        assert Report.objects.get(pk=report.pk).status == status


def test_officer_works_on_a_phone(open_page: Callable[..., Page], live_server: LiveServer, officer: User) -> None:
    report, other = a_report(), a_report(title="Milik dinas lain")
    page = open_page(PHONE, "en-US")
    sign_in(page, live_server.url, officer)
    page.goto(f"{live_server.url}/opd/")
    page.get_by_role("link", name=report.title).click()
    page.get_by_role("button", name="Take it").click()
    page.locator("#step-hold > summary").click()
    page.locator("#hold-text").fill("Menunggu aspal.")
    page.locator("#hold-until").fill((timezone.localdate() + dt.timedelta(days=5)).isoformat())
    page.locator("#step-hold").get_by_role("button", name="Put on hold").click()
    expect(page.locator(".report__head .status")).to_have_text("On hold")
    page.get_by_role("button", name="Resume").click()
    page.locator("#step-answer > summary").click()
    page.locator("#answer-text").fill("Sudah ditambal.")
    page.locator("#answer-photos").set_input_files(
        {"name": "hasil.jpg", "mimeType": "image/jpeg", "buffer": an_image()}
    )
    page.locator("#step-answer").get_by_role("button", name="Answer").click()
    expect(page.locator(".report__head .status")).to_have_text("Answered")
    page.goto(f"{live_server.url}/opd/{other.ticket}/")
    page.locator("#step-hand_over > summary").click()
    page.get_by_label("Narrow the list of agencies").fill("perhubungan")
    page.locator("#hand_over-text").fill("Ini lampu jalan.")
    page.get_by_role("button", name="Check and go on").click()
    page.get_by_role("button", name="Hand over").click()
    expect(page.get_by_role("status", name="Messages")).to_contain_text("handed over to Dinas Perhubungan")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_coordinator_finds_the_settings_from_the_desk(
    open_page: Callable[..., Page], live_server: LiveServer, viewport: dict[str, int]
) -> None:
    page = open_page(viewport, "en-US")
    sign_in(page, live_server.url, make_officer(Agency.objects.get(code="diskominfo-staper"), "coordinator"))
    for name in ("Routing rules", "Categories", "Service standards", "Holidays of the regency"):
        page.goto(f"{live_server.url}/opd/")
        page.locator(".desk__settings > summary").click()
        link = page.get_by_role("link", name=name)
        box = link.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= viewport["width"]
        link.click()
        expect(page.locator("h1, h2").filter(has_text=name.split(" of ")[0]).first).to_be_visible()


def test_two_officers_at_once_lose_no_word(browser: Browser, live_server: LiveServer, officer: User) -> None:
    report = a_report(status=Status.IN_PROGRESS)
    page = browser.new_page(viewport=DESKTOP, locale="en-US")  # not watched: browsers log a 409 as an error
    sign_in(page, live_server.url, officer)
    page.goto(f"{live_server.url}/opd/{report.ticket}/")
    page.locator("#step-comment > summary").click()
    page.locator("#comment-text").fill("Catatan panjang yang tidak boleh hilang")
    moves.hold(
        report=report, by=make_coordinator(), text="Menunggu aspal.", until=timezone.localdate() + dt.timedelta(days=9)
    )
    expect_conflict(page, lambda: page.get_by_role("button", name="Store the note").click())
    expect(page.locator(".error-summary")).to_contain_text("Menunggu aspal.")
    expect(page.locator("#comment-text")).to_have_value("Catatan panjang yang tidak boleh hilang")
    page.get_by_role("button", name="Store the note").click()
    expect(page.locator(".conversation")).to_contain_text("Catatan panjang yang tidak boleh hilang")
    page.close()


def expect_conflict(page: Page, act: Callable[[], None]) -> None:
    """Act, and expect the answer 409."""
    with page.expect_response(lambda response: response.request.method == "POST") as answered:
        act()
    assert answered.value.status == 409


def every_state(officer: User) -> list[Report]:
    """Return a report in each state that a page shows differently."""
    now = timezone.now()
    late = {"created_at": now - dt.timedelta(days=120), "resolve_due_at": now - dt.timedelta(days=9)}
    talked = a_report(
        status=Status.IN_PROGRESS, near_border=[{"code": "64.08.05", "name": "Bengalon", "distance_m": 81}]
    )
    moves.comment(report=talked, by=officer, text="Kamis ke lapangan.", public=False)
    moves.reply(report=talked, by=Party.REPORTER, text="Terima kasih.")
    moves.answer(report=talked, by=officer, text="Sudah.", photos=[clean(io.BytesIO(an_image()))])
    handed = a_report()
    moves.hand_over(report=handed, by=officer, agency=Agency.objects.get(code="dlh"), text="Ini taman.")
    moves.hand_over(report=handed, by=make_coordinator(), agency=Agency.objects.get(code="dpu-pupr"), text="Jalan.")
    held = a_report(status=Status.IN_PROGRESS)
    moves.hold(report=held, by=officer, text="Menunggu.", until=timezone.localdate() + dt.timedelta(days=9))
    gone = a_report()
    moves.reject(report=gone, by=officer, reason_code="not_authority", addressee_name="BBPJN", text="Jalan nasional.")
    return [talked, handed, held, gone, a_report(**late), a_report(status=Status.CLOSED), a_report(confidential=True)]


@pytest.mark.parametrize(("viewport", "locale"), [(PHONE, "id-ID"), (DESKTOP, "en-US")])
def test_pages_are_accessible_and_fit(
    open_page: Callable[..., Page], live_server: LiveServer, officer: User, viewport: dict[str, int], locale: str
) -> None:
    reports = every_state(officer)
    page = open_page(viewport, locale)
    sign_in(page, live_server.url, officer)
    paths = ["/opd/?tab=on_hold&q=x", *(f"/opd/{report.ticket}/" for report in reports)]
    if viewport == PHONE:  # what citizens have; test_every_page.py looks at one on a large screen
        paths += [f"/laporan/{report.ticket}/" for report in reports]
    for path in paths:
        page.goto(f"{live_server.url}{path}")
        for closed in page.locator("main details:not([open]) > summary").all():
            if closed.is_visible():
                closed.click()
        assert axe_findings(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the screen"


def test_admin_works_under_its_policy(open_page: Callable[..., Page], live_server: LiveServer) -> None:
    rule = make_rule(Agency.objects.get(code="dlh"), category=Category.objects.get(code="jalan-rusak"), active=False)
    report = a_report()
    page = open_page(DESKTOP, "en-US")
    sign_in(page, live_server.url, make_administrator())
    for path in (
        "",
        "incidents/report/",
        f"incidents/report/{report.pk}/change/",
        "incidents/category/add/",
        "incidents/regencyholiday/add/",
        "incidents/outboxmessage/",
        "accounts/user/",
        "accounts/user/add/",
        "accounts/agency/",
        f"incidents/routingrule/{rule.pk}/change/",
    ):
        page.goto(f"{live_server.url}/admin/{path}")
        page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Dry run").click()
    expect(page.locator("#dry-run h2")).to_contain_text("would go elsewhere")


def test_what_a_reporter_typed_stays_in_the_other_language(browser: Browser, live_server: LiveServer) -> None:
    report = a_report(status=Status.ANSWERED)
    # Not watched: that the post is refused stands in the console as an error.
    page = browser.new_context(viewport=DESKTOP, locale="id-ID").new_page()
    page.goto(f"{live_server.url}/laporan/{report.ticket}/kunci/{secret_of(report.ticket)}/")
    page.locator("#not-yet > summary").click()
    page.locator("#reopen-text").fill("Baru separuh. " * 400)  # more than is taken
    page.locator("#reply-text").fill("Lampunya juga mati.")
    page.locator("button[value=reopen]").click()
    expect(page.locator("#reopen-error")).to_be_visible()
    page.locator("#reopen-text").fill("Baru separuh. " * 390)
    page.locator("form.language button[value=en]:visible").first.click()
    page.wait_for_url(f"{live_server.url}/laporan/{report.ticket}/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#reopen-text")).to_have_value("Baru separuh. " * 390)
    expect(page.locator("#reopen-text")).to_be_visible()
    expect(page.locator("#reply-text")).to_have_value("")  # it was not part of what was sent
    page.locator("#reopen-text").fill("Baru separuh.")
    page.locator("#reply-text").fill("Lampunya juga mati.")
    page.locator("form.language button[value=id]:visible").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "id")
    expect(page.locator("#reply-text")).to_have_value("Lampunya juga mati.")
    page.locator("button[value=reopen]").click()
    expect(page.locator(".report__head .status")).to_have_text("Dibuka lagi")
    expect(page.locator("#reply-text")).to_have_value("")
    page.context.close()


def test_what_came_after_the_end_is_still_shown_in_the_other_language(
    browser: Browser, live_server: LiveServer
) -> None:
    report = a_report(status=Status.IN_PROGRESS)
    page = browser.new_context(viewport=DESKTOP, locale="id-ID").new_page()
    page.goto(f"{live_server.url}/laporan/{report.ticket}/kunci/{secret_of(report.ticket)}/")
    page.locator("#reply-text").fill("Masih <b>rusak</b>")
    Report.objects.filter(pk=report.pk).update(status=Status.REJECTED)
    page.locator("button[value=reply]").click()
    expect(page.locator("[data-unsent]")).to_contain_text("Masih <b>rusak</b>")
    page.locator("form.language button[value=en]:visible").first.click()
    page.wait_for_url(f"{live_server.url}/laporan/{report.ticket}/")
    expect(page.locator("[data-unsent]")).to_contain_text("What you typed:")
    expect(page.locator("[data-unsent] .words")).to_have_text("Masih <b>rusak</b>")
    page.reload()
    expect(page.locator("[data-unsent]")).to_be_hidden()
    page.context.close()


def test_what_an_officer_typed_is_there_again_after_signing_in_anew(
    browser: Browser, live_server: LiveServer, officer: User, shot: Callable[[Page, str], None]
) -> None:
    report = a_report(status=Status.IN_PROGRESS)
    # Not watched: that the post is refused stands in the console as an error.
    page = sign_in(browser.new_context(viewport=PHONE, locale="id-ID").new_page(), live_server.url, officer)
    page.goto(f"{live_server.url}/opd/{report.ticket}/")
    page.locator("#step-comment summary").click()
    page.locator("#comment-text").fill("Kamis ke lapangan bersama pak RT.")
    page.locator("#step-comment input[value=public]").check()
    page.context.clear_cookies(name="sessionid")
    page.locator("#step-comment button").click()
    expect(page.locator("blockquote")).to_have_text("Kamis ke lapangan bersama pak RT.")
    assert axe_findings(page) == []
    shot(page, "desk-not-sent")
    page.locator("main a.button--primary").click()
    page.locator("[name=login]").fill("petugas")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page.locator("#comment-text")).to_have_value("Kamis ke lapangan bersama pak RT.")
    expect(page.locator("#step-comment input[value=public]")).to_be_checked()
    page.locator("#step-comment button").click()
    page.wait_for_load_state()
    assert report.events.last().text == "Kamis ke lapangan bersama pak RT."  # type: ignore[union-attr]
    page.reload()
    page.locator("#step-comment summary").click()
    expect(page.locator("#comment-text")).to_have_value("")
    page.context.close()


def test_what_an_officer_typed_stays_in_the_other_language(
    browser: Browser, live_server: LiveServer, officer: User
) -> None:
    report = a_report()
    page = browser.new_context(
        viewport=DESKTOP, locale="id-ID"
    ).new_page()  # not watched: that it is refused is an error
    sign_in(page, live_server.url, officer)
    address = f"{live_server.url}/opd/{report.ticket}/"
    page.goto(address)
    page.locator("#step-conceal > summary").click()
    page.locator("#conceal-text").fill("Menyebut nama orang.")
    page.locator("#step-conceal button").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("rahasia")
    page.locator("form.language button[value=en]:visible").first.click()
    page.wait_for_url(address)
    expect(page.locator("#conceal-text")).to_have_value("Menyebut nama orang.")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)  # the session ended
    page.locator("#step-conceal button").click()
    expect(page.get_by_text("Menyebut nama orang.")).to_be_visible()
    page.locator("form.language button[value=en]:visible").first.click()
    page.wait_for_url("**/akun/login/**")
    sign_in(page, live_server.url, officer)
    page.goto(address)
    expect(page.locator("#conceal-text")).to_have_value("Menyebut nama orang.")
    page.context.close()
