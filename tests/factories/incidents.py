"""Reports and what they stand on, for tests: plain functions, each with the least that the database accepts.

They write rows directly and need neither boundaries nor standards; tests of intake and moves use the services.
"""

import datetime as dt
from itertools import count
from typing import Any

from django.contrib.gis.geos import Point
from django.utils import timezone

from accounts.models import Agency
from geo.models import BoundaryEdition, Desa, Kecamatan
from incidents import clock, tickets
from incidents.models import Category, Report, ReportContact, ReportEvent, RoutingRule, ServiceStandard
from incidents.models.categories import Handling
from incidents.models.reports import Status
from tests.factories.accounts import make_agency

SANGATTA = (117.55, 0.5)
"""A place in Sangatta Utara: lon, lat."""
_numbers = count(9_000_000)


def make_kecamatan(code: str = "64.08.04", **over: Any) -> Kecamatan:
    """Return the kecamatan `code`, made if it is missing."""
    made = {"bps_code": f"64041{code[-2:]}", "name": "Sangatta Utara" if code == "64.08.04" else f"Kecamatan {code}"}
    return Kecamatan.objects.get_or_create(code=code, defaults=made | over)[0]


def make_desa(code: str = "64.08.04.2001", **over: Any) -> Desa:
    """Return the desa `code` in its kecamatan, made if it is missing."""
    made: dict[str, Any] = {
        "name": "Singa Gembara" if code == "64.08.04.2001" else f"Desa {code}",
        "kind": "desa",
        "kecamatan": over.pop("kecamatan", None) or make_kecamatan(code[:8]),
        "point": Point(*SANGATTA, srid=4326),
    }
    return Desa.objects.get_or_create(code=code, defaults=made | over)[0]


def make_edition(**over: Any) -> BoundaryEdition:
    """Return the active boundary edition; a schematic one without outlines if there is none."""
    made = {"slug": "skematik-uji", "name": "Skematik uji", "kind": "schematic", "source": "uji", "licence": "CC0"}
    found = BoundaryEdition.objects.filter(status="active").first()
    return found or BoundaryEdition.objects.create(status="active", **made | over)


def make_group(code: str = "jalan", **over: Any) -> Category:
    """Return the category group `code`, made if it is missing."""
    made = {"name_id": f"Kelompok {code}", "name_en": f"Group {code}"}
    return Category.objects.get_or_create(code=code, defaults=made | over)[0]


def make_category(code: str = "jalan-rusak", **over: Any) -> Category:
    """Return the category `code` (a leaf), made with its group if it is missing."""
    made: dict[str, Any] = {
        "name_id": "Jalan rusak" if code == "jalan-rusak" else f"Kategori {code}",
        "name_en": "Damaged road" if code == "jalan-rusak" else f"Category {code}",
        "parent": over.pop("parent", None) or make_group(),
    }
    return Category.objects.get_or_create(code=code, defaults=made | over)[0]


def make_rule(agency: Agency | None = None, **over: Any) -> RoutingRule:
    """Return a routing rule; for the usual category unless `category` or `kecamatan` is given."""
    if "category" not in over and "kecamatan" not in over:
        over["category"] = make_category()
    return RoutingRule.objects.create(agency=agency or make_agency(), **over)


def make_standards() -> None:
    """Write the first service standards (3, 5, 5/14/60 and 10 working days) where they are missing."""
    step = ServiceStandard.Step
    rows = [
        (step.VERIFY, "", 3),
        (step.RESPOND, "", 5),
        (step.RESOLVE, Handling.INFORMATION, 5),
        (step.RESOLVE, Handling.DESK, 14),
        (step.RESOLVE, Handling.FIELD, 60),
        (step.CLOSE, "", 10),
    ]
    ServiceStandard.objects.bulk_create(
        [ServiceStandard(step=s, handling=h, working_days=n, basis="uji") for s, h, n in rows], ignore_conflicts=True
    )
    clock.forget_rules()


def make_report(**over: Any) -> Report:
    """Return a stored report with its first events, as intake leaves it: routed to `agency`, or received without.

    Fields can be given by name; `contact` may be a dict of `name`, `email`, `phone`. Dates that a status needs are
    filled in: a report on hold since yesterday for a week, an answered one answered now, a closed one closed now.
    """
    contact = over.pop("contact", None)
    created = over.pop("created_at", None) or timezone.now()
    place = over.pop("place", SANGATTA)
    agency = over.pop("agency") if "agency" in over else make_agency("dpu-pupr")
    status = Status(over.pop("status", Status.ROUTED if agency else Status.RECEIVED))
    made: dict[str, Any] = {
        "ticket": tickets.make(year=created.year, number=next(_numbers)),
        "kind": "laporan",
        "title": "Lubang besar di depan pasar",
        "description": "Sudah dua minggu. Motor sering jatuh.",
        "channel": "web",
        "geom": Point(*place, srid=4326),
        "place_source": "tap",
        "reason_id": f"Laporan seperti ini ditangani {agency.name}." if agency else "Koordinator memilihkan dinasnya.",
        "reason_en": f"Reports like this go to {agency.name}." if agency else "The coordinator chooses the agency.",
        "created_at": created,
        "changed_at": created,
        "verify_due_at": created + dt.timedelta(days=5),
        "respond_due_at": created + dt.timedelta(days=7),
        "resolve_due_at": created + dt.timedelta(days=84),
        "verified_at": created if agency else None,
    }
    made |= _dates_of(status, created)
    for name, make in (("category", make_category), ("kecamatan", make_kecamatan), ("edition", make_edition)):
        if name not in over and f"{name}_id" not in over:
            made[name] = make()
    report = Report.objects.create(agency=agency, status=status, **made | over)
    if contact is not None:
        ReportContact.objects.create(report=report, **contact)
    make_event(report, "received", to_status=Status.RECEIVED, by_reporter=True, created_at=created)
    if agency:
        make_event(
            report,
            "routed",
            from_status=Status.RECEIVED,
            to_status=Status.ROUTED,
            agency=agency,
            created_at=created,
            data={"reason_id": report.reason_id, "reason_en": report.reason_en, "rule": None},
        )
    return report


def make_event(report: Report, type: str, **over: Any) -> ReportEvent:
    """Append an event to `report`, without changing the report."""
    return ReportEvent.objects.create(
        **{"report": report, "type": type, "to_status": report.status, "created_at": timezone.now(), **over}
    )


def _dates_of(status: Status, created: dt.datetime) -> dict[str, Any]:
    now = timezone.now()
    if status == Status.ON_HOLD:
        return {
            "responded_at": created,
            "held_at": now - dt.timedelta(days=1),
            "held_until": (now + dt.timedelta(days=7)).date(),
        }
    if status == Status.IN_PROGRESS:
        return {"responded_at": created}
    if status == Status.ANSWERED:
        return {"responded_at": created, "answered_at": now}
    if status == Status.CLOSED:
        return {"responded_at": created, "answered_at": now, "closed_at": now}
    if status == Status.REJECTED:
        return {"closed_at": now}
    if status == Status.DUPLICATE:
        return {"closed_at": now, "duplicate_of": make_report(title="Laporan yang lebih dulu")}
    return {}
