"""What the API takes and gives. Reports are GeoJSON (djangorestframework-gis); geometry is EPSG:4326, lon lat."""

import datetime as dt
import math
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework_gis.serializers import GeoFeatureModelSerializer

from accounts.models import Agency
from incidents.duplicates import told_by
from incidents.intake import NewReport, Receipt, Reporter
from incidents.limits import DESCRIPTION_MIN, OLDEST, TITLE_MIN
from incidents.models import Category, Report, ReportEvent
from incidents.models.categories import Kind
from incidents.secrets import secret_of
from incidents.texts import by_what_is_seen, clean_text
from incidents.timeline import addressee_of
from incidents.workflow import REJECTION_REASONS


class Text(serializers.CharField):
    """Text as typed, less outer white space and what `clean_text` takes out.

    Numbers, lists and objects are refused, not turned into text, and so is NUL.
    """

    def __init__(self, *, lines: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lines = lines
        self.validators = by_what_is_seen(self.validators)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if "\x00" in data:
            return data  # a validator refuses it
        text = super().to_internal_value(clean_text(data, lines=self.lines))
        if not text and not self.allow_blank:
            self.fail("blank")
        return text


class Degrees(serializers.FloatField):
    """A finite number of degrees."""

    def to_internal_value(self, data: Any) -> float:
        number = super().to_internal_value(data)
        if isinstance(data, bool) or not math.isfinite(number):
            self.fail("invalid")
        return number


class StrictSerializer(serializers.Serializer):
    """Refuse fields that are not known, by name: a misspelt field would be lost without a word."""

    def to_internal_value(self, data: Any) -> Any:
        if hasattr(data, "keys"):
            known = set(self.fields)
            unknown = [name for name in data if name.split(".")[0] not in known]
            if unknown:
                raise serializers.ValidationError(
                    {name[:60]: [_("This field is not known. Check its spelling.")] for name in unknown[:20]}
                )
        return super().to_internal_value(data)


class ReporterSerializer(StrictSerializer):
    name = Text(required=False, allow_blank=True, max_length=100)
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    phone = Text(required=False, allow_blank=True, max_length=30)


class NewReportSerializer(StrictSerializer):
    """A report on its way in."""

    lat = Degrees(
        min_value=-90,
        max_value=90,
        help_text="Degrees north, EPSG:4326",
        error_messages={"max_value": gettext_lazy("Latitudes lie between -90 and 90. Are lat and lon swapped?")},
    )
    lon = Degrees(min_value=-180, max_value=180, help_text="Degrees east, EPSG:4326")
    category = Text(max_length=40, help_text="A code of /api/v1/categories/")
    kind = serializers.ChoiceField(choices=Kind.choices)
    title = Text(min_length=TITLE_MIN, max_length=Report._meta.get_field("title").max_length)
    description = Text(
        lines=True, min_length=DESCRIPTION_MIN, max_length=Report._meta.get_field("description").max_length
    )
    accuracy_m = Degrees(required=False, allow_null=True, min_value=0, max_value=100_000)
    occurred_at = serializers.DateTimeField(required=False, allow_null=True)
    reporter = ReporterSerializer(required=False)
    anonymous = serializers.BooleanField(required=False, default=False)
    confidential = serializers.BooleanField(required=False, default=False)
    photos = serializers.ListField(
        child=serializers.FileField(), required=False, help_text="Up to 5 files; multipart only"
    )

    def validate_occurred_at(self, value: dt.datetime | None) -> dt.datetime | None:
        if value is None:
            return None
        now = timezone.now()
        if value > now + dt.timedelta(minutes=5):
            raise serializers.ValidationError(_("This time lies in the future."))
        if value < now - OLDEST:
            raise serializers.ValidationError(_("This is more than two years ago."))
        return value

    def to_new_report(self, *, language: str) -> NewReport:
        """Return the validated data as a NewReport of the API's channel."""
        data = dict(self.validated_data)
        data.pop("photos", None)
        reporter = Reporter(**data.pop("reporter", {}))
        return NewReport(
            **data,
            reporter=reporter,
            language=language,
            channel=Report.Channel.API,
            place_source=Report.PlaceSource.API,
        )


class AreaSerializer(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class NearBorderSerializer(AreaSerializer):
    distance_m = serializers.FloatField()


class LocateSerializer(serializers.Serializer):
    """The answer to /api/v1/locate/."""

    kecamatan = AreaSerializer()
    desa = AreaSerializer(allow_null=True)
    agency = AreaSerializer(allow_null=True)
    reason = serializers.CharField()
    near_border = NearBorderSerializer(many=True)
    coastal = serializers.BooleanField()
    boundaries = serializers.CharField()


class DueSerializer(serializers.Serializer):
    verify = serializers.DateTimeField()
    respond = serializers.DateTimeField()
    resolve = serializers.DateTimeField()


class ReceiptSerializer(serializers.Serializer):
    """The answer to a stored report; whoever holds `secret` is its reporter."""

    ticket = serializers.CharField()
    secret = serializers.CharField()
    status = serializers.CharField()
    kecamatan = AreaSerializer()
    desa = AreaSerializer(allow_null=True)
    agency = AreaSerializer(allow_null=True)
    reason = serializers.CharField()
    near_border = NearBorderSerializer(many=True)
    due = DueSerializer()
    created_at = serializers.DateTimeField()

    def to_representation(self, receipt: Receipt) -> dict[str, Any]:
        report = receipt.report
        return {
            "ticket": report.ticket,
            "secret": secret_of(report.ticket),
            "status": report.status,
            "kecamatan": area(report.kecamatan),
            "desa": area(report.desa),
            "agency": area(report.agency),
            "reason": report.reason,
            "near_border": report.near_border,
            "due": due_of(report),
            "created_at": local(report.created_at),
        }


class CategorySerializer(serializers.ModelSerializer):
    group = serializers.SerializerMethodField()

    class Meta:
        model = Category
        fields = ["code", "name", "hint", "kind", "sensitive", "group"]

    @extend_schema_field(AreaSerializer)
    def get_group(self, category: Category) -> dict[str, str] | None:
        return area(category.parent)


class AgencySerializer(serializers.ModelSerializer):
    external = serializers.BooleanField(source="is_external", read_only=True)

    class Meta:
        model = Agency
        fields = ["code", "short_name", "name", "kind", "external"]


class ReportSerializer(GeoFeatureModelSerializer):
    """A public report as a GeoJSON Feature."""

    category = serializers.SerializerMethodField()
    kecamatan = serializers.SerializerMethodField()
    desa = serializers.SerializerMethodField()
    agency = serializers.SerializerMethodField()
    reason = serializers.CharField(read_only=True)
    status_label = serializers.CharField(source="get_status_display", read_only=True)
    due = serializers.SerializerMethodField()

    class Meta:
        model = Report
        geo_field = "geom"
        id_field = "ticket"
        fields = [
            "ticket", "kind", "category", "title", "description", "occurred_at", "kecamatan", "desa", "near_border",
            "agency", "reason", "status", "status_label", "created_at", "changed_at", "responded_at", "answered_at",
            "closed_at", "held_until", "due",
        ]  # fmt: skip

    @extend_schema_field(AreaSerializer)
    def get_category(self, report: Report) -> dict[str, str] | None:
        return area(report.category)

    @extend_schema_field(AreaSerializer)
    def get_kecamatan(self, report: Report) -> dict[str, str] | None:
        return area(report.kecamatan)

    @extend_schema_field(AreaSerializer(allow_null=True))
    def get_desa(self, report: Report) -> dict[str, str] | None:
        return area(report.desa)

    @extend_schema_field(AreaSerializer(allow_null=True))
    def get_agency(self, report: Report) -> dict[str, str] | None:
        return area(report.agency)

    @extend_schema_field(DueSerializer)
    def get_due(self, report: Report) -> dict[str, str]:
        return due_of(report)


class AddresseeSerializer(serializers.Serializer):
    """Whom to turn to with what lies outside the regency's authority. `code` is null for a body without a row here."""

    code = serializers.CharField(allow_null=True)
    name = serializers.CharField()


class EventSerializer(serializers.ModelSerializer):
    """One public step in a report's timeline."""

    type_label = serializers.CharField(source="get_type_display", read_only=True)
    agency = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()
    addressee = serializers.SerializerMethodField()
    original = serializers.SerializerMethodField(help_text="Of a duplicate: the ticket of the report to follow instead")
    photos = serializers.SerializerMethodField()

    class Meta:
        model = ReportEvent
        fields = [
            "type", "type_label", "from_status", "to_status", "by_reporter", "agency", "text", "reason", "addressee",
            "original", "photos", "created_at", "hash",
        ]  # fmt: skip

    @extend_schema_field(AreaSerializer(allow_null=True))
    def get_agency(self, event: ReportEvent) -> dict[str, str] | None:
        return area(event.agency)

    @extend_schema_field(AreaSerializer(allow_null=True))
    def get_reason(self, event: ReportEvent) -> dict[str, str] | None:
        code = event.data.get("reason_code")
        return {"code": code, "name": str(REJECTION_REASONS[code])} if code in REJECTION_REASONS else None

    @extend_schema_field(AddresseeSerializer(allow_null=True))
    def get_addressee(self, event: ReportEvent) -> dict[str, str | None] | None:
        return addressee_of(event)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_original(self, event: ReportEvent) -> str | None:
        return told_by(event)

    @extend_schema_field(serializers.ListField(child=serializers.URLField()))
    def get_photos(self, event: ReportEvent) -> list[str]:
        return [photo_url(self.context["request"], photo) for photo in event.photos.all()]


class ReportDetailSerializer(ReportSerializer):
    """A public report with its photos and its public timeline."""

    photos = serializers.SerializerMethodField()
    timeline = EventSerializer(source="public_events", many=True, read_only=True)
    url = serializers.SerializerMethodField()

    class Meta(ReportSerializer.Meta):
        fields = [*ReportSerializer.Meta.fields, "photos", "timeline", "url"]

    @extend_schema_field(serializers.ListField(child=serializers.URLField()))
    def get_photos(self, report: Report) -> list[str]:
        request = self.context["request"]
        return [photo_url(request, photo) for photo in report.photos.all() if photo.event_id is None]

    @extend_schema_field(serializers.URLField())
    def get_url(self, report: Report) -> str:
        return self.context["request"].build_absolute_uri(f"/laporan/{report.ticket}/")


def area(thing: Any) -> dict[str, str] | None:
    """Return {"code", "name"} of an area, category or agency, or None."""
    return None if thing is None else {"code": thing.code, "name": thing.name}


def due_of(report: Report) -> dict[str, str]:
    """Return the three promised times, in WITA."""
    return {
        "verify": local(report.verify_due_at),
        "respond": local(report.respond_due_at),
        "resolve": local(report.resolve_due_at),
    }


def local(moment: dt.datetime) -> str:
    """Return `moment` as ISO 8601 in WITA, whole seconds."""
    return timezone.localtime(moment).isoformat(timespec="seconds")


def photo_url(request: Any, photo: Any) -> str:
    """Return the absolute address of a photo in its large size."""
    return request.build_absolute_uri(reverse("photo", kwargs={"pk": photo.pk, "size": "besar"}))
