"""/dasbor/laporan-bulanan/ and /jejak/: who may order, what is given, and how it is verified."""

import datetime as dt
import hashlib
import re
from typing import Any

import pytest
from django.test import Client

from archive.models import Order
from archive.publishing import withdraw
from dashboards.questions import months_before, today_wita
from incidents.models import DayMark
from tests.factories.accounts import make_coordinator, make_leader, make_officer
from tests.factories.publications import MAY, make_edition

pytestmark = pytest.mark.django_db
LIST = "/dasbor/laporan-bulanan/"
ENGLISH = {"Accept-Language": "en"}


def test_without_any_report_both_pages_say_when_the_first_comes(client: Client) -> None:
    for language, words in (("en", "No monthly report is published yet"), ("id", "Belum ada laporan bulanan")):
        for path in (LIST, "/jejak/"):
            response = client.get(path, headers={"Accept-Language": language})
            assert response.status_code == 200
            assert words in response.content.decode()
    assert client.get("/jejak/SHA256SUMS").content == b""


def test_editions_are_listed_with_their_digests_and_given_as_they_are(client: Client) -> None:
    first, second = make_edition(), make_edition(reason="Angka <b>Kaubun</b> keliru")
    page, trace = (client.get(path, headers=ENGLISH).content.decode() for path in (LIST, "/jejak/"))
    sums = dict(line.split("  ")[::-1] for line in client.get("/jejak/SHA256SUMS").content.decode().splitlines())
    for file in [*first.files.all(), *second.files.all()]:
        assert f'href="{LIST}{file.name}"' in page
        assert file.sha256 in trace
        given = client.get(f"{LIST}{file.name}")
        assert given.status_code == 200
        assert given["Content-Type"] == file.media_type
        assert file.name in given["Content-Disposition"]
        assert hashlib.sha256(given.content).hexdigest() == file.sha256 == sums[file.name]
        for known in (given["ETag"], f"W/{given['ETag']}", f'"x", {given["ETag"]}'):  # W/: it left gzipped
            again = client.get(f"{LIST}{file.name}", headers={"If-None-Match": known})
            assert (again.status_code, again["ETag"]) == (304, given["ETag"])
    for told in (page, trace):
        assert "Angka &lt;b&gt;Kaubun" in told
    assert client.get(f"{LIST}laporan-bulanan-2026-05-e9-id.pdf").status_code == 404
    assert client.post(f"{LIST}{first.files.all()[0].name}").status_code == 405


def test_a_withdrawn_edition_is_gone_and_its_digests_are_not(client: Client) -> None:
    made = make_edition()
    file = made.files.all()[0]
    etag = client.get(f"{LIST}{file.name}")["ETag"]
    withdraw(publication=made, reason="Data pribadi dihapus")
    for headers in ({}, {"If-None-Match": etag}):
        response = client.get(f"{LIST}{file.name}", headers=headers)
        assert response.status_code == 410
        assert "Data pribadi dihapus" in response.content.decode()
    assert f'href="{LIST}{file.name}"' not in client.get(LIST).content.decode()
    trace = client.get("/jejak/").content.decode()
    assert file.sha256 in trace
    assert "Data pribadi dihapus" in trace


def test_marks_of_days_are_shown_as_the_command_takes_them(client: Client) -> None:
    DayMark.objects.create(day=MAY, upto=4711, digest="a" * 64)
    assert f"bin/manage verify_audit --mark 4711:{'a' * 64}" in client.get("/jejak/").content.decode()


@pytest.mark.parametrize("make", [make_officer, make_leader, None])
def test_only_coordinators_order(client: Client, make: Any) -> None:
    if make:
        client.force_login(make())
    assert "<form" not in client.get(LIST).content.decode().split("<main")[1].split("</main>")[0]
    client.post(LIST, {"month": months_before(today_wita(), 1).isoformat()})
    assert not Order.objects.exists()


def test_a_coordinator_orders_and_sees_how_it_stands(client: Client) -> None:
    user = make_coordinator()
    client.force_login(user)
    month = months_before(today_wita(), 2)
    assert client.post(LIST, {"month": month.isoformat(), "reason": ""}).status_code == 302
    made = Order.objects.get()
    assert (made.period, made.by, made.reason) == (month, user, "")
    assert "is being made" in client.get(LIST, headers=ENGLISH).content.decode()
    Order.objects.update(error="sudo apt-get install -y libpango-1.0-0")
    page = client.get(LIST, headers=ENGLISH).content.decode()
    assert "sudo apt-get install -y libpango-1.0-0" in page
    client.logout()
    assert "libpango" not in client.get(LIST).content.decode()


def test_a_wrong_order_comes_back_with_what_was_typed(client: Client) -> None:
    client.force_login(make_coordinator())
    month = months_before(today_wita(), 1)
    make_edition(month)
    response = client.post(LIST, {"month": month.isoformat()}, headers=ENGLISH)
    assert response.status_code == 422
    assert "Say why" in response.content.decode()
    for wrong in ("2026-13-01", (today_wita() + dt.timedelta(days=40)).isoformat(), "", "\0"):
        response = client.post(LIST, {"month": wrong, "reason": "Kaubun keliru"}, headers=ENGLISH)
        assert response.status_code == 422
        assert re.search(r"<textarea[^>]*>\s*Kaubun keliru", response.content.decode())
    assert Order.objects.exclude(publication=None).count() == Order.objects.count()
    assert client.post(LIST, {"month": month.isoformat(), "reason": "Kaubun keliru"}).status_code == 302
