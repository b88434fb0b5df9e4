import datetime as dt
import io
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import Image

from accounts.models import Agency, Membership
from incidents import audit, clock, moves
from incidents.errors import MoveIncomplete, MoveNotAllowed, ReportChanged
from incidents.models import OutboxMessage, Report, ReportEvent
from incidents.models.reports import Status
from incidents.photos import CleanPhoto, clean
from incidents.timeline import turns_of
from incidents.workflow import Party
from tests.factories.accounts import make_agency, make_coordinator, make_officer
from tests.factories.incidents import make_report, make_standards

pytestmark = pytest.mark.django_db
WITA = clock.WITA


@pytest.fixture(autouse=True)
def _standards() -> None:
    make_standards()


@pytest.fixture
def officer() -> Any:
    return make_officer(make_agency("dpu-pupr"))


def a_photo() -> CleanPhoto:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(file, "JPEG")
    file.seek(0)
    return clean(file)


def test_take_counts_as_the_first_response_and_tells_the_reporter(officer: Any) -> None:
    report = make_report()
    event = moves.take(report=report, by=officer)
    report.refresh_from_db()
    assert report.status == Status.IN_PROGRESS
    assert report.responded_at == report.changed_at == event.created_at
    assert (event.actor, event.agency) == (officer, report.agency)
    assert OutboxMessage.objects.get().payload == {"report_id": report.pk, "event_id": event.pk}


def test_answer_without_photo_or_reason_is_incomplete(officer: Any) -> None:
    report = make_report(status=Status.IN_PROGRESS)
    with pytest.raises(MoveIncomplete) as refused:
        moves.answer(report=report, by=officer, text="Sudah.", no_photo_reason="  ")
    assert refused.value.field == "no_photo_reason"
    report.refresh_from_db()
    assert report.status == Status.IN_PROGRESS


def test_answer_keeps_photos_with_its_event(officer: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    report = make_report(status=Status.IN_PROGRESS)
    event = moves.answer(report=report, by=officer, text="Sudah.", photos=[a_photo(), a_photo()])
    assert event.photos.count() == 2
    assert report.photos.filter(event=None).count() == 0
    assert event.data == {}


@pytest.mark.parametrize("days", [-1, 0, 400, None])
def test_hold_needs_a_day_from_tomorrow_within_a_year(officer: Any, days: int | None) -> None:
    report = make_report(status=Status.IN_PROGRESS)
    until = None if days is None else timezone.localdate() + dt.timedelta(days=days)
    with pytest.raises(MoveIncomplete) as refused:
        moves.hold(report=report, by=officer, text="Menunggu.", until=until)
    assert refused.value.field == "until"


def test_resume_moves_the_date_by_the_days_that_the_clock_stood_still(officer: Any) -> None:
    report = make_report(status=Status.ON_HOLD)
    due = dt.datetime(2026, 12, 11, 23, 59, 59, tzinfo=WITA)  # a Friday
    held = timezone.now() - dt.timedelta(days=14)
    Report.objects.filter(pk=report.pk).update(held_at=held, resolve_due_at=due)
    report.refresh_from_db()
    moves.resume(report=report, by=officer)
    report.refresh_from_db()
    stood = clock.rules().working_days_between(held.astimezone(WITA).date(), timezone.localdate())
    assert stood >= 5
    assert clock.rules().working_days_between(due.date(), report.resolve_due_at.astimezone(WITA).date()) == stood
    assert (report.status, report.held_at, report.held_until) == (Status.IN_PROGRESS, None, None)


def test_hand_over_gives_the_report_away_and_keeps_the_dates(officer: Any) -> None:
    report = make_report()
    due = report.resolve_due_at
    event = moves.hand_over(report=report, by=officer, agency=make_agency("dlh"), text="Ini taman kota.")
    report.refresh_from_db()
    assert (report.agency, report.rule, report.resolve_due_at) == (make_agency("dlh"), None, due)
    assert event.agency == make_agency("dlh")
    assert moves.allowed(report, by=officer) == []


def test_hand_over_is_no_first_response(officer: Any) -> None:
    report = make_report()
    moves.hand_over(report=report, by=officer, agency=make_agency("dlh"), text="Ini taman kota.")
    report.refresh_from_db()
    assert report.responded_at is None


def test_officer_of_two_agencies_speaks_for_the_reports_own() -> None:
    officer = make_officer(make_agency("dlh"))
    Membership.objects.create(user=officer, agency=make_agency("dpu-pupr"))
    assert moves.take(report=make_report(), by=officer).agency == make_agency("dpu-pupr")


def test_coordinator_speaks_for_the_own_agency() -> None:
    assert moves.take(report=make_report(), by=make_coordinator()).agency == make_agency("diskominfo-staper")


@pytest.mark.parametrize("code", [None, "dpu-pupr"])
def test_hand_over_to_nobody_or_to_itself_is_incomplete(officer: Any, code: str | None) -> None:
    with pytest.raises(MoveIncomplete) as refused:
        moves.hand_over(report=make_report(), by=officer, agency=code and make_agency(code), text="Alasan.")
    assert refused.value.field == "agency"


def test_reject_needs_a_reason_from_the_list(officer: Any) -> None:
    with pytest.raises(MoveIncomplete) as refused:
        moves.reject(report=make_report(), by=officer, reason_code="karena", text="Alasan.")
    assert refused.value.field == "reason_code"


def test_what_is_not_our_authority_names_the_right_addressee(officer: Any) -> None:
    road = make_agency("bbpjn", kind=Agency.Kind.EXTERNAL, name="Balai Besar Pelaksanaan Jalan Nasional")
    known = moves.reject(
        report=make_report(), by=officer, reason_code="not_authority", text="Jalan nasional.", addressee=road
    )
    assert known.data == {
        "reason_code": "not_authority",
        "addressee": {"code": "bbpjn", "name": "Balai Besar Pelaksanaan Jalan Nasional"},
    }
    written = moves.reject(
        report=make_report(),
        by=officer,
        reason_code="not_authority",
        text="Milik desa.",
        addressee_name="  Pengelola\n kawasan  ",
    )
    assert written.data["addressee"] == {"name": "Pengelola kawasan"}
    assert audit.verify().problem is None


@pytest.mark.parametrize(
    ("addressee", "name"), [(None, ""), (None, " \n "), (None, "x" * 121), ("dlh", ""), ("dlh", "Lain")]
)
def test_addressee_is_a_body_outside_the_regency(officer: Any, addressee: str | None, name: str) -> None:
    report = make_report()
    with pytest.raises(MoveIncomplete) as refused:
        moves.reject(
            report=report,
            by=officer,
            reason_code="not_authority",
            text="Bukan kami.",
            addressee=make_agency(addressee) if addressee else None,
            addressee_name=name,
        )
    assert refused.value.field == "addressee"
    report.refresh_from_db()
    assert report.status == Status.ROUTED


def test_other_reasons_name_no_addressee(officer: Any) -> None:
    event = moves.reject(
        report=make_report(), by=officer, reason_code="test", text="Uji coba.", addressee_name="Pemprov"
    )
    assert event.data == {"reason_code": "test"}


def test_coordinators_choice_explains_itself() -> None:
    report = make_report(agency=None)
    dlh = make_agency("dlh")
    event = moves.route(report=report, by=make_coordinator(), agency=dlh)
    report.refresh_from_db()
    assert (report.agency, report.rule) == (dlh, None)
    for reason in (report.reason_id, report.reason_en):
        assert dlh.name in reason
        assert "oordinator" in reason
    assert event.data == {"rule": None, "reason_id": report.reason_id, "reason_en": report.reason_en}


def test_reject_of_an_unrouted_report_names_the_coordinators_agency() -> None:
    report = make_report(agency=None)
    moves.reject(report=report, by=make_coordinator(), reason_code="test", text="Uji coba.")
    report.refresh_from_db()
    assert (report.status, report.agency) == (Status.REJECTED, make_agency("diskominfo-staper"))
    assert report.closed_at is not None


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_moves_with_words_refuse_silence(officer: Any, text: str) -> None:
    with pytest.raises(MoveIncomplete) as refused:
        moves.comment(report=make_report(), by=officer, text=text)
    assert refused.value.field == "text"


def test_too_long_a_text_is_refused_with_its_length(officer: Any) -> None:
    with pytest.raises(MoveIncomplete, match="5001"):
        moves.comment(report=make_report(), by=officer, text="a" * 5_001)


def test_internal_note_is_no_first_response_and_sends_no_letter(officer: Any) -> None:
    report = make_report()
    moves.comment(report=report, by=officer, text="Kamis ke lapangan.", public=False)
    report.refresh_from_db()
    assert report.responded_at is None
    assert not OutboxMessage.objects.exists()


def test_conceal_hides_the_report_from_the_public(officer: Any) -> None:
    report = make_report()
    moves.conceal(report=report, by=officer, text="Menyebut nama.")
    assert not Report.objects.public().filter(pk=report.pk).exists()
    assert not report.events.get(type="concealed").public


def test_reopen_within_ten_working_days(officer: Any) -> None:
    report = make_report(status=Status.ANSWERED)
    moves.reopen(report=report, by=Party.REPORTER, text="Baru separuh.")
    report.refresh_from_db()
    assert (report.status, report.answered_at, report.closed_at) == (Status.REOPENED, None, None)


def test_reopen_after_the_window_is_refused_with_what_to_do() -> None:
    report = make_report(status=Status.CLOSED)
    Report.objects.filter(pk=report.pk).update(answered_at=timezone.now() - dt.timedelta(days=40))
    report.refresh_from_db()
    with pytest.raises(MoveNotAllowed, match=r"\b10\b"):
        moves.reopen(report=report, by=Party.REPORTER, text="Belum.")


def test_reopen_on_the_last_evening_of_the_window_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = dt.datetime(2026, 11, 2, 9, tzinfo=WITA)
    last = clock.rules().deadline(answered, 10)
    report = make_report(status=Status.CLOSED)
    Report.objects.filter(pk=report.pk).update(answered_at=answered)
    report.refresh_from_db()
    monkeypatch.setattr(timezone, "now", lambda: last + dt.timedelta(seconds=2))
    with pytest.raises(MoveNotAllowed):
        moves.reopen(report=report, by=Party.REPORTER, text="Belum.")
    monkeypatch.setattr(timezone, "now", lambda: last)
    moves.reopen(report=report, by=Party.REPORTER, text="Belum.")
    assert report.status == Status.REOPENED


def test_close_all_silent_closes_only_what_was_silent_long_enough() -> None:
    now = dt.datetime(2026, 11, 24, 12, tzinfo=WITA)
    old, young = make_report(status=Status.ANSWERED), make_report(status=Status.ANSWERED)
    long_closed = make_report(status=Status.CLOSED)
    Report.objects.filter(pk=old.pk).update(answered_at=now - dt.timedelta(days=16))  # 8 Nov, a Sunday: 11 days
    Report.objects.filter(pk=young.pk).update(answered_at=now - dt.timedelta(days=14))  # 10 Nov: 10 days, until tonight
    assert moves.close_all_silent(now) == 1
    assert Report.objects.get(pk=old.pk).status == Status.CLOSED
    assert Report.objects.get(pk=young.pk).status == Status.ANSWERED
    assert long_closed.events.count() == 2
    assert old.events.last().type == ReportEvent.Type.CLOSED_SILENT
    assert moves.close_all_silent(now) == 0


def test_close_all_silent_goes_on_when_a_reporter_speaks_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    now = dt.datetime(2026, 11, 24, 12, tzinfo=WITA)
    spoken, silent = make_report(status=Status.ANSWERED), make_report(status=Status.ANSWERED)
    Report.objects.all().update(answered_at=now - dt.timedelta(days=30))
    close = moves.close_silent

    def late(*, report: Report) -> ReportEvent:
        if report.pk == spoken.pk:
            moves.confirm(report=Report.objects.get(pk=report.pk), by=Party.REPORTER)
        return close(report=report)

    monkeypatch.setattr(moves, "close_silent", late)
    assert moves.close_all_silent(now) == 1
    assert spoken.events.last().type == ReportEvent.Type.CONFIRMED
    assert silent.events.last().type == ReportEvent.Type.CLOSED_SILENT


def test_hold_ends_on_its_day_and_the_clock_goes_on_from_there() -> None:
    now = dt.datetime(2026, 11, 26, 9, tzinfo=WITA)  # a Thursday
    due = dt.datetime(2026, 11, 20, 23, 59, 59, tzinfo=WITA)
    over, waits = make_report(status=Status.ON_HOLD), make_report(status=Status.ON_HOLD)
    held = {"held_at": dt.datetime(2026, 11, 16, 9, tzinfo=WITA), "resolve_due_at": due}
    Report.objects.filter(pk=over.pk).update(held_until=dt.date(2026, 11, 19), **held)
    Report.objects.filter(pk=waits.pk).update(held_until=dt.date(2026, 11, 27), **held)
    assert moves.resume_all_held(now) == 1
    over.refresh_from_db()
    waits.refresh_from_db()
    assert (over.status, over.held_at, over.held_until) == (Status.IN_PROGRESS, None, None)
    # It stood still on three working days, 17 to 19 November, and not in the week in which nobody looked.
    assert over.resolve_due_at == dt.datetime(2026, 11, 25, 23, 59, 59, tzinfo=WITA)
    assert Report.objects.overdue(now).filter(pk=over.pk).exists()
    assert waits.status == Status.ON_HOLD
    event = over.events.last()
    assert event is not None
    assert (event.type, event.actor_id, event.by_reporter) == (ReportEvent.Type.RESUMED, None, False)
    assert moves.resume_all_held(now) == 0


def test_end_of_a_hold_is_told_as_nobodys_word() -> None:
    report = make_report(status=Status.ON_HOLD)
    Report.objects.filter(pk=report.pk).update(held_until=timezone.localdate(), held_at=timezone.now())
    report.refresh_from_db()
    moves.resume_held(report=report)
    last = turns_of(report, report.events.order_by("pk").select_related("agency", "actor"))[-1]
    assert (last.side, last.headline) == ("system", _("The hold is over: the clock runs again"))


def test_make_refuses_when_the_report_changed_since_it_was_seen(officer: Any) -> None:
    report = make_report()
    seen = report.changed_at
    moves.take(report=report, by=make_coordinator())
    with pytest.raises(ReportChanged):
        moves.make("comment", report=report, by=officer, seen_at=seen, text="Catatan.")
    assert report.events.filter(type="commented").count() == 0


def test_make_twice_with_the_same_words_makes_one_move(officer: Any) -> None:
    report = make_report()
    given = {"report": report, "by": officer, "seen_at": report.changed_at, "text": "Sudah kami cek."}
    assert moves.make("comment", **given) == moves.make("comment", **given)
    assert report.events.filter(type="commented").count() == 1


def test_rehearse_raises_like_make_and_changes_nothing(officer: Any) -> None:
    report = make_report()
    moves.rehearse("reject", report=report, by=officer, reason_code="test", text="Uji.")
    with pytest.raises(MoveIncomplete):
        moves.rehearse("reject", report=report, by=officer, reason_code="test", text="")
    report.refresh_from_db()
    assert (report.status, report.events.count()) == (Status.ROUTED, 2)


def test_events_cannot_be_changed_or_deleted(officer: Any) -> None:
    event = make_report().events.last()
    for forbidden in (lambda: event.delete(), lambda: ReportEvent.objects.update(text="lain")):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
            forbidden()


def test_audit_proves_an_untouched_history(officer: Any) -> None:
    report = make_report()
    moves.take(report=report, by=officer)
    moves.answer(report=report, by=officer, text="Sudah “beres” 😀\n\\u0000?", no_photo_reason="Gelap")
    assert audit.verify() == audit.Verdict(events=4, reports=1, problem=None)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE incidents_reportevent SET text = 'lain' WHERE type = 'taken'",
        "UPDATE incidents_reportevent SET created_at = created_at - interval '1 day' WHERE type = 'answered'",
        "UPDATE incidents_reportevent SET actor_id = NULL WHERE type = 'taken'",
        "UPDATE incidents_reportevent SET hash = repeat('0', 64) WHERE type = 'answered'",
        "DELETE FROM incidents_reportevent WHERE type = 'taken'",
        "DELETE FROM incidents_reportevent WHERE type = 'answered'",
        "UPDATE incidents_report SET status = 'closed'",
    ],
)
def test_audit_finds_tampering_by_whoever_owns_the_table(officer: Any, tampering: str) -> None:
    report = make_report()
    moves.take(report=report, by=officer)
    moves.answer(report=report, by=officer, text="Sudah.", no_photo_reason="Gelap")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE incidents_reportevent DISABLE TRIGGER USER")
        cursor.execute(tampering)
        cursor.execute("ALTER TABLE incidents_reportevent ENABLE TRIGGER USER")
    problem = audit.verify().problem
    assert problem is not None
    assert report.ticket in problem
