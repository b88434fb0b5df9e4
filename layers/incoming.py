"""Files that come in pieces: made, continued, ended or forgotten, each by the person who sends it.

The database says how much of a file is there for sure; what lies on the disk beyond that is of a piece that broke off
and is cut away before the next one. A file is written by one request at a time (a lock on the file, so it goes with the
process that holds it). What nobody continued for KEPT is cleared by the worker.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Protocol
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from layers.errors import ChecksumWrong, DiskFull, OffsetWrong, PieceUnderWay, TooManyPieces, UploadTooLarge
from layers.models import IncomingFile
from layers.reading import limits

KEPT = timedelta(days=3)
PIECE_BYTES = 16_000_000
"""At most so much is sent by one request; the browser sends less (static/js/layers/upload.js)."""
FILES_OPEN = 24
BYTES_OPEN = limits.ZIP_BYTES
"""How many files, of how many bytes together, a person may have under way."""
DISK_FREE = 2_000_000_000
"""Bytes that stay free on the disk: for the database, and for reading the file."""
SYNC_BYTES = 1 << 20
READ_BYTES = 1 << 16
ALGORITHMS = ("sha1", "sha256")


class Readable(Protocol):
    """A request's body."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, b"" at the end. Raises OSError when the connection broke."""
        ...


def incoming_of(user: User) -> QuerySet[IncomingFile]:
    """Return the files that a person sends, those that are still kept."""
    return IncomingFile.objects.filter(by=user, changed_at__gt=timezone.now() - KEPT)


def begin(*, name: str, size: int, modified: int | None = None, by: User) -> IncomingFile:
    """Take note of a file to come, of `size` bytes; `modified` is the browser's word for its time (ms).

    Raise UploadTooLarge, TooManyPieces or DiskFull before a byte of it is stored.
    """
    if size > limits.FILE_BYTES:
        raise UploadTooLarge(
            _("%(file)s has %(size)d MB; at most %(limit)d MB are taken.")
            % {"file": name, "size": size // 1_000_000, "limit": limits.FILE_BYTES // 1_000_000}
        )
    with transaction.atomic():
        User.objects.select_for_update().get(pk=by.pk)  # two at once count one after the other
        open_ones = incoming_of(by)
        together = open_ones.aggregate(bytes=Sum("size"))["bytes"] or 0
        if open_ones.count() >= FILES_OPEN or together + size > BYTES_OPEN:
            raise TooManyPieces(
                _(
                    "You have unfinished uploads of %(size)d MB. Finish or discard them first: they are listed on the "
                    "page for uploads."
                )
                % {"size": together // 1_000_000}
            )
        folder().mkdir(parents=True, exist_ok=True)
        promised = IncomingFile.objects.aggregate(n=Sum(F("size") - F("received")))["n"] or 0
        if shutil.disk_usage(folder()).free - promised - size < DISK_FREE:
            raise DiskFull(_("There is no room for this file at the moment. Tell the administrators."))
        made = IncomingFile.objects.create(name=name[:200], size=size, modified=modified, by=by)
        path_of(made).touch(exist_ok=False)
    return made


def write_piece(
    *, file: IncomingFile, offset: int, length: int, body: Readable, checksum: tuple[str, bytes] | None = None
) -> IncomingFile:
    """Add the next `length` bytes at `offset`; what came before the connection broke is kept.

    With `checksum` (algorithm, digest) all of the piece is kept or nothing. Raise OffsetWrong, PieceUnderWay,
    UploadTooLarge or ChecksumWrong.
    """
    with _alone(file) as out:
        try:
            file.refresh_from_db()
        except IncomingFile.DoesNotExist as error:
            raise OffsetWrong(_gone()) from error
        if offset != file.received:
            raise OffsetWrong(
                _("The next piece begins at %(there)d, not at %(given)d.") % {"there": file.received, "given": offset}
            )
        if length > file.size - offset:
            raise UploadTooLarge(_("The piece is longer than what is left of the file."))
        out.truncate(offset)
        out.seek(offset)
        digest = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
        try:
            for piece in _pieces(body, length):
                out.write(piece)
                if digest:
                    digest.update(piece)
                elif out.tell() - file.received >= SYNC_BYTES:
                    _keep(file, out)
        except OSError:
            if digest is None:  # without a checksum, what is there is there
                _keep(file, out)
            raise
        if digest and checksum and (out.tell() != offset + length or digest.digest() != checksum[1]):
            out.truncate(offset)
            raise ChecksumWrong(_("The piece did not arrive as it was sent. Send it again."))
        _keep(file, out)
    return file


@transaction.atomic
def discard(*, file: IncomingFile) -> None:
    """Forget a file and what came of it."""
    path = path_of(file)
    file.delete()
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def complete(*, ids: Sequence[UUID], by: User) -> list[IncomingFile] | None:
    """Return the person's files with these ids, all of them complete, in this order; None when one is not."""
    found = {file.pk: file for file in incoming_of(by).filter(pk__in=ids)}
    files = [found[one] for one in dict.fromkeys(ids) if one in found]
    if len(files) < len(set(ids)) or any(file.received < file.size for file in files):
        return None
    return files


def clear_abandoned() -> int:
    """Forget what nobody continued, and pieces that belong to nothing; return how many. Called hourly by the worker."""
    before = timezone.now() - KEPT
    gone = 0
    for file in IncomingFile.objects.filter(changed_at__lte=before):
        discard(file=file)
        gone += 1
    if folder().is_dir():
        known = {str(pk) for pk in IncomingFile.objects.values_list("pk", flat=True)}
        for path in folder().iterdir():
            if path.name not in known and path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)
                gone += 1
    return gone


def folder() -> Path:
    """Return where files lie that are not complete."""
    return Path(settings.MEDIA_ROOT) / "unggah" / "berkas"


def path_of(file: IncomingFile) -> Path:
    """Return where a file's bytes lie: its name there is ours, whatever its sender calls it."""
    return folder() / str(file.pk)


def _pieces(body: Readable, length: int) -> Iterator[bytes]:
    while length > 0 and (piece := body.read(min(READ_BYTES, length))):
        length -= len(piece)
        yield piece


def _keep(file: IncomingFile, out: IO[bytes]) -> None:
    """Write down how much is there, once it is."""
    out.flush()
    os.fsync(out.fileno())
    file.received, file.changed_at = out.tell(), timezone.now()
    there = IncomingFile.objects.filter(pk=file.pk)
    if not there.update(received=file.received, changed_at=file.changed_at):  # discarded meanwhile
        raise OffsetWrong(_gone())


def _gone() -> str:
    return _("This upload is gone. Choose the file again.")


@contextmanager
def _alone(file: IncomingFile) -> Iterator[IO[bytes]]:
    """Open a file's bytes; raise PieceUnderWay when another request is writing them."""
    try:
        out = path_of(file).open("r+b")
    except FileNotFoundError as error:
        raise OffsetWrong(_gone()) from error
    with out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PieceUnderWay(_("Another piece of this file is on its way.")) from error
        yield out
