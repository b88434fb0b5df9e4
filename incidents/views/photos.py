"""Photos, each served only to those who may read its report; never from MEDIA_URL."""

from uuid import UUID

from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from incidents import drafts, keyring
from incidents.models import Photo, Report
from incidents.models.drafts import DraftPhoto

PUBLIC = "public, max-age=3600"
"""An hour: a report can be made confidential later."""
PRIVATE = "private, no-store"
SIZES = {"besar": "image", "kecil": "thumb"}


@require_safe
def photo(request: HttpRequest, pk: UUID, size: str) -> HttpResponse:
    """Serve a photo of a report or of an answer, large (`besar`) or small (`kecil`)."""
    found = Photo.objects.select_related("report", "event").filter(pk=pk).first()
    if found is None or size not in SIZES:
        raise Http404
    of_note = found.event is not None and not found.event.public
    if not found.report.confidential and not of_note:
        return _file(request, getattr(found, SIZES[size]), f"{pk}-{size}", PUBLIC)
    if not _may_read(request, found.report, of_note=of_note):
        raise Http404
    return _file(request, getattr(found, SIZES[size]), f"{pk}-{size}", PRIVATE)


@require_safe
def draft_photo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Serve a draft's photo, small, to the browser that began the draft."""
    found = DraftPhoto.objects.filter(pk=pk).first()
    if found is None or not drafts.owns(request.session, found.draft_id):
        raise Http404
    return _file(request, found.thumb, str(pk), PRIVATE)


def _may_read(request: HttpRequest, report: Report, *, of_note: bool) -> bool:
    """Whether a photo that is not public is for this person: notes for the desk, the rest also for the reporter."""
    if of_note:
        return Report.objects.at_desk_of(request.user).filter(pk=report.pk).exists()
    return keyring.readable(request.user, request.session).filter(pk=report.pk).exists()


def _file(request: HttpRequest, file: FieldFile, etag: str, cache: str) -> HttpResponse:
    quoted = f'"{etag}"'
    response = get_conditional_response(request, etag=quoted)
    if response is None:
        try:
            with file.open("rb") as opened:
                response = HttpResponse(opened.read(), content_type="image/jpeg")
        except FileNotFoundError as error:
            raise Http404 from error
    response["ETag"] = quoted
    response["Cache-Control"] = cache
    return response
