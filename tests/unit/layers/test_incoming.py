"""Uploads in pieces: the tus protocol, whose they are, and what hostile clients try."""

import base64
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections import namedtuple
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Agency, User
from layers import incoming, uploads
from layers.incoming_views import PieceLimit, read_metadata
from layers.models import ImportJob, IncomingFile
from layers.reading import limits
from tests.factories.accounts import make_officer, make_user

pytestmark = pytest.mark.django_db

CSV = b"kode,nama,lat,lon\nA1,Sumur satu,0.5,117.5\nA2,Sumur dua,0.6,117.6\n"
TUS = {"Tus-Resumable": "1.0.0", "Accept": "application/json"}


@pytest.fixture
def officer(kutim: None) -> User:
    return make_officer(Agency.objects.get(short_name="DLH"))


@pytest.fixture
def sender(client: Client, officer: User) -> Client:
    client.force_login(officer)
    return client


def metadata(**pairs: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


def begin(client: Client, size: int = len(CSV), name: str = "sumur.csv", **headers: str) -> Any:
    told = {"Upload-Length": str(size), "Upload-Metadata": metadata(filename=name, modified="1700000000000")}
    return client.post(reverse("incoming_files"), headers=TUS | told | headers)


def begun(client: Client, size: int = len(CSV), name: str = "sumur.csv") -> str:
    answer = begin(client, size, name)
    assert answer.status_code == 201
    return str(answer["Location"])


def patch(client: Client, url: str, body: bytes, offset: int | str, **headers: str) -> Any:
    more = {"Upload-Offset": str(offset), **headers}
    return client.generic("PATCH", url, body, "application/offset+octet-stream", headers=TUS | more)


def stored(url: str) -> IncomingFile:
    return IncomingFile.objects.get(pk=url.split("/")[-2])


def test_file_comes_in_pieces_and_is_read(sender: Client, django_capture_on_commit_callbacks: Any) -> None:
    url = begun(sender)
    for offset in range(0, len(CSV), 20):
        answer = patch(sender, url, CSV[offset : offset + 20], offset)
        assert (answer.status_code, answer["Upload-Offset"]) == (204, str(min(offset + 20, len(CSV))))
    head = sender.head(url, headers=TUS)
    assert head["Upload-Offset"] == head["Upload-Length"] == str(len(CSV))
    assert "no-store" in head["Cache-Control"]
    assert "Upload-Expires" in head
    came = stored(url)
    assert incoming.path_of(came).read_bytes() == CSV
    agency = Agency.objects.get(short_name="DLH")
    with django_capture_on_commit_callbacks(execute=True):
        answer = sender.post(reverse("uploads"), {"agency": agency.pk, "arrived": [str(came.pk)]})
    job = ImportJob.objects.get()
    assert answer["Location"] == reverse("upload", args=[job.pk])
    assert (uploads.folder_of(job) / "sumur.csv").read_bytes() == CSV
    assert not IncomingFile.objects.exists()
    assert not incoming.path_of(came).exists()
    assert uploads.read_due()
    job.refresh_from_db()
    assert job.state == uploads.State.READY


def test_incomplete_file_is_not_handed_in(sender: Client) -> None:
    url = begun(sender)
    patch(sender, url, CSV[:10], 0)
    agency = Agency.objects.get(short_name="DLH")
    for arrived in ([url.split("/")[-2]], [str(uuid.uuid4())], ["../../etc/passwd"]):
        answer = sender.post(reverse("uploads"), {"agency": agency.pk, "arrived": arrived})
        assert answer.status_code == 422
        assert "berkas" in answer.content.decode()
    assert not ImportJob.objects.exists()
    assert stored(url).received == 10


def test_capabilities_are_told_to_anybody(client: Client) -> None:
    answer = client.options(reverse("incoming_files"))
    assert answer.status_code == 204
    assert answer["Tus-Version"] == "1.0.0"
    assert answer["Tus-Max-Size"] == str(limits.FILE_BYTES)
    assert set(answer["Tus-Extension"].split(",")) == {"creation", "expiration", "termination", "checksum"}


def test_other_version_of_the_protocol_is_refused(sender: Client) -> None:
    answer = begin(sender, **{"Tus-Resumable": "0.2.2"})
    assert (answer.status_code, answer["Tus-Version"], answer["Tus-Resumable"]) == (412, "1.0.0", "1.0.0")


@pytest.mark.parametrize("length", ["-1", "+5", "1e3", "", "٣", "9" * 40, " "])
def test_length_that_is_no_number_is_refused(sender: Client, length: str) -> None:
    assert begin(sender, **{"Upload-Length": length}).status_code == 400
    assert not IncomingFile.objects.exists()


def test_length_that_comes_later_is_refused(sender: Client) -> None:
    assert begin(sender, **{"Upload-Defer-Length": "1"}).status_code == 400


def test_file_beyond_the_limit_is_refused_before_a_byte(sender: Client) -> None:
    answer = begin(sender, limits.FILE_BYTES + 1)
    assert answer.status_code == 413
    assert "500 MB" in answer.json()["detail"]
    assert not IncomingFile.objects.exists()


def test_many_unfinished_files_are_refused(sender: Client) -> None:
    for _each in range(2):
        begun(sender, limits.FILE_BYTES)
    answer = begin(sender, 1)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_unfinished_uploads")


def test_full_disk_is_told(sender: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1, 1, incoming.DISK_FREE + len(CSV) - 1))
    assert begin(sender).status_code == 507


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x", "..\\..\\x.csv", "/etc/passwd", ".htaccess", "a\x00b.csv", "", "x" * 900 + ".csv"]
)
def test_name_leads_nowhere(sender: Client, name: str) -> None:
    url = begun(sender, name=name)
    kept = stored(url)
    assert incoming.path_of(kept).parent == incoming.folder()
    assert not {"/", "\\", "\x00"} & set(kept.name)
    assert not kept.name.startswith(".")
    assert len(kept.name) <= 150


@pytest.mark.parametrize("text", ["filename !!!", "filename /w==", "filename " + "QQ" * 2_000, "filename QQ= QQ="])
def test_metadata_that_cannot_be_read_are_refused(sender: Client, text: str) -> None:
    assert begin(sender, **{"Upload-Metadata": text}).status_code == 400


def test_metadata_without_a_value_are_empty() -> None:
    assert read_metadata("is_confidential, filename YQ==") == {"is_confidential": "", "filename": "a"}


@pytest.mark.parametrize(
    ("offset", "status"), [("-1", 400), ("", 400), ("1.0", 400), ("0x0", 400), (5, 409), (11, 409)]
)
def test_wrong_offset_changes_nothing(sender: Client, offset: int | str, status: int) -> None:
    url = begun(sender)
    patch(sender, url, CSV[:10], 0)
    assert patch(sender, url, b"zzz", offset).status_code == status
    assert incoming.path_of(stored(url)).read_bytes() == CSV[:10]


def test_piece_longer_than_the_file_is_refused_unread(sender: Client) -> None:
    url = begun(sender, 10)
    assert patch(sender, url, b"x" * 11, 0).status_code == 413
    assert stored(url).received == 0
    assert incoming.path_of(stored(url)).stat().st_size == 0


def test_piece_larger_than_a_piece_may_be_is_refused(sender: Client) -> None:
    url = begun(sender, limits.FILE_BYTES)
    assert patch(sender, url, b"x", 0, **{"Content-Length": str(incoming.PIECE_BYTES + 1)}).status_code in {204, 413}
    answer = sender.generic(
        "PATCH", url, b"x", "application/offset+octet-stream", headers=TUS | {"Upload-Offset": "1"},
        CONTENT_LENGTH=str(incoming.PIECE_BYTES + 1),
    )  # fmt: skip
    assert answer.status_code == 413
    assert answer["Tus-Resumable"] == "1.0.0"


def test_other_media_type_is_refused(sender: Client) -> None:
    url = begun(sender)
    answer = sender.generic("PATCH", url, CSV, "text/csv", headers=TUS | {"Upload-Offset": "0"})
    assert answer.status_code == 415


def test_piece_without_a_length_is_refused(sender: Client) -> None:
    url = begun(sender)
    answer = sender.generic(
        "PATCH", url, b"x", "application/offset+octet-stream", headers=TUS | {"Upload-Offset": "0"}, CONTENT_LENGTH=""
    )
    assert answer.status_code == 411


def test_second_piece_at_once_is_refused(sender: Client) -> None:
    url = begun(sender)
    with incoming.path_of(stored(url)).open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert patch(sender, url, CSV, 0).status_code == 423
    assert patch(sender, url, CSV, 0).status_code == 204


class Broken:
    """A body whose connection breaks after some bytes."""

    def __init__(self, *, content: bytes, after: int) -> None:
        self.content, self.left = content, after

    def read(self, size: int, /) -> bytes:
        if not self.left:
            raise OSError("connection reset")
        piece, self.left = self.content[: min(size, self.left)], max(0, self.left - size)
        self.content = self.content[len(piece) :]
        return piece


def test_what_came_before_the_connection_broke_is_kept(officer: User) -> None:
    content = os.urandom(3_000_000)
    file = incoming.begin(name="a.gpkg", size=len(content), by=officer)
    with pytest.raises(OSError, match="reset"):
        incoming.write_piece(
            file=file, offset=0, length=len(content), body=Broken(content=content, after=incoming.READ_BYTES * 20)
        )
    there = IncomingFile.objects.get(pk=file.pk).received
    assert there == incoming.READ_BYTES * 20
    # A server that was killed may leave more on the disk than it wrote down.
    with incoming.path_of(file).open("ab") as out:
        out.write(b"garbage")
    incoming.write_piece(
        file=file, offset=there, length=len(content) - there, body=Broken(content=content[there:], after=1 << 30)
    )
    assert hashlib.sha256(incoming.path_of(file).read_bytes()).digest() == hashlib.sha256(content).digest()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_checksum_is_held_to(sender: Client, algorithm: str) -> None:
    url = begun(sender)
    right = base64.b64encode(hashlib.new(algorithm, CSV).digest()).decode()
    wrong = patch(sender, url, CSV[:-1] + b"?", 0, **{"Upload-Checksum": f"{algorithm} {right}"})
    assert (wrong.status_code, wrong.json()["code"]) == (460, "checksum_wrong")
    assert stored(url).received == 0
    assert patch(sender, url, CSV, 0, **{"Upload-Checksum": f"{algorithm} {right}"}).status_code == 204


@pytest.mark.parametrize("text", ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha1", "sha1 !!", "shake_128 QQ=="])
def test_checksum_that_is_not_known_is_refused(sender: Client, text: str) -> None:
    assert patch(sender, begun(sender), CSV, 0, **{"Upload-Checksum": text}).status_code == 400


def test_upload_is_not_there_for_others(sender: Client, client: Client) -> None:
    url = begun(sender)
    other = Client()
    other.force_login(make_officer(Agency.objects.get(short_name="DLH")))
    assert other.head(url, headers=TUS).status_code == 404
    assert patch(other, url, CSV, 0).status_code == 404
    assert other.delete(url, headers=TUS).status_code == 404
    assert other.post(f"{url}buang/").status_code == 404
    agency = Agency.objects.get(short_name="DLH")
    patch(sender, url, CSV, 0)
    answer = other.post(reverse("uploads"), {"agency": agency.pk, "arrived": [url.split("/")[-2]]})
    assert answer.status_code == 422
    assert "sumur.csv" not in other.get(reverse("uploads")).content.decode()
    assert stored(url).received == len(CSV)


@pytest.mark.parametrize("signed_in", [False, True])
def test_who_may_not_upload_is_refused(kutim: None, client: Client, signed_in: bool) -> None:
    if signed_in:
        client.force_login(make_user())
    answer = begin(client)
    assert answer.status_code == 403
    assert answer["Tus-Resumable"] == "1.0.0"
    assert not IncomingFile.objects.exists()


def test_forged_post_is_refused(officer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(officer)
    assert begin(client).status_code == 403
    assert not IncomingFile.objects.exists()


def test_upload_is_cancelled(sender: Client, django_capture_on_commit_callbacks: Any) -> None:
    for end in (
        lambda url: sender.delete(url, headers=TUS).status_code == 204,
        lambda url: sender.post(url, headers=TUS | {"X-HTTP-Method-Override": "DELETE"}).status_code == 204,
        lambda url: sender.post(f"{url}buang/").status_code == 302,
    ):
        url = begun(sender)
        patch(sender, url, CSV[:9], 0)
        path = incoming.path_of(stored(url))
        with django_capture_on_commit_callbacks(execute=True):
            assert end(url)
        assert sender.head(url, headers=TUS).status_code == 404
        assert not path.exists()


def test_abandoned_uploads_are_cleared(sender: Client, django_capture_on_commit_callbacks: Any, settings: Any) -> None:
    assert "layers.incoming.clear_abandoned" in settings.WORKER_HOURLY
    old, new = begun(sender), begun(sender)
    path = incoming.path_of(stored(old))
    stray = incoming.folder() / "stray"
    stray.touch()
    long_ago = time.time() - incoming.KEPT.total_seconds() - 60
    os.utime(stray, (long_ago, long_ago))
    IncomingFile.objects.filter(pk=stored(old).pk).update(
        changed_at=timezone.now() - incoming.KEPT - timedelta(hours=1)
    )
    assert sender.head(old, headers=TUS).status_code == 404
    with django_capture_on_commit_callbacks(execute=True):
        assert incoming.clear_abandoned() == 2
    assert not path.exists()
    assert not stray.exists()
    assert sender.head(new, headers=TUS).status_code == 200


def test_pieces_are_throttled(sender: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PieceLimit, "rate", "1/hour", raising=False)
    assert begin(sender).status_code == 201
    answer = begin(sender)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_unfinished_upload_is_listed_with_what_is_there(sender: Client) -> None:
    url = begun(sender)
    patch(sender, url, CSV[:20], 0)
    page = sender.get(reverse("uploads")).content.decode()
    assert f'data-unfinished="{url}"' in page
    assert 'data-received="20"' in page
    assert 'data-modified="1700000000000"' in page


def test_file_that_vanished_from_the_disk_is_told(sender: Client) -> None:
    url = begun(sender)
    Path(incoming.path_of(stored(url))).unlink()
    assert patch(sender, url, CSV, 0).status_code == 409
