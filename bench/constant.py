"""The least that gunicorn can serve: an application that looks at nothing and answers a constant."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b"." * 1_000
"""About as long as a tile of a low zoom."""
HEADERS = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]
