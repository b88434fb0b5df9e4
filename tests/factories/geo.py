"""Boundary editions small enough to draw.

Two kecamatan side by side, 0.1 degree (11 km) wide, the sea to the east; the left has two desa, the right one:

    0.5  +------+------+
         |  T   |      |
         +------+  S   |  ~ sea
         |  L   |      |
    0.4  +------+------+
       117.40 117.50 117.60
"""

from collections.abc import Mapping

import shapely
from django.contrib.gis.geos import Point

from geo.editions import Description, activate_edition, store_edition
from geo.models import BoundaryEdition, Desa, Kecamatan

UTARA, SELATAN = "64.08.04", "64.08.12"
TOP, LOW, SOUTH = "64.08.04.2001", "64.08.04.2002", "64.08.12.2001"
KECAMATAN = {UTARA: shapely.box(117.40, 0.40, 117.50, 0.50), SELATAN: shapely.box(117.50, 0.40, 117.60, 0.50)}
DESA = {
    TOP: shapely.box(117.40, 0.45, 117.50, 0.50),
    LOW: shapely.box(117.40, 0.40, 117.50, 0.45),
    SOUTH: KECAMATAN[SELATAN],
}


def make_kecamatan(code: str) -> Kecamatan:
    """Return the kecamatan with this code, made if need be."""
    return Kecamatan.objects.get_or_create(
        code=code, defaults={"bps_code": code.replace(".", "")[:7], "name": f"Kecamatan {code}"}
    )[0]


def make_desa(code: str) -> Desa:
    """Return the desa with this code, made if need be."""
    return Desa.objects.get_or_create(
        code=code,
        defaults={
            "name": f"Desa {code}",
            "kind": "desa",
            "kecamatan": make_kecamatan(code[:8]),
            "point": Point(117.5, 0.5, srid=4326),
        },
    )[0]


def multi(outlines: Mapping[str, shapely.Polygon]) -> dict[str, shapely.MultiPolygon]:
    """Return the outlines as MultiPolygons."""
    return {code: shapely.MultiPolygon([outline]) for code, outline in outlines.items()}


def make_edition(
    slug: str = "uji",
    kecamatan: Mapping[str, shapely.Polygon] = KECAMATAN,
    desa: Mapping[str, shapely.Polygon] | None = DESA,
    *,
    active: bool = True,
) -> BoundaryEdition:
    """Return a stored edition with these outlines (the drawing above unless told), in use unless told."""
    for code in kecamatan:
        make_kecamatan(code)
    for code in desa or {}:
        make_desa(code)
    edition = store_edition(
        description=Description(slug, f"Edition {slug}", "indicative", "drawn for a test", "CC0-1.0"),
        kecamatan=multi(kecamatan),
        desa=multi(desa) if desa else None,
    )
    if active:
        activate_edition(edition=edition)
    return edition
