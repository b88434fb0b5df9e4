"""Tiles come many at a time and are the same for everybody: no session, sign-in, language or page policy for them."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.utils import translation

from config.problems import response_for

PREFIX = "/tiles/"


class ShortWayMiddleware:
    """Answer /tiles/ straight from the view; what goes wrong becomes a problem document in the asked language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        try:
            view, args, kwargs = resolve(request.path_info)
            if getattr(view, "asks_who", False) and settings.SESSION_COOKIE_NAME in request.COOKIES:
                return self.get_response(request)  # tiles that not everybody may see, for somebody who signed in
            return view(request, *args, **kwargs)
        except Exception as error:
            with translation.override(translation.get_language_from_request(request)):
                answer = response_for(error)
            if answer is None:
                raise
            return answer
