"""Sums that a process keeps and writes now and then, so that no request waits for a row that others write too."""

import atexit
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection


@dataclass
class WrittenLater:
    """Calls `write` `COUNT_USE_EVERY_S` seconds after the first call of `soon` (0: never), and when the process ends.

    A process that is killed loses at most those seconds.
    """

    write: Callable[[], object]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _timer: threading.Timer | None = None
    _at_exit: bool = False

    def soon(self) -> None:
        """Have it written, unless that is to be done anyway."""
        with self._lock:
            if self._timer is not None or not settings.COUNT_USE_EVERY_S:
                return
            self._timer = threading.Timer(settings.COUNT_USE_EVERY_S, self._on_time)
            self._timer.daemon = True
            self._timer.start()
            if not self._at_exit:
                atexit.register(self._write)
                self._at_exit = True

    def _on_time(self) -> None:
        with self._lock:
            self._timer = None
        self._write()

    def _write(self) -> None:
        try:
            self.write()
        finally:
            connection.close()  # a thread of its own has a connection of its own
