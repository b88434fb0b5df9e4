"""The figures of /api/v1/stats/ against the same counted straight from the reports."""

import datetime as dt
import random
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db.models import Count, F, Q
from django.test import Client

from accounts.models import Agency
from dashboards.questions import today_wita
from geo.models import Desa, Kecamatan
from incidents import rollups
from incidents.clock import WITA
from incidents.filters import leaf_ids
from incidents.models import Category, Report
from incidents.models.reports import OPEN_STATUSES
from incidents.synthetic import make_reports

pytestmark = pytest.mark.django_db


def get(client: Client, section: str, **query: Any) -> Any:
    response = client.get(f"/api/v1/stats/{section}?{urlencode(query, doseq=True)}", headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.content
    return response.json()


def midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), WITA)


class Recount:
    """What a query string asks for, counted by GROUP BY."""

    def __init__(self, query: dict[str, Any], today: dt.date) -> None:
        self.today = today
        chosen = Report.objects.public()
        if "kecamatan" in query:
            chosen = chosen.filter(kecamatan__code__in=query["kecamatan"])
        if "desa" in query:
            chosen = chosen.filter(desa__code__in=query["desa"])
        if "category" in query:
            asked = list(Category.objects.filter(code__in=query["category"]))
            chosen = chosen.filter(category__in=leaf_ids(asked))
        if "agency" in query:
            chosen = chosen.filter(agency__code__in=query["agency"])
        if "channel" in query:
            chosen = chosen.filter(channel__in=query["channel"])
        self.since, self.until = (dt.date.fromisoformat(query[name]) for name in ("since", "until"))
        self.chosen = chosen.order_by()
        self.reports = self.between(self.since, self.until)

    def between(self, first: dt.date, last: dt.date) -> Any:
        return self.chosen.filter(created_at__gte=midnight(first), created_at__lt=midnight(last + dt.timedelta(days=1)))

    def by(self, column: str) -> dict[Any, dict[str, int]]:
        is_open, late = Q(status__in=OPEN_STATUSES), Q(resolve_due_at__lt=midnight(self.today))
        overdue = is_open & ~Q(status="on_hold") & late
        rows = self.reports.values(column).annotate(
            n=Count("id"),
            open=Count("id", filter=is_open),
            overdue=Count("id", filter=overdue),
            kept=Count("id", filter=Q(answered_at__lte=F("resolve_due_at"))),
            due=Count("id", filter=Q(answered_at__isnull=False) | overdue),
            answered_ever=Count("id", filter=Q(answered_at__isnull=False)),
        )
        return {row[column]: row for row in rows}


def some_query(chance: random.Random, today: dt.date) -> dict[str, Any]:
    query: dict[str, Any] = {}
    first = today - dt.timedelta(days=chance.randrange(760))
    last = min(today, first + dt.timedelta(days=chance.choice([0, 5, 20, 45, 90, 200, 400, 800])))
    query["since"], query["until"] = first.isoformat(), last.isoformat()
    if chance.random() < 0.5:
        kecamatan = chance.sample(list(Kecamatan.objects.all()), chance.choice([1, 1, 2, 5]))
        query["kecamatan"] = [area.code for area in kecamatan]
        if chance.random() < 0.4:
            desa = list(Desa.objects.filter(kecamatan__in=kecamatan))
            query["desa"] = [area.code for area in chance.sample(desa, chance.choice([1, 2, 3]))]
    if chance.random() < 0.5:
        query["category"] = [row.code for row in chance.sample(list(Category.objects.all()), chance.choice([1, 3, 9]))]
    if chance.random() < 0.3:
        query["agency"] = [row.code for row in chance.sample(list(Agency.objects.all()), chance.choice([1, 10, 30]))]
    if chance.random() < 0.3:
        query["channel"] = chance.sample(["web", "api", "synthetic"], chance.choice([1, 2]))
    return query


@pytest.mark.usefixtures("kutim")
def test_forty_random_questions_are_answered_as_a_recount_does(client: Client) -> None:
    # A hundred more, with what people see and take away: monthly/test_numbers_agree.py.
    Category.objects.update(sensitive=False)
    make_reports(count=2_500, seed=9)
    chance = random.Random(20_261)
    for channel in ("web", "api"):
        some = Report.objects.filter(pk__in=chance.sample(list(Report.objects.values_list("pk", flat=True)), 600))
        some.update(channel=channel)
    rollups.fold(limit=700)  # some stay unfolded
    today = today_wita()
    seen = 0
    for _ in range(40):
        query = some_query(chance, today)
        true = Recount(query, today)
        totals = get(client, "totals/", **query)["totals"]
        status = dict(true.reports.values_list("status").annotate(Count("id")))
        assert totals["n"] == true.reports.count()
        seen += totals["n"]
        for name in ("answered", "closed", "rejected", "on_hold", "duplicate"):
            assert totals[name] == status.get(name, 0)

        by_kecamatan = true.by("kecamatan__code")
        for row in get(client, "kecamatan/", **query)["rows"]:
            want = by_kecamatan.pop(row["code"], {"n": 0, "open": 0, "overdue": 0})
            assert {name: row[name] for name in ("n", "open", "overdue")} == {
                name: want[name] for name in ("n", "open", "overdue")
            }
        assert not by_kecamatan

        if "kecamatan" in query:
            by_desa = true.by("desa__code")
            for row in get(client, "desa/", **query)["rows"]:
                want = by_desa.pop(row["code"] or None, {"n": 0, "open": 0, "overdue": 0})
                assert (row["n"], row["open"], row["overdue"]) == (want["n"], want["open"], want["overdue"])
            assert not by_desa

        by_category = true.by("category__code")
        rows = get(client, "categories/", limit=100, **query)["rows"]
        assert {row["code"]: (row["n"], row["open"], row["overdue"]) for row in rows} == {
            code: (row["n"], row["open"], row["overdue"]) for code, row in by_category.items()
        }

        by_agency = true.by("agency__code")
        by_agency.pop(None, None)
        rows = get(client, "agencies/", **query)["rows"]
        assert {row["code"]: (row["n"], row["on_time"]["k"], row["on_time"]["n"]) for row in rows} == {
            code: (row["n"], row["kept"], row["due"]) for code, row in by_agency.items()
        }
        whole_months = true.since.day == 1 and (true.until == today or (true.until + dt.timedelta(days=1)).day == 1)
        if whole_months and "desa" not in query:
            assert {row["code"]: row["resolve"]["n"] for row in rows} == {
                code: row["answered_ever"] for code, row in by_agency.items()
            }

        step = chance.choice(["week", "month"])
        for one in get(client, "trend/", step=step, **query)["rows"]:
            first, last = (dt.date.fromisoformat(one[end]) for end in ("first", "last"))
            assert one["n"] == true.between(first, last).count()
        last_bin = get(client, "flow/", step=step, **query)["rows"][-1]
        still = true.chosen.filter(created_at__lt=midnight(true.until + dt.timedelta(days=1)))
        gone = still.exclude(status__in=OPEN_STATUSES).annotate(ended=F("answered_at"), archived=F("closed_at"))
        gone = gone.filter(
            Q(ended__lt=midnight(true.until + dt.timedelta(days=1)))
            | Q(ended=None, archived__lt=midnight(true.until + dt.timedelta(days=1)))
        )
        assert last_bin["backlog"] == still.count() - gone.count()
    assert seen > 2_000


@pytest.mark.usefixtures("kutim")
def test_promises_and_heat_agree_with_the_reports(client: Client) -> None:
    make_reports(count=600, seed=9)
    rows = get(client, "promises/", limit=100)["rows"]
    assert rows
    late = Report.objects.public().overdue().order_by("resolve_due_at", "id")
    tickets = [report.ticket for report in late if not report.category.sensitive][: len(rows)]
    assert {row["ticket"] for row in rows} <= set(Report.objects.public().values_list("ticket", flat=True))
    assert [row["ticket"] for row in rows][:5] == [
        ticket for ticket in tickets if ticket in {row["ticket"] for row in rows}
    ][:5]
    since = (today_wita() - dt.timedelta(days=800)).isoformat()
    assert (
        sum(row["n"] for row in get(client, "heat/", level=11, since=since)["rows"]) == Report.objects.public().count()
    )


@pytest.mark.usefixtures("kutim")
def test_index_names_the_sections_for_the_same_question(client: Client) -> None:
    body = get(client, "", since="2026-01-01", until="2026-02-28", category="jalan-rusak")
    assert body["question"] == {"since": "2026-01-01", "until": "2026-02-28", "category": ["jalan-rusak"]}
    assert set(body["sections"]) == {
        "totals", "kecamatan", "desa", "trend", "categories", "agencies", "flow", "changes", "promises", "heat",
        "service", "states", "handovers", "reopened", "forecast",
    }  # fmt: skip
    for name, address in body["sections"].items():
        answer = client.get(address)
        assert answer.status_code == (400 if name == "desa" else 200)
        assert answer["Content-Type"].startswith("application/" + ("problem+json" if name == "desa" else "json"))


@pytest.mark.usefixtures("kutim")
@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("totals/?colour=red", "colour"),
        ("totals/?step=week", "step"),
        ("totals/?since=soon", "since"),
        ("changes/?days=6", "days"),
        ("changes/?days=29", "days"),
        ("totals/?since=2026-02-02&until=2026-02-01", "until"),
        ("totals/?category=%00", "category"),
        ("kecamatan/?kecamatan=1", "kecamatan"),
        ("desa/", "kecamatan"),
        ("trend/?step=year", "step"),
        ("categories/?limit=0", "limit"),
        ("categories/?limit=%D9%A3", "limit"),
        ("promises/?limit=101", "limit"),
        ("heat/?level=18", "level"),
    ],
)
def test_wrong_parameter_is_a_problem_that_names_it(client: Client, address: str, field: str) -> None:
    response = client.get(f"/api/v1/stats/{address}")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert field in response.json()["errors"]


def test_unknown_section_is_not_found(client: Client) -> None:
    response = client.get("/api/v1/stats/colours/")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_sections_are_in_the_openapi_document(client: Client) -> None:
    schema = client.get("/api/v1/schema/?format=json").json()
    totals = schema["paths"]["/api/v1/stats/totals/"]["get"]
    assert {parameter["name"] for parameter in totals["parameters"]} >= {"since", "until", "kecamatan", "channel"}
    assert "overdue_share" in schema["components"]["schemas"]["Totals"]["properties"]
    assert {one["name"] for one in schema["paths"]["/api/v1/stats/trend/"]["get"]["parameters"]} >= {"step"}


@pytest.mark.usefixtures("kutim")
def test_confidential_reports_are_never_counted_even_for_their_officer(admin_client: Client) -> None:
    make_reports(count=300, seed=2)
    assert Report.objects.filter(confidential=True).exists()
    body = get(admin_client, "totals/", since="2020-01-01")
    assert body["totals"]["n"] == Report.objects.public().count()
