import uuid
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.gis.db.models.functions import Transform
from django.contrib.postgres.indexes import GinIndex, GistIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db.models.functions import Now
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Agency
from geo import hexagons
from geo.models import BoundaryEdition, Desa, Kecamatan
from incidents.models.categories import Category, Kind
from incidents.models.move_counts import COUNT_MOVES_OF_EVENTS, COUNT_MOVES_OF_REPORTS
from incidents.models.rollups import COUNT_REPORTS
from incidents.models.routing import RoutingRule
from incidents.querysets import ReportQuerySet


class Status(models.TextChoices):
    """Where a report stands; the allowed moves are in incidents/workflow.py. Named after SP4N-LAPOR!."""

    RECEIVED = "received", _("Received")
    ROUTED = "routed", _("Forwarded")
    IN_PROGRESS = "in_progress", _("In progress")
    ANSWERED = "answered", _("Answered")
    CLOSED = "closed", _("Done")
    ON_HOLD = "on_hold", _("On hold")
    REJECTED = "rejected", _("Archived")
    DUPLICATE = "duplicate", _("Duplicate")
    REOPENED = "reopened", _("Reopened")


OPEN_STATUSES = (Status.RECEIVED, Status.ROUTED, Status.IN_PROGRESS, Status.ON_HOLD, Status.REOPENED)


class HexagonField(models.BigIntegerField):
    """The hexagon of H3 at the model's `geom`, worked out whenever a row is saved."""

    def pre_save(self, model_instance: models.Model, add: bool) -> int:
        point = model_instance.geom  # type: ignore[attr-defined]
        value = hexagons.at(point.x, point.y)
        setattr(model_instance, self.attname, value)
        return value


class Report(models.Model):
    """A citizen's laporan, keluhan, kritik or saran, pinned on the map. Contact data live in `ReportContact`."""

    class Channel(models.TextChoices):
        WEB = "web", _("website")
        API = "api", _("API")
        SYNTHETIC = "synthetic", _("synthetic, for demonstration")

    class PlaceSource(models.TextChoices):
        TAP = "tap", _("tapped on the map")
        DEVICE = "device", _("location of the device")
        SEARCH = "search", _("found by name")
        AREA = "area", _("chosen from the list; the point is the desa's")
        API = "api", _("given by the API client")

    ticket = models.CharField(_("ticket"), max_length=20, unique=True)
    idempotency_key = models.CharField(max_length=200, unique=True, null=True, editable=False)
    body_digest = models.CharField(max_length=64, blank=True, editable=False)

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, db_index=False, verbose_name=_("category"))
    title = models.CharField(_("title"), max_length=120)
    description = models.TextField(_("description"), max_length=5_000)
    occurred_at = models.DateTimeField(_("when it happened"), null=True, blank=True)
    anonymous = models.BooleanField(_("anonymous (anonim)"), default=False, db_default=False)
    confidential = models.BooleanField(_("confidential (rahasia)"), default=False, db_default=False)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    language = models.CharField(_("language"), max_length=2, default="id", db_default="id")

    geom = models.PointField(_("place"), srid=4326, spatial_index=False, help_text=_("EPSG:4326, lon lat"))
    geom_3857 = models.GeneratedField(
        expression=Transform("geom", 3857), output_field=models.PointField(srid=3857), db_persist=True
    )
    hexagon = HexagonField(editable=False, help_text=_("H3 cell; whoever writes geom without save() writes it, too"))
    place_source = models.CharField(_("how the place was given"), max_length=10, choices=PlaceSource)
    accuracy_m = models.FloatField(_("accuracy in metres"), null=True, blank=True)
    kecamatan = models.ForeignKey(Kecamatan, on_delete=models.PROTECT, db_index=False, verbose_name=_("kecamatan"))
    desa = models.ForeignKey(Desa, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("desa"))
    near_border = models.JSONField(
        _("other kecamatan within 250 m"), default=list, db_default=models.Value([], models.JSONField())
    )
    edition = models.ForeignKey(
        BoundaryEdition, on_delete=models.PROTECT, db_index=False, verbose_name=_("boundary edition")
    )

    agency = models.ForeignKey(
        Agency, on_delete=models.PROTECT, null=True, blank=True, db_index=False, verbose_name=_("agency")
    )
    rule = models.ForeignKey(
        RoutingRule, on_delete=models.SET_NULL, null=True, blank=True, db_index=False, verbose_name=_("routing rule")
    )
    reason_id = models.TextField(_("routing reason in Indonesian"))
    reason_en = models.TextField(_("routing reason in English"))

    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.RECEIVED)
    duplicate_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="duplicates",
        verbose_name=_("tells the same as"),
    )
    created_at = models.DateTimeField(_("received at"), db_default=Now())
    changed_at = models.DateTimeField(_("changed at"), db_default=Now())
    verify_due_at = models.DateTimeField(_("to be verified by"))
    respond_due_at = models.DateTimeField(_("first response by"))
    resolve_due_at = models.DateTimeField(_("to be resolved by"))
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    responded_at = models.DateTimeField(_("first response at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    held_at = models.DateTimeField(_("on hold since"), null=True, blank=True)
    held_until = models.DateField(_("on hold until"), null=True, blank=True)

    search = models.GeneratedField(
        expression=SearchVector("title", "description", config="indonesian"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects: ClassVar[ReportQuerySet] = ReportQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="report_newest_first"),
            models.Index(fields=["agency", "status", "resolve_due_at"], name="report_inbox"),
            models.Index(
                fields=["resolve_due_at", "id"],
                condition=models.Q(status__in=["received", "routed", "in_progress", "on_hold", "reopened"]),
                name="report_open_by_due",
            ),
            models.Index(
                fields=["agency", "resolve_due_at", "id"],
                condition=models.Q(status__in=["received", "routed", "in_progress", "on_hold", "reopened"]),
                name="report_open_of_agency",
            ),
            models.Index(fields=["status", "changed_at"], name="report_by_status"),
            models.Index(fields=["kecamatan", "-created_at"], name="report_by_kecamatan"),
            models.Index(fields=["category", "-created_at"], name="report_by_category"),
            models.Index(
                fields=["duplicate_of"], condition=models.Q(duplicate_of__isnull=False), name="report_duplicates"
            ),
            GinIndex(fields=["search"], name="report_search"),
            GistIndex(fields=["geom_3857"], name="report_place"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="received") | models.Q(agency__isnull=False),
                name="a_report_past_received_has_an_agency",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="on_hold") | models.Q(held_at__isnull=False, held_until__isnull=False),
                name="a_report_on_hold_says_since_and_until",
            ),
            models.CheckConstraint(
                condition=models.Q(status="duplicate", duplicate_of__isnull=False)
                | (~models.Q(status="duplicate") & models.Q(duplicate_of__isnull=True)),
                name="a_duplicate_says_of_what",
            ),
        ]
        triggers = [*COUNT_REPORTS, *COUNT_MOVES_OF_REPORTS]

    def __str__(self) -> str:
        return self.ticket

    def save(self, **kwargs: Any) -> None:
        """Write the row; where only some fields are written, the hexagon goes along with the place."""
        if "geom" in (kwargs.get("update_fields") or ()):
            kwargs["update_fields"] = {*kwargs["update_fields"], "hexagon"}
        super().save(**kwargs)

    @property
    def reason(self) -> str:
        """Why this agency answers, in the active language."""
        return self.reason_en if (get_language() or "").startswith("en") else self.reason_id

    @property
    def is_open(self) -> bool:
        """Whether the agency still owes an answer."""
        return self.status in OPEN_STATUSES


class ReportContact(models.Model):
    """Who reported and how to reach them: apart from the report, so that no list, tile or export can carry it."""

    report = models.OneToOneField(Report, on_delete=models.CASCADE, primary_key=True, related_name="contact")
    name = models.CharField(_("name"), max_length=100, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=30, blank=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")

    def __str__(self) -> str:
        return str(self.report_id)


class ReportEvent(models.Model):
    """One step in a report's life. Appended only: the database itself refuses to change or delete one.

    `hash` is SHA-256 over the previous event's hash of the same report and this event's content, computed by the
    database; `manage.py verify_audit` recomputes it.
    """

    class Type(models.TextChoices):
        RECEIVED = "received", _("received")
        ROUTED = "routed", _("forwarded")
        TAKEN = "taken", _("taken into work")
        ANSWERED = "answered", _("answered")
        COMMENTED = "commented", _("note")
        HELD = "held", _("put on hold")
        RESUMED = "resumed", _("resumed")
        HANDED_OVER = "handed_over", _("handed over")
        REJECTED = "rejected", _("archived")
        CONFIRMED = "confirmed", _("confirmed by the reporter")
        REOPENED = "reopened", _("reopened by the reporter")
        CLOSED_SILENT = "closed_silent", _("closed after silence")
        CONCEALED = "concealed", _("made confidential")
        MERGED = "merged", _("told to be a duplicate")
        SEPARATED = "separated", _("told to be a matter of its own")

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="events")
    type = models.CharField(max_length=16, choices=Type)
    from_status = models.CharField(max_length=12, choices=Status, blank=True)
    to_status = models.CharField(max_length=12, choices=Status)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    by_reporter = models.BooleanField(default=False, db_default=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    text = models.TextField(blank=True, max_length=5_000)
    public = models.BooleanField(default=True, db_default=True)
    data = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    created_at = models.DateTimeField(db_default=Now())
    hash = models.CharField(max_length=64, blank=True, editable=False, db_default="")

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["id"]
        triggers = [
            pgtrigger.Protect(name="events_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="events_are_never_emptied",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
            ),
            pgtrigger.Trigger(
                name="chain_hash",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("previous", "text")],
                func="""
                    SELECT e.hash INTO previous FROM incidents_reportevent e
                    WHERE e.report_id = NEW.report_id ORDER BY e.id DESC LIMIT 1;
                    NEW.hash := event_hash(COALESCE(previous, ''), NEW);
                    RETURN NEW;
                """,
            ),
            *COUNT_MOVES_OF_EVENTS,
        ]

    def __str__(self) -> str:
        return f"{self.report_id} {self.type}"


class Photo(models.Model):
    """A picture of a report or of an answer: re-encoded, without EXIF. What EXIF told is kept in `facts`.

    `facts`: `taken_at` (ISO 8601), `lon`, `lat` (EPSG:4326), `distance_m` from the pin; each only if known.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="photos")
    event = models.ForeignKey(ReportEvent, on_delete=models.PROTECT, null=True, related_name="photos")
    image = models.ImageField(upload_to="photos/%Y/%m/")
    thumb = models.ImageField(upload_to="photos/%Y/%m/")
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("photo")
        verbose_name_plural = _("photos")
        ordering = ["created_at"]

    def __str__(self) -> str:
        return str(self.pk)
