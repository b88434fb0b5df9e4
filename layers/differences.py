"""What changed, for a map: a sign for each feature that differs, as GeoJSON.

Signs only, not whole shapes: a point on the feature, and for a moved one a line from where it was to where it is.
At most MOST of them; the counts in words (layers/comparing.py, layers/editing.py) are always whole.
"""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _

from layers.comparing import MOST, PLACE, Difference, Line, in_words
from layers.editing import LATEST, SAME_SHAPE
from layers.models import Layer, LayerEdit, LayerVersion
from layers.selection import label_of
from layers.values import shown_changes

_PLACES = """
SELECT fid, properties::text, ST_X(at), ST_Y(at) FROM (
    SELECT fid, properties, ST_PointOnSurface(geom) AS at FROM layers_feature WHERE version_id = %s AND fid = ANY(%s)
) placed
"""
_OF_EDIT = f"""
SELECT what, fid, properties::text, ST_X(old_at), ST_Y(old_at), ST_X(new_at), ST_Y(new_at) FROM (
    SELECT CASE WHEN before.fid IS NULL THEN 'added' WHEN after.fid IS NULL THEN 'removed'
                ELSE coalesce(nullif({PLACE.format(same=SAME_SHAPE)}, ''), 'changed') END AS what,
           coalesce(after.fid, before.fid) AS fid, coalesce(after.properties, before.properties) AS properties,
           before.geom AS old_geom, after.geom AS new_geom
    FROM ({LATEST % "%(edit)s"}) latest
    LEFT JOIN layers_feature before ON before.version_id = %(old)s AND before.fid = latest.fid
    LEFT JOIN LATERAL (SELECT latest.fid, latest.geom, latest.properties WHERE latest.kind <> 'delete') after ON true
    WHERE (before.fid IS NOT NULL OR after.fid IS NOT NULL) AND (
        before.fid IS NULL OR after.fid IS NULL OR before.properties <> after.properties
        OR NOT {SAME_SHAPE})
    ORDER BY 2 LIMIT %(most)s
) told CROSS JOIN LATERAL (
    SELECT ST_PointOnSurface(old_geom) AS old_at, ST_PointOnSurface(new_geom) AS new_at
) place
"""  # noqa: S608 - constants of ours


def between(*, layer: Layer, old: LayerVersion, new: LayerVersion, found: Sequence[Difference]) -> dict[str, Any]:
    """Return the signs of features that differ between two versions."""
    before = _places(old, [one.old for one in found])
    after = _places(new, [one.new for one in found])
    features = []
    for one in found:
        was, is_now = before.get(one.old), after.get(one.new)
        properties, *_ = is_now or was or ("{}",)
        places = [side[1:] if side else (None, None) for side in (was, is_now)]
        features.append(_sign(layer, one.sign, one.new or one.old or 0, properties, places))
    return {"type": "FeatureCollection", "features": features}


def _places(version: LayerVersion, fids: Sequence[int | None]) -> dict[int | None, tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, [version.pk, [fid for fid in fids if fid is not None]])
        return {fid: told for fid, *told in cursor.fetchall()}


def of_edit(edit: LayerEdit) -> dict[str, Any]:
    """Return the signs of what an open edit changes in its version."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_EDIT, {"edit": edit.pk, "old": edit.base_id, "most": MOST})
        rows = cursor.fetchall()
    features = [
        _sign(edit.layer, what, fid, properties, [places[:2], places[2:]]) for what, fid, properties, *places in rows
    ]
    return {"type": "FeatureCollection", "features": features}


def map_options(url: str, n: int) -> dict[str, Any]:
    """Return what the map's script needs to draw `n` differences, read from `url`; nothing for none."""
    if not n:
        return {}
    return {
        "differences": {
            "url": url,
            "failed": _("The changes could not be drawn. Load the page again."),
            "words": in_words(),
        }
    }


def told(lines: Sequence[Line]) -> list[tuple[Line, str, list[tuple[str, str, str]]]]:
    """Return lines for a page: each with what became of the feature, and its values, in words."""
    return [(line, line.difference.words, shown_changes(line.values)) for line in lines]


def edit_url(layer: Layer) -> str:
    """Return the address of the signs of a layer's open edit."""
    return reverse("layer_changes_signs", args=[layer.slug])


def _sign(layer: Layer, what: str, fid: int, properties: str, ends: Sequence[Sequence[Any]]) -> dict[str, Any]:
    label = label_of(layer, json.loads(properties), fid)
    geometry = _geometry(what, ends)
    return {"type": "Feature", "geometry": geometry, "properties": {"what": what, "label": label}}


def _geometry(what: str, ends: Sequence[Sequence[Any]]) -> dict[str, Any] | None:
    known = [[round(lon, 6), round(lat, 6)] for lon, lat in ends if lon is not None]
    if what == "moved" and len(known) == 2:
        return {"type": "LineString", "coordinates": known}
    return {"type": "Point", "coordinates": known[-1]} if known else None
