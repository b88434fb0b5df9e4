"""Numbers agree: of 100 random questions, screen = API = PDF = XLSX = a recount of the reports by plain SQL.

Every figure of the screen is compared, those of the tables under its charts too. Of the workbooks, what a quarter of
the files holds and what is written into the others. What is printed is read from the page before its type is set, for
all; from the set PDF, for one month.
"""

import html
import io
import random
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import translation
from openpyxl import load_workbook

from dashboards.monthly import making
from dashboards.monthly.document import html_of
from dashboards.monthly.figures import Figures, figures_of, monthly_question
from dashboards.monthly.workbook import sheets_of, workbook_of
from dashboards.questions import PUBLIC, QuestionForm, months_before, today_wita
from incidents import rollups
from incidents.models import Category, Report
from incidents.synthetic import make_reports
from tests.unit.dashboards.monthly.test_press import printed_text
from tests.unit.dashboards.test_api import Recount, some_query
from tests.unit.dashboards.test_views import check_screen, count, decimal, figure, percent, rows, span, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kutim")]
ENGLISH = {"Accept-Language": "en"}


def told(client: Client, section: str, *, query: str, **own: Any) -> Any:
    """Return a section of the API's answer."""
    address = urlencode({**dict(QueryDict(query).lists()), **own}, doseq=True)
    response = client.get(f"/api/v1/stats/{section}/?{address}", headers=ENGLISH)
    assert response.status_code == 200, response.content
    body = response.json()
    return body["rows"] if "rows" in body else body[section]


def printed(page: str, table: str) -> list[list[str]]:
    """Return the cells of the tables of this name in the page that is printed, without their headings."""
    found = []
    for body in re.findall(rf'data-table="{table}".*?</table>', page, re.DOTALL):
        for row in re.findall(r"<tr[ >].*?</tr>", body.partition("</thead>")[2], re.DOTALL):
            found.append([text_of(cell) for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL)])
    return found


def in_workbook(figures: Figures) -> dict[str, list[list[Any]]]:
    """Return the rows of each sheet as they are read from the file."""
    book = load_workbook(io.BytesIO(workbook_of(figures, edition=1)), read_only=True)
    return {  # a file leaves out the empty cells at a row's end
        sheet.title: [
            [*row, *[None] * (len(sheet.columns) - len(row))]
            for row in book[sheet.title].iter_rows(min_row=3, values_only=True)
        ]
        for sheet in sheets_of(figures)
    }


def for_workbook(figures: Figures) -> dict[str, list[list[Any]]]:
    """Return the rows of each sheet as they are written into the file."""
    return {
        sheet.title: [[column.value(row) for column in sheet.columns] for row in sheet.rows]
        for sheet in sheets_of(figures)
    }


def close(cell: Any, value: Any) -> bool:
    """Whether a cell holds a number, to what a file keeps of it; an empty one holds None."""
    return cell is None if value is None else cell == pytest.approx(value, rel=1e-12)


def check_totals(page: str, sheet: list[list[Any]], answers: list[Any]) -> None:
    lines = printed(page, "totals")
    for place, totals in enumerate(answers, 1):
        for line, row, name in zip(
            lines,
            sheet,
            ("n", "open", "on_hold", "overdue", "answered", "closed", "rejected", "duplicate"),
            strict=False,
        ):
            assert line[place] == count(totals[name], "<5")
            assert row[place] == totals[name]
        for line, first, name in ((lines[8], 8, "overdue_share"), (lines[9], 13, "on_time")):
            share = totals[name]
            assert line[place].split()[0] == percent(share["rate"])
            if share["n"]:
                assert line[place].endswith(f"{count(share['k'])}/{count(share['n'])} · {span(share)}")
            for row, part in zip(sheet[first:], ("rate", "k", "n", "low", "high"), strict=False):
                assert close(row[place], share[part] if share["n"] else None)
        for line, first, name in ((lines[10], 18, "verify"), (lines[11], 21, "respond"), (lines[12], 24, "resolve")):
            took = totals[name] or {"median_days": None, "p90_days": None, "n": None}
            assert line[place].split()[0] == decimal(took["median_days"])
            for row, part in zip(sheet[first:], ("median_days", "p90_days", "n"), strict=False):
                assert close(row[place], took[part])


def check_kecamatan(page: str, screen: str, sheet: list[list[Any]], answers: list[Any], true: dict[str, Any]) -> None:
    on_screen = {row[0]: row for row in rows(screen, "areas")[1:]}
    for line, cells, row in zip(
        printed(page, "kecamatan"), sheet, sorted(answers, key=lambda one: one["name"]), strict=True
    ):
        want = true.pop(row["code"], {"n": 0, "open": 0, "overdue": 0})
        assert (row["n"], row["open"], row["overdue"]) == (want["n"], want["open"], want["overdue"])
        assert line[1:10] == on_screen[row["name"]]
        assert line[1:6] == [
            row["name"], count(row["n"]), decimal(row["per_1000"]), count(row["open"]), count(row["overdue"])
        ]  # fmt: skip
        assert line[6:8] == [percent(row["overdue_share"]["rate"]), span(row["overdue_share"])]
        assert cells[:5] == [row["code"], row["name"], row["n"], row["open"], row["overdue"]]
        assert close(cells[5], row["overdue_share"]["rate"])
        assert close(cells[12], row["per_1000"])
        assert close(cells[13], (row["resolve"] or {}).get("median_days"))
    assert not true


def check_categories(page: str, screen: str, sheet: list[list[Any]], answers: list[Any], true: dict[str, Any]) -> None:
    assert {row["code"]: (row["n"], row["open"], row["overdue"]) for row in answers} == {
        code: (row["n"], row["open"], row["overdue"]) for code, row in true.items()
    }
    assert [[row[1], row[3], row[4], row[9], row[10], row[11]] for row in sheet] == [
        [row["name"], row["n"], pytest.approx(row["share"]["rate"]), row["last_year"], row["open"], row["overdue"]]
        for row in answers
    ]
    lines = [[line[0], *line[2:]] for line in printed(page, "categories")]
    assert lines == [
        [row["name"], count(row["n"]), percent(row["share"]["rate"])]
        + [count(row[name]) for name in ("last_year", "open", "overdue")]
        for row in answers[:12]
    ]
    assert lines[:10] == rows(screen, "categories")[1:]


def check_year(
    page: str, sheets: dict[str, list[list[Any]]], ask: Callable[..., Any], year: str, true: Recount
) -> None:
    trend, flow = (ask(name, query=year, step="month") for name in ("trend", "flow"))
    assert [line[1:] for line in printed(page, "months")] == [
        [count(one["n"]), count(one["last_year"]), count(two["went"]), count(two["backlog"])]
        for one, two in zip(trend, flow, strict=True)
    ]
    assert [row[2:] for row in sheets["Trend"]] == [[one["n"], one["last_year"]] for one in trend]
    assert [row[2:] for row in sheets["In and out"]] == [[one["came"], one["went"], one["backlog"]] for one in flow]
    assert sum(one["n"] for one in trend) == true.reports.count()
    agencies = ask("agencies", query=year)
    by_agency = true.by("agency__code")
    by_agency.pop(None, None)
    assert {row["code"]: (row["n"], row["on_time"]["k"], row["on_time"]["n"]) for row in agencies} == {
        code: (row["n"], row["kept"], row["due"]) for code, row in by_agency.items()
    }
    league = [line for line in printed(page, "agencies") if len(line) == 10]
    for line, cells, row in zip(league, sheets["Agencies"], agencies, strict=True):
        assert line[0] == ("–" if row["rank"] is None else str(row["rank"]))
        assert line[1].startswith(row["short_name"])
        assert [line[2], line[4]] == [percent(row["on_time"]["rate"]), span(row["on_time"])]
        assert line[5:9] == [count(n) for n in (row["on_time"]["n"], row["n"], row["open"], row["overdue"])]
        assert cells[0] == row["rank"]
        assert cells[4:7] == [row["n"], row["open"], row["overdue"]]
        assert close(cells[7], row["on_time"]["rate"])
    tickets = [row["ticket"] for row in ask("promises", query=year, limit=20)]
    assert [row[0] for row in sheets["Broken promises"]] == tickets
    assert [line[0] for line in printed(page, "promises")] == tickets[:10]


@pytest.mark.parametrize("part", range(4))
def test_hundred_random_questions_have_the_same_numbers_everywhere(client: Client, part: int) -> None:
    Category.objects.update(sensitive=False)
    make_reports(count=1_200, seed=41)
    chance = random.Random(20_264 + part)
    some = chance.sample(list(Report.objects.values_list("pk", flat=True)), 500)
    Report.objects.filter(pk__in=some).update(channel="web")
    rollups.fold(limit=400)  # some stay unfolded
    today = today_wita()
    seen = 0
    for number in range(25):
        query = some_query(chance, today)
        form = QuestionForm(QueryDict(urlencode(query, doseq=True)))
        assert form.is_valid(), form.errors
        question = form.question(audience=PUBLIC, today=today)
        with translation.override("en"):
            figures = figures_of(question)
            page = html_of(figures, edition=1)
            sheets = for_workbook(figures) if number % 4 else in_workbook(figures)
        asked = question.query_string()
        screen = client.get(f"/dasbor/publik/?{asked}", headers=ENGLISH).content.decode()
        true = Recount(query, today)
        ask = cache(partial(told, client))
        check_screen(screen, partial(ask, query=asked))

        totals = [
            ask("totals", query=one.query_string())
            for one in (figures.question, figures.before, figures.last_year, figures.year)
        ]
        assert totals[0]["n"] == true.reports.count()
        seen += totals[0]["n"]
        assert figure(screen, "n") == figure(page, "n") == count(totals[0]["n"])
        check_totals(page, sheets["Main figures"], totals)
        check_kecamatan(page, screen, sheets["Kecamatan"], ask("kecamatan", query=asked), true.by("kecamatan__code"))
        categories = ask("categories", query=asked, limit=100)
        check_categories(page, screen, sheets["Categories"], categories, true.by("category__code"))

        year = dict(query, since=figures.year.since.isoformat(), until=figures.year.until.isoformat())
        check_year(page, sheets, ask, figures.year.query_string(), Recount(year, today))

        by_desa = Recount(year, today).by("desa__code")
        for code, n, is_open, late in ((row[0], row[4], row[5], row[6]) for row in sheets["Desa"]):
            want = by_desa.get(code or None, {"n": 0, "open": 0, "overdue": 0})
            assert (n, is_open, late) == (want["n"], want["open"], want["overdue"])
        printed_desa = [line for line in printed(page, "desa") if len(line) == 5]
        assert sorted(line[1:] for line in printed_desa) == sorted(
            [count(row[3]), count(row[4]), count(row[5]), count(row[6])] for row in sheets["Desa"]
        )
        changes = ask("changes", query=asked, days=28)
        assert [row[3] for row in sheets["Changes"]] == [changes["total"]["n"], *(one["n"] for one in changes["rows"])]
        assert figure(page, "changes") == str(len(changes["rows"]))
    assert seen > 100


def test_the_set_pdf_tells_what_its_page_tells_and_small_sensitive_numbers_nowhere() -> None:
    make_reports(count=700, seed=12)
    rollups.fold_all()
    month = months_before(today_wita(), 1)
    with translation.override("id"):
        figures = figures_of(monthly_question(month, today_wita()))
        page = html_of(figures, edition=1)
    assert figures.totals.n
    text = printed_text(making.printed(page))
    for table in ("totals", "kecamatan", "months", "categories", "agencies", "promises", "desa"):
        for line in printed(page, table):
            assert "".join("".join(line).split()) in text, (table, line)
    for name in ("n", "backlog", "on_time", "overdue_share", "median_days"):
        assert "".join(figure(page, name).split()) in text
    assert html.unescape("Halaman") in text
    sensitive = set(Category.objects.filter(sensitive=True).values_list("code", flat=True))
    small = [row for row in figures.categories if row.code in sensitive and row.n is not None]
    assert all(row.n >= 5 or row.n == 0 for row in small if row.n is not None)
