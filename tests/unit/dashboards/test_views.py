"""/dasbor/ and /dasbor/publik/: who sees what, by which address, with how many queries; the API says the same."""

import datetime as dt
import html
import random
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboards import numbers
from dashboards.questions import LEADERSHIP, today_wita
from incidents import rollups
from incidents.models import Category
from incidents.synthetic import make_reports
from tests.factories.accounts import make_administrator, make_coordinator, make_leader, make_officer, make_user
from tests.factories.map_reports import Place
from tests.unit.dashboards.test_api import some_query
from tests.unit.dashboards.test_numbers import TODAY, ask, report

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}


def get(client: Client, path: str, **query: Any) -> str:
    response = client.get(f"{path}?{urlencode(query, doseq=True)}", headers=ENGLISH)
    assert response.status_code == 200
    return response.content.decode()


def text_of(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def figure(page: str, name: str) -> str:
    (found,) = re.findall(rf'data-figure="{name}">([^<]*)<', page)
    return html.unescape(found)


def rows(page: str, section: str) -> list[list[str]]:
    """Return the cells of the tables of a section."""
    body = page.split(f'id="{section}"')[1].split("</section>")[0]
    return [
        [text_of(cell) for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr[ >].*?</tr>", body, re.DOTALL)
    ]


# Who is let in.


@pytest.mark.parametrize("make", [make_leader, make_coordinator])
def test_leadership_and_coordinators_see_the_whole(client: Client, make: Any) -> None:
    Place()
    client.force_login(make())
    response = client.get("/dasbor/", headers=ENGLISH)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert "noindex" in response.content.decode()


@pytest.mark.parametrize("make", [make_officer, make_user, make_administrator, None])
def test_others_are_sent_to_the_public_figures_with_what_they_asked(client: Client, make: Any) -> None:
    if make:
        client.force_login(make())
    response = client.get("/dasbor/?kecamatan=64.08.04&measure=days")
    assert response.status_code == 302
    assert response["Location"] == "/dasbor/publik/?kecamatan=64.08.04&measure=days"


@pytest.mark.parametrize("make", [make_leader, make_officer, None])
def test_everybody_sees_the_public_figures_and_nobody_more_there(client: Client, make: Any) -> None:
    place = Place()
    report(place, today_wita())
    report(place, today_wita(), confidential=True)
    if make:
        client.force_login(make())
    page = get(client, "/dasbor/publik/")
    assert figure(page, "n") == "1"
    assert ("To the leadership" in page) == (make is make_leader)


def test_leadership_counts_confidential_reports_and_reads_none(client: Client) -> None:
    place = Place()
    long_ago = today_wita() - dt.timedelta(days=60)
    report(place, long_ago, due=3, title="Terbuka untuk semua")
    report(place, long_ago, due=3, title="Rahasia sekali", confidential=True)
    client.force_login(make_leader())
    page = get(client, "/dasbor/")
    assert figure(page, "n") == "2"
    assert "Terbuka untuk semua" in page
    assert "Rahasia sekali" not in page


@pytest.mark.parametrize("path", ["/dasbor/", "/dasbor/publik/"])
def test_nothing_is_written_by_a_dashboard(client: Client, path: str) -> None:
    client.force_login(make_leader())
    assert client.post(path).status_code == 405


# Everything by URL.


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("since=kemarin", "Write the day as YYYY-MM-DD"),
        ("since=2026-05-01&until=2026-04-01", "ends before it begins"),
        ("kecamatan=64.99.99", "There is no “64.99.99” here"),
        ("measure=beauty", "beauty"),
        ("layar=2", "2"),
        ("category=%00", "There is no"),
    ],
)
def test_a_wrong_question_says_what_to_mend_and_keeps_what_was_typed(client: Client, query: str, words: str) -> None:
    Place()
    response = client.get(f"/dasbor/publik/?{query}", headers=ENGLISH)
    assert response.status_code == 400
    page = html.unescape(response.content.decode())
    assert words in page
    assert 'class="dash-frame"' in page
    assert "<h1>Citizens' reports in figures</h1>" in page
    for name, (text, *_more) in parse_qs(query).items():
        if "\x00" not in text:
            assert f'value="{text}"' in page, name


def test_what_the_address_asks_in_vain_is_named(client: Client) -> None:
    Place()
    page = get(client, "/dasbor/publik/", kecmatan="64.08.04")
    assert "left out: kecmatan" in text_of(page)
    wrong = client.get("/dasbor/publik/?foo=bar&since=abc", headers=ENGLISH)
    assert wrong.status_code == 400
    assert "left out: foo" in text_of(wrong.content.decode())


def test_what_was_typed_is_escaped(client: Client) -> None:
    Place()
    for name in ("kecamatan", "since", "measure", "foo<b>"):
        response = client.get("/dasbor/publik/?" + urlencode({name: '"><script>alert(1)</script>'}))
        assert "<script>alert" not in response.content.decode()
        assert "foo<b>" not in response.content.decode()


def test_a_kecamatan_opens_its_desa_and_these_their_reports(client: Client) -> None:
    place = Place()
    report(place, TODAY)
    report(place, TODAY, desa=None)
    query = {"since": "2026-06-01", "until": "2026-06-30", "measure": "per_1000"}
    page = get(client, "/dasbor/publik/", **query)
    assert 'id="desa"' not in page
    ways = [html.unescape(way) for way in re.findall(r'href="(\?[^"]*kecamatan=64.08.04[^"]*#desa)"', page)]
    assert ways
    page = get(client, "/dasbor/publik/", **{k: v[0] for k, v in parse_qs(ways[0][1:].partition("#")[0]).items()})
    assert [row[:2] for row in rows(page, "desa")[1:]] == [["Teluk Lingga", "1"], ["without a desa", "1"]]
    (reports,) = re.findall(r'href="(/laporan/\?[^"]*desa=64.08.04.1001[^"]*)"', page.split('id="desa"')[1])
    listed = client.get(html.unescape(reports))
    assert listed.status_code == 200
    assert listed.context["count"] == 1


def test_headline_figures_open_lists_of_as_many_reports(client: Client) -> None:
    place = Place()
    for days in (1, 50, 70):
        report(place, today_wita() - dt.timedelta(days=days), due=60)
    report(place, today_wita() - dt.timedelta(days=9), answered=2)
    page = get(client, "/dasbor/publik/")
    for name, n in (("n", 4), ("open", 3)):
        (address,) = re.findall(
            rf'href="(/laporan/[^"]*)"><span[^>]*>[^<]*</span> <strong[^>]*data-figure="{name}"', page
        )
        assert client.get(html.unescape(address)).context["count"] == n
        assert figure(page, name) == str(n)
    (overdue,) = re.findall(r'href="(/laporan/[^"]*overdue=1[^"]*)"', page)
    assert client.get(html.unescape(overdue)).context["count"] == 1


def test_conditions_can_be_taken_away_one_by_one(client: Client) -> None:
    Place()
    page = get(client, "/dasbor/publik/", kecamatan="64.08.04", desa="64.08.04.1001", category="jalan", layar="1")
    ways = re.findall(r'<a class="chip" href="\?([^"]*)">([^<]*)<svg', page)
    left = {label: set(parse_qs(html.unescape(query))) - {"since", "until", "layar"} for query, label in ways}
    assert left == {
        "Sangatta Utara": {"category"},
        "Teluk Lingga": {"kecamatan", "category"},
        "Roads": {"kecamatan", "desa"},
    }


@pytest.mark.parametrize(
    "query", ["", "?layar=1", "?since=2150-01-01", "?since=2030-01-01&until=2031-01-01", "?until=2001-05-05"]
)
def test_an_empty_system_has_a_screen_for_every_period(client: Client, query: str) -> None:
    assert client.get(f"/dasbor/publik/{query}").status_code == 200


# The API says the same.


@pytest.mark.usefixtures("kutim")
def test_every_figure_is_that_of_the_api(client: Client) -> None:
    make_reports(count=2_000, seed=5)
    rollups.fold_all()
    chance = random.Random(77)
    today = today_wita()
    for _ in range(4):  # a hundred without sensitive categories: monthly/test_numbers_agree.py
        query = some_query(chance, today)

        def told(section: str, query: Any = query, **own: Any) -> Any:
            response = client.get(f"/api/v1/stats/{section}/?{urlencode(query | own, doseq=True)}", headers=ENGLISH)
            assert response.status_code == 200
            body = response.json()
            return body["rows"] if "rows" in body else body[section]

        check_screen(get(client, "/dasbor/publik/", **query), told)


def check_screen(page: str, told: Callable[..., Any]) -> None:
    """Compare every figure of the screen, those of the tables under its charts too, with `told(section, **own)`."""
    check_headline(page, told("totals"), told("trend", step=step_of(page)))
    names = [
        (row["name"], row) for row in sorted(told("kecamatan"), key=lambda row: (row["n"] is None, -(row["n"] or 0)))
    ]
    seen = {row[0]: row[1:] for row in rows(page, "areas")[1:]}
    assert seen == {name: area_cells(row) for name, row in names}
    if 'id="desa"' in page:
        assert [cells[1:] for cells in rows(page, "desa")[1:]] == [
            [count(row["n"]), *late_cells(row)] for row in told("desa")
        ]
    league = [row for row in rows(page, "agencies")[1:] if len(row) == 9]
    assert league == [agency_cells(row) for row in told("agencies")]
    assert rows(page, "categories")[1:] == [
        [row["name"], count(row["n"], "<5"), percent(row["share"]["rate"])]
        + [count(row[name], "<5") for name in ("last_year", "open", "overdue")]
        for row in told("categories")
    ]
    assert [row[1:] for row in rows(page, "trend")[1:]] == [
        [count(row["n"]), count(row["last_year"], "<5")] for row in told("trend", step=step_of(page))
    ]
    assert [row[1:] for row in rows(page, "flow")[1:]] == [
        [count(row[name]) for name in ("came", "went", "backlog")] for row in told("flow", step=step_of(page))
    ]
    promises = page.split('id="promises"')[1].split("</section>")[0]
    assert re.findall(r"/laporan/(KT-[^/]*)/", promises) == [row["ticket"] for row in told("promises")]
    late = re.findall(r", ([\d,]+) working days? late", text_of(promises))
    assert late == [count(row["late_days"]) for row in told("promises")]
    check_changes(page.split('id="changes"')[1].split("</section>")[0], told("changes"))


def step_of(page: str) -> str:
    return "month" if "each month" in page.split('id="trend-title"')[1][:60] else "week"


def check_headline(page: str, totals: dict[str, Any], trend: list[dict[str, Any]]) -> None:
    took = totals["resolve"] or {}
    assert figure(page, "n") == count(totals["n"], "<5")
    assert figure(page, "open") == count(totals["open"], "<5")
    assert figure(page, "overdue_share") == percent(totals["overdue_share"]["rate"])
    assert figure(page, "on_time") == percent(totals["on_time"]["rate"])
    assert figure(page, "median_days") == decimal(took.get("median_days"))
    words = text_of(page.split('id="headline"')[1].split("</section>")[0])
    assert f"of them on hold: {count(totals['on_hold'], '<5')} " in words
    for name, of in (("overdue_share", "open"), ("on_time", "promises due")):
        share = totals[name]
        if share["n"]:
            low, high = percent(share["low"]), percent(share["high"])
            assert f"{count(share['k'])} of {count(share['n'])} {of}; 95% interval {low} to {high}" in words
    if took.get("n"):
        assert f"median of {count(took['n'])}; nine of ten within {decimal(took['p90_days'])} days" in words
    before = re.search(r"a year before: (\S+)", words)
    if before:
        assert before.group(1) == count(sum(row["last_year"] for row in trend))


def check_changes(section: str, changes: dict[str, Any]) -> None:
    words = text_of(section)
    assert section.count("<li>") == len(changes["rows"])
    if total := changes["total"]:
        low, high = count(total["low"]), count(total["high"])
        assert f" {count(total['n'])} reports came" in words
        assert f"{decimal(total['mean'])} a week. By chance {low} to {high} would be usual" in words
    for row in changes["rows"]:
        told = f"{row['name']} : {count(row['n'])} reports, usually {decimal(row['mean'])} a week; by chance"
        assert f"{told} {count(row['low'])} to {count(row['high'])}." in words


def late_cells(row: dict[str, Any]) -> list[str]:
    """Return open, overdue, their share and its interval, as the screen shows them in a list."""
    if row["n"] is None:
        return [count(None), count(None), "–", "–"]
    share = row["overdue_share"]
    return [count(row["open"], "<5"), count(row["overdue"], "<5"), percent(share["rate"]), span(share)]


def area_cells(row: dict[str, Any]) -> list[str]:
    took = row["resolve"] or {}
    days = decimal(took.get("median_days"))
    answered = count(took["n"], "<5") if took else "–"
    return [count(row["n"]), decimal(row["per_1000"]), *late_cells(row), days, answered]


def agency_cells(row: dict[str, Any]) -> list[str]:
    hidden = row["n"] is None
    standing = (
        [count(None)] * 3 if hidden else [count(row["n"]), *(count(row[one], "<5") for one in ("open", "overdue"))]
    )
    return [
        "–" if row["rank"] is None else str(row["rank"]),
        f"{row['short_name']} {row['name']}",
        percent(row["on_time"]["rate"]),
        span(row["on_time"]),
        count(None) if hidden else count(row["on_time"]["n"]),
        *standing,
        decimal((row["resolve"] or {}).get("median_days")),
    ]


def decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"


def percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.1f}%"


def count(n: int | None, hidden: str = "hidden") -> str:
    return hidden if n is None else f"{n:,}"


def span(share: dict[str, Any]) -> str:
    return f"{percent(share['low'])}–{percent(share['high'])}" if share["n"] else "–"


def test_small_numbers_on_sensitive_matters_are_hidden_from_the_public_alone(client: Client) -> None:
    place = Place()
    Category.objects.filter(pk=place.waste.pk).update(sensitive=True)
    for _ in range(3):
        report(place, today_wita(), category=place.waste)
    page = get(client, "/dasbor/publik/", category="sampah")
    assert figure(page, "n") == "<5"
    assert "so that nobody is found out" in text_of(page)
    area = {row[0]: row[1] for row in rows(page, "areas")[1:]}
    assert area["Sangatta Utara"] == "hidden"
    assert "Sangatta Utara" in page
    client.force_login(make_leader())
    assert figure(get(client, "/dasbor/", category="sampah"), "n") == "3"


# What it costs.


@pytest.mark.usefixtures("kutim")
def test_the_screen_costs_its_sections_and_nothing_for_each_row(client: Client) -> None:
    make_reports(count=60, seed=1)
    rollups.fold_all()
    user = make_leader()
    client.force_login(user)
    query = {"kecamatan": "64.08.04"}
    client.get("/dasbor/", query)  # what a process keeps
    with CaptureQueriesContext(connection) as few:
        client.get("/dasbor/", query)
    make_reports(count=1_500, seed=2)
    rollups.fold_all()
    with CaptureQueriesContext(connection) as many:
        client.get("/dasbor/", query)
    assert abs(len(many) - len(few)) <= 2  # a section without rows asks for no names
    question = ask("kecamatan=64.08.04", audience=LEADERSHIP, today=today_wita())
    sections = (
        numbers.totals, numbers.by_kecamatan, numbers.by_desa, numbers.trend, numbers.top_categories,
        numbers.by_agency, numbers.flow, numbers.changes, numbers.broken_promises,
    )  # fmt: skip
    with CaptureQueriesContext(connection) as bare:
        for section in sections:
            section(question)
    assert len(many) - len(bare) <= 10  # session, person, memberships, the form's choices, the edition
