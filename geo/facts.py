"""The facts that the project carries itself, in `data/facts/`: names, codes, figures, points and a coarse outline."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import shapely
from django.conf import settings

FACTS_DIR: Path = settings.BASE_DIR / "data" / "facts"


@dataclass(frozen=True)
class KecamatanFact:
    """A kecamatan: `area_km2` as measured on indicative lines; `population` and whence, if known."""

    code: str
    bps_code: str
    name: str
    other_name: str
    seat: str
    desa_count: int
    area_km2: float
    population: int | None
    population_source: str


@dataclass(frozen=True)
class DesaFact:
    """A desa or kelurahan with a point inside it (EPSG:4326, 3 decimals)."""

    code: str
    name: str
    kind: str
    kecamatan_code: str
    area_km2: float
    lon: float
    lat: float


@cache
def kecamatan() -> tuple[KecamatanFact, ...]:
    """Return the 18 kecamatan, by code.

    Population is a statistic where one is known; else the estimate from polling-station counts, and the source says so.
    """
    facts = []
    for row in _rows("kecamatan.csv"):
        if row["penduduk"]:
            population, source = row["penduduk"], f"{row['penduduk_sumber']} ({row['penduduk_tahun']})"
        else:
            population = row["penduduk_perkiraan_2024_dari_tps"]
            source = "perkiraan dari jumlah TPS 2024, bukan statistik / estimate from polling stations, no statistic"
        facts.append(
            KecamatanFact(
                code=row["kode_kemendagri"],
                bps_code=row["kode_bps"],
                name=row["nama"],
                other_name=row["nama_lain"],
                seat=row["ibu_kota"],
                desa_count=int(row["jml_desa"]) + int(row["jml_kelurahan"]),
                area_km2=float(row["luas_km2_poligon"]),
                population=int(population) if population else None,
                population_source=source if population else "",
            )
        )
    return tuple(sorted(facts, key=lambda fact: fact.code))


@cache
def desa() -> tuple[DesaFact, ...]:
    """Return the 141 desa and kelurahan, by code."""
    return tuple(
        sorted(
            (
                DesaFact(
                    code=row["kode"],
                    name=row["nama"],
                    kind=row["jenis"],
                    kecamatan_code=row["kec_kode"],
                    area_km2=float(row["luas_km2"]),
                    lon=float(row["lon"]),
                    lat=float(row["lat"]),
                )
                for row in _rows("desa.csv")
            ),
            key=lambda fact: fact.code,
        )
    )


@cache
def outline() -> shapely.Polygon:
    """Return the regency's outline: 51 corners, rounded to 0.01 degree."""
    return _polygon("outline.csv")


SEAWARD_DEG = 0.25
"""How far out the sea zone reaches, 28 km: well beyond the coastal water that counts."""
LANDWARD_DEG = 0.1
"""How far inland of the coarse coast, 11 km, an edition's coast may lie."""
SEA_FROM_LAT = 0.25
"""Degrees north. South of it lies the city of Bontang (0.13 N), which the outline cannot tell from the sea."""


@cache
def sea() -> shapely.Polygon | shapely.MultiPolygon:
    """Return the zone in which what is not the regency is sea. Built from the outline alone; see docs/adr/0011.

    The coast is the outline's run from its easternmost corner to its last, clockwise: the sea lies on the left.
    """
    corners = list(outline().exterior.coords)
    east = max(range(len(corners)), key=lambda i: corners[i])
    coast = shapely.LineString(corners[east:])
    seaward = coast.buffer(SEAWARD_DEG, single_sided=True)
    landward = shapely.intersection(coast.buffer(LANDWARD_DEG, cap_style="flat"), outline())
    zone = shapely.union(seaward, landward)
    zone = shapely.intersection(zone, shapely.box(-180, SEA_FROM_LAT, 180, 90))
    shapely.prepare(zone)
    return zone


def _polygon(name: str) -> shapely.Polygon:
    polygon = shapely.Polygon([(float(row["lon"]), float(row["lat"])) for row in _rows(name)])
    shapely.prepare(polygon)
    return polygon


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (FACTS_DIR / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
