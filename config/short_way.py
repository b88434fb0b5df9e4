"""Tiles, features and the public API are the same for everybody: no session, sign-in or page policy is in their way."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import resolve
from django.utils import translation
from django.utils.cache import patch_vary_headers

from config.problems import response_for
from layers.access import says_who

TILES = "/tiles/"
API = "/api/"
OGC = "/ogc/"
POLICY = "default-src 'none'; frame-ancestors 'none'"
"""The content security policy of data: it is no page, and no page may frame it."""


class ShortWayMiddleware:
    """Answer tiles, API views that say `short_way = True`, and /ogc/ views that say `asks_who`, straight from the view.

    So is a method refused that an /ogc/ view does not name in its `methods`: on the long way the check of the CSRF
    token comes before the view, and would answer that a token is missing.

    What goes wrong becomes a problem document in the asked language. Everything else goes the long way. On either way
    the language is what `Accept-Language` asks for: the cookie by which people choose that of the pages is taken out,
    so that an answer which anybody may keep depends on nothing but what its `Vary` names.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith((TILES, API, OGC)):
            return self.get_response(request)
        try:
            match = resolve(request.path_info)
        except Http404:
            match = None
        if not request.path_info.startswith(OGC) or _for_programs(request):
            request.COOKIES.pop(settings.LANGUAGE_COOKIE_NAME, None)
        if match is None:
            return self.get_response(request)
        view, args, kwargs = match
        in_api = request.path_info.startswith(API)
        if in_api:
            if not getattr(getattr(view, "cls", None), "short_way", False):
                return self.get_response(request)
        elif request.method in getattr(view, "methods", (request.method,)):
            if request.path_info.startswith(OGC) and not (getattr(view, "asks_who", False) and _for_programs(request)):
                return self.get_response(request)
            if (
                getattr(view, "asks_who", False)
                and settings.SESSION_COOKIE_NAME in request.COOKIES
                and not says_who(request)
            ):
                return self.get_response(request)  # what not everybody may see or change, for somebody who signed in
        language = translation.get_language_from_request(request)
        with translation.override(language):
            response = _answer(lambda: view(request, *args, **kwargs), request.path)
            if in_api and hasattr(response, "render"):
                response.render()
        if in_api:
            response["Content-Language"] = language
            patch_vary_headers(response, ["Accept-Language"])
        response["Content-Security-Policy"] = POLICY
        return response


def _for_programs(request: HttpRequest) -> bool:
    """Whether the answer is certainly no page."""
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        return True
    if "f" in request.GET:
        return request.GET["f"] != "html"
    return "text/" not in request.headers.get("Accept", "")


def _answer(view: Callable[[], Any], path: str) -> HttpResponse:
    """Call the view; what it raises becomes its problem document."""
    try:
        return view()
    except Exception as error:
        answer = response_for(error, path)
        if answer is None:
            raise
        return answer
