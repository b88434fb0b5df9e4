"""Drafts of /lapor/: kept for a week, so that what a person typed is never lost on the way."""

import datetime as dt

from django.utils import timezone

from incidents.models.drafts import ReportDraft

KEEP = dt.timedelta(days=7)


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
    for photo in draft.photos.all():
        photo.image.delete(save=False)
        photo.thumb.delete(save=False)
    draft.delete()
