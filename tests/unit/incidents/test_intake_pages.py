"""/lapor/ without JavaScript: every step, its errors, and that nothing typed is lost on the way."""

import base64
import hashlib
import io
import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from geo.models import Desa, NeighbourBoundary
from incidents import drafts, proof
from incidents.models import Category, Photo, Report, ReportContact
from incidents.models.drafts import DraftPhoto, ReportDraft
from incidents.secrets import is_secret_of, secret_of
from tests.factories.accounts import make_coordinator, make_officer
from tests.factories.incidents import make_event, make_report

pytestmark = pytest.mark.usefixtures("kutim", "_quick")

NASTY = "‘\"'`<script>alert(1)</script> ${7*7} {{ 7*7 }} 🌧️ سلام ꦗꦮ %s \\n & &amp;"
SANGATTA = {"lon": "117.55", "lat": "0.5", "place_source": "tap"}
BERAU = {"lon": "117.5", "lat": "2.15", "place_source": "tap"}
STORY = {"title": "Lubang besar di depan pasar", "description": "Sudah dua minggu.\r\nMotor sering jatuh."}


@pytest.fixture
def _quick(settings: Any) -> None:
    settings.HUMAN_SECONDS = 0
    settings.ALTCHA_MAX_NUMBER = 200


class Citizen:
    """A browser without JavaScript that walks through the steps."""

    def __init__(self, **options: Any) -> None:
        self.client = Client(headers={"Accept-Language": "en"}, **options)
        self.draft_id: UUID = uuid4()

    def url(self, step: str) -> str:
        return reverse("report_step", args=[self.draft_id, step])

    def begin(self, **data: str) -> Any:
        body = {"draft": str(self.draft_id), "category": "jalan-rusak", "go": "next"} | data
        return self.client.post("/lapor/", body)

    def post(self, step: str, data: dict[str, Any] | None = None, **more: Any) -> Any:
        return self.client.post(self.url(step), {"go": "next"} | (data or {}) | more)

    def show(self, step: str) -> str:
        answer = self.client.get(self.url(step))
        assert answer.status_code == 200, answer.headers
        return answer.content.decode()

    def answer_all(self, where: dict[str, str] = SANGATTA, story: dict[str, Any] = STORY, **you: str) -> None:
        self.begin()
        self.post("di-mana", where)
        self.post("cerita", story)
        assert self.post("anda", you).url == self.url("periksa")

    def send(self, **data: str) -> Any:
        return self.post("periksa", {"altcha": self.solve()} | data)

    def solve(self, draft_id: UUID | None = None) -> str:
        task = self.client.get(reverse("report_challenge", args=[draft_id or self.draft_id])).json()
        for number in range(task["maxNumber"] + 1):
            if hashlib.sha256(f"{task['salt']}{number}".encode()).hexdigest() == task["challenge"]:
                break
        del task["maxNumber"]
        return base64.b64encode(json.dumps(task | {"number": number}).encode()).decode()

    @property
    def draft(self) -> ReportDraft:
        return ReportDraft.objects.get(pk=self.draft_id)


def jpeg(name: str = "foto.jpg", shade: int = 90) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), (shade, 0, 0)).save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), "image/jpeg")


def test_whole_way_by_the_map_makes_a_report() -> None:
    citizen = Citizen()
    citizen.answer_all(name="Sari", email="sari@example.org", phone="0812 3456", anonymous="on")
    page = citizen.show("periksa")
    assert "Kecamatan Sangatta" in page
    assert "by " in page
    answer = citizen.send()
    report = Report.objects.get()
    assert answer.url == reverse("report_sent", args=[citizen.draft_id])
    assert (report.title, report.description) == (STORY["title"], "Sudah dua minggu.\nMotor sering jatuh.")
    assert (report.kind, report.channel, report.language, report.place_source) == ("laporan", "web", "en", "tap")
    assert (report.anonymous, report.confidential) == (True, False)
    contact = ReportContact.objects.get(report=report)
    assert (contact.name, contact.email, contact.phone) == ("Sari", "sari@example.org", "0812 3456")
    receipt = citizen.client.get(answer.url).content.decode()
    assert report.ticket in receipt
    assert "data:image/svg+xml" in receipt
    link = receipt.split('href="http://testserver')[1].split('"')[0]
    assert is_secret_of(report.ticket, link.strip("/").split("/")[-1])
    assert Client().get(link).url == reverse("report_detail", args=[report.ticket])


def test_whole_way_by_the_list_of_desa_takes_the_desa_point() -> None:
    citizen = Citizen()
    citizen.answer_all(where={"desa": "64.08.04.2011", "lon": "1", "lat": "1", "place_source": "tap"})
    citizen.send()
    report = Report.objects.get()
    assert report.place_source == "area"
    assert report.desa is not None
    assert report.desa.code == "64.08.04.2011"
    assert report.geom.equals_exact(report.desa.point, 1e-9)


def test_each_step_shows_where_one_is_and_what_was_typed() -> None:
    citizen = Citizen()
    assert "Step 1 of 5" in citizen.client.get("/lapor/").content.decode()
    citizen.answer_all(name=NASTY[:90])
    assert 'value="jalan-rusak" data-kind="laporan" checked' in citizen.show("apa")
    assert 'value="117.55"' in citizen.show("di-mana")
    assert STORY["title"] in citizen.show("cerita")
    assert "Step 4 of 5" in citizen.show("anda")
    assert "&lt;script&gt;" in citizen.show("anda")


def test_texts_are_stored_as_typed_and_shown_as_text() -> None:
    citizen = Citizen()
    citizen.answer_all(story={"title": f"  {NASTY} ", "description": f"\n{NASTY}\r\n\r\n{NASTY} "}, name=NASTY)
    for page in (citizen.show("periksa"), citizen.show("cerita")):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; ${7*7} {{ 7*7 }} 🌧️ سلام ꦗꦮ" in page
    receipt = citizen.client.get(citizen.send().url).content.decode()
    report = Report.objects.get()
    assert report.title == NASTY
    assert report.description == f"{NASTY}\n\n{NASTY}"
    assert report.contact.name == NASTY
    assert "<script>alert" not in receipt


@pytest.mark.parametrize(
    ("step", "data", "said", "kept"),
    [
        ("di-mana", {}, "Show the place", ""),
        ("di-mana", BERAU, "nearest kecamatan", "2.15"),
        ("di-mana", {"lon": "nan", "lat": "0.5"}, "number", ""),
        ("di-mana", {"lon": "1e309", "lat": "0.5"}, "number", "1e309"),
        ("di-mana", {"lon": "0.5", "lat": "117.55"}, "less than or equal to 90", "117.55"),
        ("di-mana", {"lon": "0", "lat": "0"}, "outside Kutai Timur", ""),
        ("di-mana", {"desa": "64.08.99.9999"}, "not in the list", ""),
        ("cerita", {"title": "", "description": "Panjang sekali ceritanya"}, "Write in one sentence", "Panjang sekali"),
        ("cerita", {"title": "abc", "description": "x" * 20}, "at least 5 characters", 'value="abc"'),
        ("cerita", {"title": "🌧️" * 61, "description": "x" * 20}, "Shorten this to 120", "🌧️" * 61),
        ("cerita", {"title": "Judul baik", "description": "pendek"}, "at least 10 characters", "pendek"),
        ("cerita", {"title": "Judul baik", "description": "x" * 5_001}, "it has 5001", "x" * 5_001),
        ("cerita", STORY | {"occurred_at": "2999-01-01T10:00"}, "lies in the future", "2999-01-01T10:00"),
        ("cerita", STORY | {"occurred_at": "2001-01-01T10:00"}, "more than two years ago", "2001-01-01T10:00"),
        ("cerita", STORY | {"occurred_at": "kemarin sore"}, "day/month/year", "kemarin sore"),
        ("cerita", STORY | {"title": "Lubang\x00 besar"}, "Invisible characters", "Lubang besar"),
        ("cerita", STORY | {"title": "\u200b" * 6}, "Write in one sentence", ""),
        ("cerita", STORY | {"title": "a\u200b\u00a0 \u2060bc"}, "at least 5 characters", ""),
        ("cerita", STORY | {"description": "a \u200b" * 9}, "at least 10 characters", ""),
        ("anda", {"email": "sari di kampung"}, "no e-mail address", "sari di kampung"),
        ("anda", {"name": "N" * 101}, "at most 100", "N" * 101),
        ("anda", {"phone": "1" * 31}, "at most 30", "1" * 31),
    ],
)
def test_step_with_something_wrong_says_so_and_keeps_it(step: str, data: dict[str, str], said: str, kept: str) -> None:
    citizen = Citizen()
    citizen.answer_all()
    answer = citizen.post(step, data)
    assert answer.url == citizen.url(step)
    page = citizen.show(step)
    assert said in page
    assert kept in page
    assert 'class="error-summary"' in page
    assert citizen.client.get(citizen.url("periksa")).url == citizen.url(step)
    assert not Report.objects.exists()


def test_outside_with_a_neighbour_names_it() -> None:
    square = Polygon.from_bbox((117.0, 2.0, 118.0, 2.5))
    NeighbourBoundary.objects.create(
        code="64.03", name="Kabupaten Berau", source="uji", geom=MultiPolygon(square, srid=4326)
    )
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", BERAU)
    page = citizen.show("di-mana")
    assert "This place is in Kabupaten Berau" in page
    assert "report it to Kabupaten Berau" in page


def test_first_step_without_a_choice_says_so() -> None:
    citizen = Citizen()
    assert citizen.begin(category="").url == citizen.url("apa")
    assert "Choose what it is about." in citizen.show("apa")


@pytest.mark.parametrize("category", ["jalan", "tidak-ada", "jalan\x00rusak", "x" * 900])
def test_first_step_with_what_is_no_leaf_says_so(category: str) -> None:
    citizen = Citizen()
    assert citizen.begin(category=category).url == citizen.url("apa")
    assert "no longer exists" in citizen.show("apa")


def test_kind_is_that_of_the_category_unless_chosen() -> None:
    citizen = Citizen()
    citizen.begin(category="air-bersih")
    assert "Complaint" not in citizen.show("apa").split("checked")[-1][:50]
    citizen.post("di-mana", SANGATTA)
    citizen.post("cerita", STORY)
    citizen.post("anda")
    citizen.send()
    assert Report.objects.get().kind == "keluhan"


def test_sensitive_category_is_confidential_without_being_asked() -> None:
    citizen = Citizen()
    citizen.begin(category="kekerasan")
    citizen.post("di-mana", SANGATTA)
    citizen.post("cerita", STORY)
    assert "confidential in any case" in citizen.show("anda")
    citizen.post("anda")
    assert "Confidential: only the agency" in citizen.show("periksa")
    citizen.send()
    assert Report.objects.get().confidential


def test_later_step_is_not_open_before_the_earlier_ones() -> None:
    citizen = Citizen()
    citizen.begin()
    assert citizen.client.get(citizen.url("periksa")).url == citizen.url("di-mana")
    assert citizen.send().url == citizen.url("di-mana")


def test_back_keeps_what_was_typed_even_if_it_is_wrong() -> None:
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", SANGATTA)
    assert citizen.post("cerita", {"title": "abc", "description": "Hampir jadi"}, go="back").url == citizen.url(
        "di-mana"
    )
    page = citizen.show("cerita")
    assert "Hampir jadi" in page
    assert 'class="error-summary"' not in page


def test_change_from_the_check_page_comes_back_to_it() -> None:
    citizen = Citizen()
    citizen.answer_all()
    assert citizen.post("apa", {"category": "jembatan"}).url == citizen.url("periksa")
    assert "Damaged bridge" in citizen.show("periksa")


def test_point_from_the_map_is_there_at_the_second_step() -> None:
    citizen = Citizen()
    assert 'name="at_lon" value="117.6"' in citizen.client.get("/lapor/?lon=117.6&lat=0.4").content.decode()
    citizen.begin(at_lon="117.6", at_lat="0.4")
    page = citizen.show("di-mana")
    assert 'value="117.6"' in page
    assert 'class="error-summary"' not in page


def test_photo_is_uploaded_shown_and_removed() -> None:
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", SANGATTA)
    assert citizen.post("cerita", {"title": "Lub", "photos": jpeg()}, go="stay").url == citizen.url("cerita") + "#foto"
    photo = DraftPhoto.objects.get()
    page = citizen.show("cerita")
    assert reverse("draft_photo", args=[photo.pk]) in page
    assert 'value="Lub"' in page
    assert 'class="error-summary"' not in page
    answer = citizen.client.get(reverse("draft_photo", args=[photo.pk]))
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer.content.startswith(b"\xff\xd8")
    assert Client().get(reverse("draft_photo", args=[photo.pk])).status_code == 404
    citizen.post("cerita", {"title": "Lubang", "remove": str(photo.pk)})
    assert not DraftPhoto.objects.exists()
    assert 'value="Lubang"' in citizen.show("cerita")


def test_photo_that_is_none_is_refused_once_and_the_good_one_is_kept() -> None:
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", SANGATTA)
    bad = SimpleUploadedFile("surat.jpg", b"%PDF-1.7", "image/jpeg")
    assert citizen.post("cerita", STORY | {"photos": [jpeg(), bad]}).url == citizen.url("cerita")
    page = citizen.show("cerita")
    assert "“surat.jpg” is not a photo" in page
    assert STORY["title"] in page
    assert DraftPhoto.objects.count() == 1
    assert citizen.post("cerita", STORY).url == citizen.url("anda")


def test_sixth_photo_is_refused() -> None:
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", SANGATTA)
    citizen.post("cerita", STORY | {"photos": [jpeg(shade=n * 40) for n in range(6)]})
    assert "At most 5 photos fit" in citizen.show("cerita")
    assert DraftPhoto.objects.count() == 5


def test_photo_by_script_answers_its_thumbnail_or_what_is_wrong() -> None:
    citizen = Citizen()
    citizen.begin()
    address = reverse("report_photo", args=[citizen.draft_id])
    script = {"Accept": "application/json"}
    answer = citizen.client.post(address, {"photo": jpeg()}, headers=script)
    assert answer.status_code == 201
    assert citizen.client.get(answer.json()["thumb"]).status_code == 200
    refused = citizen.client.post(address, {"photo": SimpleUploadedFile("a.jpg", b"GIF89a")}, headers=script)
    assert refused.status_code == 400
    assert "not a photo" in refused.json()["detail"]
    assert refused.json()["title"] == "Bad Request"
    assert citizen.client.post(address, headers=script).json()["code"] == "bad_photo"
    stranger = Client().post(address, {"photo": jpeg()}, headers=script)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")


def test_photos_of_the_draft_become_the_report_s() -> None:
    citizen = Citizen()
    citizen.answer_all(story=STORY | {"photos": [jpeg(shade=1), jpeg(shade=200)]})
    assert citizen.show("periksa").count("/lapor/foto/") == 2
    citizen.send()
    assert Report.objects.get().photos.count() == 2


def test_script_gets_the_next_address_as_json() -> None:
    citizen = Citizen()
    citizen.begin()
    answer = citizen.client.post(citizen.url("di-mana"), SANGATTA, headers={"Accept": "application/json"})
    assert answer.json() == {"next": citizen.url("cerita")}


def test_send_twice_is_one_report() -> None:
    citizen = Citizen()
    citizen.answer_all()
    payload = citizen.solve()
    first, again = citizen.post("periksa", {"altcha": payload}), citizen.post("periksa", {"altcha": payload})
    assert first.url == again.url == reverse("report_sent", args=[citizen.draft_id])
    assert Report.objects.count() == 1


def test_what_another_window_changed_is_read_again_before_it_is_sent() -> None:
    citizen = Citizen()
    citizen.answer_all()
    shown = re.search(r'name="shown" value="(\w+)"', citizen.show("periksa"))
    assert shown
    citizen.post("cerita", STORY | {"title": "Diubah di jendela lain"})
    assert citizen.send(shown=shown[1]).url == citizen.url("periksa")
    assert not Report.objects.exists()
    page = citizen.show("periksa")
    assert "changed in another window" in page
    assert "Diubah di jendela lain" in page
    shown = re.search(r'name="shown" value="(\w+)"', page)
    assert shown
    assert citizen.send(shown=shown[1]).url == reverse("report_sent", args=[citizen.draft_id])


def test_going_back_after_sending_and_sending_again_shows_the_receipt() -> None:
    citizen = Citizen()
    citizen.answer_all()
    receipt = citizen.send().url
    assert citizen.client.get(citizen.url("cerita")).url == receipt
    assert citizen.post("cerita", STORY | {"title": "Diubah sesudah terkirim"}).url == receipt
    assert citizen.begin().url != receipt
    assert Report.objects.get().title == STORY["title"]


def test_receipt_is_for_its_sender_only() -> None:
    citizen = Citizen()
    citizen.answer_all()
    receipt = citizen.send().url
    assert Client().get(receipt).status_code == 404
    assert "no-store" in citizen.client.get(receipt)["Cache-Control"]


def test_sender_may_follow_a_confidential_report() -> None:
    citizen = Citizen()
    citizen.answer_all(confidential="on")
    citizen.send()
    address = reverse("report_detail", args=[Report.objects.get().ticket])
    assert citizen.client.get(address).status_code == 200
    assert Client().get(address).status_code == 404


def test_send_without_a_proof_is_refused_and_keeps_everything() -> None:
    citizen = Citizen()
    citizen.answer_all()
    answer = citizen.post("periksa")
    assert "answer to the sum" in answer.content.decode()
    assert STORY["title"] in answer.content.decode()
    assert not Report.objects.exists()
    asked = citizen.client.post(citizen.url("periksa"), headers={"Accept": "application/json"})
    assert (asked.status_code, asked.json()["code"]) == (422, "proof")


@pytest.mark.parametrize(
    "payload", ["x", "e30=", "W10=", base64.b64encode(b'{"algorithm":1}').decode(), "🌧️", "a" * 9_000]
)
def test_send_with_a_nonsense_proof_is_refused(payload: str) -> None:
    citizen = Citizen()
    citizen.answer_all()
    assert "renewed" in citizen.post("periksa", {"altcha": payload}).content.decode()


def test_send_with_the_proof_of_another_draft_is_refused() -> None:
    other, citizen = Citizen(), Citizen()
    other.begin()
    citizen.answer_all()
    assert "renewed" in citizen.post("periksa", {"altcha": other.solve()}).content.decode()


def test_send_with_a_proof_that_ran_out_is_refused_and_a_new_one_works(settings: Any) -> None:
    citizen = Citizen()
    citizen.answer_all()
    settings.ALTCHA_CHALLENGE_EXPIRE = -1_000_000
    payload = citizen.solve()
    settings.ALTCHA_CHALLENGE_EXPIRE = 1_000_000
    assert "renewed" in citizen.post("periksa", {"altcha": payload}).content.decode()
    assert citizen.send().url == reverse("report_sent", args=[citizen.draft_id])


def test_send_with_the_sum_works_without_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    citizen = Citizen()
    citizen.answer_all()
    monkeypatch.setattr("secrets.randbelow", lambda _n: 2)
    page = citizen.show("periksa")
    assert "How much is three plus three?" in page
    token = page.split('name="token" value="')[1].split('"')[0]
    wrong = citizen.post("periksa", {"token": token, "answer": "7"})
    assert "is not right" in wrong.content.decode()
    filled = citizen.post("periksa", {"token": token, "answer": "6", "kosongkan": "http://spam"})
    assert "must stay empty" in filled.content.decode()
    assert citizen.post("periksa", {"token": token, "answer": " Six "}).url == reverse(
        "report_sent", args=[citizen.draft_id]
    )


def test_send_with_the_sum_faster_than_people_is_asked_again(settings: Any) -> None:
    settings.HUMAN_SECONDS = 60
    citizen = Citizen()
    citizen.answer_all()
    assert "very quick" in citizen.post("periksa", {"token": "x", "answer": "4"}).content.decode()


def test_sum_of_another_draft_does_not_fit() -> None:
    mine, theirs = uuid4(), uuid4()
    token = proof.ask(theirs).token
    assert any(proof.is_answered(theirs, token, str(n)) for n in range(2, 11))
    assert not any(proof.is_answered(mine, token, str(n)) for n in range(2, 11))


def test_stale_page_stores_nothing_and_comes_back_as_typed() -> None:
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", SANGATTA)
    strict = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"})
    strict.cookies = citizen.client.cookies
    answer = strict.post(citizen.url("cerita"), STORY | {"csrfmiddlewaretoken": "x" * 64})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert STORY["title"] in page
    assert "open for too long" in page
    assert "cerita" not in citizen.draft.data
    token = page.split('name="csrfmiddlewaretoken" value="')[-1].split('"')[0]
    assert strict.post(citizen.url("cerita"), STORY | {"csrfmiddlewaretoken": token}).url == citizen.url("anda")


def test_stale_first_page_begins_nothing() -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/lapor/", {"draft": str(uuid4()), "category": "jembatan"})
    assert answer.status_code == 403
    assert 'value="jembatan" data-kind="laporan" checked' in answer.content.decode()
    assert not ReportDraft.objects.exists()


def test_stale_page_of_a_session_that_ended_is_kept_by_the_second_press() -> None:
    citizen = Citizen()
    citizen.begin()
    strict = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"})
    page = strict.post(citizen.url("cerita"), STORY).content.decode()
    assert f'action="{citizen.url("cerita")}"' in page
    token = page.split('name="csrfmiddlewaretoken" value="')[-1].split('"')[0]
    answer = strict.post(citizen.url("cerita"), STORY | {"csrfmiddlewaretoken": token}, follow=True)
    assert "Your session had ended" in answer.content.decode()
    kept = ReportDraft.objects.exclude(pk=citizen.draft_id).get()
    assert kept.data["cerita"]["typed"]["title"] == STORY["title"]


def test_page_of_a_session_that_ended_keeps_what_it_holds() -> None:
    citizen = Citizen()
    citizen.begin()
    citizen.client.cookies.clear()
    answer = citizen.post("cerita", STORY)
    assert answer.status_code == 302
    assert str(citizen.draft_id) not in answer.url
    kept = ReportDraft.objects.exclude(pk=citizen.draft_id).get()
    assert kept.data["cerita"]["typed"]["title"] == STORY["title"]


def test_draft_of_somebody_else_is_not_shown() -> None:
    citizen = Citizen()
    citizen.answer_all()
    assert Client().get(citizen.url("periksa")).url == "/lapor/"
    assert Client().post(citizen.url("periksa")).url == "/lapor/"
    assert not Report.objects.exists()


def test_draft_waits_to_be_gone_on_with() -> None:
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", SANGATTA)
    citizen.post("cerita", {"title": "Setengah jadi"}, go="back")
    page = citizen.client.get("/lapor/?lon=1").content.decode()
    assert "Setengah jadi" in page
    assert citizen.url("periksa") in page
    assert citizen.client.get(citizen.url("periksa")).url == citizen.url("cerita")
    assert "/lapor/?baru&amp;lon=1" in page
    assert "Step 1 of 5" in citizen.client.get("/lapor/?baru").content.decode()


def test_many_drafts_that_wait_cost_as_much_as_one(django_assert_num_queries: Any) -> None:
    citizen = Citizen()
    for n in range(5):
        citizen.draft_id = uuid4()
        citizen.begin()
        if n in {0, 4}:
            with django_assert_num_queries(4):  # however many they are
                assert "Damaged road" in citizen.client.get("/lapor/").content.decode()


def test_no_more_drafts_than_fit_is_said_before_anything_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "IN_A_SESSION", 2)
    citizen = Citizen()
    for _ in range(2):
        citizen.draft_id = uuid4()
        citizen.begin()
    page = citizen.client.get("/lapor/?baru").content.decode()
    assert "2 of your reports here are not sent yet, and no more fit." in page
    assert citizen.url("periksa") in page
    assert "Begin a new report" not in page
    citizen.client.post(reverse("report_discard", args=[citizen.draft_id]))
    assert "Step 1 of 5" in citizen.client.get("/lapor/?baru").content.decode()


def test_draft_that_does_not_fit_stays_on_its_page_and_pushes_none_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "IN_A_SESSION", 1)
    citizen = Citizen()
    citizen.begin()
    first, citizen.draft_id = citizen.draft_id, uuid4()
    answers = [citizen.begin(category="jembatan"), citizen.post("cerita", STORY)]  # a new one; one that was pushed out
    assert [answer.status_code for answer in answers] == [409, 409]
    chosen, told = (answer.content.decode() for answer in answers)
    assert 'value="jembatan" data-kind="laporan" checked' in chosen
    assert STORY["title"] in told
    for page in (chosen, told):
        assert "What you typed is still here." in page
        assert 'href="/lapor/" target="_blank"' in page
    script = citizen.client.post("/lapor/", {"category": "jembatan"}, headers={"Accept": "application/json"})
    assert (script.status_code, script.json()["code"]) == (409, "too_many_drafts")
    assert [draft.pk for draft in ReportDraft.objects.all()] == [first]


def test_discard_asks_then_deletes() -> None:
    citizen = Citizen()
    citizen.begin()
    address = reverse("report_discard", args=[citizen.draft_id])
    assert "cannot be undone" in citizen.client.get(address).content.decode()
    assert citizen.client.post(address).url == "/lapor/"
    assert not ReportDraft.objects.exists()


def test_discard_by_somebody_else_does_nothing() -> None:
    citizen = Citizen()
    citizen.begin()
    Client().post(reverse("report_discard", args=[citizen.draft_id]))
    assert citizen.draft


def test_two_drafts_in_two_tabs_stay_apart() -> None:
    citizen = Citizen()
    citizen.begin()
    first = citizen.draft_id
    citizen.draft_id = uuid4()
    citizen.begin(category="jembatan")
    citizen.post("di-mana", SANGATTA)
    assert ReportDraft.objects.get(pk=first).data["apa"]["typed"]["category"] == "jalan-rusak"
    assert "di-mana" not in ReportDraft.objects.get(pk=first).data


def test_unknown_step_is_not_found() -> None:
    citizen = Citizen()
    citizen.begin()
    assert citizen.client.get(citizen.url("entah")).status_code == 404


def test_first_page_reads_little(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(6):
        Client().get("/lapor/")


def test_retired_category_is_not_offered() -> None:
    Category.objects.filter(code="jembatan").update(active=False)
    assert 'value="jembatan"' not in Client().get("/lapor/").content.decode()


class TestPhoto:
    """Photos of reports are served to those who may read the report."""

    def photo(self, **over: Any) -> Photo:
        report = make_report(**over)
        kept = Photo(report=report)
        kept.image.save("a.jpg", jpeg(), save=False)
        kept.thumb.save("t.jpg", jpeg(), save=False)
        kept.save()
        return kept

    def address(self, photo: Photo, size: str = "kecil") -> str:
        return reverse("photo", args=[photo.pk, size])

    def test_public_photo_is_for_all(self) -> None:
        photo = self.photo()
        for size in ("besar", "kecil"):
            answer = Client().get(self.address(photo, size))
            assert answer.status_code == 200
            assert answer["Content-Type"] == "image/jpeg"
            assert answer["Cache-Control"] == "public, max-age=3600"
        again = Client().get(self.address(photo), headers={"If-None-Match": answer["ETag"]})
        assert again.status_code == 304

    def test_unknown_size_or_photo_is_not_found(self) -> None:
        assert Client().get(self.address(self.photo(), "raksasa")).status_code == 404
        assert Client().get(reverse("photo", args=[uuid4(), "kecil"])).status_code == 404

    def test_photo_without_its_file_is_not_found(self) -> None:
        photo = self.photo()
        photo.thumb.delete(save=False)
        assert Client().get(self.address(photo)).status_code == 404

    def test_confidential_photo_is_for_reporter_and_desk(self) -> None:
        photo = self.photo(confidential=True)
        assert photo.report.agency is not None
        assert Client().get(self.address(photo)).status_code == 404
        reporter, officer, coordinator, other = Client(), Client(), Client(), Client()
        reporter.get(reverse("report_key", args=[photo.report.ticket, secret_of(photo.report.ticket)]))
        officer.force_login(make_officer(photo.report.agency))
        coordinator.force_login(make_coordinator())
        other.force_login(make_officer())
        for client in (reporter, officer, coordinator):
            answer = client.get(self.address(photo))
            assert answer.status_code == 200
            assert answer["Cache-Control"] == "private, no-store"
        assert other.get(self.address(photo)).status_code == 404

    def test_photo_of_a_note_is_for_the_desk_only(self) -> None:
        photo = self.photo()
        photo.event = make_event(photo.report, "commented", public=False, created_at=timezone.now())
        photo.save()
        officer = Client()
        officer.force_login(make_officer(photo.report.agency))
        assert Client().get(self.address(photo)).status_code == 404
        answer = officer.get(self.address(photo))
        assert answer.status_code == 200


def test_what_was_reported_beside_it_is_told_before_one_writes() -> None:
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", SANGATTA)
    assert "Reported already?" not in citizen.show("cerita")
    lon, lat = float(SANGATTA["lon"]), float(SANGATTA["lat"])
    category = Category.objects.get(code="jalan-rusak")
    beside = make_report(title="Lubang yang itu", place=(lon + 0.001, lat), category=category)
    make_report(title="Yang dirahasiakan", place=(lon, lat), category=category, confidential=True)
    make_report(title="Yang jauh", place=(lon + 0.01, lat), category=category)
    page = citizen.show("cerita")
    assert "Reported already? 1 open report about this" in page
    assert f'href="/laporan/{beside.ticket}/"' in page
    assert "111 m away" in page
    assert "Yang dirahasiakan" not in page
    assert "Yang jauh" not in page


def test_beside_a_point_for_a_whole_desa_nothing_is_told() -> None:
    citizen = Citizen()
    citizen.begin()
    desa = Desa.objects.get(code="64.08.04.2011")
    citizen.post("di-mana", {"desa": desa.code, "lon": "", "lat": "", "place_source": ""})
    make_report(place=(desa.point.x, desa.point.y), category=Category.objects.get(code="jalan-rusak"))
    page = citizen.show("cerita")
    assert "Tell us about it" in page
    assert "Reported already?" not in page
