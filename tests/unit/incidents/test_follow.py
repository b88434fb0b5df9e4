"""Following reports: who may see what, the secret link, the reporter's word, tracking, the list."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from geo.maps import active_areas
from incidents import clock, keyring, moves, tickets
from incidents.models import Report
from incidents.models.reports import Status
from incidents.promises import next_promise, promises_of
from incidents.secrets import secret_of
from incidents.timeline import turns_of
from incidents.workflow import Party
from tests.factories.accounts import make_agency, make_coordinator, make_leader, make_officer, make_user
from tests.factories.incidents import make_category, make_desa, make_event, make_kecamatan, make_report, make_standards

pytestmark = pytest.mark.django_db
NASTY = "<script>alert(1)</script> ${x} \"'&{{ 7 }} 😀 ꦗꦮ عربى"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture(autouse=True)
def _standards() -> None:
    make_standards()


@pytest.fixture
def english(client: Client) -> Client:
    client.cookies["bahasa"] = "en"
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def hold_key(client: Client, report: Report) -> None:
    client.get(f"/laporan/{report.ticket}/kunci/{secret_of(report.ticket)}/")


# The page of one report.


def test_detail_shows_who_answers_and_why_and_by_when(english: Client) -> None:
    report = make_report()
    page = text_of(english.get(f"/laporan/{report.ticket}/"))
    assert report.title in page
    assert report.agency is not None
    assert report.agency.name in page
    assert report.reason_en in page
    assert page.count("promise__sentence") >= 3


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize(("code", "kind"), [("64.08.04.2001", "desa"), ("64.08.04.1010", "kelurahan")])
def test_detail_calls_a_kelurahan_so(client: Client, code: str, kind: str, language: str) -> None:
    client.cookies["bahasa"] = language
    report = make_report(desa=make_desa(code, kind=kind, name="Teluk Lingga"), place_source="area")
    page = text_of(client.get(f"/laporan/{report.ticket}/"))
    assert f"<dt>{kind.title()}</dt><dd>Teluk Lingga</dd>" in page
    assert ("the point stands for the" if language == "en" else "titiknya mewakili") + f" {kind}" in page


def test_detail_shows_text_as_text(english: Client) -> None:
    report = make_report(title=NASTY[:110], description=NASTY + "\nbaris dua", reason_en=NASTY)
    make_event(report, "commented", text=NASTY, agency=report.agency)
    page = text_of(english.get(f"/laporan/{report.ticket}/"))
    assert page.count(ESCAPED) >= 4
    assert "<script>alert" not in page
    assert "{{ 7 }}" in page
    assert "😀 ꦗꦮ عربى" in page


def test_detail_shows_neither_internal_notes_nor_names_of_officers_nor_contact(english: Client) -> None:
    officer = make_officer(make_agency("dpu-pupr"), first_name="Pak Joni Rahasia", username="joni-rahasia")
    report = make_report(contact={"name": "Bu Ratna", "email": "ratna@example.org", "phone": "0812345"})
    moves.comment(report=report, by=officer, text="hanya untuk rekan", public=False)
    moves.comment(report=report, by=officer, text="untuk semua")
    hold_key(english, report)
    page = text_of(english.get(f"/laporan/{report.ticket}/"))
    assert "untuk semua" in page
    for hidden in ("hanya untuk rekan", "Joni", "joni", "Ratna", "ratna@example.org", "0812345"):
        assert hidden not in page


@pytest.mark.parametrize("typed", ["kt-26-{n}-{c}", "KT26{n}{c}", "26 {n} {c}", "kt.26.{n}.{c}"])
def test_detail_redirects_other_spellings_to_the_ticket(client: Client, typed: str) -> None:
    report = make_report(ticket=tickets.make(year=2026, number=4217))
    _kt, _year, number, check = report.ticket.split("-")
    response = client.get(f"/laporan/{typed.format(n=number, c=check)}/?a=b")
    assert (response.status_code, response["Location"]) == (301, f"/laporan/{report.ticket}/?a=b")


def test_detail_of_a_mistyped_ticket_says_so(english: Client) -> None:
    ticket = make_report().ticket
    wrong = ticket[:-1] + ("A" if ticket[-1] != "A" else "B")
    response = english.get(f"/laporan/{wrong}/")
    assert response.status_code == 404
    assert "mistyped" in text_of(response)


def test_missing_and_confidential_reports_answer_alike(english: Client) -> None:
    report = make_report(confidential=True)
    missing = tickets.make(year=2026, number=7_654_321)
    answers = {}
    for ticket in (report.ticket, missing):
        response = english.get(f"/laporan/{ticket}/")
        answers[ticket] = (response.status_code, text_of(response).replace(ticket, "TICKET"))
    assert answers[report.ticket] == answers[missing]
    assert answers[missing][0] == 404
    assert "secret link" in answers[missing][1]


@pytest.mark.parametrize(
    ("person", "status"),
    [
        ("officer", 200),
        ("coordinator", 200),
        ("other_officer", 404),
        ("leader", 404),
        ("nobody", 404),
        ("retired", 404),
    ],
)
def test_confidential_report_is_read_only_by_those_who_answer_it(client: Client, person: str, status: int) -> None:
    report = make_report(confidential=True)
    user = {
        "officer": lambda: make_officer(report.agency),
        "coordinator": make_coordinator,
        "other_officer": lambda: make_officer(make_agency("dlh")),
        "leader": make_leader,
        "nobody": make_user,
        "retired": lambda: make_officer(report.agency, is_active=False),
    }[person]()
    client.force_login(user)
    assert client.get(f"/laporan/{report.ticket}/").status_code == status


def test_confidential_report_is_not_in_the_list(client: Client) -> None:
    report = make_report(confidential=True, title="Sangat pribadi sekali")
    hold_key(client, report)
    assert "Sangat pribadi" not in text_of(client.get("/laporan/"))


# The secret link.


def test_key_opens_a_confidential_report_and_leaves_the_address(client: Client) -> None:
    report = make_report(confidential=True)
    secret = secret_of(report.ticket)
    response = client.get(f"/laporan/{report.ticket}/kunci/{secret}/")
    assert (response.status_code, response["Location"]) == (302, f"/laporan/{report.ticket}/")
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    page = client.get(response["Location"])
    assert page.status_code == 200
    assert secret not in text_of(page)


@pytest.mark.parametrize("secret", ["salah", "0" * 32, "OTHERS"])
def test_wrong_key_opens_nothing(client: Client, secret: str) -> None:
    report, other = make_report(confidential=True), make_report()
    if secret == "OTHERS":
        secret = secret_of(other.ticket)
    assert client.get(f"/laporan/{report.ticket}/kunci/{secret}/").status_code == 404
    assert client.get(f"/laporan/{report.ticket}/").status_code == 404
    assert keyring.tickets_in(client.session) == []


def test_key_under_a_former_secret_key_still_opens(client: Client, settings: Any) -> None:
    report = make_report()
    secret = secret_of(report.ticket)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-sufficient-length-for-a-test-0123456789"
    assert client.get(f"/laporan/{report.ticket}/kunci/{secret}/").status_code == 302


def test_keyring_keeps_the_newest_and_forgets_the_oldest(client: Client) -> None:
    session = client.session
    for number in range(keyring.KEPT + 10):
        keyring.remember(session, f"T{number}")
    keyring.remember(session, "T30")
    kept = keyring.tickets_in(session)
    assert kept[:2] == ["T30", f"T{keyring.KEPT + 9}"]
    assert len(kept) == keyring.KEPT == len(set(kept))


# The reporter's word.


def test_reporter_confirms_and_the_report_is_closed(client: Client) -> None:
    report = make_report(status=Status.ANSWERED)
    hold_key(client, report)
    for _double_click in range(2):
        sent = {"move": "confirm", "seen_at": report.changed_at.isoformat()}
        response = client.post(f"/laporan/{report.ticket}/jawab/", sent)
        assert response.status_code == 302
    report.refresh_from_db()
    assert report.status == Status.CLOSED
    assert report.events.filter(type="confirmed").count() == 1


def test_reporter_reopens_with_words(client: Client) -> None:
    report = make_report(status=Status.ANSWERED)
    hold_key(client, report)
    response = client.post(f"/laporan/{report.ticket}/jawab/", {"move": "reopen", "text": "Baru separuh."})
    assert response.status_code == 302
    assert report.events.get(type="reopened").text == "Baru separuh."


def test_reopen_without_words_is_refused_in_place(english: Client) -> None:
    report = make_report(status=Status.ANSWERED)
    hold_key(english, report)
    response = english.post(f"/laporan/{report.ticket}/jawab/", {"move": "reopen", "text": " "})
    assert response.status_code == 422
    assert 'id="not-yet" open' in text_of(response)
    assert report.events.filter(type="reopened").count() == 0


def test_late_word_keeps_the_text_and_says_what_happened(english: Client) -> None:
    report = make_report(status=Status.ANSWERED)
    hold_key(english, report)
    seen = report.changed_at.isoformat()
    moves.comment(report=report, by=make_coordinator(), text="Kami tambahkan foto.")
    sent = {"move": "reopen", "text": "Masih <b>rusak</b>", "seen_at": seen}
    response = english.post(f"/laporan/{report.ticket}/jawab/", sent)
    assert response.status_code == 409
    assert "Masih &lt;b&gt;rusak&lt;/b&gt;" in text_of(response)
    assert "Kami tambahkan foto." in text_of(response)
    report.refresh_from_db()
    assert report.status == Status.ANSWERED


@pytest.mark.parametrize("move", ["reply", "reopen"])
def test_refused_word_opens_the_page_at_its_error(english: Client, move: str) -> None:
    report = make_report(status=Status.CLOSED)
    hold_key(english, report)
    response = english.post(f"/laporan/{report.ticket}/jawab/", {"move": move, "text": " "})
    assert response.status_code == 422
    page = text_of(response)
    assert page.count("autofocus") == 1
    assert 'aria-describedby="reply-hint reply-error" aria-invalid="true" autofocus' in page


def test_word_that_is_too_long_is_counted_and_never_cut(english: Client) -> None:
    report = make_report(status=Status.ANSWERED)
    hold_key(english, report)
    page = text_of(english.get(f"/laporan/{report.ticket}/"))
    assert page.count('data-count="5000"') == 2
    assert "<textarea" in page
    assert 'maxlength="5000"' not in page
    assert "js/count.js" in page
    response = english.post(f"/laporan/{report.ticket}/jawab/", {"move": "reply", "text": "x" * 5_001})
    assert response.status_code == 422
    assert "x" * 5_001 in text_of(response)


def test_word_that_came_after_the_end_is_shown_with_the_reason(english: Client) -> None:
    report = make_report(status=Status.REJECTED)
    hold_key(english, report)
    response = english.post(f"/laporan/{report.ticket}/jawab/", {"move": "reply", "text": "Masih <b>rusak</b>"})
    assert response.status_code == 409
    page = text_of(response)
    assert 'role="alert" tabindex="-1" autofocus' in page
    assert "Masih &lt;b&gt;rusak&lt;/b&gt;" in page


def test_address_of_the_word_alone_leads_to_the_report(client: Client) -> None:
    report = make_report()
    for asked in (client.get, client.head):
        response = asked(f"/laporan/{report.ticket}/jawab/")
        assert (response.status_code, response["Location"]) == (302, f"/laporan/{report.ticket}/")
    assert client.put(f"/laporan/{report.ticket}/jawab/").status_code == 405


def test_reply_reaches_the_conversation_once_for_a_double_click(client: Client) -> None:
    report = make_report()
    hold_key(client, report)
    sent = {"move": "reply", "text": "Lampunya juga mati.", "seen_at": report.changed_at.isoformat()}
    for _double_click in range(2):
        assert client.post(f"/laporan/{report.ticket}/jawab/", sent).status_code == 302
    assert report.events.get(type="commented").by_reporter
    assert "turn--reporter" in text_of(client.get(f"/laporan/{report.ticket}/"))


@pytest.mark.parametrize("move", ["confirm", "reopen", "reply", "answer", "reject", "close_silent", ""])
def test_only_who_holds_the_key_may_speak(client: Client, move: str) -> None:
    report = make_report(status=Status.ANSWERED)
    sent = {"move": move, "text": "Halo"}
    assert client.post(f"/laporan/{report.ticket}/jawab/", sent).status_code == 404
    client.force_login(make_officer(report.agency))
    assert client.post(f"/laporan/{report.ticket}/jawab/", sent).status_code == 404
    report.refresh_from_db()
    assert report.status == Status.ANSWERED


@pytest.mark.parametrize("move", ["answer", "take", "route", "conceal", "close_silent"])
def test_reporter_makes_no_officers_move(client: Client, move: str) -> None:
    report = make_report(status=Status.IN_PROGRESS)
    hold_key(client, report)
    assert client.post(f"/laporan/{report.ticket}/jawab/", {"move": move, "text": "Halo"}).status_code == 404


@pytest.mark.parametrize("seen", ["", "kemarin", "2026-13-45T99:00:00", "2026-11-24T10:00:00", "\x00"])
def test_odd_time_seen_does_no_harm(client: Client, seen: str) -> None:
    report = make_report()
    hold_key(client, report)
    sent = {"move": "reply", "text": "Halo\x00 semua", "seen_at": seen}
    assert client.post(f"/laporan/{report.ticket}/jawab/", sent).status_code == 302
    assert report.events.get(type="commented").text == "Halo semua"


def test_speaking_needs_the_csrf_token() -> None:
    report = make_report(status=Status.ANSWERED)
    strict = Client(enforce_csrf_checks=True)
    hold_key(strict, report)
    assert strict.post(f"/laporan/{report.ticket}/jawab/", {"move": "confirm"}).status_code == 403


# Tracking.


def test_track_finds_a_ticket_however_it_is_typed(client: Client) -> None:
    report = make_report()
    response = client.get("/lacak/", {"ticket": report.ticket.lower().replace("-", " ")})
    assert response["Location"] == f"/laporan/{report.ticket}/"


def test_track_tells_mistyped_from_missing(english: Client) -> None:
    ticket = tickets.make(year=2026, number=1_234_567)
    assert "There is no public report" in text_of(english.get("/lacak/", {"ticket": ticket}))
    wrong = ticket[:-1] + ("A" if ticket[-1] != "A" else "B")
    assert "is mistyped" in text_of(english.get("/lacak/", {"ticket": wrong}))
    assert "looks like" in text_of(english.get("/lacak/", {"ticket": "<b>halo"}))


def test_track_lists_the_reports_of_this_session(client: Client) -> None:
    mine, others = make_report(title="Laporan saya sendiri"), make_report(title="Laporan orang lain")
    hold_key(client, mine)
    page = text_of(client.get("/lacak/"))
    assert mine.title in page
    assert others.title not in page


# The list.


def test_list_narrows_like_the_filter_and_carries_it_to_the_map(english: Client) -> None:
    make_report(title="Lampu padam", status=Status.IN_PROGRESS)
    make_report(title="Sampah menumpuk", category=make_category("sampah"))
    page = text_of(english.get("/laporan/", {"status": "in_progress"}))
    assert "Lampu padam" in page
    assert "Sampah menumpuk" not in page
    assert 'href="/?status=in_progress"' in page
    assert "1 report" in page


def test_list_pages_by_key_without_gap_or_repeat(client: Client) -> None:
    now = timezone.now()
    for _one in range(60):
        make_report(created_at=now)  # all at the same moment: the id decides
    seen: list[str] = []
    address = "/laporan/"
    while address:
        context = client.get(address).context
        seen += [report.ticket for report, _promise in context["rows"]]
        address = f"/laporan/?cursor={context['next_cursor']}" if context["next_cursor"] else ""
    assert len(seen) == len(set(seen)) == 60
    assert seen == list(Report.objects.order_by("-created_at", "-id").values_list("ticket", flat=True))


def test_list_by_date_shows_the_most_overdue_first(client: Client) -> None:
    now = timezone.now()
    late = make_report(resolve_due_at=now - dt.timedelta(days=30))
    later = make_report(resolve_due_at=now + dt.timedelta(days=3))
    make_report(status=Status.CLOSED, resolve_due_at=now - dt.timedelta(days=90))
    rows = client.get("/laporan/", {"order": "overdue"}).context["rows"]
    assert [report.ticket for report, _promise in rows] == [late.ticket, later.ticket]


def test_list_form_carries_conditions_that_it_does_not_ask(client: Client) -> None:
    make_report()
    asked = {"kind": "laporan", "agency": "dpu-pupr", "bbox": "117,0,118,1", "q": "lubang"}
    page = text_of(client.get("/laporan/", asked))
    for name in ("kind", "agency", "bbox"):
        assert f'<input type="hidden" name="{name}" value="{asked[name]}">' in page
    assert 'type="hidden" name="q"' not in page


@pytest.mark.parametrize(
    "query", ["cursor=zzz", "status=nonsense", "since=kemarin", "kecamatan=%00", "order=x", "bbox=1,2"]
)
def test_list_survives_odd_queries(client: Client, query: str) -> None:
    make_report()
    assert client.get(f"/laporan/?{query}", follow=True).status_code == 200


def test_list_costs_the_same_for_one_report_as_for_many(client: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        make_report(kecamatan=make_kecamatan(f"64.08.{number % 5 + 10}"), agency=make_agency(f"d{number % 7}"))
    clock.rules()  # read once in half a minute
    with django_assert_max_num_queries(4):  # one page of reports, their number, categories, kecamatan
        client.get("/laporan/")


def test_detail_costs_the_same_for_one_event_as_for_many(client: Client, django_assert_max_num_queries: Any) -> None:
    report = make_report()
    for _one in range(20):
        make_event(report, "commented", text="Catatan", agency=report.agency)
    clock.rules()  # read once in half a minute
    active_areas()  # read once for each edition
    # The report, its duplicates, its photos, its events, their photos, the edition in use.
    with django_assert_max_num_queries(6):
        client.get(f"/laporan/{report.ticket}/")


def test_empty_list_says_what_to_do(english: Client) -> None:
    assert "No reports yet" in text_of(english.get("/laporan/"))
    assert "Nothing matches" in text_of(english.get("/laporan/", {"q": "tidak ada"}))


# Promises as sentences.


def at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=clock.WITA)


def promised(**over: Any) -> Report:
    """Return a report of Monday 2 November 2026, due on Thursday 5, Monday 9 and Friday 20."""
    made = {
        "created_at": at(2026, 11, 2, 9),
        "verified_at": at(2026, 11, 2, 9),
        "verify_due_at": at(2026, 11, 5, 23, 59, 59),
        "respond_due_at": at(2026, 11, 9, 23, 59, 59),
        "resolve_due_at": at(2026, 11, 20, 23, 59, 59),
    }
    return make_report(**made | over)


@pytest.mark.parametrize(
    ("now", "over", "states", "days"),
    [
        (at(2026, 11, 4, 9), {}, ["kept", "waiting", "waiting"], "3 working days left"),
        (at(2026, 11, 9, 9), {}, ["kept", "waiting", "waiting"], "today is the last day"),
        (at(2026, 11, 10, 9), {}, ["kept", "overdue", "waiting"], "1 working day late"),
        (at(2026, 11, 14, 9), {}, ["kept", "overdue", "waiting"], "4 working days late"),
        (
            at(2026, 11, 23, 9),
            {"status": Status.IN_PROGRESS, "responded_at": at(2026, 11, 10, 9)},
            ["kept", "broken", "overdue"],
            "1 working day late",
        ),
    ],
)
def test_promise_tells_how_long_is_left(
    now: dt.datetime, over: dict[str, Any], states: list[str], days: str, settings: Any
) -> None:
    settings.LANGUAGE_CODE = "en"
    report = promised(**over)
    assert [promise.state for promise in promises_of(report, now)] == states
    waiting = next_promise(report, now)
    assert waiting is not None
    assert waiting.days == days


def test_promise_stands_still_while_on_hold(settings: Any) -> None:
    settings.LANGUAGE_CODE = "en"
    report = promised(
        status=Status.ON_HOLD,
        held_at=at(2026, 11, 12, 9),
        held_until=dt.date(2026, 12, 1),
        responded_at=at(2026, 11, 3, 9),
    )
    for now in (at(2026, 11, 13, 9), at(2027, 2, 1, 9)):
        promise = promises_of(report, now)[2]
        assert (promise.state, promise.left) == ("paused", 6)
    assert "1 Dec 2026" in promise.sentence


def test_promise_is_void_when_the_report_was_archived() -> None:
    report = promised(status=Status.REJECTED, closed_at=at(2026, 11, 3, 9))
    assert [promise.state for promise in promises_of(report, at(2026, 12, 24, 9))] == ["kept", "void", "void"]
    assert next_promise(report) is None


def test_promise_of_an_agency_with_percent_signs_is_still_a_sentence() -> None:
    agency = make_agency("aneh", name="Dinas 100 %(due)s %d")
    assert "Dinas 100 %(due)s %d" in promises_of(promised(agency=agency), at(2026, 11, 4, 9))[1].sentence


# The conversation.


def test_timeline_gives_each_party_its_side() -> None:
    officer = make_officer(make_agency("dpu-pupr"), first_name="Joni")
    report = make_report()
    moves.take(report=report, by=officer)
    moves.hand_over(report=report, by=officer, agency=make_agency("dlh"), text="Ini taman.")
    other = make_officer(make_agency("dlh"))
    moves.answer(report=report, by=other, text="Sudah.", no_photo_reason="Gelap")
    moves.reopen(report=report, by=Party.REPORTER, text="Belum.")
    turns = turns_of(report, report.events.select_related("agency", "actor").order_by("pk"))
    assert [turn.side for turn in turns] == ["system", "system", "system", "system", "agency", "reporter"]
    handed = turns[3]
    assert "DPU-PUPR" in handed.headline
    assert "DLH" in handed.headline
    assert handed.text == "Ini taman."
    assert "Gelap" in turns[4].note
    assert turns[2].officer == "Joni"


def test_timeline_flags_photos_taken_far_away_or_before() -> None:
    report = make_report(status=Status.IN_PROGRESS)
    event = make_event(report, "answered", text="Sudah.", agency=report.agency)
    early = (report.created_at - dt.timedelta(days=3)).isoformat()
    for facts in ({"distance_m": 2_340}, {"distance_m": 20, "taken_at": early}, {"distance_m": 499}, {}):
        event.photos.create(report=report, image="x.jpg", thumb="t.jpg", facts=facts)
    notes = [picture.note for picture in turns_of(report, [event])[0].pictures]
    assert [bool(note) for note in notes] == [True, True, False, False]
    assert "2.3" in notes[0]
