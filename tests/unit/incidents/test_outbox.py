"""At-least-once delivery, over a real SMTP server."""

import datetime as dt
import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.db import connection
from django.utils import timezone

from incidents import moves, notify, outbox
from incidents.models import OutboxMessage, Report
from incidents.secrets import secret_of
from incidents.workflow import Party
from tests.factories.accounts import make_agency, make_coordinator, make_officer, make_user
from tests.factories.incidents import make_report, make_standards
from tests.integration.server import free_port

pytestmark = pytest.mark.django_db

assert notify.report_received  # importing registers the handlers


class Mailbox:
    """An SMTP handler that keeps what it gets, and refuses as long as it is told to."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.refuse = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return "451 busy, try again"
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.letters.append(letter)  # type: ignore[arg-type]
        return "250 OK"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = controller.port
    yield box
    controller.stop()


def overdue() -> None:
    OutboxMessage.objects.filter(state="waiting").update(due_at=timezone.now() - dt.timedelta(seconds=1))


def make_message(report: Report) -> OutboxMessage:
    outbox.send("report_received", report_id=report.pk)
    return OutboxMessage.objects.get()


def test_receipt_carries_ticket_reason_and_secret_link(mailbox: Mailbox) -> None:
    report = make_report(contact={"email": "sari@example.org"}, language="en", title='Lubang "besar" & <dalam>')
    message = make_message(report)
    assert outbox.deliver_due() == 1
    letter = next(letter for letter in mailbox.letters if letter["To"] == "sari@example.org")
    text = letter.get_content()
    assert report.ticket in letter["Subject"]
    assert 'Lubang "besar" & <dalam>' in text
    assert report.reason_en in text
    assert secret_of(report.ticket) in text
    assert letter["Message-ID"].startswith(f"<outbox-{message.pk}-")
    message.refresh_from_db()
    assert message.state == "done"


def test_officers_get_the_news_without_the_secret(mailbox: Mailbox) -> None:
    agency = make_agency("dpu-pupr")
    officer = make_officer(agency)
    make_officer(make_agency("dlh"))
    make_message(make_report(agency=agency))
    outbox.deliver_due()
    assert [letter["To"] for letter in mailbox.letters] == [officer.email]
    assert secret_of(Report.objects.get().ticket) not in mailbox.letters[0].get_content()


def test_coordinators_get_the_news_of_a_report_without_agency(mailbox: Mailbox) -> None:
    make_user(email="warga@example.org")  # works nowhere, so that no agency is theirs either
    make_officer()
    coordinator = make_coordinator()
    make_message(make_report(agency=None, status="received", confidential=True))
    outbox.deliver_due()
    assert [letter["To"] for letter in mailbox.letters] == [coordinator.email]


@pytest.mark.parametrize(("language", "said"), [("en", "Not within the regency's authority"), ("id", "PT PLN")])
def test_letter_names_the_right_addressee(mailbox: Mailbox, language: str, said: str) -> None:
    make_standards()
    pln = make_agency("pln", kind="eksternal", name="PT PLN (Persero)")
    report = make_report(contact={"email": "sari@example.org"}, language=language)
    by = make_officer(report.agency, email="")
    moves.reject(report=report, by=by, reason_code="not_authority", text="Tiang milik PLN.", addressee=pln)
    outbox.deliver_due()
    words = mailbox.letters[-1].get_content()
    for part in ("Tiang milik PLN.", said, "PT PLN (Persero)"):
        assert part in words


def test_line_ends_in_a_title_do_not_stop_the_letter(mailbox: Mailbox) -> None:
    make_message(make_report(contact={"email": "sari@example.org"}, title="Lubang\rdi\x85depan\npasar"))
    outbox.deliver_due()
    assert "Lubang di depan pasar" in mailbox.letters[0]["Subject"]


def test_reporter_without_address_gets_no_letter(mailbox: Mailbox) -> None:
    make_message(make_report())
    assert outbox.deliver_due() == 1
    assert mailbox.letters == []


def test_refused_letter_is_tried_again_later(mailbox: Mailbox) -> None:
    mailbox.refuse = True
    message = make_message(make_report(contact={"email": "sari@example.org"}))
    outbox.deliver_due()
    message.refresh_from_db()
    assert message.state == "waiting"
    assert message.attempts == 1
    assert message.due_at > timezone.now() + dt.timedelta(seconds=5)
    assert "451" in message.last_error
    assert outbox.deliver_due() == 0
    mailbox.refuse = False
    overdue()
    assert outbox.deliver_due() == 1
    assert len(mailbox.letters) == 1


def test_message_is_given_up_after_the_last_attempt(mailbox: Mailbox) -> None:
    mailbox.refuse = True
    message = make_message(make_report(contact={"email": "sari@example.org"}))
    for _ in range(outbox.ATTEMPTS_MAX):
        overdue()
        assert outbox.deliver_due() == 1
    overdue()
    assert outbox.deliver_due() == 0
    message.refresh_from_db()
    assert message.state == "dead"
    assert message.attempts == outbox.ATTEMPTS_MAX


def test_message_that_kills_its_worker_each_time_is_given_up() -> None:
    message = make_message(make_report())
    for _ in range(outbox.ATTEMPTS_MAX):
        overdue()
        # The worker claims the message, then dies: nothing but the claim is left.
        with connection.cursor() as cursor:
            cursor.execute(outbox._CLAIM, [60, outbox.ATTEMPTS_MAX, 20])
    overdue()
    outbox.deliver_due()
    message.refresh_from_db()
    assert message.state == "dead"


def test_worker_that_lost_its_lease_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    message = make_message(make_report())

    def slow(claimed: OutboxMessage) -> None:
        OutboxMessage.objects.filter(pk=claimed.pk).update(attempts=claimed.attempts + 1)  # another worker claims it

    monkeypatch.setitem(outbox.HANDLERS, "report_received", slow)
    outbox.deliver_due()
    message.refresh_from_db()
    assert message.state == "waiting"


def test_message_that_another_worker_took_meanwhile_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make_report(), make_report()
    for report in (first, second):
        outbox.send("report_received", report_id=report.pk)
    told: list[int] = []

    def slow(claimed: OutboxMessage) -> None:
        told.append(claimed.payload["report_id"])
        OutboxMessage.objects.exclude(pk=claimed.pk).update(attempts=2)  # its lease ran out: another worker claims it

    monkeypatch.setitem(outbox.HANDLERS, "report_received", slow)
    outbox.deliver_due()
    assert told == [first.pk]


def test_every_topic_that_is_sent_has_a_handler(mailbox: Mailbox) -> None:
    make_standards()
    agency = make_agency("dpu-pupr")
    officer = make_officer(agency)
    report = make_report(agency=agency, contact={"email": "sari@example.org"})
    moves.take(report=report, by=officer)
    moves.answer(report=report, by=officer, text="Sudah ditambal.", no_photo_reason="Kamera rusak")
    assert outbox.deliver_due() == 2
    assert not OutboxMessage.objects.exclude(state="done").exists()
    assert "Sudah ditambal." in mailbox.letters[-1].get_content()


def test_officers_hear_of_a_report_handed_to_them_and_of_an_objection(mailbox: Mailbox) -> None:
    make_standards()
    first, second = make_agency("dpu-pupr"), make_agency("dlh")
    giver, taker = make_officer(first), make_officer(second)
    report = make_report(agency=first)
    moves.hand_over(report=report, by=giver, agency=second, text="Ini urusan sampah.")
    outbox.deliver_due()
    assert [letter["To"] for letter in mailbox.letters] == [taker.email]
    moves.answer(report=report, by=taker, text="Sudah diangkut.", no_photo_reason="Malam hari")
    moves.reopen(report=report, by=Party.REPORTER, text="Masih menumpuk di sana.")
    overdue()
    outbox.deliver_due()
    assert mailbox.letters[-1]["To"] == taker.email
    assert "Masih menumpuk di sana." in mailbox.letters[-1].get_content()
