"""The application in a process that dies after the commit and before the answer, when a request asks for it."""

import os
import signal
from collections.abc import Iterable
from typing import Any

from config.wsgi import application as kutim


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    answer = kutim(environ, start_response)
    if environ.get("HTTP_X_TEST_CRASH") == "after-commit":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
