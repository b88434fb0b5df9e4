"""Reports with as little around them as the database allows: one edition, kecamatan, desa, agency; two categories."""

import datetime as dt
import itertools
from typing import Any

from django.contrib.gis.geos import Point

from accounts.models import Agency
from geo.models import BoundaryEdition, Desa, Kecamatan
from incidents import tickets
from incidents.models import Category, Report

SANGATTA = (117.55, 0.52)
NOON = dt.datetime(2026, 6, 3, 4, tzinfo=dt.UTC)
_numbers = itertools.count(9_000_001)


class Place:
    """What reports point to; made once for each test."""

    def __init__(self) -> None:
        self.edition = BoundaryEdition.objects.create(
            slug="test", name="Test", kind="schematic", status="active", source="-", licence="-"
        )
        self.kecamatan = Kecamatan.objects.create(code="64.08.04", bps_code="6404090", name="Sangatta Utara")
        self.other = Kecamatan.objects.create(code="64.08.06", bps_code="6404100", name="Sangatta Selatan")
        self.desa = Desa.objects.create(
            code="64.08.04.1001",
            name="Teluk Lingga",
            kind="kelurahan",
            kecamatan=self.kecamatan,
            point=Point(*SANGATTA, srid=4326),
        )
        self.agency = Agency.objects.create(code="dlh", short_name="DLH", name="Dinas Lingkungan Hidup", kind="dinas")
        self.second = Agency.objects.create(code="dpu", short_name="DPU", name="Dinas Pekerjaan Umum", kind="dinas")
        self.group = Category.objects.create(code="jalan", name_id="Jalan", name_en="Roads")
        self.hole = Category.objects.create(
            code="jalan-rusak", name_id="Jalan rusak", name_en="Broken road", parent=self.group
        )
        self.bridge = Category.objects.create(code="jembatan", name_id="Jembatan", name_en="Bridge", parent=self.group)
        self.waste = Category.objects.create(code="sampah", name_id="Sampah", name_en="Waste")

    def report(self, lon: float = SANGATTA[0], lat: float = SANGATTA[1], **fields: Any) -> Report:
        """Store a report at lon, lat (EPSG:4326)."""
        values: dict[str, Any] = {
            "ticket": tickets.make(year=2026, number=next(_numbers)),
            "kind": "laporan",
            "category": self.hole,
            "title": "Jalan berlubang di depan pasar",
            "description": "Lubang besar, banyak motor jatuh.",
            "channel": "web",
            "geom": Point(lon, lat, srid=4326),
            "place_source": "tap",
            "kecamatan": self.kecamatan,
            "desa": self.desa,
            "edition": self.edition,
            "agency": self.agency,
            "reason_id": "-",
            "reason_en": "-",
            "status": "routed",
            "created_at": NOON,
            "changed_at": NOON,
            "verify_due_at": NOON + dt.timedelta(days=3),
            "respond_due_at": NOON + dt.timedelta(days=5),
            "resolve_due_at": NOON + dt.timedelta(days=60),
        }
        return Report.objects.create(**values | fields)
