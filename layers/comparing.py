"""What changed from one version of a layer to another: rows told apart by a key column, or as a whole without one."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from layers.models import Layer, LayerVersion
from layers.selection import label_of

FAVOURED = re.compile(r"^(kode|code|id|no|nomor|nik|nop|nib|npsn|gid|objectid|uuid|nama|name)(_|$)|(_|^)(kode|id)$")
KEYS_TRIED = 8
LISTED = 20
LINES = 100
"""Features that differ and are listed with their values: those with other values first."""

# Both sides are given whole: PostgreSQL prunes to the two partitions by the literal ids.
SIDES_BY_KEY = """
FROM (SELECT *, properties->>%(key)s AS key FROM layers_feature WHERE version_id = %(old)s) before
FULL JOIN (SELECT *, properties->>%(key)s AS key FROM layers_feature WHERE version_id = %(new)s) after
    ON before.key = after.key
"""
"""The features of the versions `old` and `new`, `before` and `after`, told apart by the values of `key`."""
BY_KEY = f"""
SELECT count(*) FILTER (WHERE before.fid IS NULL),
       count(*) FILTER (WHERE after.fid IS NULL),
       count(*) FILTER (WHERE moved),
       count(*) FILTER (WHERE changed AND NOT moved),
       count(*) FILTER (WHERE NOT moved AND NOT changed),
       (array_agg(coalesce(after.key, before.key)) FILTER (WHERE moved OR changed OR moved IS NULL))[:%(listed)s]
{SIDES_BY_KEY}CROSS JOIN LATERAL (
    SELECT CASE WHEN before.fid IS NOT NULL AND after.fid IS NOT NULL
                THEN ST_AsBinary(before.geom) IS DISTINCT FROM ST_AsBinary(after.geom) END AS moved,
           CASE WHEN before.fid IS NOT NULL AND after.fid IS NOT NULL
                THEN before.properties <> after.properties END AS changed
) difference
"""  # noqa: S608 - constants of ours
AS_A_WHOLE = """
WITH marked AS (
    SELECT version_id, md5(coalesce(ST_AsBinary(geom), '') || convert_to(properties::text, 'UTF8')) AS mark
    FROM layers_feature WHERE version_id IN (%(old)s, %(new)s)
), before AS (SELECT mark, count(*) AS n FROM marked WHERE version_id = %(old)s GROUP BY 1),
   after AS (SELECT mark, count(*) AS n FROM marked WHERE version_id = %(new)s GROUP BY 1)
SELECT coalesce(sum(greatest(coalesce(after.n, 0) - coalesce(before.n, 0), 0)), 0),
       coalesce(sum(greatest(coalesce(before.n, 0) - coalesce(after.n, 0), 0)), 0),
       coalesce(sum(least(coalesce(after.n, 0), coalesce(before.n, 0))), 0)
FROM before FULL JOIN after USING (mark)
"""
DIFFERING = f"""
SELECT what, moved, fid, old::text, new::text FROM (
    SELECT CASE WHEN before.fid IS NULL THEN 'added' WHEN after.fid IS NULL THEN 'removed'
                WHEN before.properties <> after.properties THEN 'changed' ELSE 'moved' END AS what,
           ST_AsBinary(before.geom) IS DISTINCT FROM ST_AsBinary(after.geom) AS moved,
           coalesce(after.fid, before.fid) AS fid, before.properties AS old, after.properties AS new
    {SIDES_BY_KEY}) both_sides
WHERE what <> 'moved' OR moved
ORDER BY array_position(ARRAY['changed', 'moved', 'removed', 'added'], what), fid LIMIT %(lines)s
"""  # noqa: S608 - constants of ours


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Counts of rows. `key` is the column that told them apart; without one a changed row counts as removed and added.

    `moved` rows have another geometry (their attributes may differ, too); `changed` ones other attributes only.
    `listed` are keys of the first rows that are not the same.
    """

    key: str | None
    added: int
    removed: int
    moved: int
    changed: int
    same: int
    listed: tuple[str, ...] = ()


def compare(*, old: LayerVersion, new: LayerVersion, key: str | None = None) -> Comparison:
    """Compare two stored versions. `key` names the column to go by; without it, a unique one is looked for.

    Raise ValueError for a key that is not unique in both.
    """
    if key is None:
        key = next((name for name in _candidates(old, new) if _is_key(name, old) and _is_key(name, new)), None)
    elif not (_is_key(key, old) and _is_key(key, new)):
        raise ValueError(key)
    parts = {"old": old.pk, "new": new.pk, "key": key, "listed": LISTED}
    with connection.cursor() as cursor:
        if key is None:
            cursor.execute(AS_A_WHOLE, parts)
            added, removed, same = (int(number) for number in cursor.fetchone())
            return Comparison(key=None, added=added, removed=removed, moved=0, changed=0, same=same)
        cursor.execute(BY_KEY, parts)
        added, removed, moved, changed, same, listed = cursor.fetchone()
    return Comparison(
        key=key, added=added, removed=removed, moved=moved, changed=changed, same=same, listed=tuple(listed or ())
    )


Differing = tuple[dict[str, str], Any, Any]
"""A field's name, title and type, the old value and the new one."""


@dataclass(frozen=True)
class Line:
    """A feature that differs: what it is called, and what became of it (added, removed, moved, changed).

    `moved` is told of changed ones, too. `values` are of the fields that may be shown, `hidden` says how many others
    differ.
    """

    label: str
    what: str
    moved: bool
    values: tuple[Differing, ...]
    hidden: int


def lines(*, layer: Layer, old: LayerVersion, new: LayerVersion, key: str | None) -> list[Line]:
    """Return the features that differ, at most `LINES`, those with other values first. None without a key column."""
    if key is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(DIFFERING, {"old": old.pk, "new": new.pk, "key": key, "lines": LINES})
        rows = cursor.fetchall()
    found = []
    for what, moved, fid, *sides in rows:
        before, after = (json.loads(side) if side else None for side in sides)
        label = label_of(layer, after or before or {}, fid)
        values, hidden = values_that_differ(layer, before, after)
        found.append(Line(label, what, moved and what in {"changed", "moved"}, values, hidden))
    return found


def values_that_differ(
    layer: Layer, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[tuple[Differing, ...], int]:
    """Return the fields shown whose values differ, with these, and how many others differ.

    Nothing for a feature that is on one side only.
    """
    if before is None or after is None:
        return (), 0
    differing = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    shown = [field for field in layer.shown_fields() if field["name"] in differing]
    values = tuple(
        (
            {part: str(field.get(part, "")) for part in ("name", "title", "type")},
            before.get(field["name"]),
            after.get(field["name"]),
        )
        for field in shown
    )
    return values, len(differing) - len(shown)


def _candidates(old: LayerVersion, new: LayerVersion) -> list[str]:
    """Return the columns of both that may be keys, the likeliest first."""
    names = [
        name
        for name, told in new.statistics.items()
        if name in old.statistics and not told.get("nulls") and told.get("distinct") in (None, told.get("count"))
    ]
    return sorted(names, key=lambda name: not FAVOURED.search(name))[:KEYS_TRIED]


def _is_key(name: str, version: LayerVersion) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) = count(DISTINCT properties->>%s) AND count(*) > 0"
            " FROM layers_feature WHERE version_id = %s",
            [name, version.pk],
        )
        return bool(cursor.fetchone()[0])
