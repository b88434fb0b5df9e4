"""What changed from one version of a layer to another: rows told apart by a key column, or as a whole without one."""

import re
from dataclasses import dataclass

from django.db import connection

from layers.models import LayerVersion

FAVOURED = re.compile(r"^(kode|code|id|no|nomor|nik|nop|nib|npsn|gid|objectid|uuid|nama|name)(_|$)|(_|^)(kode|id)$")
KEYS_TRIED = 8
LISTED = 20

# Both sides are given whole: PostgreSQL prunes to the two partitions by the literal ids.
BY_KEY = """
SELECT count(*) FILTER (WHERE before.fid IS NULL),
       count(*) FILTER (WHERE after.fid IS NULL),
       count(*) FILTER (WHERE moved),
       count(*) FILTER (WHERE changed AND NOT moved),
       count(*) FILTER (WHERE NOT moved AND NOT changed),
       (array_agg(coalesce(after.key, before.key)) FILTER (WHERE moved OR changed OR moved IS NULL))[:%(listed)s]
FROM (SELECT *, properties->>%(key)s AS key FROM layers_feature WHERE version_id = %(old)s) before
FULL JOIN (SELECT *, properties->>%(key)s AS key FROM layers_feature WHERE version_id = %(new)s) after
    ON before.key = after.key
CROSS JOIN LATERAL (
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
