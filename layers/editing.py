"""Editing the features of a published version, one at a time, without touching what readers see (ADR 40).

Editors hand their changes in; the steward, the coordinator, publishes them or sends them back with a word.

A layer has at most one open edit: a list of changes, laid over the version that is current. Its editors read the two as
one; everybody else reads the version. Publishing writes both out as the next version. Each change stays in the list for
good, with who made it and when. Every write takes the layer's row first, so writes to a layer come one after another.
"""

import datetime as dt
import json
import logging
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg2 import sql

from accounts.models import User
from layers.comparing import PLACE, Differing, values_that_differ, words_for
from layers.errors import EditBusy, EditOutdated, LayerError, NotReady
from layers.models import FeatureChange, Layer, LayerEdit, LayerVersion
from layers.selection import label_of
from layers.statistics import count_statistics
from layers.uploads import agencies_of, only_steward
from layers.versions import Loaded, missing_for_publication, publish, store_version

log = logging.getLogger(__name__)
Kind = FeatureChange.Kind
State = LayerEdit.State

LISTED = 100
"""Changes that the page of an edit lists, at most."""
AT_ONCE = 20_000
"""Edits of versions up to so many features are published in the request, above by the worker: 200,000 take 20 s."""
FRESH = dt.timedelta(days=1)
"""For this long a change of somebody else is taken to be unknown to who overwrites without looking."""

# The last change of each feature of an edit.
LATEST = """
    SELECT DISTINCT ON (fid) id, fid, kind, geom, properties, by_id, at
    FROM layers_featurechange WHERE edit_id = %s ORDER BY fid, id DESC
"""
MERGED = f"""
    (SELECT b.fid, b.geom, b.properties FROM layers_feature b
     WHERE b.version_id = %s
       AND NOT EXISTS (SELECT FROM layers_featurechange c WHERE c.edit_id = %s AND c.fid = b.fid)
     UNION ALL
     SELECT l.fid, l.geom, l.properties FROM ({LATEST}) l WHERE l.kind <> 'delete')
"""  # noqa: S608 - constants of ours
"""The features of an edit: fid, geom, properties. Parameters: see `merged_params`."""
SAME_SHAPE = "ST_AsBinary(before.geom) IS NOT DISTINCT FROM ST_AsBinary(after.geom)"
_SUMMARY = f"""
    SELECT count(*) FILTER (WHERE before.fid IS NULL AND after.kind <> 'delete'),
           count(*) FILTER (WHERE before.fid IS NOT NULL AND after.kind = 'delete'),
           count(*) FILTER (WHERE place = 'moved'), count(*) FILTER (WHERE place = 'lost'),
           count(*) FILTER (WHERE place = 'gained'), count(*) FILTER (WHERE changed),
           count(*) FILTER (WHERE changed AND place <> ''), coalesce(max(after.id), 0)
    FROM ({LATEST}) after
    LEFT JOIN layers_feature before ON before.version_id = %s AND before.fid = after.fid
    LEFT JOIN LATERAL (SELECT {PLACE.format(same=SAME_SHAPE)} AS place,
                              before.properties IS DISTINCT FROM after.properties AS changed
                       WHERE before.fid IS NOT NULL AND after.kind <> 'delete') difference ON true
"""  # noqa: S608


@dataclass(frozen=True)
class Summary:
    """What an edit comes to, in features, beside its version. `mark` is the last change that was looked at.

    `moved`, `lost`, `gained`, `changed` and `both` are as in a Comparison.
    """

    added: int
    removed: int
    moved: int
    lost: int
    gained: int
    changed: int
    both: int
    mark: int

    @property
    def n(self) -> int:
        """How many features differ."""
        return self.added + self.removed + self.moved + self.lost + self.gained + self.changed - self.both


@dataclass(frozen=True)
class Now:
    """A feature as its editors see it: geometry in EWKB (None: it has no place), and all its properties."""

    geom: bytes | None
    properties: dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """A layer held for one change: nobody else changes it until the transaction ends."""

    layer: Layer
    base: LayerVersion
    edit: LayerEdit | None


def may_edit(user: User | AnonymousUser, layer: Layer) -> bool:
    """Whether a person may change the layer's features: whoever may upload for its agency."""
    return isinstance(user, User) and user.is_active and agencies_of(user).filter(pk=layer.agency_id).exists()


def open_edit(layer: Layer) -> LayerEdit | None:
    """Return the layer's open edit; None without one, and for one whose version is not the current one any more."""
    return LayerEdit.objects.filter(layer=layer, state=State.OPEN, base_id=layer.current_id).first()


def merged_params(edit: LayerEdit) -> tuple[int, int, int]:
    """Return the parameters of MERGED."""
    return (edit.base_id, edit.pk, edit.pk)


def mark_of(edit: LayerEdit) -> int:
    """Return the number of the edit's last change: it grows with each."""
    last = edit.changes.order_by("-pk").values_list("pk", flat=True).first()
    return last or 0


def summarise(edit: LayerEdit) -> Summary:
    """Compare an edit with its version, feature by feature. Costs as much as there are changes."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARY, [edit.pk, edit.base_id])
        return Summary(*cursor.fetchone())


def pending_for(user: User | AnonymousUser, layer: Layer) -> Summary | None:
    """Return what the layer's open edit comes to if the person is one of its editors; None without one."""
    if isinstance(user, AnonymousUser):
        return None
    edit = LayerEdit.objects.filter(layer=layer, state=State.OPEN).first()
    return summarise(edit) if edit and may_edit(user, layer) else None


def take(layer: Layer) -> Desk:
    """Hold the layer for a change; inside a transaction.

    Raises EditOutdated if its edit is of an older version, EditBusy if it is being published.
    """
    _refuse_busy(layer)  # before waiting for the layer, which the worker holds
    locked = Layer.objects.select_for_update(of=("self",)).select_related("current").get(pk=layer.pk)
    locked.reader = layer.reader  # who changes a feature leaves alone what they may not see of it
    edit = LayerEdit.objects.filter(layer=locked, state=State.OPEN).first()
    if locked.current is None or (edit and edit.base_id != locked.current_id):
        raise EditOutdated(
            _("Another version was published meanwhile. Discard the open changes on the layer's page, then begin anew.")
        )
    if edit and edit.asked_by_id:
        raise _busy()
    return Desk(locked, locked.current, edit)


def _refuse_busy(layer: Layer) -> None:
    if LayerEdit.objects.filter(layer=layer, state=State.OPEN, asked_by__isnull=False).exists():
        raise _busy()


def _busy() -> EditBusy:
    return EditBusy(_("The changes of this layer are being published. Wait until that is done, then go on."))


def read_now(desk: Desk, fid: int) -> Now | None:
    """Return a feature as it is now, None if there is none."""
    if desk.edit:
        last = desk.edit.changes.filter(fid=fid).order_by("-pk").first()
        if last:
            gone = last.kind == Kind.DELETE
            return None if gone else Now(bytes(last.geom.ewkb) if last.geom else None, last.properties or {})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_AsEWKB(geom), properties::text FROM layers_feature WHERE version_id = %s AND fid = %s",
            [desk.base.pk, fid],
        )
        row = cursor.fetchone()
    return Now(bytes(row[0]) if row[0] is not None else None, json.loads(row[1])) if row else None


def changed_by_others(desk: Desk, fid: int, by: User) -> FeatureChange | None:
    """Return the last change of a feature if it is somebody else's and open or fresh, else None."""
    changes = FeatureChange.objects.filter(edit__layer=desk.layer, fid=fid).exclude(edit__state=State.DISCARDED)
    last = changes.select_related("by", "edit").order_by("-pk").first()
    if last is None or last.by_id == by.pk:
        return None
    return last if last.edit.state == State.OPEN or last.at > timezone.now() - FRESH else None


def new_fid(desk: Desk) -> int:
    """Return a number that no feature of the version has, and none that was ever made by an edit of the layer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(coalesce((SELECT max(fid) FROM layers_feature WHERE version_id = %s), 0),"
            " coalesce((SELECT max(c.fid) FROM layers_featurechange c JOIN layers_layeredit e ON e.id = c.edit_id"
            " WHERE e.layer_id = %s), 0), 0) + 1",
            [desk.base.pk, desk.layer.pk],
        )
        return int(cursor.fetchone()[0])


def record(desk: Desk, *, fid: int, kind: str, now: Now | None, by: User) -> FeatureChange:
    """Write down what a feature is from now on (None: it is gone). Opens the layer's edit with its first change."""
    edit = desk.edit or LayerEdit.objects.create(layer=desk.layer, base=desk.base, opened_by=by)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO layers_featurechange (edit_id, fid, kind, geom, properties, by_id, at)"
            " VALUES (%s, %s, %s, %s::geometry, %s::jsonb, %s, statement_timestamp()) RETURNING id",
            [
                edit.pk,
                fid,
                kind,
                now.geom.hex() if now and now.geom is not None else None,
                json.dumps(now.properties) if now else None,
                by.pk,
            ],
        )
        return FeatureChange(pk=cursor.fetchone()[0], edit=edit, fid=fid, kind=kind, by=by)


@transaction.atomic
def hand_in(*, layer: Layer, mark: int, by: User) -> None:
    """Put the open edit before the steward. Changes may follow; that there are more is told. Raises as `publish_edit`.

    `mark` is the Summary's that the person has looked at.
    """
    edit = _looked_at(take(layer), mark)
    edit.handed_in_by, edit.handed_in_at, edit.handed_in_mark, edit.note = by, timezone.now(), mark, ""
    edit.save(update_fields=["handed_in_by", "handed_in_at", "handed_in_mark", "note"])


@transaction.atomic
def give_back(*, layer: Layer, note: str, by: User) -> None:
    """Send the edit that was handed in back to its editors, with the steward's words; '' when an editor takes it back.

    Raises NotReady, EditBusy, PermissionError.
    """
    if note:
        only_steward(by)
    desk = take(layer)
    if desk.edit is None or desk.edit.handed_in_at is None:
        raise NotReady(_("These changes are not handed in any more."))
    desk.edit.handed_in_by = desk.edit.handed_in_at = desk.edit.handed_in_mark = None
    desk.edit.note = note
    desk.edit.save(update_fields=["handed_in_by", "handed_in_at", "handed_in_mark", "note"])


def waiting_for(user: User) -> QuerySet[LayerEdit]:
    """Return the open edits that concern a person, the oldest first: a steward's are those that were handed in, an
    editor's all those of layers that they may edit.
    """
    edits = LayerEdit.objects.filter(state=State.OPEN).order_by("opened_at").select_related("layer__agency")
    if user.is_coordinator:
        return edits.filter(handed_in_at__isnull=False).order_by("handed_in_at")
    return edits.filter(layer__agency__in=agencies_of(user))


@transaction.atomic
def publish_edit(*, layer: Layer, mark: int, by: User) -> LayerVersion | None:
    """Publish the open edit as the layer's next version; one of a large layer is left to the worker (None).

    The steward may do so before it is handed in, too. `mark` is the Summary's that the person has looked at.
    Raises NotReady, EditOutdated, EditBusy, PermissionError.
    """
    only_steward(by)
    desk = take(layer)
    edit = _looked_at(desk, mark)
    if desk.base.feature_count > AT_ONCE:
        edit.asked_by, edit.asked_at, edit.failed_at = by, timezone.now(), None
        edit.save(update_fields=["asked_by", "asked_at", "failed_at"])
        return None
    return _publish(desk.layer, edit, by)


def _looked_at(desk: Desk, mark: int) -> LayerEdit:
    """Return the edit if it can be published as it was looked at, else raise NotReady."""
    if desk.edit is None:
        raise NotReady(_("There are no changes to publish. Somebody may have published them already."))
    told = summarise(desk.edit)
    if told.mark != mark:
        raise NotReady(_("More was changed meanwhile. Look at the changes again."))
    if told.n == 0:
        raise NotReady(_("Nothing differs from what is published. Discard the changes."))
    if missing := missing_for_publication(desk.layer):
        raise NotReady(_("Before publication, fill in: %(fields)s.") % {"fields": ", ".join(missing)})
    return desk.edit


def publish_asked() -> bool:
    """Publish the edit that waits for it longest; return whether there was one. Called by the worker, again and again.

    The edit's row is held meanwhile, so that a worker which dies leaves it to the next one.
    """
    waiting = LayerEdit.objects.filter(state=State.OPEN, asked_by__isnull=False).order_by("asked_at")
    with transaction.atomic():
        edit = (
            waiting.select_for_update(skip_locked=True, of=("self",))
            .select_related("base", "asked_by", "handed_in_by")
            .first()
        )
        if edit is None or edit.asked_by is None:
            return False
        try:
            with transaction.atomic():
                layer = Layer.objects.select_for_update(of=("self",)).get(pk=edit.layer_id)
                if layer.current_id != edit.base_id:
                    raise EditOutdated
                _publish(layer, edit, edit.asked_by)
        except (LayerError, DatabaseError):
            log.exception("edit %s could not be published", edit.pk)
            LayerEdit.objects.filter(pk=edit.pk).update(asked_by=None, asked_at=None, failed_at=timezone.now())
    return True


def withdraw(*, layer: Layer) -> None:
    """Take an open edit back from the worker. Raises NotReady when it is at work already, or done."""
    with transaction.atomic():
        waiting = LayerEdit.objects.filter(layer=layer, state=State.OPEN, asked_by__isnull=False)
        edit = waiting.select_for_update(skip_locked=True).first()
        if edit is None:
            raise NotReady(_("The changes are being written already, or have been published."))
        edit.asked_by = edit.asked_at = None
        edit.save(update_fields=["asked_by", "asked_at"])


def _publish(layer: Layer, edit: LayerEdit, by: User) -> LayerVersion:
    version = _store(layer, edit, edit.handed_in_by or by)
    publish(version=version, by=by)
    _close(edit, State.PUBLISHED, by, version)
    return version


@transaction.atomic
def discard_edit(*, layer: Layer, mark: int, by: User) -> None:
    """Give the open edit up; its list of changes stays in the record. Raises NotReady, EditBusy."""
    _refuse_busy(layer)
    Layer.objects.select_for_update(of=("self",)).get(pk=layer.pk)
    edit = LayerEdit.objects.filter(layer=layer, state=State.OPEN).first()
    if edit is None:
        raise NotReady(_("There are no changes to discard. Somebody may have published them already."))
    if edit.asked_by_id:
        raise _busy()
    if mark_of(edit) != mark:
        raise NotReady(_("More was changed meanwhile. Look at the changes again, then discard."))
    _close(edit, State.DISCARDED, by)


@dataclass(frozen=True)
class Line:
    """A changed feature on the page of an edit: what it is called, what became of it, who did the last of it, when."""

    fid: int
    label: str
    what: str
    by: str
    at: dt.datetime
    values: tuple[Differing, ...] = ()
    """Of the fields that may be shown."""
    hidden: int = 0
    """How many other fields have another value."""


def lines(edit: LayerEdit) -> list[Line]:
    """Return the changed features, the latest change first, at most LISTED."""
    statement = f"""
        SELECT after.fid, CASE WHEN after.kind = 'delete' THEN 'removed' WHEN before.fid IS NULL THEN 'added' END,
               {PLACE.format(same=SAME_SHAPE)}, before.properties::text, after.properties::text,
               u.first_name || ' ' || u.last_name, u.username, after.at
        FROM ({LATEST}) after JOIN accounts_user u ON u.id = after.by_id
        LEFT JOIN layers_feature before ON before.version_id = %s AND before.fid = after.fid
        WHERE NOT (after.kind = 'delete' AND before.fid IS NULL)
        ORDER BY after.id DESC LIMIT %s
    """  # noqa: S608 - constants of ours
    with connection.cursor() as cursor:
        cursor.execute(statement, [edit.pk, edit.base_id, LISTED])
        rows = cursor.fetchall()
    found = []
    for fid, one_sided, place, *sides, name, login, at in rows:
        before, after = (json.loads(side) if side else None for side in sides)
        label = label_of(edit.layer, after or before or {}, fid)
        values, hidden = values_that_differ(edit.layer, before, after)
        what = (
            words_for(one_sided)
            if one_sided
            else words_for(place, "changed" if values or hidden else "") or _("as it was")
        )
        found.append(Line(fid, label, what, name.strip() or login, at, values, hidden))
    return found


def _store(layer: Layer, edit: LayerEdit, by: User) -> LayerVersion:
    base = edit.base

    def fill(cursor: Any, table: sql.Composable) -> None:
        cursor.execute(
            sql.SQL("INSERT INTO {table} (fid, geom, properties) SELECT fid, geom, properties FROM {merged} m").format(
                table=table, merged=sql.SQL(MERGED)
            ),
            merged_params(edit),
        )

    loaded = Loaded(
        geometry_type=base.geometry_type,
        source_name=base.source_name,
        source_sha256="",  # it is not that file any more
        source_crs=base.source_crs,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")  # for the indexes, as when a file is stored
    version = store_version(layer=layer, by=by, loaded=loaded, rows=fill)
    version.statistics = count_statistics(layer, version)
    version.save(update_fields=["statistics"])
    return version


def _close(edit: LayerEdit, state: str, by: User, version: LayerVersion | None = None) -> None:
    edit.state, edit.version, edit.closed_by, edit.closed_at = state, version, by, timezone.now()
    edit.asked_by = None
    edit.save(update_fields=["state", "version", "closed_by", "closed_at", "asked_by"])
