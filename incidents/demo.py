"""Demonstration people: one for each role, with generated passwords that are shown once."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.crypto import get_random_string

from accounts.models import Agency, Membership, User

Role = Membership.Role
ROLES = {Role.OFFICER: "officer", Role.COORDINATOR: "coordinator", Role.LEADER: "leadership"}
"""The roles in the language of commands."""
ADMINISTRATOR = "administrator and coordinator"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
EMAIL_HOST = "demo.invalid"

PEOPLE: list[tuple[str, str, str, str, bool]] = [
    ("admin", "Admin", "diskominfo-staper", Role.COORDINATOR, True),
    ("koordinator", "Koordinator Diskominfo", "diskominfo-staper", Role.COORDINATOR, False),
    ("petugas-pu", "Petugas PU", "dpu-pupr", Role.OFFICER, False),
    ("petugas-dlh", "Petugas DLH", "dlh", Role.OFFICER, False),
    ("petugas-sangatta", "Petugas Sangatta Utara", "kec-sangatta-utara", Role.OFFICER, False),
    ("pimpinan", "Pimpinan", "setda", Role.LEADER, False),
]
"""(user name, shown name, agency code, role, administrator)"""


@dataclass(frozen=True)
class Credentials:
    """A new demonstration person's user name and password."""

    username: str
    password: str
    role: str
    agency: str


@transaction.atomic
def make_people() -> list[Credentials]:
    """Make the demonstration people that are missing and return their passwords; [] when all are there."""
    made = []
    for username, name, agency_code, role, administrator in PEOPLE:
        if User.objects.filter(username=username).exists():
            continue
        password = "-".join(get_random_string(4, LETTERS) for _ in range(4))
        agency = Agency.objects.get(code=agency_code)
        user = User.objects.create_user(
            username,
            f"{username}@{EMAIL_HOST}",
            password,
            first_name=name,
            is_staff=administrator,
            is_superuser=administrator,
        )
        Membership.objects.create(user=user, agency=agency, role=role)
        told = ADMINISTRATOR if administrator else ROLES[Role(role)]
        made.append(Credentials(username, password, told, agency.short_name))
    return made
