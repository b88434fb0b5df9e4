"""What changed from one version of a layer to another: rows told apart by a key column, or as a whole without one."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from layers.models import Layer, LayerVersion
from layers.selection import label_of

CODES = re.compile(r"^(kode|code|id|no|nomor|nik|nop|nib|npsn|gid|objectid|uuid)(_|$)|(_|^)(kode|id)$")
NAMES = re.compile(r"^(nama|name)(_|$)")
"""Names change more often than codes."""
KEYS_TRIED = 8
LISTED = 20
MOST = 500
"""Features that differ and can be told one by one."""
LINES = 100
"""So many of them a page lists with their values."""

FID = "#"
"""The key of versions of which one was made from the other by edits, so that features keep their numbers. It is the
name of no column."""

# Both sides are given whole: PostgreSQL prunes to the two partitions by the literal ids. `before` and `after` are the
# features of the versions `old` and `new`.
SIDES_BY_KEY = """
FROM (SELECT *, properties->>%(key)s AS key FROM layers_feature WHERE version_id = %(old)s) before
FULL JOIN (SELECT *, properties->>%(key)s AS key FROM layers_feature WHERE version_id = %(new)s) after
    ON before.key = after.key
"""
SIDES_BY_FID = SIDES_BY_KEY.replace("properties->>%(key)s", "fid::text")
BY_KEY = """
SELECT count(*) FILTER (WHERE before.fid IS NULL),
       count(*) FILTER (WHERE after.fid IS NULL),
       count(*) FILTER (WHERE moved),
       count(*) FILTER (WHERE changed AND NOT moved),
       count(*) FILTER (WHERE NOT moved AND NOT changed),
       (array_agg(coalesce(after.key, before.key)) FILTER (WHERE moved OR changed OR moved IS NULL))[:%(listed)s]
{sides}CROSS JOIN LATERAL (
    SELECT CASE WHEN before.fid IS NOT NULL AND after.fid IS NOT NULL
                THEN ST_AsBinary(before.geom) IS DISTINCT FROM ST_AsBinary(after.geom) END AS moved,
           CASE WHEN before.fid IS NOT NULL AND after.fid IS NOT NULL
                THEN before.properties <> after.properties END AS changed
) difference
"""
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
# The n-th of several equal rows is the same row on both sides.
_MARKED = """
    SELECT *, row_number() OVER (PARTITION BY mark ORDER BY fid) AS n FROM (
        SELECT *, md5(coalesce(ST_AsBinary(geom), '') || convert_to(properties::text, 'UTF8')) AS mark
        FROM layers_feature WHERE version_id = %({side})s) marked
"""
SIDES_AS_A_WHOLE = f"""
FROM ({_MARKED.format(side="old")}) before
FULL JOIN ({_MARKED.format(side="new")}) after ON before.mark = after.mark AND before.n = after.n
"""
DIFFERING = """
SELECT what, moved, old_fid, new_fid FROM (
    SELECT CASE WHEN before.fid IS NULL THEN 'added' WHEN after.fid IS NULL THEN 'removed'
                WHEN before.properties <> after.properties THEN 'changed' ELSE 'moved' END AS what,
           ST_AsBinary(before.geom) IS DISTINCT FROM ST_AsBinary(after.geom) AS moved,
           before.fid AS old_fid, after.fid AS new_fid
    {sides}) both_sides
WHERE what <> 'moved' OR moved
ORDER BY array_position(ARRAY['changed', 'moved', 'removed', 'added'], what), coalesce(new_fid, old_fid)
LIMIT %(most)s
"""
PROPERTIES = "SELECT fid, properties::text FROM layers_feature WHERE version_id = %s AND fid = ANY(%s)"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Counts of rows. `key` is the column, or FID, that told them apart; without one a changed row counts as removed
    and added.

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
    """Compare two stored versions. `key` names the column to go by, or is FID; without it, a unique one is looked for.

    Raise ValueError for a key that is not unique in both.
    """
    if key is None:
        key = next((name for name in _candidates(old, new) if _is_key(name, old) and _is_key(name, new)), None)
    elif key != FID and not (_is_key(key, old) and _is_key(key, new)):
        raise ValueError(key)
    parts = {"old": old.pk, "new": new.pk, "key": key, "listed": LISTED}
    with connection.cursor() as cursor:
        if key is None:
            cursor.execute(AS_A_WHOLE, parts)
            added, removed, same = (int(number) for number in cursor.fetchone())
            return Comparison(key=None, added=added, removed=removed, moved=0, changed=0, same=same)
        cursor.execute(BY_KEY.format(sides=_sides(key)), parts)
        added, removed, moved, changed, same, listed = cursor.fetchone()
    return Comparison(
        key=key, added=added, removed=removed, moved=moved, changed=changed, same=same, listed=tuple(listed or ())
    )


@dataclass(frozen=True)
class Difference:
    """A feature that differs: what became of it (added, removed, moved, changed), and its fid on both sides.

    `moved` is told of changed ones, too.
    """

    what: str
    moved: bool
    old: int | None
    new: int | None


def differing(*, old: LayerVersion, new: LayerVersion, key: str | None) -> list[Difference]:
    """Return the features that differ, at most `MOST`, those with other values first.

    Rows are told apart by `key` (a column that is unique in both, or FID), or as a whole without one.
    """
    with connection.cursor() as cursor:
        cursor.execute(DIFFERING.format(sides=_sides(key)), {"old": old.pk, "new": new.pk, "key": key, "most": MOST})
        return [
            Difference(what, moved and what in {"changed", "moved"}, before, after)
            for what, moved, before, after in cursor.fetchall()
        ]


def _sides(key: str | None) -> str:
    if key is None:
        return SIDES_AS_A_WHOLE
    return SIDES_BY_FID if key == FID else SIDES_BY_KEY


Differing = tuple[dict[str, str], Any, Any]
"""A field's name, title and type, the old value and the new one."""


@dataclass(frozen=True)
class Line:
    """What is told of a feature that differs: what it is called, and the values of fields that the reader may see.

    `hidden` says how many others differ.
    """

    difference: Difference
    label: str
    values: tuple[Differing, ...]
    hidden: int

    @property
    def is_visible(self) -> bool:
        """Whether anything that the reader may see differs."""
        return bool(self.values) or self.difference.moved or self.difference.what != "changed"


def lines(*, layer: Layer, old: LayerVersion, new: LayerVersion, found: Sequence[Difference]) -> list[Line]:
    """Return what the layer's reader is told of differences."""
    before = _properties(old, [one.old for one in found])
    after = _properties(new, [one.new for one in found])
    told = []
    for one in found:
        was, is_now = before.get(one.old), after.get(one.new)
        label = label_of(layer, is_now or was or {}, one.new or one.old or 0)
        told.append(Line(one, label, *values_that_differ(layer, was, is_now)))
    return told


def _properties(version: LayerVersion, fids: Sequence[int | None]) -> dict[int | None, dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(PROPERTIES, [version.pk, [fid for fid in fids if fid is not None]])
        return {fid: json.loads(text) for fid, text in cursor.fetchall()}


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
    """Return the columns of both that may be keys, the likeliest first, hidden ones last."""
    seen = {str(field["name"]) for field in new.layer.shown_fields()}
    anything: dict[str, dict[str, Any]] = {str(field["name"]): {} for field in new.layer.fields}
    before, after = (version.statistics or anything for version in (old, new))  # not every version was counted
    names = [
        name
        for name, told in after.items()
        if name in before and not told.get("nulls") and told.get("distinct") in (None, told.get("count"))
    ]
    return sorted(names, key=lambda name: (name not in seen, not CODES.search(name), not NAMES.search(name)))[
        :KEYS_TRIED
    ]


def _is_key(name: str, version: LayerVersion) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) = count(DISTINCT properties->>%s) AND count(*) > 0"
            " FROM layers_feature WHERE version_id = %s",
            [name, version.pk],
        )
        return bool(cursor.fetchone()[0])
