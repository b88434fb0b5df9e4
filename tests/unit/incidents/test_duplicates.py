"""Reports that tell the same: which may be named, who is told along, what everybody reads, and the way back."""

import datetime as dt
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone, translation

from accounts.models import User
from incidents import duplicates, keyring, moves, notify, outbox
from incidents.errors import MoveIncomplete, MoveNotAllowed, ReportChanged
from incidents.models import Report
from incidents.models.reports import Status
from incidents.secrets import secret_of
from incidents.workflow import Party
from tests.factories.accounts import make_agency, make_coordinator, make_officer
from tests.factories.incidents import SANGATTA, make_category, make_report, make_standards

pytestmark = pytest.mark.django_db

assert notify.report_followed  # importing registers the handlers


@pytest.fixture(autouse=True)
def _standards() -> None:
    make_standards()


@pytest.fixture
def officer() -> User:
    return make_officer(make_agency("dpu-pupr"))


@pytest.fixture
def desk(client: Client, officer: User) -> Client:
    client.force_login(officer)
    client.cookies["bahasa"] = "en"
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def merge(report: Report, original: Report, officer: User, text: str = "") -> Report:
    moves.duplicate(report=report, by=officer, original=original.ticket, text=text)
    return report


def test_duplicate_ends_and_says_where_to_follow(officer: User) -> None:
    original, report = make_report(), make_report()
    event = moves.duplicate(report=report, by=officer, original=f" {original.ticket.lower()} ")
    stored = Report.objects.get(pk=report.pk)
    assert (stored.status, stored.duplicate_of, event.data) == ("duplicate", original, {"original": original.ticket})
    assert stored.closed_at
    assert stored.responded_at is None  # nobody answered what was reported
    assert Report.objects.get(pk=original.pk).status == "routed"


def test_duplicate_of_nothing_cannot_be_stored() -> None:
    report = make_report()
    for values in ({"status": "duplicate"}, {"duplicate_of": make_report()}):
        with pytest.raises(IntegrityError, match="a_duplicate_says_of_what"), transaction.atomic():
            Report.objects.filter(pk=report.pk).update(**values)


def refused(case: str) -> tuple[str, str]:
    """Return a ticket that cannot be named in `case`, and words of the refusal."""
    if case == "nothing":
        return " ", "type its ticket"
    if case == "mistyped":
        return "KT-26-0000001-X", "is mistyped"
    if case == "duplicate":
        first, second = make_report(), make_report()
        moves.duplicate(report=second, by=make_officer(second.agency, username="lain"), original=first.ticket)
        return second.ticket, f"of {first.ticket}"
    fields: dict[str, dict[str, Any]] = {
        "confidential": {"confidential": True},
        "done": {"status": "closed"},
        "archived": {"status": "rejected"},
        "hidden": {"confidential": True, "agency": make_agency("dlh")},
    }
    words = {"confidential": "is confidential", "done": "is done", "archived": "is archived", "hidden": "There is no"}
    return make_report(**fields[case]).ticket, words[case]


@pytest.mark.parametrize("case", ["nothing", "mistyped", "duplicate", "confidential", "done", "archived", "hidden"])
def test_what_cannot_be_followed_is_refused(officer: User, case: str) -> None:
    report = make_report()
    ticket, words = refused(case)
    with translation.override("en"), pytest.raises(MoveIncomplete) as refusal:
        moves.duplicate(report=report, by=officer, original=ticket)
    assert words.lower() in str(refusal.value).lower()
    assert refusal.value.field == "original"
    assert Report.objects.get(pk=report.pk).status == "routed"


def test_confidential_report_is_no_duplicate_of_a_confidential_one(officer: User) -> None:
    """Its reporter could read nothing of the other."""
    report, other = make_report(confidential=True), make_report(confidential=True)
    with pytest.raises(MoveIncomplete):
        moves.duplicate(report=report, by=officer, original=other.ticket)


def test_another_original_on_an_old_page_is_no_double_click(officer: User) -> None:
    report, first, second = make_report(), make_report(), make_report()
    seen = report.changed_at
    event = moves.make("duplicate", report=report, by=officer, seen_at=seen, original=first.ticket)
    again = moves.make("duplicate", report=report, by=officer, seen_at=seen, original=first.ticket.lower())
    assert again == event
    for other in (second.ticket, "KT-26-1"):
        with pytest.raises(ReportChanged):
            moves.make("duplicate", report=report, by=officer, seen_at=seen, original=other)


def test_report_is_no_duplicate_of_itself_or_of_its_own_duplicate(officer: User) -> None:
    report, repeat = make_report(), make_report()
    merge(repeat, report, officer)
    for ticket in (report.ticket, repeat.ticket):
        with pytest.raises(MoveIncomplete):
            moves.duplicate(report=report, by=officer, original=ticket)


def test_hidden_ticket_is_refused_in_the_words_of_one_that_does_not_exist(officer: User) -> None:
    hidden = make_report(confidential=True, agency=make_agency("dlh")).ticket
    absent = make_report().ticket
    Report.objects.filter(ticket=absent).update(ticket="KT-00-0000000-0")
    said = []
    for ticket in (hidden, absent):
        with pytest.raises(MoveIncomplete) as refusal:
            moves.duplicate(report=make_report(), by=officer, original=ticket)
        said.append(str(refusal.value).replace(ticket, "?"))
    assert said[0] == said[1]


def test_unrouted_duplicate_gets_the_coordinators_agency() -> None:
    report, original = make_report(agency=None), make_report()
    merge(report, original, make_coordinator())
    assert Report.objects.get(pk=report.pk).agency == make_agency("diskominfo-staper")


# Who is told along.


def letters_of(mailoutbox: list[EmailMessage]) -> list[tuple[str, str]]:
    mailoutbox.clear()
    while outbox.deliver_due():
        pass
    return [(letter.to[0], letter.body) for letter in mailoutbox if letter.to[0].endswith("@warga.example")]


def test_followers_move_along(officer: User, mailoutbox: list[EmailMessage]) -> None:
    original = make_report(title="Lubang di pasar", contact={"email": "a@warga.example"}, language="en")
    middle = make_report(contact={"email": "b@warga.example"}, language="en")
    last = make_report(contact={"email": "c@warga.example"}, language="en")
    merge(last, middle, officer)
    merge(middle, original, officer)
    told = letters_of(mailoutbox)
    assert [address for address, _body in told] == ["c@warga.example", "b@warga.example", "c@warga.example"]
    assert f"stands at {original.ticket}" in told[1][1]
    moves.take(report=original, by=officer)
    told = letters_of(mailoutbox)
    assert sorted(address for address, _body in told) == ["a@warga.example", "b@warga.example", "c@warga.example"]
    body = dict(told)["c@warga.example"]
    assert all(word in body for word in ("Lubang di pasar", "In progress", last.ticket, secret_of(last.ticket)))
    assert f"/laporan/{original.ticket}/" in body
    assert secret_of(original.ticket) not in body
    moves.reply(report=original, by=Party.REPORTER, text="Terima kasih.")
    assert letters_of(mailoutbox) == []


def test_nothing_of_a_confidential_report_goes_to_others(officer: User, mailoutbox: list[EmailMessage]) -> None:
    original = make_report(status="in_progress")
    follower = merge(make_report(contact={"email": "b@warga.example"}), original, officer)
    letters_of(mailoutbox)
    moves.answer(report=original, by=officer, text="Rahasia besar.", no_photo_reason="Gelap")
    moves.conceal(report=original, by=officer, text="Menyebut nama.")  # before the letter left
    assert letters_of(mailoutbox) == []
    moves.comment(report=original, by=officer, text="Rahasia kedua.")
    assert letters_of(mailoutbox) == []
    assert follower.status == Status.DUPLICATE


def test_who_is_no_duplicate_any_more_gets_no_news(officer: User, mailoutbox: list[EmailMessage]) -> None:
    original = make_report()
    follower = merge(make_report(contact={"email": "b@warga.example"}), original, officer)
    moves.separate(report=follower, by=officer, text="Lubangnya lain.")
    letters_of(mailoutbox)
    moves.take(report=original, by=officer)
    assert letters_of(mailoutbox) == []


# The way back.


def test_officer_takes_it_back(officer: User) -> None:
    report = merge(make_report(), make_report(), officer)
    due = report.resolve_due_at
    moves.separate(report=report, by=officer, text="Lubangnya lain.")
    stored = Report.objects.get(pk=report.pk)
    assert (stored.status, stored.duplicate_of, stored.closed_at) == ("routed", None, None)
    assert stored.resolve_due_at == due


def test_taken_back_report_that_nobody_had_forwarded_waits_for_it_again() -> None:
    report, original = make_report(agency=None), make_report()
    coordinator = make_coordinator()
    merge(report, original, coordinator)
    moves.separate(report=report, by=coordinator, text="Lubangnya lain.")
    stored = Report.objects.get(pk=report.pk)
    assert (stored.status, stored.agency, stored.verified_at) == ("received", None, None)


@pytest.mark.parametrize(("days", "allowed"), [(1, True), (30, False)])
def test_reporter_objects_within_ten_working_days(officer: User, days: int, allowed: bool) -> None:
    report = merge(make_report(), make_report(), officer)
    Report.objects.filter(pk=report.pk).update(closed_at=timezone.now() - dt.timedelta(days=days))
    report.refresh_from_db()
    if allowed:
        moves.other_matter(report=report, by=Party.REPORTER, text="Lubang saya di seberang.")
        assert Report.objects.get(pk=report.pk).status == "routed"
    else:
        with pytest.raises(MoveNotAllowed, match="10"):
            moves.other_matter(report=report, by=Party.REPORTER, text="Lubang saya di seberang.")
        assert Report.objects.get(pk=report.pk).status == "duplicate"


# What lies near.


def test_near_reports_are_of_the_same_matter_and_worked_on() -> None:
    report = make_report()
    lon, lat = SANGATTA
    metre = 1 / 111_320

    def beside(metres: float, **over: Any) -> Report:
        return make_report(place=(lon + metres * metre, lat), **over)

    far, close = beside(250), beside(40, agency=make_agency("dlh"))
    beside(310)
    beside(10, status="closed")
    beside(10, status="rejected")
    beside(10, category=make_category("lampu-jalan"))
    hidden = beside(10, confidential=True, agency=make_agency("dlh"))
    assert [(one.ticket, metres) for one, metres in duplicates.near(report)] == [
        (close.ticket, 40),
        (far.ticket, 250),
    ]
    found = [one for one, _metres in duplicates.near(make_report(confidential=True))]
    assert hidden not in found
    assert report in found


# The pages.


def test_public_pages_lead_to_each_other(client: Client, officer: User) -> None:
    client.cookies["bahasa"] = "en"
    original = make_report(title="Lubang di pasar")
    report = merge(make_report(title="Jalan berlubang"), original, officer)
    merge(make_report(title="Yang dirahasiakan", confidential=True), original, officer)
    page = text_of(client.get(f"/laporan/{report.ticket}/"))
    assert "tells the same as another report" in page
    assert f'href="/laporan/{original.ticket}/"' in page
    page = text_of(client.get(f"/laporan/{original.ticket}/"))
    assert "1 other report tells the same" in page
    assert "Jalan berlubang" in page
    assert "Yang dirahasiakan" not in page


def test_chain_of_duplicates_leads_to_its_end(client: Client, officer: User) -> None:
    original, middle = make_report(title="Lubang di pasar"), make_report(title="Yang di tengah")
    report = merge(make_report(), middle, officer)
    merge(middle, original, officer)
    page = text_of(client.get(f"/laporan/{report.ticket}/"))
    assert "Lubang di pasar" in page
    assert "Yang di tengah" not in page
    client.cookies["bahasa"] = "en"
    assert "2 other reports tell the same" in text_of(client.get(f"/laporan/{original.ticket}/"))


def test_concealed_original_is_not_shown(client: Client, officer: User) -> None:
    client.cookies["bahasa"] = "en"
    original = make_report(title="Yang dirahasiakan")
    report = merge(make_report(), original, officer)
    moves.conceal(report=original, by=officer, text="Menyebut nama.")
    page = text_of(client.get(f"/laporan/{report.ticket}/"))
    assert "That report is confidential now" in page
    assert "Yang dirahasiakan" not in page
    assert original.ticket not in page
    told = client.get(f"/api/v1/reports/{report.ticket}/")
    assert original.ticket not in text_of(told)
    other = make_report()
    with pytest.raises(MoveIncomplete) as refusal:
        moves.duplicate(report=other, by=officer, original=report.ticket)
    assert original.ticket not in str(refusal.value)


def test_reporter_objects_on_the_page_and_keeps_the_words(client: Client, officer: User) -> None:
    client.cookies["bahasa"] = "en"
    report = merge(make_report(), make_report(), officer)
    assert "mine is another matter" not in text_of(client.get(f"/laporan/{report.ticket}/"))
    session = client.session
    keyring.remember(session, report.ticket)
    session.save()
    assert "mine is another matter" in text_of(client.get(f"/laporan/{report.ticket}/"))
    form = {"move": "other_matter", "text": " ", "seen_at": report.changed_at.isoformat()}
    assert client.post(f"/laporan/{report.ticket}/jawab/", form).status_code == 422
    too_long = client.post(f"/laporan/{report.ticket}/jawab/", form | {"text": "panjang " * 700})
    assert too_long.status_code == 422
    assert "panjang panjang" in text_of(too_long)
    done = client.post(f"/laporan/{report.ticket}/jawab/", form | {"text": "Lubang saya di seberang."})
    assert done.status_code == 302
    page = text_of(client.get(f"/laporan/{report.ticket}/"))
    assert "Lubang saya di seberang." in page
    assert "turn--reporter" in page


def test_desk_shows_both_before_the_move_is_made(desk: Client) -> None:
    original, report = make_report(title="Lubang di pasar"), make_report(title="Jalan berlubang")
    page = text_of(desk.get(f"/opd/{report.ticket}/"))
    assert f'value="{original.ticket}"' in page
    form = {"seen_at": report.changed_at.isoformat(), "original": original.ticket, "text": ""}
    asked = desk.post(f"/opd/{report.ticket}/duplicate/", form)
    assert "Do both tell the same?" in text_of(asked)
    assert "Lubang di pasar" in text_of(asked)
    assert Report.objects.get(pk=report.pk).status == "routed"
    done = desk.post(f"/opd/{report.ticket}/duplicate/", form | {"confirmed": "1"}, follow=True)
    assert "is a duplicate now" in text_of(done)
    assert f'href="/laporan/{original.ticket}/"' in text_of(done)
    assert Report.objects.get(pk=report.pk).duplicate_of == original


def test_desk_keeps_what_was_typed_when_the_ticket_is_wrong(desk: Client) -> None:
    report = make_report()
    form = {"seen_at": report.changed_at.isoformat(), "ticket": "KT-26-1", "text": "Sama dengan yang kemarin."}
    answer = desk.post(f"/opd/{report.ticket}/duplicate/", form)
    assert answer.status_code == 422
    page = text_of(answer)
    assert 'value="KT-26-1"' in page
    assert "Sama dengan yang kemarin." in page


def test_api_tells_the_report_to_follow(client: Client, officer: User) -> None:
    original = make_report()
    report = merge(make_report(), original, officer)
    told = client.get(f"/api/v1/reports/{report.ticket}/").json()["properties"]["timeline"]
    assert [event["original"] for event in told] == [None, None, original.ticket]


def test_two_at_once_do_not_become_each_others_duplicates(officer: User) -> None:
    """Whoever comes second finds a duplicate, which cannot be followed."""
    first, second = make_report(), make_report()
    merge(first, second, officer)
    with pytest.raises(MoveIncomplete, match="duplicate"):
        moves.duplicate(report=second, by=officer, original=first.ticket)


def test_moves_of_a_report_without_duplicates_cost_one_look(officer: User, django_assert_num_queries: Any) -> None:
    report = make_report()
    with django_assert_num_queries(1):
        assert duplicates.followed_by(report) == []


def test_page_counts_all_that_tell_the_same_and_names_the_first(
    client: Client, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "REPEATS_MAX", 2)
    client.cookies["bahasa"] = "en"
    original = make_report()
    for n in range(3):
        merge(make_report(title=f"Laporan ganda {n}"), original, officer)
    page = text_of(client.get(f"/laporan/{original.ticket}/"))
    assert "3 other reports tell the same" in page
    assert "Laporan ganda 1" in page
    assert "Laporan ganda 2" not in page
    assert "and 1 more" in page


def test_objection_that_comes_too_late_is_kept_and_told(client: Client, officer: User) -> None:
    """The officer took it back meanwhile."""
    client.cookies["bahasa"] = "en"
    report = merge(make_report(), make_report(), officer)
    session = client.session
    keyring.remember(session, report.ticket)
    session.save()
    moves.separate(report=report, by=officer, text="Lubangnya lain.")
    answer = client.post(
        f"/laporan/{report.ticket}/jawab/", {"move": "other_matter", "text": "Punya saya di seberang."}
    )
    assert answer.status_code == 409
    page = text_of(answer)
    assert "is not possible now" in page
    assert ">Punya saya di seberang.</textarea>" in page


def test_letter_says_where_to_follow_and_until_when_to_object(officer: User, mailoutbox: list[EmailMessage]) -> None:
    original = make_report()
    report = merge(make_report(contact={"email": "b@warga.example"}, language="en"), original, officer)
    moves.separate(report=report, by=officer, text="Lubangnya lain.")
    (_b, told), (_again, back) = letters_of(mailoutbox)
    assert f"/laporan/{original.ticket}/" in told
    assert "Say so on your page until" in told
    assert mailoutbox[0].subject.endswith("Duplicate")  # as it was then, though it is none any more
    assert mailoutbox[1].subject.endswith("Forwarded")
    assert "Say so on your page until" not in back


def test_conceal_says_who_goes_along(desk: Client, officer: User) -> None:
    original = make_report()
    merge(make_report(), original, officer)
    form = {"seen_at": original.changed_at.isoformat(), "text": "Menyebut nama."}
    assert "1 other report goes along" in text_of(desk.post(f"/opd/{original.ticket}/conceal/", form))
