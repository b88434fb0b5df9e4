import pytest

from geo import facts
from geo.locate import locate, locate_many
from geo.models import BoundaryEdition, BoundaryPiece, Desa, DesaBoundary, Kecamatan, KecamatanBoundary
from geo.seed import seed
from tests.factories.geo import make_edition

pytestmark = pytest.mark.django_db


def test_seed_twice_is_seed_once() -> None:
    seed()
    first = (list(Kecamatan.objects.values()), list(Desa.objects.values()), BoundaryPiece.objects.count())
    seed()
    assert (list(Kecamatan.objects.values()), list(Desa.objects.values()), BoundaryPiece.objects.count()) == first
    assert (len(first[0]), len(first[1])) == (18, 141)
    assert KecamatanBoundary.objects.count() == 18
    assert DesaBoundary.objects.count() == 141
    assert BoundaryEdition.objects.get().kind == "schematic"


def test_seed_puts_every_desa_point_into_its_own_kecamatan_and_desa() -> None:
    seed()
    desa = facts.desa()
    found = locate_many([(fact.lon, fact.lat) for fact in desa])
    assert [(place and place.kecamatan.code, place and place.desa and place.desa.code) for place in found] == [
        (fact.kecamatan_code, fact.code) for fact in desa
    ]
    assert {place and place.edition_kind for place in found} == {"schematic"}


def test_seed_corrects_what_was_changed_and_keeps_ids() -> None:
    seed()
    pk = Kecamatan.objects.get(code="64.08.04").pk
    Kecamatan.objects.filter(pk=pk).update(name="?", population=1)
    seed()
    sangatta = Kecamatan.objects.get(pk=pk)
    assert (sangatta.name, sangatta.population) == ("Sangatta Utara", 125_410)


def test_seed_says_where_a_population_is_only_estimated() -> None:
    seed()
    bengalon = Kecamatan.objects.get(name="Bengalon")
    assert bengalon.population == 43_363
    assert "TPS" in bengalon.population_source
    assert "TPS" not in Kecamatan.objects.get(name="Sangatta Utara").population_source


def test_seed_leaves_the_active_edition_in_use() -> None:
    edition = make_edition()
    seed()
    assert BoundaryEdition.objects.active().get() == edition


def test_seed_puts_the_schematic_edition_back_when_none_is_active() -> None:
    seed()
    BoundaryEdition.objects.update(status="retired")
    seed()
    assert BoundaryEdition.objects.count() == 1
    assert locate(117.55, 0.52).edition_kind == "schematic"
