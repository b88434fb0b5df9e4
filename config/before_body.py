"""What can be refused is refused before a request's body is read: files would lie on the disk by then.

A view says by its attribute `before_body` what to look at first: it gets the request and the address's parts, raises
what `config/problems.py` knows, or returns an answer; None lets the request through. Any other view takes a body of
`settings.BODY_MAX_BYTES` from people who signed in, and from others what needs no file. This stands before the check of
the CSRF token, which reads the body.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.limits import content_length, refuse_too_large
from config.problems import answer_for

WITH_BODY = {"POST", "PUT", "PATCH"}


class BeforeBodyMiddleware:
    """Ask the view's `before_body`, or hold the body to the common limit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Return the refusal, or None."""
        if request.method not in WITH_BODY:
            return None
        check: Callable[..., HttpResponse | None] | None = getattr(view, "before_body", None)
        try:
            if check:
                return check(request, **kwargs)
            _hold_to_common_limit(request)
        except Exception as error:
            answer = answer_for(request, error)
            if answer is None:
                raise
            return answer
        return None


def _hold_to_common_limit(request: HttpRequest) -> None:
    if content_length(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:  # only then it matters who it is
        may_send_files = request.user.is_authenticated
        refuse_too_large(request, settings.BODY_MAX_BYTES if may_send_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
