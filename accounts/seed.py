"""The agencies of the regency, from data/facts/opd.csv."""

import csv

from django.conf import settings
from django.utils.text import slugify

from accounts.models import Agency

FACTS = settings.BASE_DIR / "data" / "facts" / "opd.csv"


def seed() -> None:
    """Add the agencies that are missing; what an administrator changed stays. Safe to run again."""
    with FACTS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    Agency.objects.bulk_create(
        [
            Agency(
                code=agency_code(row["singkatan"]),
                short_name=row["singkatan"],
                name=row["nama"],
                kind=row["jenis"],
                topics=row["topik_usulan"],
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )


def agency_code(short_name: str) -> str:
    """Return the code of an agency from its short name: `DPU/PUPR` gives `dpu-pupr`."""
    return slugify(short_name.replace("/", " "))
