"""What changed, for a map: a sign for each feature that was added, removed, moved or has other values, as GeoJSON.

Signs only, not whole shapes: a point on the feature, and for a moved one a line from where it was to where it is.
At most MOST of them; the counts in words (layers/comparing.py, layers/editing.py) are always whole.
"""

import json
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _

from layers.comparing import SIDES_BY_KEY
from layers.editing import LATEST
from layers.models import Layer, LayerEdit, LayerVersion
from layers.selection import label_of

MOST = 500

# Both sides have fid, geom and properties; a side is null where the feature is not there.
_TOLD = """
SELECT what, fid, properties::text, ST_X(old_at), ST_Y(old_at), ST_X(new_at), ST_Y(new_at) FROM (
    SELECT CASE WHEN before.fid IS NULL THEN 'added' WHEN after.fid IS NULL THEN 'removed'
                WHEN ST_AsBinary(before.geom) IS DISTINCT FROM ST_AsBinary(after.geom) THEN 'moved'
                ELSE 'changed' END AS what,
           coalesce(after.fid, before.fid) AS fid, coalesce(after.properties, before.properties) AS properties,
           before.geom AS old_geom, after.geom AS new_geom
"""
_SOME = """
    ORDER BY 2 LIMIT %(most)s
) told CROSS JOIN LATERAL (
    SELECT ST_PointOnSurface(old_geom) AS old_at, ST_PointOnSurface(new_geom) AS new_at
) place
"""
_DIFFER = """before.fid IS NULL OR after.fid IS NULL OR before.properties <> after.properties
       OR ST_AsBinary(before.geom) IS DISTINCT FROM ST_AsBinary(after.geom)"""
_BY_KEY = f"""{_TOLD}
    {SIDES_BY_KEY}    WHERE {_DIFFER} {_SOME}
"""
# The n-th of several equal rows is the same row on both sides.
_MARKED = """
    SELECT *, row_number() OVER (PARTITION BY mark ORDER BY fid) AS n FROM (
        SELECT *, md5(coalesce(ST_AsBinary(geom), '') || convert_to(properties::text, 'UTF8')) AS mark
        FROM layers_feature WHERE version_id = %({side})s) marked
"""
_AS_A_WHOLE = f"""{_TOLD}
    FROM ({_MARKED.format(side="old")}) before
    FULL JOIN ({_MARKED.format(side="new")}) after ON before.mark = after.mark AND before.n = after.n
    WHERE before.fid IS NULL OR after.fid IS NULL {_SOME}
"""
_OF_EDIT = f"""{_TOLD}
    FROM ({LATEST % "%(edit)s"}) latest
    LEFT JOIN layers_feature before ON before.version_id = %(old)s AND before.fid = latest.fid
    LEFT JOIN LATERAL (SELECT latest.fid, latest.geom, latest.properties WHERE latest.kind <> 'delete') after ON true
    WHERE (before.fid IS NOT NULL OR after.fid IS NOT NULL) AND ({_DIFFER}) {_SOME}
"""


def between(*, layer: Layer, old: LayerVersion, new: LayerVersion, key: str | None) -> dict[str, Any]:
    """Return the signs of what differs between two versions, rows told apart by `key`, or as a whole without one."""
    parts = {"old": old.pk, "new": new.pk, "key": key, "most": MOST}
    return _collection(layer, _AS_A_WHOLE if key is None else _BY_KEY, parts)


def of_edit(edit: LayerEdit) -> dict[str, Any]:
    """Return the signs of what an open edit changes in its version."""
    return _collection(edit.layer, _OF_EDIT, {"edit": edit.pk, "old": edit.base_id, "most": MOST})


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


def in_words() -> dict[str, str]:
    """Return what may become of a feature, in words."""
    return {"added": _("added"), "removed": _("deleted"), "moved": _("moved"), "changed": _("other values")}


def edit_url(layer: Layer) -> str:
    """Return the address of the signs of a layer's open edit."""
    return reverse("layer_changes_signs", args=[layer.slug])


def _collection(layer: Layer, statement: str, parts: dict[str, Any]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parts)
        rows = cursor.fetchall()
    features = []
    for what, fid, properties, *places in rows:
        geometry = _geometry(what, [tuple(places[:2]), tuple(places[2:])])
        label = label_of(layer, json.loads(properties), fid)
        features.append({"type": "Feature", "geometry": geometry, "properties": {"what": what, "label": label}})
    return {"type": "FeatureCollection", "features": features}


def _geometry(what: str, ends: list[tuple[Any, ...]]) -> dict[str, Any] | None:
    known = [[round(lon, 6), round(lat, 6)] for lon, lat in ends if lon is not None]
    if what == "moved" and len(known) == 2:
        return {"type": "LineString", "coordinates": known}
    return {"type": "Point", "coordinates": known[-1]} if known else None
