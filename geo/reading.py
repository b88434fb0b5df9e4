"""Open a boundary file as people have it: shapefile, zip, GeoPackage or GeoJSON, with or without .prj and .cpg.

Everything is read through pyogrio (its own GDAL), a file of known kind and size; what was assumed is said in `notes`.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import shapely
from django.utils.translation import gettext as _

from geo import facts
from geo.errors import BoundariesRefused

ZIP_FILES_MAX = 200
ZIP_BYTES_MAX = 300_000_000  # unpacked
FILE_BYTES_MAX = 300_000_000
FEATURES_MAX = 5_000
# What a file of this name must begin with. GDAL goes by content: a VRT called .geojson would open any file it names.
MAGIC = {".shp": b"\x00\x00\x27\x0a", ".gpkg": b"SQLite format 3\x00", ".geojson": b"{", ".json": b"{"}
SIDECARS = {".shx", ".dbf", ".prj", ".cpg"}
# What planners bring: degrees, UTM 50 north and south, DGN95 TM-3 zones 50.1 and 50.2, Web Mercator.
GUESSES = ("EPSG:4326", "EPSG:32650", "EPSG:32750", "EPSG:23837", "EPSG:23838", "EPSG:3857")
HALF_MOJIBAKE = ("Ã", "Â", "â€")


@dataclass
class Table:
    """A file as read: columns by name, outlines in the file's CRS, and what had to be assumed."""

    columns: dict[str, list[Any]]
    geometries: Any
    crs: str
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.geometries)


def read_table(path: Path, *, layer: str | None = None, crs: str | None = None) -> Table:
    """Read a file. Raise BoundariesRefused with the remedy for whatever cannot be read.

    `layer` chooses among several, `crs` (such as EPSG:32650) overrides what the file says of itself.
    """
    notes: list[str] = []
    with opened(path) as file:
        frame = _read(file, _layer(file, layer), notes)
    if not 0 < len(frame) <= FEATURES_MAX:
        raise BoundariesRefused(
            [
                _("The file holds %(count)d features; from 1 to %(limit)d are expected.")
                % {"count": len(frame), "limit": FEATURES_MAX}
            ]
        )
    declared = frame.crs.to_string() if frame.crs else None
    geometries = frame.geometry.to_numpy(dtype=object)
    if crs:
        notes.append(_("The coordinate system is taken from --crs: %(crs)s.") % {"crs": crs})
    else:
        crs = declared or _guess_crs(geometries, notes)
    columns = {str(name): frame[name].tolist() for name in frame.columns if name != frame.geometry.name}
    return Table(columns=columns, geometries=geometries, crs=crs, notes=notes)


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Give the data file: `path`, or for a zip its one data file, unpacked under limits and deleted afterwards."""
    if not path.is_file():
        raise BoundariesRefused([_("There is no file %(file)s.") % {"file": path}])
    if path.suffix.lower() == ".zip":
        with TemporaryDirectory(prefix="kutim-batas-") as folder:
            yield _checked(_unpack(path, Path(folder)))
    else:
        yield _checked(path)


def _checked(path: Path) -> Path:
    magic = MAGIC.get(path.suffix.lower())
    if magic is None:
        raise BoundariesRefused(
            [
                _("%(file)s is of no known kind. Use a shapefile (.shp or .zip), a GeoPackage or GeoJSON.")
                % {"file": path.name}
            ]
        )
    size = path.stat().st_size
    if size > FILE_BYTES_MAX:
        raise BoundariesRefused(
            [
                _("%(file)s has %(size)d MB; at most %(limit)d MB. Simplify it or export only these areas.")
                % {"file": path.name, "size": size // 1_000_000, "limit": FILE_BYTES_MAX // 1_000_000}
            ]
        )
    with path.open("rb") as file:
        begin = file.read(1_000)
    if not begin.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(magic) and not begin.startswith(magic):
        raise BoundariesRefused(
            [_("%(file)s is not what its name says. Export it again from your GIS.") % {"file": path.name}]
        )
    return path


def _unpack(path: Path, folder: Path) -> Path:
    """Unpack the files of known kinds, flat, and return the one data file among them."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _refuse_hostile(path, entries)
            room = ZIP_BYTES_MAX
            for entry in entries:
                name = PurePosixPath(entry.filename.replace("\\", "/")).name
                if name.startswith(".") or Path(name).suffix.lower() not in MAGIC.keys() | SIDECARS:
                    continue
                if (folder / name).exists():
                    raise BoundariesRefused(
                        [_("%(zip)s holds %(name)s twice. Zip one data set alone.") % {"zip": path.name, "name": name}]
                    )
                with archive.open(entry) as source, (folder / name).open("wb") as target:
                    while chunk := source.read(1 << 20):
                        room -= len(chunk)
                        if room < 0:
                            raise _too_large(path)
                        target.write(chunk)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BoundariesRefused(
            [
                _("%(zip)s cannot be unpacked (%(error)s). Zip the files again, without a password.")
                % {"zip": path.name, "error": error}
            ]
        ) from error
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in MAGIC)
    if len(found) != 1:
        raise BoundariesRefused(
            [
                _("%(zip)s must hold one shapefile, GeoPackage or GeoJSON; it holds %(count)d: %(names)s")
                % {"zip": path.name, "count": len(found), "names": ", ".join(file.name for file in found[:10]) or "-"}
            ]
        )
    return found[0]


def _refuse_hostile(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > ZIP_FILES_MAX:
        raise BoundariesRefused(
            [
                _("%(zip)s holds %(count)d files; at most %(limit)d are unpacked. Zip one data set alone.")
                % {"zip": path.name, "count": len(entries), "limit": ZIP_FILES_MAX}
            ]
        )
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/"))
        is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
        if parts.is_absolute() or ".." in parts.parts or ":" in entry.filename or is_link:
            raise BoundariesRefused(
                [
                    _("%(zip)s holds a file that points outside of it: %(name)s. Do not use this zip; ask for another.")
                    % {"zip": path.name, "name": entry.filename[:200]}
                ]
            )
    if sum(entry.file_size for entry in entries) > ZIP_BYTES_MAX:
        raise _too_large(path)


def _too_large(path: Path) -> BoundariesRefused:
    return BoundariesRefused(
        [
            _("%(zip)s unpacks to more than %(limit)d MB. Zip one data set alone, simplified if need be.")
            % {"zip": path.name, "limit": ZIP_BYTES_MAX // 1_000_000}
        ]
    )


def _layer(file: Path, wanted: str | None) -> str | None:
    import pyogrio

    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(file) if kind]
    except pyogrio.errors.DataSourceError as error:
        raise _unreadable(file, error) from error
    if wanted is not None and wanted not in layers:
        raise BoundariesRefused(
            [
                _("There is no layer %(layer)s in %(file)s. It has: %(names)s")
                % {"layer": wanted, "file": file.name, "names": ", ".join(layers)}
            ]
        )
    if wanted is None and len(layers) > 1:
        raise BoundariesRefused(
            [
                _("%(file)s has several layers: %(names)s. Choose one with --layer.")
                % {"file": file.name, "names": ", ".join(layers)}
            ]
        )
    return wanted or (layers[0] if layers else None)


def _read(file: Path, layer: str | None, notes: list[str]) -> Any:
    """Read a layer; the text in the encoding that the file declares, or, if that is a lie, in the one that fits."""
    import geopandas
    import pyogrio

    def attempt(encoding: str | None) -> Any:
        frame = pyogrio.read_dataframe(file, layer=layer, encoding=encoding)
        if not isinstance(frame, geopandas.GeoDataFrame):
            raise BoundariesRefused(
                [_("%(file)s holds a table without outlines. Export it with its geometry.") % {"file": file.name}]
            )
        return frame

    try:
        try:
            frame = attempt(None)
        except UnicodeDecodeError:
            notes.append(_("The text is not in the encoding that the file declares; it was read as Windows-1252."))
            return attempt("CP1252")
        if file.suffix.lower() == ".shp" and _is_mojibake(frame):
            try:
                frame = attempt("UTF-8")
            except UnicodeDecodeError:
                return frame
            notes.append(_("The text is not in the encoding that the file declares; it was read as UTF-8."))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
        raise _unreadable(file, error) from error
    except shapely.errors.GEOSException as error:
        raise _unreadable(file, error) from error
    return frame


def _unreadable(file: Path, error: Exception) -> BoundariesRefused:
    missing = [
        suffix
        for suffix in (".shx", ".dbf")
        if file.suffix.lower() == ".shp"
        and not any(file.with_suffix(variant).exists() for variant in (suffix, suffix.upper()))
    ]
    if missing:
        return BoundariesRefused(
            [
                _("The shapefile %(file)s lacks %(missing)s. Send all its files together, best as one zip.")
                % {"file": file.name, "missing": ", ".join(missing)}
            ]
        )
    return BoundariesRefused(
        [
            _("%(file)s cannot be read (%(error)s). Export it again from your GIS.")
            % {"file": file.name, "error": str(error).replace(str(file.parent), "")[:200]}
        ]
    )


def _is_mojibake(frame: Any) -> bool:
    return any(
        mark in value
        for name in frame.columns
        if name != frame.geometry.name
        for value in frame[name]
        if isinstance(value, str)
        for mark in HALF_MOJIBAKE
    )


def _guess_crs(geometries: Any, notes: list[str]) -> str:
    """Return the one CRS in which the data falls on the regency, and say so; refuse if none or several do."""
    from geo.normalise import to_wgs84

    box = shapely.box(*shapely.total_bounds(geometries))
    target = shapely.box(*facts.outline().bounds)
    fitting = []
    for crs in GUESSES:
        where = to_wgs84(box, crs)
        if where.is_valid and where.intersection(target).area > 0.5 * shapely.union(where, target).area:
            fitting.append(crs)
    if len(fitting) != 1:
        raise BoundariesRefused(
            [
                _(
                    "The file does not say its coordinate system (no .prj), and it cannot be told from where the data "
                    "falls: %(found)s. Say it, such as --crs EPSG:32650."
                )
                % {"found": ", ".join(fitting) or _("no usual one fits Kutai Timur")}
            ]
        )
    notes.append(
        _("The file does not say its coordinate system (no .prj). In %(crs)s it falls on Kutai Timur: so it is read.")
        % {"crs": fitting[0]}
    )
    return fitting[0]
