"""The desk: who comes in, what each sees, every move by its form, and what happens when somebody was faster."""

import datetime as dt
import io
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from accounts.models import Agency, User
from incidents import clock, moves
from incidents.models import Report
from incidents.models.reports import Status
from tests.factories.accounts import make_agency, make_coordinator, make_leader, make_officer, make_user
from tests.factories.incidents import make_category, make_kecamatan, make_report, make_standards

pytestmark = pytest.mark.django_db
MOVES = [
    *("route", "take", "answer", "hold", "resume", "hand_over", "reject", "duplicate", "separate", "comment"),
    "conceal",
]


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


def a_file(name: str = "hasil.jpg") -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "green").save(file, "JPEG")
    return SimpleUploadedFile(name, file.getvalue(), "image/jpeg")


def tickets_of(response: Any) -> list[str]:
    return [report.ticket for report, _promise in response.context["rows"]]


def form(name: str, report: Report, **more: Any) -> dict[str, Any]:
    """Return what the form of the move `name` sends."""
    make_agency("dlh")
    original = make_report(title="Laporan yang lebih dulu").ticket if name == "duplicate" else ""
    fields: dict[str, dict[str, Any]] = {
        "route": {"agency": "dlh"},
        "take": {},
        "answer": {"text": "Sudah ditambal.", "no_photo_reason": "Gelap"},
        "hold": {"text": "Menunggu aspal.", "until": (timezone.localdate() + dt.timedelta(days=7)).isoformat()},
        "resume": {},
        "hand_over": {"text": "Ini taman kota.", "agency": "dlh", "confirmed": "1"},
        "reject": {"text": "Uji coba.", "reason_code": "test", "confirmed": "1"},
        "duplicate": {"original": original, "confirmed": "1"},
        "separate": {"text": "Lubangnya lain."},
        "comment": {"text": "Kamis ke lapangan.", "audience": "colleagues"},
        "conceal": {"text": "Menyebut nama.", "confirmed": "1"},
    }
    return {"seen_at": report.changed_at.isoformat(), **fields[name], **more}


START = {
    "route": Status.RECEIVED,
    "answer": Status.IN_PROGRESS,
    "hold": Status.IN_PROGRESS,
    "resume": Status.ON_HOLD,
    "separate": Status.DUPLICATE,
}
"""From which status the tests make a move; forwarded unless named."""


# Who comes in.


@pytest.mark.parametrize("path", ["/opd/", "/opd/{ticket}/", "/opd/{ticket}/take/"])
def test_strangers_sign_in_first_and_come_back(client: Client, path: str) -> None:
    path = path.format(ticket=make_report().ticket)
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, f"/akun/login/?next={path}")
    assert client.post(path).status_code == 302


def test_person_without_an_agency_is_told_why(client: Client) -> None:
    client.force_login(make_user(username="sari"))
    client.cookies["bahasa"] = "en"
    report = make_report()
    for path in ("/opd/", f"/opd/{report.ticket}/", f"/opd/{report.ticket}/take/"):
        response = client.get(path)
        assert response.status_code == 403
        assert "sari" in text_of(response)
    assert client.post(f"/opd/{report.ticket}/take/").status_code == 403


@pytest.mark.parametrize("confidential", [False, True])
@pytest.mark.parametrize("person", ["officer", "coordinator", "other_officer", "leader", "retired"])
def test_report_opens_only_at_its_own_desk(client: Client, person: str, confidential: bool) -> None:
    report = make_report(confidential=confidential, title="Judul yang dijaga")
    user = {
        "officer": lambda: make_officer(report.agency),
        "coordinator": make_coordinator,
        "other_officer": lambda: make_officer(make_agency("dlh")),
        "leader": make_leader,
        "retired": lambda: make_officer(report.agency, is_active=False),
    }[person]()
    client.force_login(user)
    response = client.get(f"/opd/{report.ticket}/")
    expected = {"officer": 200, "coordinator": 200, "retired": 302}.get(person, 404)
    assert response.status_code == expected
    assert (report.title in text_of(response)) is (expected == 200)
    assert (report.title in text_of(client.get("/opd/?tab=all", follow=True))) is (expected == 200)


@pytest.mark.parametrize("confidential", [False, True])
@pytest.mark.parametrize("name", MOVES)
def test_move_at_a_foreign_desk_is_not_found_and_changes_nothing(client: Client, name: str, confidential: bool) -> None:
    status = START.get(name, Status.ROUTED)
    agency = None if name == "route" else make_agency("dpu-pupr")
    report = make_report(status=status, agency=agency, confidential=confidential)
    client.force_login(make_officer(make_agency("dishub")))
    response = client.post(f"/opd/{report.ticket}/{name}/", form(name, report))
    assert response.status_code == 404
    assert report.title not in text_of(response)
    report.refresh_from_db()
    assert (report.status, report.confidential, report.agency) == (status, confidential, agency)


@pytest.mark.parametrize("name", MOVES)
def test_move_at_the_own_desk_is_made_and_comes_back(client: Client, name: str) -> None:
    agency = None if name == "route" else make_agency("dpu-pupr")
    report = make_report(status=START.get(name, Status.ROUTED), agency=agency)
    client.force_login(make_coordinator() if name == "route" else make_officer(agency))
    before = report.events.count()
    response = client.post(f"/opd/{report.ticket}/{name}/?tab=new", form(name, report))
    assert response.status_code == 302
    here = "/opd/?tab=new" if name in {"hand_over", "route"} else f"/opd/{report.ticket}/?tab=new"
    assert response["Location"] == here
    assert report.events.count() == before + 1


@pytest.mark.parametrize("name", ["confirm", "reopen", "reply", "close_silent", "hapus", "make"])
def test_move_that_is_no_officers_is_not_found(desk: Client, name: str) -> None:
    report = make_report(status=Status.ANSWERED)
    assert desk.post(f"/opd/{report.ticket}/{name}/", {"text": "Halo"}).status_code == 404


def test_leader_reads_but_is_offered_no_move(client: Client) -> None:
    leader = make_leader()
    report = make_report(agency=make_agency("setda"))
    client.force_login(leader)
    client.cookies["bahasa"] = "en"
    page = text_of(client.get(f"/opd/{report.ticket}/"))
    assert "You may read this report" in page
    assert "desk_move" not in page
    assert f"/opd/{report.ticket}/take/" not in page
    assert client.post(f"/opd/{report.ticket}/take/", form("take", report)).status_code == 409


def test_moves_need_the_csrf_token(officer: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(officer)
    report = make_report()
    assert strict.post(f"/opd/{report.ticket}/take/", form("take", report)).status_code == 403


# The inbox.


def test_inbox_counts_each_kind_of_work_of_the_own_agency(desk: Client) -> None:
    for status in (Status.ROUTED, Status.ROUTED, Status.REOPENED, Status.IN_PROGRESS, Status.ON_HOLD, Status.ANSWERED):
        make_report(status=status)
    make_report(status=Status.CLOSED)
    make_report(agency=make_agency("dlh"))
    make_report(agency=None)
    counts = {tab.name: count for tab, count in desk.get("/opd/").context["tabs"]}
    assert counts == {"new": 3, "in_progress": 1, "on_hold": 1, "answered": 1, "all": None}


def test_coordinator_begins_with_what_nobody_answers_yet(client: Client) -> None:
    unrouted = make_report(agency=None)
    make_report()
    client.force_login(make_coordinator())
    response = client.get("/opd/")
    assert response.context["tab"].name == "unrouted"
    assert tickets_of(response) == [unrouted.ticket]


def test_inbox_puts_the_most_overdue_promise_first(desk: Client) -> None:
    now = timezone.now()
    day = dt.timedelta(days=1)
    calm = make_report(respond_due_at=now + 3 * day)
    unanswered = make_report(respond_due_at=now - 2 * day)  # nobody responded: this date counts
    reopened = make_report(
        status=Status.REOPENED, responded_at=now - 60 * day, respond_due_at=now - 50 * day, resolve_due_at=now - 9 * day
    )
    assert tickets_of(desk.get("/opd/")) == [reopened.ticket, unanswered.ticket, calm.ticket]


def test_inbox_pages_by_key_without_gap_or_repeat(desk: Client) -> None:
    now = timezone.now()
    for _one in range(55):
        make_report(created_at=now)
    seen: list[str] = []
    address = "/opd/?tab=new"
    while address:
        response = desk.get(address)
        seen += tickets_of(response)
        cursor = response.context["next_cursor"]
        address = f"/opd/?tab=new&cursor={cursor}" if cursor else ""
    assert len(seen) == len(set(seen)) == 55


@pytest.mark.parametrize(
    "query", ["cursor=zzz", "tab=unrouted", "tab=x", "status=zzz", "since=x", "q=%00", "cursor=%F0%9F%98%80"]
)
def test_inbox_survives_odd_queries(desk: Client, query: str) -> None:
    report = make_report()
    for path in ("/opd/", f"/opd/{report.ticket}/"):
        assert desk.get(f"{path}?{query}", follow=True).status_code == 200


def test_inbox_searches_only_at_the_own_desk(desk: Client) -> None:
    own = make_report(title="Lampu padam di simpang")
    other = make_report(title="Lampu padam di pasar", agency=make_agency("dlh"))
    assert tickets_of(desk.get("/opd/", {"q": "lampu"})) == [own.ticket]
    assert tickets_of(desk.get("/opd/", {"q": other.ticket})) == []


def test_inbox_costs_the_same_for_one_report_as_for_many(desk: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(25):
        make_report(kecamatan=make_kecamatan(f"64.08.{number % 5 + 10}"), category=make_category(f"k{number % 6}"))
    clock.rules()  # read once in half a minute
    with django_assert_max_num_queries(7):  # session, person, memberships, counts, rows, categories, kecamatan
        desk.get("/opd/")


@pytest.mark.parametrize(("make", "shown"), [(make_coordinator, True), (make_officer, False), (make_leader, False)])
def test_only_coordinators_find_the_way_to_the_settings(client: Client, make: Any, shown: bool) -> None:
    client.force_login(make())
    page = text_of(client.get("/opd/"))
    for model in ("routingrule", "category", "servicestandard", "regencyholiday"):
        path = f"/admin/incidents/{model}/"
        assert (path in page) is shown
        assert client.get(path).status_code == (200 if shown else 302)


# What the leadership sees.


def test_leadership_begins_with_the_whole_regency(client: Client) -> None:
    now = timezone.now()
    dpu, dlh = make_agency("dpu-pupr"), make_agency("dlh")
    late = {"resolve_due_at": now - dt.timedelta(days=3)}
    make_report(agency=None)
    make_report(agency=dlh, **late)
    for status in (Status.ROUTED, Status.REOPENED, Status.IN_PROGRESS, Status.ANSWERED, Status.CLOSED):
        make_report(status=status, agency=dpu)
    make_report(status=Status.ON_HOLD, agency=dpu, **late)  # its clock stands still
    make_report(agency=dpu, confidential=True, title="Judul yang dijaga", **late)
    client.force_login(make_leader())
    client.cookies["bahasa"] = "en"
    response = client.get("/opd/")
    seen = response.context["overview"]
    assert (seen.whole.open, seen.whole.overdue, seen.whole.by_status["received"]) == (6, 1, 1)
    assert (seen.whole.by_status["on_hold"], seen.whole.by_status["answered"], seen.done) == (1, 1, 1)
    assert seen.confidential == 1
    told = [(load.agency, load.overdue, load.open, load.new) for load in seen.agencies]
    assert told == [(dlh, 1, 1, 1), (dpu, 0, 4, 2)]
    page = text_of(response)
    assert "Judul yang dijaga" not in page
    assert "<form" not in page.split("<main", 1)[1].split("</main>", 1)[0]


def test_each_number_of_the_overview_is_that_of_its_list(client: Client) -> None:
    now = timezone.now()
    for status in Status:
        for agency in ("dpu-pupr", "dlh"):
            for due in (now - dt.timedelta(days=2), now + dt.timedelta(days=2)):
                unrouted = None if status == Status.RECEIVED else make_agency(agency)
                make_report(status=status, agency=unrouted, resolve_due_at=due)
    make_report(confidential=True, resolve_due_at=now - dt.timedelta(days=2))
    client.force_login(make_leader())
    main = text_of(client.get("/opd/")).split("<main", 1)[1].split("</main>", 1)[0]
    numbers = re.findall(r'href="(/laporan/\?[^"]+)"[^>]*>(?:<strong[^>]*>)?(\d+)', main)
    assert len(numbers) >= 6 + 2 * 6
    for path, number in numbers:
        found = client.get(path.replace("&amp;", "&")).context["found"]
        assert (path, found.qs.count()) == (path, int(number))


def test_overview_costs_the_same_for_many_agencies(client: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        make_report(agency=make_agency(f"dinas-{number}"))
    client.force_login(make_leader())
    with django_assert_max_num_queries(7):  # session, person, memberships, counts, names, done, own agency
        client.get("/opd/")


def test_overview_of_an_empty_regency_says_so(client: Client) -> None:
    client.force_login(make_leader())
    client.cookies["bahasa"] = "en"
    assert "Nothing waits anywhere" in text_of(client.get("/opd/"))


def test_leader_reads_the_own_agencys_reports_too(client: Client) -> None:
    own = make_report(agency=make_agency("setda"))
    client.force_login(make_leader())
    assert 'href="/opd/?tab=all"' in text_of(client.get("/opd/"))
    assert tickets_of(client.get("/opd/?tab=all")) == [own.ticket]


@pytest.mark.parametrize("role", ["officer", "coordinator"])
def test_who_leads_and_works_begins_with_the_work(client: Client, role: str) -> None:
    person = make_leader()
    person.memberships.create(agency=make_agency("dlh"), role=role)
    client.force_login(person)
    assert "rows" in client.get("/opd/").context


# One report.


def test_report_shows_contact_notes_and_officers_to_the_desk(desk: Client, officer: User) -> None:
    report = make_report(contact={"name": "Bu Ratna", "email": "ratna@example.org", "phone": "+62 812 345"})
    moves.comment(report=report, by=officer, text="hanya untuk rekan", public=False)
    page = text_of(desk.get(f"/opd/{report.ticket}/"))
    for shown in ("Bu Ratna", "mailto:ratna@example.org", "hanya untuk rekan", "Sari", "Colleagues only"):
        assert shown in page


def test_anonymous_reporter_stays_hidden_at_the_desk(desk: Client) -> None:
    contact = {"name": "Bu Ratna", "email": "ratna@example.org", "phone": "0812345"}
    report = make_report(anonymous=True, contact=contact)
    page = text_of(desk.get(f"/opd/{report.ticket}/"))
    assert "stays anonymous" in page
    for hidden in contact.values():
        assert hidden not in page


def test_contact_is_no_way_into_the_page(desk: Client) -> None:
    report = make_report(contact={"name": '"><script>x</script>', "phone": 'javascript:alert(1)"', "email": 'a"b@x.id'})
    page = text_of(desk.get(f"/opd/{report.ticket}/"))
    assert "<script>x" not in page
    assert 'href="tel:javascript%3Aalert%281%29%22"' in page


def test_report_offers_exactly_the_moves_of_the_table(desk: Client, officer: User) -> None:
    for status in Status:
        if status == Status.RECEIVED:
            continue
        report = make_report(status=status)
        page = text_of(desk.get(f"/opd/{report.ticket}/"))
        offered = {name for name in MOVES if f"/opd/{report.ticket}/{name}/" in page}
        assert offered == {move.name for move in moves.allowed(report, by=officer)}


# The moves' forms.


def test_answer_with_photos_is_public_with_them(desk: Client, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    report = make_report(status=Status.IN_PROGRESS)
    sent = form("answer", report, no_photo_reason="", photos=[a_file(), a_file()])
    assert desk.post(f"/opd/{report.ticket}/answer/", sent).status_code == 302
    assert report.events.get(type="answered").photos.count() == 2
    assert text_of(desk.get(f"/laporan/{report.ticket}/")).count("kecil") == 2


@pytest.mark.parametrize(
    ("name", "over", "wrong"),
    [
        ("answer", {"no_photo_reason": ""}, "no_photo_reason"),
        ("answer", {"photos": [SimpleUploadedFile("hasil.jpg", b"%PDF-1.7 ...", "image/jpeg")]}, "photos"),
        ("answer", {"text": " "}, "text"),
        ("hold", {"until": "2020-01-01"}, "until"),
        ("hold", {"until": "besok"}, "until"),
        ("hand_over", {"agency": "tidak-ada"}, "agency"),
        ("hand_over", {"agency": "dpu-pupr"}, "agency"),
        ("reject", {"reason_code": "malas"}, "reason_code"),
        ("reject", {"reason_code": "not_authority"}, "addressee"),
        ("reject", {"reason_code": "not_authority", "addressee": "dlh"}, "addressee"),
        ("reject", {"reason_code": "not_authority", "addressee": "tidak-ada"}, "addressee"),
        ("reject", {"reason_code": "not_authority", "addressee_name": "x" * 121}, "addressee"),
        ("comment", {"text": "x" * 5_001}, "text"),
    ],
)
def test_incomplete_form_comes_back_with_what_was_typed(
    desk: Client, name: str, over: dict[str, Any], wrong: str
) -> None:
    report = make_report(status=Status.IN_PROGRESS)
    typed = form(name, report) | over
    response = desk.post(f"/opd/{report.ticket}/{name}/", typed)
    assert response.status_code == 422
    assert response.context["failed"]["field"] == wrong
    page = text_of(response)
    assert f'id="step-{name}" open' in page
    assert str(typed["text"]) in page
    report.refresh_from_db()
    assert report.status == Status.IN_PROGRESS


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"addressee": "pln"}, "PT PLN (Persero)"),
        ({"addressee_name": "  Pengelola <b>kawasan</b> "}, "Pengelola &lt;b&gt;kawasan&lt;/b&gt;"),
    ],
)
def test_right_addressee_is_chosen_or_written_and_public(desk: Client, chosen: dict[str, str], told: str) -> None:
    make_agency("pln", kind=Agency.Kind.EXTERNAL, name="PT PLN (Persero)")
    report = make_report()
    offered = text_of(desk.get(f"/opd/{report.ticket}/"))
    assert '<option value="pln">PT PLN (Persero)</option>' in offered
    sent = form("reject", report, reason_code="not_authority", **chosen)
    asked = desk.post(f"/opd/{report.ticket}/reject/", {key: sent[key] for key in sent if key != "confirmed"})
    assert asked.status_code == 200
    assert told in text_of(asked)
    assert desk.post(f"/opd/{report.ticket}/reject/", {**asked.context["kept"], "confirmed": "1"}).status_code == 302
    for path in (f"/laporan/{report.ticket}/", f"/opd/{report.ticket}/"):
        assert told in text_of(desk.get(path))


def test_form_without_an_addressee_comes_back_with_the_question(desk: Client) -> None:
    report = make_report()
    sent = form("reject", report, reason_code="not_authority")
    page = text_of(desk.post(f"/opd/{report.ticket}/reject/", sent))
    assert 'value="not_authority" required checked' in page
    assert 'id="reject-addressee-error"' in page


def test_two_addressees_come_back_with_both(desk: Client) -> None:
    make_agency("pln", kind=Agency.Kind.EXTERNAL, name="PT PLN (Persero)")
    report = make_report()
    sent = form("reject", report, reason_code="not_authority", addressee="pln", addressee_name="Dinas provinsi")
    response = desk.post(f"/opd/{report.ticket}/reject/", sent)
    assert response.status_code == 422
    assert "Both “PT PLN (Persero)” from the list and “Dinas provinsi” are given" in text_of(response)


@pytest.mark.parametrize("name", ["hand_over", "reject", "conceal"])
def test_going_back_keeps_what_was_typed(desk: Client, name: str) -> None:
    report = make_report()
    asked = {key: value for key, value in form(name, report).items() if key != "confirmed"}
    kept = desk.post(f"/opd/{report.ticket}/{name}/", asked).context["kept"]
    page = text_of(desk.post(f"/opd/{report.ticket}/{name}/", {**kept, "back": "1"}))
    assert f'id="step-{name}" open' in page
    assert asked["text"] in page
    assert "was not done" not in page
    assert report.events.count() == 2


def test_what_was_typed_survives_the_end_of_the_session(client: Client) -> None:
    report = make_report(status=Status.IN_PROGRESS)
    client.cookies["bahasa"] = "en"
    address = f"/opd/{report.ticket}/answer/"
    response = client.post(address, form("answer", report, text="Jawaban <b>panjang</b>"))
    page = text_of(response)
    assert response.status_code == 403
    assert "Not sent: you are signed out" in page
    assert "Jawaban &lt;b&gt;panjang&lt;/b&gt;" in page
    assert f"/akun/login/?next=%2Fopd%2F{report.ticket}%2F" in page
    assert report.title not in page
    kept = json.loads(re.search(r'<script id="kept" type="application/json">(.*?)</script>', page)[1])  # type: ignore[index]
    assert kept == {"action": address, "typed": {"text": "Jawaban <b>panjang</b>", "no_photo_reason": "Gelap"}}


def test_words_that_another_site_sent_are_not_given_back() -> None:
    report = make_report(status=Status.IN_PROGRESS)
    strict = Client(enforce_csrf_checks=True)
    response = strict.post(f"/opd/{report.ticket}/answer/", form("answer", report, text="Transfer ke sini"))
    assert response.status_code == 302
    assert response["Location"].startswith("/akun/login/")


def test_page_that_is_too_old_comes_back_with_what_was_typed(officer: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(officer)
    report = make_report(status=Status.IN_PROGRESS)
    response = strict.post(f"/opd/{report.ticket}/answer/", form("answer", report, text="Jawaban yang diketik"))
    assert response.status_code == 403
    assert "Jawaban yang diketik" in text_of(response)
    assert report.events.count() == 2


def test_photos_that_are_too_large_leave_the_text(desk: Client, settings: Any) -> None:
    settings.BODY_MAX_BYTES = 5_000
    report = make_report(status=Status.IN_PROGRESS)
    large = SimpleUploadedFile("besar.jpg", b"x" * 9_000, "image/jpeg")
    sent = {**form("answer", report, text="Sudah ditambal rapi"), "photos": [large]}
    response = desk.post(f"/opd/{report.ticket}/answer/", sent)
    assert response.status_code == 422
    assert "Sudah ditambal rapi" in text_of(response)
    assert "Choose the photos again" in text_of(response)
    assert report.photos.count() == 0


def test_hand_over_sent_twice_is_done_once(desk: Client) -> None:
    report = make_report()
    sent = form("hand_over", report)
    first, second = (desk.post(f"/opd/{report.ticket}/hand_over/", sent) for _ in range(2))
    assert (first.status_code, second.status_code) == (302, 302)
    assert report.events.count() == 3
    assert desk.post(f"/opd/{report.ticket}/hand_over/", {**sent, "text": "Lain"}).status_code == 404


def test_confidential_report_cannot_become_it_once_more(desk: Client) -> None:
    report = make_report()
    assert desk.post(f"/opd/{report.ticket}/conceal/", form("conceal", report)).status_code == 302
    report.refresh_from_db()
    assert f"/opd/{report.ticket}/conceal/" not in text_of(desk.get(f"/opd/{report.ticket}/"))
    again = form("conceal", report, text="Sekali lagi.")
    assert desk.post(f"/opd/{report.ticket}/conceal/", again).status_code == 409
    assert report.events.count() == 3


@pytest.mark.parametrize("name", ["hand_over", "reject", "conceal"])
def test_what_cannot_be_taken_back_is_asked_once_more(desk: Client, name: str) -> None:
    report = make_report()
    asked = {key: value for key, value in form(name, report).items() if key != "confirmed"}
    first = desk.post(f"/opd/{report.ticket}/{name}/", asked)
    assert first.status_code == 200
    assert asked["text"] in text_of(first)
    assert report.events.count() == 2
    kept = first.context["kept"]
    assert desk.post(f"/opd/{report.ticket}/{name}/", {**kept, "confirmed": "1"}).status_code == 302
    assert report.events.count() == 3


def test_stale_page_says_what_changed_and_keeps_the_text(desk: Client) -> None:
    report = make_report(status=Status.IN_PROGRESS)
    typed = form("answer", report, text="Jawaban <panjang> yang sudah diketik")
    moves.comment(report=report, by=make_coordinator(first_name="Koor"), text="Mohon cek dulu", public=False)
    response = desk.post(f"/opd/{report.ticket}/answer/", typed)
    page = text_of(response)
    assert response.status_code == 409
    assert "Mohon cek dulu" in page
    assert "Jawaban &lt;panjang&gt; yang sudah diketik" in page
    report.refresh_from_db()
    assert report.status == Status.IN_PROGRESS
    again = {**typed, "seen_at": report.changed_at.isoformat()}
    assert f'value="{timezone.localtime(report.changed_at).isoformat()}"' in page
    assert desk.post(f"/opd/{report.ticket}/answer/", again).status_code == 302


def test_text_is_kept_when_the_move_is_not_possible_any_more(desk: Client) -> None:
    report = make_report(status=Status.IN_PROGRESS)
    typed = form("answer", report, text="Jawaban yang sudah diketik")
    moves.reject(report=report, by=make_coordinator(), reason_code="test", text="Uji coba.")
    response = desk.post(f"/opd/{report.ticket}/answer/", typed)
    assert response.status_code == 409
    assert "Jawaban yang sudah diketik" in text_of(response)
    assert "Uji coba." in text_of(response)


def test_double_click_makes_one_move(desk: Client) -> None:
    report = make_report()
    for name in ("take", "comment"):
        report.refresh_from_db()
        sent = form(name, report)
        before = report.events.count()
        assert desk.post(f"/opd/{report.ticket}/{name}/", sent).status_code == 302
        assert desk.post(f"/opd/{report.ticket}/{name}/", sent).status_code == 302
        assert report.events.count() == before + 1


def test_report_page_shows_text_as_text(desk: Client, officer: User) -> None:
    nasty = "<script>alert(1)</script> ${x} {{ 7 }} 😀"
    report = make_report(title=nasty, description=nasty)
    moves.comment(report=report, by=officer, text=nasty, public=False)
    page = text_of(desk.get(f"/opd/{report.ticket}/"))
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4
