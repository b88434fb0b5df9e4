"""The timeline of GET /api/v1/reports/<ticket>/."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Agency
from incidents import moves
from incidents.models import Report
from tests.factories.accounts import make_officer
from tests.integration.test_api_reports import GOOD, URL, post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kutim")]


def timeline(client: Client, ticket: str, language: str) -> list[dict[str, Any]]:
    found = client.get(f"{URL}{ticket}/", headers={"Accept-Language": language}).json()
    return list(found["properties"]["timeline"])


@pytest.mark.parametrize(("language", "why"), [("en", "Not within the regency's authority"), ("id", "")])
def test_timeline_of_an_archived_report_says_why_and_whom_to_ask(client: Client, language: str, why: str) -> None:
    ticket = post(client, GOOD).json()["ticket"]
    report, officer = Report.objects.get(ticket=ticket), make_officer(Agency.objects.get(code="dpu-pupr"))
    road = Agency.objects.get(code="bbpjn")
    moves.reject(report=report, by=officer, reason_code="not_authority", text="Jalan nasional.", addressee=road)
    *others, last = timeline(client, ticket, language)
    assert last["addressee"] == {"code": "bbpjn", "name": road.name}
    assert last["reason"]["code"] == "not_authority"
    assert why in last["reason"]["name"]
    assert all(event["addressee"] is None and event["reason"] is None for event in others)
    other = post(client, GOOD | {"title": "Tangga gedung rusak"}).json()["ticket"]
    moves.reject(
        report=Report.objects.get(ticket=other),
        by=officer,
        reason_code="not_authority",
        text="Milik swasta.",
        addressee_name="Pengelola gedung",
    )
    last = timeline(client, other, language)[-1]
    assert last["addressee"] == {"code": None, "name": "Pengelola gedung"}
