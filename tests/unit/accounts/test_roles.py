"""What a role opens in the admin: coordinators configure, and nobody but administrators does anything else there."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Permission
from django.test import Client

from accounts.models import Agency, Membership, User
from accounts.roles import RolePermissions
from tests.factories.accounts import (
    make_administrator,
    make_agency,
    make_coordinator,
    make_leader,
    make_officer,
    make_user,
)

pytestmark = pytest.mark.django_db

CONFIGURED = {"category", "routingrule", "servicestandard", "regencyholiday", "layer", "synonym"}
LOOKED_AT = {"importjob", "layerdownload", "versionchange", "apikey"}
CLOSED = sorted(
    f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    for model in admin.site._registry
    if model._meta.model_name not in CONFIGURED | LOOKED_AT
)
OPENED = set(settings.COORDINATOR_PERMISSIONS)
LAYERS = sorted(f"/admin/layers/{name}/" for name in {"layer", "synonym"} | LOOKED_AT)


@pytest.fixture
def coordinator(client: Client) -> User:
    person = make_coordinator()
    client.force_login(person)
    client.cookies["bahasa"] = "en"
    return person


def test_every_permission_of_the_coordinator_exists() -> None:
    known = {f"{p.content_type.app_label}.{p.codename}" for p in Permission.objects.select_related("content_type")}
    assert set(settings.COORDINATOR_PERMISSIONS) <= known
    assert {name.split("_", 1)[1] for name in settings.COORDINATOR_PERMISSIONS} == CONFIGURED | LOOKED_AT
    for name in LOOKED_AT:
        assert [verb for verb in ("view", "add", "change", "delete") if f"layers.{verb}_{name}" in OPENED] == ["view"]


def test_permissions_follow_the_role_at_once() -> None:
    person = make_officer()
    assert person.get_all_permissions() == set()
    person.memberships.update(role=Membership.Role.COORDINATOR)
    person = User.objects.get(pk=person.pk)
    assert person.get_all_permissions() == set(settings.COORDINATOR_PERMISSIONS)
    assert person.has_module_perms("incidents")
    assert not person.has_module_perms("accounts")
    person.memberships.all().delete()
    assert User.objects.get(pk=person.pk).get_all_permissions() == set()


@pytest.mark.parametrize("make", [make_officer, make_leader, make_user])
def test_other_roles_get_no_permission(make: Callable[[], User]) -> None:
    person = User.objects.get(pk=make().pk)
    assert person.get_all_permissions() == set()
    assert not person.has_module_perms("incidents")
    assert not person.may_configure


def test_retired_coordinators_and_strangers_get_no_permission() -> None:
    retired = User.objects.get(pk=make_coordinator(is_active=False).pk)
    for person in (retired, AnonymousUser()):
        assert RolePermissions().get_user_permissions(person) == set()
        assert not person.has_perm("incidents.change_routingrule")
    assert not retired.may_configure


def test_nobody_signs_in_by_the_role(client: Client) -> None:
    assert RolePermissions().authenticate(None, username="a", password="b") is None
    assert RolePermissions().get_user(make_coordinator().pk) is None


def test_index_shows_the_coordinator_the_configuration_only(client: Client, coordinator: User) -> None:
    page = client.get("/admin/")
    assert page.status_code == 200
    listed = {model["object_name"].lower() for app in page.context["app_list"] for model in app["models"]}
    assert listed == CONFIGURED | LOOKED_AT


@pytest.mark.parametrize("path", CLOSED)
def test_other_pages_are_closed_to_the_coordinator(client: Client, coordinator: User, path: str) -> None:
    other = make_administrator()
    assert client.get(path).status_code == 403
    assert client.get(f"{path}add/").status_code == 403
    for page in ("change", "delete", "history"):  # a person exists by this key in any case
        assert client.get(f"{path}{other.pk}/{page}/").status_code in {302, 403}
        assert client.post(f"{path}{other.pk}/{page}/", {"post": "yes"}).status_code in {302, 403}


def test_coordinator_changes_no_person(client: Client, coordinator: User) -> None:
    """Nor makes anybody an administrator, themselves least of all."""
    agency = make_agency("dlh")
    sent = {"username": coordinator.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    for person in (coordinator, make_officer()):
        assert client.post(f"/admin/accounts/user/{person.pk}/change/", sent).status_code == 403
        assert client.post(f"/admin/accounts/user/{person.pk}/password/", {"password1": "x"}).status_code == 403
    assert client.post(f"/admin/accounts/agency/{agency.pk}/change/", {"name": "Lain"}).status_code == 403
    assert not User.objects.filter(is_superuser=True).exists()
    assert not User.objects.filter(is_staff=True).exists()
    assert Agency.objects.get(pk=agency.pk).name != "Lain"


@pytest.mark.parametrize("make", [make_officer, make_leader, make_user])
@pytest.mark.parametrize(
    "path",
    ["/admin/", *LAYERS, *(f"/admin/incidents/{model}/" for model in sorted(CONFIGURED - {"layer", "synonym"}))],
)
def test_admin_stays_closed_to_the_other_roles(client: Client, make: Callable[[], User], path: str) -> None:
    client.force_login(make())
    for address in (path, f"{path}add/"):
        answer = client.get(address)
        assert answer.status_code in {302, 404}
        assert client.post(address, {}).status_code in {302, 404}


def test_strangers_sign_in_on_the_sites_own_page_and_come_back(client: Client) -> None:
    answer: Any = client.get("/admin/incidents/category/", follow=True)
    address, _status = answer.redirect_chain[-1]
    assert address == "/akun/login/?next=%2Fadmin%2Fincidents%2Fcategory%2F"


def test_code_of_an_agency_stays(client: Client) -> None:
    agency = make_agency("dlh")
    client.force_login(make_administrator())
    sent = {"code": "lain", "short_name": "DLH", "name": "Dinas LH", "kind": "dinas", "active": "on"}
    assert client.post(f"/admin/accounts/agency/{agency.pk}/change/", sent).status_code == 302
    agency.refresh_from_db()
    assert (agency.code, agency.name) == ("dlh", "Dinas LH")
