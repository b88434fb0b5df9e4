"""A file read by a child process with limits, and its rows as they come.

The child (`python -m layers.reading`) has no database and no network; this side hands it the file in a private
folder and the places to join on, and watches its memory and time. Its rows can be copied while it still reads.
"""

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
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from threading import Thread
from typing import IO, Any, cast

from django.conf import settings
from django.utils.translation import get_language

from geo.models import BoundaryEdition, Desa, DesaBoundary, Kecamatan, KecamatanBoundary
from layers.models import CoastPiece
from layers.reading import limits
from layers.reading.copying import HEAD, rows_of_pass
from layers.reading.findings import Findings

log = logging.getLogger(__name__)

SIDECARS = (".shx", ".dbf", ".prj", ".cpg")
WATCH_S = 0.05
FOLLOW_S = 0.02
"""How long whoever copies rows waits for more of them."""
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
    `kecamatan_of` that were looked at; `preview` holds the first rows without personal data; `elsewhere` what a person
    may choose who sees the data in the wrong place (choices of coordinate systems, titles of columns).
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
    elsewhere: dict[str, Any] = field(default_factory=dict)
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


class Reader:
    """A file that a child process is reading in `folder`, which is private and empty. Close it in any case."""

    def __init__(self, folder: Path, path: Path, options: Options) -> None:
        self.name, self.folder = path.name, folder
        self._stopped: str | None = None
        self._peak = 0
        self._child = _start_child(folder)  # it prepares itself while the file is copied
        try:
            self.sha256 = self._ask(path, options)
        except BaseException:
            self._child.kill()
            self._child.communicate()  # which closes the pipe, too
            raise
        self._watcher = Thread(target=self._watch, name=f"watches reader {self._child.pid}", daemon=True)
        self._watcher.start()

    def _ask(self, path: Path, options: Options) -> str:
        """Copy the file and tell the child what to do with it; return the file's SHA-256."""
        folder = self.folder
        copied, sha256 = _copied(path, folder)
        places = folder / "places.json"
        places.write_text(json.dumps(_places()), encoding="utf-8")
        request = {
            "file": str(copied),
            "folder": str(folder),
            "places": str(places),
            "answer": str(folder / "answer.json"),
            "options": {**asdict(options), "name": path.name},
        }
        with suppress(BrokenPipeError), cast("IO[bytes]", self._child.stdin) as pipe:  # one that has ended is told of
            pipe.write(json.dumps(request).encode())
        return sha256

    def close(self) -> None:
        """End the child if it still reads."""
        if self._child.poll() is None:
            self._child.kill()
        self._watcher.join()

    @property
    def has_ended(self) -> bool:
        """Whether the child reads no more, for whatever reason."""
        return not self._watcher.is_alive()

    @cached_property
    def inspection(self) -> Inspection:
        """What the file turned out to be; waits for the child. One that was killed is told in a sentence."""
        self._watcher.join()
        return Inspection(name=self.name, sha256=self.sha256, **self._answer())

    def passes(self) -> "Iterator[Rows]":
        """Give the rows, which can be read while they are written: once, or anew for each time that the child begins
        anew because a later row contradicts what the first ones showed. The last ones count.
        """
        for number in count(1):
            rows = Rows(self, number)
            yield rows
            if not rows.are_superseded:
                return

    def _answer(self) -> dict[str, Any]:
        code = self._child.returncode
        if self._stopped is None and code == 0:
            return json.loads((self.folder / "answer.json").read_text(encoding="utf-8"))
        log.warning("reader ended with %s (%s): %s", code, self._stopped, _last_words(self.folder / "stderr"))
        findings = Findings()
        cpu_spent = code in (-24, -9) and self._stopped is None
        findings.tell(
            self._stopped or ("too_slow" if cpu_spent else "crashed"),
            limit=limits.CPU_S if cpu_spent else limits.WALL_S,
        )
        return {"status": "refused", "findings": findings.made, "peak_mb": self._peak // 1_000_000}

    def _watch(self) -> None:
        """Wait for the child; kill it over its limit of memory or time."""
        deadline = time.monotonic() + limits.WALL_S
        while True:
            try:
                self._child.wait(WATCH_S)
            except subprocess.TimeoutExpired:
                self._peak = max(self._peak, _resident(self._child.pid))
                if self._peak > limits.MEMORY:
                    self._stopped = "too_much_memory"
                elif time.monotonic() > deadline:
                    self._stopped = "too_slow"
                else:
                    continue
                self._child.kill()
                self._child.wait()
            return


class Rows:
    """What COPY (binary) takes of one pass, read while it is written: waits for more until the pass is over."""

    def __init__(self, reader: Reader, number: int) -> None:
        self._reader = reader
        self._path, self._next = (rows_of_pass(reader.folder, n) for n in (number, number + 1))
        self._at = -len(HEAD)

    @property
    def are_superseded(self) -> bool:
        """Whether the child has begun anew."""
        return self._next.exists()

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; b"" when there are no more."""
        while True:
            is_over = self._reader.has_ended or self.are_superseded  # before looking: what is there then is all
            more = self._read_on(size)
            if more or is_over:
                return more
            time.sleep(FOLLOW_S)

    def _read_on(self, size: int) -> bytes:
        if self._at < 0:
            self._at = 0
            return HEAD
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                more = file.read(size)
        except FileNotFoundError:  # not begun yet, or superseded
            return b""
        self._at += len(more)
        return more


@contextmanager
def reading(path: Path, options: Options | None = None) -> Iterator[Reader]:
    """Have a file read, a shapefile's other parts with it. What the child left goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="kutim-data-") as name:
        reader = Reader(Path(name), path, options or Options())
        try:
            yield reader
        finally:
            reader.close()


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


def _start_child(folder: Path) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in CHILD_PATHS if name in os.environ}
    environment |= limits.ENVIRONMENT | {"TMPDIR": str(folder), "HOME": str(folder)}
    with (folder / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "layers.reading"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )


def _last_words(path: Path) -> str:
    return path.read_bytes()[-2_000:].decode("utf-8", "replace")


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
        "coast": [
            {"kecamatan": piece.kecamatan.name, "outline": piece.geom.hex.decode()}
            for piece in CoastPiece.objects.filter(edition=edition).select_related("kecamatan")
        ],
    }
