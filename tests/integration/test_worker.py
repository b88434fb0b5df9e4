"""The worker as a process of its own: it delivers, folds, and ends when told to."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings

from incidents.models import OutboxMessage, ReportCell, ReportCellDelta
from incidents.outbox import send
from tests.factories.incidents import make_report
from tests.integration.server import database_url

pytestmark = pytest.mark.django_db(transaction=True)


def test_worker_delivers_and_folds_until_it_is_told_to_stop() -> None:
    send("report_received", report_id=make_report().pk)
    assert ReportCellDelta.objects.exists()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url()},
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 40
        while OutboxMessage.objects.filter(state="waiting").exists() or ReportCellDelta.objects.exists():
            assert process.poll() is None, "the worker ended by itself"
            assert time.monotonic() < deadline, "the worker did nothing"
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(timeout=30)
    assert ended == 0
    assert OutboxMessage.objects.get().state == "done"
    assert ReportCell.objects.get(level=11, category=0, status="").n == 1
