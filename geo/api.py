"""/api/v1/areas/: the kecamatan and desa with their outlines, as GeoJSON."""

import gzip
import re
from hashlib import blake2b
from typing import ClassVar

from django.core.cache import caches
from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from geo.areas import STEPS_M, feature_collection, step_below
from geo.errors import ParameterError
from geo.models import BoundaryEdition, Kecamatan
from geo.params import SHOWN, parse_flag, parse_simplify, refuse_unknown
from geo.tiles import accepts_gzip

GEOJSON_TYPE = "application/geo+json"
MAX_AGE = 300  # seconds that a browser keeps an answer, and a process what it made

_SIMPLIFY = OpenApiParameter(
    "simplify",
    float,
    description="Metres by which outlines may be simplified, 0 to 5,000; rounded down to one of "
    + ", ".join(map(str, STEPS_M))
    + ". Neighbours keep one shared line.",
)
_GEOMETRY = OpenApiParameter("geometry", bool, description="`false`: properties only")
_KECAMATAN = OpenApiParameter("kecamatan", str, description="Code of a kecamatan, such as 64.08.04")


class AreasView(APIView):
    """Areas of one level, on the boundary edition in use."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    short_way = True  # see config/short_way.py
    level: ClassVar[str]
    known: ClassVar[frozenset[str]] = frozenset({"simplify", "geometry"})

    def answer(self, request: Request) -> HttpResponse:
        """Parse, make or recall the collection, answer (304 if the client has it)."""
        params = request.query_params
        refuse_unknown(params, self.known)
        simplify_m = step_below(parse_simplify(params.get("simplify", "0")))
        geometry = parse_flag(params.get("geometry", "true"), name="geometry")
        kecamatan = params.get("kecamatan")
        if kecamatan is not None and not _is_kecamatan(kecamatan):
            message = _("There is no kecamatan with the code “%(value)s”. Codes look like 64.08.04.")
            raise ParameterError("kecamatan", kecamatan, message % {"value": kecamatan[:SHOWN]})
        edition = BoundaryEdition.objects.active().first()

        def make() -> tuple[str, bytes]:
            body = feature_collection(
                self.level, edition, simplify_m=simplify_m, kecamatan=kecamatan, geometry=geometry
            )
            return blake2b(body, digest_size=12).hexdigest(), gzip.compress(body, 6, mtime=0)

        key = f"geo:areas:{self.level}:{edition.pk if edition else 0}:{simplify_m}:{kecamatan}:{geometry}"
        kept = caches["kept"].get_or_set(key, make, MAX_AGE)
        return _answer(request, *(kept if isinstance(kept, tuple) else make()))


class KecamatanView(AreasView):
    """The 18 kecamatan: code, name, population, area, and the outline in the edition in use."""

    level = "kecamatan"

    @extend_schema(parameters=[_SIMPLIFY, _GEOMETRY], responses={(200, GEOJSON_TYPE): OpenApiTypes.OBJECT})
    def get(self, request: Request) -> HttpResponse:
        return self.answer(request)


class DesaView(AreasView):
    """The 141 desa and kelurahan: code, name, kind, kecamatan, area, and the outline in the edition in use."""

    level = "desa"
    known = AreasView.known | {"kecamatan"}

    @extend_schema(parameters=[_KECAMATAN, _SIMPLIFY, _GEOMETRY], responses={(200, GEOJSON_TYPE): OpenApiTypes.OBJECT})
    def get(self, request: Request) -> HttpResponse:
        return self.answer(request)


def _is_kecamatan(code: str) -> bool:
    return bool(re.fullmatch(r"[0-9.]{8}", code)) and Kecamatan.objects.filter(code=code).exists()


def _answer(request: Request, digest: str, packed: bytes) -> HttpResponse:
    etag = f'W/"{digest}"'
    known: HttpResponse | None = get_conditional_response(request._request, etag=etag)
    response: HttpResponse
    if known:
        response = known
    elif accepts_gzip(request._request):
        response = HttpResponse(packed, content_type=GEOJSON_TYPE)
        response["Content-Encoding"] = "gzip"
    else:
        response = HttpResponse(gzip.decompress(packed), content_type=GEOJSON_TYPE)
    response["ETag"] = etag
    response["Cache-Control"] = f"public, max-age={MAX_AGE}"
    response["Vary"] = "Accept-Encoding"
    return response
