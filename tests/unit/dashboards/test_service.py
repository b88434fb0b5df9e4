"""The service's figures against small histories, and the page for each reader."""

import datetime as dt
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboards import numbers, service
from dashboards.forecasts import HORIZON, WEEKS_READ
from dashboards.questions import LEADERSHIP, PUBLIC, Audience
from dashboards.statistics import Share
from incidents import move_counts, rollups
from incidents.models import Report, ReportEvent
from tests.factories.accounts import make_coordinator, make_leader, make_officer
from tests.factories.map_reports import Place
from tests.unit.dashboards.test_numbers import TODAY, ask, at, report

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}
DAY = dt.timedelta(days=1)


@pytest.fixture(params=["unfolded", "folded"])
def fold(request: pytest.FixtureRequest) -> Any:
    def both() -> None:
        if request.param == "folded":
            rollups.fold_all()
            move_counts.fold_all()

    return both


def life(report: Report, *steps: tuple[str, str, int, Any]) -> Report:
    """Put steps on record: (type, status after, days after the report came, agency)."""
    before = ""
    for kind, after, days, agency in steps:
        ReportEvent.objects.create(
            report=report, type=kind, from_status=before, to_status=after, agency=agency,
            created_at=report.created_at + days * DAY,
        )  # fmt: skip
        before = after
    return report


def begun(place: Place, *, days: int = 60, **fields: Any) -> Report:
    """Store a report that came `days` ago and was forwarded to the first agency a day later."""
    one = report(place, TODAY - days * DAY, **fields)
    return life(one, ("received", "received", 0, None), ("routed", "routed", 1, place.agency))


def further(one: Report, *steps: tuple[str, str, int, Any]) -> Report:
    last = one.events.order_by("-id")[0].to_status
    for kind, after, days, agency in steps:
        ReportEvent.objects.create(
            report=one, type=kind, from_status=last, to_status=after, agency=agency,
            created_at=one.created_at + days * DAY,
        )  # fmt: skip
        last = after
    return one


def test_states_tell_how_long_reports_stay(fold: Any) -> None:
    place = Place()
    for days in (3, 5, 11):
        further(begun(place), ("taken", "in_progress", days, place.agency), ("answered", "answered", 20, place.agency))
    begun(place, confidential=True)
    fold()
    rows = {row.state: row.stay for row in service.states(ask())}
    assert list(rows) == ["received", "routed", "in_progress", "on_hold", "answered", "reopened"]
    for state, n, median in (("received", 3, 1), ("routed", 3, 4), ("in_progress", 3, 15)):
        stay = rows[state]
        assert stay is not None
        assert stay.n == n
        assert stay.median_days == pytest.approx(median, rel=numbers.QUANTILE_ERROR)
    assert rows["answered"] == numbers.Duration(0, None, None)  # it has not ended
    everything = {row.state: row.stay for row in service.states(ask(audience=LEADERSHIP))}
    assert everything["received"] is not None
    assert everything["received"].n == 4
    assert all(row.stay is None for row in service.states(ask("desa=64.08.04.1001")))


def test_handovers_tell_from_whom_to_whom_and_what_bounces(fold: Any) -> None:
    place = Place()
    first, second = place.agency, place.second
    further(begun(place), ("handed_over", "routed", 2, second), ("handed_over", "routed", 4, first))
    further(begun(place), ("handed_over", "routed", 2, second))
    begun(place)
    fold()
    found = service.handovers(ask())
    assert (found.n, found.reports, found.again) == (3, 2, 1)
    assert found.back == Share(1, 3)
    assert found.of_forwarded == Share(2, 3)
    assert [(pair.giver, pair.taker, pair.n) for pair in found.pairs] == [("dlh", "dpu", 2), ("dpu", "dlh", 1)]
    taken = service.handovers(ask("agency=dpu"))
    assert [(pair.giver, pair.taker, pair.n) for pair in taken.pairs] == [("dlh", "dpu", 2), ("dpu", "dlh", 1)]
    rows = {row.code: row for row in service.service(ask())}
    assert (rows["dlh"].given, rows["dlh"].got) == (2, 1)
    assert (rows["dpu"].given, rows["dpu"].got) == (1, 2)


def test_objections_count_at_the_answer_they_are_against(fold: Any) -> None:
    place = Place()
    again = further(
        begun(place, days=70), ("answered", "answered", 10, place.agency), ("reopened", "reopened", 15, None)
    )
    further(again, ("answered", "answered", 20, place.agency))
    further(begun(place, category=place.waste), ("answered", "answered", 10, place.agency))
    fold()
    assert service.reopened(ask()) == Share(1, 3)
    by_category = {row.code: row.reopened for row in service.service(ask(), "category")}
    assert by_category == {"jalan-rusak": Share(1, 2), "sampah": Share(0, 1)}
    by_area = {row.code: row.reopened for row in service.service(ask(), "kecamatan")}
    assert by_area == {"64.08.04": Share(1, 3)}


@pytest.mark.parametrize("by", service.PARTS)
def test_service_counts_overdue_open_ones_as_not_kept(by: str, fold: Any) -> None:
    place = Place()
    report(place, TODAY - 40 * DAY, answered=4)
    report(place, TODAY - 40 * DAY)
    fold()
    (row,) = service.service(ask(), by)
    assert (row.n, row.open, row.overdue) == (2, 1, 1)
    assert row.on_time == Share(1, 2)


def test_service_by_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="by desa"):
        service.service(ask(), "desa")


def test_small_numbers_of_sensitive_matters_are_hidden_from_the_public(fold: Any) -> None:
    place = Place()
    place.waste.sensitive = True
    place.waste.save()
    one = further(begun(place, category=place.waste), ("handed_over", "routed", 2, place.second))
    further(one, ("answered", "answered", 9, place.second))
    fold()
    asked = ask("category=sampah")
    assert {row.stay for row in service.states(asked) if row.state in {"received", "routed"}} == {None}
    found = service.handovers(asked)
    assert (found.n, found.reports, found.pairs[0].n) == (None, None, None)
    assert found.back == found.of_forwarded == Share(0, 0)
    assert service.reopened(asked) == Share(0, 0)
    (row,) = service.service(ask(), "category")
    assert (row.n, row.given) == (None, None)
    assert service.forecast(asked) is None
    assert service.handovers(ask("category=sampah", audience=LEADERSHIP)).n == 1


def test_an_agency_sees_its_own_confidential_steps_and_no_others() -> None:
    place = Place()
    further(begun(place, confidential=True), ("handed_over", "routed", 2, place.second))
    for audience, n in (
        (PUBLIC, 0), (Audience("agency", (place.agency.pk,)), 1), (Audience("agency", (place.second.pk,)), 1),
        (Audience("agency", (0,)), 0), (LEADERSHIP, 1),
    ):  # fmt: skip
        assert service.handovers(ask(audience=audience)).n == n


def test_recorded_says_how_many_have_their_steps_on_record(fold: Any) -> None:
    place = Place()
    begun(place)
    report(place, TODAY - 60 * DAY)
    fold()
    assert service.recorded(ask()) == Share(1, 2)
    assert service.recorded(ask("agency=dlh")) == Share(1, 2)


def test_forecast_needs_a_stated_number_and_goes_on_from_the_last_whole_week(fold: Any) -> None:
    place = Place()
    monday = TODAY - TODAY.weekday() * DAY
    for week in range(1, WEEKS_READ + 1):
        for n in range(4):
            came = monday - week * 7 * DAY
            report(place, came, answered=2 if n else None)
    fold()
    found = service.forecast(ask("since=2026-06-01"))
    assert found is not None
    assert (found.until, found.received, found.backlog) == (monday - DAY, 104, 26)
    assert found.net_per_week == 1
    assert len(found.weeks) == HORIZON
    assert [week.expected for week in found.weeks] == [27.0 + ahead for ahead in range(HORIZON)]
    assert found.weeks[0].last == monday + 6 * DAY
    Report.objects.filter(created_at__gte=at(monday - 14 * DAY)).delete()
    assert service.forecast(ask()) is None


# The page.


def get(client: Client, **query: Any) -> str:
    response = client.get(f"/dasbor/layanan/?{urlencode(query, doseq=True)}", headers=ENGLISH)
    assert response.status_code == 200
    return response.content.decode()


def figure(page: str, name: str) -> str:
    (found,) = re.findall(rf'data-figure="{name}">([^<]*)<', page)
    return found


def test_each_reader_sees_what_is_theirs(client: Client) -> None:
    place = Place()
    today = dt.datetime.now(dt.UTC) - 3 * DAY
    for agency, confidential in ((place.agency, False), (place.agency, True), (place.second, False)):
        one = place.report(created_at=today, resolve_due_at=today + DAY, agency=agency, confidential=confidential)
        life(one, ("received", "received", 0, None), ("routed", "routed", 0, agency))
    assert figure(get(client), "overdue") == "2"
    for person, overdue in (
        (make_leader(), "3"), (make_coordinator(), "3"), (make_officer(place.agency), "2"),
        (make_officer(place.second), "1"),
    ):  # fmt: skip
        client.force_login(person)
        assert figure(get(client), "overdue") == overdue
    assert figure(get(client, agency="dlh"), "overdue") == "1"  # of another agency: what the public sees


def test_page_says_what_is_not_measured_and_what_is_not_recorded(client: Client) -> None:
    place = Place()
    place.report(created_at=dt.datetime.now(dt.UTC) - DAY)
    page = get(client, by="kecamatan")
    assert "Not measured yet" in page
    assert "The steps of 0 of 1 reports are on record" in page
    assert "Not told: it needs 100 reports in the last 26 whole weeks" in page


def test_wrong_question_is_answered_with_the_form(client: Client) -> None:
    response = client.get("/dasbor/layanan/?since=x&by=desa&foo=bar", headers=ENGLISH)
    assert response.status_code == 400
    page = response.content.decode()
    assert 'value="x"' in page
    assert "left out: foo" in page
    assert "<h1>How the service runs</h1>" in page
    assert "<title>How the service runs ·" in page


@pytest.mark.usefixtures("kutim")
def test_page_agrees_with_the_api_and_asks_a_fixed_number_of_queries(client: Client) -> None:
    from incidents.synthetic import make_reports

    make_reports(count=400, seed=5)
    get(client)
    with CaptureQueriesContext(connection) as queries:
        page = get(client)
    assert len(queries) <= 40
    body = client.get("/api/v1/stats/handovers/", headers=ENGLISH).json()["handovers"]
    assert figure(page, "handed_over") == str(body["reports"])
    body = client.get("/api/v1/stats/reopened/", headers=ENGLISH).json()["reopened"]
    assert figure(page, "reopened") == f"{100 * body['rate']:.1f}%"
    whole = client.get("/api/v1/stats/totals/").json()["totals"]
    areas, agencies = (client.get(f"/api/v1/stats/service/?by={by}").json()["rows"] for by in ("kecamatan", "agency"))
    assert sum(row["n"] for row in areas) == whole["n"]
    assert sum(row["on_time"]["n"] for row in areas) == whole["on_time"]["n"]
    given = client.get("/api/v1/stats/handovers/").json()["handovers"]["n"]
    assert sum(row["given"] for row in agencies) == sum(row["got"] for row in agencies) == given > 0
    states = client.get("/api/v1/stats/states/", headers=ENGLISH).json()["rows"]
    assert [row["state"] for row in states] == [state.value for state in service.STATES]
    assert client.get("/api/v1/stats/forecast/", headers=ENGLISH).json()["forecast"]["weeks"]
    assert client.get("/api/v1/stats/service/?by=desa", headers=ENGLISH).status_code == 400
