"""Uploads on their way to publication: taken in, read by the worker, described by the officer, decided by the steward.

The worker calls `read_due`. A claim counts the attempt and sets a lease, so that an upload which kills its worker ends
after ATTEMPTS_MAX; what the reader itself cannot stand is told in a sentence (layers/reader.py).
"""

import datetime as dt
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Agency, Membership, User
from layers import incoming
from layers.comparing import Pair
from layers.errors import ImportRefused, NotReady, UploadRefused, UploadTooLarge
from layers.importing import copy_rows, slug_of, store_inspected
from layers.models import ImportJob, IncomingFile, Layer, LayerEdit
from layers.reader import SIDECARS, Options, reading
from layers.reading import limits
from layers.reading.findings import Findings
from layers.versions import drop_unpublished, publish

State = ImportJob.State

ATTEMPTS_MAX = 3
LEASE = dt.timedelta(seconds=limits.WALL_S + 300)
KEPT = dt.timedelta(days=14)
"""How long the files are kept of a question that nobody answers, and of what is read and not handed in."""
FILES_MAX = 12
WITHDRAWN_FROM = (State.WAITING, State.ASKS, State.REFUSED, State.READY, State.SUBMITTED, State.RETURNED)
"""The states in which an upload can be deleted: not while it is read, and not once it is published."""
ANSWERED_IN = (State.ASKS, State.READY)
"""The states in which the file can be read again with an answer: to a question, or since it lies in the wrong place."""
NAME_BYTES = 200
"""File systems take 255; a number may come before the name."""

_CLAIM = """
    UPDATE layers_importjob j
    SET state = 'reading', attempts = attempts + 1, lease_until = statement_timestamp() + make_interval(secs => %s)
    FROM (
        SELECT id FROM layers_importjob
        WHERE state = 'waiting' OR (state = 'reading' AND lease_until < statement_timestamp())
        ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) free
    WHERE j.id = free.id
    RETURNING j.id
"""


def agencies_of(user: User) -> QuerySet[Agency]:
    """Return the agencies that a person may upload for: a coordinator's are all, an officer's the own."""
    agencies = Agency.objects.filter(active=True).exclude(kind=Agency.Kind.EXTERNAL)
    if user.is_coordinator:
        return agencies
    return agencies.filter(memberships__user=user, memberships__role=Membership.Role.OFFICER, pk__in=user.agency_ids())


def jobs_of(user: User) -> QuerySet[ImportJob]:
    """Return the uploads that a person may see: those of the agencies that they may upload for."""
    return ImportJob.objects.filter(agency__in=agencies_of(user)).select_related("agency", "layer", "version", "by")


def start(
    *,
    agency: Agency,
    layer: Layer | None,
    files: Sequence[UploadedFile] = (),
    arrived: Sequence[IncomingFile] = (),
    by: User,
) -> ImportJob:
    """Keep the uploaded files, and those that arrived in pieces, and have them read.

    Raise UploadRefused for what cannot be one data set.
    """
    main = _main_file([*files, *arrived])
    for file in files:
        if (file.size or 0) > limits.FILE_BYTES:
            raise UploadTooLarge(
                _("%(file)s has %(size)d MB; at most %(limit)d MB are taken.")
                % {
                    "file": file.name,
                    "size": (file.size or 0) // 1_000_000,
                    "limit": limits.FILE_BYTES // 1_000_000,
                }
            )
    job = ImportJob(agency=agency, layer=layer, by=by, name=_safe_name(main)[:200])
    folder = folder_of(job)
    folder.mkdir(parents=True)
    try:
        for file in files:
            with (folder / _safe_name(file)).open("xb") as out:
                for chunk in file.chunks():
                    out.write(chunk)
        with transaction.atomic():
            _hold(arrived)
            for came in arrived:
                (folder / _safe_name(came)).hardlink_to(incoming.path_of(came))
            job.save()
            for came in arrived:
                incoming.discard(file=came)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return job


def _hold(arrived: Sequence[IncomingFile]) -> None:
    """Keep others from handing in these files, or raise UploadRefused when one is handed in already."""
    here = IncomingFile.objects.select_for_update().filter(pk__in=[came.pk for came in arrived])
    if len(here) < len(arrived):
        raise UploadRefused(_("One of these files was handed in already. Look at your uploads, or choose files again."))


@transaction.atomic
def answer(*, job: ImportJob, options: Mapping[str, Any], by: User) -> ImportJob:
    """Take a person's answer to the reader's question and have the file read again. Raise NotReady.

    What was read before goes, and what was written about it stays. A coordinate system chosen for other columns holds
    no longer.
    """
    locked = _locked(job, *ANSWERED_IN)
    if not may_be_answered(locked):
        raise NotReady(_("The file is no longer here. Upload it again."))
    version, locked.version = locked.version, None
    before = {name: value for name, value in locked.options.items() if name != "crs" or "columns" not in options}
    locked.options = before | dict(options)
    locked.state, locked.attempts = State.WAITING, 0
    locked.save()
    if version is not None:
        drop_unpublished(version=version)
    return locked


def may_be_answered(job: ImportJob) -> bool:
    """Whether the upload can be read again with an answer: its file is still here."""
    return job.state in ANSWERED_IN and folder_of(job).is_dir()


def read_due() -> bool:
    """Read the upload that has waited longest; return whether there was one. Called by the worker, again and again."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [LEASE.total_seconds()])
        row = cursor.fetchone()
    if row is None:
        return False
    job = ImportJob.objects.select_related("layer", "agency", "by").get(pk=row[0])
    if job.attempts > ATTEMPTS_MAX:
        findings = Findings()
        findings.tell("crashed")
        _finish(job, State.REFUSED, {"status": "refused", "findings": findings.made})
    else:
        _read(job)
    return True


def _read(job: ImportJob) -> None:
    with reading(folder_of(job) / job.name, Options(**job.options)) as reader, transaction.atomic():
        try:
            rows = copy_rows(reader)
        except ImportRefused:
            state = State.ASKS if reader.inspection.status == "asks" else State.REFUSED
            _finish(job, state, asdict(reader.inspection))
        else:
            told = asdict(reader.inspection)
            layer = job.layer or _new_layer(job)
            version = store_inspected(layer=layer, inspection=reader.inspection, rows=rows, by=job.by)
            if layer.current:
                pair = Pair(layer.current, version)
                told["comparison"] = asdict(pair.count())
                told["differing"] = [astuple(one) for one in pair.differing()]
            job.layer, job.version = layer, version
            _finish(job, State.READY, told)


def _finish(job: ImportJob, state: str, inspection: dict[str, Any]) -> None:
    """Write the outcome, unless another worker has taken the upload over meanwhile; forget files not needed again."""
    mine = ImportJob.objects.filter(pk=job.pk, state=State.READING, attempts=job.attempts)
    if not mine.update(state=state, inspection=inspection, layer=job.layer, version=job.version, lease_until=None):
        raise NotReady(_("Another worker reads this file."))
    if state == State.REFUSED:
        _forget_files(job)


def _forget_files(job: ImportJob) -> None:
    transaction.on_commit(lambda: shutil.rmtree(folder_of(job), ignore_errors=True))


def _new_layer(job: ImportJob) -> Layer:
    stem = PurePath(job.name).stem
    slug = _free_slug(stem, Layer.objects.all())
    title = stem.replace("_", " ").replace("-", " ").strip().capitalize()[:160] or slug
    return Layer.objects.create(slug=slug, title_id=title, agency=job.agency)


def _free_slug(name: str, others: QuerySet[Layer]) -> str:
    """Return a short name from a title, or from a file's name, that none of `others` has."""
    slug, again = slug_of(name), 2
    unique = slug
    while others.filter(slug=unique).exists():
        unique, again = f"{slug}-{again}", again + 1
    return unique


def _is_named_by_its_file(layer: Layer) -> bool:
    """Whether the short name is still the one that an upload gave: nobody but the desk can know it."""
    return layer.current_id is None and layer.imports.filter(version__number=1).exists()


@transaction.atomic
def describe(*, job: ImportJob, about: Mapping[str, Any], by: User) -> ImportJob:
    """Keep the metadata that the officer wrote; nothing of it shows before the steward publishes."""
    locked = _locked(job, State.READY, State.RETURNED)
    locked.about = dict(about)
    locked.save()
    return locked


@transaction.atomic
def submit(*, job: ImportJob, by: User) -> ImportJob:
    """Hand an upload to the steward."""
    locked = _locked(job, State.READY, State.RETURNED)
    locked.state = State.SUBMITTED
    locked.save()
    if locked.layer and locked.layer.state == Layer.State.DRAFT:
        Layer.objects.filter(pk=locked.layer.pk).update(state=Layer.State.SUBMITTED)
    _forget_files(locked)
    return locked


@transaction.atomic
def give_back(*, job: ImportJob, note: str, by: User) -> ImportJob:
    """Send a submitted upload back to its officer, with the steward's words. Raise NotReady, PermissionError."""
    only_steward(by)
    locked = _locked(job, State.SUBMITTED)
    locked.state, locked.note = State.RETURNED, note
    locked.save()
    return locked


@transaction.atomic
def approve(*, job: ImportJob, by: User) -> Layer:
    """Publish a submitted upload: its metadata and its version in one transaction. Raise NotReady, PermissionError.

    A new data set gets its address from its title.
    """
    only_steward(by)
    locked = _locked(job, State.SUBMITTED)
    if locked.layer is None or locked.version is None:
        raise NotReady(_("The upload has not been read."))
    layer = Layer.objects.select_for_update().get(pk=locked.layer.pk)
    if LayerEdit.objects.filter(layer=layer, state=LayerEdit.State.OPEN).exists():
        raise NotReady(_("Somebody is editing this layer. Publish or discard the changes on its page first."))
    for name, value in locked.about.items():
        setattr(layer, name, value)
    if _is_named_by_its_file(layer):  # from now on the address stays
        layer.slug = _free_slug(layer.title_id, Layer.objects.exclude(pk=layer.pk))
    layer.save()
    layer = publish(version=locked.version, by=by)
    locked.state, locked.note = State.PUBLISHED, ""
    locked.save()
    return layer


@transaction.atomic
def withdraw(*, job: ImportJob, by: User) -> None:
    """Delete an upload that is not published: its file, what was read of it, and a data set that it was to begin.

    Raise NotReady.
    """
    locked = _locked(job, *WITHDRAWN_FROM)
    layer, version = locked.layer, locked.version
    locked.delete()
    if version is not None:
        drop_unpublished(version=version)
    if layer is not None and layer.current_id is None and not layer.versions.exists() and not layer.imports.exists():
        layer.delete()
    elif layer is not None and layer.state == Layer.State.SUBMITTED:
        others = ImportJob.objects.filter(layer=layer, state=State.SUBMITTED)
        if not others.exists():
            Layer.objects.filter(pk=layer.pk).update(state=Layer.State.DRAFT)
    _forget_files(job)


def clear_old() -> int:
    """Forget the files of questions that nobody answered, and of what nobody hands in; return how many questions.

    Called hourly by the worker.
    """
    old = ImportJob.objects.filter(changed_at__lt=timezone.now() - KEPT)
    for job in old.filter(state__in=ANSWERED_IN).only("pk"):
        shutil.rmtree(folder_of(job), ignore_errors=True)
    return old.filter(state=State.ASKS).update(state=State.REFUSED)


def waiting_for(user: User) -> QuerySet[ImportJob]:
    """Return what lies with a person: for a steward what is submitted, for an officer what is not yet."""
    jobs = jobs_of(user).exclude(state=State.PUBLISHED)
    return jobs.filter(Q(state=State.SUBMITTED) | Q(by=user)) if user.is_coordinator else jobs


def folder_of(job: ImportJob) -> Path:
    """Return where an upload's files lie until it is handed in."""
    return Path(settings.MEDIA_ROOT) / "unggah" / str(job.pk)


def _locked(job: ImportJob, *states: str) -> ImportJob:
    locked = ImportJob.objects.select_for_update(of=("self",)).select_related("layer", "version").get(pk=job.pk)
    if locked.state not in states:
        raise NotReady(_("This upload is already further: %(state)s.") % {"state": locked.get_state_display()})
    return locked


def only_steward(by: User) -> None:
    """Raise PermissionError for anybody but the steward."""
    if not by.is_coordinator:
        raise PermissionError(_("Only the steward (the coordinator) decides on publication."))


def _main_file(files: Sequence[UploadedFile | IncomingFile]) -> UploadedFile | IncomingFile:
    """Return the file to read of those sent together: the .shp of a shapefile, or the only one."""
    if not files:
        raise UploadRefused(_("Choose a file."))
    if len(files) > FILES_MAX:
        raise UploadRefused(_("Choose one data set: at most %(limit)d files together.") % {"limit": FILES_MAX})
    names = {_safe_name(file).lower(): file for file in files}
    if len(names) < len(files):
        raise UploadRefused(_("Two of the files have the same name."))
    main = [
        file for name, file in names.items() if PurePath(name).suffix not in {*SIDECARS, ".xml", ".sbn", ".sbx", ".qmd"}
    ]
    if len(main) > 1:
        raise UploadRefused(
            _("Choose one data set at a time. These are several: %(names)s") % {"names": ", ".join(names)}
        )
    return main[0] if main else files[0]


def _safe_name(file: UploadedFile | IncomingFile) -> str:
    return safe_name(file.name or "")


def safe_name(name: str) -> str:
    """Return the name of a file without folders, or what else could lead out of ours."""
    name = PurePath((name or "data").replace("\\", "/")).name.replace("\x00", "")
    name = name.lstrip(".")[-150:].encode(errors="replace")[-NAME_BYTES:].decode(errors="ignore")
    return name or "data"
