"""Features of current versions as GeoJSON, written once: to write them takes PostgreSQL as long as all else of a page.

The worker makes a table of a version's own: fid, geom, and the feature as `feature_sql` writes it in CRS 84 with all
its properties. A version never changes, so neither does its table. It is read only where nothing is hidden and no
filter asks for properties. `LayerVersion.kept_as` says that it is there, and in which form (docs/adr/0104).
"""

from hashlib import blake2b
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg2 import sql

from layers.models import LayerVersion
from layers.ogc.crs import CRS84
from layers.ogc.geojson import feature_sql
from layers.ogc.statements import Sql

FROM_FEATURES = 1_000
"""Of a smaller version everything is quick as it is."""
PREFIX = "layers_kept_v"
WRITTEN = feature_sql(CRS84, ())
FORM = blake2b(repr(WRITTEN).encode(), digest_size=4).hexdigest()
"""Another one when features are written in another way: what was kept before is not read any more, and made anew."""
LOCK = 0x4B657074  # "Kept": the advisory locks of versions whose tables are being made
DROP_WAIT_MS = 2_000


def is_kept(version: LayerVersion) -> bool:
    """Whether `source` of this version is there."""
    return version.kept_as == FORM


def source(version: LayerVersion) -> Sql:
    """Return the table of a kept version. Its columns are fid, geom (EPSG:4326) and feature (text)."""
    return Sql(_name(version.pk, FORM))


def _name(version_id: int, form: str) -> str:
    return f"{PREFIX}{version_id}_{form}"


def keep_due() -> bool:
    """Make the table of the next version that waits for it; return whether there was one. Called by the worker."""
    current = LayerVersion.objects.filter(state=LayerVersion.State.CURRENT, feature_count__gte=FROM_FEATURES)
    waiting = current.exclude(kept_as=FORM)
    for version in waiting.order_by("pk")[:10]:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, version.pk])
            if cursor.fetchone()[0] and waiting.filter(pk=version.pk).exists():
                _make(cursor, version)
                return True
    return False


def _make(cursor: Any, version: LayerVersion) -> None:
    table = sql.Identifier(_name(version.pk, FORM))
    cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    _run(cursor, "DROP TABLE IF EXISTS {table}", table=table)  # of a version that was taken back to
    # In the order in which the version's rows lie, neighbours together.
    making = sql.SQL("CREATE TABLE {table} AS SELECT f.fid, f.geom, ").format(table=table) + sql.SQL(WRITTEN.text)
    rows = sql.SQL(" AS feature FROM {rows} f").format(rows=sql.Identifier(version.partition))
    cursor.execute(making + rows, WRITTEN.params)
    _run(cursor, "ALTER TABLE {table} ADD PRIMARY KEY (fid)", table=table)
    _run(cursor, "CREATE INDEX ON {table} USING gist (geom)", table=table)
    _run(cursor, "ANALYZE {table} (fid, geom)", table=table)
    LayerVersion.objects.filter(pk=version.pk).update(kept_as=FORM)


def drop_outdated() -> None:
    """Drop what is kept of versions that are not current any more, or in another form. Called by the worker each hour.

    A version is unmarked first and its table dropped the next time: whoever is reading it has long ended then. One
    whose table is missing, as after a dump without them, is unmarked, too.
    """
    retired = LayerVersion.objects.exclude(state=LayerVersion.State.CURRENT).exclude(kept_as="")
    unmarked = dict(retired.values_list("pk", "kept_as"))
    LayerVersion.objects.filter(pk__in=unmarked).update(kept_as="")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE layers_layerversion SET kept_as = ''"
            " WHERE kept_as <> '' AND to_regclass(%s || id || '_' || kept_as) IS NULL",
            [PREFIX],
        )
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND starts_with(relname, %s)", [PREFIX])
        found = {row[0] for row in cursor.fetchall()}
    for name in sorted(found - {_name(*row) for row in unmarked.items()}):
        _drop_if_unwanted(name)


def _drop_if_unwanted(name: str) -> None:
    version_id, _, form = name.removeprefix(PREFIX).partition("_")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(DROP_WAIT_MS)])
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, int(version_id)])
            if not LayerVersion.objects.filter(pk=version_id, kept_as=form).exists():
                _run(cursor, "DROP TABLE {table}", table=sql.Identifier(name))
    except OperationalError:
        pass  # somebody reads it (a dump of the database), or makes another: the next hour comes


def _run(cursor: Any, statement: str, **parts: sql.Composable) -> None:
    cursor.execute(sql.SQL(statement).format(**parts))
