"""Import of an agency's file: read by a child process (layers/reader.py), told in sentences, stored as a version."""

import difflib
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.models import Agency, User
from layers.errors import ImportRefused
from layers.field_access import COMING, KEY, is_coming
from layers.models import FIXED_SLUGS, Layer, LayerVersion, refuse_fixed_slug
from layers.reader import Inspection, Options, Reader, reading
from layers.versions import Filled, Loaded, fill, store_version


def inspect(path: Path, *, options: Options | None = None) -> Inspection:
    """Read a file and tell what it is, storing nothing. A shapefile's other parts are taken from beside it."""
    with reading(path, options) as reader:
        return reader.inspection


@transaction.atomic
def import_file(*, layer: Layer, path: Path, by: User | None, options: Options | None = None) -> LayerVersion:
    """Read a file and store it as the layer's next version, not published. Raise ImportRefused with the inspection.

    The layer's field dictionary gains the fields that are new; what people wrote or hid there stays.
    """
    with reading(path, options) as reader:
        rows = copy_rows(reader)
        return store_inspected(layer=layer, inspection=reader.inspection, rows=rows, by=by)


def copy_rows(reader: Reader) -> Filled:
    """Copy the rows into a table while they are read, for `store_inspected` in the same transaction.

    Raise ImportRefused with the inspection, and leave nothing behind, unless the file is ready to be stored.
    """
    for rows in reader.passes():
        before = transaction.savepoint()
        try:
            filled = fill(rows, binary=True)
        except DatabaseError:
            if reader.inspection.status == "ready":
                raise
            break  # the row that a killed reader was writing
        if rows.are_superseded:
            transaction.savepoint_rollback(before)
    if reader.inspection.status != "ready":
        transaction.savepoint_rollback(before)
        raise ImportRefused(reader.inspection)
    return filled


@transaction.atomic
def store_inspected(*, layer: Layer, inspection: Inspection, rows: Filled, by: User | None) -> LayerVersion:
    """Store copied rows as the layer's next version.

    Fields that are new to a published layer are shown when a version that has them is published, and known ones get
    another type, or are hidden as personal data, no earlier.
    """
    beside = {str(entry["name"]): _at_publication(entry) for entry in inspection.fields}
    loaded = Loaded(
        geometry_type=inspection.geometry_type,
        source_name=inspection.name,
        source_sha256=inspection.sha256,
        source_crs=inspection.source_crs,
        findings=inspection.findings,
        statistics={name: {**told, **beside[name]} for name, told in inspection.statistics.items()},
    )
    locked = Layer.objects.select_for_update().get(pk=layer.pk)
    shown = locked.shown_fields()
    locked.fields = merge_fields(locked.fields, inspection.fields, published=locked.current_id is not None)
    # What readers know of the layer changes when something of it is hidden, or when a version is published.
    locked.save(update_fields=["fields"] if locked.shown_fields() == shown else ["fields", "changed_at"])
    layer.fields = locked.fields
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")  # a third off the time to build the indexes
    return store_version(layer=layer, by=by, loaded=loaded, rows=rows)


def _at_publication(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what a version's statistics keep of a field beside its values, until the version is published."""
    return {"type": entry["type"]} | ({"personal": True} if entry["personal"] else {})


def merge_fields(
    old: list[dict[str, Any]], new: list[dict[str, Any]], *, published: bool = False
) -> list[dict[str, Any]]:
    """Return the dictionary with the new file's fields: what people wrote or hid stays, the type is the file's.

    Of a layer that is `published`, known fields stay as they are, and new ones are not shown yet.
    Fields that the new file lacks stay: an older version, rolled back to, must not show what was hidden.
    """
    known = {entry["name"]: entry for entry in old}
    merged = []
    for entry in new:
        before = known.pop(entry["name"], None)
        if before is None:
            merged.append(entry | {KEY: COMING} if published else entry)
        elif published and not is_coming(before):
            merged.append(before)
        else:
            hidden = bool(before.get("hidden") or (entry["personal"] and not before.get("personal")))
            personal = bool(before.get("personal") or entry["personal"])
            merged.append(entry | before | {"type": entry["type"], "hidden": hidden, "personal": personal})
    return merged + list(known.values())


def find_agency(text: str) -> Agency:
    """Return the agency with this short name, code or name. Raise LookupError that names the near ones."""
    agencies = {agency.short_name: agency for agency in Agency.objects.filter(active=True)}
    wanted = text.strip().lower()
    for agency in agencies.values():
        if wanted in {agency.short_name.lower(), agency.code.lower(), agency.name.lower()}:
            return agency
    lower = {name.lower(): name for name in agencies}
    near = [lower[name] for name in difflib.get_close_matches(wanted, lower, n=5, cutoff=0.4)]
    near += [name for name, agency in agencies.items() if len(wanted) > 2 and wanted in agency.name.lower()]
    shown = ", ".join(dict.fromkeys(near[:8] or list(agencies)[:8])) or "-"
    raise LookupError(_("There is no agency “%(text)s”. Near are: %(near)s") % {"text": text, "near": shown})


def slug_of(title: str) -> str:
    """Return a short name for a layer from its title or its file's name."""
    slug = slugify(title.replace("_", "-"))[:50].strip("-") or "data"
    return f"{slug}-data" if slug in FIXED_SLUGS else slug


@transaction.atomic
def layer_for(*, agency: Agency, values: dict[str, Any]) -> Layer:
    """Return the agency's layer with this slug, made if need be; `values` that are given overwrite what it says.

    Raise LookupError when the slug is another agency's or an address of the site itself.
    """
    try:
        refuse_fixed_slug(values["slug"])
    except ValidationError as error:
        raise LookupError(error.message) from error
    given = {name: value for name, value in values.items() if value and name not in {"slug", "name"}}
    layer = Layer.objects.filter(slug=values["slug"]).select_related("agency").first()
    if layer is None:
        title = str(values.get("name") or values["slug"]).replace("_", " ").strip().capitalize()[:160]
        return Layer.objects.create(slug=values["slug"], agency=agency, **{"title_id": title} | given)
    if layer.agency_id != agency.pk:
        raise LookupError(
            _("“%(slug)s” is a layer of %(agency)s. Choose another --slug.")
            % {"slug": layer.slug, "agency": layer.agency.short_name}
        )
    for name, value in given.items():
        setattr(layer, name, value)
    layer.save()
    return layer
