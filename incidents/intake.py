"""Taking in a report: located, routed, promised and stored in one transaction, once for each idempotency key."""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from django.contrib.gis.geos import Point
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from geo.locate import Location
from geo.models import Desa, Kecamatan
from incidents import clock, outbox, tickets
from incidents.errors import KeyReused
from incidents.models import Category, Report, ReportContact, ReportEvent
from incidents.models.reports import Status
from incidents.photos import CleanPhoto, keep
from incidents.routing import Route, whereabouts


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """Who reports; each part may be empty."""

    name: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, kw_only=True)
class NewReport:
    """A checked report on its way in. `lon` and `lat` are EPSG:4326; `category` is a leaf's code."""

    lon: float
    lat: float
    category: str
    kind: str
    title: str
    description: str
    channel: str
    place_source: str
    language: str = "id"
    accuracy_m: float | None = None
    occurred_at: dt.datetime | None = None
    reporter: Reporter = field(default_factory=Reporter)
    anonymous: bool = False
    confidential: bool = False

    def digest(self, photos: Sequence[CleanPhoto]) -> str:
        """Return the SHA-256 that tells whether two requests with one key carry the same report."""
        body = asdict(self)
        del body["language"]
        body["occurred_at"] = self.occurred_at and self.occurred_at.astimezone(dt.UTC).isoformat()
        body["photos"] = [photo.source_sha256 for photo in photos]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Receipt:
    """The stored report, and whether this call created it."""

    report: Report
    created: bool


def submit_report(*, new: NewReport, idempotency_key: str | None, photos: Sequence[CleanPhoto] = ()) -> Receipt:
    """Store `new` and return its receipt; the same key and body again return the first report.

    Raises UnknownCategory, KeyReused (the key came with another body) and what `geo.locate.locate` raises.
    """
    digest = new.digest(photos)
    if idempotency_key and (earlier := _earlier(idempotency_key, digest)):
        return Receipt(earlier, created=False)
    place, category, found = whereabouts(new.lon, new.lat, new.category)
    try:
        with transaction.atomic():
            return Receipt(_store(new, place, category, found, idempotency_key, digest, photos), created=True)
    except IntegrityError:
        # Another request with the same key was faster: its report is the answer to both.
        if idempotency_key and (earlier := _earlier(idempotency_key, digest)):
            return Receipt(earlier, created=False)
        raise


def _earlier(key: str, digest: str) -> Report | None:
    known = Report.objects.order_by().filter(idempotency_key=key).values_list("pk", flat=True)[:1]
    if not known:
        return None
    found = Report.objects.with_places().get(pk=known[0])
    if found.body_digest != digest:
        raise KeyReused(
            _("This Idempotency-Key came with another report before (%(ticket)s). Use a new key for a new report.")
            % {"ticket": found.ticket}
        )
    return found


def _store(
    new: NewReport,
    place: Location,
    category: Category,
    found: Route,
    key: str | None,
    digest: str,
    photos: Sequence[CleanPhoto],
) -> Report:
    now = timezone.now()
    due = clock.promise(now, category.handling)
    report = Report(
        ticket=tickets.make(year=now.astimezone(clock.WITA).year, number=_next_number()),
        idempotency_key=key,
        body_digest=digest,
        kind=new.kind,
        category=category,
        title=new.title,
        description=new.description,
        occurred_at=new.occurred_at,
        anonymous=new.anonymous,
        confidential=new.confidential or category.sensitive,
        channel=new.channel,
        language=new.language,
        geom=Point(new.lon, new.lat, srid=4326),
        place_source=new.place_source,
        accuracy_m=new.accuracy_m,
        kecamatan=Kecamatan(**asdict(place.kecamatan)),
        desa=Desa(**asdict(place.desa)) if place.desa else None,
        near_border=[asdict(border) for border in place.near_border],
        edition_id=place.edition_id,
        agency=found.agency,
        rule=found.rule,
        reason_id=found.reason_id,
        reason_en=found.reason_en,
        status=Status.ROUTED if found.agency else Status.RECEIVED,
        created_at=now,
        changed_at=now,
        verify_due_at=due.verify,
        respond_due_at=due.respond,
        resolve_due_at=due.resolve,
        verified_at=now if found.agency else None,
    )
    report.save(force_insert=True)
    if any(asdict(new.reporter).values()):
        ReportContact.objects.create(report=report, **asdict(new.reporter))
    _tell_beginning(report, now)
    for photo in photos:
        keep(photo, report=report)
    outbox.send("report_received", report_id=report.pk)
    return report


def _tell_beginning(report: Report, now: dt.datetime) -> None:
    events = [ReportEvent(report=report, type="received", to_status=Status.RECEIVED, created_at=now, by_reporter=True)]
    if report.agency_id:
        events.append(
            ReportEvent(
                report=report,
                type="routed",
                from_status=Status.RECEIVED,
                to_status=Status.ROUTED,
                agency_id=report.agency_id,
                created_at=now,
                data={"reason_id": report.reason_id, "reason_en": report.reason_en, "rule": report.rule_id},
            )
        )
    ReportEvent.objects.bulk_create(events)


def _next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('incidents_ticket_sequence')")
        return cursor.fetchone()[0]
