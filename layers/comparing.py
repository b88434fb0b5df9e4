"""What changed from one version of a layer to another: rows told apart by a key column, or as a whole without one.

Rows are compared by the columns that both versions have; the others are named. A shape counts as the same when no
corner is more than about two centimetres from where it was: files that leave and come back are rounded.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from layers.models import Layer, LayerVersion
from layers.selection import label_of
from layers.versions import hiding_personal

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

PLACE = """
    CASE WHEN {same} OR coalesce(ST_IsEmpty(before.geom), true) AND coalesce(ST_IsEmpty(after.geom), true) THEN ''
         WHEN coalesce(ST_IsEmpty(after.geom), true) THEN 'lost'
         WHEN coalesce(ST_IsEmpty(before.geom), true) THEN 'gained' ELSE 'moved' END
"""
"""What became of the place of a feature that is both `before` and `after`; '' where it is the `same`."""

# Both sides are given whole: PostgreSQL prunes to the two partitions by the literal ids. `before` and `after` are the
# features of the versions `old` and `new`, with the properties that are compared.
_SIDE = "SELECT fid, geom, properties - %({side}_not)s::text[] AS properties, {key} AS key FROM layers_feature"
_SIDE += " WHERE version_id = %({side})s"
# The function, which looks at every corner, is asked only about shapes that are not the same to the bit.
_SAME_SHAPE = """(ST_AsBinary(before.geom) IS NOT DISTINCT FROM ST_AsBinary(after.geom)
                 OR layers_same_shape(before.geom, after.geom))"""
_BY_KEY = f"""
    SELECT before.fid AS old_fid, after.fid AS new_fid, coalesce(after.key, before.key) AS key,
           CASE WHEN before.fid IS NULL OR after.fid IS NULL THEN '' ELSE {PLACE.format(same=_SAME_SHAPE)} END AS place,
           before.properties <> after.properties AS changed
    FROM ({{old}}) before FULL JOIN ({{new}}) after ON before.key = after.key
"""  # noqa: S608 - constants of ours
# Without a key a row is known by all that it is; the n-th of several equal ones is the same row on both sides. What is
# left of both sides may have been rounded on its way: its corners are compared with those of a row of equal values in
# the same cell of a metre. An old row is looked for in each cell that its lower left corner can have come to.
_AS_A_WHOLE = """
    WITH before AS ({old_marked}), after AS ({new_marked}),
    exact AS MATERIALIZED (
        SELECT before.fid AS old_fid, after.fid AS new_fid, mark FROM before FULL JOIN after USING (mark, n)
    ), old_left AS MATERIALIZED ({old_left}), new_left AS MATERIALIZED ({new_left}),
    near AS (
        SELECT before.fid AS old_fid, after.fid AS new_fid,
               abs(ST_XMin(before.geom) - ST_XMin(after.geom))
                   + abs(ST_YMin(before.geom) - ST_YMin(after.geom)) AS apart
        FROM old_left before JOIN new_left after USING (cell)
        WHERE layers_same_shape(before.geom, after.geom)
    ), rounded AS MATERIALIZED (
        SELECT DISTINCT ON (new_fid) old_fid, new_fid
        FROM (SELECT DISTINCT ON (old_fid) * FROM near ORDER BY old_fid, apart, new_fid) nearest
        ORDER BY new_fid, apart, old_fid
    )
    SELECT old_fid, new_fid, NULL AS key, '' AS place, false AS changed FROM (
        SELECT old_fid, new_fid FROM exact WHERE old_fid IS NOT NULL AND new_fid IS NOT NULL
        UNION ALL SELECT old_fid, new_fid FROM rounded
        UNION ALL SELECT old_fid, NULL FROM exact
        WHERE new_fid IS NULL AND old_fid NOT IN (SELECT old_fid FROM rounded)
        UNION ALL SELECT NULL, new_fid FROM exact
        WHERE old_fid IS NULL AND new_fid NOT IN (SELECT new_fid FROM rounded)
    ) matched
"""
_MARKED = """
        SELECT fid, mark, row_number() OVER (PARTITION BY mark ORDER BY fid) AS n FROM (
            SELECT fid, md5(coalesce(ST_AsBinary(geom), '') || convert_to(properties::text, 'UTF8')) AS mark
            FROM ({side}) side) marked
"""
_LEFT = """
        SELECT fid, geom, hashtextextended(concat_ws(' ', n, x, y, properties), 0) AS cell FROM (
            SELECT side.fid, geom, properties, row_number() OVER (PARTITION BY mark ORDER BY side.fid) AS n
            FROM exact JOIN ({side}) side ON side.fid = exact.{here}_fid
            WHERE exact.{there}_fid IS NULL AND EXISTS (SELECT FROM exact WHERE {here}_fid IS NULL)) numbered
        CROSS JOIN generate_series(
            floor((ST_XMin(geom) - {off}) * 1e5)::int, floor((ST_XMin(geom) + {off}) * 1e5)::int) x
        CROSS JOIN generate_series(
            floor((ST_YMin(geom) - {off}) * 1e5)::int, floor((ST_YMin(geom) + {off}) * 1e5)::int) y
"""
# Looked through once, for the counts and for the features that differ.
_TOLD = """
WITH told AS MATERIALIZED ({pairs}), differing AS (
    SELECT *, CASE WHEN old_fid IS NULL THEN 'added' WHEN new_fid IS NULL THEN 'removed'
                   WHEN changed THEN 'changed' ELSE 'moved' END AS what
    FROM told WHERE old_fid IS NULL OR new_fid IS NULL OR changed OR place <> ''
)
SELECT count(*) FILTER (WHERE old_fid IS NULL), count(*) FILTER (WHERE new_fid IS NULL),
       count(*) FILTER (WHERE place = 'moved'), count(*) FILTER (WHERE place = 'lost'),
       count(*) FILTER (WHERE place = 'gained'), count(*) FILTER (WHERE changed),
       count(*) FILTER (WHERE place <> '' AND changed), (SELECT count(*) FROM told) - count(*),
       (array_agg(key))[:%(listed)s],
       (SELECT json_agg(json_build_array(what, place, old_fid, new_fid)) FROM (
            SELECT * FROM differing
            ORDER BY array_position(ARRAY['changed', 'moved', 'removed', 'added'], what), coalesce(new_fid, old_fid)
            LIMIT %(most)s) first)::text
FROM differing
"""
_PROPERTIES = "SELECT fid, properties::text FROM layers_feature WHERE version_id = %s AND fid = ANY(%s)"
_COLUMNS = "SELECT DISTINCT jsonb_object_keys(properties) FROM layers_feature WHERE version_id = %s"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Counts of rows. `key` is the column, or FID, that told them apart; without one a changed row counts as removed
    and added.

    `moved` rows are elsewhere, `lost` ones have no place any more, `gained` ones had none before; `changed` ones have
    other values. `both` have another place, or none, and other values: they count in either. `listed` are keys of
    some rows that are not the same. `columns_new` and `columns_gone` only one version has.
    """

    key: str | None
    added: int
    removed: int
    moved: int
    lost: int
    gained: int
    changed: int
    both: int
    same: int
    listed: tuple[str, ...] = ()
    columns_new: tuple[str, ...] = ()
    columns_gone: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many rows differ."""
        return self.added + self.removed + self.moved + self.lost + self.gained + self.changed - self.both


@dataclass(frozen=True)
class Difference:
    """A feature that differs: what became of it (added, removed, moved, changed), and its fid on both sides.

    `place` says what became of its place (moved, lost, gained, or '' for nothing), of changed ones, too.
    """

    what: str
    place: str
    old: int | None
    new: int | None

    @property
    def sign(self) -> str:
        """By which sign a map tells it: one of `in_words`."""
        return self.place or self.what

    @property
    def words(self) -> str:
        """What became of it, in words."""
        return words_for(self.place, "" if self.what == "moved" else self.what)


def in_words() -> dict[str, str]:
    """Return what may become of a feature, in words."""
    return {
        "added": _("added"),
        "removed": _("deleted"),
        "moved": _("moved"),
        "lost": _("lost its place"),
        "gained": _("got a place"),
        "changed": _("other values"),
    }


def words_for(*parts: str) -> str:
    """Return what became of a feature in words, all of it; '' is nothing."""
    words = in_words()
    return ", ".join(words[part] for part in parts if part)


class Pair:
    """Two stored versions of a layer, compared by the columns that both have; of `seen` columns alone, if given.

    `key` names the column to go by, or is FID; without it, a unique one is looked for. Raise ValueError for a key that
    is not unique in both.
    """

    def __init__(
        self, old: LayerVersion, new: LayerVersion, *, key: str | None = None, seen: frozenset[str] | None = None
    ) -> None:
        self.old, self.new = old, new
        columns = {version.pk: _columns(version) for version in (old, new)}
        told = columns[old.pk] | columns[new.pk] if seen is None else seen
        common = columns[old.pk] & columns[new.pk] & told
        self.columns_new = tuple(sorted((columns[new.pk] - columns[old.pk]) & told))
        self.columns_gone = tuple(sorted((columns[old.pk] - columns[new.pk]) & told))
        if key is None:
            candidates = _candidates(old, new, common)
            key = next((name for name in candidates if _is_key(name, old) and _is_key(name, new)), None)
        elif key != FID and not (_is_key(key, old) and _is_key(key, new)):
            raise ValueError(key)
        self.key = key
        self._params: dict[str, Any] = {
            "old": old.pk, "new": new.pk, "old_not": sorted(columns[old.pk] - common),
            "new_not": sorted(columns[new.pk] - common), "key": key, "listed": LISTED, "most": MOST,
        }  # fmt: skip

    def count(self) -> Comparison:
        """Count the rows by what became of them."""
        *counts, listed, _found = self._told
        names = ("added", "removed", "moved", "lost", "gained", "changed", "both", "same")
        return Comparison(
            key=self.key, **dict(zip(names, counts, strict=True)), listed=tuple(listed or ()) if self.key else (),
            columns_new=self.columns_new, columns_gone=self.columns_gone,
        )  # fmt: skip

    def differing(self) -> list[Difference]:
        """Return the features that differ, at most `MOST`, those with other values first."""
        return [Difference(*one) for one in json.loads(self._told[-1] or "[]")]

    @cached_property
    def _told(self) -> tuple[Any, ...]:
        with connection.cursor() as cursor:
            cursor.execute(_TOLD.format(pairs=self._pairs), self._params)
            told: tuple[Any, ...] = cursor.fetchone()
        return told

    @property
    def _pairs(self) -> str:
        key = {None: "NULL", FID: "fid::text"}.get(self.key, "properties->>%(key)s")
        old, new = (_SIDE.format(side=side, key=key) for side in ("old", "new"))
        if self.key is not None:
            return _BY_KEY.format(old=old, new=new)
        return _AS_A_WHOLE.format(
            old_marked=_MARKED.format(side=old), new_marked=_MARKED.format(side=new),
            old_left=_LEFT.format(side=old, here="old", there="new", off=3e-7),
            new_left=_LEFT.format(side=new, here="new", there="old", off=0),
        )  # fmt: skip


def compare(*, old: LayerVersion, new: LayerVersion, key: str | None = None) -> Comparison:
    """Compare two stored versions by all columns that both have."""
    return Pair(old, new, key=key).count()


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


def lines(*, layer: Layer, old: LayerVersion, new: LayerVersion, found: Sequence[Difference]) -> list[Line]:
    """Return what the layer's reader is told of differences, by the columns that both versions have."""
    common = _columns(old) & _columns(new)
    before = _properties(old, [one.old for one in found])
    after = _properties(new, [one.new for one in found])
    told = []
    for one in found:
        was, is_now = before.get(one.old), after.get(one.new)
        label = label_of(layer, is_now or was or {}, one.new or one.old or 0)
        told.append(Line(one, label, *values_that_differ(layer, _only(was, common), _only(is_now, common))))
    return told


def _only(properties: Mapping[str, Any] | None, names: frozenset[str]) -> dict[str, Any] | None:
    return None if properties is None else {name: value for name, value in properties.items() if name in names}


def _properties(version: LayerVersion, fids: Sequence[int | None]) -> dict[int | None, dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_PROPERTIES, [version.pk, [fid for fid in fids if fid is not None]])
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


def _columns(version: LayerVersion) -> frozenset[str]:
    """Return the properties that the features of a version have."""
    return frozenset(version.statistics) or _columns_found(version.pk)  # not every version was counted


@lru_cache(maxsize=1_000)
def _columns_found(version_id: int) -> frozenset[str]:
    """Return the properties of a version's features: read once, for a version never changes."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [version_id])
        return frozenset(row[0] for row in cursor.fetchall())


def _candidates(old: LayerVersion, new: LayerVersion, common: frozenset[str]) -> list[str]:
    """Return the compared columns that may be keys, the likeliest first, hidden ones last."""
    seen = {str(field["name"]) for field in hiding_personal(new.layer, new).shown_fields()}
    names = [name for name in sorted(common) if _may_be_key(old, name) and _may_be_key(new, name)]
    return sorted(names, key=lambda name: (name not in seen, not CODES.search(name), not NAMES.search(name)))[
        :KEYS_TRIED
    ]


def _may_be_key(version: LayerVersion, name: str) -> bool:
    told = version.statistics.get(name, {})
    return not told.get("nulls") and told.get("distinct") in (None, told.get("count"))


def _is_key(name: str, version: LayerVersion) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) = count(DISTINCT properties->>%s) AND count(*) > 0"
            " FROM layers_feature WHERE version_id = %s",
            [name, version.pk],
        )
        return bool(cursor.fetchone()[0])
