"""The regencies next door: their outlines, so that a refusal can name the one a place is in."""

import re
from pathlib import Path

import numpy as np
import shapely
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from geo import checks, normalise
from geo.editions import to_geos
from geo.errors import BoundariesRefused
from geo.loading import Options, Say, normalised
from geo.matching import text
from geo.models import KecamatanBoundary, NeighbourBoundary
from geo.reading import Table, read_table
from geo.signals import neighbours_loaded

CODE_COLUMNS = ("kode", "kode_kemendagri", "kdpkab", "kab_kode", "kode_kab")
NAME_COLUMNS = ("nama", "kab_nama", "wadmkk", "namobj", "nama_kab")


@transaction.atomic
def load_neighbours(
    file: Path, *, options: Options, commit: bool, source: str | None = None, say: Say = print
) -> list[NeighbourBoundary]:
    """Load regencies next door by code (such as 64.03) and name; each replaces its former outline.

    Without `commit` everything is taken back. Raise BoundariesRefused with every reason.
    """
    say(_("Reading %(file)s ...") % {"file": file.name})
    table = read_table(file, layer=options.layer, crs=options.crs)
    codes = _column(table, "kode", options, CODE_COLUMNS)
    names = _column(table, "nama", options, NAME_COLUMNS)
    geometries, repairs = normalised(table.geometries, table.crs, codes)
    reasons = checks.check_kinds(geometries, codes).reasons
    reasons += checks.check_repairs(repairs, codes).reasons
    for row, code in enumerate(codes, start=1):
        if not re.fullmatch(r"[0-9]{2}\.[0-9]{2}", code) or codes.count(code) > 1 or code == settings.REGENCY_CODE:
            reasons.append(
                _("Feature %(row)d: “%(given)s” is no code of a regency next door (such as 64.03), or comes twice.")
                % {"row": row, "given": code[:40] or "-"}
            )
        elif not names[row - 1]:
            reasons.append(_("Feature %(row)d (%(given)s) has no name.") % {"row": row, "given": code})
    if reasons:
        raise BoundariesRefused(reasons)
    for note in table.notes:
        say(note)
    for line in _overlapping(names, geometries):
        say(line)
    stored = []
    for code, name, geometry in zip(codes, names, geometries, strict=True):
        neighbour, _made = NeighbourBoundary.objects.update_or_create(
            code=code,
            defaults={
                "name": name[:100],
                "source": source or file.name,
                "geom": to_geos(geometry),
            },
        )
        stored.append(neighbour)
        say(f"{code} {name}: {checks.ha(normalise.area_ha(geometry))} ha")
    if commit:
        neighbours_loaded.send(sender=NeighbourBoundary)
    else:
        transaction.set_rollback(True)
    return stored


def _column(table: Table, ours: str, options: Options, usual: tuple[str, ...]) -> list[str]:
    lower = {column.lower(): column for column in table.columns}
    column = options.columns.get(ours) or next((lower[name] for name in usual if name in lower), None)
    if column not in table.columns:
        raise BoundariesRefused(
            [
                _("No column holds %(ours)s. Name it: --column %(ours)s=COLUMN. The file has: %(names)s")
                % {"ours": ours, "names": ", ".join(table.columns)}
            ]
        )
    return [text(value) for value in table.columns[column]]


def _overlapping(names: list[str], geometries: np.ndarray) -> list[str]:
    """Say where a neighbour's outline reaches over the boundaries in use; there, the regency's own win."""
    outlines = KecamatanBoundary.objects.filter(edition__status="active").values_list("geom", flat=True)
    own = shapely.union_all([shapely.from_wkb(bytes(outline.wkb)) for outline in outlines])
    lines = []
    for name, geometry in zip(names, geometries, strict=True):
        size = normalise.area_ha(normalise.only_areas(shapely.intersection(own, geometry)))
        if size >= checks.NOISE_HA:
            lines.append(
                _("%(name)s reaches %(ha)s ha over the boundaries in use; there, the regency's own outlines win.")
                % {"name": name, "ha": checks.ha(size)}
            )
    return lines
