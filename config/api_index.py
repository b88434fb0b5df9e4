"""/api/v1/: what there is, for somebody who only has the address."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from geo.params import refuse_unknown
from incidents.api import PublicView

CALLS = {
    "locate": "api_locate",
    "reports": "api_reports",
    "categories": "api_categories",
    "agencies": "api_agencies",
    "kecamatan": "api_kecamatan",
    "desa": "api_desa",
    "stats": "api_stats_sections",
    "schema": "api_schema",
    "docs": "api_docs",
}
"""The names of the index and the views that they lead to."""


class IndexView(PublicView):
    """Where the calls of the API, their schema and their pages are."""

    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT}, operation_id="index")
    def get(self, request: Request) -> Response:
        refuse_unknown(request.query_params, set())
        return Response({name: reverse(view, request=request) for name, view in CALLS.items()})
