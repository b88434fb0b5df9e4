"""Read query parameters into typed values, or raise ParameterError with the name, the value and what to write instead.

Numbers are plain decimals in ASCII (Python would also take `1_0`, `nan` and Arabic digits). Axis order is lon, lat.
"""

import math
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from django.utils.translation import gettext as _

from geo.errors import InvalidPoint, ParameterError

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[0-9]{1,9}")
SHOWN = 40  # characters of a wrong value that a message repeats
SIMPLIFY_MAX_M = 5_000.0


class BBox(NamedTuple):
    """A box in EPSG:4326: west, south, east, north, in degrees."""

    min_lon: float
    min_lat: float
    max_lon: float
    max_lat: float


def parse_point(params: Mapping[str, str]) -> tuple[float, float]:
    """Return (lon, lat) from `lon` and `lat`. Raise InvalidPoint if one is missing or no place on earth."""
    lon, lat = (_degrees(params, name) for name in ("lon", "lat"))
    if abs(lat) > 90 and abs(lon) <= 90 and abs(lat) <= 180:
        raise InvalidPoint(
            "lat",
            lat,
            _("lat is %(lat)s, but it must be from -90 to 90. It seems that lat and lon are swapped.") % {"lat": lat},
        )
    for name, value, limit in (("lon", lon, 180), ("lat", lat, 90)):
        if abs(value) > limit:
            raise InvalidPoint(
                name,
                value,
                _("%(name)s must be a number of degrees from -%(limit)d to %(limit)d.")
                % {"name": name, "limit": limit},
            )
    return lon, lat


def parse_bbox(text: str, *, name: str = "bbox") -> BBox:
    """Return the box written as `minx,miny,maxx,maxy` (west, south, east, north). Width and height may be 0."""
    parts = text.split(",")
    if len(parts) != 4:
        raise ParameterError(
            name, text, _("%(name)s needs four numbers: west,south,east,north in degrees.") % {"name": name}
        )
    box = BBox(*(parse_number(part, name=name) for part in parts))
    if max(abs(box.min_lat), abs(box.max_lat)) > 90:
        message = _("The second and fourth number of %(name)s are latitudes, from -90 to 90.")
        if max(abs(box.min_lon), abs(box.max_lon)) <= 90:
            message = _("The order in %(name)s is lon,lat,lon,lat. It seems that lat and lon are swapped.")
        raise ParameterError(name, text, message % {"name": name})
    if max(abs(box.min_lon), abs(box.max_lon)) > 180:
        raise ParameterError(
            name, text, _("The first and third number of %(name)s are longitudes, from -180 to 180.") % {"name": name}
        )
    if box.min_lon > box.max_lon or box.min_lat > box.max_lat:
        raise ParameterError(
            name, text, _("%(name)s must begin with its west and south: west,south,east,north.") % {"name": name}
        )
    return box


def parse_simplify(text: str, *, name: str = "simplify") -> float:
    """Return metres from 0 to 5,000."""
    metres = parse_number(text, name=name)
    if not 0 <= metres <= SIMPLIFY_MAX_M:
        raise ParameterError(
            name,
            text,
            _("%(name)s must be from 0 to %(limit)d metres.") % {"name": name, "limit": int(SIMPLIFY_MAX_M)},
        )
    return metres


def parse_number(text: str, *, name: str) -> float:
    """Return a finite decimal number."""
    stripped = text.strip()
    number = float(stripped) if len(stripped) <= SHOWN and _NUMBER.fullmatch(stripped) else math.nan
    if not math.isfinite(number):
        hint = _("Write a dot, not a comma, before the decimals.") if re.fullmatch(r"-?\d+,\d+", stripped) else ""
        message = _("%(name)s must be a number, such as 117.55; “%(value)s” is none.")
        raise ParameterError(name, text, f"{message} {hint}".strip() % {"name": name, "value": stripped[:SHOWN]})
    return number


def parse_whole(text: str, *, name: str) -> int:
    """Return a whole number from 0 to 999,999,999."""
    if not _WHOLE.fullmatch(text):
        raise ParameterError(
            name,
            text,
            _("%(name)s must be a whole number; “%(value)s” is none.") % {"name": name, "value": text[:SHOWN]},
        )
    return int(text)


def parse_flag(text: str, *, name: str) -> bool:
    """Return `true` or `false`."""
    if text not in {"true", "false"}:
        raise ParameterError(name, text, _("%(name)s must be true or false.") % {"name": name})
    return text == "true"


def refuse_unknown(params: Mapping[str, str], known: Collection[str]) -> None:
    """Raise ParameterError for the first parameter that is not known."""
    for name in params:
        if name not in known:
            message = _("There is no parameter “%(name)s” here. Known are: %(known)s.")
            if not known:
                message = _("There is no parameter “%(name)s” here.")
            raise ParameterError(
                name[:SHOWN], params[name], message % {"name": name[:SHOWN], "known": ", ".join(sorted(known))}
            )


def _degrees(params: Mapping[str, str], name: str) -> float:
    text = params.get(name, "")
    if not text.strip():
        raise InvalidPoint(
            name, text, _("%(name)s is missing: degrees, such as lat=0.52 and lon=117.55.") % {"name": name}
        )
    try:
        return parse_number(text, name=name)
    except ParameterError as error:
        raise InvalidPoint(name, text, error.detail) from error
