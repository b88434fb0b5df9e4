"""Errors as HTTP, in one place: RFC 9457 problem documents with a stable `code` and words for people.

`TABLE` says which exception is which status. Each exception carries `code`, and its text is the `detail`.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.encoding import force_str
from django.utils.translation import gettext as _
from django.views.defaults import bad_request, page_not_found
from rest_framework import exceptions as drf
from rest_framework.response import Response

from accounts import errors as accounts
from geo import errors as geo
from incidents import errors as incidents
from layers import errors as layers
from layers.ogc import errors as ogc

CONTENT_TYPE = "application/problem+json"

TABLE: dict[type[Exception], HTTPStatus] = {
    geo.OutsideRegency: HTTPStatus.UNPROCESSABLE_ENTITY,
    geo.NoActiveEdition: HTTPStatus.SERVICE_UNAVAILABLE,
    geo.GeoError: HTTPStatus.BAD_REQUEST,
    incidents.KeyReused: HTTPStatus.CONFLICT,
    incidents.MoveNotAllowed: HTTPStatus.CONFLICT,
    incidents.ReportError: HTTPStatus.BAD_REQUEST,
    accounts.SignInRefused: HTTPStatus.UNAUTHORIZED,
    accounts.TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    ogc.TooSlow: HTTPStatus.SERVICE_UNAVAILABLE,
    ogc.NotAnEditor: HTTPStatus.FORBIDDEN,
    ogc.WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ogc.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ogc.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    ogc.ConditionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    ogc.ConditionFailed: HTTPStatus.PRECONDITION_FAILED,
    layers.EditOutdated: HTTPStatus.CONFLICT,
    layers.WrongKey: HTTPStatus.UNAUTHORIZED,
    layers.LayerError: HTTPStatus.BAD_REQUEST,
    RequestDataTooBig: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyFilesSent: HTTPStatus.BAD_REQUEST,
    SuspiciousOperation: HTTPStatus.BAD_REQUEST,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    Http404: HTTPStatus.NOT_FOUND,
}


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


def document_for(error: Exception) -> dict[str, Any] | None:
    """Return the problem document for one of our errors, or None if TABLE does not know it."""
    status = status_of(error)
    if status is None:
        return None
    field = getattr(error, "field", None)
    text = force_str(getattr(error, "detail", None) or error) or HTTPStatus(status).phrase
    if isinstance(error, Http404):
        text = _("There is nothing here. Check the address or the ticket.")
    return document(
        status=status,
        code=getattr(error, "code", None) or HTTPStatus(status).name.lower(),
        detail=text,
        errors=getattr(error, "errors", None) or ({field: [text]} if field else None),
        **getattr(error, "extra", {}),
    )


def response_for(error: Exception) -> JsonResponse | None:
    """Return the HTTP answer for one of our errors, or None if TABLE does not know it."""
    body = document_for(error)
    if body is None:
        return None
    headers = getattr(error, "headers", None)
    return JsonResponse(body, status=body["status"], content_type=CONTENT_TYPE, headers=headers)


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
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn `error` into its answer, or leave it to Django (None) if TABLE does not know it."""
        if wants_problem(request):
            return response_for(error)
        if status_of(error) is None or isinstance(error, (Http404, PermissionDenied, SuspiciousOperation)):
            return None
        body = document_for(error)
        return render(request, "400.html", {"detail": body["detail"]}, status=body["status"]) if body else None


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    answer = response_for(Http404()) if wants_problem(request) else None
    return answer or page_not_found(request, exception)


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    answer = response_for(exception) if wants_problem(request) else None
    return answer or bad_request(request, exception)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: turn our errors and DRF's into problem documents; anything else stays a 500 and is logged."""
    body = document_for(error) if not isinstance(error, drf.APIException) else _document_for_drf(error)
    if body is None:
        return None
    response = Response(body, status=body["status"], content_type=CONTENT_TYPE)
    wait = getattr(error, "wait", None)  # set on drf.Throttled: seconds
    if wait is not None:
        response["Retry-After"] = str(int(wait) + 1)
    return response


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
