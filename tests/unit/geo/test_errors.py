from django.utils import translation

from geo.errors import Area, BoundariesRefused, GeoError, NoActiveEdition, OutsideRegency


def test_outside_regency_says_how_far_in_words_and_figures() -> None:
    with translation.override("en"):
        far = OutsideRegency(Area(1, "64.08.16", "Karangan"), 56_093.5, "Kabupaten Berau")
        near = OutsideRegency(Area(1, "64.08.16", "Karangan"), 0.2)
    assert "Kabupaten Berau" in far.detail
    assert "56 km" in far.detail
    assert "1 m" in near.detail
    assert far.extra == {
        "nearest": {"code": "64.08.16", "name": "Karangan"},
        "distance_m": 56_094,
        "neighbour": "Kabupaten Berau",
    }


def test_boundaries_refused_counts_and_lists_its_reasons() -> None:
    with translation.override("en"):
        assert "2 reasons" in BoundariesRefused(["a", "b"]).detail
        assert BoundariesRefused(["a"]).detail.endswith("\n- a")


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in (GeoError, NoActiveEdition, OutsideRegency, BoundariesRefused)]
    assert len(set(codes)) == len(codes)
