"""Fill the areas from `data/facts` and, where no boundaries are in use, load the bundled schematic ones."""

import shapely
from django.contrib.gis.geos import Point
from django.db import transaction

from geo import definition, facts, schematic
from geo.editions import activate_edition, store_edition
from geo.models import BoundaryEdition, Desa, Kecamatan


@transaction.atomic
def seed() -> None:
    """Bring kecamatan and desa up to the facts; activate the schematic edition if none is active. Safe to repeat."""
    seed_areas()
    if not BoundaryEdition.objects.filter(status=BoundaryEdition.Status.ACTIVE).exists():
        seed_schematic()


@transaction.atomic
def seed_areas() -> None:
    """Bring the 18 kecamatan and 141 desa up to the facts, by code."""
    Kecamatan.objects.bulk_create(
        (
            Kecamatan(
                code=fact.code,
                bps_code=fact.bps_code,
                name=fact.name,
                other_name=fact.other_name,
                seat=fact.seat,
                population=fact.population,
                population_source=fact.population_source,
            )
            for fact in facts.kecamatan()
        ),
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["bps_code", "name", "other_name", "seat", "population", "population_source"],
    )
    ids = dict(Kecamatan.objects.values_list("code", "pk"))
    Desa.objects.bulk_create(
        (
            Desa(
                code=fact.code,
                name=fact.name,
                kind=fact.kind,
                kecamatan_id=ids[fact.kecamatan_code],
                point=Point(fact.lon, fact.lat, srid=4326),
            )
            for fact in facts.desa()
        ),
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name", "kind", "kecamatan", "point"],
    )


@transaction.atomic
def seed_schematic() -> BoundaryEdition:
    """Load the bundled schematic edition (again, if it was retired) and activate it.

    The files hold exactly what `schematic.cells` computes in milliseconds (a test compares them byte by byte), so no
    file is read, and no import of pandas waited for.
    """
    described = definition.read(schematic.SCHEMATIC_DIR / "definition.toml")
    edition = BoundaryEdition.objects.filter(slug=described.description.slug).first()
    if edition is None:
        cells = schematic.cells()
        desa = {fact.code: cell for fact, cell in cells}
        kecamatan = {
            fact.code: schematic.as_multi(
                shapely.coverage_union_all([cell for owner, cell in cells if owner.kecamatan_code == fact.code])
            )
            for fact in facts.kecamatan()
        }
        edition = store_edition(description=described.description, kecamatan=kecamatan, desa=desa)
    activate_edition(edition=edition)
    return edition
