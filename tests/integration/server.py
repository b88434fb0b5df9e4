"""A real gunicorn on the test database, for what a test client cannot show: concurrency, crashes, headers."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import connection

START_S = 90.0  # a machine that does much else at the same time


@contextlib.contextmanager
def gunicorn(app: str = "config.wsgi:application", *, workers: int = 2, **environment: str) -> Iterator[str]:
    """Serve `app` on a free port of loopback with the test database, and yield its address."""
    with mortal(app, workers=workers, **environment) as (url, _kill):
        yield url


@contextlib.contextmanager
def mortal(
    app: str = "config.wsgi:application", *, workers: int = 2, **environment: str
) -> Iterator[tuple[str, Callable[[], None]]]:
    """As `gunicorn`; yield its address and what kills all of it at once, as a power cut does."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", app, "-b", f"127.0.0.1:{port}", "-k", "gthread"]
    command += ["-w", str(workers), "--threads", "4", "--log-level", "warning"]
    process = subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url(), "THROTTLE_REPORTS": "100000/min"} | environment,
        start_new_session=True,  # a group of its own, for `kill`
    )

    def kill() -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/healthz/", process)
        yield url, kill
    finally:
        process.terminate()
        process.wait(timeout=20)


def database_url() -> str:
    made = connection.settings_dict
    return f"postgis://{made['USER']}:{made['PASSWORD']}@{made['HOST']}:{made['PORT']}/{made['NAME']}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "gunicorn ended at the start"
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.1)
    raise TimeoutError(url)
