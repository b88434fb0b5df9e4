import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

import incidents.notify  # noqa: F401  importing registers the handlers
from incidents import drafts, moves, outbox, rollups

log = logging.getLogger(__name__)

POLL_S = 1.0
HOURLY_S = 3_600.0


class Command(BaseCommand):
    help = "Deliver messages, fold the map's counts, close silent reports and clear old drafts, until told to stop."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="Do everything that is due, then end.")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        if options["once"]:
            while outbox.deliver_due():
                pass
            rollups.fold()
            _hourly()
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        next_hourly = 0.0
        while not stop.is_set():
            close_old_connections()
            busy = _guarded(outbox.deliver_due)
            _guarded(rollups.fold)
            if time.monotonic() >= next_hourly:
                _guarded(_hourly)
                next_hourly = time.monotonic() + HOURLY_S
            if not busy:
                stop.wait(POLL_S)


def _hourly() -> None:
    moves.close_all_silent()
    drafts.clear_old()


def _guarded(job: Callable[[], Any]) -> Any:
    """Run `job`; a failure is logged and tried again in the next round, so that the other jobs go on."""
    try:
        return job()
    except Exception:
        log.exception("worker job %s failed; it is tried again", job.__name__)
        return None
