"""Errors as HTTP: a database that does not answer, limits, and a cache of their own for the counts of sign-in."""

import logging
from typing import Any

import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from accounts.errors import TooOften
from config.settings import env_rate
from tests.factories.accounts import make_officer

SECRET = 'connection to server at "10.1.2.3", port 5432 failed'


def _gone(request: HttpRequest) -> HttpResponse:
    raise OperationalError(SECRET)


def _closed(request: HttpRequest) -> HttpResponse:
    raise InterfaceError("connection already closed")


def _often(request: HttpRequest) -> HttpResponse:
    raise TooOften(61.5)


def _break(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("meant to break")


urlpatterns = [
    path("uji/gone/", _gone),
    path("uji/closed/", _closed),
    path("uji/often/", _often),
    path("api/uji/gone/", _gone),
    path("api/uji/break/", _break),
    path("tiles/uji/gone.mvt", _gone),
    path("", include("config.urls")),
]
handler404, handler500 = "config.problems.not_found", "config.problems.broken"


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("address", ["/uji/gone/", "/uji/closed/"])
def test_database_that_does_not_answer_is_a_page_that_says_when_to_try_again(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = Client(headers={"Accept-Language": "en"}).get(address)
    page = answer.content.decode()
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert ">503</p>" in page
    assert "This does not work at the moment" in page
    assert "10.1.2.3" not in page
    assert any(record.levelno >= logging.ERROR and record.exc_info for record in caplog.records)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("address", ["/api/uji/gone/", "/tiles/uji/gone.mvt"])
def test_database_that_does_not_answer_is_a_problem_for_programs(address: str) -> None:
    answer = Client().get(address)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer["Content-Type"] == "application/problem+json"
    assert int(answer["Retry-After"]) > 0
    assert "10.1.2.3" not in answer.content.decode()


@pytest.mark.urls(__name__)
def test_what_breaks_is_a_problem_for_programs_too() -> None:
    answer = Client(raise_request_exception=False).get("/api/uji/break/")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "meant to break" not in answer.content.decode()


@pytest.mark.urls(__name__)
def test_limit_has_a_page_that_says_how_long_to_wait() -> None:
    answer = Client(headers={"Accept-Language": "en"}).get("/uji/often/")
    assert (answer.status_code, answer["Retry-After"]) == (429, "62")
    page = answer.content.decode()
    assert ">429</p>" in page
    assert "Wait 2 minutes" in page


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["id", "en"])
def test_wrong_method_has_a_page_with_a_way_on(language: str) -> None:
    answer = Client(headers={"Accept-Language": language}).post("/lacak/")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    page = answer.content.decode()
    assert ">405</p>" in page
    assert f'<html lang="{language}">' in page
    assert 'href="/"' in page


@pytest.mark.django_db
def test_wrong_method_is_a_problem_for_programs() -> None:
    for answer in (Client().post("/lacak/", headers={"Accept": "application/json"}), Client().put("/api/v1/reports/")):
        assert answer.status_code == 405
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.django_db
def test_photos_for_the_desk_are_not_read_of_strangers_nor_for_no_report(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    begin = MemoryFileUploadHandler.new_file

    def new_file(self: MemoryFileUploadHandler, *args: Any, **kwargs: Any) -> None:
        read.append(args[1])
        begin(self, *args, **kwargs)

    monkeypatch.setattr(MemoryFileUploadHandler, "new_file", new_file)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.BODY_MAX_BYTES = 300, 2_000
    client, address = Client(enforce_csrf_checks=True), "/opd/KT-26-0000001-X/answer/"
    client.cookies["csrftoken"] = "a" * 32  # to find the token, Django reads the body
    post = {
        "csrfmiddlewaretoken": "a" * 32,
        "text": "Sudah ditambal",
        "photos": SimpleUploadedFile("a.jpg", b"x" * 500),
    }
    assert "Sudah ditambal" in client.post(address, post).content.decode()
    assert read == []
    client.force_login(make_officer())
    assert client.post(address, {"photos": SimpleUploadedFile("b.jpg", b"x" * 500)}).status_code == 404
    assert client.post(address, {"photos": SimpleUploadedFile("c.jpg", b"x" * 5_000)}).status_code == 404
    assert client.post(address, {"photos": SimpleUploadedFile("d.jpg", b"x" * 9_000)}).status_code == 413
    assert read == []  # of a post about a report that is not at the desk nothing is read


def test_post_to_any_page_is_held_to_the_common_size(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = Client().post("/bahasa/", {"language": "en", "x": "y" * 200})
    assert answer.status_code == 413
    assert ">413</p>" in answer.content.decode()
    assert "bahasa" not in answer.cookies


@pytest.mark.django_db
@pytest.mark.usefixtures("kutim")
def test_tiles_and_areas_push_no_count_of_sign_ins_out(client: Client) -> None:
    caches["default"].set("allauth:count", 5)
    for z in range(4, 9):
        for x in range(10):
            client.get(f"/tiles/kecamatan/{z}/{x}/{x}.mvt")
    client.get("/api/v1/areas/kecamatan/?simplify=5000")
    held = caches["default"]._cache  # type: ignore[attr-defined]
    assert [key for key in held if "allauth:count" not in key] == []
    assert len(caches["kept"]._cache) > 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["30", "0/hour", "thirty/hour", "30/week", "30/"])
def test_limit_that_says_nothing_is_refused_at_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.exceptions import ImproperlyConfigured

    monkeypatch.setenv("THROTTLE_UJI", value)
    with pytest.raises(ImproperlyConfigured, match="THROTTLE_UJI"):
        env_rate("THROTTLE_UJI", "30/hour")
