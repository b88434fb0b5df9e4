"""An upload in pieces goes on where it was when the server dies in the middle of a piece."""

import base64
import hashlib
import http.client
import random
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Agency, User
from layers import incoming
from layers.models import IncomingFile
from tests.factories.accounts import make_officer
from tests.integration.server import mortal

pytestmark = pytest.mark.django_db(transaction=True)

MEGABYTE = 1_000_000
SIZE, CUT = 5 * MEGABYTE, 3 * MEGABYTE
TOKEN = "a" * 32


@pytest.fixture
def cookies(live_kutim: None) -> str:
    """The cookies of an officer who signed in."""
    officer: User = make_officer(Agency.objects.get(short_name="DLH"))
    client = Client()
    client.force_login(officer)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    return f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={TOKEN}"


def test_upload_goes_on_after_the_server_was_killed(cookies: str) -> None:
    content = random.Random(6408).randbytes(SIZE)
    with mortal(workers=1, MEDIA_ROOT=str(settings.MEDIA_ROOT)) as (url, kill):
        name = base64.b64encode(b"bidang.gpkg").decode()
        begun = ask(
            url, "POST", "/data/unggah/berkas/", cookies, Upload_Length=SIZE, Upload_Metadata=f"filename {name}"
        )
        assert begun.status == 201
        path = urlsplit(begun.getheader("Location") or "").path
        came = IncomingFile.objects.get()
        link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        link.putrequest("PATCH", path)
        headers = sent(cookies, Upload_Offset=0, Content_Length=SIZE, Content_Type="application/offset+octet-stream")
        for header, value in headers.items():
            link.putheader(header, value)
        link.endheaders()
        link.send(content[:CUT])
        deadline = time.monotonic() + 30
        while came.received < MEGABYTE and time.monotonic() < deadline:
            time.sleep(0.05)
            came.refresh_from_db()
        kill()
        link.close()
    with mortal(workers=1, MEDIA_ROOT=str(settings.MEDIA_ROOT)) as (url, _kill):
        at = int(ask(url, "HEAD", path, cookies).getheader("Upload-Offset") or "-1")
        assert MEGABYTE <= at <= CUT
        rest = ask(
            url, "PATCH", path, cookies, content[at:], Upload_Offset=at, Content_Type="application/offset+octet-stream"
        )
        assert (rest.status, rest.getheader("Upload-Offset")) == (204, str(SIZE))
    came.refresh_from_db()
    stored = incoming.path_of(came).read_bytes()
    assert hashlib.sha256(stored).digest() == hashlib.sha256(content).digest()


def sent(cookies: str, **headers: object) -> dict[str, str]:
    told = {"Cookie": cookies, "X-CSRFToken": TOKEN, "Tus-Resumable": "1.0.0"}
    return told | {name.replace("_", "-"): str(value) for name, value in headers.items()}


def ask(url: str, method: str, path: str, cookies: str, body: bytes = b"", **headers: Any) -> http.client.HTTPResponse:
    link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    link.request(method, path, body or None, sent(cookies, **headers))
    answer = link.getresponse()
    answer.read()
    link.close()
    return answer
