import numpy as np
import pytest
import shapely
from django.utils import translation

from geo import checks, facts
from geo.matching import Match
from geo.normalise import Repair

CODES: list[str | None] = [fact.code for fact in facts.kecamatan()]


def matched(codes: list[str | None], names: list[str] | None = None) -> Match:
    return Match("kecamatan", codes, [code or "?" for code in codes], names, [])


def test_check_codes_finds_nothing_to_say_of_all_18() -> None:
    assert checks.check_codes(matched(CODES)) == checks.Findings()


def test_check_codes_names_missing_unknown_and_double() -> None:
    reasons = checks.check_codes(matched([*CODES[:16], CODES[0], None])).reasons
    assert len(reasons) == 3
    assert "18" in reasons[0]
    assert "?" in reasons[0]
    assert "64.08.01" in reasons[1]
    assert "1, 17" in reasons[1]
    assert all(code in reasons[2] for code in ("64.08.17", "64.08.18"))


def test_check_codes_notes_a_name_that_contradicts_its_code() -> None:
    names = [fact.other_name or fact.name for fact in facts.kecamatan()]
    assert checks.check_codes(matched(CODES, names)).notes == []
    names[0] = "Sangatta Utara"
    [note] = checks.check_codes(matched(CODES, names)).notes
    assert "64.08.01" in note
    assert "Sangatta Utara" in note


def test_check_kinds_refuses_points_and_empty_outlines() -> None:
    shapes = np.array([shapely.box(0, 0, 1, 1), shapely.Point(0, 0), shapely.Polygon(), None], dtype=object)
    reasons = checks.check_kinds(shapes, ["a", "b", "c", "d"]).reasons
    assert [name in reason for name, reason in zip("bcd", reasons, strict=True)] == [True] * 3


def test_check_place_tells_swapped_axes_from_a_wrong_system() -> None:
    assert checks.check_place([shapely.box(116, 0, 119, 2)]).reasons == []
    [swapped] = checks.check_place([shapely.box(0, 116, 2, 119)]).reasons
    [elsewhere] = checks.check_place([shapely.box(385_000, 2_000, 721_000, 206_000)]).reasons
    assert "--crs" in elsewhere
    assert "--crs" not in swapped


def test_check_repairs_refuses_large_changes_only() -> None:
    found = checks.check_repairs([Repair(0, "Self-intersection", 0.2), Repair(1, "Nested shells", 40.4)], ["a", "b"])
    assert len(found.notes) == len(found.reasons) == 1
    assert "Nested shells" in found.reasons[0]
    assert "40" in found.reasons[0]


def test_find_overlaps_measures_the_pair() -> None:
    # The squares share a strip of 0.01 degree by 0.1 degree at the equator: 1,113 m by 11,057 m.
    shapes = {"b": shapely.box(0, 0, 0.11, 0.1), "a": shapely.box(0.1, 0, 0.2, 0.1), "c": shapely.box(0.2, 0, 0.3, 0.1)}
    [(left, right, size)] = checks.find_overlaps(shapes)
    assert (left, right) == ("a", "b")
    assert size == pytest.approx(1.113 * 11.057 * 100, rel=1e-3)


def test_find_gaps_names_who_is_beside() -> None:
    # A ring of two halves around a hole of 0.02 by 0.02 degree.
    left = shapely.box(0, 0, 0.05, 0.1) - shapely.box(0.04, 0.04, 0.06, 0.06)
    right = shapely.box(0.05, 0, 0.1, 0.1) - shapely.box(0.04, 0.04, 0.06, 0.06)
    [gap] = checks.find_gaps({"l": left, "r": right})
    assert gap.beside == ("l", "r")
    assert gap.size_ha == pytest.approx(2.226 * 2.211 * 100, rel=1e-3)
    assert shapely.box(0.04, 0.04, 0.06, 0.06).contains(shapely.Point(gap.lon, gap.lat))


def test_check_coverage_ignores_rounding() -> None:
    shapes = {"64.08.01": shapely.box(0, 0, 0.1 + 1e-9, 0.1), "64.08.02": shapely.box(0.1, 0, 0.2, 0.1)}
    assert checks.check_coverage(shapes, "kecamatan") == checks.Findings()


def test_check_areas_refuses_an_outline_of_half_the_figure_and_a_wrong_whole() -> None:
    square = shapely.box(116, 0, 116.1, 0.1)  # 123 km2 for Muara Ancalong's 1,924 km2
    found = checks.check_areas({"64.08.01": shapely.MultiPolygon([square])}, "kecamatan")
    assert len(found.reasons) == 2
    assert "64.08.01" in found.reasons[1]
    found = checks.check_areas({"64.08.01": shapely.MultiPolygon([square])}, "kecamatan", schematic=True)
    assert (len(found.reasons), len(found.notes)) == (0, 2)


@pytest.mark.parametrize(("size", "shown"), [(3417.8, "3.418"), (9.04, "9,0"), (0.25, "0,2"), (10.5, "10")])
def test_ha_rounds_as_people_read(size: float, shown: str) -> None:
    with translation.override("id"):
        assert checks.ha(size) == shown
