"""The regency as the request brings it: outlines to tell where data fall, and names and codes to join rows on."""

import difflib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

NEAR_DEGREES = 0.2  # 22 km around the regency's hull: coast, islands, and roads that leave it
INDONESIA = (94.0, -12.0, 142.0, 7.0)
SHARE_KNOWN = 0.6
ALIKE = 0.8  # of the letters of a name and one it may have been meant to be
NAMED = 3  # kecamatan that a sentence names
DIRECTIONS = (
    ("utara", "north"), ("timur laut", "north-east"), ("timur", "east"), ("tenggara", "south-east"),
    ("selatan", "south"), ("barat daya", "south-west"), ("barat", "west"), ("barat laut", "north-west"),
)  # fmt: skip
CODE = re.compile(r"[\d.\s-]{6,16}")
COMPARED = 200
"""Names with typing errors that are compared with all of ours to tell what a column is."""
TITLED_KECAMATAN = re.compile(r"kecamatan|\bkec\b")
TITLED_DESA = re.compile(r"desa|kelurahan|kampung|\bkel\b|\bds\b|village")


@dataclass(frozen=True)
class Place:
    """A kecamatan or a desa with its outline and a point inside (EPSG:4326)."""

    level: str
    code: str
    name: str
    kecamatan: str
    outline: Any
    point: Any


@dataclass
class Places:
    """All places, and the look-ups that rows are joined by."""

    kecamatan: list[Place] = field(default_factory=list)
    desa: list[Place] = field(default_factory=list)
    coast: list[tuple[str, Any]] = field(default_factory=list)
    """Pieces of the water along the coast, each with the name of its kecamatan (layers/coast.py)."""
    near: Any = None
    hull: Any = None
    by_code: dict[str, Place] = field(default_factory=dict)
    kecamatan_by_name: dict[str, Place] = field(default_factory=dict)
    desa_by_name: dict[str, list[Place]] = field(default_factory=dict)

    def share_near(self, lonlat: Any) -> float:
        """Return the share of points (n, 2) that fall in or near the regency; those that fall nowhere do not."""
        if not len(lonlat) or self.near is None:
            return 0.0
        finite = np.where(np.isfinite(lonlat), lonlat, 0)
        return float(np.count_nonzero(shapely.contains_xy(self.near, finite[:, 0], finite[:, 1])) / len(lonlat))

    def kecamatan_of(self, lonlat: Any) -> list[str | None]:
        """Return the name of the kecamatan around each point (n, 2), None outside."""
        return _names_around([(place.name, place.outline) for place in self.kecamatan], lonlat)

    def coast_of(self, lonlat: Any) -> list[str | None]:
        """Return the name of the kecamatan whose coastal water is around each point (n, 2), None outside."""
        return _names_around(self.coast, lonlat)

    def where(self, lonlat: Any) -> tuple[str, str]:
        """Say in both languages where points fall: in the kecamatan that hold the most, or how far from the regency."""
        finite = lonlat[np.isfinite(lonlat).all(axis=1)]
        if not len(finite):
            return "tidak ada di bumi", "nowhere on Earth"
        inside = Counter(name for name in self.kecamatan_of(finite) if name)
        if inside:
            names = [name for name, _n in inside.most_common()]
            some, more = ", ".join(names[:NAMED]), len(names) - NAMED
            return (
                f"di kecamatan {some}" + (f" dan {more} kecamatan lain" if more > 0 else ""),
                f"in kecamatan {some}" + (f" and {more} more" if more > 0 else ""),
            )
        lon, lat = np.median(finite, axis=0)
        if abs(lon) > 180 or abs(lat) > 90:
            return "tidak ada di bumi", "nowhere on Earth"
        if self.hull is None:
            return (
                f"di sekitar bujur {lon:.2f} lintang {lat:.2f}".replace(".", ","),
                f"near longitude {lon:.2f} latitude {lat:.2f}",
            )
        km, (towards_id, towards_en) = self._away(float(lon), float(lat))
        return (
            f"di luar Kutai Timur, {f'{km:,}'.replace(',', '.')} km ke arah {towards_id}",
            f"outside Kutai Timur, {km:,} km to the {towards_en}",
        )

    def _away(self, lon: float, lat: float) -> tuple[int, tuple[str, str]]:
        """Return how far (km, rounded) and in which direction a point lies from the regency."""
        nearest = shapely.get_coordinates(shapely.shortest_line(self.hull, shapely.Point(lon, lat)))[0]
        middle = shapely.get_coordinates(shapely.centroid(self.hull))[0]
        km = _km(nearest[0], nearest[1], lon, lat)
        east, north = (lon - middle[0]) * math.cos(math.radians((lat + middle[1]) / 2)), lat - middle[1]
        eighth = round(math.degrees(math.atan2(east, north)) / 45) % 8
        return max(1, round(km) if km < 100 else round(km / 10) * 10), DIRECTIONS[eighth]

    def find(self, value: str, level: str, kecamatan: str | None = None) -> Place | None:
        """Return the place with this code, or of this level with this name. Some kecamatan are called like a desa.

        A desa's name that several have needs its kecamatan's.
        """
        digits = re.sub(r"\D", "", value)
        if len(digits) >= 6 and re.fullmatch(r"[\d.\s-]+", value):
            return self.by_code.get(digits)
        if level == "desa":
            return self.find_desa(value, kecamatan)
        return self.kecamatan_by_name.get(name_key(value))

    def like(self, value: str, level: str) -> str:
        """Return the name of this level that a name was most likely meant to be, "" if none is like it."""
        named = (
            {key: found[0].name for key, found in self.desa_by_name.items()}
            if level == "desa"
            else {key: place.name for key, place in self.kecamatan_by_name.items()}
        )
        key = name_key(value)
        near = difflib.get_close_matches(key, named, n=1, cutoff=ALIKE)
        return named[near[0]] if near and near[0] != key else ""

    def kecamatan_like(self, value: str) -> Place | None:
        """Return the kecamatan that a name was most likely meant to be."""
        name = self.like(value, "kecamatan")
        return self.kecamatan_by_name.get(name_key(name)) if name else None

    def may_be_called(self, place: Place, value: str, level: str) -> bool:
        """Whether a name of this level can be the place's, or its kecamatan's; a name that none has can be any."""
        key = name_key(value)
        if level == "desa":
            named = self.desa_by_name.get(key, [])
            return not named or any(one.code == place.code for one in named)
        kecamatan = self.kecamatan_by_name.get(key)
        return kecamatan is None or name_key(kecamatan.name) == name_key(place.kecamatan)

    def find_desa(self, value: str, kecamatan: str | None = None) -> Place | None:
        """Return the desa of this name, if it is told apart from others of the name by its kecamatan."""
        found = self.desa_by_name.get(name_key(value), [])
        if kecamatan:
            found = [place for place in found if name_key(place.kecamatan) == name_key(kecamatan)] or (
                found if len(found) == 1 and name_key(kecamatan) not in self.kecamatan_by_name else []
            )
        return found[0] if len(found) == 1 else None


def read_places(path: Path | None) -> Places:
    """Read the request's table of places: kecamatan and desa with codes, names, outline and point (hex WKB)."""
    places = Places()
    if path is None:
        return places
    table = json.loads(path.read_text(encoding="utf-8"))
    for level in ("kecamatan", "desa"):
        for row in table[level]:
            outline = shapely.from_wkb(row["outline"]) if row.get("outline") else None
            point = shapely.from_wkb(row["point"]) if row.get("point") else shapely.point_on_surface(outline)
            if outline is not None:
                shapely.prepare(outline)
            place = Place(level, row["code"], row["name"], row.get("kecamatan", row["name"]), outline, point)
            for code in (row["code"], row.get("bps_code") or ""):
                if digits := re.sub(r"\D", "", code):
                    places.by_code[digits] = place
            if level == "kecamatan":
                places.kecamatan.append(place)
                for name in (row["name"], row.get("other_name") or ""):
                    if name:
                        places.kecamatan_by_name[name_key(name)] = place
            else:
                places.desa.append(place)
                places.desa_by_name.setdefault(name_key(row["name"]), []).append(place)
    places.coast = [(row["kecamatan"], shapely.from_wkb(row["outline"])) for row in table.get("coast", [])]
    outlines = [place.outline for place in places.kecamatan if place.outline is not None]
    if outlines:
        places.hull = shapely.convex_hull(shapely.GeometryCollection(outlines))
        places.near = shapely.buffer(places.hull, NEAR_DEGREES)
        shapely.prepare(places.near)
    return places


def _names_around(outlines: Iterable[tuple[str, Any]], lonlat: Any) -> list[str | None]:
    names: list[str | None] = [None] * len(lonlat)
    for name, outline in outlines:
        for row in np.flatnonzero(shapely.contains_xy(outline, lonlat[:, 0], lonlat[:, 1])):
            names[row] = name
    return names


def _km(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Return the distance of two points on a sphere of the Earth's mean radius (haversine)."""
    lon, lat, other_lon, other_lat = (math.radians(angle) for angle in (lon, lat, other_lon, other_lat))
    half = math.sin((other_lat - lat) / 2) ** 2
    half += math.cos(lat) * math.cos(other_lat) * math.sin((other_lon - lon) / 2) ** 2
    return 2 * 6_371.0088 * math.asin(math.sqrt(half))


def name_key(value: str) -> str:
    """Return a name for comparison: letters only, small, without the words for its kind."""
    value = re.sub(r"^\s*(kec(amatan)?|desa|ds|kel(urahan)?)\b\.?\s*", "", value.lower())
    return re.sub(r"[^a-z]", "", value)


def level_of(title: str, values: Iterable[str], places: Places) -> str:
    """Return whether a column holds desa or kecamatan: by its title, else by which of them more of its values are.

    A kecamatan's capital often has its name, so where all are both they are kecamatan.
    """
    if "kec" in title.lower():
        return "kecamatan"
    if TITLED_DESA.search(title.lower()):
        return "desa"
    given = list(values)
    found = [places.by_code.get(re.sub(r"\D", "", text)) for text in given if CODE.fullmatch(text)]
    levels = Counter(place.level for place in found if place)
    names = [name_key(text) for text in given]
    levels["desa"] += sum(name in places.desa_by_name for name in names)
    levels["kecamatan"] += sum(name in places.kecamatan_by_name for name in names)
    return "desa" if levels["desa"] > levels["kecamatan"] else "kecamatan"


def best_columns(
    names: Sequence[str], columns: Sequence[Sequence[Any]], places: Places
) -> tuple[str, str | None, str] | None:
    """Return (column to join on, column of the kecamatan that tells namesakes apart, level), or None.

    A column is known by its content: most of its values are codes or names of ours, or, if its title says what it
    holds, names like ours. Desa go before kecamatan, codes before names.
    """
    scored: list[tuple[float, str, str, str]] = []
    for name, values in zip(names, columns, strict=True):
        given = [str(value).strip() for value in values if value not in (None, "")]
        if not given:
            continue
        codes = [places.by_code.get(re.sub(r"\D", "", text)) for text in given if CODE.fullmatch(text)]
        scored += _scores(name, "code", codes, len(given))
        kinds = {text: places.kecamatan_by_name.get(name_key(text)) for text in dict.fromkeys(given)}
        if TITLED_KECAMATAN.search(name.lower()):  # typing errors: who wrote so is asked about each of them
            kinds |= {text: places.kecamatan_like(text) for text in _some(kinds)}
        scored += _scores(name, "kecamatan", (kinds[text] for text in given), len(given))
        known = {text: bool(places.desa_by_name.get(name_key(text))) for text in dict.fromkeys(given)}
        if TITLED_DESA.search(name.lower()):
            known |= {text: bool(places.like(text, "desa")) for text in _some(known)}
        desa = [known[text] for text in given]
        if sum(desa) >= SHARE_KNOWN * len(given) and level_of(name, given, places) == "desa":
            scored.append((sum(desa) / len(given), name, "name", "desa"))
    kecamatan = next((s[1] for s in sorted(scored, reverse=True) if s[2:] == ("kecamatan", "kecamatan")), None)
    for how, level in (("code", "desa"), ("name", "desa"), ("code", "kecamatan"), ("kecamatan", "kecamatan")):
        fitting = sorted((s for s in scored if s[2:] == (how, level)), key=lambda s: -s[0])
        if fitting:
            column = fitting[0][1]
            helps = kecamatan != column and level == "desa"
            return column, kecamatan if helps else None, level
    return None


def _some(found: Mapping[str, Any]) -> list[str]:
    """Return the texts of which nothing is known, no more than can be compared with all names."""
    return [text for text, known in found.items() if not known][:COMPARED]


def _scores(name: str, how: str, found: Iterable[Place | None], count: int) -> list[tuple[float, str, str, str]]:
    levels = Counter(place.level for place in found if place)
    if sum(levels.values()) < SHARE_KNOWN * count:
        return []
    level = levels.most_common(1)[0][0]
    return [(sum(levels.values()) / count, name, how, level)]
