"""/api/v1/: where a place belongs, taking in reports, and reading the public ones. Contract: docs/api.md."""

import io
import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.limits import refuse_too_large, refuse_too_often
from accounts.models import Agency
from geo.locate import locate
from geo.params import parse_point, refuse_unknown
from incidents import pages, serializers, tickets
from incidents.errors import BadPhoto, UnknownCategory
from incidents.filters import ReportFilter
from incidents.intake import Receipt, submit_report
from incidents.limits import KEY_LENGTHS, LocateThrottle, ReportThrottle
from incidents.models import Category, Report, ReportEvent
from incidents.photos import CleanPhoto, clean_all
from incidents.routing import whereabouts

AS_DRF_WRITES = {"ensure_ascii": False, "separators": (",", ":")}
"""How JSON is written, by DRF's renderer and without it."""


class BoundedJSONParser(JSONParser):
    """JSON whose nesting the parser survives, and of whole characters.

    Half a character (a lone surrogate) could be neither stored nor named in an answer.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = stream.read()
        try:
            parsed = super().parse(io.BytesIO(raw), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
        except ParseError as error:
            raise ParseError(_what_is_wrong(error)) from error
        if parsed is None:
            raise ParseError(_("The body says “null”. Send an object with the fields of a report."))
        if b"\\ud" in raw.lower() and not _is_whole(parsed):
            raise ParseError(_("The JSON holds half a character: a \\ud800 to \\udfff without its pair."))
        return parsed


class PublicView(APIView):
    """An endpoint for everybody. Sign-in plays no part, so answers may be cached by anyone."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    short_way = True


class LocateView(PublicView):
    """Where a point belongs: kecamatan, desa, the answering agency and why."""

    throttle_classes = (LocateThrottle,)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer GET without DRF's request, negotiation and renderer, which would take longer than the answer.

        The answer and the errors are the same: config/short_way.py makes problem documents of these.
        """
        if request.method != "GET":
            return super().dispatch(request, *args, **kwargs)
        refuse_too_often(request, LocateThrottle)
        return JsonResponse(_whereabouts(request.GET), json_dumps_params=AS_DRF_WRITES)

    @extend_schema(
        parameters=[
            OpenApiParameter("lat", float, required=True, description="Degrees north, EPSG:4326"),
            OpenApiParameter("lon", float, required=True, description="Degrees east, EPSG:4326"),
            OpenApiParameter(
                "category", str, description="A code of /api/v1/categories/; without it no agency is named"
            ),
        ],
        responses=serializers.LocateSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(_whereabouts(request.query_params))


def _whereabouts(params: Mapping[str, str]) -> dict[str, Any]:
    refuse_unknown(params, {"lat", "lon", "category"})
    lon, lat = parse_point(params)
    code = params.get("category")
    if code:
        place, _category, found = whereabouts(lon, lat, code)
    else:
        place, found = locate(lon, lat), None
    english = (get_language() or "").startswith("en")
    return {
        "kecamatan": serializers.area(place.kecamatan),
        "desa": serializers.area(place.desa),
        "agency": serializers.area(found.agency) if found else None,
        "reason": (found.reason_en if english else found.reason_id)
        if found
        else _("Choose a category to see who answers."),
        "near_border": [
            {"code": border.code, "name": border.name, "distance_m": border.distance_m} for border in place.near_border
        ],
        "coastal": place.coastal,
        "boundaries": place.edition_kind,
    }


class ReportsView(PublicView):
    """The public reports, newest first; and taking in a new one."""

    parser_classes = (BoundedJSONParser, MultiPartParser, FormParser)

    def get_throttles(self) -> list[BaseThrottle]:
        return [ReportThrottle()] if self.request.method == "POST" else []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Hold the body to the common limit, before it is read."""
        refuse_too_large(request._request, settings.BODY_MAX_BYTES)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        parameters=[
            *[OpenApiParameter(name, str, many=name in {"category", "status", "kecamatan", "desa", "agency", "kind"})
              for name in ReportFilter.base_filters],
            OpenApiParameter("cursor", str, description="From `next` of the page before"),
            OpenApiParameter("limit", int, description="1 to 200; 50 unless told"),
        ],
        responses=serializers.ReportSerializer(many=True),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        known = {*ReportFilter.base_filters, "cursor", "limit"}
        refuse_unknown(request.query_params, known)
        found = ReportFilter(request.query_params, queryset=Report.objects.public().with_places())
        if found.errors:
            raise ValidationError(found.errors)
        page = pages.page_of(
            found.qs, cursor=request.query_params.get("cursor"), limit=request.query_params.get("limit")
        )
        body = serializers.ReportSerializer(page.reports, many=True, context={"request": request}).data
        body["links"] = []
        if page.next_cursor:
            query = request.query_params.copy()
            query["cursor"] = page.next_cursor
            href = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
            body["links"].append({"rel": "next", "href": href, "type": "application/geo+json"})
            body["next"] = page.next_cursor
        return Response(body, content_type="application/geo+json")

    @extend_schema(
        request={
            "application/json": serializers.NewReportSerializer,
            "multipart/form-data": serializers.NewReportSerializer,
        },
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="8 to 200 characters, best a UUID"
            )
        ],
        responses={201: serializers.ReceiptSerializer, 200: serializers.ReceiptSerializer},
    )
    def post(self, request: Request) -> Response:
        refuse_unknown(request.query_params, set())
        key = _idempotency_key(request)
        data = request.data
        photos: list[CleanPhoto] = []
        errors: dict[str, Any] = {}
        serializer = serializers.NewReportSerializer(data=data)
        if not serializer.is_valid():
            errors |= serializer.errors
        try:
            photos = clean_all(request.FILES.getlist("photos")) if request.FILES else []
        except BadPhoto as error:
            errors["photos"] = [str(error)]
        if errors:
            raise ValidationError(errors)
        receipt = _submit(serializer, key, photos)
        return Response(
            serializers.ReceiptSerializer(receipt).data,
            status=201 if receipt.created else 200,
            headers={"Location": f"/laporan/{receipt.report.ticket}/"},
        )


class ReportView(PublicView):
    """One public report with its timeline."""

    @extend_schema(responses=serializers.ReportDetailSerializer)
    def get(self, request: Request, ticket: str) -> Response:
        refuse_unknown(request.query_params, set())
        events = ReportEvent.objects.filter(public=True).select_related("agency").prefetch_related("photos")
        report = (
            Report.objects.public()
            .with_places()
            .prefetch_related("photos", Prefetch("events", events, to_attr="public_events"))
            .filter(ticket=tickets.parse(ticket))
            .first()
        )
        if report is None:
            raise Http404
        body = serializers.ReportDetailSerializer(report, context={"request": request}).data
        return Response(body, content_type="application/geo+json")


class CategoriesView(PublicView):
    """The active categories that a report may carry, with their groups."""

    @extend_schema(responses=serializers.CategorySerializer(many=True))
    def get(self, request: Request) -> Response:
        refuse_unknown(request.query_params, set())
        leaves = Category.objects.filter(active=True, parent__isnull=False).select_related("parent")
        return Response(serializers.CategorySerializer(leaves, many=True).data)


class AgenciesView(PublicView):
    """The active agencies (OPD), and the external bodies marked as such."""

    @extend_schema(responses=serializers.AgencySerializer(many=True))
    def get(self, request: Request) -> Response:
        refuse_unknown(request.query_params, set())
        return Response(serializers.AgencySerializer(Agency.objects.filter(active=True), many=True).data)


def _what_is_wrong(error: ParseError) -> str:
    """Return where JSON breaks off; DRF's sentence for it is English."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, json.JSONDecodeError):
        words = _("The body is not JSON: it cannot be read from line %(line)d, character %(column)d on.")
        return words % {"line": cause.lineno, "column": cause.colno}
    if isinstance(cause, UnicodeDecodeError):
        return _("The body is not JSON in UTF-8.")
    return _("The body is not JSON: a number in it is infinite, none, or far too long.")


def _is_whole(parsed: Any) -> bool:
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if len(key) not in KEY_LENGTHS or not key.isascii() or not key.isprintable():
        raise ValidationError(
            {"Idempotency-Key": [_("Send 8 to 200 plain characters, best a UUID that the client made.")]}
        )
    return f"api:{key}"


def _submit(serializer: serializers.NewReportSerializer, key: str | None, photos: list[CleanPhoto]) -> Receipt:
    language = "en" if (get_language() or "").startswith("en") else "id"
    try:
        return submit_report(new=serializer.to_new_report(language=language), idempotency_key=key, photos=photos)
    except UnknownCategory as error:
        raise ValidationError({"category": [str(error)]}) from error
