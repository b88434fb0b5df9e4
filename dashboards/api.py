"""/api/v1/stats/: the dashboards' figures as the public sees them (docs/api.md; definitions in docs/dashboards.md)."""

import dataclasses
import datetime as dt
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from dashboards import numbers, service
from dashboards.questions import PUBLIC, Question, QuestionForm
from dashboards.statistics import Share
from geo.params import refuse_unknown
from incidents.models import Report
from incidents.rollups import HEAT_LEVELS

LIMIT_MAX = 100


class ShareSerializer(serializers.Serializer):
    """`k` of `n`: the rate and its 95 % Wilson interval."""

    k = serializers.IntegerField()
    n = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


_FIELDS: dict[Any, Callable[..., serializers.Field]] = {
    int: serializers.IntegerField,
    float: serializers.FloatField,
    str: serializers.CharField,
    dt.date: serializers.DateField,
    Share: ShareSerializer,
}
_made: dict[type, type[serializers.Serializer]] = {}


def serializer_of(shape: type) -> type[serializers.Serializer]:
    """Return the serializer of one of our dataclasses: its fields, and `direction` where it has one."""
    if shape is Share:
        return ShareSerializer
    if shape not in _made:
        hints = typing.get_type_hints(shape)
        fields = {field.name: _field(hints[field.name]) for field in dataclasses.fields(shape)}
        if hasattr(shape, "direction"):
            fields["direction"] = serializers.CharField()
        _made[shape] = type(f"{shape.__name__}Serializer", (serializers.Serializer,), fields)
    return _made[shape]


def _field(hint: Any) -> serializers.Field:
    if isinstance(hint, types.UnionType):
        (inner,) = [kind for kind in hint.__args__ if kind is not type(None)]
        field = _field(inner)
        field.allow_null = True
        return field
    if typing.get_origin(hint) is list:
        return serializer_of(typing.get_args(hint)[0])(many=True)
    if hint in _FIELDS:
        return _FIELDS[hint]()
    return serializer_of(hint)()


@dataclass(frozen=True)
class Section:
    """One part of the figures: what computes it, the shape of its rows, and its own parameters with their defaults."""

    answer: Callable[..., Any]
    shape: type
    many: bool = True
    step: str = ""
    limit: int = 0
    level: int = 0
    by: str = ""
    days: int = 0

    @property
    def parameters(self) -> set[str]:
        return {name for name in ("step", "limit", "level", "by", "days") if getattr(self, name)}


SECTIONS = {
    "totals": Section(numbers.totals, numbers.Totals, many=False),
    "kecamatan": Section(numbers.by_kecamatan, numbers.AreaRow),
    "desa": Section(numbers.by_desa, numbers.AreaRow),
    "trend": Section(numbers.trend, numbers.TrendBin, step=numbers.WEEK),
    "categories": Section(numbers.top_categories, numbers.CategoryRow, limit=10),
    "agencies": Section(numbers.by_agency, numbers.AgencyRow),
    "flow": Section(numbers.flow, numbers.FlowBin, step=numbers.MONTH),
    "changes": Section(numbers.changes, numbers.Changes, many=False, days=7),
    "promises": Section(numbers.broken_promises, numbers.BrokenPromise, limit=10),
    "heat": Section(numbers.heat, numbers.HeatCell, level=12),
    "service": Section(service.service, service.ServiceRow, by=service.AGENCY),
    "states": Section(service.states, service.StateRow),
    "handovers": Section(service.handovers, service.Handovers, many=False),
    "reopened": Section(service.reopened, Share, many=False),
    "forecast": Section(service.forecast, service.Forecast, many=False),
}

QUESTION = [
    OpenApiParameter(
        "since", dt.date, description="First day, in WITA; unless told, of this month and the eleven before"
    ),
    OpenApiParameter("until", dt.date, description="Last day; unless told, today"),
    OpenApiParameter("kecamatan", str, many=True, description="Kemendagri codes"),
    OpenApiParameter("desa", str, many=True, description="Kemendagri codes"),
    OpenApiParameter("category", str, many=True, description="Codes; a group stands for its categories"),
    OpenApiParameter("agency", str, many=True, description="Codes of /api/v1/agencies/"),
    OpenApiParameter("channel", str, many=True, enum=Report.Channel.values),
]
OWN = {
    "by": OpenApiParameter("by", str, enum=list(service.PARTS), description="What the rows are; agency unless told"),
    "step": OpenApiParameter("step", str, enum=[numbers.WEEK, numbers.MONTH]),
    "limit": OpenApiParameter("limit", int, description=f"1 to {LIMIT_MAX}; 10 unless told"),
    "level": OpenApiParameter("level", int, description="Level of the Web-Mercator quadtree, 11 to 14; 12 unless told"),
    "days": OpenApiParameter("days", int, description="How many last days are compared, 7 to 28; 7 unless told"),
}


class PublicStatsView(APIView):
    """Figures for everybody. Sign-in plays no part, so answers may be cached by anyone."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    short_way = True


class StatsView(PublicStatsView):
    """The sections that there are, each with its address for the same question."""

    @extend_schema(operation_id="stats", parameters=QUESTION, responses={200: dict})
    def get(self, request: Request) -> Response:
        question = _question(request, set())
        query = question.query_string()
        return Response(
            _head(question)
            | {"sections": {name: f"{reverse(f'api_stats_{name}', request=request)}?{query}" for name in SECTIONS}}
        )


class SectionView(PublicStatsView):
    """One section's figures, for a question."""

    section = ""

    def get(self, request: Request) -> Response:
        section = SECTIONS[self.section]
        question = _question(request, section.parameters)
        given = _own_parameters(request, section)
        if self.section == "desa" and not (question.kecamatan or question.desa):
            raise ValidationError({"kecamatan": [_("Say in which kecamatan: its desa are told.")]})
        found = section.answer(question, **given)
        body = None if found is None else serializer_of(section.shape)(found, many=section.many).data
        return Response(_head(question) | {self.section if not section.many else "rows": body})


def view_of(name: str) -> Callable[..., Any]:
    """Return the view of a section, described to OpenAPI."""
    section = SECTIONS[name]
    head = {"question": serializers.DictField(), "as_of": serializers.DateTimeField()}
    rows = serializer_of(section.shape)(many=section.many, allow_null=name == "forecast")
    answer = type(f"{name.title()}AnswerSerializer", (serializers.Serializer,), head | {
        "rows" if section.many else name: rows
    })  # fmt: skip

    class View(SectionView):
        @extend_schema(
            operation_id=f"stats_{name}",
            description=(section.answer.__doc__ or "").partition("\n")[0],
            parameters=[*QUESTION, *(OWN[own] for own in sorted(section.parameters))],
            responses=answer,
        )
        def get(self, request: Request) -> Response:
            return super().get(request)

    View.section = name
    return View.as_view()


def _question(request: Request, own: set[str]) -> Question:
    refuse_unknown(request.query_params, {*QuestionForm.base_fields, *own})
    form = QuestionForm(request.query_params)
    if not form.is_valid():
        raise ValidationError({name: [str(text) for text in texts] for name, texts in form.errors.items()})
    return form.question(audience=PUBLIC)


def _own_parameters(request: Request, section: Section) -> dict[str, Any]:
    given: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    if section.step:
        given["step"] = request.query_params.get("step", section.step)
        if given["step"] not in {numbers.WEEK, numbers.MONTH}:
            errors["step"] = [_("Write week or month.")]
    whole = {"limit": range(1, LIMIT_MAX + 1), "level": HEAT_LEVELS, "days": numbers.CHANGE_DAYS}
    if section.by:
        given["by"] = request.query_params.get("by", section.by)
        if given["by"] not in service.PARTS:
            errors["by"] = [_("Write agency, kecamatan or category.")]
    for name in section.parameters - {"step", "by"}:
        text = request.query_params.get(name, str(getattr(section, name)))
        if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) in whole[name]):
            span = {"first": whole[name][0], "last": whole[name][-1]}
            errors[name] = [_("Write a whole number from %(first)d to %(last)d.") % span]
        else:
            given[name] = int(text)
    if errors:
        raise ValidationError(errors)
    return given


def _head(question: Question) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    for name, text in question.pairs():
        if name in {"since", "until"}:
            asked[name] = text
        else:
            asked.setdefault(name, []).append(text)
    return {"question": asked, "as_of": timezone.now().isoformat()}
