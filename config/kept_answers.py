"""Answers that are the same for everybody, kept by each process until something is written.

PostgreSQL names what a statement sees by its snapshot; two statements with one snapshot see the same rows, so a kept
answer is as exact as a new one. Any transaction that ends in the cluster begins another snapshot and empties the
memory. Standbys describe theirs incompletely, and a condition on the clock changes by itself: neither is kept.

This lies around the whole site (config/wsgi.py): looking up a snapshot and a memory costs half of what Django's
handling of a request does, and tiles are what is asked for most (docs/adr/0070).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.utils import timezone
from django.utils.http import parse_etags

from geo.tiles import takes_gzip
from layers import usage
from layers.models import LayerUse

KEPT_BYTES = 8_000_000
KEPT_OVERHEAD = 1_500
"""Bytes that a kept answer takes besides body and query: empty tiles of many questions must not be kept without end."""
PREFIX = "/tiles/"
"""Tiles of public reports, areas and public layers."""
BY_THE_CLOCK = "overdue"
STAMP = re.compile(r"(?:^|&)v=[^&]*")
"""What only tells browsers' caches apart."""

SAID_BY = {"", "accept-encoding", "cookie", "authorization", "x-api-key"}
"""On what a kept answer may hang: `key_of` tells these apart, or sends the request the long way."""
OF_A_BODY = {"Content-Type", "Content-Length", "Content-Encoding"}

Headers = list[tuple[str, str]]
Key = tuple[str, str, bool]
Site = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class Answer:
    """What a first reader got: its status line, headers and body."""

    status: str
    headers: Headers
    body: bytes
    etag: str
    layer: int | None
    """The id of the layer that it tells of: its use is counted."""

    def send(self, asked: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer again; 304 to a browser that has it, by the `If-None-Match` it sent."""
        if asked and not {"*", self.etag, self.etag.removeprefix("W/")}.isdisjoint(parse_etags(asked)):
            self._count(0)
            start_response("304 Not Modified", [pair for pair in self.headers if pair[0] not in OF_A_BODY])
            return []
        self._count(len(self.body))
        start_response(self.status, self.headers)
        return [self.body]

    def _count(self, size: int) -> None:
        if self.layer is not None:
            usage.add((timezone.localdate(), LayerUse.Kind.TILES, self.layer, None), 1, size)


@dataclass
class Kept:
    """Answers made from what `snapshot` sees."""

    snapshot: str = ""
    answers: dict[Key, Answer] = field(default_factory=dict)
    bytes: int = 0

    def add(self, key: Key, answer: Answer) -> None:
        self.answers[key] = answer
        self.bytes += len(answer.body) + len(key[1]) + KEPT_OVERHEAD


class KeptAnswers:
    """The site, with a memory in front: a WSGI application."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.kept = Kept()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        key = key_of(environ)
        seen = snapshot() if key else ""
        if key is None or not seen:
            return self.site(environ, start_response)
        kept = self.kept  # another thread may put a new one in its place meanwhile
        if kept.snapshot != seen or kept.bytes > KEPT_BYTES:
            self.kept = Kept(seen)
            return self.site(environ, start_response)  # while others write all the time, keeping costs no second look
        if key in kept.answers:
            return kept.answers[key].send(environ.get("HTTP_IF_NONE_MATCH", ""), start_response)
        said: list[tuple[str, Headers]] = []

        def listen(status: str, headers: Headers, *more: Any) -> Any:
            said.append((status, headers))
            return start_response(status, headers, *more)

        response = self.site(environ, listen)
        # The same snapshot before and after: nothing ended between the two, so that all statements saw the same.
        if isinstance(response, HttpResponse) and may_be_kept(response) and snapshot() == seen:
            (status, headers), body, etag = said[-1], response.content, response["ETag"]
            kept.add(key, Answer(status, headers, body, etag, getattr(response, "layer_id", None)))
        return response


def key_of(environ: dict[str, Any]) -> Key | None:
    """Return by what a request's answer is kept; None when it is not: it says who asks, or depends on the clock."""
    query = environ.get("QUERY_STRING", "")
    if (
        not environ["PATH_INFO"].startswith(PREFIX)
        or environ["REQUEST_METHOD"] != "GET"
        or BY_THE_CLOCK in query
        or "%" in query  # a name may be written in many ways: such a query goes the long way
        or settings.SESSION_COOKIE_NAME in environ.get("HTTP_COOKIE", "")
        or "HTTP_AUTHORIZATION" in environ
        or "HTTP_X_API_KEY" in environ
    ):
        return None
    return environ["PATH_INFO"], STAMP.sub("", query), takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))


def may_be_kept(response: HttpResponse) -> bool:
    """Whether everybody may get this answer."""
    return (
        response.status_code in {200, 204}
        and response.get("Cache-Control", "").startswith("public")
        and "ETag" in response
        and not response.cookies
        and SAID_BY.issuperset(name.strip() for name in response.get("Vary", "").lower().split(","))
    )


def snapshot() -> str:
    """Return the name of what is visible now; '' where it tells too little, and when the database does not answer."""
    if connection.in_atomic_block:
        return ""
    try:
        connection.close_if_unusable_or_obsolete()
        with connection.cursor() as cursor:
            cursor.execute("SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_current_snapshot()::text END")
            return str(cursor.fetchone()[0])
    except DatabaseError:
        return ""
