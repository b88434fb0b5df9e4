"""Writes on boundary editions: store a candidate, activate one. Each is one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from geo.errors import BoundariesRefused
from geo.locate import locate_many
from geo.models import BoundaryEdition, BoundaryPiece, Desa, DesaBoundary, Kecamatan, KecamatanBoundary
from geo.signals import edition_activated, edition_previewed

PIECE_VERTICES = 128

_ADD_KECAMATAN_PIECES = """
    INSERT INTO geo_boundarypiece (edition_id, kecamatan_id, desa_id, geom)
    SELECT b.edition_id, b.kecamatan_id, NULL, (ST_Dump(ST_Subdivide(b.geom, %(vertices)s))).geom
    FROM geo_kecamatanboundary b WHERE b.edition_id = %(edition)s
"""
_ADD_DESA_PIECES = """
    INSERT INTO geo_boundarypiece (edition_id, kecamatan_id, desa_id, geom)
    SELECT b.edition_id, d.kecamatan_id, b.desa_id, (ST_Dump(ST_Subdivide(b.geom, %(vertices)s))).geom
    FROM geo_desaboundary b JOIN geo_desa d ON d.id = b.desa_id WHERE b.edition_id = %(edition)s
"""
_MEASURE = "UPDATE {table} SET area_km2 = ST_Area(geom::geography) / 1e6 WHERE edition_id = %(edition)s"


@dataclass(frozen=True)
class Description:
    """What an edition says about itself."""

    slug: str
    name: str
    kind: str
    source: str
    licence: str
    valid_from: date | None = None


@transaction.atomic
def store_edition(
    *,
    description: Description,
    kecamatan: Mapping[str, shapely.MultiPolygon],
    desa: Mapping[str, shapely.MultiPolygon] | None = None,
) -> BoundaryEdition:
    """Store a checked edition, not in use. Outlines are by Kemendagri code, EPSG:4326.

    Raise BoundariesRefused when the short name is taken.
    """
    if BoundaryEdition.objects.filter(slug=description.slug).exists():
        raise BoundariesRefused(
            [_("An edition named %(slug)s exists. Choose another name with --slug.") % {"slug": description.slug}]
        )
    edition = BoundaryEdition.objects.create(
        slug=description.slug,
        name=description.name,
        kind=description.kind,
        source=description.source,
        licence=description.licence,
        valid_from=description.valid_from,
    )
    ids = dict(Kecamatan.objects.values_list("code", "pk"))
    KecamatanBoundary.objects.bulk_create(
        KecamatanBoundary(edition=edition, kecamatan_id=ids[code], geom=to_geos(geometry), area_km2=0)
        for code, geometry in sorted(kecamatan.items())
    )
    _run(_MEASURE.format(table="geo_kecamatanboundary"), edition)
    _run(_ADD_KECAMATAN_PIECES, edition)
    if desa:
        add_desa(edition=edition, desa=desa)
    _analyse()
    return edition


@transaction.atomic
def add_desa(*, edition: BoundaryEdition, desa: Mapping[str, shapely.MultiPolygon]) -> None:
    """Add (or replace) the desa outlines of an edition."""
    DesaBoundary.objects.filter(edition=edition).delete()
    BoundaryPiece.objects.filter(edition=edition, desa__isnull=False).delete()
    ids = dict(Desa.objects.values_list("code", "pk"))
    DesaBoundary.objects.bulk_create(
        DesaBoundary(edition=edition, desa_id=ids[code], geom=to_geos(geometry), area_km2=0)
        for code, geometry in sorted(desa.items())
    )
    _run(_MEASURE.format(table="geo_desaboundary"), edition)
    _run(_ADD_DESA_PIECES, edition)


@transaction.atomic
def activate_edition(*, edition: BoundaryEdition) -> None:
    """Put an edition in use and retire the one that was. Reports keep what they were given."""
    editions = BoundaryEdition.objects.select_for_update()
    list(editions.filter(status=BoundaryEdition.Status.ACTIVE).exclude(pk=edition.pk))  # the lock
    editions.filter(status=BoundaryEdition.Status.ACTIVE).exclude(pk=edition.pk).update(
        status=BoundaryEdition.Status.RETIRED
    )
    edition.status = BoundaryEdition.Status.ACTIVE
    edition.activated_at = timezone.now()
    edition.save(update_fields=["status", "activated_at"])
    edition_activated.send(sender=BoundaryEdition, edition=edition)


def preview_edition(*, edition: BoundaryEdition) -> list[str]:
    """Ask whoever holds points what would change with this edition; return their sentences."""
    sentences: list[str] = []
    answers = edition_previewed.send(
        sender=BoundaryEdition, edition=edition, locate_many=partial(locate_many, edition=edition)
    )
    for _receiver, answer in answers:
        sentences.extend([answer] if isinstance(answer, str) else answer or [])
    return sentences


def to_geos(geometry: shapely.MultiPolygon) -> MultiPolygon:
    """Return a shapely geometry in EPSG:4326 as Django stores it."""
    stored = GEOSGeometry(memoryview(shapely.to_wkb(geometry)), srid=4326)
    assert isinstance(stored, MultiPolygon)  # noqa: S101 - normalise.to_multi made it one
    return stored


def _run(sql: str, edition: BoundaryEdition) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"edition": edition.pk, "vertices": PIECE_VERTICES})


def _analyse() -> None:
    """Tell the planner about the new pieces at once: until autovacuum runs, it would read them all for each look-up."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE geo_boundarypiece")
