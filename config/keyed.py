"""Requests for data that come with an API key: a wrong key is refused, answers stay private, use is counted."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from config.problems import response_for
from config.short_way import API, OGC, TILES
from layers import keys, usage
from layers.errors import WrongKey

DATA = "/data/"


class KeyedRequests:
    """Middleware: look at the key of a request for data before anything else, and at the answer after.

    A key is no session: it opens layers (layers/access.py) and nothing else.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith((OGC, TILES, DATA, API)):
            return self.get_response(request)
        try:
            with translation.override(translation.get_language_from_request(request)):
                keys.key_of(request)
        except WrongKey as error:
            response = _refused(request, error)
        else:
            response = self.get_response(request)
            usage.count(request, response)
            response.layer_id = getattr(request, "layer_id", None)  # type: ignore[attr-defined]  # config/kept_answers.py
        spoke = "Authorization" in request.headers or "X-API-Key" in request.headers
        if spoke and not response.headers.get("Cache-Control", "").startswith("private"):
            response["Cache-Control"] = "private, no-cache"
        if getattr(request, "who_was_asked", False):
            patch_vary_headers(response, ["Authorization", "X-API-Key"])
        return response


def _refused(request: HttpRequest, error: WrongKey) -> HttpResponse:
    with translation.override(translation.get_language_from_request(request)):
        response = response_for(error)
    assert response is not None  # noqa: S101  config/problems.py knows it
    response["WWW-Authenticate"] = 'Bearer realm="Kutim Pintar", error="invalid_token"'
    return response
