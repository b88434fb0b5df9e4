"""A real browser against a live server. A page that logs an error, breaks the CSP or asks elsewhere fails its test."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from accounts.models import User

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the test's thread

# What is awaited comes at once or, on a busy machine, late: a wait ends with it, so that a long limit costs nothing.
PATIENCE = 45_000  # milliseconds
expect.set_options(timeout=PATIENCE)

PHONE = {"width": 360, "height": 800}
DESKTOP = {"width": 1440, "height": 900}
CHROMIUM_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


CLOSED_IS_GONE = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("details:not([open]) > :not(summary) { display: none }");
    document.adoptedStyleSheets = [sheet];
}"""


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert chromium, "No Chromium found. bin/test installs it; or: apt-get install chromium-headless-shell"
    return {"executable_path": chromium, "args": CHROMIUM_ARGS}


@pytest.fixture(autouse=True)
def _requests_have_ended(transactional_db: None, browser: Browser) -> Iterator[None]:
    """Wait, after the pages are closed, for requests still under way: emptying the tables would deadlock with them.

    A test that failed may have left pages open, which keep their connections.
    """
    yield
    for context in browser.contexts:
        context.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any("process_request_thread" in thread.name for thread in threading.enumerate()):
            return
        time.sleep(0.05)


@pytest.fixture
def watched() -> Iterator[Callable[[Page], Page]]:
    """Watch pages; at the end no console error, CSP violation, page error or outside request may have happened."""
    troubles: list[str] = []

    def watch(page: Page) -> Page:
        def on_console(message: ConsoleMessage) -> None:
            if message.type == "error":
                troubles.append(f"console: {message.text} ({message.location.get('url', '')})")

        def on_request(request: Request) -> None:
            if not request.url.startswith(("http://localhost", "http://127.0.0.1", "data:", "blob:")):
                troubles.append(f"outside request: {request.url}")

        page.on("console", on_console)
        page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
        page.on("request", on_request)
        return page

    yield watch
    assert troubles == []


@pytest.fixture
def open_page(browser: Browser, watched: Callable[[Page], Page]) -> Iterator[Callable[..., Page]]:
    """Return `open_page(viewport=PHONE, locale="id-ID", **context options)`: a watched page in a context of its own."""
    contexts: list[BrowserContext] = []

    def make(viewport: dict[str, int] = PHONE, locale: str = "id-ID", **options: Any) -> Page:
        context = browser.new_context(viewport=viewport, locale=locale, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return watched(context.new_page())

    yield make
    for context in contexts:
        context.close()


def sign_in(page: Page, base: str, user: User) -> Page:
    """Give the page the session of a signed-in person at the site `base`; return the page."""
    client = Client()
    client.force_login(user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": base}])
    return page


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """Return `shot(page, name)`: save a screenshot for docs/ when SCREENSHOTS names a folder."""

    def save(page: Page, name: str) -> None:
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(folder) / f"{name}.png"))

    return save


def axe_findings(page: Page, *rules: str) -> list[str]:
    """Return what axe-core finds on the page as `rule: selector`, by these rules or by all; [] when nothing.

    Chromium skips what is in a closed `details` but keeps its place, and axe takes a button in there for what lies
    behind the words that are at that place. So it is taken out while axe looks.
    """
    page.evaluate(CLOSED_IS_GONE)
    every = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    result = Axe().run(page, options={"runOnly": list(rules) or every, "resultTypes": ["violations"]})
    page.evaluate("document.adoptedStyleSheets = []")
    return [f"{violation['id']}: {node['target']}" for violation in result["violations"] for node in violation["nodes"]]
