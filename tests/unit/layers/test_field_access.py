"""Who may read a field, and that a layer knows for whom it was opened."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db import connection
from django.test import RequestFactory

from accounts.models import Membership, User
from layers.access import layer_or_404
from layers.field_access import ShownTo, may_read, shown_to
from layers.models import Layer, LayerWord
from tests.factories.accounts import make_agency, make_coordinator, make_officer, make_user
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db
FIELDS: list[dict[str, Any]] = [
    {"name": "nama", "type": "text"},
    {"name": "jenis", "type": "text", "shown_to": "regency"},
    {"name": "tempat_tidur", "type": "integer", "shown_to": "agency"},
]


def readers(agency: Any, group: Group) -> dict[str, User | AnonymousUser | None]:
    member, left = make_user(), make_officer(agency, is_active=False)
    member.groups.add(group)
    return {
        "anybody": None,
        "nobody": AnonymousUser(),
        "citizen": make_user(),
        "member": member,
        "other": make_officer(make_agency("dlh")),
        "own": make_officer(agency),
        "leader": make_officer(agency, role=Membership.Role.LEADER),
        "coordinator": make_coordinator(),
        "left": left,
    }


def test_each_value_opens_a_field_to_its_readers_alone() -> None:
    agency, group = make_agency("dinkes"), Group.objects.create(name="Tim")
    people = readers(agency, group)
    own = {"own", "leader", "coordinator"}
    entries: list[tuple[dict[str, Any], set[str]]] = [
        ({}, set(people)),
        ({"shown_to": "everybody"}, set(people)),
        ({"shown_to": "regency"}, own | {"other"}),
        ({"shown_to": "agency"}, own),
        ({"shown_to": "groups", "groups": [group.pk]}, own | {"member"}),
        ({"shown_to": "groups", "groups": []}, own),
        ({"shown_to": "groups"}, own),
        ({"shown_to": "nobody"}, set()),
        ({"shown_to": "everybody", "hidden": True}, set()),
        ({"shown_to": "semua"}, set()),
        ({"shown_to": None}, set()),
    ]
    for entry, expected in entries:
        assert {name for name, who in people.items() if may_read(entry, agency.pk, who)} == expected, entry
    assert {shown_to(entry) for entry, _expected in entries} == set(ShownTo.values)


def test_layers_found_for_somebody_show_that_persons_fields() -> None:
    layer = make_layer(fields=FIELDS)
    other, own = make_officer(make_agency("dlh")), make_officer(layer.agency)

    def names(found: Layer) -> list[str]:
        return [str(field["name"]) for field in found.shown_fields()]

    assert names(layer) == ["nama"]
    assert names(Layer.objects.public().get()) == ["nama"]
    assert names(Layer.objects.visible_to(AnonymousUser()).get()) == ["nama"]
    assert names(Layer.objects.visible_to(other).filter(slug="faskes").order_by("slug")[:1].get()) == ["nama", "jenis"]
    assert names(next(iter(Layer.objects.visible_to(own)))) == ["nama", "jenis", "tempat_tidur"]
    assert names(Layer.objects.read_by(own).in_bulk([layer.pk])[layer.pk]) == ["nama", "jenis", "tempat_tidur"]
    assert list(Layer.objects.visible_to(own).values_list("slug", flat=True)) == ["faskes"]


@pytest.mark.parametrize("lean", [True, False])
def test_layer_opened_by_a_request_shows_the_persons_fields(lean: bool) -> None:
    layer = make_layer(fields=FIELDS)
    request: Any = RequestFactory().get("/")
    request.user = make_officer(layer.agency)
    opened = layer_or_404(request, "faskes", lean=lean)
    assert len(opened.shown_fields()) == 3
    assert opened.tells_reader_more()
    assert not opened.is_same_for_all
    request = RequestFactory().get("/")
    assert len(layer_or_404(request, "faskes", lean=lean).shown_fields()) == 1


def test_public_layer_without_such_fields_asks_nobody_who_they_are() -> None:
    layer = make_layer()
    request: Any = RequestFactory().get("/")
    assert layer_or_404(request, "faskes").is_same_for_all
    assert not hasattr(request, "who_was_asked")
    layer.fields = [layer.fields[0] | {"hidden": True}, *layer.fields[1:]]
    assert layer.is_same_for_all  # nobody sees it, so all see the same


def test_catalogue_knows_no_word_of_fields_for_some() -> None:
    layer = make_layer(fields=FIELDS)
    words = set(LayerWord.objects.filter(layer=layer, part__in=("field", "feature")).values_list("word", flat=True))
    assert "puskesmas" in words  # in the names
    assert "pustu" in words
    assert words.isdisjoint({"jenis", "tidur", "tempat"})
    layer.fields = [FIELDS[0], FIELDS[1] | {"shown_to": "everybody"}, FIELDS[2]]
    layer.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM layers_layerword WHERE layer_id = %s AND word = 'jenis'", [layer.pk])
        assert cursor.fetchone()[0] == 1
