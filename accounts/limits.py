"""How often one client address may do something, and how much it may send: told before a body is read."""

from typing import Any

from django.core.cache import caches
from django.http import HttpRequest
from rest_framework.throttling import SimpleRateThrottle

from accounts.errors import TooMuch, TooOften


class ByAddress(SimpleRateThrottle):
    """Limit requests for each client address; the rate is settings' `DEFAULT_THROTTLE_RATES[scope]`.

    Counted in fixed windows: a number, where DRF's own throttles keep and rewrite a list of all recent requests.
    The counts have a cache of their own, so that nobody pushes them out by asking for what the other caches keep.
    """

    cache = caches["limits"]

    def get_cache_key(self, request: Any, view: Any) -> str | None:
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}

    def allow_request(self, request: Any, view: Any) -> bool:
        if self.rate is None:
            return True
        duration: int = self.duration  # type: ignore[attr-defined]  # set by DRF's __init__ from the rate
        window, passed = divmod(self.timer(), duration)
        self.left_s = duration - passed
        key = f"{self.get_cache_key(request, view)}:{window:.0f}"
        if self.cache.add(key, 1, timeout=duration):
            return True
        allowed: int = self.num_requests  # type: ignore[attr-defined]
        try:
            return self.cache.incr(key) <= allowed
        except ValueError:  # a full cache dropped the count between the two lines
            return True

    def wait(self) -> float:
        """Return the seconds until the next window."""
        return self.left_s


def refuse_too_often(request: HttpRequest, limit: type[ByAddress]) -> None:
    """Count the request. Raise TooOften when its address is beyond the limit."""
    counter = limit()
    if not counter.allow_request(request, None):
        raise TooOften(counter.wait())


def refuse_too_large(request: HttpRequest, most_bytes: int) -> None:
    """Raise TooMuch if the request announces more than `most_bytes`. (Without a length, none of it is read.)"""
    announced = content_length(request)
    if announced > most_bytes:
        raise TooMuch(announced, most_bytes)


def content_length(request: HttpRequest) -> int:
    """Return the bytes that the request announces; 0 for none."""
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isdecimal() else 0
