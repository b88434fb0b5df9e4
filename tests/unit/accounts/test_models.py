import pytest
from django.db import IntegrityError, transaction

from accounts.models import Membership, User
from tests.factories.accounts import make_agency, make_coordinator, make_leader, make_officer, make_user

pytestmark = pytest.mark.django_db


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def test_officer_answers_for_the_own_agency_only() -> None:
    agency = make_agency()
    officer = fresh(make_officer(agency))
    assert officer.works_at_desk()
    assert not officer.is_coordinator
    assert officer.agency_ids() == [agency.pk]
    assert officer.answers_for(agency.pk)
    assert not officer.answers_for(make_agency().pk)
    assert not officer.answers_for(None)


def test_coordinator_sees_the_whole_regency() -> None:
    assert fresh(make_coordinator()).is_coordinator


def test_leader_reads_the_own_agency_and_answers_for_none() -> None:
    leader = fresh(make_leader())
    assert leader.works_at_desk()
    assert leader.agency_ids() == [make_agency("setda").pk]
    assert not leader.answers_for(make_agency("setda").pk)


@pytest.mark.parametrize("make", [make_officer, make_coordinator, make_leader])
def test_inactive_person_has_no_role(make: object) -> None:
    person = fresh(make(is_active=False))  # type: ignore[operator]
    assert not person.works_at_desk()
    assert not person.is_coordinator
    assert person.agency_ids() == []
    assert not any(person.answers_for(m.agency_id) for m in person.memberships.all())


def test_person_without_membership_has_no_desk() -> None:
    assert not fresh(make_user()).works_at_desk()


def test_person_joins_an_agency_once() -> None:
    agency = make_agency()
    officer = make_officer(agency)
    with pytest.raises(IntegrityError, match="a_person_joins_an_agency_once"), transaction.atomic():
        Membership.objects.create(user=officer, agency=agency, role="leader")
