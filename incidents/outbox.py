"""At-least-once delivery: a message is a row of the transaction that it tells about.

A claim counts the attempt and sets a lease, in one statement with SKIP LOCKED; done and failed are fenced by the
attempt number, so a worker that lost its lease changes nothing. A message that was claimed `ATTEMPTS_MAX` times without
success is given up, also when it kills its worker each time. Handlers must be idempotent by message id.
"""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from incidents.models.outbox import OutboxMessage

log = logging.getLogger(__name__)

ATTEMPTS_MAX = 8
LEASE = dt.timedelta(seconds=60)
BACK_OFF = dt.timedelta(seconds=10)
"""Wait before the second attempt; doubled for each further one."""

Handler = Callable[[OutboxMessage], None]
HANDLERS: dict[str, Handler] = {}

_CLAIM = """
    UPDATE incidents_outboxmessage m
    SET attempts = m.attempts + 1, due_at = statement_timestamp() + make_interval(secs => %s)
    FROM (
        SELECT id FROM incidents_outboxmessage
        WHERE state = 'waiting' AND due_at <= statement_timestamp() AND attempts < %s
        ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
    ) free
    WHERE m.id = free.id
    RETURNING m.id
"""


def handles(topic: str) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of `topic`."""

    def register(handler: Handler) -> Handler:
        HANDLERS[topic] = handler
        return handler

    return register


def send(topic: str, **payload: Any) -> None:
    """Write a message into the current transaction; the worker delivers it after the commit."""
    OutboxMessage.objects.create(topic=topic, payload=payload)


def deliver_due(*, limit: int = 20) -> int:
    """Claim up to `limit` due messages, deliver each, and return how many were claimed."""
    give_up()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [LEASE.total_seconds(), ATTEMPTS_MAX, limit])
        ids = [row[0] for row in cursor.fetchall()]
    for message in OutboxMessage.objects.filter(pk__in=ids).order_by("pk"):
        _deliver(message)
    return len(ids)


def give_up() -> int:
    """Move messages whose last allowed attempt has run out of its lease to the dead letters; return how many."""
    return OutboxMessage.objects.filter(state="waiting", attempts__gte=ATTEMPTS_MAX, due_at__lte=Now()).update(
        state="dead", done_at=Now()
    )


def _deliver(message: OutboxMessage) -> None:
    mine = OutboxMessage.objects.filter(pk=message.pk, attempts=message.attempts, state="waiting")
    if not mine.update(due_at=timezone.now() + LEASE):
        return  # those before it took longer than the lease, and another worker has it now
    try:
        HANDLERS[message.topic](message)
    except Exception as error:  # noqa: BLE001  whatever a handler raises is recorded and tried again
        log.warning(
            "outbox message %s (%s) failed at attempt %s: %s", message.pk, message.topic, message.attempts, error
        )
        wait = BACK_OFF * 2 ** (message.attempts - 1)
        mine.update(due_at=timezone.now() + wait, last_error=f"{type(error).__name__}: {error}"[:2_000])
    else:
        mine.update(state="done", done_at=Now(), last_error="")
