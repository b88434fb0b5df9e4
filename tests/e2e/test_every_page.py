"""Every page of the site: axe-core finds nothing, the console is quiet, the policy holds, no other host is asked."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Agency
from incidents.models import DayMark, Report
from incidents.secrets import secret_of
from tests.e2e.conftest import DESKTOP, PHONE, axe_findings, sign_in
from tests.factories.accounts import make_officer
from tests.factories.publications import MAY, make_edition

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]

PUBLIC = {
    "map": "/",
    "map, filtered": "/?status=closed&category=jalan",
    "map, nothing matches": "/?q=tidakadakatainidimanapun",
    "list": "/laporan/",
    "list, nothing matches": "/laporan/?q=tidakadakatainidimanapun",
    "report": "/laporan/{ticket}/",
    "report, mistyped": "/laporan/KT-26-0000001-X/",
    "track": "/lacak/",
    "track, mistyped": "/lacak/?ticket=KT-26-12",
    "report a problem": "/lapor/",
    "map of layers, to choose": "/data/peta/?q=sintetis",
    "map of layers": "/data/peta/?layer=sintetis-bidang&layer=sintetis-jalan&layer=sintetis-sekolah&reports=1",
    "map of layers, missing": "/data/peta/?layer=tiada",
    "what changed": "/data/sintetis-jalan/riwayat/",
    "first version": "/data/sintetis-jalan/riwayat/1/",
    "embedded map": "/data/sintetis-jalan/sematan/?colour=kondisi",
    "questions": "/data/tanya/",
    "question": "/data/tanya/?kind=near&a=sintetis-sekolah",
    "question, refused": "/data/tanya/?kind=near&a=sintetis-sekolah&b=&metres=lima",
    "question, near": "/data/tanya/?kind=near&a=sintetis-sekolah&b=sintetis-jalan&metres=5000",
    "question, count": "/data/tanya/?kind=count&a=sintetis-bidang&b=@kecamatan",
    "question, nothing": "/data/tanya/?kind=within&a=sintetis-sekolah&b=sintetis-bidang",
    "figures": "/dasbor/publik/",
    "figures of the service": "/dasbor/layanan/?by=kecamatan",
    "figures of the data": "/dasbor/data/",
    "figures of a kecamatan": "/dasbor/publik/?kecamatan=64.08.04&measure=days&since=2026-01-01",
    "monthly reports": "/dasbor/laporan-bulanan/",
    "trace": "/jejak/",
    "concentration": "/dasbor/publik/titik-panas/?view=spots",
    "concentration, compared, with distances": "/dasbor/publik/titik-panas/?grid=hex-5&facility=sintetis-sekolah"
    "&with_since=2025-01-01&with_until=2025-12-31",
    "about": "/tentang/",
    "privacy": "/privasi/",
    "help": "/bantuan/",
    "sign in": "/akun/login/",
    "password forgotten": "/akun/password/reset/",
    "missing": "/tidak-ada/",
}
DESK = {
    "inbox": "/opd/",
    "report at the desk": "/opd/{desk_ticket}/",
    "second step": "/akun/2fa/",
    "planner's map": "/opd/peta/?since=2024-01",
    "planner's kecamatan": "/opd/peta/?since=2024-01&shape=kecamatan&measure=per_1000",
    "planner's list": "/opd/peta/laporan/?since=2024-01",
}
AT_REST = """() => new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(() => {
        for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish();
        done();
    }));
})"""
"""Waits until the page is painted with its new colours: none is on its way from the old ones."""
VIEWS = [(PHONE, "id-ID"), (DESKTOP, "en-GB")]


@pytest.fixture
def tickets() -> dict[str, str]:
    call_command("make_reports", count=300, seed=7, verbosity=0)
    call_command("make_layers", count=200, seed=7, verbosity=0)
    for reason in ("", "Angka Kaubun keliru"):
        make_edition(reason=reason)
    DayMark.objects.create(day=MAY, upto=7, digest="0" * 64)
    public = Report.objects.public().filter(status="answered").order_by("-id")
    at_desk = public.filter(agency__code="dpu-pupr").first() or Report.objects.filter(agency__code="dpu-pupr").first()
    report = public.first()
    assert report is not None
    assert at_desk is not None
    return {"ticket": report.ticket, "desk_ticket": at_desk.ticket}


def visit(page: Page, base: str, pages: dict[str, str], tickets: dict[str, str]) -> dict[str, list[str]]:
    """Open each page and return what axe-core finds, by page; in the dark, what it finds of contrast."""
    found: dict[str, list[str]] = {}
    for name, path in pages.items():
        page.goto(base + path.format(**tickets))
        page.wait_for_load_state("networkidle")
        findings = axe_findings(page)
        if page.viewport_size == PHONE:  # contrast does not depend on the size: once is enough
            page.emulate_media(color_scheme="dark")
            page.evaluate(AT_REST)
            findings += [f"dark {finding}" for finding in axe_findings(page, "color-contrast")]
            page.emulate_media(color_scheme="light")
        if findings:
            found[name] = findings
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.setdefault(name, []).append("scrolls sideways")
    return found


@pytest.mark.parametrize(("viewport", "locale"), VIEWS, ids=["phone-id", "desktop-en"])
def test_public_pages_are_clean(
    viewport: dict[str, int], locale: str, live_server: LiveServer, browser: Any, tickets: dict[str, str]
) -> None:
    troubles: list[str] = []
    context = browser.new_context(viewport=viewport, locale=locale)
    page = context.new_page()
    base = live_server.url
    # A page that is missing answers 404, one with a mistake in its form 422, and the browser notes that in its console.
    page.on(
        "console",
        lambda message: (
            troubles.append(message.text)
            if message.type == "error" and not re.search("status of 4(04|22) ", message.text)
            else None
        ),
    )
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith((base, "data:", "blob:")) else troubles.append(request.url),
    )
    assert visit(page, base, PUBLIC, tickets) == {}
    assert troubles == []
    context.close()


@pytest.mark.parametrize(("viewport", "locale"), VIEWS, ids=["phone-id", "desktop-en"])
def test_pages_for_some_are_clean(
    viewport: dict[str, int],
    locale: str,
    live_server: LiveServer,
    open_page: Callable[..., Page],
    tickets: dict[str, str],
) -> None:
    officer = make_officer(Agency.objects.get(code="dpu-pupr"))
    page = sign_in(open_page(viewport, locale), live_server.url, officer)
    assert visit(page, live_server.url, DESK, tickets) == {}
    for agency, role in (("diskominfo-staper", "coordinator"), ("setda", "leader")):
        user = make_officer(Agency.objects.get(code=agency), role)
        page = sign_in(open_page(viewport, locale), live_server.url, user)
        pages = {
            role: "/opd/",
            f"{role}, all": "/opd/?tab=all",
            f"{role}, dashboard": "/dasbor/",
            f"{role}, wall": "/dasbor/?layar=1&putar=15&measure=overdue",
            f"{role}, concentration": "/dasbor/titik-panas/?view=development",
        }
        assert visit(page, live_server.url, pages, tickets) == {}
    page = open_page(viewport, locale)
    ticket = tickets["ticket"]
    page.goto(f"{live_server.url}/laporan/{ticket}/kunci/{secret_of(ticket)}/")
    assert page.url == f"{live_server.url}/laporan/{ticket}/"
    assert axe_findings(page) == []


def routes(patterns: list[Any], prefix: str = "") -> list[str]:
    """Return every route of the project without parameters."""
    found: list[str] = []
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += routes(entry.url_patterns, route)
        elif isinstance(entry, URLPattern) and "<" not in route and "(" not in route and "^" not in route:
            found.append("/" + route)
    return found


def test_every_answer_carries_the_strict_policy(client: Client) -> None:
    loose = {}
    for path in routes(get_resolver().url_patterns):
        if path.startswith("/admin/"):
            continue
        response = client.get(path)
        assert response.status_code < 500, path
        policy = response.headers.get("Content-Security-Policy", "")
        if "default-src 'none'" not in policy or "unsafe" in policy:
            loose[path] = policy
    assert loose == {}


def test_api_pages_work_under_the_policy(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    page = open_page(DESKTOP, "en-GB")
    page.goto(f"{live_server.url}/api/v1/docs/")
    expect(page.locator(".opblock-summary-path").filter(has_text="locate")).to_have_count(1)
