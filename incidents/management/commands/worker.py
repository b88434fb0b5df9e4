import logging
import signal
import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections, connection
from django.utils.module_loading import import_string

import incidents.notify  # noqa: F401  importing registers the handlers

log = logging.getLogger(__name__)

HOUR_S = 3_600.0
END_S = 20.0
"""How long a job that is under way may take to end when the worker is told to stop."""

Job = Callable[[], Any]


class Command(BaseCommand):
    help = "Do the background work that settings name (WORKER_JOBS, WORKER_HOURLY), until told to stop."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="Do everything that is due, then end.")

    def handle(self, *args: Any, **options: Any) -> None:
        jobs: dict[Job, float] = {import_string(name): pause_s for name, pause_s in settings.WORKER_JOBS.items()}
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
        # A thread for each: reading a large upload takes minutes, and letters do not wait for it.
        threads = [
            threading.Thread(target=_repeat, args=(job, pause_s, stop), daemon=True) for job, pause_s in jobs.items()
        ]
        threads += [threading.Thread(target=_repeat, args=(job, HOUR_S, stop, True), daemon=True) for job in hourly]
        for thread in threads:
            thread.start()
        stop.wait()
        for thread in threads:
            thread.join(END_S)


def _repeat(job: Job, pause_s: float, stop: threading.Event, always_pause: bool = False) -> None:
    """Run `job` again and again; pause when it has no more to do (or always). A failure is logged and tried again."""
    while not stop.is_set():
        close_old_connections()
        busy = False
        try:
            busy = bool(job())
        except Exception:
            log.exception("worker job %s failed; it is tried again", job.__name__)
        if always_pause or not busy:
            stop.wait(pause_s)
    connection.close()
