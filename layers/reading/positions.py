"""Where the rows of a table are: coordinates in columns (decimal, DMS, metres, one pair, WKT), or names to join on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from layers.reading.findings import ROWS_LISTED, Choice, Findings, Row, Stopped, list_row
from layers.reading.places import CODE, SHARE_KNOWN, Places, best_columns, level_of, name_key

LAT = re.compile(
    r"^(lat|latitude|lintang|garislintang|y|ycoord|coordy|koordinaty|koordy|ykoordinat|northing|utara|latdd|koordinatlintang|"
    r"lintangdd|titiky|ygps|pointy|gpsy|lats|ycoordinate|lintangls|lintanglu|koordinatlatitude|ym|ymeter)$"
)
LON = re.compile(
    r"^(lon|long|lng|longitude|bujur|garisbujur|x|xcoord|coordx|koordinatx|koordx|xkoordinat|easting|timur|londd|longdd|"
    r"koordinatbujur|bujurdd|titikx|xgps|pointx|gpsx|xcoordinate|bujurtimur|bujurbt|koordinatlongitude|xm|xmeter)$"
)
PAIR = re.compile(
    r"^(koordinat|koordinatgps|titikkoordinat|coordinate|coordinates|latlong|latlon|lonlat|longlat|gps|lokasi|titik)$"
)
BEFORE = re.compile(r"^(titik|koordinat|lokasi|letak|posisi)+(?=[a-z])")
"""Words before the name of an axis that say nothing of it: Titik Koordinat Lintang."""
AXES = {
    "lon": re.compile(r"bujur|longitude|\b(long?|lng|bt|bb)\b"),
    "lat": re.compile(r"lintang|latitude|\b(lat|lu|ls)\b"),
}
UNITS = (
    ("s", re.compile(r"\"|''|″|”|\b(detik|dtk|sec|seconds?|s)\b")),
    ("m", re.compile(r"'|′|’|\b(menit|mnt|min|minutes?|m)\b")),
    ("d", re.compile(r"[°º˚]|\b(derajat|der|deg|degrees?|d)\b")),
)
SOUTH = re.compile(r"lintang selatan|\b(ls|s)\b")
AMOUNT = re.compile(r"([+-]?)\s*(\d+(?:[.,]\d+)?)\D{0,3}")
"""A part of an angle alone in its cell, perhaps with its sign: 30'."""
WKT = re.compile(r"^\s*(MULTI)?(POINT|LINESTRING|POLYGON)\s*Z?M?\s*\(", re.IGNORECASE)
DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}([.,][0-9]{3})+")
DEGREES_MAX = 180
NUMBER = r"\d+(?:[.,]\d+)?"
ANGLE = re.compile(
    rf"^\s*(?P<before>[A-Z]{{1,2}})?\.?:?\s*(?P<sign>[+-])?\s*(?P<d>{NUMBER})\s*(?:°|D|\s|:|-|$)\s*"
    rf"(?:(?P<m>{NUMBER})\s*(?:'|M|:|\s|-)?\s*)?(?:(?P<s>{NUMBER})\s*(?:\"|''|S(?![A-Z]))?\s*)?(?P<after>[A-Z]{{1,2}})?\.?\s*$"
)
WORDS = tuple(
    (re.compile(words), sign)
    for words, sign in (
        (r"\bDERAJAT\b|\bDEG\b|(?<=\d)\s?O(?=\s?\d)", "°"),
        (r"\bMENIT\b", "'"),
        (r"\bDETIK\b|''", '"'),
        (r"\bL(INTANG|\.)\s*U(TARA\b|\.)", "LU"),
        (r"\bL(INTANG|\.)\s*S(ELATAN\b|\.)", "LS"),
        (r"\bB(UJUR|\.)\s*T(IMUR\b|\.)", "BT"),
        (r"\bB(UJUR|\.)\s*B(ARAT\b|\.)", "BB"),
    )
)
"""How signs of an angle are written in words, or with the letter o."""
HEMISPHERES = {
    "LU": ("lat", 1), "U": ("lat", 1), "N": ("lat", 1), "LS": ("lat", -1), "S": ("lat", -1),
    "BT": ("lon", 1), "T": ("lon", 1), "E": ("lon", 1), "BB": ("lon", -1), "B": ("lon", -1), "W": ("lon", -1),
}  # fmt: skip


@dataclass
class Positions:
    """How a table's rows get their geometry: `how` is xy, parts, pair, wkt or join; `degrees` when angles were read.

    Of `parts` the columns are degrees, minutes and seconds of the longitude, then the latitude, and the one that says
    LU or LS; "" stands for one that is not there. Of a join on codes `named` are the columns that name the same areas,
    or the kecamatan of the desa, each with the level of its names: the codes decide, but where they disagree is told.
    """

    how: str
    columns: tuple[str, ...]
    degrees: bool = False
    level: str = ""
    outlines: bool = False
    thousands: bool = False
    south: bool = False
    missing: int = 0
    missing_rows: list[Row] = field(default_factory=list)
    unread: int = 0
    unread_rows: list[Row] = field(default_factory=list)
    named: tuple[tuple[str, str], ...] = ()
    disagreeing: int = 0
    disagreeing_rows: list[Row] = field(default_factory=list)

    def forget(self) -> None:
        """Count anew: the rows are read again."""
        self.missing = self.unread = self.disagreeing = 0
        self.missing_rows, self.unread_rows, self.disagreeing_rows = [], [], []

    def geometries(self, table: Mapping[str, Sequence[Any]], rows: Sequence[int], places: Places) -> Any:
        """Return the geometry of each row, None where it has none; counts those that are missing or unreadable."""
        values = [table[column] if column else [None] * len(rows) for column in self.columns]
        made: list[Any] = []
        for row, *cells in zip(rows, *values, strict=True):
            # The kecamatan beside a desa only tells namesakes apart.
            if not self._is_told(cells):
                self.missing += 1
                list_row(self.missing_rows, Row(row))
                made.append(None)
                continue
            geometry = self._geometry(cells, places)
            if geometry is None:
                self.unread += 1
                if len(self.unread_rows) < ROWS_LISTED:  # to look for names takes a while
                    self.unread_rows.append(Row(row, *self._unread(cells, places)))
            made.append(geometry)
        if self.named:
            self._compare(table, rows, places)
        if self.how in {"xy", "parts", "pair"}:
            xy = np.array([point or (np.nan, np.nan) for point in made], dtype=float).reshape(-1, 2)
            return np.where(np.isnan(xy).any(axis=1), None, shapely.points(xy))
        return np.array(made, dtype=object)

    def _compare(self, table: Mapping[str, Sequence[Any]], rows: Sequence[int], places: Places) -> None:
        """Count the rows whose name is that of another area than their code. Names that nobody has say nothing."""
        names = [table[column] for column, _level in self.named]
        for row, code, *cells in zip(rows, table[self.columns[0]], *names, strict=True):
            place = None if code is None else places.find(_text(code), self.level)
            if place is None:
                continue
            for cell, (_column, level) in zip(cells, self.named, strict=True):
                if cell is not None and not places.may_be_called(place, _text(cell), level):
                    self.disagreeing += 1
                    given = f"{_text(cell)[:80]} / {_text(code)} ({place.name})"
                    list_row(self.disagreeing_rows, Row(row, given, given))
                    break

    def _is_told(self, cells: Sequence[Any]) -> bool:
        if self.how == "join":
            return cells[0] is not None
        if self.how == "parts":  # without minutes or seconds there are none
            return cells[0] is not None and cells[3] is not None
        return all(cell is not None for cell in cells)

    def _unread(self, cells: Sequence[Any], places: Places) -> tuple[str, str]:
        """Say in both languages what is in the cells, and which name may be meant."""
        given = " / ".join(str(cell) for cell in cells if cell is not None)[:80]
        meant = places.like(_text(cells[0]), self.level) if self.how == "join" else ""
        return (f"{given} (mungkin {meant}?)", f"{given} (perhaps {meant}?)") if meant else (given, given)

    def _geometry(self, cells: Sequence[Any], places: Places) -> Any:
        if self.how == "join":
            text = _text(cells[0])
            place = places.find(text, self.level, _text(cells[1]) if len(cells) > 1 else None)
            return place and (place.outline if self.outlines and place.outline is not None else place.point)
        if self.how == "wkt":
            try:
                return shapely.from_wkt(str(cells[0]))
            except shapely.errors.GEOSException:
                return None
        if self.how == "parts":
            lon, lat = _of_parts(cells[:3]), _of_parts(cells[3:6])
            if lon is None or lat is None:
                return None
            side = HEMISPHERES.get(str(cells[6]).strip().upper())
            return (lon, -lat if side == ("lat", -1) or (self.south and side is None) else lat) if lon or lat else None
        if self.how == "pair":
            pair = split_pair(cells[0])
            if pair is None:
                return None
            one, two = (read_number(part) for part in pair)
        else:
            one, two = (read_number(_grouped(cell) if self.thousands else cell) for cell in cells)
        if one is None or two is None:
            return None
        x, y = (one[0], two[0])
        if one[1] == "lat" or two[1] == "lon":
            x, y = y, x
        return (x, y) if x or y else None  # 0, 0 is how many write that they do not know


def detect(
    titles: Sequence[str],
    sample: Mapping[str, Sequence[Any]],
    given: Mapping[str, str],
    places: Places,
    findings: Findings,
) -> Positions:
    """Find out where the rows are. `given` names columns: lon and lat, or place (and kecamatan).

    Raise Stopped to ask.
    """
    for ours, theirs in given.items():
        if ours not in {"lon", "lat", "place", "kecamatan"} or theirs not in titles:
            raise Stopped("column_missing", column=theirs, names=", ".join(titles))
    if "lon" in given and "lat" in given:
        return _xy(given["lon"], given["lat"], sample, findings)
    if "place" in given:
        return _join((given["place"], given.get("kecamatan")), sample, places, findings)
    for title in titles:
        present = _present(sample[title])
        if present and sum(bool(WKT.match(str(value))) for value in present) >= 0.8 * len(present):
            findings.tell("position_wkt", column=title)
            return Positions("wkt", (title,))
    if parts := _parts(titles, sample):
        east, north = (", ".join(column for column in some if column) for some in (parts[:3], parts[3:]))
        findings.tell("position_columns", lon=east, lat=north)
        south = any(SOUTH.search(_spaced(column)) for column in parts[3:6])
        return Positions("parts", parts, degrees=True, south=south)
    lat = next((title for title in titles if LAT.match(_key(title)) and _numeric(sample[title])), None)
    lon = next((title for title in titles if LON.match(_key(title)) and _numeric(sample[title])), None)
    if lat and lon:
        return _xy(lon, lat, sample, findings)
    for title in titles:
        if PAIR.match(_key(title)) and _pairs(sample[title]):
            findings.tell("position_pair", column=title)
            return Positions("pair", (title,), degrees=_has_angles(sample[title]))
    if pair := _by_values(titles, sample):
        return _xy(*pair, sample, findings)
    for title in titles:
        if _pairs_by_values(sample[title]):
            findings.tell("position_pair", column=title)
            return Positions("pair", (title,), degrees=_has_angles(sample[title]))
    found = best_columns(titles, [_present(sample[title]) for title in titles], places)
    if found:
        return _join(found[:2], sample, places, findings, level=found[2])
    raise Stopped("position_ask", names=", ".join(titles), choices=[Choice(title, title, title) for title in titles])


def read_number(value: Any) -> tuple[float, str] | None:
    """Return a coordinate and the axis that it names ("lat", "lon" or ""): 117,5312 or 0°30'36"LU or 512.345,67."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return (float(value), "") if value == value else None
    text = str(value).strip().replace("\N{MINUS SIGN}", "-")
    if DECIMAL.fullmatch(text):  # nearly all; the ways below give the same
        return float(text), ""
    plain = re.fullmatch(r"([+-]?)\s*([\d.,\s]+?)\s*(?:m|meter|°)?", text)
    if plain and (number := _plain(plain[2])) is not None:
        return (-number if plain[1] == "-" else number), ""
    return _angle(text)


def _parts(titles: Sequence[str], sample: Mapping[str, Sequence[Any]]) -> tuple[str, ...] | None:
    """Return the columns that hold degrees, minutes and seconds of both axes, each in a column of its own.

    None without degrees and minutes of both. Seconds may be missing: "".
    """
    found: dict[tuple[str, str], str] = {}
    for title in titles:
        spaced = _spaced(title)
        axis = next((axis for axis, words in AXES.items() if words.search(spaced)), None)
        unit = next((unit for unit, words in UNITS if words.search(spaced)), None)
        if axis and unit and any(_amount(cell) is not None for cell in sample[title]):
            found.setdefault((axis, unit), title)
    if not all((axis, unit) in found for axis in AXES for unit in "dm"):
        return None
    sides = (title for title in titles if _says_side(_present(sample[title])))
    return (*(found.get((axis, unit), "") for axis in AXES for unit in "dms"), next(sides, ""))


def _says_side(values: Sequence[Any]) -> bool:
    sides = [HEMISPHERES.get(str(value).strip().upper()) for value in values]
    return bool(sides) and all(side is not None and side[0] == "lat" for side in sides)


def _of_parts(cells: Sequence[Any]) -> float | None:
    """Return an angle of which degrees, minutes and seconds stand in three cells; the degrees have the sign."""
    amounts = [0.0 if cell is None else _amount(cell) for cell in cells]
    degrees, minutes, seconds = amounts
    if degrees is None or minutes is None or seconds is None:
        return None
    if not (0 <= minutes < 60 and 0 <= seconds < 60.0001 and abs(degrees) <= DEGREES_MAX):
        return None
    angle = abs(degrees) + minutes / 60 + seconds / 3600
    return -angle if degrees < 0 or str(cells[0]).lstrip().startswith(("-", "\N{MINUS SIGN}")) else angle


def _amount(cell: Any) -> float | None:
    if isinstance(cell, bool) or cell is None:
        return None
    found = AMOUNT.fullmatch(str(cell).strip().replace("\N{MINUS SIGN}", "-"))
    return float(found[1] + found[2].replace(",", ".")) if found else None


def _spaced(title: str) -> str:
    """Return a column's title in small letters, its words apart."""
    return re.sub(r"[_.()\[\]/-]+", " ", title.lower())


def split_pair(value: Any) -> tuple[str, str] | None:
    """Return the two coordinates written in one cell: `0.5123, 117.53`, `0,5123; 117,53` or `0°30'LU 117°31'BT`."""
    text = re.sub(r"^[\[(]|[\])]$", "", str(value).strip())
    for pattern in (r"\s*[;|/]\s*", r"\s*,\s+", r"(?<=[A-Za-z])\s*,?\s+(?=[+-]?\d)", r"\s*,\s*", r"\s+"):
        parts = re.split(pattern, text)
        if len(parts) == 2 and all(read_number(part) for part in parts):
            return parts[0], parts[1]
    return None


def _plain(text: str) -> float | None:
    text = re.sub(r"\s", "", text)
    if "," in text and "." in text:
        decimal = "," if text.rfind(",") > text.rfind(".") else "."
        text = text.replace("." if decimal == "," else ",", "").replace(",", ".")
    elif text.count(",") == 1:
        text = text.replace(",", ".")
    else:
        text = text.replace(",", "") if "," in text else text.replace(".", "") if text.count(".") > 1 else text
    try:
        return float(text)
    except ValueError:
        return None


def _angle(text: str) -> tuple[float, str] | None:
    text = text.upper()
    for signs, sign in (("º˚ᵒ⁰", "°"), ("′’‘´`", "'"), ("″”“", '"')):
        text = re.sub(f"[{signs}]", sign, text)
    for words, sign in WORDS:
        text = words.sub(sign, text)
    found = ANGLE.match(text) or ANGLE.match(re.sub(r"([A-Z]{1,2})\.?\s*$", r" \1", text))
    if not found:
        return None
    letters = (found["before"] or found["after"] or "").strip()
    if letters and letters not in HEMISPHERES:
        return None
    axis, direction = HEMISPHERES.get(letters, ("", 1))
    degrees, minutes, seconds = (float((found[part] or "0").replace(",", ".")) for part in "dms")
    if minutes >= 60 or seconds >= 60.0001 or degrees > 180:
        return None
    value = degrees + minutes / 60 + seconds / 3600
    return (-value if (found["sign"] == "-") != (direction < 0) else value), axis


def _xy(lon: str, lat: str, sample: Mapping[str, Sequence[Any]], findings: Findings) -> Positions:
    findings.tell("position_columns", lon=lon, lat=lat)
    degrees = _has_angles(sample[lon]) or _has_angles(sample[lat])
    return Positions("xy", (lon, lat), degrees=degrees, thousands=_are_metres_by_thousands(sample[lon], sample[lat]))


def _are_metres_by_thousands(*axes: Sequence[Any]) -> bool:
    """Whether `557.130` and `55.209` mean 557130 and 55209: read as decimals, one of the axes is beyond all degrees."""
    read = [[(str(cell).strip(), pair[0]) for cell in axis if (pair := read_number(cell))] for axis in axes]
    if not all(THOUSANDS.fullmatch(text) or number.is_integer() for axis in read for text, number in axis):
        return False
    grouped = [[abs(number) for text, number in axis if THOUSANDS.fullmatch(text)] for axis in read]
    return any(axis and min(axis) > DEGREES_MAX for axis in grouped)


def _grouped(cell: Any) -> Any:
    return re.sub("[.,]", "", cell) if isinstance(cell, str) and THOUSANDS.fullmatch(cell.strip()) else cell


def _join(
    columns: tuple[str, str | None],
    sample: Mapping[str, Sequence[Any]],
    places: Places,
    findings: Findings,
    *,
    level: str = "",
) -> Positions:
    column, kecamatan = columns
    present = [_text(value) for value in _present(sample[column])]
    level = level or ("desa" if kecamatan else level_of(column, present, places))
    helpers = [_text(value) for value in sample[kecamatan]] if kecamatan else [None] * len(sample[column])
    known = sum(
        bool(places.find(_text(value), level, helper))
        for value, helper in zip(sample[column], helpers, strict=True)
        if value is not None
    )
    if not known:
        raise Stopped(
            "position_names_unknown",
            column=column,
            some=", ".join(dict.fromkeys(present[:3])),
            choices=[Choice(title, title, title) for title in sample],
        )
    # A row for each area shows the areas; several rows in one area are things in it, of which only the area is known.
    outlines = len(set(present)) == len(present)
    positions = Positions("join", (column, kecamatan) if kecamatan else (column,), True, level, outlines)
    if any(CODE.fullmatch(text) for text in present):
        positions.named = _names_beside(column, level, sample, places)
    findings.tell("position_join_outline" if outlines else "position_join_point", column=column, level=level)
    return positions


def _names_beside(
    column: str, level: str, sample: Mapping[str, Sequence[Any]], places: Places
) -> tuple[tuple[str, str], ...]:
    """Return the columns beside one of codes that are names of the same areas or of their kecamatan, with the level."""
    found = []
    for title in sample:
        given = [_text(value) for value in _present(sample[title])]
        of = level_of(title, given, places) if title != column and given else ""
        known = places.desa_by_name if of == "desa" else places.kecamatan_by_name
        is_named = sum(name_key(text) in known for text in given) >= SHARE_KNOWN * len(given)
        if of in {level, "kecamatan"} and is_named:
            found.append((title, of))
    return tuple(found)


def _by_values(titles: Sequence[str], sample: Mapping[str, Sequence[Any]]) -> tuple[str, str] | None:
    """Return the one pair of numeric columns (lon, lat) whose values fall on the regency, in degrees."""
    numbers = {}
    for title in titles:
        read = [read_number(value) for value in sample[title][:500] if value is not None]
        if read and all(read):
            numbers[title] = [pair[0] for pair in read if pair]
    lons = [t for t, v in numbers.items() if sum(map(_is_lon, v)) >= 0.9 * len(v)]
    lats = [t for t, v in numbers.items() if sum(_is_lat(x) and x != int(x) for x in v) >= 0.9 * len(v)]
    return (lons[0], lats[0]) if len(lons) == 1 and len(lats) == 1 else None


def _pairs_by_values(values: Sequence[Any]) -> bool:
    """Whether a column of texts holds pairs that fall on the regency, in degrees and either order."""
    present = [value for value in _present(values) if isinstance(value, str)][:500]
    pairs = [[read_number(part) for part in split_pair(value) or ()] for value in present]
    numbers = [[number[0] for number in pair if number] for pair in pairs]
    near = sum(len(pair) == 2 and _is_lat(min(pair)) and _is_lon(max(pair)) for pair in numbers)
    return bool(present) and near >= 0.9 * len(present)


def _is_lon(number: float) -> bool:
    return 115.5 < number < 119.5


def _is_lat(number: float) -> bool:
    return -0.5 < number < 2.5


def _numeric(values: Sequence[Any]) -> bool:
    present = _present(values)
    return bool(present) and sum(read_number(value) is not None for value in present) >= 0.5 * len(present)


def _pairs(values: Sequence[Any]) -> bool:
    present = _present(values)
    return bool(present) and sum(split_pair(value) is not None for value in present) >= 0.5 * len(present)


def _has_angles(values: Sequence[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str)]
    return any(re.search(r"[°º˚⁰'′\"]|\d\s*[A-Za-z]{1,2}\.?$", text) for text in texts[:200])


def _present(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def _key(title: str) -> str:
    return BEFORE.sub("", re.sub(r"\(.*?\)|[^a-z]", "", title.lower()))
