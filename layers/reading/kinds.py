"""What a file is, told from its content; its name only helps where the content does not say."""

import re
from pathlib import Path
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from layers.reading.findings import Findings, Stopped

EXTENSIONS = {
    "zip": {".zip"},
    "kmz": {".kmz"},
    "xlsx": {".xlsx", ".xlsm"},
    "gpkg": {".gpkg"},
    "geojson": {".geojson", ".json"},
    "kml": {".kml"},
    "gpx": {".gpx"},
    "fgb": {".fgb"},
    "shp": {".shp"},
    "csv": {".csv", ".tsv", ".txt"},
}
NAMES = {
    "zip": "zip",
    "kmz": "KMZ",
    "xlsx": "XLSX (Excel)",
    "gpkg": "GeoPackage",
    "geojson": "GeoJSON",
    "kml": "KML",
    "gpx": "GPX",
    "fgb": "FlatGeobuf",
    "shp": "Shapefile",
    "csv": "CSV",
}
DATA_SUFFIXES = {suffix for suffixes in EXTENSIONS.values() for suffix in suffixes}
SIDECARS = {".shx", ".dbf", ".prj", ".cpg"}

# What people upload by mistake: how it begins, and the code of the sentence that tells what to do instead.
FOREIGN = (
    (b"%PDF", "is_pdf"),
    (b"\xff\xd8\xff", "is_picture"),
    (b"\x89PNG", "is_picture"),
    (b"II*\x00", "is_picture"),
    (b"MM\x00*", "is_picture"),
    (b"\xd0\xcf\x11\xe0", "is_old_office"),
    (b"Rar!", "is_other_archive"),
    (b"7z\xbc\xaf", "is_other_archive"),
    (b"\x1f\x8b", "is_other_archive"),
    (b"AC10", "is_drawing"),
    (b"AutoCAD Binary DXF", "is_drawing"),
    (b"!table", "is_mapinfo"),
)
DXF = re.compile(rb"\s*0\r?\n\s*SECTION\s")
MIF = re.compile(rb"version\s+\d+\s+(charset|delimiter|unique|index|coordsys|columns)\b", re.IGNORECASE)


def identify(path: Path, findings: Findings) -> str:
    """Return the kind of a file. Raise Stopped for what is empty, foreign or unknown."""
    with path.open("rb") as file:
        begin = file.read(4_096)
    if not begin.strip(b"\x00 \r\n\t"):
        raise Stopped("is_empty", file=path.name)
    for magic, code in FOREIGN:
        if begin.startswith(magic):
            raise Stopped(code, file=path.name)
    if DXF.match(begin):
        raise Stopped("is_drawing", file=path.name)
    if MIF.match(begin):
        raise Stopped("is_mapinfo", file=path.name)
    kind = _by_content(path, begin)
    if kind is None:
        raise Stopped("is_unknown", file=path.name)
    suffix = path.suffix.lower()
    if suffix not in EXTENSIONS[kind]:
        findings.tell("wrong_extension", file=path.name, kind=NAMES[kind])
    return kind


def _by_content(path: Path, begin: bytes) -> str | None:
    if begin.startswith(b"PK"):
        return _zip_kind(path)
    if begin.startswith(b"SQLite format 3\x00"):
        if begin[68:72] not in (b"GPKG", b"GP10", b"GP11") and path.suffix.lower() != ".gpkg":
            raise Stopped("is_sqlite", file=path.name)
        return "gpkg"
    if begin.startswith(b"fgb\x03"):
        return "fgb"
    if begin.startswith(b"\x00\x00\x27\x0a"):
        return "shp"
    text = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise Stopped("is_web_page", file=path.name)
    if text.startswith(b"{"):
        return "geojson"
    if text.startswith(b"<") or begin.startswith((b"\xff\xfe<", b"\xfe\xff\x00<")):
        return _xml_kind(path)
    suffix = path.suffix.lower()
    for kind in ("shp", "gpkg", "fgb", "geojson", "zip", "kmz", "xlsx", "kml", "gpx"):
        if suffix in EXTENSIONS[kind]:
            if kind == "geojson" and text.startswith(b"["):
                raise Stopped("is_other_json", file=path.name)
            if _is_text(begin) and kind == "geojson":
                raise Stopped("is_damaged", file=path.name)
            if not _is_text(begin):
                raise Stopped("is_damaged", file=path.name)
    if suffix in {".dbf", ".shx", ".prj", ".cpg"}:
        raise Stopped("is_sidecar", file=path.name)
    return "csv" if _is_text(begin) else None


def _is_text(begin: bytes) -> bool:
    if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    odd = sum(byte < 9 or 13 < byte < 32 for byte in begin)
    return odd == 0


def _zip_kind(path: Path) -> str:
    try:
        with ZipFile(path) as archive:
            names = {name.lower() for name in archive.namelist()}
    except (BadZipFile, OSError, NotImplementedError, EOFError, ValueError) as error:
        raise Stopped("zip_broken", file=path.name) from error
    if any(name.startswith("xl/workbook") for name in names):
        return "xlsx"
    if {"mimetype", "content.xml"} <= names or "word/document.xml" in names:
        raise Stopped("is_old_office", file=path.name)
    if any(name.endswith(".qgs") for name in names):
        raise Stopped("is_project", file=path.name)
    if any(name.endswith(".gdbtable") for name in names):
        raise Stopped("is_geodatabase", file=path.name)
    roots = {name for name in names if "/" not in name}
    if path.suffix.lower() == ".kmz" or "doc.kml" in roots:
        return "kmz"
    return "zip"


def _xml_kind(path: Path) -> str:
    """Return what an XML file is by its first element; refuse one that declares a document type (billion laughs)."""
    root: list[str] = []

    class Seen(Exception):
        """Ends the parsing."""

    def started(name: str, _attributes: object) -> None:
        root.append(name.rpartition(":")[2].lower())
        raise Seen

    def declared(*_parts: object) -> None:
        raise Stopped("xml_entities", file=path.name)

    parser = expat.ParserCreate()
    parser.StartElementHandler = started
    parser.StartDoctypeDeclHandler = declared
    parser.EntityDeclHandler = declared
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except Seen:
        pass
    except expat.ExpatError as error:
        raise Stopped("is_damaged", file=path.name) from error
    if root == ["kml"]:
        return "kml"
    if root == ["gpx"]:
        return "gpx"
    if root == ["html"]:
        raise Stopped("is_web_page", file=path.name)
    if root == ["qgis"]:
        raise Stopped("is_project", file=path.name)
    raise Stopped("is_other_xml", file=path.name, root=root[0] if root else "-")
