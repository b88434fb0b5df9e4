"""A real gunicorn whose database goes away: for a moment, and for good."""

import json
import urllib.error
import urllib.request
from email.message import Message

import pytest
from django.db import connection

from tests.integration.server import free_port, gunicorn

# DEBUG spares collecting the static files.
PATHS = ("/api/v1/categories/", "/laporan/", "/tiles/reports/6/52/31.mvt")


def get(url: str) -> tuple[int, Message, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.mark.usefixtures("live_kutim")
def test_request_after_the_server_ended_the_connection_is_answered() -> None:
    with gunicorn(workers=1, DEBUG="1") as base, connection.cursor() as cursor:
        for path in PATHS:
            assert get(base + path)[0] in {200, 204}
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            assert cursor.fetchone()[0] > 0
            assert get(base + path)[0] in {200, 204}, path


@pytest.mark.django_db
def test_database_that_is_gone_is_503_for_people_and_programs() -> None:
    with gunicorn(workers=1, DEBUG="1", DATABASE_URL=f"postgis://x:y@127.0.0.1:{free_port()}/none") as base:
        for path in PATHS:
            status, headers, body = get(base + path)
            assert status == 503, path
            assert int(headers["Retry-After"]) > 0
            assert b"127.0.0.1" not in body
            if not path.startswith("/laporan"):
                assert headers["Content-Type"] == "application/problem+json"
                assert json.loads(body)["code"] == "database_unavailable"
        assert get(f"{base}/readyz/")[0] == 503


@pytest.mark.django_db
def test_connection_finds_out_a_server_that_vanished() -> None:
    connection.ensure_connection()
    told = connection.connection.get_dsn_parameters()
    assert (told["keepalives"], told["keepalives_idle"]) == ("1", "30")
    assert (told["keepalives_interval"], told["keepalives_count"]) == ("10", "3")
    assert told["connect_timeout"] == "10"
