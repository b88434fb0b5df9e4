"""Drafts of /lapor/: kept for a week, so that what a person typed is never lost on the way.

A draft belongs to the browser whose session names it. Its id is the idempotency key of the report that it becomes.
`data` holds, for each step, what was `typed` (as typed, right or wrong), whether the person meant to go on (`tried`),
and `notes` about what could not be kept (a photo, say): {field: [sentence, ...]}.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models.fields.files import FieldFile
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import keyring
from incidents.errors import BadPhoto, TooManyDrafts
from incidents.intake import NewReport, Receipt, submit_report
from incidents.models import Report
from incidents.models.drafts import DraftPhoto, ReportDraft
from incidents.photos import CleanPhoto

KEEP = dt.timedelta(days=7)
KEY = "drafts"
IN_A_SESSION = 50
"""Drafts that one session holds. Beyond it none is begun; what was sent or thrown away makes room first."""


def of_session(session: SessionBase) -> list[ReportDraft]:
    """Return the session's drafts, last touched first."""
    return list(
        ReportDraft.objects.filter(pk__in=session.get(KEY, []), updated_at__gte=timezone.now() - KEEP)
        .prefetch_related("photos")
        .order_by("-updated_at")
    )


def find(session: SessionBase, draft_id: UUID) -> ReportDraft | None:
    """Return the draft if this session owns it and it is still there."""
    if not owns(session, draft_id):
        return None
    return ReportDraft.objects.prefetch_related("photos").filter(pk=draft_id).first()


def owns(session: SessionBase, draft_id: UUID) -> bool:
    """Whether the draft was begun in this session; also when it has become a report since."""
    return str(draft_id) in session.get(KEY, [])


def sent_report(session: SessionBase, draft_id: UUID) -> Report | None:
    """Return the report that a draft of this session became."""
    report = Report.objects.with_places().filter(idempotency_key=str(draft_id)).first()
    if report and (owns(session, draft_id) or keyring.holds(session, report.ticket)):
        return report
    return None


def begin(*, session: SessionBase, draft_id: UUID) -> ReportDraft:
    """Return the draft that this session began under `draft_id`, made if it is missing.

    An id that belongs to somebody else, or to a report, gets a new one. Raises TooManyDrafts.
    """
    draft = find(session, draft_id)
    if draft is None:
        waiting = {str(draft.pk) for draft in of_session(session)}
        if len(waiting) >= IN_A_SESSION:
            raise TooManyDrafts(too_many(len(waiting)))
        taken = ReportDraft.objects.filter(pk=draft_id).exists() or (
            Report.objects.filter(idempotency_key=str(draft_id)).exists()
        )
        draft = ReportDraft.objects.create() if taken else ReportDraft.objects.get_or_create(pk=draft_id)[0]
        known = sorted(session.get(KEY, []), key=lambda pk: pk not in waiting)
        session[KEY] = [str(draft.pk), *known][:IN_A_SESSION]
    return draft


def too_many(count: int) -> str:
    """Return what is said to somebody who has `count` drafts, as many as are held."""
    return _("%(count)d of your reports here are not sent yet, and no more fit. Send one or throw one away first.") % {
        "count": count
    }


def save_step(
    *,
    draft: ReportDraft,
    step: str,
    typed: Mapping[str, str],
    tried: bool,
    notes: Mapping[str, list[str]] | None = None,
) -> None:
    """Keep what was typed at `step`. Other steps stay as they are, also when another tab saves them at this moment."""
    with transaction.atomic():
        fresh = ReportDraft.objects.select_for_update().filter(pk=draft.pk).first()
        if fresh is None:  # it was sent or thrown away meanwhile
            return
        fresh.data[step] = {"typed": dict(typed), "tried": tried, "notes": dict(notes or {})}
        fresh.save(update_fields=["data", "updated_at"])
    draft.data = fresh.data


def state_of(draft: ReportDraft) -> str:
    """Return a word that is another one when the draft's answers or photos are others."""
    photos = sorted(str(photo.pk) for photo in draft.photos.all())
    return sha256(json.dumps([draft.data, photos], sort_keys=True).encode()).hexdigest()


def add_photos(*, draft: ReportDraft, photos: Iterable[CleanPhoto], limit: int) -> list[DraftPhoto]:
    """Add photos to the draft; the same file again counts once. Raises BadPhoto beyond `limit`."""
    with transaction.atomic():
        ReportDraft.objects.select_for_update().get(pk=draft.pk)
        kept = list(DraftPhoto.objects.filter(draft=draft))
        known = {photo.facts.get("source_sha256"): photo for photo in kept}
        result = []
        for photo in photos:
            if photo.source_sha256 not in known:
                if len(known) >= limit:
                    raise BadPhoto(
                        _("At most %(limit)d photos fit. Remove one before you add another.") % {"limit": limit}
                    )
                known[photo.source_sha256] = _store(draft, photo)
            result.append(known[photo.source_sha256])
        draft.save(update_fields=["updated_at"])
    return result


def _store(draft: ReportDraft, photo: CleanPhoto) -> DraftPhoto:
    kept = DraftPhoto(draft=draft, facts=photo.facts | {"source_sha256": photo.source_sha256})
    kept.image.save(f"{kept.pk}.jpg", ContentFile(photo.image), save=False)
    kept.thumb.save(f"t-{kept.pk}.jpg", ContentFile(photo.thumb), save=False)
    kept.save(force_insert=True)
    return kept


def remove_photo(*, draft: ReportDraft, photo_id: UUID) -> None:
    """Remove a photo of the draft; one that is not there (any more) is no error."""
    for photo in DraftPhoto.objects.filter(draft=draft, pk=photo_id):
        photo.delete()
        _delete_files([photo])


def send(*, draft: ReportDraft, new: NewReport) -> Receipt:
    """Make the draft a report, once: whoever sends it again gets the same report.

    Raises what `submit_report` raises; the draft then stays. ReportDraft.DoesNotExist: it was thrown away.
    """
    with transaction.atomic():
        fresh = ReportDraft.objects.select_for_update().filter(pk=draft.pk).first()
        if fresh is None:  # a second click came while the first was being answered
            report = Report.objects.with_places().filter(idempotency_key=str(draft.pk)).first()
            if report is None:
                raise ReportDraft.DoesNotExist
            return Receipt(report, created=False)
        photos = list(fresh.photos.all())
        receipt = submit_report(new=new, idempotency_key=str(draft.pk), photos=[_as_clean(photo) for photo in photos])
        fresh.delete()
        transaction.on_commit(lambda: _delete_files(photos))
    return receipt


def _as_clean(photo: DraftPhoto) -> CleanPhoto:
    facts: dict[str, Any] = dict(photo.facts)
    source = facts.pop("source_sha256", "")
    return CleanPhoto(image=_read(photo.image), thumb=_read(photo.thumb), source_sha256=source, facts=facts)


def _read(file: FieldFile) -> bytes:
    with file.open("rb") as opened:
        return bytes(opened.read())


def clear_old() -> int:
    """Delete drafts that nobody touched for `KEEP`, with their photos' files; return how many."""
    old = ReportDraft.objects.filter(updated_at__lt=timezone.now() - KEEP).prefetch_related("photos")
    cleared = 0
    for draft in old.iterator(chunk_size=100):
        delete(draft)
        cleared += 1
    return cleared


def delete(draft: ReportDraft) -> None:
    """Delete a draft with its photos' files."""
    photos = list(draft.photos.all())
    draft.delete()
    _delete_files(photos)


def _delete_files(photos: Iterable[DraftPhoto]) -> None:
    for photo in photos:
        photo.image.delete(save=False)
        photo.thumb.delete(save=False)
