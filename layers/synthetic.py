"""Synthetic layers for demonstrations, benchmarks and tests: parcels, roads, schools, health posts.

Everything is labelled: the layer is marked synthetic, its title ends in "(sintetis)", each row has `sintetis` true. The
same seed, count and desa give the same rows. Nothing here says where anything really is.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Agency
from geo.models import Desa
from layers.models import Layer, LayerVersion
from layers.reading.geometry import by_place
from layers.versions import Loaded, publish, store_version

M_PER_DEGREE = 111_320.0  # at 0 to 2 degrees north both ways, within 0.1 %
SPREAD_M = 3_000.0
CHUNK = 20_000
LAND_USES = ("permukiman", "kebun", "sawah", "ladang", "hutan rakyat", "tambak")
SURFACES = ("aspal", "beton", "kerikil", "tanah")
CONDITIONS = ("baik", "sedang", "rusak ringan", "rusak berat")
LEVELS = ("SD", "SMP", "SMA", "SMK")


@dataclass(frozen=True)
class Kind:
    """A synthetic layer: whose, what about, how many rows for each parcel, and how its rows are made."""

    slug: str
    title: str
    abstract: str
    agency: str
    theme: str
    share: float
    geometry: str
    fields: tuple[tuple[str, str], ...]
    make: Callable[["Places", int], tuple[Any, list[dict[str, Any]]]]


class Places:
    """Random places around the desa, from one seeded source."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.desa = list(Desa.objects.order_by("code").values_list("name", "kecamatan__name", "point"))
        self.points = np.array([point.coords for _name, _kecamatan, point in self.desa])
        self.made = 0

    def some(self, count: int) -> tuple[Any, list[dict[str, Any]]]:
        """Return `count` places (lon, lat) with their number, desa and kecamatan."""
        which = self.random.integers(0, len(self.desa), count)
        lonlat = self.points[which] + self.random.normal(0, SPREAD_M / M_PER_DEGREE, (count, 2))
        first = self.made
        self.made += count
        about = [
            {"desa": self.desa[index][0], "kecamatan": self.desa[index][1], "sintetis": True}
            for index in which.tolist()
        ]
        for number, row in enumerate(about, start=first + 1):
            row["nomor"] = number
        return lonlat, about

    def pick(self, values: tuple[str, ...], count: int) -> list[str]:
        """Return `count` of the values, the first ones more often."""
        weights = 1 / np.arange(1, len(values) + 1)
        return [values[index] for index in self.random.choice(len(values), count, p=weights / weights.sum()).tolist()]


def _parcels(places: Places, count: int) -> tuple[Any, list[dict[str, Any]]]:
    lonlat, about = places.some(count)
    sides = places.random.uniform(8, 60, (count, 2)) / M_PER_DEGREE
    angles = places.random.uniform(0, np.pi / 2, count)
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)])
    flat = corners[None, :, :] * sides[:, None, :]
    turn = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], axis=1).reshape(-1, 2, 2)
    shapes = shapely.multipolygons(
        shapely.polygons(np.einsum("nij,nkj->nki", turn, flat) + lonlat[:, None, :])[:, None]
    )
    areas = np.round(sides.prod(axis=1) * M_PER_DEGREE**2, 1).tolist()
    for row, use, area in zip(about, places.pick(LAND_USES, count), areas, strict=True):
        row |= {"kode": f"S-{row['nomor']:07d}", "penggunaan": use, "luas_m2": area}
    return shapes, about


def _roads(places: Places, count: int) -> tuple[Any, list[dict[str, Any]]]:
    lonlat, about = places.some(count)
    steps = places.random.normal(0, 120 / M_PER_DEGREE, (count, 8, 2)) + places.random.normal(
        0, 80 / M_PER_DEGREE, (count, 1, 2)
    )
    lines = np.cumsum(steps, axis=1) + lonlat[:, None, :]
    lengths = np.round(np.hypot(*np.moveaxis(np.diff(lines, axis=1), 2, 0)).sum(axis=1) * M_PER_DEGREE, 1).tolist()
    surfaces, conditions = places.pick(SURFACES, count), places.pick(CONDITIONS, count)
    for row, surface, condition, length in zip(about, surfaces, conditions, lengths, strict=True):
        row |= {
            "nama": f"Jalan Contoh {row['nomor']}",
            "permukaan": surface,
            "kondisi": condition,
            "panjang_m": length,
        }
    return shapely.multilinestrings(shapely.linestrings(lines)[:, None]), about


def _schools(places: Places, count: int) -> tuple[Any, list[dict[str, Any]]]:
    lonlat, about = places.some(count)
    pupils = places.random.integers(40, 700, count).tolist()
    for row, level, number in zip(about, places.pick(LEVELS, count), pupils, strict=True):
        row |= {"nama": f"{level} Contoh {row['nomor']} {row['desa']}", "jenjang": level, "murid": number}
    return shapely.points(lonlat), about


def _health_posts(places: Places, count: int) -> tuple[Any, list[dict[str, Any]]]:
    lonlat, about = places.some(count)
    visits = places.random.integers(10, 300, count).tolist()
    for row, number in zip(about, visits, strict=True):
        row |= {"nama": f"Posyandu Contoh {row['nomor']} {row['desa']}", "kunjungan": number}
    return shapely.points(lonlat), about


BASE = (("nomor", "integer"), ("desa", "text"), ("kecamatan", "text"), ("sintetis", "boolean"))
KINDS = (
    Kind(
        "sintetis-bidang", "Bidang tanah", "Bidang tanah buatan.", "Dispertaru", "bangunan", 1, "MultiPolygon",
        (("kode", "code"), ("penggunaan", "text"), ("luas_m2", "number")), _parcels,
    ),
    Kind(
        "sintetis-jalan", "Jalan", "Ruas jalan buatan.", "DPU/PUPR", "transportasi", 0.5, "MultiLineString",
        (("nama", "text"), ("permukaan", "text"), ("kondisi", "text"), ("panjang_m", "number")), _roads,
    ),
    Kind(
        "sintetis-sekolah", "Sekolah", "Sekolah buatan.", "Disdikbud", "sosial", 0.02, "Point",
        (("nama", "text"), ("jenjang", "text"), ("murid", "integer")), _schools,
    ),
    Kind(
        "sintetis-posyandu", "Posyandu", "Posyandu buatan.", "Dinkes", "sosial", 0.02, "Point",
        (("nama", "text"), ("kunjungan", "integer")), _health_posts,
    ),
)  # fmt: skip


def make_layers(*, count: int, seed: int) -> list[LayerVersion]:
    """Store and publish the four synthetic layers with `count` parcels, half as many roads, a fiftieth of each other.

    Layers that are there get a new version. Raise LookupError without areas or agencies.
    """
    if not Desa.objects.exists():
        raise LookupError(_("The synthetic layers need the areas and the agencies: run manage.py seed first."))
    return [_make(kind, max(1, round(count * kind.share)), seed + number) for number, kind in enumerate(KINDS)]


def has_layers() -> bool:
    """Whether all the synthetic layers are there already, published or taken back."""
    return Layer.objects.filter(slug__in=[kind.slug for kind in KINDS]).count() == len(KINDS)


@transaction.atomic
def _make(kind: Kind, count: int, seed: int) -> LayerVersion:
    layer = Layer.objects.filter(slug=kind.slug).first()
    if layer is None:
        layer = Layer.objects.create(
            slug=kind.slug,
            agency=_agency(kind.agency),
            title_id=f"{kind.title} (sintetis)",
            abstract_id=f"{kind.abstract} Tidak ada yang nyata di dalamnya: untuk uji dan peragaan.",
            theme=kind.theme,
            licence="CC0 1.0",
            access="public",
            synthetic=True,
            keywords=["sintetis"],
            lineage=f"Dibuat oleh manage.py make_layers, seed {seed}.",
            fields=[
                {"name": name, "title": name, "type": type_, "description": "", "hidden": False, "personal": False}
                for name, type_ in kind.fields + BASE
            ],
        )
    with tempfile.TemporaryDirectory(prefix="kutim-sintetis-") as folder:
        rows = Path(folder) / "rows.copy"
        digest = _write(kind, count, seed, rows)
        loaded = Loaded(
            geometry_type=kind.geometry,
            source_name=f"sintetis, seed {seed}",
            source_sha256=digest,
            source_crs="EPSG:4326 WGS 84",
        )
        with rows.open(encoding="utf-8") as file:
            version = store_version(layer=layer, by=None, loaded=loaded, rows=file)
    publish(version=version, by=None)
    return version


def _write(kind: Kind, count: int, seed: int, target: Path) -> str:
    """Write COPY text, neighbours together as an import does, and return its SHA-256."""
    places, digest = Places(seed), hashlib.sha256()
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with target.open("w", encoding="utf-8", newline="\n") as out:
        for first in range(0, count, CHUNK):
            shapes, about = kind.make(places, min(CHUNK, count - first))
            texts = shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True)
            for index in by_place(shapes).tolist():
                line = f"{first + index + 1}\t{texts[index]}\t{encode(about[index])}\n".replace("\\", "\\\\")
                digest.update(line.encode())
                out.write(line)
    return digest.hexdigest()


def _agency(short_name: str) -> Agency:
    agency = Agency.objects.filter(short_name=short_name).first()
    if agency is None:
        raise LookupError(_("The synthetic layers need the areas and the agencies: run manage.py seed first."))
    return agency
