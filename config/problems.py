"""Errors as HTTP, in one place: RFC 9457 problem documents with a stable `code` and words for people.

`TABLE` says which exception is which status. Each exception carries `code`, and its text is the `detail`.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import render
from django.utils.encoding import force_str
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.csrf import csrf_failure
from django.views.defaults import bad_request, page_not_found, server_error
from rest_framework import exceptions as drf
from rest_framework.response import Response

from accounts import errors as accounts
from geo import errors as geo
from incidents import errors as incidents
from layers import errors as layers
from layers.ogc import errors as ogc

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
DATA = ("/data/", "/ogc/", "/tiles/")
"""Where agencies' data are."""
RETRY_S = 30
"""Seconds after which to ask again when the database does not answer."""
DATABASE_GONE = (OperationalError, InterfaceError)
"""A lost connection, a server that restarts or has no connection left, a lock not got in time: all pass."""

TABLE: dict[type[Exception], HTTPStatus] = {
    accounts.TooOften: HTTPStatus.TOO_MANY_REQUESTS,
    accounts.TooMuch: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    geo.OutsideRegency: HTTPStatus.UNPROCESSABLE_ENTITY,
    geo.NoActiveEdition: HTTPStatus.SERVICE_UNAVAILABLE,
    geo.GeoError: HTTPStatus.BAD_REQUEST,
    incidents.KeyReused: HTTPStatus.CONFLICT,
    incidents.MoveNotAllowed: HTTPStatus.CONFLICT,
    incidents.DraftGone: HTTPStatus.NOT_FOUND,
    incidents.TooManyDrafts: HTTPStatus.CONFLICT,
    incidents.NotProven: HTTPStatus.UNPROCESSABLE_ENTITY,
    incidents.ReportError: HTTPStatus.BAD_REQUEST,
    accounts.SignInRefused: HTTPStatus.UNAUTHORIZED,
    accounts.TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    ogc.TooSlow: HTTPStatus.SERVICE_UNAVAILABLE,
    ogc.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    ogc.NotAnEditor: HTTPStatus.FORBIDDEN,
    ogc.WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ogc.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ogc.LengthMissing: HTTPStatus.LENGTH_REQUIRED,
    ogc.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    ogc.ConditionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    ogc.ConditionFailed: HTTPStatus.PRECONDITION_FAILED,
    layers.EditOutdated: HTTPStatus.CONFLICT,
    layers.WrongKey: HTTPStatus.UNAUTHORIZED,
    # Not 413, which speaks of what a request carries (RFC 9110, 15.5.14): it was understood, it just cannot be done.
    layers.TooLarge: HTTPStatus.UNPROCESSABLE_ENTITY,
    layers.UploadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    layers.WrongTus: HTTPStatus.PRECONDITION_FAILED,
    layers.NotAPiece: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    layers.LengthMissing: HTTPStatus.LENGTH_REQUIRED,
    layers.OffsetWrong: HTTPStatus.CONFLICT,
    layers.PieceUnderWay: HTTPStatus.LOCKED,
    layers.TooManyPieces: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    layers.DiskFull: HTTPStatus.INSUFFICIENT_STORAGE,
    layers.LayerError: HTTPStatus.BAD_REQUEST,
    OperationalError: HTTPStatus.SERVICE_UNAVAILABLE,
    InterfaceError: HTTPStatus.SERVICE_UNAVAILABLE,
    RequestDataTooBig: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyFilesSent: HTTPStatus.BAD_REQUEST,
    SuspiciousOperation: HTTPStatus.BAD_REQUEST,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    Http404: HTTPStatus.NOT_FOUND,
}
HEADINGS = {
    HTTPStatus.METHOD_NOT_ALLOWED: gettext_lazy("This address is not opened like that"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: gettext_lazy("That is too much at once"),
    HTTPStatus.UNPROCESSABLE_ENTITY: gettext_lazy("This cannot be answered like that"),
    HTTPStatus.TOO_MANY_REQUESTS: gettext_lazy("Please wait a little"),
    HTTPStatus.SERVICE_UNAVAILABLE: gettext_lazy("This does not work at the moment"),
}
"""What the page for people says first; for any other status, that the request could not be read."""


def status_of(error: Exception) -> HTTPStatus | None:
    """Return the status that TABLE gives for the nearest class of `error`, or None."""
    for parent in type(error).__mro__:
        if parent in TABLE:
            return TABLE[parent]
    return None


def document(
    *, status: int, code: str, detail: str, errors: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Return a problem document. `errors` maps a field to its list of sentences; `more` are extension members."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),  # an HTTPStatus is no number to YAML
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return body | more


def document_for(error: Exception, path: str = "") -> dict[str, Any] | None:
    """Return the problem document for one of our errors, or None if TABLE does not know it.

    `path` is what was asked for: where data are, nobody looks for a report.
    """
    status = status_of(error)
    if status is None:
        return None
    field = getattr(error, "field", None)
    text = force_str(getattr(error, "detail", None) or error) or HTTPStatus(status).phrase
    if isinstance(error, Http404):
        text = (
            _("There is nothing here. Check the address.")
            if path.startswith(DATA)
            else _("There is nothing here. Check the address or the ticket.")
        )
    gone = isinstance(error, DATABASE_GONE)
    if gone:  # its own words name the server
        text = _(
            "The database does not answer at the moment. Try again in a minute. A report may be sent again: it is not "
            "counted twice."
        )
    return document(
        status=status,
        code="database_unavailable" if gone else getattr(error, "code", None) or HTTPStatus(status).name.lower(),
        detail=text,
        errors=getattr(error, "errors", None) or ({field: [text]} if field else None),
        **getattr(error, "extra", {}),
    )


def response_for(error: Exception, path: str = "") -> JsonResponse | None:
    """Return the HTTP answer for one of our errors, or None if TABLE does not know it."""
    body = document_for(error, path)
    if body is None:
        return None
    return _noted(error, JsonResponse(body, status=body["status"], content_type=CONTENT_TYPE))


def page_for(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the page for people for one of our errors, or None if TABLE does not know it."""
    body = document_for(error, request.path)
    if body is None:
        return None
    # A wrong condition stands behind the question mark: the page itself is one tap away.
    is_conditioned = isinstance(error, geo.ParameterError) and request.method == "GET" and bool(request.GET)
    context = {
        "detail": body["detail"],
        "status": body["status"],
        "heading": HEADINGS.get(HTTPStatus(body["status"])),
        "plain": request.path if is_conditioned else "",
    }
    return _noted(error, render(request, "400.html", context, status=body["status"]))


def answer_for(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the answer that fits the client, or None if TABLE does not know the error."""
    return response_for(error, request.path) if wants_problem(request) else page_for(request, error)


def _noted(error: Exception, response: Any) -> Any:
    """Say in the answer when to try again and what else the error says in headers, and in the log that the database is
    gone."""
    wait = RETRY_S if isinstance(error, DATABASE_GONE) else getattr(error, "wait", None)  # seconds
    if wait is not None:
        response["Retry-After"] = str(int(wait) + 1)
    for name, value in getattr(error, "headers", {}).items():
        response[name] = value
    if isinstance(error, DATABASE_GONE):
        log.error("the database does not answer: %s", error, exc_info=error)
    return response


def wants_problem(request: HttpRequest) -> bool:
    """Whether the client is a program: the API and the tiles, or a script of ours that asks for JSON.

    /ogc/ serves both: programs unless a browser asks, or `f` says so.
    """
    accept = request.headers.get("Accept", "")
    if request.path.startswith("/ogc/"):
        return request.GET.get("f", "html" if "text/html" in accept else "json") != "html"
    return request.path.startswith(("/api/", "/tiles/")) or ("json" in accept and "text/html" not in accept)


class ProblemMiddleware:
    """Answer our errors wherever they are raised: a problem document for programs, a page that says it for people."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            _explain_not_allowed(request, response)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn `error` into its answer, or leave it to Django (None) if TABLE does not know it."""
        if not wants_problem(request) and isinstance(error, (Http404, PermissionDenied, SuspiciousOperation)):
            return None  # these have pages of their own
        return answer_for(request, error)


def _explain_not_allowed(request: HttpRequest, response: HttpResponse) -> None:
    """Give Django's answer for a wrong method, which is empty, its words."""
    status = HTTPStatus.METHOD_NOT_ALLOWED
    if wants_problem(request):
        detail = _("This address takes %(methods)s only.") % {"methods": response["Allow"]}
        body = document(status=status, code="method_not_allowed", detail=detail)
        answer: HttpResponse = JsonResponse(body, content_type=CONTENT_TYPE)
    else:
        detail = _("It works only from the page it belongs to. Go back to that page and press its button once more.")
        context = {"detail": detail, "status": status.value, "heading": HEADINGS[status]}
        answer = render(request, "400.html", context)
    response.content = answer.content
    response["Content-Type"] = answer["Content-Type"]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return _problem(request, Http404()) or page_not_found(request, exception)


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return _problem(request, exception) or bad_request(request, exception)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    if not wants_problem(request):
        return csrf_failure(request, reason)
    text = _(
        "With a session, send the token of the cookie in X-CSRFToken. Programs need no session: they send an API key, "
        "or a name and a password."
    )
    body = document(status=403, code="csrf_failed", detail=text)
    return JsonResponse(body, status=403, content_type=CONTENT_TYPE)


def broken(request: HttpRequest) -> HttpResponse:
    """Django's handler500: for what is raised outside of views, such as by a middleware that finds no database."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_GONE):
        return answer_for(request, error) or server_error(request)
    if wants_problem(request):
        text = _("Something broke on our side, and it has been noted. Try again in a minute.")
        body = document(status=500, code="internal_error", detail=text)
        return JsonResponse(body, status=500, content_type=CONTENT_TYPE)
    return server_error(request)


def _problem(request: HttpRequest, error: Exception) -> HttpResponse | None:
    return response_for(error, request.path) if wants_problem(request) else None


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: turn our errors and DRF's into problem documents; anything else stays a 500 and is logged."""
    body = document_for(error) if not isinstance(error, drf.APIException) else _document_for_drf(error)
    if body is None:
        return None
    return _noted(error, Response(body, status=body["status"], content_type=CONTENT_TYPE))


def _document_for_drf(error: drf.APIException) -> dict[str, Any]:
    if isinstance(error, drf.ValidationError):
        detail = error.detail
        errors = (
            _flat(detail) if isinstance(detail, dict) else {"non_field_errors": [force_str(item) for item in detail]}
        )
        return document(
            status=error.status_code,
            code="invalid",
            detail=_("Some of what was sent cannot be used; “errors” says what and why."),
            errors=errors,
        )
    code = error.get_codes()
    return document(
        status=error.status_code, code=code if isinstance(code, str) else "error", detail=force_str(error.detail)
    )


def _flat(detail: Mapping[str, Any], prefix: str = "") -> dict[str, list[str]]:
    """Flatten DRF's nested errors to dotted field names."""
    flat: dict[str, list[str]] = {}
    for name, value in detail.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{key}.")
        else:
            items = value if isinstance(value, list) else [value]
            flat[key] = [force_str(item) for item in items]
    return flat
