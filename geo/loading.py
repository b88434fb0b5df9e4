"""Load boundary files: read, match, normalise, check, store, preview; nothing is kept unless asked to commit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.formats import number_format
from django.utils.text import slugify
from django.utils.translation import gettext as _

from geo import checks, definition, normalise
from geo.editions import Description, activate_edition, preview_edition, store_edition
from geo.errors import BoundariesRefused
from geo.matching import match
from geo.models import BoundaryEdition, KecamatanBoundary
from geo.reading import read_table

Outlines = dict[str, shapely.MultiPolygon]
Say = Callable[[str], Any]


@dataclass(frozen=True)
class Options:
    """How to read the files, where they do not tell it themselves."""

    columns: Mapping[str, str] = field(default_factory=dict)
    layer: str | None = None
    crs: str | None = None


@dataclass(frozen=True)
class Sources:
    """What to load: a file (of kecamatan or desa), perhaps a desa file with it, and what the edition is called."""

    file: Path
    desa: Path | None
    description: Description
    options: Options
    desa_options: Options


def sources(
    file: Path, *, desa: Path | None = None, options: Options | None = None, overrides: Mapping[str, Any] | None = None
) -> Sources:
    """Return what to load: from the definition.toml beside the file, if it names the file, and the options given.

    `file` may also be the folder or the definition itself. `overrides` are fields of Description that win.
    """
    options = options or Options()
    declared, desa_options = None, options
    path = file / "definition.toml" if file.is_dir() else file
    beside = path if path.name == "definition.toml" else path.with_name("definition.toml")
    if beside.is_file():
        defined = definition.read(beside)
        levels = [level for level in (defined.kecamatan, defined.desa) if level]
        if path == beside or any(level.file == path for level in levels):
            declared = defined.description
            main = next((level for level in levels if level.file == path), levels[0] if levels else None)
            if main is None:
                raise BoundariesRefused([_("%(file)s names no file.") % {"file": beside}])
            path = main.file
            options = replace(options, columns={**main.columns, **options.columns}, layer=options.layer or main.layer)
            if desa is None and defined.desa and main is not defined.desa:
                desa = defined.desa.file
                desa_options = Options(columns=defined.desa.columns, layer=defined.desa.layer, crs=options.crs)
    description = declared or Description(
        slug=slugify(path.stem),
        name=path.stem,
        kind="indicative",
        source=path.name,
        licence=_not_stated(),
    )
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    return Sources(path, desa, replace(description, **given), options, desa_options)


def _not_stated() -> str:
    """What is stored speaks the site's language, whatever the command speaks."""
    with translation.override(settings.LANGUAGE_CODE):
        return _("not stated")


def load(what: Sources, *, commit: bool, activate: bool = False, say: Say = print) -> BoundaryEdition:
    """Load an edition and say, step by step, what is read, assumed, found and changed.

    Without `commit` everything is done, previewed and taken back. Raise BoundariesRefused with every reason.
    """
    schematic = what.description.kind == "schematic"
    outlines, level = read_outlines(what.file, what.options, say, schematic=schematic)
    desa: Outlines | None = None
    if level == "desa":
        desa, outlines = outlines, _joined(outlines)
        say(_("The file holds desa: the outlines of the kecamatan are joined from them."))
    elif what.desa:
        desa, desa_level = read_outlines(what.desa, what.desa_options, say, schematic=schematic)
        if desa_level != "desa":
            raise BoundariesRefused([_("%(file)s holds kecamatan, not desa.") % {"file": what.desa.name}])
        for note in _strays(desa, outlines):
            say(note)
    else:
        say(_("No desa outlines: places will be given their kecamatan only. Add them with --desa FILE."))
    with transaction.atomic():
        edition = store_edition(description=what.description, kecamatan=outlines, desa=desa)
        say(_moved(outlines))
        for sentence in preview_edition(edition=edition):
            say(sentence)
        if activate:
            activate_edition(edition=edition)
        if not commit:
            transaction.set_rollback(True)
    return edition


def read_outlines(file: Path, options: Options, say: Say, *, schematic: bool = False) -> tuple[Outlines, str]:
    """Return the checked outlines of a file by code, and its level ("kecamatan" or "desa").

    Raise BoundariesRefused with every reason that can be told at once.
    """
    say(_("Reading %(file)s ...") % {"file": file.name})
    table = read_table(file, layer=options.layer, crs=options.crs)
    matched = match(table, options.columns)
    for note in [*table.notes, *matched.notes]:
        say(note)
    say(
        _("%(count)d features, level %(level)s, coordinate system %(crs)s. Checking ...")
        % {"count": len(table), "level": matched.level, "crs": table.crs if len(table.crs) < 40 else "WKT"}
    )
    _refuse(checks.check_codes(matched), checks.check_kinds(table.geometries, matched.given), say=say)
    geometries, repairs = normalised(table.geometries, table.crs, matched.given)
    _refuse(checks.check_place(geometries), checks.check_repairs(repairs, matched.given), say=say)
    outlines = {str(code): geometry for code, geometry in zip(matched.codes, geometries, strict=True)}
    _refuse(
        checks.check_coverage(outlines, matched.level),
        checks.check_areas(outlines, matched.level, schematic=schematic),
        say=say,
    )
    return outlines, matched.level


def normalised(geometries: Any, crs: str, given: Sequence[str]) -> tuple[Any, list[normalise.Repair]]:
    """Return the outlines flat, in EPSG:4326, valid and multi; `given` names each feature in a refusal."""
    from pyproj.exceptions import ProjError

    try:
        flat = normalise.to_wgs84(normalise.drop_z(geometries), crs)
    except ProjError as error:
        raise BoundariesRefused(
            [
                _("The coordinate system %(crs)s cannot be used (%(error)s). Say another, such as --crs EPSG:32650.")
                % {"crs": crs[:60], "error": str(error)[:120]}
            ]
        ) from error
    if not np.isfinite(shapely.get_coordinates(flat)).all():
        reason = _("Some corners are not on earth in %(crs)s. Check --crs.") % {"crs": crs[:60]}
        raise BoundariesRefused([reason])
    valid, repairs = normalise.make_valid(flat)
    _refuse(checks.check_kinds(valid, given))
    return normalise.to_multi(valid), repairs


def _refuse(*findings: checks.Findings, say: Say | None = None) -> None:
    """Say the notes; raise BoundariesRefused with all reasons, if there are any."""
    for finding in findings:
        for note in finding.notes if say else []:
            say(note)  # type: ignore[misc]
    reasons = [reason for finding in findings for reason in finding.reasons]
    if reasons:
        raise BoundariesRefused(reasons)


def _joined(desa: Outlines) -> Outlines:
    """Return the kecamatan as unions of their desa."""
    parts: dict[str, list[shapely.MultiPolygon]] = {}
    for code, outline in sorted(desa.items()):
        parts.setdefault(code[:8], []).append(outline)
    joined = np.array([shapely.union_all(part) for part in parts.values()], dtype=object)
    return dict(zip(parts, normalise.to_multi(joined), strict=True))


def _strays(desa: Outlines, kecamatan: Outlines) -> list[str]:
    """Say which desa lie partly outside of their kecamatan: there, look-ups name no desa."""
    stray = {}
    for code, outline in desa.items():
        outside = shapely.difference(outline, kecamatan[code[:8]])
        size = normalise.area_ha(normalise.only_areas(outside))
        if size >= checks.NOISE_HA:
            stray[code] = size
    if not stray:
        return []
    return [
        _("%(count)d desa lie partly outside of their kecamatan, %(ha)s ha in all; there, places get no desa.")
        % {"count": len(stray), "ha": checks.ha(sum(stray.values()))}
    ]


def _moved(outlines: Outlines) -> str:
    """Say how much of the land would change kecamatan against the edition in use."""
    current = {
        code: shapely.from_wkb(bytes(geometry.wkb))
        for code, geometry in KecamatanBoundary.objects.filter(edition__status="active").values_list(
            "kecamatan__code", "geom"
        )
    }
    if not current:
        return _("No boundaries are in use yet to compare with.")
    whole = sum(normalise.area_ha(outline) for outline in outlines.values())
    same = sum(
        normalise.area_ha(normalise.only_areas(shapely.intersection(outline, current[code])))
        for code, outline in outlines.items()
        if code in current
    )
    changed = max(whole - same, 0.0)
    return _(
        "Against the boundaries in use, %(ha)s ha (%(percent)s %%) would belong to another kecamatan or be new."
    ) % {
        "ha": checks.ha(changed),
        "percent": number_format(changed / whole * 100, decimal_pos=1),
    }
