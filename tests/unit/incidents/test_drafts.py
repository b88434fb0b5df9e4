import datetime as dt
import io
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from incidents import drafts, keyring
from incidents.errors import BadPhoto, TooManyDrafts
from incidents.intake import NewReport
from incidents.models import Report
from incidents.models.drafts import DraftPhoto, ReportDraft
from incidents.photos import CleanPhoto, clean
from tests.factories.incidents import make_report

pytestmark = pytest.mark.django_db


def picture(shade: int = 0) -> CleanPhoto:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), (shade, 0, 0)).save(out, "JPEG")
    return clean(SimpleUploadedFile("a.jpg", out.getvalue()))


def begun(session: SessionStore | None = None) -> ReportDraft:
    return drafts.begin(session=session or SessionStore(), draft_id=uuid4())


def new_report(**over: Any) -> NewReport:
    made: dict[str, Any] = {
        "lon": 117.55, "lat": 0.5, "category": "jalan-rusak", "kind": "laporan", "title": "Lubang besar",
        "description": "Sudah dua minggu.", "channel": "web", "place_source": "tap",
    }  # fmt: skip
    return NewReport(**made | over)


def files_in(folder: str) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_begin_twice_with_one_id_is_one_draft() -> None:
    session, draft_id = SessionStore(), uuid4()
    assert drafts.begin(session=session, draft_id=draft_id) == drafts.begin(session=session, draft_id=draft_id)
    assert ReportDraft.objects.count() == 1


def test_begin_with_an_id_of_somebody_else_gets_another() -> None:
    theirs = begun()
    ours = begun(session := SessionStore())
    assert drafts.begin(session=session, draft_id=theirs.pk) not in {theirs, ours}
    assert drafts.find(session, theirs.pk) is None


def test_begin_with_the_id_of_a_report_gets_another() -> None:
    report = make_report(idempotency_key=str(uuid4()))
    assert str(drafts.begin(session=SessionStore(), draft_id=report.idempotency_key).pk) != report.idempotency_key


def test_of_session_lists_last_touched_first_and_no_old_ones() -> None:
    session = SessionStore()
    first, second, old = begun(session), begun(session), begun(session)
    ReportDraft.objects.filter(pk=old.pk).update(updated_at=timezone.now() - drafts.KEEP - dt.timedelta(minutes=1))
    drafts.save_step(draft=first, step="apa", typed={"category": "jembatan"}, tried=True)
    assert drafts.of_session(session) == [first, second]


def test_begin_at_the_limit_is_refused_and_pushes_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "IN_A_SESSION", 3)
    session = SessionStore()
    mine = [begun(session) for _ in range(3)]
    with pytest.raises(TooManyDrafts, match="3"):
        begun(session)
    assert drafts.of_session(session) == mine[::-1]
    assert ReportDraft.objects.count() == 3
    assert drafts.begin(session=session, draft_id=mine[0].pk) == mine[0]


@pytest.mark.usefixtures("kutim")
def test_what_was_sent_or_thrown_away_makes_room_before_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "IN_A_SESSION", 3)
    session = SessionStore()
    oldest, sent, thrown_away = (begun(session) for _ in range(3))
    drafts.send(draft=sent, new=new_report())
    drafts.delete(thrown_away)
    newer, newest = begun(session), begun(session)
    assert drafts.of_session(session) == [newest, newer, oldest]


def test_save_step_leaves_what_another_tab_saved() -> None:
    draft = begun()
    in_another_tab = ReportDraft.objects.get(pk=draft.pk)
    drafts.save_step(draft=draft, step="apa", typed={"category": "jembatan"}, tried=True)
    drafts.save_step(draft=in_another_tab, step="cerita", typed={"title": "Retak"}, tried=False)
    draft.refresh_from_db()
    assert draft.data["apa"]["typed"] == {"category": "jembatan"}
    assert draft.data["cerita"]["typed"] == {"title": "Retak"}


def test_save_step_of_a_draft_thrown_away_does_nothing() -> None:
    draft = begun()
    gone = ReportDraft.objects.get(pk=draft.pk)
    drafts.delete(gone)
    drafts.save_step(draft=draft, step="apa", typed={}, tried=True)
    assert not ReportDraft.objects.exists()


def test_add_photos_same_file_counts_once() -> None:
    draft = begun()
    drafts.add_photos(draft=draft, photos=[picture(1)], limit=5)
    drafts.add_photos(draft=draft, photos=[picture(1), picture(2)], limit=5)
    assert draft.photos.count() == 2


def test_add_photos_beyond_the_limit_is_refused() -> None:
    draft = begun()
    drafts.add_photos(draft=draft, photos=[picture(1)], limit=1)
    with pytest.raises(BadPhoto):
        drafts.add_photos(draft=draft, photos=[picture(2)], limit=1)
    assert draft.photos.count() == 1


def test_remove_photo_deletes_its_files(settings: Any) -> None:
    draft = begun()
    (kept,) = drafts.add_photos(draft=draft, photos=[picture()], limit=5)
    assert len(files_in(settings.MEDIA_ROOT)) == 2
    drafts.remove_photo(draft=draft, photo_id=kept.pk)
    drafts.remove_photo(draft=draft, photo_id=kept.pk)
    assert files_in(settings.MEDIA_ROOT) == []


def test_remove_photo_of_another_draft_does_nothing() -> None:
    (kept,) = drafts.add_photos(draft=begun(), photos=[picture()], limit=5)
    drafts.remove_photo(draft=begun(), photo_id=kept.pk)
    assert DraftPhoto.objects.filter(pk=kept.pk).exists()


@pytest.mark.usefixtures("kutim")
def test_send_makes_one_report_and_moves_the_photos(settings: Any, django_capture_on_commit_callbacks: Any) -> None:
    draft = begun()
    drafts.add_photos(draft=draft, photos=[picture(1), picture(2)], limit=5)
    with django_capture_on_commit_callbacks(execute=True):
        first = drafts.send(draft=draft, new=new_report())
    again = drafts.send(draft=draft, new=new_report(title="Diubah sesudah terkirim"))
    assert first.created
    assert not again.created
    assert first.report == again.report == Report.objects.get()
    assert first.report.photos.count() == 2
    assert "source_sha256" not in first.report.photos.all()[0].facts
    assert not ReportDraft.objects.exists()
    assert {path.parts[-4] for path in files_in(settings.MEDIA_ROOT)} == {"photos"}


@pytest.mark.usefixtures("kutim")
def test_send_of_a_draft_thrown_away_raises() -> None:
    draft = begun()
    gone = ReportDraft.objects.get(pk=draft.pk)
    drafts.delete(gone)
    with pytest.raises(ReportDraft.DoesNotExist):
        drafts.send(draft=draft, new=new_report())


def test_sent_report_is_for_the_session_that_sent_it() -> None:
    draft = begun(session := SessionStore())
    report = make_report(idempotency_key=str(draft.pk))
    stranger, with_the_secret = SessionStore(), SessionStore()
    keyring.remember(with_the_secret, report.ticket)
    assert drafts.sent_report(session, draft.pk) == report
    assert drafts.sent_report(with_the_secret, draft.pk) == report
    assert drafts.sent_report(stranger, draft.pk) is None


def test_clear_old_deletes_drafts_and_files_after_a_week(settings: Any) -> None:
    old, fresh = begun(), begun()
    drafts.add_photos(draft=old, photos=[picture()], limit=5)
    ReportDraft.objects.filter(pk=old.pk).update(updated_at=timezone.now() - drafts.KEEP - dt.timedelta(minutes=1))
    assert drafts.clear_old() == 1
    assert list(ReportDraft.objects.all()) == [fresh]
    assert files_in(settings.MEDIA_ROOT) == []
