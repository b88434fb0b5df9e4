"""/lapor/ under limits of the client's address and of size: nothing typed is lost, and nothing refused is stored."""

from typing import Any

import pytest
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.test import Client
from django.urls import reverse

from incidents.limits import DraftLimit, PhotoLimit, SendLimit
from incidents.models import Report
from incidents.models.drafts import DraftPhoto, ReportDraft
from tests.unit.incidents.test_intake_pages import SANGATTA, STORY, Citizen, jpeg

pytestmark = pytest.mark.usefixtures("kutim", "_quick")
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def _quick(settings: Any) -> None:
    settings.HUMAN_SECONDS = 0
    settings.ALTCHA_MAX_NUMBER = 200


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that Django began to keep."""
    names: list[str] = []
    begin = MemoryFileUploadHandler.new_file

    def new_file(self: MemoryFileUploadHandler, *args: Any, **kwargs: Any) -> None:
        names.append(args[1])
        begin(self, *args, **kwargs)

    monkeypatch.setattr(MemoryFileUploadHandler, "new_file", new_file)
    return names


def limit(monkeypatch: pytest.MonkeyPatch, kind: Any, rate: str) -> None:
    monkeypatch.setattr(kind, "THROTTLE_RATES", {kind.scope: rate})


def test_drafts_of_one_address_are_limited_and_what_was_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, DraftLimit, "2/hour")
    assert [Citizen().begin().status_code for _ in range(2)] == [302, 302]
    answer = Citizen().begin(category="jembatan")
    page = answer.content.decode()
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 3_600
    assert "What you typed is still here." in page
    assert 'value="jembatan" data-kind="laporan" checked' in page
    assert ReportDraft.objects.count() == 2


def test_limit_of_drafts_leaves_those_that_are_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, DraftLimit, "1/hour")
    citizen = Citizen()
    assert [citizen.begin().status_code for _ in range(3)] == [302, 302, 302]
    assert citizen.post("di-mana", SANGATTA).url == citizen.url("cerita")


def test_script_at_the_limit_of_drafts_gets_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, DraftLimit, "1/hour")
    Citizen().begin()
    answer = Client().post("/lapor/", {"category": "jalan-rusak"}, headers=SCRIPT | {"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert int(answer["Retry-After"]) > 0
    assert "minute" in answer.json()["detail"]


def test_session_that_ended_counts_as_a_new_draft_and_keeps_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, DraftLimit, "1/hour")
    citizen = Citizen()
    citizen.begin()
    citizen.client.cookies.clear()
    answer = citizen.post("cerita", STORY)
    assert answer.status_code == 429
    assert STORY["title"] in answer.content.decode()


def test_sending_is_limited_and_the_draft_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, SendLimit, "1/hour")
    first, second = Citizen(), Citizen()
    for citizen in (first, second):
        citizen.answer_all()
    assert first.send().status_code == 302
    answer = second.send()
    assert answer.status_code == 429
    assert "Retry-After" in answer
    assert "What you typed is still here." in answer.content.decode()
    assert second.post("periksa", {"altcha": second.solve()}).status_code == 429
    by_script = second.client.post(second.url("periksa"), {"altcha": second.solve(), "go": "next"}, headers=SCRIPT)
    assert (by_script.status_code, by_script.json()["code"]) == (429, "throttled")
    assert Report.objects.count() == 1
    assert second.draft.data["cerita"]["typed"]["title"] == STORY["title"]


def test_photos_beyond_the_limit_are_skipped_unread_and_the_story_is_kept(
    monkeypatch: pytest.MonkeyPatch, read_files: list[str]
) -> None:
    limit(monkeypatch, PhotoLimit, "2/hour")
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", SANGATTA)
    photos = [jpeg(name=f"{n}.jpg", shade=n * 40) for n in range(4)]
    citizen.post("cerita", {"photos": photos} | STORY)
    assert read_files == ["0.jpg", "1.jpg"]
    assert DraftPhoto.objects.count() == 2
    page = citizen.show("cerita")
    assert "Wait" in page
    assert STORY["title"] in page


def test_photo_by_script_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch, read_files: list[str]) -> None:
    limit(monkeypatch, PhotoLimit, "1/hour")
    citizen = Citizen()
    citizen.begin()
    address = reverse("report_photo", args=[citizen.draft_id])
    assert citizen.client.post(address, {"photo": jpeg()}, headers=SCRIPT).status_code == 201
    refused = citizen.client.post(address, {"photo": jpeg(shade=3)}, headers=SCRIPT)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    stranger = Client(enforce_csrf_checks=True).post(address, {"photo": jpeg(shade=5)}, headers=SCRIPT)
    assert stranger.status_code == 404
    assert len(read_files) == 1


def test_photo_by_script_that_announces_too_much_is_refused_unread(settings: Any, read_files: list[str]) -> None:
    settings.PHOTO_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    citizen = Citizen()
    citizen.begin()
    address = reverse("report_photo", args=[citizen.draft_id])
    refused = citizen.client.post(address, {"photo": jpeg()}, headers=SCRIPT)
    assert (refused.status_code, refused.json()["code"]) == (413, "request_entity_too_large")
    assert read_files == []


def test_story_with_too_many_bytes_of_photos_keeps_the_story_and_no_photo(settings: Any, read_files: list[str]) -> None:
    citizen = Citizen()
    citizen.begin()
    citizen.post("di-mana", SANGATTA)
    settings.BODY_MAX_BYTES = 1_200
    citizen.post("cerita", {"photos": [jpeg(), jpeg(shade=9)]} | STORY)
    assert read_files == []
    page = citizen.show("cerita")
    assert "at most 0 MB are taken at once" in page
    assert STORY["title"] in page


def test_post_that_no_form_of_ours_makes_is_not_read_at_all(settings: Any, read_files: list[str]) -> None:
    settings.BODY_MAX_BYTES = 100
    answer = Client(headers={"Accept-Language": "en"}).post("/lapor/", {"category": "jalan-rusak", "x": "y" * 800})
    assert answer.status_code == 413
    assert "That is too much at once" in answer.content.decode()
    assert not ReportDraft.objects.exists()


def test_api_refuses_a_body_that_announces_too_much(client: Client, settings: Any, read_files: list[str]) -> None:
    settings.BODY_MAX_BYTES = 500
    answer = client.post("/api/v1/reports/", {"lat": "0.5", "lon": "117.55", "photos": [jpeg()]})
    assert (answer.status_code, answer.json()["code"]) == (413, "request_entity_too_large")
    assert read_files == []
