import pytest
from django.contrib.auth.models import AnonymousUser, Group

from layers.models import Layer
from tests.factories.accounts import make_agency, make_coordinator, make_officer, make_user
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("access", "seen_by"),
    [
        ("public", {"anonymous", "citizen", "own", "other", "coordinator", "member"}),
        ("regency", {"own", "other", "coordinator"}),
        ("agency", {"own", "coordinator"}),
        ("groups", {"own", "coordinator", "member"}),
    ],
)
def test_visible_to_follows_access(access: str, seen_by: set[str]) -> None:
    agency = make_agency("dinkes")
    group = Group.objects.create(name="Forum data")
    layer = make_layer(agency=agency, access=access)
    layer.groups.add(group)
    member = make_user()
    member.groups.add(group)
    people = {
        "anonymous": AnonymousUser(),
        "citizen": make_user(),
        "own": make_officer(agency),
        "other": make_officer(make_agency("dlh")),
        "coordinator": make_coordinator(),
        "member": member,
    }
    assert {name for name, user in people.items() if Layer.objects.visible_to(user).exists()} == seen_by


@pytest.mark.parametrize("state", ["draft", "submitted", "withdrawn"])
def test_unpublished_layer_is_visible_to_nobody_in_the_catalogue(state: str) -> None:
    layer = make_layer()
    Layer.objects.filter(pk=layer.pk).update(state=state)
    assert not Layer.objects.visible_to(make_coordinator()).exists()
    assert Layer.objects.at_desk_of(make_coordinator()).exists()


def test_inactive_officer_sees_only_public_layers() -> None:
    agency = make_agency("dinkes")
    make_layer(agency=agency, access="agency")
    assert not Layer.objects.visible_to(make_officer(agency, is_active=False)).exists()
