"""Configuration in the admin: what can be changed, what only looked at, and the dry run of routing."""

import datetime as dt
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from geo.models import Kecamatan
from incidents import clock
from incidents.dry_run import best_of, dry_run
from incidents.models import Category, OutboxMessage, Report, ReportContact, RoutingRule, ServiceStandard
from incidents.routing import choose
from tests.factories.accounts import make_administrator, make_agency, make_officer
from tests.factories.incidents import (
    make_category,
    make_group,
    make_kecamatan,
    make_report,
    make_rule,
    make_standards,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(make_administrator())
    client.cookies["bahasa"] = "en"
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


LISTED = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]


@pytest.mark.parametrize("path", LISTED)
def test_every_list_opens(site: Client, path: str) -> None:
    make_report(contact={"name": "Bu Ratna", "email": "ratna@example.org", "phone": "0812345"})
    make_rule()
    make_standards()
    OutboxMessage.objects.create(topic="report_received")
    response = site.get(path)
    assert response.status_code == 200
    assert "ratna@example.org" not in text_of(response)


@pytest.mark.parametrize("model", ["category", "routingrule", "servicestandard", "regencyholiday"])
def test_every_form_to_add_opens(site: Client, model: str) -> None:
    assert site.get(f"/admin/incidents/{model}/add/").status_code == 200


def test_officers_are_not_let_in(client: Client) -> None:
    client.force_login(make_officer())
    for path in ("/admin/", "/admin/incidents/report/", "/admin/incidents/routingrule/dry-run/"):
        assert client.get(path).status_code == 302


def test_contact_data_has_no_page() -> None:
    assert ReportContact not in admin.site._registry


def test_report_is_read_only_and_shows_its_events_without_contact(site: Client) -> None:
    report = make_report(contact={"name": "Bu Ratna", "email": "ratna@example.org"})
    path = f"/admin/incidents/report/{report.pk}"
    page = text_of(site.get(f"{path}/change/"))
    assert report.ticket in page
    assert "ratna" not in page.lower()
    assert report.events.last().hash[:20] in page
    assert site.post(f"{path}/change/", {"title": "Diubah"}).status_code == 403
    assert site.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    assert site.get("/admin/incidents/report/add/").status_code == 403
    report.refresh_from_db()
    assert report.title != "Diubah"


def test_only_dead_messages_are_tried_again(site: Client) -> None:
    dead = OutboxMessage.objects.create(topic="report_received", state="dead", attempts=8, done_at=timezone.now())
    done = OutboxMessage.objects.create(topic="report_received", state="done", attempts=1)
    site.post("/admin/incidents/outboxmessage/", {"action": "try_again", "_selected_action": [dead.pk, done.pk]})
    dead.refresh_from_db()
    done.refresh_from_db()
    assert (dead.state, dead.attempts, dead.done_at) == ("waiting", 0, None)
    assert (done.state, done.attempts) == ("done", 1)


def test_saving_a_standard_or_holiday_counts_at_once(site: Client) -> None:
    make_standards()
    assert clock.rules().working_days("respond") == 5
    standard = ServiceStandard.objects.get(step="respond")
    sent = {"step": "respond", "handling": "", "working_days": "2", "basis": "uji"}
    assert site.post(f"/admin/incidents/servicestandard/{standard.pk}/change/", sent).status_code == 302
    assert clock.rules().working_days("respond") == 2
    site.post("/admin/incidents/regencyholiday/add/", {"date": "2026-10-12", "name": "Hari jadi"})
    assert not clock.rules().is_working_day(dt.date(2026, 10, 12))
    clock.forget_rules()


# The dry run.


def test_dry_run_counts_the_reports_that_would_go_elsewhere() -> None:
    road, rubbish = make_category(), make_category("sampah")
    dpu, dlh = make_agency("dpu-pupr"), make_agency("dlh")
    north, south = make_kecamatan(), make_kecamatan("64.08.05")
    rule = make_rule(dpu, category=road)
    make_rule(dlh, category=rubbish)
    for kecamatan, count in ((north, 3), (south, 2)):
        for _one in range(count):
            make_report(category=road, kecamatan=kecamatan)
    make_report(category=rubbish, kecamatan=north)
    make_report(category=road, kecamatan=north, created_at=timezone.now() - dt.timedelta(days=91))
    rule.agency = dlh
    result = dry_run(rule)
    assert (result.total, result.moved) == (6, 5)
    told = [(change.kecamatan, change.old, change.new, change.count) for change in result.changes]
    assert told == [(north, dpu, dlh, 3), (south, dpu, dlh, 2)]
    assert len(result.changes[0].tickets) == 3
    assert RoutingRule.objects.get(pk=rule.pk).agency == dpu


def test_dry_run_of_a_new_narrower_rule_moves_only_its_kecamatan() -> None:
    north, south = make_kecamatan(), make_kecamatan("64.08.05")
    make_rule(make_agency("dpu-pupr"))
    make_report(kecamatan=north)
    make_report(kecamatan=south)
    new = RoutingRule(category=make_category(), kecamatan=south, agency=make_agency("dishub"))
    assert [change.kecamatan for change in dry_run(new).changes] == [south]


def test_dry_run_of_a_retired_rule_falls_back_to_the_coordinator() -> None:
    rule = make_rule(make_agency("dpu-pupr"))
    make_report()
    rule.active = False
    assert [change.new for change in dry_run(rule).changes] == [None]


def test_dry_run_chooses_like_the_database() -> None:
    group, other = make_group("a"), make_group("b")
    categories = [make_category(f"{g.code}{n}", parent=g) for g in (group, other) for n in range(2)]
    places = [make_kecamatan(), make_kecamatan("64.08.05")]
    rules = [
        make_rule(make_agency("a1"), category=categories[0]),
        make_rule(make_agency("a1n"), category=categories[0], kecamatan=places[0]),
        make_rule(make_agency("ga"), category=group),
        make_rule(make_agency("gas"), category=group, kecamatan=places[1]),
        make_rule(make_agency("n"), kecamatan=places[0]),
        make_rule(make_agency("s"), kecamatan=places[1], active=False),
        make_rule(make_agency("gone", active=False), category=categories[3]),
    ]
    live = [rule for rule in rules if rule.active and rule.agency.active]
    for category in Category.objects.filter(parent__isnull=False):
        for kecamatan in Kecamatan.objects.all():
            assert best_of(live, category, kecamatan.pk) == choose(category.code, kecamatan.pk)[1]


def test_dry_run_page_shows_the_change_and_saves_nothing(site: Client) -> None:
    rule = make_rule(make_agency("dpu-pupr"))
    report = make_report()
    fields = {
        "category": rule.category_id,
        "kecamatan": "",
        "agency": make_agency("dlh").pk,
        "basis": "",
        "active": "on",
    }
    form = text_of(site.get(f"/admin/incidents/routingrule/{rule.pk}/change/"))
    assert 'formaction="/admin/incidents/routingrule/dry-run/"' in form
    response = site.post("/admin/incidents/routingrule/dry-run/", {"rule": rule.pk, **fields})
    assert response.context["result"].moved == 1
    assert report.ticket in text_of(response)
    rule.refresh_from_db()
    assert rule.agency == make_agency("dpu-pupr")
    site.post(response.context["save_to"], {**fields, "_save": "1"})
    rule.refresh_from_db()
    assert rule.agency == make_agency("dlh")
    assert Report.objects.get().agency == make_agency("dpu-pupr")


@pytest.mark.parametrize("number", ["", "abc", "999999", "9" * 30])
def test_dry_run_page_survives_odd_numbers(site: Client, number: str) -> None:
    assert site.get("/admin/incidents/routingrule/dry-run/", {"rule": number}).status_code in {200, 404}


def test_dry_run_page_shows_errors_of_the_rule(site: Client) -> None:
    response = site.post("/admin/incidents/routingrule/dry-run/", {"agency": make_agency().pk, "active": "on"})
    assert "Choose a category, a kecamatan, or both." in text_of(response)
    assert response.context["result"] is None
