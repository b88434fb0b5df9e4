"""Files of photos that no row names are deleted after a day; those that a row names never."""

import os
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from incidents import drafts
from incidents.models.drafts import DraftPhoto, ReportDraft
from incidents.models.reports import Photo
from incidents.photos import CleanPhoto, clear_orphans, keep
from tests.factories.incidents import make_report

pytestmark = pytest.mark.django_db
PHOTO = CleanPhoto(image=b"large", thumb=b"small", source_sha256="1")
DAY_S = 86_400


def files() -> set[str]:
    root = Path(settings.MEDIA_ROOT)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def age(seconds: float) -> None:
    moment = time.time() - seconds
    for name in files():
        os.utime(Path(settings.MEDIA_ROOT) / name, (moment, moment))


def test_photo_of_a_report_that_was_rolled_back_goes_and_the_others_stay() -> None:
    kept = keep(PHOTO, report=make_report())
    (of_draft,) = drafts.add_photos(draft=ReportDraft.objects.create(), photos=[PHOTO], limit=5)
    named = {kept.image.name, kept.thumb.name, of_draft.image.name, of_draft.thumb.name}
    report, draft = make_report(), ReportDraft.objects.create()
    with transaction.atomic():
        keep(PHOTO, report=report)
        drafts.add_photos(draft=draft, photos=[PHOTO], limit=5)
        transaction.set_rollback(True)
    assert Photo.objects.count() == DraftPhoto.objects.count() == 1
    assert len(files()) == 8  # on the disk for ever, were it not for this job
    age(2 * DAY_S)
    assert clear_orphans() == 4
    assert files() == named
    assert clear_orphans() == 0


def test_file_of_today_stays_because_its_transaction_may_be_under_way() -> None:
    default_storage.save("photos/2026/11/baru.jpg", ContentFile(b"x"))
    age(DAY_S - 600)
    assert clear_orphans() == 0
    age(DAY_S + 600)
    assert clear_orphans() == 1


def test_what_is_no_photo_of_ours_stays() -> None:
    others = {"photos/2026/11/catatan.txt", "photos/lain.jpg", "unggah/data.jpg", "photos/2026/lain.jpg"}
    for name in others:
        default_storage.save(name, ContentFile(b"x"))
    age(9 * DAY_S)
    assert clear_orphans() == 0
    assert files() == others


def test_nothing_is_there_yet() -> None:
    assert clear_orphans() == 0


def test_worker_does_it_every_hour() -> None:
    assert "incidents.photos.clear_orphans" in settings.WORKER_HOURLY
