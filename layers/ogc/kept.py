"""Features of current versions as GeoJSON, written once: to write them takes PostgreSQL as long as all else of a page.

The worker makes a table of a version's own: fid, geom, and the feature as `feature_sql` writes it in CRS 84 with all
its properties. A version never changes, so neither does its table. It is read only where it holds nothing hidden and no
filter asks for properties. `LayerVersion.kept_as` says that it is there, and in which form (docs/adr/0104).
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from psycopg2 import sql
from psycopg2.errors import LockNotAvailable

from layers.models import LayerVersion
from layers.ogc.crs import CRS84
from layers.ogc.geojson import feature_sql
from layers.ogc.statements import Sql
from layers.versions import DROP_WAIT_MS, do_next, run

FROM_FEATURES = 1_000
"""Of a smaller version everything is quick as it is."""
PREFIX = "layers_kept_v"
WRITTEN = feature_sql(CRS84, ())
FORM = blake2b(repr(WRITTEN).encode(), digest_size=4).hexdigest()
"""Another one when features are written in another way: what was kept before is not read any more, and made anew."""
HOLDS_HIDDEN = """EXISTS (
    SELECT FROM layers_layer l, jsonb_array_elements(l.fields) told
    WHERE l.id = layers_layerversion.layer_id AND coalesce((told->>'hidden')::boolean, false)
      AND layers_layerversion.statistics ? (told->>'name')
)"""
LOCK = 0x4B657074  # "Kept": the advisory locks of versions whose tables are being made


def source(version: LayerVersion) -> Sql:
    """Return the table of a version that `serves`. Its columns are fid, geom (EPSG:4326) and feature (text)."""
    return Sql(_name(version.pk, FORM))


def _name(version_id: int, form: str) -> str:
    return f"{PREFIX}{version_id}_{form}"


def serves(version: LayerVersion, hidden: tuple[str, ...]) -> bool:
    """Whether `source` of this version is there, and holds nothing of what is hidden from the reader."""
    return version.kept_as == FORM and not (hidden and _holds_any(version.pk, hidden))


@lru_cache(maxsize=1_000)
def _holds_any(version_id: int, names: tuple[str, ...]) -> bool:
    """Return whether a version's features have any of these properties: read once, for a version never changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM layers_feature f WHERE f.version_id = %s AND f.properties ?| %s)",
            [version_id, list(names)],
        )
        return bool(cursor.fetchone()[0])


def keep_due() -> bool:
    """Make the table of the next version that waits for it; return whether there was one. Called by the worker."""
    return do_next(_wanted().exclude(kept_as=FORM).order_by("pk"), LOCK, _make)


def _wanted() -> QuerySet[LayerVersion]:
    """Return the versions that are kept: what somebody hid from everybody is not written a second time."""
    current = LayerVersion.objects.filter(state=LayerVersion.State.CURRENT, feature_count__gte=FROM_FEATURES)
    return current.exclude(RawSQL(HOLDS_HIDDEN, (), BooleanField()))  # noqa: S611  our own words


def _make(cursor: Any, version: LayerVersion) -> None:
    name = _name(version.pk, FORM)
    cursor.execute("SELECT to_regclass(%s) IS NULL", [name])
    if cursor.fetchone()[0]:  # else it was unmarked, and is whole
        _fill(cursor, sql.Identifier(name), sql.Identifier(version.partition))
    LayerVersion.objects.filter(pk=version.pk).update(kept_as=FORM)


def _fill(cursor: Any, table: sql.Identifier, rows: sql.Identifier) -> None:
    cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    # In the order in which the version's rows lie, neighbours together.
    making = sql.SQL("CREATE TABLE {table} AS SELECT f.fid, f.geom, ").format(table=table) + sql.SQL(WRITTEN.text)
    cursor.execute(making + sql.SQL(" AS feature FROM {rows} f").format(rows=rows), WRITTEN.params)
    run(cursor, "ALTER TABLE {table} ADD PRIMARY KEY (fid)", table=table)
    run(cursor, "CREATE INDEX ON {table} USING gist (geom)", table=table)
    run(cursor, "ANALYZE {table} (fid, geom)", table=table)


def drop_outdated() -> None:
    """Drop what is kept of versions that are not to be kept any more, or in another form. The worker does each hour.

    A version is unmarked first, and its table dropped the next time: whoever is reading it has ended then. One whose
    table is missing, as after a dump that left it out, is unmarked, too.
    """
    unmarked = dict(LayerVersion.objects.exclude(kept_as="").exclude(pk__in=_wanted()).values_list("pk", "kept_as"))
    LayerVersion.objects.filter(pk__in=unmarked).update(kept_as="")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE layers_layerversion SET kept_as = ''"
            " WHERE kept_as <> '' AND to_regclass(%s || id || '_' || kept_as) IS NULL",
            [PREFIX],
        )
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND starts_with(relname, %s)"
            " AND relnamespace = current_schema()::regnamespace",
            [PREFIX],
        )
        found = {row[0] for row in cursor.fetchall()}
    for name in sorted(found - {_name(*row) for row in unmarked.items()}):
        _drop_if_unwanted(name)


def _drop_if_unwanted(name: str) -> None:
    version_id, _, form = name.removeprefix(PREFIX).partition("_")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, int(version_id)])
            if cursor.fetchone()[0] and not LayerVersion.objects.filter(pk=version_id, kept_as=form).exists():
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(DROP_WAIT_MS)])
                run(cursor, "DROP TABLE {table}", table=sql.Identifier(name))
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        # Somebody reads it, such as a dump of the database: the next round comes.
