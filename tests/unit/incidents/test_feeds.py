"""The Atom feed: what a reader gets, in which order, and what never stands in it."""

from typing import Any

import defusedxml.ElementTree as ElementTree
import pytest
from django.test import Client
from django.utils.html import escape

from tests.factories.incidents import make_report

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kutim")]

URL = "/feeds/laporan.atom"
ATOM = "{http://www.w3.org/2005/Atom}"
GEORSS = "{http://www.georss.org/georss}"
STRANGE = ["😀 🛣️", "طريق متضرر", "ꦢꦭꦤ꧀ꦫꦸꦱꦏ꧀", "<script>alert('halo')</script>", "${x} {{ y }} {% now %}", "\"'\\ & ]]>"]


def entries(client: Client, query: str = "", **headers: str) -> list[Any]:
    response = client.get(f"{URL}{query}", headers=headers)
    assert response.status_code == 200, response.content
    return list(ElementTree.fromstring(response.content).findall(f"{ATOM}entry"))


def test_entry_says_what_where_and_who_answers(client: Client) -> None:
    report = make_report(title="Jalan berlubang di depan pasar")
    response = client.get(URL, headers={"Accept-Language": "en"})
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert "public" in response["Cache-Control"]
    (entry,) = entries(client, **{"Accept-Language": "en"})
    assert entry.findtext(f"{ATOM}title") == report.title
    assert entry.find(f"{ATOM}link").get("href") == f"http://testserver/laporan/{report.ticket}/"
    assert entry.findtext(f"{ATOM}published") == report.created_at.isoformat()
    lat, lon = map(float, entry.findtext(f"{GEORSS}point").split())
    assert (lon, lat) == pytest.approx(report.geom.coords, abs=1e-6)
    summary = entry.findtext(f"{ATOM}summary")
    assert report.description in summary
    assert report.agency is not None
    assert report.agency.short_name in summary
    assert report.kecamatan.name in summary


@pytest.mark.parametrize("text", STRANGE)
def test_strange_text_is_text(client: Client, text: str) -> None:
    make_report(title=text, description=text)
    (entry,) = entries(client)
    assert entry.findtext(f"{ATOM}title") == text
    summary = entry.find(f"{ATOM}summary")
    assert summary.get("type") == "html"
    assert summary.text.startswith(f"<p>{escape(text)}</p>")


def test_what_xml_cannot_carry_is_replaced(client: Client) -> None:
    make_report(title="Jalan\x01rusak\x0b")
    (entry,) = entries(client)
    assert entry.findtext(f"{ATOM}title") == "Jalan\ufffdrusak\ufffd"


def test_newest_come_first_and_fifty_at_most(client: Client) -> None:
    made = [make_report(title=f"Laporan nomor {number}").title for number in range(52)]
    assert [entry.findtext(f"{ATOM}title") for entry in entries(client)] == made[:1:-1]


def test_confidential_reports_and_contacts_stay_out(client: Client) -> None:
    make_report(title="Terbuka")
    make_report(title="Tertutup", confidential=True)
    assert [entry.findtext(f"{ATOM}title") for entry in entries(client)] == ["Terbuka"]


def test_conditions_narrow_as_in_the_list(client: Client) -> None:
    make_report(title="Diterima")
    make_report(title="Selesai", status="closed")
    assert [entry.findtext(f"{ATOM}title") for entry in entries(client, "?status=closed")] == ["Selesai"]
    page = client.get("/laporan/?status=closed").content.decode()
    assert page.count(f'href="{URL}?status=closed"') == 2  # for programs in the head, for people below the list


@pytest.mark.parametrize("query", ["?status=mana", "?since=kemarin", "?tiada=1", "?q=%00"])
def test_wrong_condition_is_told(client: Client, query: str) -> None:
    response = client.get(f"{URL}{query}", headers={"Accept-Language": "en"})
    assert response.status_code == 400
    assert b"Traceback" not in response.content


def test_feed_takes_a_fixed_number_of_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        make_report(title=f"Laporan nomor {number}")
    with django_assert_max_num_queries(3):
        entries(client)
