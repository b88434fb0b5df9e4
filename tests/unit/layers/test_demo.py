"""Layers for a demonstration: labelled, with their publishers' licences, and loaded once only."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from layers.demo import COUNT, OPEN_LAYERS
from layers.models import Layer, LayerVersion, Theme

pytestmark = pytest.mark.django_db
POINT = (
    '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"nama":"a"},'
    '"geometry":{"type":"Point","coordinates":[117.5,0.5]}}]}'
)


def load() -> str:
    out = StringIO()
    call_command("load_demo_layers", stdout=out)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of open layers with one of the known files in it."""
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "pulau.geojson").write_text(POINT)
    monkeypatch.setenv("KUTIM_DATA_DIR", str(tmp_path))
    return tmp_path


def test_synthetic_layers_are_loaded_once_and_labelled(kutim: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUTIM_DATA_DIR", raising=False)
    assert f"sintetis-bidang v1: {COUNT}" in load()
    assert load() == ""
    assert LayerVersion.objects.count() == Layer.objects.filter(synthetic=True).count() == 4


def test_open_layers_keep_their_licence_and_are_loaded_once(kutim: None, folder: Path) -> None:
    assert "pulau v1: 1" in load()
    layer = Layer.objects.public().get(slug="pulau")
    assert (layer.licence, layer.source, layer.synthetic) == ("ODbL 1.0", "idn-area-data", False)
    assert "bukan data resmi" in layer.abstract_id
    assert load() == ""
    assert Layer.objects.count() == 5
    assert LayerVersion.objects.count() == 5


def test_layer_that_somebody_withdrew_stays_so(kutim: None, folder: Path) -> None:
    load()
    Layer.objects.update(state=Layer.State.WITHDRAWN)
    assert load() == ""
    assert not Layer.objects.public().exists()


def test_file_that_cannot_be_read_is_an_error_in_words(kutim: None, folder: Path) -> None:
    (folder / "layers" / "pulau.geojson").write_text("{")
    with pytest.raises(CommandError):
        load()
    assert not Layer.objects.filter(slug="pulau").exists()


def test_without_areas_the_command_says_what_to_do() -> None:
    with pytest.raises(CommandError, match="seed"):
        load()


def test_open_layers_are_described_for_publication(kutim: None) -> None:
    for one in OPEN_LAYERS:
        assert one.theme in Theme.values
        assert one.licence
        assert one.source
        assert one.abstract_id
