"""The content security policy of /admin/: unfold's Alpine.js evaluates expressions and sets inline styles."""

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse


class AdminCSPMiddleware:
    """Loosen the policy for staff pages below /admin/ only; every other page keeps the strict one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            # `_csp_update` is how django-csp's own decorators hand over a change.
            response._csp_update = {  # type: ignore[attr-defined]
                "script-src": [UNSAFE_EVAL],
                "style-src": [UNSAFE_INLINE],
            }
            response._csp_replace = {"style-src": [SELF]}  # type: ignore[attr-defined]  # a nonce would void the line above
        return response
