"""Loading, publishing and taking back versions of a layer.

A version's features are copied into a table of their own, indexed there and then attached as a partition; publishing
swaps the layer's current version in one transaction. Who may see a layer hangs on the layer, so it survives every swap.
"""

import logging
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Case, QuerySet, When
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg2 import sql

from accounts.models import User
from layers.errors import NoEarlierVersion, NotReady
from layers.field_access import COMING, KEY, LATER_KEY, becomes_personal, is_coming, once_published
from layers.models import Layer, LayerVersion, VersionChange
from layers.selection import WORDS

log = logging.getLogger(__name__)

WORDS_AT_ONCE = 20_000
"""Up to so many features, the words are indexed while the version is stored; above, by the worker (ADR 75)."""
SAMPLED = 30
"""ANALYZE looks at 300 times as many rows of a version: for shapes, as good as at 30,000."""
CHUNK_BYTES = 1 << 20
DROP_WAIT_MS = 2_000
WORDS_LOCK = 0x576F7264  # "Word": the advisory locks of versions whose words are being indexed
AFTER_FAILURE_S = 3_600.0
_failed_until: dict[tuple[int, int], float] = {}
"""When `do_next` may try a version again, by lock and version, in seconds of the monotonic clock."""
Fill = Callable[[Any, sql.Composable], None]
"""Fills a version's table: called with a cursor and the table, which has the columns fid, geom and properties."""


class Readable(Protocol):
    """What gives rows for COPY piece by piece."""

    def read(self, size: int, /) -> str | bytes:
        """Return about as much as `size`; nothing at the end."""
        ...


@dataclass(frozen=True)
class Filled:
    """A table with the rows of a version that is to be stored, in the same transaction, under this number."""

    version_id: int


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What is known of a file's features before they are stored."""

    geometry_type: str
    source_name: str
    source_sha256: str
    source_crs: str
    findings: list[dict[str, Any]] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def fill(rows: Readable | Fill, *, binary: bool = False) -> Filled:
    """Make the table of a version that is to be stored, and fill it. Nobody else sees it, and no layer is held.

    `rows` is what PostgreSQL's COPY takes, text or binary: fid, geometry (EWKB, 4326), properties; or what fills the
    table by itself.
    The fids must be unique; an empty geometry is `\\N`. Raises django.db.DatabaseError when a row cannot be stored.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('layers_layerversion', 'id'))")
        version = LayerVersion(pk=cursor.fetchone()[0])
        table = sql.Identifier(version.partition)
        run(cursor, "CREATE TABLE {table} (LIKE layers_feature INCLUDING ALL)", table=table)
        run(cursor, "ALTER TABLE {table} ALTER version_id SET DEFAULT {id}", table=table, id=sql.Literal(version.pk))
        if callable(rows):
            rows(cursor, table)
        else:
            # Nobody else has seen the table, so its rows can be as old as time: no vacuum writes them once more.
            statement = sql.SQL("COPY {table} (fid, geom, properties) FROM STDIN WITH (FREEZE, FORMAT {form})").format(
                table=table, form=sql.SQL("binary" if binary else "text")
            )
            with connection.wrap_database_errors:
                cursor.copy_expert(statement.as_string(cursor.connection), rows, CHUNK_BYTES)
    return Filled(version.pk)


@transaction.atomic
def store_version(*, layer: Layer, by: User | None, loaded: Loaded, rows: Readable | Fill | Filled) -> LayerVersion:
    """Store a version, not yet published, from rows that are filled in already, or as `fill` takes them."""
    filled = rows if isinstance(rows, Filled) else fill(rows)
    last = LayerVersion.objects.select_for_update().filter(layer=layer).order_by("-number").first()
    version = LayerVersion.objects.create(
        pk=filled.version_id,
        layer=layer,
        number=last.number + 1 if last else 1,
        feature_count=0,
        loaded_by=by,
        geometry_type=loaded.geometry_type,
        source_name=loaded.source_name[:200],
        source_sha256=loaded.source_sha256,
        source_crs=loaded.source_crs[:200],
        findings=loaded.findings,
        statistics=loaded.statistics,
    )
    table = sql.Identifier(version.partition)
    with connection.cursor() as cursor:
        run(cursor, "ALTER TABLE {table} ADD PRIMARY KEY (version_id, fid)", table=table)
        run(cursor, "CREATE INDEX ON {table} USING gist (geom)", table=table)
        run(
            cursor,
            "ALTER TABLE layers_feature ATTACH PARTITION {table} FOR VALUES IN ({id})",
            table=table,
            id=sql.Literal(version.pk),
        )
        cursor.execute("SET LOCAL default_statistics_target = %s", [SAMPLED])
        run(cursor, "ANALYZE {table} (fid, geom)", table=table)
        run(cursor, "SELECT count(*), ST_SetSRID(ST_Extent(geom)::geometry, 4326)::text FROM {table}", table=table)
        count, extent = cursor.fetchone()
        cursor.execute(
            "UPDATE layers_layerversion SET feature_count = %s, extent = ST_Envelope(ST_Buffer(%s::geometry, 1e-9))"
            " WHERE id = %s",
            [count, extent, version.pk],
        )
        if count <= WORDS_AT_ONCE:
            _index_words(cursor, version)
    version.refresh_from_db()
    return version


def index_words_due() -> bool:
    """Index the words of the next version that waits for it, shown ones first; return whether there was one.

    Called by the worker, again and again. Until then a search of the version's features reads them all.
    """
    waiting = LayerVersion.objects.filter(words_indexed=False)
    shown_first = waiting.order_by(Case(When(state=LayerVersion.State.CURRENT, then=0), default=1), "pk")
    return do_next(shown_first, WORDS_LOCK, _index_words)


def do_next(waiting: QuerySet[LayerVersion], lock: int, work: Callable[[Any, LayerVersion], None]) -> bool:
    """Do `work` in a transaction for the first version that nobody else works on; return whether there was one.

    `work` takes it out of `waiting`. A version with which it fails is logged and left alone for `AFTER_FAILURE_S`.
    """
    now = time.monotonic()
    for pk in waiting.values_list("pk", flat=True):
        if now < _failed_until.get((lock, pk), now):
            continue
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # Not a lock of the row: publication does not wait for this.
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [lock, pk])
                version = waiting.filter(pk=pk).first() if cursor.fetchone()[0] else None
                if version is not None:
                    work(cursor, version)
                    return True
        except OperationalError:  # the database is away: everybody waits for it
            raise
        except DatabaseError:
            log.exception("version %d is left alone for a while", pk)
            _failed_until[lock, pk] = now + AFTER_FAILURE_S
    return False


def _index_words(cursor: Any, version: LayerVersion) -> None:
    words = sql.SQL(WORDS).format(properties=sql.Identifier("properties"))
    cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    run(cursor, "CREATE INDEX ON {table} USING gin (({words}))", table=sql.Identifier(version.partition), words=words)
    LayerVersion.objects.filter(pk=version.pk).update(words_indexed=True)


@transaction.atomic
def publish(*, version: LayerVersion, by: User | None, reason: str = "") -> Layer:
    """Make `version` the layer's current one and put the layer into the catalogue; who did it and why is kept.

    From now on its fields are shown, and of the types that they have in it; those with personal data are hidden.
    """
    layer = Layer.objects.select_for_update().get(pk=version.layer_id)
    if missing := missing_for_publication(layer):
        raise NotReady(_("Before publication, fill in: %(fields)s.") % {"fields": ", ".join(missing)})
    LayerVersion.objects.filter(layer=layer, state=LayerVersion.State.CURRENT).exclude(pk=version.pk).update(
        state=LayerVersion.State.RETIRED
    )
    LayerVersion.objects.filter(pk=version.pk).update(
        state=LayerVersion.State.CURRENT, published_at=version.published_at or timezone.now()
    )
    if layer.current_id != version.pk:
        VersionChange.objects.create(
            layer=layer, before=layer.current, after=version, by=by, reason=reason, reason_is_public=True
        )
    # Before the first publication fields may come from other files, which nobody has published.
    coming = _names_in(layer.versions.exclude(pk=version.pk)) if layer.current_id is None else frozenset()
    layer.fields = [_as_published(entry, version, coming) for entry in layer.fields]
    layer.current = version
    layer.state = Layer.State.PUBLISHED
    layer.save(update_fields=["current", "state", "fields", "changed_at"])
    version.refresh_from_db()
    return layer


def _names_in(versions: QuerySet[LayerVersion]) -> frozenset[str]:
    return frozenset(name for statistics in versions.values_list("statistics", flat=True) for name in statistics)


def _as_published(entry: dict[str, Any], version: LayerVersion, coming: frozenset[str]) -> dict[str, Any]:
    told = version.statistics.get(entry["name"])
    if told is None:
        if entry["name"] not in coming or is_coming(entry):
            return entry
        return entry | {KEY: COMING} | ({LATER_KEY: entry[KEY]} if KEY in entry else {})
    shown = once_published(entry)
    if becomes_personal(entry, version.statistics):  # whoever shows it again later has seen that it is
        shown |= {"hidden": True, "personal": True}
    return shown | {"type": told.get("type", entry.get("type", "text"))}


def hiding_personal(layer: Layer, version: LayerVersion) -> Layer:
    """Return the layer with those fields hidden that publication of this version would hide as personal data."""
    made = copy(layer)
    made.fields = [
        entry | {"hidden": True} if becomes_personal(entry, version.statistics) else entry for entry in layer.fields
    ]
    return made


@transaction.atomic
def drop_unpublished(*, version: LayerVersion) -> None:
    """Delete a version that nobody has read, with its features. Raises NotReady.

    Dropping a partition waits until nobody reads any layer, and others wait behind it: no longer than `DROP_WAIT_MS`.
    """
    # The layer before its version, as whoever stores or publishes one; what all readers wait for comes last.
    layer = Layer.objects.select_for_update().get(pk=version.layer_id)
    locked = LayerVersion.objects.select_for_update().get(pk=version.pk)
    if locked.published_at is not None:
        raise NotReady(_("Version %(number)d was published; it stays.") % {"number": locked.number})
    partition = locked.partition
    locked.delete()
    # Nobody has read the names of what came with it alone.
    unread = {entry["name"] for entry in layer.fields if is_coming(entry)}
    unread |= locked.statistics.keys() if layer.current_id is None else set()
    unread -= _names_in(layer.versions.all())
    fields = [entry for entry in layer.fields if entry["name"] not in unread]
    if fields != layer.fields:
        layer.fields = fields
        layer.save(update_fields=["fields", "changed_at"])
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(DROP_WAIT_MS)])
            run(cursor, "DROP TABLE {table}", table=sql.Identifier(partition))
            cursor.execute("SELECT set_config('lock_timeout', '0', true)")
    except OperationalError as error:
        raise NotReady(_("The data are being read at the moment. Try again.")) from error


@transaction.atomic
def reinstate(*, version: LayerVersion, by: User, reason: str) -> Layer:
    """Make a version that was published before the current one again. Raises NotReady, PermissionError."""
    if not by.is_coordinator:
        raise PermissionError(_("Only the steward (the coordinator) decides on publication."))
    layer = Layer.objects.select_for_update().get(pk=version.layer_id)
    if not reason.strip():
        raise NotReady(_("Write why. It stays with the data."))
    if layer.state != Layer.State.PUBLISHED:
        raise NotReady(_("These data are not published."))
    if version.published_at is None or layer.current_id == version.pk:
        raise NotReady(_("Version %(number)d cannot be taken back to.") % {"number": version.number})
    return publish(version=version, by=by, reason=reason.strip())


@transaction.atomic
def roll_back(*, layer: Layer, by: User | None, reason: str = "") -> Layer:
    """Publish the version before the current one again. Raises NoEarlierVersion."""
    current = layer.current.number if layer.current else 0
    earlier = layer.versions.filter(number__lt=current, published_at__isnull=False).order_by("-number").first()
    if earlier is None:
        raise NoEarlierVersion(_("There is no earlier version of “%(layer)s”.") % {"layer": layer.title})
    return publish(version=earlier, by=by, reason=reason)


def missing_for_publication(layer: Layer) -> list[str]:
    """Return the labels of what a layer needs before it can be published; [] when it is complete."""
    needed = {
        _("Indonesian title"): layer.title_id,
        _("Indonesian summary"): layer.abstract_id,
        _("theme"): layer.theme,
        _("licence"): layer.licence,
    }
    return [label for label, value in needed.items() if not value]


def run(cursor: Any, statement: str, **parts: sql.Composable) -> None:
    """Execute a statement with its names and literals filled in."""
    cursor.execute(sql.SQL(statement).format(**parts))
