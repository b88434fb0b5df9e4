import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.utils.module_loading import import_string

import incidents.notify  # noqa: F401  importing registers the handlers

log = logging.getLogger(__name__)

POLL_S = 1.0
HOURLY_S = 3_600.0

Job = Callable[[], Any]


class Command(BaseCommand):
    help = "Do the background work that settings name (WORKER_JOBS, WORKER_HOURLY), until told to stop."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="Do everything that is due, then end.")

    def handle(self, *args: Any, **options: Any) -> None:
        jobs: list[Job] = [import_string(name) for name in settings.WORKER_JOBS]
        hourly: list[Job] = [import_string(name) for name in settings.WORKER_HOURLY]
        if options["once"]:
            while sum(bool(job()) for job in jobs):  # all of them each time
                pass
            for job in hourly:
                job()
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        next_hourly = 0.0
        while not stop.is_set():
            close_old_connections()
            busy = [_guarded(job) for job in jobs]
            if time.monotonic() >= next_hourly:
                for job in hourly:
                    _guarded(job)
                next_hourly = time.monotonic() + HOURLY_S
            if not any(busy):
                stop.wait(POLL_S)


def _guarded(job: Job) -> Any:
    """Run `job`; a failure is logged and tried again in the next round, so that the other jobs go on."""
    try:
        return job()
    except Exception:
        log.exception("worker job %s failed; it is tried again", job.__name__)
        return None
