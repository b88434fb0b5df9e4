"""How much each layer and each API key is used: a day, a kind of answer, a number, bytes. People are not counted.

A process adds up what it answers and writes the sums now and then (layers/written_later.py).
"""

import datetime as dt
import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from layers.models import ApiKey, LayerUse
from layers.written_later import WrittenLater

log = logging.getLogger(__name__)

Kind = LayerUse.Kind
Row = tuple[dt.date, str, int | None, int | None]
"""Day, kind, layer, key."""

WAITING_MAX = 20_000
"""Sums that a process holds while the database is away."""

_WRITE = """
    INSERT INTO layers_layeruse AS told (day, kind, layer_id, key_id, n, bytes)
    SELECT new.day, new.kind, new.layer, new.key, new.n, new.bytes
    FROM unnest(%s::date[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
        AS new(day, kind, layer, key, n, bytes)
    WHERE (new.layer IS NULL OR EXISTS (SELECT FROM layers_layer l WHERE l.id = new.layer))
      AND (new.key IS NULL OR EXISTS (SELECT FROM layers_apikey k WHERE k.id = new.key))
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (day, kind, layer_id, key_id) DO UPDATE SET n = told.n + excluded.n, bytes = told.bytes + excluded.bytes
"""


@dataclass
class _Sums:
    """What this process has not written yet."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rows: dict[Row, tuple[int, int]] = field(default_factory=dict)
    keys: dict[int, dt.datetime] = field(default_factory=dict)


_sums = _Sums()


def kind_of(path: str) -> str:
    """Return which kind of answer an address gives."""
    if path.startswith("/tiles/") or "/tiles/WebMercatorQuad/" in path:
        return Kind.TILES
    if path.startswith("/ogc/collections/") and "/items" in path:
        return Kind.ITEMS
    if path.startswith("/data/") and "/unduh/" in path:
        return Kind.DOWNLOADS
    return Kind.OTHER


def count(request: HttpRequest, response: HttpResponseBase) -> None:
    """Count an answer if it told of a layer (layers/access.py says so) or came by a key; refusals are not counted."""
    layer, key = getattr(request, "layer_id", None), getattr(request, "api_key", None)
    if response.status_code >= 400 or (layer is None and key is None):
        return
    row = (timezone.localdate(), kind_of(request.path_info), layer, key.pk if key else None)
    if isinstance(response, StreamingHttpResponse) and not response.has_header("Content-Length"):
        add(row, 1, 0)
        response.streaming_content = _measured(response.streaming_content, row)  # type: ignore[arg-type]
        return
    length = response.headers.get("Content-Length")
    size = int(length) if length and length.isdigit() else len(getattr(response, "content", b""))
    add(row, 1, 0 if request.method == "HEAD" else size)


def add(row: Row, n: int, size: int) -> None:
    """Add to the sums of this process."""
    with _sums.lock:
        if row in _sums.rows or len(_sums.rows) < WAITING_MAX:
            was_n, was_size = _sums.rows.get(row, (0, 0))
            _sums.rows[row] = (was_n + n, was_size + size)
        if row[3] is not None:
            _sums.keys[row[3]] = timezone.now()
    _writing.soon()


def flush() -> int:
    """Write the sums of this process; return how many rows. What cannot be written waits for the next time."""
    with _sums.lock:
        rows, keys = _sums.rows, _sums.keys
        _sums.rows, _sums.keys = {}, {}
    if not rows:
        return 0
    try:
        _write(rows, keys)
    except DatabaseError:
        log.warning("the use of layers could not be written; it waits", exc_info=True)
        for row, (n, size) in rows.items():
            add(row, n, size)
        return 0
    return len(rows)


def forget() -> None:
    """Drop the sums of this process unwritten."""
    with _sums.lock:
        _sums.rows, _sums.keys = {}, {}


@transaction.atomic
def _write(rows: dict[Row, tuple[int, int]], keys: dict[int, dt.datetime]) -> None:
    columns = [list(column) for column in zip(*((*row, *sums) for row, sums in rows.items()), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, columns)
    for pk, moment in sorted(keys.items()):
        ApiKey.objects.filter(pk=pk).update(last_used_at=moment)


def _measured(chunks: Iterable[bytes], row: Row) -> Iterator[bytes]:
    """Give the chunks on and add up their bytes, also when the client goes away."""
    size = 0
    try:
        for chunk in chunks:
            size += len(chunk)
            yield chunk
    finally:
        add(row, 0, size)


_writing = WrittenLater(flush)
