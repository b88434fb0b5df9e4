"""Categories, routing rules and service standards to begin with. All are data: the coordinator edits them."""

import csv

from django.conf import settings
from django.db import transaction

from accounts.models import Agency
from accounts.seed import agency_code
from geo.models import Kecamatan
from incidents import clock
from incidents.models import Category, RoutingRule, ServiceStandard
from incidents.models.categories import Handling, Icon

FACTS = settings.BASE_DIR / "data" / "facts" / "categories.csv"
RULE_BASIS = "Usulan awal; ditetapkan oleh koordinator"
STANDARD_BASIS = "Nilai awal menurut SP4N-LAPOR!; ditetapkan oleh kabupaten"

Step = ServiceStandard.Step
STANDARDS: list[tuple[str, str, int]] = [
    (Step.VERIFY, "", 3),
    (Step.RESPOND, "", 5),
    (Step.RESOLVE, Handling.INFORMATION, 5),
    (Step.RESOLVE, Handling.DESK, 14),
    (Step.RESOLVE, Handling.FIELD, 60),
    (Step.CLOSE, "", 10),
]
"""(step, handling, working days)"""


@transaction.atomic
def seed() -> None:
    """Add what is missing, search words too; what the coordinator changed or retired stays.

    It needs agencies and areas.
    """
    with FACTS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    _categories(rows)
    if not RoutingRule.objects.exists():
        _rules(rows)
    ServiceStandard.objects.bulk_create(
        [ServiceStandard(step=s, handling=h, working_days=n, basis=STANDARD_BASIS) for s, h, n in STANDARDS],
        ignore_conflicts=True,
    )
    clock.forget_rules()


def _categories(rows: list[dict[str, str]]) -> None:
    known = {category.code: category for category in Category.objects.all()}
    for position, row in enumerate(rows):
        if row["code"] in known:
            Category.objects.filter(code=row["code"], words="").update(words=row["words"])
            continue
        known[row["code"]] = Category.objects.create(
            code=row["code"],
            parent=known[row["parent"]] if row["parent"] else None,
            name_id=row["name_id"],
            name_en=row["name_en"],
            hint_id=row["hint_id"],
            hint_en=row["hint_en"],
            words=row["words"],
            kind=row["kind"] or "laporan",
            handling=row["handling"] or Handling.FIELD,
            sensitive=bool(row["sensitive"]),
            icon=row["icon"] or Icon.DOTS,
            position=position,
        )


def _rules(rows: list[dict[str, str]]) -> None:
    agencies = {agency.code: agency for agency in Agency.objects.all()}
    categories = {category.code: category for category in Category.objects.all()}
    rules = [
        RoutingRule(category=categories[row["code"]], agency=agencies[agency_code(row["agency"])], basis=RULE_BASIS)
        for row in rows
        if row["agency"]
    ]
    rules += [
        RoutingRule(kecamatan=kecamatan, agency=agencies[agency_code(f"Kec. {kecamatan.name}")], basis=RULE_BASIS)
        for kecamatan in Kecamatan.objects.all()
    ]
    RoutingRule.objects.bulk_create(rules)
    for kecamatan in Kecamatan.objects.all():
        Agency.objects.filter(code=agency_code(f"Kec. {kecamatan.name}")).update(kecamatan_code=kecamatan.code)
