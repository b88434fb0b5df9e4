"""Import of an agency's file: read in a child process with limits, told in sentences, stored as a version.

The child (`python -m layers.reading`) has no database and no network; this side hands it the file in a private
folder and the places to join on, watches its memory and time, and copies its rows.
"""

import difflib
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Agency, User
from geo.models import BoundaryEdition, Desa, DesaBoundary, Kecamatan, KecamatanBoundary
from layers.errors import ImportRefused
from layers.models import FIXED_SLUGS, Layer, LayerVersion, refuse_fixed_slug
from layers.reading import limits
from layers.reading.findings import Findings
from layers.versions import Loaded, store_version

log = logging.getLogger(__name__)

SIDECARS = (".shx", ".dbf", ".prj", ".cpg")
WATCH_S = 0.05
LEVELS = ("refused", "ask", "warning", "fixed", "info")
CHILD_PATHS = ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


@dataclass(frozen=True, kw_only=True)
class Options:
    """A person's answers. `columns` is ours = theirs (lon, lat, place, kecamatan); `swap` settles the axes' order."""

    crs: str | None = None
    encoding: str | None = None
    layer: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    swap: bool | None = None
    keep_duplicates: bool = False


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a file turned out to be.

    `status` is ready, asks or refused; `extent` is west, south, east, north; `kecamatan` counts the rows of
    `kecamatan_of` that were looked at; `preview` holds the first rows without personal data.
    """

    name: str
    sha256: str
    status: str
    findings: list[dict[str, Any]]
    kind: str = ""
    rows: int = 0
    geometry_type: str = ""
    source_crs: str = ""
    extent: list[float] | None = None
    kecamatan: list[dict[str, Any]] = field(default_factory=list)
    kecamatan_of: int = 0
    fields: list[dict[str, Any]] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)
    preview: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0
    peak_mb: int = 0

    def sentences(self) -> list[str]:
        """Return what there is to say, in the active language, the gravest first."""
        return [finding[f"text_{language()}"] for finding in self.sorted_findings()]

    def sorted_findings(self) -> list[dict[str, Any]]:
        """Return the findings, the gravest first."""
        return sorted(self.findings, key=lambda finding: LEVELS.index(finding["level"]))


def language() -> str:
    """Return `en` or `id`: the active one of the two languages that findings speak."""
    return "en" if (get_language() or "").startswith("en") else "id"


def inspect(path: Path, *, options: Options | None = None) -> Inspection:
    """Read a file and tell what it is, storing nothing. A shapefile's other parts are taken from beside it."""
    with reading(path, options or Options()) as (inspection, _rows):
        return inspection


def import_file(*, layer: Layer, path: Path, by: User | None, options: Options | None = None) -> LayerVersion:
    """Read a file and store it as the layer's next version, not published. Raise ImportRefused with the inspection.

    The layer's field dictionary gains the fields that are new; what people wrote or hid there stays.
    """
    with reading(path, options or Options()) as (inspection, rows):
        if inspection.status != "ready":
            raise ImportRefused(inspection)
        return store_inspected(layer=layer, inspection=inspection, rows=rows, by=by)


@transaction.atomic
def store_inspected(*, layer: Layer, inspection: Inspection, rows: Path, by: User | None) -> LayerVersion:
    """Store the rows that an inspection left behind as the layer's next version."""
    loaded = Loaded(
        geometry_type=inspection.geometry_type,
        source_name=inspection.name,
        source_sha256=inspection.sha256,
        source_crs=inspection.source_crs,
        findings=inspection.findings,
        statistics=inspection.statistics,
    )
    locked = Layer.objects.select_for_update().get(pk=layer.pk)
    locked.fields = merge_fields(locked.fields, inspection.fields)
    locked.save(update_fields=["fields", "changed_at"])
    layer.fields = locked.fields
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")  # a third off the time to build the indexes
    with rows.open("rb") as file:
        return store_version(layer=layer, by=by, loaded=loaded, rows=file)


def merge_fields(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the dictionary with the new file's fields: what people wrote or hid stays, the type is the file's.

    Fields that the new file lacks stay: an older version, rolled back to, must not show what was hidden.
    """
    known = {entry["name"]: entry for entry in old}
    merged = []
    for entry in new:
        before = known.pop(entry["name"], None)
        if before is None:
            merged.append(entry)
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


@contextmanager
def reading(path: Path, options: Options) -> Iterator[tuple[Inspection, Path]]:
    """Give the inspection of a file and the COPY text that it left, which goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="kutim-data-") as name:
        folder = Path(name)
        yield read_into(folder, path, options)


def read_into(folder: Path, path: Path, options: Options) -> tuple[Inspection, Path]:
    """Read a file into a private folder that is there and empty; return the inspection and the path of the rows."""
    rows = folder / "rows.copy"
    copied, digest = _copied(path, folder)
    places = folder / "places.json"
    places.write_text(json.dumps(_places()), encoding="utf-8")
    request = {
        "file": str(copied),
        "folder": str(folder),
        "rows": str(rows),
        "places": str(places),
        "answer": str(folder / "answer.json"),
        "options": {**asdict(options), "name": path.name},
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    answer = _run_child(folder)
    return Inspection(name=path.name, sha256=digest, **answer), rows


def _copied(path: Path, folder: Path) -> tuple[Path, str]:
    """Copy a file, and a shapefile's other parts, into the private folder; return it and its SHA-256."""
    inside = folder / "file"
    inside.mkdir()
    target = inside / (path.stem[:80] + path.suffix.lower()[:12])
    digest = hashlib.sha256()
    with path.open("rb") as source, target.open("xb") as out:
        # More than the limit is not read; the child then refuses the size.
        while (chunk := source.read(1 << 20)) and out.tell() <= limits.FILE_BYTES:
            digest.update(chunk)
            out.write(chunk)
    if path.suffix.lower() == ".shp":
        for beside in path.parent.iterdir():
            if beside.stem == path.stem and beside.suffix.lower() in SIDECARS and beside.is_file():
                shutil.copyfile(beside, target.with_suffix(beside.suffix.lower()))
    return target, digest.hexdigest()


def _run_child(folder: Path) -> dict[str, Any]:
    """Run the reader and return its answer; one that is killed, by us or by itself, is told in a sentence."""
    environment = {name: os.environ[name] for name in CHILD_PATHS if name in os.environ}
    environment |= limits.ENVIRONMENT | {"TMPDIR": str(folder), "HOME": str(folder)}
    with (folder / "stderr").open("wb") as stderr:
        child = subprocess.Popen(  # noqa: S603  our own module, a path that we made
            [sys.executable, "-m", "layers.reading", str(folder / "request.json")],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            stopped, peak = _watch(child)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if stopped is None and child.returncode == 0:
        return json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    log.warning("reader ended with %s (%s): %s", child.returncode, stopped, _last_words(folder / "stderr"))
    findings = Findings()
    cpu_spent = child.returncode in (-24, -9) and stopped is None
    code = stopped or ("too_slow" if cpu_spent else "crashed")
    findings.tell(code, limit=limits.CPU_S if cpu_spent else limits.WALL_S)
    return {"status": "refused", "findings": findings.made, "peak_mb": peak // 1_000_000}


def _last_words(path: Path) -> str:
    return path.read_bytes()[-2_000:].decode("utf-8", "replace")


def _watch(child: subprocess.Popen[bytes]) -> tuple[str | None, int]:
    """Wait for the child; kill it over its limit of memory or time. Return why (None: it ended) and its peak, bytes."""
    deadline, peak = time.monotonic() + limits.WALL_S, 0
    while True:
        try:
            child.wait(WATCH_S)
        except subprocess.TimeoutExpired:
            peak = max(peak, _resident(child.pid))
            stopped = "too_much_memory" if peak > limits.MEMORY else "too_slow" if time.monotonic() > deadline else None
            if stopped:
                child.kill()
                child.wait()
                return stopped, peak
        else:
            return None, peak


def _resident(pid: int) -> int:
    """Return the resident memory of a process in bytes; 0 when it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _places() -> dict[str, Any]:
    """Return the areas of the edition in use as the child reads them."""
    edition = BoundaryEdition.objects.active().first()
    kecamatan = {row.kecamatan_id: row.geom.hex.decode() for row in KecamatanBoundary.objects.filter(edition=edition)}
    desa = {row.desa_id: row.geom.hex.decode() for row in DesaBoundary.objects.filter(edition=edition)}
    return {
        "kecamatan": [
            {
                "code": row.code,
                "bps_code": row.bps_code,
                "name": row.name,
                "other_name": row.other_name,
                "outline": outline,
            }
            for row in Kecamatan.objects.all()
            if (outline := kecamatan.get(row.pk))
        ],
        "desa": [
            {
                "code": row.code,
                "name": row.name,
                "kecamatan": row.kecamatan.name,
                "point": row.point.hex.decode(),
                "outline": desa.get(row.pk),
            }
            for row in Desa.objects.select_related("kecamatan")
        ],
    }
