"""Nothing doubled, nothing lost: one report for one key, under concurrency and after a crash."""

import http.client
import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from incidents.models import OutboxMessage, Report, ReportEvent
from tests.integration.server import gunicorn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live_kutim")]

BODY = {
    "lat": 0.5,
    "lon": 117.55,
    "category": "jalan-rusak",
    "kind": "laporan",
    "title": "Lubang di depan pasar",
    "description": "Sudah dua minggu, motor sering jatuh.",
}


def post(url: str, key: str, body: dict[str, Any] = BODY, **headers: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        sent = {"Content-Type": "application/json", "Idempotency-Key": key, **headers}
        connection.request("POST", "/api/v1/reports/", json.dumps(body), sent)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_fifty_concurrent_posts_with_one_key_make_one_report(served: str) -> None:
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: post(served, key), range(50)))
    assert Counter(status for status, _ in answers) == {201: 1, 200: 49}
    assert len({answer["ticket"] for _, answer in answers}) == 1
    assert Report.objects.count() == 1
    assert ReportEvent.objects.count() == 2
    assert OutboxMessage.objects.count() == 1


def test_concurrent_posts_with_one_key_and_other_bodies_make_one_report(served: str) -> None:
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(20) as pool:
        bodies = [BODY | {"title": f"Laporan nomor {n}"} for n in range(20)]
        answers = list(pool.map(lambda body: post(served, key, body), bodies))
    assert Counter(status for status, _ in answers) == {201: 1, 409: 19}
    assert Report.objects.count() == 1


def test_worker_killed_between_commit_and_answer_still_gives_one_report() -> None:
    key = str(uuid.uuid4())
    with gunicorn("tests.integration.crashing_wsgi:application") as url:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            post(url, key, **{"X-Test-Crash": "after-commit"})
        assert Report.objects.count() == 1
        status, answer = post(url, key)
    assert status == 200
    assert answer["ticket"] == Report.objects.get().ticket
    assert Report.objects.count() == 1
