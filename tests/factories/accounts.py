"""People and agencies for tests: plain functions, each with the least that the database accepts."""

from itertools import count
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts.models import Agency, Membership, User

PASSWORD = "sungai-sangatta-2026"
_numbers = count(1)


class QuickHasher(PBKDF2PasswordHasher):
    """The product's way of hashing passwords with one round instead of a million (see tests/conftest.py)."""

    iterations = 1


def make_agency(code: str | None = None, **over: Any) -> Agency:
    """Return the agency `code` (made if it is missing), or a new one."""
    code = code or f"dinas-{next(_numbers)}"
    made: dict[str, Any] = {"short_name": code.upper(), "name": f"Dinas {code.upper()}", "kind": Agency.Kind.SERVICE}
    return Agency.objects.get_or_create(code=code, defaults=made | over)[0]


def make_user(**over: Any) -> User:
    """Return a person without any membership. The password is `PASSWORD`."""
    number = next(_numbers)
    made: dict[str, Any] = {"username": f"orang-{number}", "email": f"orang-{number}@example.org", "first_name": "Sari"}
    return User.objects.create_user(**{**made, "password": PASSWORD, **over})


def make_officer(agency: Agency | None = None, role: str = Membership.Role.OFFICER, **over: Any) -> User:
    """Return a person who works for `agency` (a new one without)."""
    user = make_user(**over)
    Membership.objects.create(user=user, agency=agency or make_agency(), role=role)
    return user


def make_coordinator(**over: Any) -> User:
    """Return a coordinator of the regency, at Diskominfo."""
    return make_officer(make_agency("diskominfo-staper"), Membership.Role.COORDINATOR, **over)


def make_leader(**over: Any) -> User:
    """Return one of the leadership, at the secretariat."""
    return make_officer(make_agency("setda"), Membership.Role.LEADER, **over)


def make_administrator(**over: Any) -> User:
    """Return somebody who may do everything in the admin."""
    return make_user(**{"is_staff": True, "is_superuser": True, **over})
