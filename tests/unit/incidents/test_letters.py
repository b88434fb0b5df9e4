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


@pytest.mark.usefixtures("_in_english")
@pytest.mark.parametrize(
    ("move", "text", "status", "subject", "body"),
    [
        ("confirm", "", "answered", "done, the reporter confirms", "confirms that it is done"),
        ("reopen", "Masih basah.", "answered", "not done yet, the reporter says", "says that it is not done yet"),
        ("reply", "Lubangnya dua.", "in_progress", "the reporter wrote", "has written something"),
    ],
)
def test_officers_read_what_the_reporter_said(
    mailoutbox: list[EmailMessage], move: str, text: str, status: str, subject: str, body: str
) -> None:
    agency = make_agency("dpu-pupr")
    make_officer(agency)
    report = make_report(agency=agency, status=status)
    getattr(moves, move)(report=report, by=moves.Party.REPORTER, text=text)
    outbox.deliver_due()
    (letter,) = mailoutbox
    assert letter.subject == f"{report.ticket}: {subject}"
    assert f"“{report.title}” {body}" in letter.body
    assert text in letter.body
    assert "\n\n\n" not in letter.body


@pytest.mark.usefixtures("_in_english")
def test_officers_read_that_a_duplicate_is_none(mailoutbox: list[EmailMessage]) -> None:
    agency = make_agency("dpu-pupr")
    officer = make_officer(agency)
    report, original = make_report(agency=agency), make_report(agency=agency)
    moves.duplicate(report=report, by=officer, original=original.ticket)
    moves.other_matter(report=report, by=moves.Party.REPORTER, text="Punya saya di seberang.")
    outbox.deliver_due()
    assert mailoutbox[-1].subject == f"{report.ticket}: no duplicate, the reporter says"
    assert "is not the same as the other report" in mailoutbox[-1].body
