from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, User
from tests.factories.accounts import make_administrator, make_agency, make_officer

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(make_administrator())
    client.cookies["bahasa"] = "en"
    return client


def inline(**row: Any) -> dict[str, Any]:
    total = 1 if row else 0
    made = {f"memberships-0-{name}": value for name, value in row.items()}
    return {"memberships-TOTAL_FORMS": total, "memberships-INITIAL_FORMS": 0, **made}


def test_person_is_added_and_given_an_agency(site: Client) -> None:
    sent = {
        "username": "joni",
        "usable_password": "true",
        "password1": "hutan-lindung-9",
        "password2": "hutan-lindung-9",
    }
    response = site.post("/admin/accounts/user/add/", {**sent, **inline()})
    assert response.status_code == 302, response.context["adminform"].form.errors
    joni = User.objects.get(username="joni")
    assert joni.check_password("hutan-lindung-9")
    agency = make_agency("dlh")
    sent = {
        "username": "joni",
        "first_name": "Joni",
        "is_active": "on",
        "date_joined_0": "2026-11-01",
        "date_joined_1": "08:00",
    }
    response = site.post(
        f"/admin/accounts/user/{joni.pk}/change/", {**sent, **inline(agency=agency.pk, role=Membership.Role.OFFICER)}
    )
    assert response.status_code == 302, response.context["errors"]
    assert User.objects.get(pk=joni.pk).answers_for(agency.pk)


def test_people_and_agencies_are_never_deleted(site: Client) -> None:
    officer = make_officer()
    for path in (f"user/{officer.pk}", f"agency/{officer.memberships.get().agency_id}"):
        assert site.post(f"/admin/accounts/{path}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=officer.pk).exists()


def test_list_of_people_costs_the_same_for_many(site: Client, django_assert_max_num_queries: Any) -> None:
    for _one in range(15):
        make_officer()
    with django_assert_max_num_queries(12):
        page = site.get("/admin/accounts/user/").content.decode()
    assert "(Officer)" in page


def test_admin_has_no_sign_in_of_its_own(client: Client) -> None:
    """It would know neither the limits nor the second factor of the site's."""
    person = make_administrator(password="hutan-lindung-9")
    answer = client.post("/admin/login/", {"username": person.username, "password": "hutan-lindung-9"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/akun/")
    assert "_auth_user_id" not in client.session
