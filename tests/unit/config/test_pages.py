"""The site's own pages: words, language, what browsers and robots ask for, and errors."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import include, path, reverse
from django.utils import translation

CSS = Path(settings.BASE_DIR) / "static" / "css"
NAMES = ["about", "privacy", "help"]


def _refuse(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def _misread(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation


def _lose(request: HttpRequest) -> HttpResponse:
    raise Http404


def _break(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("meant to break")


urlpatterns = [
    path("", include("config.urls")),
    path("uji/403/", _refuse),
    path("uji/400/", _misread),
    path("uji/404/", _lose),
    path("uji/500/", _break),
]


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["id", "en"])
def test_page_says_its_language_and_has_one_heading(client: Client, name: str, language: str) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    html = client.get(reverse(name)).content.decode()
    assert f'<html lang="{language}">' in html
    assert html.count("<h1") == 1
    assert 'href="#main"' in html


@pytest.mark.django_db
@pytest.mark.parametrize("name", [*NAMES, "account_login"])
def test_page_needs_nothing_inline_and_nothing_from_outside(client: Client, name: str) -> None:
    response = client.get(reverse(name))
    html = response.content.decode()
    assert "unsafe-inline" not in response["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*src=)", html)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', html)


@pytest.mark.django_db
def test_set_language_comes_back_to_the_page_without_a_token() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(reverse("set_language"), {"language": "en", "next": "/bantuan/?a=1"})
    assert (response.status_code, response["Location"]) == (302, "/bantuan/?a=1")
    assert response.cookies[settings.LANGUAGE_COOKIE_NAME].value == "en"
    assert '<html lang="en">' in client.get("/bantuan/").content.decode()


@pytest.mark.django_db
def test_set_language_never_leaves_the_site(client: Client) -> None:
    response = client.post(reverse("set_language"), {"language": "en", "next": "https://elsewhere.example/"})
    assert response["Location"] == "/"


@pytest.mark.django_db
def test_set_language_refuses_get(client: Client) -> None:
    assert client.get(reverse("set_language")).status_code == 405


@pytest.mark.django_db
def test_manifest_names_icons_that_exist_and_one_that_may_be_cut(client: Client) -> None:
    response = client.get(reverse("manifest"))
    assert response["Content-Type"] == "application/manifest+json"
    body = response.json()
    for icon in body["icons"]:
        assert finders.find(icon["src"].removeprefix(settings.STATIC_URL)), icon
    assert [icon.get("purpose") for icon in body["icons"]].count("maskable") == 1
    assert body["shortcuts"][0]["url"] == "/lapor/"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/robots.txt", "/manifest.webmanifest", "/tentang/", "/bantuan/"])
def test_head_is_answered_as_get_is(client: Client, path: str) -> None:
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Type"] == client.get(path)["Content-Type"]


@pytest.mark.django_db
def test_favicon_leads_to_an_icon_that_exists(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert finders.find(response["Location"].removeprefix(settings.STATIC_URL))


@pytest.mark.django_db
def test_robots_keeps_them_from_forms_desk_and_secret_links(client: Client) -> None:
    body = client.get("/robots.txt").content.decode()
    for closed in ("/lapor/", "/opd/", "/akun/", "/admin/", "/laporan/*/kunci/"):
        assert f"Disallow: {closed}\n" in body


@pytest.mark.django_db
@pytest.mark.urls(__name__)
@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_error_has_its_own_page_with_a_way_on(status: int, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(raise_request_exception=False)
    response = client.get(f"/uji/{status}/", headers={"accept-language": "id"})
    html = response.content.decode()
    assert response.status_code == status
    assert f">{status}</p>" in html
    assert 'href="/"' in html


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_error_404_offers_to_look_for_a_ticket(client: Client) -> None:
    html = client.get("/uji/404/").content.decode()
    assert f'action="{reverse("track")}"' in html
    assert 'name="ticket"' in html


@pytest.mark.django_db
def test_error_csrf_says_that_nothing_was_changed() -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    response = client.post(reverse("account_login"), {"login": "a", "password": "b"})
    assert response.status_code == 403
    assert "Nothing was changed" in response.content.decode()


@pytest.mark.parametrize("template", ["400.html", "500.html"])
def test_error_is_drawn_without_request_or_database(template: str) -> None:
    # no django_db mark: a query would fail the test
    with translation.override("en"):
        assert '<html lang="en">' in render_to_string(template)


@pytest.mark.django_db
def test_header_offers_the_account_only_to_those_signed_in(client: Client, django_user_model: type) -> None:
    assert reverse("account_change_password") not in client.get("/bantuan/").content.decode()
    person = django_user_model.objects.create_user("petugas", "p@example.org", "sungai-jernih-12")  # type: ignore[attr-defined]
    client.force_login(person)
    html = client.get("/bantuan/").content.decode()
    assert reverse("account_change_password") in html
    assert f'href="{reverse("desk")}"' not in html  # no membership, no desk


@pytest.mark.django_db
def test_sign_in_keeps_the_name_and_puts_the_error_first(client: Client) -> None:
    html = client.post(reverse("account_login"), {"login": "petugas", "password": "wrong"}).content.decode()
    assert 'value="petugas"' in html
    assert html.index('class="error-summary"') < html.index('id="id_login"')


def test_field_ties_hint_and_error_to_its_input() -> None:
    from django import forms

    class Form(forms.Form):
        title = forms.CharField(help_text="One short sentence.")

    html = render_to_string("includes/field.html", {"field": Form({})["title"]})
    described = re.search(r'aria-describedby="([^"]+)"', html)
    assert described
    for target in described[1].split():
        assert f'id="{target}"' in html
    assert 'aria-invalid="true"' in html


def test_language_switch_escapes_the_address() -> None:
    request = RequestFactory().get('/laporan/?q="><script>alert(1)</script>')
    html = render_to_string("includes/language.html", {"request": request})
    assert "<script>" not in html


def test_icons_hold_every_name_that_templates_use() -> None:
    sprite = (CSS.parent / "img" / "icons.svg").read_text()
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    used: set[str] = set()
    for template in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        used |= set(re.findall(r'includes/icon\.html" with name="([a-z-]+)"(?!\|)', template.read_text()))
    assert used <= known


def test_icons_have_one_for_each_status() -> None:
    from incidents.models.reports import Status

    sprite = (CSS.parent / "img" / "icons.svg").read_text()
    components = (CSS / "components.css").read_text()
    for status in Status.values:
        assert f'id="status-{status}"' in sprite
        assert f".status--{status} " in components


def _tokens() -> list[dict[str, str]]:
    """The light and the two dark sets of colours."""
    css = (CSS / "tokens.css").read_text()
    light, by_device, by_choice = re.split(
        r'@media screen and \(prefers-color-scheme: dark\)|:root\[data-theme="dark"\]', css
    )
    return [dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", part)) for part in (light, by_device, by_choice)]


def _contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_tokens_dark_by_device_and_by_choice_are_the_same() -> None:
    _, by_device, by_choice = _tokens()
    assert by_device == by_choice


@pytest.mark.parametrize("tokens", _tokens()[:2], ids=["light", "dark"])
def test_tokens_words_can_be_read(tokens: dict[str, str]) -> None:
    surfaces = ["paper", "surface", "sand", "sand-deep"]
    for surface in surfaces:
        assert _contrast(tokens["ink"], tokens[surface]) >= 7, surface
        assert _contrast(tokens["ink-soft"], tokens[surface]) >= 7, surface
        for word in ("ink-faint", "river", "clay", "danger", "forest"):
            assert _contrast(tokens[word], tokens[surface]) >= 4.5, (word, surface)
    for surface in ("paper", "surface"):
        assert _contrast(tokens["line-strong"], tokens[surface]) >= 3, surface
    assert _contrast(tokens["on-forest"], tokens["forest"]) >= 4.5
    statuses = [name for name in tokens if name.startswith("status-") and not name.endswith("-tint")]
    assert len(statuses) == 9
    for status in statuses:
        assert _contrast(tokens["ink"], tokens[f"{status}-tint"]) >= 7, status
        assert _contrast(tokens[status], tokens[f"{status}-tint"]) >= 3, status


def test_privacy_page_names_the_contact_when_there_is_one(client: Client, settings: Any) -> None:
    settings.CONTACT = ""
    assert "Where to write" not in client.get("/privasi/", headers={"Accept-Language": "en"}).content.decode()
    settings.CONTACT = "privasi@example.go.id, Jl. <b>Soekarno</b> 1"
    page = client.get("/privasi/", headers={"Accept-Language": "en"}).content.decode()
    assert '<a href="mailto:privasi@example.go.id">privasi@example.go.id</a>, Jl. &lt;b&gt;Soekarno&lt;/b&gt; 1' in page
