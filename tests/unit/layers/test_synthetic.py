"""Synthetic layers: labelled, repeatable, inside the regency, valid."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from layers.models import Layer, LayerVersion
from layers.synthetic import make_layers
from tests.factories.accounts import make_administrator
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db


def test_layers_are_labelled_and_published(kutim: None) -> None:
    out = StringIO()
    call_command("make_layers", "--count=100", stdout=out)
    assert "sintetis-jalan v1: 50" in out.getvalue()
    layers = Layer.objects.public()
    assert [layer.current.feature_count for layer in layers.order_by("slug")] == [100, 50, 2, 2]
    for layer in layers:
        assert layer.synthetic
        assert layer.title_id.endswith("(sintetis)")
        feature = layer.current.features.first()
        assert feature.properties["sintetis"] is True
        assert set(feature.properties) == {field["name"] for field in layer.fields}
    with connection.cursor() as cursor:
        cursor.execute("SELECT bool_and(ST_IsValid(geom)), count(*) FROM layers_feature")
        assert cursor.fetchone() == (True, 154)


def test_same_seed_gives_the_same_rows(kutim: None) -> None:
    one, again, other = (make_layers(count=50, seed=seed) for seed in (1, 1, 2))
    digests = [[version.source_sha256 for version in made] for made in (one, again, other)]
    assert digests[0] == digests[1] != digests[2]
    assert LayerVersion.objects.filter(state="current").count() == 4


def test_count_below_one_and_an_empty_system_are_refused() -> None:
    with pytest.raises(CommandError, match="must be 1 or more"):
        call_command("make_layers", "--count=0")
    with pytest.raises(CommandError, match="seed"):
        call_command("make_layers", "--count=1")


def test_admin_shows_layers_and_lets_nobody_publish_there(client: Client) -> None:
    layer = make_layer()
    client.force_login(make_administrator())
    assert client.get(reverse("admin:layers_layer_changelist")).status_code == 200
    page = client.get(reverse("admin:layers_layer_change", args=[layer.pk])).content.decode()
    assert 'name="access"' in page
    assert 'name="state"' not in page
    assert client.get(reverse("admin:layers_importjob_changelist")).status_code == 200
