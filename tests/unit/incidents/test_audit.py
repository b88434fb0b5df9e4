"""Events cannot be emptied, and a mark kept elsewhere finds what whoever owns the tables did behind the chains."""

import datetime as dt

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone

from incidents import audit
from incidents.models import Report, ReportEvent
from tests.factories.incidents import make_report

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("statement", ["TRUNCATE incidents_reportevent CASCADE", "TRUNCATE incidents_report CASCADE"])
def test_events_cannot_be_emptied(statement: str) -> None:
    make_report()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="Cannot truncate rows"), transaction.atomic():
            cursor.execute(statement)
    assert ReportEvent.objects.exists()


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM incidents_reportevent WHERE report_id = {report};"
        " DELETE FROM incidents_report WHERE id = {report}",
        "UPDATE incidents_reportevent SET text = 'lain' WHERE report_id = {report};"
        " UPDATE incidents_reportevent e SET hash = event_hash('', e) WHERE report_id = {report}",
        "TRUNCATE incidents_reportevent, incidents_report CASCADE",
    ],
)
def test_mark_finds_what_the_chains_cannot_tell(tampering: str) -> None:
    long_ago = timezone.now() - dt.timedelta(hours=2)
    for report in (make_report(agency=None, status="received"), make_report(agency=None, status="received")):
        with pgtrigger.ignore("incidents.ReportEvent:events_are_append_only"):
            report.events.update(created_at=long_ago)
            report.events.update(hash=RawSQL("event_hash('', incidents_reportevent)", []))
    assert audit.verify().problem is None
    mark = audit.mark()
    assert str(mark) == f"{ReportEvent.objects.latest('id').pk}:{mark.digest}"
    make_report()  # what comes later changes nothing
    assert audit.mark(mark.upto) == mark
    call_command("verify_audit", mark=str(mark))
    first = Report.objects.earliest("id").pk
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE incidents_reportevent DISABLE TRIGGER USER")
        cursor.execute(tampering.format(report=first))
        cursor.execute("ALTER TABLE incidents_reportevent ENABLE TRIGGER USER")
    assert audit.verify().problem is None
    with pytest.raises(CommandError, match="are not those of the mark"):
        call_command("verify_audit", mark=str(mark))


def test_mark_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="is no mark"):
        call_command("verify_audit", mark="12")
