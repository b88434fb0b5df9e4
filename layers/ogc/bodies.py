"""The body of a change: one GeoJSON feature, judged part by part, so that the answer names all that is to be mended.

What the person leaves as it was served is not judged and keeps its full precision: coordinates are served with eight
decimals (four in metres), and old data may hold a word in a number's field.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from django.db import DataError, InternalError, connection, transaction
from django.utils.translation import gettext as _
from shapely.geometry import shape

from geo.maps import active_areas
from geo.params import SHOWN
from layers.editing import Now
from layers.models import Layer, LayerVersion
from layers.ogc.crs import Crs
from layers.ogc.errors import Invalid, Unreadable, why_no_json
from layers.ogc.fields import Field, fields_of
from layers.reading.limits import CELL_CHARACTERS

MEMBERS = {"type", "id", "geometry", "properties", "bbox", "links"}
"""What a feature may bring; the id is the address', and box and links are ours to tell."""
MARGIN_DEGREES = 0.1
"""How far beyond the regency's bounds a geometry may reach: about 11 km, for what lies across the border or at sea."""
DEPTH = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""How many lists a geometry's positions lie in."""
COORDINATE_MAX = 1e9
WHOLE_MAX = 2**53
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)

Errors = dict[str, list[str]]


@dataclass(frozen=True)
class Before:
    """A feature before the change: as it is stored, and as it is served in the body's coordinate system."""

    now: Now
    served: dict[str, Any]


def parse_json(body: bytes) -> Any:
    """Return what a body says. Raises Unreadable."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _no_json(why_no_json(error)) from error


def merge(target: Any, patch: Any) -> Any:
    """Return `target` with a JSON merge patch applied (RFC 7396): null takes a member away."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def judge(layer: Layer, version: LayerVersion, sent: Any, crs: Crs, before: Before | None = None) -> Now:
    """Return the feature that a body describes, as it is to be stored. Raises Unreadable, or Invalid with all reasons.

    What readers may not see of the feature (hidden fields, and ones that no dictionary knows) stays as it was.
    """
    if not isinstance(sent, Mapping) or sent.get("type") != "Feature":
        raise Unreadable(_("The body must be one GeoJSON feature: an object whose “type” is “Feature”."))
    errors: Errors = {}
    for name in sent:
        if name not in MEMBERS:
            errors[name[:SHOWN]] = [_("This member is not known in a feature here.")]
    geom = _geometry(version, sent, crs, before, errors)
    properties = _properties(layer, sent, before, errors)
    if errors:
        raise Invalid(errors)
    return Now(geom, properties)


# Attributes.


def _properties(layer: Layer, sent: Mapping[str, Any], before: Before | None, errors: Errors) -> dict[str, Any]:
    fields = fields_of(layer)
    given = sent.get("properties") or {}
    if "properties" not in sent or not isinstance(given, Mapping):
        errors["properties"] = [_("“properties” must be an object with the feature's attributes.")]
        return {}
    served = (before.served.get("properties") or {}) if before else {}
    for name, value in given.items():
        if name not in fields:
            errors[f"properties.{name[:SHOWN]}"] = [
                _("There is no field “%(name)s” here. Known are: %(known)s.")
                % {"name": name[:SHOWN], "known": ", ".join(fields)}
            ]
        elif not (name in served and _same(served[name], value)) and (wrong := _wrong(fields[name], value)):
            errors[f"properties.{name}"] = [wrong]
    kept = dict(before.now.properties) if before else {}
    for name in fields:
        if name in given:
            kept[name] = given[name]
        elif before is None or name in kept:
            kept[name] = None
    return kept


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _wrong(field: Field, value: Any) -> str | None:
    """Return what is wrong with a value, None if nothing is. Nothing at all (null) is right in every field."""
    if value is None:
        return None
    return _JUDGES[field.kind](field, value)


def _wrong_text(_field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return _("This must be text, in quotation marks.")
    if len(value) > CELL_CHARACTERS:
        return _("At most %(limit)d characters are taken.") % {"limit": CELL_CHARACTERS}
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        return _("This holds a character that cannot be kept.")
    return None


def _wrong_number(field: Field, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _("This must be a number, without quotation marks.")
    if isinstance(value, float) and not math.isfinite(value):
        return _("This number is too large.")
    if field.whole and (abs(value) >= WHOLE_MAX or value != int(value)):
        return _("This must be a whole number.")
    return None if abs(value) < 1e300 else _("This number is too large.")


def _wrong_boolean(_field: Field, value: Any) -> str | None:
    return None if isinstance(value, bool) else _("This must be true or false.")


def _wrong_date(_field: Field, value: Any) -> str | None:
    if isinstance(value, str) and DAY.fullmatch(value) and _is_time(dt.date.fromisoformat, value):
        return None
    return _("This must be a day such as 2026-01-31.")


def _wrong_datetime(_field: Field, value: Any) -> str | None:
    if isinstance(value, str) and MOMENT.fullmatch(value) and _is_time(dt.datetime.fromisoformat, value):
        return None
    return _("This must be a moment such as 2026-01-31T08:30:00+08:00.")


def _is_time(read: Callable[[str], object], value: str) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return True


_JUDGES: dict[str, Callable[[Field, Any], str | None]] = {
    "text": _wrong_text,
    "number": _wrong_number,
    "boolean": _wrong_boolean,
    "date": _wrong_date,
    "datetime": _wrong_datetime,
}


# Geometry.


def _geometry(
    version: LayerVersion, sent: Mapping[str, Any], crs: Crs, before: Before | None, errors: Errors
) -> bytes | None:
    """Return the geometry in EWKB, EPSG:4326, lon lat; None for none. What is wrong goes into `errors`."""
    kind = version.geometry_type.removesuffix(" Z")
    given = sent.get("geometry")
    if before and "geometry" in sent and _same_shape(given, before.served.get("geometry"), crs):
        return before.now.geom
    if given is None and kind == "None":
        return None
    if given is None:
        errors["geometry"] = [_("Give the feature a place: “geometry” is missing or null.")]
        return None
    wrong = _wrong_geometry(given, kind)
    if wrong is None:
        try:
            return _stored(_promoted(given, kind), crs)
        except _Wrong as error:
            wrong = str(error)
    errors["geometry"] = [wrong]
    return None


class _Wrong(ValueError):
    """What is wrong with a geometry."""


def _wrong_geometry(given: Any, kind: str) -> str | None:
    """Return what is wrong with how a geometry is written, None if nothing is."""
    if kind == "None":
        return _("The features of this layer have no place; “geometry” must be null.")
    if not isinstance(given, Mapping) or _kind(given) not in DEPTH:
        return _("“geometry” must be one of %(known)s.") % {"known": ", ".join(DEPTH)}
    unknown = [str(name)[:SHOWN] for name in given if name not in {"type", "coordinates", "bbox"}]
    if unknown:
        return _("“geometry” has a member that is not known here: %(names)s.") % {"names": ", ".join(unknown)}
    if kind in DEPTH and given["type"] not in {kind, kind.removeprefix("Multi")}:
        return _("This layer takes %(wanted)s; this is a %(given)s.") % {"wanted": kind, "given": given["type"]}
    return _wrong_positions(given.get("coordinates"), DEPTH[given["type"]]) or _wrong_rings(given)


def _kind(given: Mapping[str, Any]) -> str:
    """Return the type that a geometry says it has; "" for what cannot be one's name."""
    kind = given.get("type")
    return kind if isinstance(kind, str) else ""


def _wrong_positions(node: Any, depth: int) -> str | None:
    if not isinstance(node, list) or not node:
        return _("“coordinates” are not what this type of geometry has: lists of [x, y].")
    if depth:
        return next((wrong for part in node if (wrong := _wrong_positions(part, depth - 1))), None)
    if any(isinstance(number, bool) or not isinstance(number, (int, float)) for number in node):
        return _("Each position must be two numbers: [x, y].")
    if len(node) != 2:
        return _("Each position must be two numbers: [x, y]. Heights are not kept.")
    if any(abs(number) > COORDINATE_MAX for number in node):
        return _("A coordinate is too large.")
    return None


def _wrong_rings(given: Mapping[str, Any]) -> str | None:
    areas = {"Polygon": [given["coordinates"]], "MultiPolygon": given["coordinates"]}.get(given["type"], [])
    if any(len(ring) < 4 or ring[0] != ring[-1] for rings in areas for ring in rings):
        return _("Each ring of an area needs four positions or more, and must end where it begins.")
    return None


def _promoted(given: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the geometry as the layer's type: a polygon among multipolygons becomes one."""
    if kind == f"Multi{given['type']}":
        return {"type": kind, "coordinates": [given["coordinates"]]}
    return {"type": given["type"], "coordinates": given["coordinates"]}


def _same_shape(given: Any, served: Any, crs: Crs) -> bool:
    """Whether a geometry is the one that was served, in the precision in which it was served."""
    if given is None or served is None or given == served:
        return bool(given == served)
    if not isinstance(given, Mapping) or _kind(given) not in DEPTH:
        return False
    if _wrong_positions(given.get("coordinates"), DEPTH[given["type"]]):
        return False
    promoted = _promoted(given, served["type"])
    return promoted["type"] == served["type"] and _rounded(promoted["coordinates"], crs.decimals) == _rounded(
        served["coordinates"], crs.decimals
    )


def _rounded(node: Any, decimals: int) -> Any:
    return [_rounded(part, decimals) for part in node] if isinstance(node, list) else round(float(node), decimals)


def _stored(given: dict[str, Any], crs: Crs) -> bytes:
    """Return a geometry in EWKB, EPSG:4326, lon lat. Raises _Wrong."""
    try:
        made = shape(given)
    except (ValueError, TypeError, shapely.errors.ShapelyError) as error:
        raise _Wrong(
            _("“coordinates” do not make such a geometry: %(reason)s") % {"reason": str(error)[:120]}
        ) from error
    if crs.north_first:
        made = shapely.transform(made, lambda xy: xy[:, ::-1])
    if crs.srid != 4326:
        made = _to_degrees(made, crs)
    west, south, east, north = made.bounds
    if not all(map(math.isfinite, (west, south, east, north))):
        raise _Wrong(_("A coordinate cannot be expressed in degrees. Does Content-Crs name the right system?"))
    areas = active_areas()
    if areas:
        least_x, least_y, most_x, most_y = areas.bounds
        margin = MARGIN_DEGREES
        if west < least_x - margin or south < least_y - margin or east > most_x + margin or north > most_y + margin:
            raise _Wrong(
                _(
                    "The geometry reaches outside the regency: it lies between longitude %(west).5f and %(east).5f, "
                    "latitude %(south).5f and %(north).5f. Is x before y, and does Content-Crs name the right system?"
                )
                % {"west": west, "east": east, "south": south, "north": north}
            )
    if not shapely.is_valid(made):
        raise _Wrong(_("The geometry is not valid: %(reason)s") % {"reason": shapely.is_valid_reason(made)})
    return bytes(shapely.to_wkb(shapely.set_srid(made, 4326), include_srid=True))


def _to_degrees(made: Any, crs: Crs) -> Any:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT ST_AsBinary(ST_Transform(ST_SetSRID(ST_GeomFromWKB(%s), %s), 4326))",
                [shapely.to_wkb(made), crs.srid],
            )
            return shapely.from_wkb(bytes(cursor.fetchone()[0]))
    except (DataError, InternalError) as error:
        raise _Wrong(
            _("A coordinate cannot be expressed in degrees. Does Content-Crs name the right system?")
        ) from error


def _refuse_constant(name: str) -> None:
    raise _no_json(name)


def _no_json(reason: str) -> Unreadable:
    return Unreadable(_("The body is no JSON in UTF-8: %(reason)s") % {"reason": f"{reason}."})
