"""Zips: looked at before they are unpacked, unpacked flat into the private folder, under limits."""

from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from layers.reading import limits
from layers.reading.findings import Findings, Stopped
from layers.reading.kinds import DATA_SUFFIXES, SIDECARS


def unpack(
    path: Path, folder: Path, findings: Findings, *, depth: int = 0, room: list[int] | None = None
) -> list[Path]:
    """Unpack the data files of a zip into `folder` and return the main ones (a shapefile's parts count as its .shp).

    A zip inside is opened one level deep. `room` is the number of bytes left, shared between levels. Raise Stopped.
    """
    room = [limits.ZIP_BYTES] if room is None else room
    folder.mkdir()
    inner: list[Path] = []
    try:
        with ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            check(path, entries)
            for entry in entries:
                name = PurePosixPath(entry.filename.replace("\\", "/"))
                suffix = name.suffix.lower()
                if name.name.startswith(".") or "__MACOSX" in name.parts or suffix not in DATA_SUFFIXES | SIDECARS:
                    continue
                target = folder / "__".join((*name.parts[:-1], name.stem))[-120:]
                target = target.with_name(target.name + suffix)
                if target.exists():
                    raise Stopped("zip_twice", file=path.name, name=name.name)
                _write(archive, entry, target, room, path)
                if suffix in {".zip", ".kmz"}:
                    inner.append(target)
    except (BadZipFile, LargeZipFile, NotImplementedError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise Stopped("zip_broken", file=path.name) from error
    found = sorted(file for file in folder.iterdir() if file.suffix in DATA_SUFFIXES and file not in inner)
    for number, nested in enumerate(inner):
        if depth:
            raise Stopped("zip_nested_deep", file=path.name)
        findings.tell("zip_nested", file=nested.name)
        found += unpack(nested, folder / f"{number}", findings, depth=depth + 1, room=room)
    if len(found) > 1:  # a read-me beside the data
        found = [file for file in found if file.suffix != ".txt"] or found
    if not found:
        lost = sorted(file.suffix for file in folder.iterdir() if file.suffix in SIDECARS)
        raise Stopped("shp_alone" if lost else "zip_without_data", file=path.name, parts=", ".join(lost) or "-")
    return found


def check(path: Path, entries: list[ZipInfo]) -> None:
    """Refuse a zip for what its table of contents says, before anything is unpacked. Raise Stopped."""
    if len(entries) > limits.ZIP_FILES:
        raise Stopped("zip_many", file=path.name, count=len(entries), limit=limits.ZIP_FILES)
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/"))
        is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
        if is_link:
            raise Stopped("zip_link", file=path.name, name=entry.filename)
        if parts.is_absolute() or ".." in parts.parts or ":" in entry.filename or "\x00" in entry.filename:
            raise Stopped("zip_outside", file=path.name, name=entry.filename)
        if entry.flag_bits & 0x1:
            raise Stopped("zip_password", file=path.name)
    size = sum(entry.file_size for entry in entries)
    if size > limits.ZIP_BYTES:
        raise Stopped("zip_large", file=path.name, size=size // 1_000_000, limit=limits.ZIP_BYTES // 1_000_000)


def _write(archive: ZipFile, entry: ZipInfo, target: Path, room: list[int], path: Path) -> None:
    with archive.open(entry) as source, target.open("xb") as out:
        while chunk := source.read(1 << 20):
            room[0] -= len(chunk)
            if room[0] < 0:
                limit = limits.ZIP_BYTES // 1_000_000
                raise Stopped("zip_large", file=path.name, size=limit, limit=limit)
            out.write(chunk)
