import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_tiles_carry_nothing_personal(client: Client) -> None:
    response = client.get("/tiles/reports/6/52/31.mvt")
    assert response.status_code == 204
    assert response.headers["Vary"] == "Accept-Encoding"
    assert "Set-Cookie" not in response.headers
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/tiles/reports/6/a/31.mvt", 400, "invalid_parameter"),
        ("/tiles/reports/6/64/31.mvt", 404, "not_found"),
        ("/tiles/reports/6/52/31.mvt?status=done", 400, "invalid_parameter"),
        ("/tiles/reports/6/52/31.mvt?colour=red", 400, "invalid_parameter"),
        ("/tiles/nothing/6/52/31.mvt", 404, "not_found"),
    ],
)
def test_wrong_tiles_are_problem_documents(client: Client, address: str, status: int, code: str) -> None:
    response = client.get(address)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == code


def test_problem_speaks_the_asked_language(client: Client) -> None:
    english = client.get("/tiles/reports/6/a/31.mvt", headers={"Accept-Language": "en"}).json()["detail"]
    assert "whole number" in english


def test_other_pages_go_the_long_way(client: Client) -> None:
    assert "Content-Security-Policy" in client.get("/").headers
