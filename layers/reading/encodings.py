"""Which encoding text really is in: what a file declares is often missing or not true."""

import codecs
import re
from pathlib import Path

MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
HIGH = re.compile(rb"[\x80-\xff]")
SINGLE_BYTE = "CP1252"


def fits_utf8(data: bytes) -> bool | None:
    """Return whether bytes are UTF-8 (letters cut off at a field's end allowed); None when they are plain ASCII."""
    high = len(HIGH.findall(data))
    if not high:
        return None
    whole = sum(len(found) for found in MULTIBYTE.findall(data))
    return high - whole <= whole * 0.1


def text_encoding(path: Path) -> str:
    """Return the encoding of a text file: by its byte order mark, else UTF-8 if it is, else Windows-1252."""
    with path.open("rb") as file:
        begin = file.read(4)
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    if begin.startswith(codecs.BOM_UTF8):
        return "UTF-8-SIG"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return SINGLE_BYTE
    return "UTF-8"


def dbf_encoding(path: Path) -> tuple[str, str]:
    """Return the encoding of a shapefile's attributes and what its .cpg declares ("" for none).

    The bytes decide between UTF-8 and a single-byte encoding; which single-byte one, the .cpg may say.
    """
    declared = ""
    cpg = path.with_suffix(".cpg")
    if cpg.exists():
        declared = cpg.read_bytes()[:40].decode("ascii", "replace").strip()
    dbf = path.with_suffix(".dbf")
    utf8: bool | None = None
    if dbf.exists():
        with dbf.open("rb") as file:
            file.seek(int.from_bytes(file.read(10)[8:10], "little"))  # past the header, which is no text
            while chunk := file.read(1 << 22):
                answer = fits_utf8(chunk)
                utf8 = answer if utf8 is None else utf8 and answer is not False
    single = _python_name(declared)
    if utf8 is None:
        return (single or "UTF-8"), declared
    if utf8:
        return "UTF-8", declared
    return (single if single and single != "utf-8" else SINGLE_BYTE), declared


def is_same(one: str, other: str) -> bool:
    """Return whether two names mean one encoding."""
    return _python_name(one) == _python_name(other)


def _python_name(declared: str) -> str:
    name = declared.upper().replace("ANSI ", "CP").replace("OEM ", "CP")
    if name.isdigit():
        name = f"CP{name}" if not name.startswith("8859") else f"ISO8859-{name[4:]}"
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
