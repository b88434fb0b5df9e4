"""Find out which feature is which area: the level of a file, and each feature's Kemendagri code.

Columns are named differently by everybody (kode, KDCPUM, KDEPUM, WADMKC, kode_bps ...), so a column is known by its
content: the one whose values are codes, or else names, of our areas.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from geo import facts
from geo.errors import BoundariesRefused
from geo.reading import Table

SHARE_KNOWN = 0.5  # of a column's values that must be codes (or names) for the column to be one of codes (or names)
# Among equally good columns, one of these first; then the leftmost.
FAVOURED = ("kode", "kode_kemendagri", "kdepum", "kdcpum", "kode_bps", "nama", "namobj", "wadmkc", "wadmkd")


@dataclass(frozen=True)
class Match:
    """A file's features by area: `codes` in the order of rows (None: nothing that we know), as `given` in the file."""

    level: str
    codes: list[str | None]
    given: list[str]
    names: list[str] | None
    notes: list[str]


def match(table: Table, columns: Mapping[str, str]) -> Match:
    """Match features with areas. `columns` is ours = theirs (`kode`, `nama`); without it, content decides.

    Raise BoundariesRefused when a named column is not there, or none holds codes or names.
    """
    wanted = {{"kode": "code", "nama": "name"}.get(ours, ours): theirs for ours, theirs in columns.items()}
    for ours, theirs in wanted.items():
        if ours not in {"code", "name"} or theirs not in table.columns:
            raise BoundariesRefused(
                [
                    _("There is no column %(column)s (for %(ours)s). The file has: %(names)s")
                    % {"column": theirs, "ours": ours, "names": ", ".join(table.columns)}
                ]
            )
    known = known_codes()
    notes: list[str] = []
    column = wanted.get("code") or _best(table, known, code_key)
    if column is not None:
        key, index = code_key, known
    else:
        key, index = name_key, _known_names()
        column = wanted.get("name") or _best(table, index, name_key)
        if column is None:
            raise BoundariesRefused(
                [
                    _(
                        "No column holds codes such as 64.08.04 or names of kecamatan. Name it: --column kode=COLUMN. "
                        "The file has: %(names)s"
                    )
                    % {"names": ", ".join(table.columns)}
                ]
            )
        notes.append(_("No column holds codes: features are told by the names in %(column)s.") % {"column": column})
    given = [text(value) for value in table.columns[column]]
    codes = [index.get(key(value)) for value in given]
    if "code" not in wanted and key is code_key:
        notes.append(_("Codes are read from the column %(column)s.") % {"column": column})
    desa = sum(1 for code in codes if code and len(code) > 8)
    level = "desa" if desa > len(codes) / 2 else "kecamatan"
    name_column = wanted.get("name") or _best(table, _known_names(), name_key)
    names = [text(value) for value in table.columns[name_column]] if name_column and level == "kecamatan" else None
    return Match(level=level, codes=codes, given=given, names=names, notes=notes)


def known_codes() -> dict[str, str]:
    """Return our codes by what a file may write: Kemendagri's with or without dots, BPS' of kecamatan."""
    index = {code_key(fact.code): fact.code for fact in facts.desa()}
    for fact in facts.kecamatan():
        index[code_key(fact.code)] = index[code_key(fact.bps_code)] = fact.code
    return index


def text(value: Any) -> str:
    """Return a cell as text: numbers without decimals, nothing for nothing."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def code_key(value: str) -> str:
    """Return a code's digits, if it is a code (digits and dots)."""
    return value.replace(".", "") if re.fullmatch(r"[0-9.]{6,13}", value) else ""


def name_key(value: str) -> str:
    """Return a name for comparison: letters only, in lower case, without `Kecamatan`."""
    return re.sub(r"[^a-z]", "", re.sub(r"^kec(amatan|\.)?\s+", "", value.lower()))


def _known_names() -> dict[str, str]:
    index: dict[str, str] = {}
    for fact in facts.kecamatan():
        for name in (fact.name, fact.other_name):
            if name:
                index[name_key(name)] = fact.code
    return index


def _best(table: Table, index: Mapping[str, str], key: Any) -> str | None:
    """Return the column with the most different areas, if at least half of its values are areas."""
    best: tuple[int, int, int] | None = None
    chosen = None
    for position, (column, values) in enumerate(table.columns.items()):
        found = [code for value in values if (code := index.get(key(text(value))))]
        if len(found) < SHARE_KNOWN * len(values):
            continue
        lower = column.lower()
        favour = len(FAVOURED) - FAVOURED.index(lower) if lower in FAVOURED else 0
        score = (len(set(found)), favour, -position)
        if best is None or score > best:
            best, chosen = score, column
    return chosen
