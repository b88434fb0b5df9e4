"""Coordinate reference systems by their OGC address, and the order of their axes.

Geometry is stored in EPSG:4326 as lon, lat, which OGC calls CRS84. What is called EPSG:4326 in an address has lat, lon.
"""

import re
from dataclasses import dataclass
from functools import cache

from django.utils.translation import gettext as _

from geo.errors import ParameterError
from geo.params import SHOWN
from layers.models import LayerVersion

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
DECIMALS_DEGREES = 8  # 1 mm
DECIMALS_METRES = 4


@dataclass(frozen=True)
class Crs:
    """A system: its address, its SRID in the database, and whether its first axis is north (lat, lon)."""

    uri: str
    srid: int
    north_first: bool
    decimals: int


CRS84 = Crs("http://www.opengis.net/def/crs/OGC/1.3/CRS84", 4326, False, DECIMALS_DEGREES)
CRS84H = "http://www.opengis.net/def/crs/OGC/0/CRS84h"
EVERYWHERE = (
    CRS84,
    Crs(f"{EPSG}4326", 4326, True, DECIMALS_DEGREES),
    *(Crs(f"{EPSG}{srid}", srid, False, DECIMALS_METRES) for srid in (3857, 32650, 23837, 23838, 23880)),
)
"""WGS 84, Web Mercator, UTM 50N, DGN95 TM-3 zones 50.1 and 50.2, DGN95 UTM 50S: what planners here work in."""


def crs_of(version: LayerVersion) -> tuple[Crs, ...]:
    """Return the systems in which a version is given: those of all layers, and the one its file came in."""
    found = re.fullmatch(r"EPSG:([0-9]{4,6})", version.source_crs.strip())
    own = epsg(int(found[1])) if found else None
    return EVERYWHERE if own is None or own in EVERYWHERE else (*EVERYWHERE, own)


@cache
def epsg(srid: int) -> Crs | None:
    """Return a system of EPSG's register, or None if the number is none, or has no horizontal axes."""
    from pyproj import CRS  # half a second to import
    from pyproj.exceptions import CRSError

    try:
        found = CRS.from_epsg(srid)
    except CRSError:
        return None
    if not (found.is_geographic or found.is_projected) or len(found.axis_info) != 2:
        return None
    decimals = DECIMALS_DEGREES if found.is_geographic else DECIMALS_METRES
    return Crs(f"{EPSG}{srid}", srid, found.axis_info[0].direction == "north", decimals)


def parse_crs(text: str, known: tuple[Crs, ...], *, name: str) -> Crs:
    """Return the system that an address names. `[EPSG:n]` and `EPSG:n` are read as well."""
    wanted = text.strip().strip("[]")
    short = re.fullmatch(r"(?:urn:ogc:def:crs:)?(EPSG|OGC):(?:[0-9.]*:)?(CRS84|[0-9]+)", wanted)
    if short:
        wanted = f"{EPSG}{short[2]}" if short[1] == "EPSG" else CRS84.uri
    for crs in known:
        if wanted.replace("https://", "http://") == crs.uri:
            return crs
    raise ParameterError(
        name,
        text,
        _("%(name)s “%(value)s” is not offered here. Known are: %(known)s.")
        % {"name": name, "value": text[: 2 * SHOWN], "known": ", ".join(crs.uri for crs in known)},
    )
