"""/api/v1/agencies/: who may answer."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Agency


class AgencySerializer(serializers.ModelSerializer):
    external = serializers.BooleanField(source="is_external", read_only=True)

    class Meta:
        model = Agency
        fields = ["code", "short_name", "name", "kind", "external"]


class AgenciesView(APIView):
    """The active agencies (OPD), and the external bodies marked as such."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    short_way = True  # see config/short_way.py

    @extend_schema(responses=AgencySerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(AgencySerializer(Agency.objects.filter(active=True), many=True).data)
