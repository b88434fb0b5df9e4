"""Pages of the site as a whole: what it is, privacy, help, the language, and what browsers and robots ask for."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import set_language as django_set_language

CLOSED_TO_ROBOTS = ("/opd/", "/akun/", "/admin/", "/lapor/", "/laporan/*/kunci/")


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """Show what this is, who answers, and how the way of a report is chosen."""
    return render(request, "pages/about.html")


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Show what is stored, who sees it, and how to reach those responsible."""
    return render(request, "pages/privacy.html", {"contact": settings.CONTACT})


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Show how to report, and answers to what people ask."""
    return render(request, "pages/help.html")


# A forged request could at most change the language; without the exemption every public page would need a cookie, and
# a page left open for long would answer "forbidden" to somebody who only wants to read.
@csrf_exempt
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Keep the asked language in a cookie and go back to the page; form fields `language` and `next`."""
    return django_set_language(request)


@require_safe
@cache_control(max_age=86_400, public=True)
def favicon(request: HttpRequest) -> HttpResponse:
    """Send those who ask for /favicon.ico without reading the page to our icon."""
    return HttpResponseRedirect(static("img/icon-32.png"))


@require_safe
def manifest(request: HttpRequest) -> JsonResponse:
    """Describe the site to phones that put it on the home screen (W3C Web Application Manifest)."""
    return JsonResponse(
        {
            "id": "/",
            "name": "Kutim Pintar",
            "short_name": "Kutim Pintar",
            "description": _("Report a problem, see who answers and by when."),
            "lang": get_language() or "id",
            "dir": "ltr",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#fbfaf6",
            "theme_color": "#0f5c4a",
            "icons": [
                {"src": static("img/favicon.svg"), "type": "image/svg+xml", "sizes": "any"},
                {"src": static("img/icon-192.png"), "type": "image/png", "sizes": "192x192"},
                {"src": static("img/icon-512.png"), "type": "image/png", "sizes": "512x512"},
                {
                    "src": static("img/icon-maskable-512.png"),
                    "type": "image/png",
                    "sizes": "512x512",
                    "purpose": "maskable",
                },
            ],
            "shortcuts": [{"name": _("Report a problem"), "url": reverse("report_new")}],
        },
        content_type="application/manifest+json",
    )


@require_safe
@cache_control(max_age=86_400, public=True)
def robots(request: HttpRequest) -> HttpResponse:
    """Tell robots which pages are not for them: forms, the desk, secret links."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in CLOSED_TO_ROBOTS), ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
