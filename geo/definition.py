"""Read `definition.toml`, the declaration beside a bundled boundary set: what it is, whence, which column is which."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from geo.editions import Description
from geo.errors import BoundariesRefused

KINDS = ("schematic", "indicative", "official")


@dataclass(frozen=True)
class Level:
    """One file of the set: kecamatan or desa. `columns`: ours to theirs, `code` and `name`."""

    file: Path
    columns: dict[str, str]
    layer: str | None = None


@dataclass(frozen=True)
class Definition:
    """A boundary set as it declares itself."""

    description: Description
    kecamatan: Level | None
    desa: Level | None


def read(path: Path) -> Definition:
    """Read a definition.toml. Raise BoundariesRefused with what is missing or wrong."""
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
        valid_from = data.get("valid_from")
        _expect(isinstance(valid_from, date | None), f"valid_from = {valid_from!r}")
        _expect(data["kind"] in KINDS, f"kind = {data['kind']!r}")
        return Definition(
            description=Description(
                slug=str(data["slug"]),
                name=str(data["name"]),
                kind=data["kind"],
                source=str(data["source"]),
                licence=str(data["licence"]),
                valid_from=valid_from,
            ),
            kecamatan=_level(path.parent, data.get("kecamatan")),
            desa=_level(path.parent, data.get("desa")),
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise BoundariesRefused(
            [
                _(
                    "%(file)s cannot be used (%(error)s). It needs slug, name, source, licence, a kind (schematic, "
                    "indicative or official), valid_from as a date, and [kecamatan] with file and columns."
                )
                % {"file": path.name, "error": str(error) or type(error).__name__}
            ]
        ) from error


def _level(folder: Path, data: dict[str, Any] | None) -> Level | None:
    if data is None:
        return None
    _expect(Path(data["file"]).name == data["file"], f"file = {data['file']!r}")
    return Level(
        file=folder / data["file"],
        columns={str(ours): str(theirs) for ours, theirs in data.get("columns", {}).items()},
        layer=data.get("layer"),
    )


def _expect(right: bool, given: str) -> None:
    if not right:
        raise ValueError(given)
