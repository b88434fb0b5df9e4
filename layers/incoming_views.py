"""Uploads that go on where they broke off: the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload).

Core, creation, termination, expiration and checksum. Only who began an upload can see, continue or end it: for others
it is not there. What is refused is a problem document, as everywhere.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.limits import ByAddress, content_length, refuse_too_large, refuse_too_often
from accounts.models import User
from layers import incoming as services
from layers import uploads
from layers.errors import ChecksumWrong, LengthMissing, NotAPiece, PieceRefused, WrongTus
from layers.models import IncomingFile
from layers.reading import limits

VERSION = "1.0.0"
CHECKSUM_MISMATCH = 460  # the protocol's own status
EXTENSIONS = "creation,expiration,termination,checksum"
MEDIA_TYPE = "application/offset+octet-stream"
METADATA_CHARACTERS = 2_000
DIGITS = re.compile(r"\d{1,15}", re.ASCII)

View = Callable[..., HttpResponse]


class PieceLimit(ByAddress):
    scope = "piece"


@contextmanager
def _speaking_tus() -> Iterator[None]:
    """Have an error say in its answer which protocol this is."""
    try:
        yield
    except Exception as error:
        error.headers = getattr(error, "headers", {}) | {"Tus-Resumable": VERSION}  # type: ignore[attr-defined]
        raise


def _tus(view: View) -> View:
    """Hold a request to the protocol, and to people who may upload."""

    @wraps(view)
    def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        with _speaking_tus():
            method = request.method or ""
            if method == "POST":  # for clients that know two methods only
                method = request.headers.get("X-HTTP-Method-Override", method).upper()
            if method == "OPTIONS":
                return _capabilities()
            user = _uploader(request)
            if request.headers.get("Tus-Resumable") != VERSION:
                raise WrongTus(_("This is version %(version)s of the tus protocol.") % {"version": VERSION})
            response = view(request, user=user, method=method, **kwargs)
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        return response

    return never_cache(wrapped)


def _before_piece(request: HttpRequest, **_parts: Any) -> HttpResponse | None:
    """See config/before_body.py: who, how much and how often, before a byte is read."""
    with _speaking_tus():
        _uploader(request)
        refuse_too_large(request, services.PIECE_BYTES)
        refuse_too_often(request, PieceLimit)
    return None


@_tus
def files(request: HttpRequest, *, user: User, method: str) -> HttpResponse:
    """Begin a file: its length and name come in headers."""
    if method != "POST":
        return _not_allowed("OPTIONS, POST")
    if "Upload-Defer-Length" in request.headers:
        raise PieceRefused(_("The length must be known from the beginning."))
    size = _number(request, "Upload-Length")
    told = read_metadata(request.headers.get("Upload-Metadata", ""))
    modified = told.get("modified", "")
    made = services.begin(
        name=uploads.safe_name(told.get("filename", "")),
        size=size,
        modified=int(modified) if DIGITS.fullmatch(modified) else None,
        by=user,
    )
    response = HttpResponse(status=201)
    response["Location"] = reverse("incoming_file", args=[made.pk])
    return _expiring(response, made)


@_tus
def file(request: HttpRequest, pk: UUID, *, user: User, method: str) -> HttpResponse:
    """Tell how much of a file is there, add a piece, or end it."""
    found = services.incoming_of(user).filter(pk=pk).first()
    if found is None:
        raise Http404
    if method == "HEAD":
        response = HttpResponse()
        response["Upload-Offset"] = str(found.received)
        response["Upload-Length"] = str(found.size)
        return _expiring(response, found)
    if method == "PATCH":
        return _add(request, found)
    if method == "DELETE":
        services.discard(file=found)
        return HttpResponse(status=204)
    return _not_allowed("OPTIONS, HEAD, PATCH, DELETE")


files.before_body = file.before_body = _before_piece  # type: ignore[attr-defined]


@require_POST
@never_cache
def discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Forget an unfinished upload: the button that works without a script."""
    found = services.incoming_of(_uploader(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    services.discard(file=found)
    return redirect("uploads")


def read_metadata(text: str) -> dict[str, str]:
    """Return the protocol's pairs of key and Base64 value. Raise PieceRefused for what is not that."""
    told: dict[str, str] = {}
    if len(text) > METADATA_CHARACTERS:
        raise PieceRefused(_("Upload-Metadata is too long."))
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, _blank, value = pair.partition(" ")
        try:
            told[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise PieceRefused(_("Upload-Metadata cannot be read.")) from error
    return told


def _add(request: HttpRequest, found: IncomingFile) -> HttpResponse:
    if request.content_type != MEDIA_TYPE:
        raise NotAPiece(_("A piece is sent as %(type)s.") % {"type": MEDIA_TYPE})
    if not request.META.get("CONTENT_LENGTH"):
        raise LengthMissing(_("Say in Content-Length how long the piece is."))
    try:
        written = services.write_piece(
            file=found,
            offset=_number(request, "Upload-Offset"),
            length=content_length(request),
            body=request,
            checksum=_checksum(request),
        )
    except UnreadablePostError:
        return HttpResponse(status=400)  # nobody is there to read it
    except ChecksumWrong as error:
        return JsonResponse({"code": error.code, "detail": str(error)}, status=CHECKSUM_MISMATCH)
    response = HttpResponse(status=204)
    response["Upload-Offset"] = str(written.received)
    return _expiring(response, written)


def _checksum(request: HttpRequest) -> tuple[str, bytes] | None:
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _blank, value = text.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PieceRefused(_("Upload-Checksum cannot be read.")) from error
    if algorithm not in services.ALGORITHMS or not digest:
        raise PieceRefused(_("Upload-Checksum cannot be read."))
    return algorithm, digest


def _number(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header, "")
    if not DIGITS.fullmatch(text):
        raise PieceRefused(_("%(header)s must be a whole number that is not negative.") % {"header": header})
    return int(text)


def _uploader(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied(_("You are signed out. Sign in in another tab, then go on here."))
    if not uploads.agencies_of(request.user).exists():
        raise PermissionDenied(_("You may not upload data."))
    return request.user


def _capabilities() -> HttpResponse:
    response = HttpResponse(status=204)
    response["Tus-Resumable"] = response["Tus-Version"] = VERSION
    response["Tus-Extension"] = EXTENSIONS
    response["Tus-Max-Size"] = str(limits.FILE_BYTES)
    response["Tus-Checksum-Algorithm"] = ",".join(services.ALGORITHMS)
    return response


def _not_allowed(methods: str) -> HttpResponse:
    response = HttpResponse(status=405)
    response["Allow"] = methods
    return response


def _expiring(response: HttpResponse, found: IncomingFile) -> HttpResponse:
    response["Upload-Expires"] = http_date((found.changed_at + services.KEPT).timestamp())
    return response
