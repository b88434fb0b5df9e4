"""What the letters say."""

from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.formats import date_format
from django.utils.timezone import localtime

from incidents import clock, moves, notify, outbox
from incidents.models import Report, ServiceStandard
from tests.factories.accounts import make_agency, make_coordinator, make_officer
from tests.factories.incidents import make_report, make_standards

pytestmark = pytest.mark.django_db

assert notify.report_received  # importing registers the handlers


@pytest.fixture
def _in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters to officers are Indonesian; what they say is looked at in the language of the code."""
    override = translation.override
    monkeypatch.setattr(notify.translation, "override", lambda _language: override("en"))


def moment(when: Any) -> str:
    with translation.override("en"):
        return date_format(localtime(when), "DATETIME_FORMAT")


@pytest.mark.usefixtures("_in_english")
def test_coordinators_are_asked_to_forward_what_has_no_agency(mailoutbox: list[EmailMessage]) -> None:
    coordinator = make_coordinator()
    report = make_report(agency=None, status="received")
    outbox.send("report_received", report_id=report.pk)
    outbox.deliver_due()
    (letter,) = mailoutbox
    assert letter.to == [coordinator.email]
    assert "your agency" not in letter.body
    assert "has no agency yet" in letter.body
    assert moment(report.verify_due_at) in letter.body
    assert moment(report.respond_due_at) not in letter.body


@pytest.mark.usefixtures("_in_english")
def test_officers_are_told_of_what_waits_for_their_agency(mailoutbox: list[EmailMessage]) -> None:
    agency = make_agency("dpu-pupr")
    make_officer(agency)
    outbox.send("report_received", report_id=make_report(agency=agency).pk)
    outbox.deliver_due()
    (letter,) = mailoutbox
    assert "waits for your agency" in letter.body
    assert moment(Report.objects.get().respond_due_at) in letter.body


@pytest.mark.parametrize(("days", "words"), [(7, "after 7 working days."), (1, "after 1 working day.")])
def test_letter_of_an_answer_names_the_days_of_the_standard(
    mailoutbox: list[EmailMessage], days: int, words: str
) -> None:
    make_standards()
    ServiceStandard.objects.filter(step="close").update(working_days=days)
    clock.forget_rules()
    agency = make_agency("dpu-pupr")
    report = make_report(agency=agency, contact={"email": "sari@example.org"}, language="en")
    moves.answer(report=report, by=make_officer(agency), text="Sudah ditambal.", no_photo_reason="Gelap")
    outbox.deliver_due()
    assert words in mailoutbox[-1].body
