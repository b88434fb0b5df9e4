"""Configuration in the admin: what can be changed, what only looked at, and the dry run of routing."""

import datetime as dt
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from geo.models import Kecamatan
from incidents import clock
from incidents.dry_run import best_of, dry_run
from incidents.models import (
    Category,
    OutboxMessage,
    RegencyHoliday,
    Report,
    ReportContact,
    RoutingRule,
    ServiceStandard,
)
from incidents.routing import choose
from tests.factories.accounts import make_administrator, make_agency, make_coordinator, make_officer
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
    sent = {"working_days": "2", "basis": "uji"}
    assert site.post(f"/admin/incidents/servicestandard/{standard.pk}/change/", sent).status_code == 302
    assert clock.rules().working_days("respond") == 2
    site.post("/admin/incidents/regencyholiday/add/", {"date": "2026-10-12", "name": "Hari jadi"})
    assert not clock.rules().is_working_day(dt.date(2026, 10, 12))
    clock.forget_rules()


# What a coordinator configures.


@pytest.fixture
def coordinator(client: Client) -> Client:
    client.force_login(make_coordinator(username="koordinator-uji"))
    client.cookies["bahasa"] = "en"
    return client


def configured() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return a row of each model that a coordinator configures, and a form that changes it."""
    make_standards()
    rule = make_rule(make_agency("dpu-pupr"))
    category, group = make_category("taman"), make_group()
    names = {
        "name_id": "Taman kota",
        "name_en": "Parks",
        "parent": group.pk,
        "kind": "saran",
        "handling": "field",
        "icon": "leaf",
    }
    day = RegencyHoliday.objects.create(date="2026-10-12", name="Hari jadi")
    return {
        "category": (category, {**names, "handling": "field", "icon": "leaf", "position": 3, "active": "on"}),
        "routingrule": (
            rule,
            {"category": rule.category_id, "agency": make_agency("dlh").pk, "basis": "SK 1", "active": "on"},
        ),
        "servicestandard": (ServiceStandard.objects.get(step="respond"), {"working_days": 4, "basis": "Perbup"}),
        "regencyholiday": (day, {"date": "2026-10-13", "name": "Hari jadi"}),
    }


@pytest.mark.parametrize("model", ["category", "routingrule", "servicestandard", "regencyholiday"])
def test_coordinator_changes_the_configuration_and_the_history_says_so(coordinator: Client, model: str) -> None:
    row, sent = configured()[model]
    path = f"/admin/incidents/{model}/"
    assert coordinator.get(path).status_code == 200
    response = coordinator.post(f"{path}{row.pk}/change/", sent)
    assert response.status_code == 302, response.context["errors"]
    entry = LogEntry.objects.get(object_id=str(row.pk))
    assert (entry.user.get_username(), entry.is_change()) == ("koordinator-uji", True)
    assert timezone.now() - entry.action_time < dt.timedelta(minutes=1)
    assert entry.get_change_message() != "No fields changed."
    assert "koordinator-uji" in text_of(coordinator.get(f"{path}{row.pk}/history/"))


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("category", {"code": "wisata", "name_id": "Wisata", "name_en": "Tourism", "kind": "saran"}),
        ("routingrule", {"kecamatan": "here", "agency": "dlh", "active": "on"}),
        ("servicestandard", {"step": "resolve", "working_days": 30, "basis": "Perbup"}),
        ("regencyholiday", {"date": "2026-10-12", "name": "Hari jadi"}),
    ],
)
def test_coordinator_adds_to_the_configuration(coordinator: Client, model: str, sent: dict[str, Any]) -> None:
    if model == "routingrule":
        sent = sent | {"kecamatan": make_kecamatan().pk, "agency": make_agency("dlh").pk}
    if model == "category":
        sent = sent | {"handling": "field", "icon": "leaf", "position": 90}
    response = coordinator.post(f"/admin/incidents/{model}/add/", sent)
    assert response.status_code == 302, response.context["errors"]
    assert LogEntry.objects.get().is_addition()


@pytest.mark.parametrize("model", ["category", "routingrule", "servicestandard"])
def test_what_reports_stand_on_is_never_deleted(coordinator: Client, client: Client, model: str) -> None:
    row, _sent = configured()[model]
    for person in (make_coordinator(), make_administrator()):
        client.force_login(person)
        assert client.post(f"/admin/incidents/{model}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
        client.post(
            f"/admin/incidents/{model}/", {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        )
    assert type(row).objects.filter(pk=row.pk).exists()


def test_holiday_is_taken_back_and_that_is_recorded(coordinator: Client, site: Client) -> None:
    site.force_login(make_coordinator(username="koordinator-dua"))
    day = RegencyHoliday.objects.create(date="2026-10-12", name="Hari jadi")
    assert site.post(f"/admin/incidents/regencyholiday/{day.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not RegencyHoliday.objects.exists()
    entry = LogEntry.objects.get()
    assert (entry.user.get_username(), entry.is_deletion()) == ("koordinator-dua", True)
    site.force_login(make_administrator())
    page = text_of(site.get("/admin/admin/logentry/"))
    assert "koordinator-dua" in page
    assert "Hari jadi" in page
    for path in (f"{entry.pk}/change/", f"{entry.pk}/delete/", "add/"):
        assert site.post(f"/admin/admin/logentry/{path}", {"post": "yes"}).status_code == 403


def test_coordinator_runs_rules_dry(coordinator: Client) -> None:
    rule = make_rule(make_agency("dpu-pupr"))
    make_report()
    sent = {"rule": rule.pk, "category": rule.category_id, "agency": make_agency("dlh").pk, "active": "on"}
    response = coordinator.post("/admin/incidents/routingrule/dry-run/", sent)
    assert response.context["result"].moved == 1


def test_coordinators_forms_offer_no_way_to_other_models(coordinator: Client) -> None:
    rule = make_rule()
    page = text_of(coordinator.get(f"/admin/incidents/routingrule/{rule.pk}/change/"))
    for path in ("/admin/accounts/", "/admin/geo/", "/admin/incidents/report/"):
        assert path not in page


def test_code_of_a_category_stays(site: Client) -> None:
    category = make_category("taman")
    names = {"name_id": "Taman kota", "name_en": "Parks", "parent": make_group().pk, "kind": "saran"}
    sent = {"code": "lain", **names, "handling": "field", "icon": "leaf", "position": 3, "active": "on"}
    assert site.post(f"/admin/incidents/category/{category.pk}/change/", sent).status_code == 302
    category.refresh_from_db()
    assert (category.code, category.name_id) == ("taman", "Taman kota")


def test_categories_keep_two_levels() -> None:
    group, leaf = make_group(), make_category()
    make_report(category=leaf)
    group.parent = make_group("air")
    with pytest.raises(ValidationError, match="parent"):
        group.clean()
    leaf.parent = None
    with pytest.raises(ValidationError, match="parent"):
        leaf.clean()
    leaf.parent = make_group("air")
    leaf.clean()


@pytest.mark.parametrize(
    ("step", "handling", "days", "good"),
    [
        ("respond", "", 5, True),
        ("resolve", "field", 60, True),
        ("resolve", "", 250, True),
        ("verify", "field", 3, False),
        ("respond", "", 0, False),
        ("respond", "", 251, False),
    ],
)
def test_standards_are_such_that_the_clock_can_read_them(step: str, handling: str, days: int, good: bool) -> None:
    standard = ServiceStandard(step=step, handling=handling, working_days=days, basis="uji")
    if good:
        standard.full_clean()
    else:
        with pytest.raises(ValidationError):
            standard.full_clean()


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
