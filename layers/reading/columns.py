"""Columns: their names made safe, their types told from the values, personal data noticed, statistics counted.

Types are settled on the first batch and hold until a value contradicts them; then the file is read once more with that
column as text, so that the usual file is read once.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from layers.reading import limits
from layers.reading.findings import Findings

DISTINCT_COUNTED = 1_000
COMMON = 12
PERSONAL_SHARE, PERSONAL_SAMPLE, PERSONAL_LATER = 0.2, 2_000, 500

NIK = re.compile(r"[1-9]\d{5}(?:0[1-9]|[1-6]\d|7[01])(?:0[1-9]|1[0-2])\d{6}")  # region, birth day (+40), month, year
NIP = re.compile(  # birth year, month and day; year and month (PPPK: 21) of appointment; sex; number
    r"((?:19[3-9]|20[01])\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])((?:19[5-9]|20[0-4])\d)(?:0[1-9]|1[0-2]|21)[12]\d{3}"
)
NIP_AGES = range(15, 61)
"""The age in which an official can have been appointed: other codes of 18 figures hardly ever look so."""
PHONE = re.compile(r"(?:\+?62|0)8\d{7,11}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}")
PERSONAL_NAMES = re.compile(
    r"^(nik|no_?ktp|no_?kk|nokk|telp|telepon|no_?telp|no_?telepon|no_?hp|nomor_?hp|hp|email|e_mail|surel|npwp|"
    r"tgl_?lahir|tanggal_?lahir|nama_?ibu.*|no_?rekening|rekening)$"
)
NIP_NAMES = re.compile(r"^(nip(_.*)?|nip_?pppk|no_?nip|nomor_?nip)$")
CODE_NAMES = re.compile(
    r"^(?!(jumlah|jml|jlh|total|banyak|rata|persen|persentase)_)"
    r"(.*_)?((kode|code|nik|nip|npwp|nop|nib|telp|telepon|hp|npsn|id|(no|nomor)_?kk)(_|$)|pos$)|^kd"
)
"""Names of columns whose figures are codes. Jumlah KK counts households."""
INTEGER = re.compile(r"[+-]?\d{1,15}")
DOT_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?")
COMMA_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?")
THOUSANDS_ONLY = re.compile(r"[+-]?\d{1,3}(?:[.,]\d{3})+")
NOTHING = re.compile(
    r"(?:rp\.?\s*)?[-\u2013\u2014]{1,3}|\.{2,4}|\u2026|n/a|#n/a|#(?:div/0|value|ref|name\?|num|null)!?", re.IGNORECASE
)
"""What stands in a table of numbers or dates where there is none; a spreadsheet's errors, too."""
PERCENT = re.compile(r"([+-]?[\d.,]*\d)\s*%")
RUPIAH = re.compile(r"(-?)\s*rp\.?\s*(-?[\d.,]*\d)(?:,-|\.-)?", re.IGNORECASE)
WITH_UNIT = (("%", PERCENT), ("Rp", RUPIAH))
YEAR_PIVOT = 70
"""Years of two figures below this are of this century."""
AREA_CODE = re.compile(r"\d{2}\.\d{2}\.\d{2}(\.\d{4})?|64\.\d{2}")
CODE = re.compile(r"\d+(?:[.\-/]\d+)*")
DAY_AND_TIME = re.compile(r"(\d{1,2}[-/.]\d{1,2}[-/.]\d{4}),? (\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?: WITA)?")
MIDNIGHT = re.compile(r"[T ]0?0:00(?::00)?$")
SHORT_YEAR = re.compile(r"(\d{1,2}/\d{1,2})/(\d{2})")
"""Days with a year of two figures; with points or dashes they may be codes."""
MAY_MISS = {"integer", "number", "date", "datetime"}
ZONED = re.compile(r"[+-]\d{2}:\d{2}$")
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januari jan january", "februari feb february pebruari", "maret mar march", "april apr", "mei may",
            "juni jun june", "juli jul july", "agustus agu agt aug august ags", "september sep sept",
            "oktober okt oct october", "november nov nopember", "desember des dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
RESERVED = {"geometry", "geom", "bbox", "fid", "geom_3857", "search", "version_id"}

Parse = Callable[[Any], Any]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass
class Column:
    """A column of the file: its name there (`title`), the name it gets, its type and how values become it.

    `counts` are how often each value is there: None as soon as there are too many different ones. `mixed`: it is text
    because its cells are partly numbers or dates.
    """

    title: str
    name: str
    type: str
    parse: Parse | None = None
    personal: str = ""
    unit: str = ""
    """What stood beside each number, % or Rp."""
    short_years: bool = False
    nothing: int = 0
    """Of numbers and dates: how many cells hold a mark for none, such as a dash."""
    failed: bool = False
    mixed: bool = False
    values: int = 0
    cut: int = 0
    """How many texts are as long as they may be: what came behind is lost."""
    zoned: int = 0
    """Of times: how many say in which zone they are."""
    nulls: int = 0
    least: Any = None
    most: Any = None
    counts: Counter[Any] | None = field(default_factory=Counter)

    def convert(self, values: Sequence[Any]) -> list[Any]:
        """Return values as JSON can hold them; a value of another type sets `failed` and stays text."""
        if self.parse is None:
            return list(values)
        made: list[Any] = []
        for value in values:
            if value is None:
                made.append(None)
                continue
            try:
                made.append(self.parse(value))
            except ValueError:
                if self.type in MAY_MISS and is_nothing(value):
                    self.nothing += 1
                    made.append(None)
                    continue
                self.failed = True
                made.append(str(value))
        return made

    def count(self, values: Sequence[Any]) -> None:
        """Add converted values to the statistics."""
        present = [value for value in values if value is not None]
        self.nulls += len(values) - len(present)
        self.values += len(present)
        if self.type == "text":
            self.cut += sum(len(value) == limits.CELL_CHARACTERS for value in present)
        if self.type == "datetime":
            self.zoned += sum(bool(ZONED.search(value)) for value in present)
        if present and not self.failed and self.type in {"integer", "number", "date", "datetime"}:
            least, most = min(present), max(present)
            self.least = least if self.least is None else min(self.least, least)
            self.most = most if self.most is None else max(self.most, most)
        if self.counts is not None:
            self.counts.update(present)
            self.forget_many()

    def forget_many(self) -> None:
        """Stop counting the different values when there are too many."""
        if self.counts is not None and len(self.counts) > DISTINCT_COUNTED:
            self.counts = None

    def statistics(self) -> dict[str, Any]:
        """Return what is known of the values; of personal data nothing but how many there are.

        `distinct` is None when there are more than DISTINCT_COUNTED.
        """
        told: dict[str, Any] = {"count": self.values, "nulls": self.nulls}
        if self.personal:
            return told
        told["distinct"] = len(self.counts) if self.counts is not None else None
        if self.least is not None:
            told |= {"min": self.least, "max": self.most}
        if self.counts is not None:
            told["common"] = [[value, number] for value, number in self.counts.most_common(COMMON)]
        return told

    def dictionary(self) -> dict[str, Any]:
        """Return the entry for the layer's field dictionary; personal data begin hidden."""
        return {
            "name": self.name,
            "title": self.title if _names_unit(self.title, self.unit) else f"{self.title} ({self.unit})",
            "type": self.type,
            "description": "",
            "hidden": bool(self.personal),
            "personal": bool(self.personal),
        }


def as_json(value: Any) -> str:
    """Return a value as JSON."""
    return _encode(value)


def cleaned(value: Any) -> Any:
    """Return a value without what is no content: blanks around text, empty text, NaN, the NUL that JSON cannot keep."""
    if isinstance(value, str):
        value = value.strip()
        if "\x00" in value:
            value = value.replace("\x00", "")
        return value[: limits.CELL_CHARACTERS] or None
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, bytes):
        return None
    return value


def is_nothing(value: Any) -> bool:
    """Return whether a cell holds a mark that stands for no value."""
    return isinstance(value, str) and bool(NOTHING.fullmatch(value))


def _names_unit(title: str, unit: str) -> bool:
    words = {"%": ("%", "persen", "percent"), "Rp": ("rp", "rupiah", "idr")}.get(unit)
    return not words or any(word in title.lower() for word in words)


def is_plain_text(column: Column) -> bool:
    """Return whether the column's texts are kept as they are."""
    return column.parse in (_as_text, _code)


def as_kept(column: Column, value: Any) -> Any:
    """Return a number as the column keeps it: whole ones of a column of whole numbers without their `.0`."""
    return _whole(value) if column.parse is _whole and value is not None else value


def safe_names(titles: Iterable[str]) -> list[str]:
    """Return a name for each title that URLs, filters and databases can carry: small letters, figures and _; unique."""
    names: list[str] = []
    for number, title in enumerate(titles, start=1):
        name = re.sub(r"_+", "_", re.sub(r"[^a-z0-9]+", "_", title.lower())).strip("_")[:60] or f"kolom_{number}"
        if name in RESERVED or name[0].isdigit():
            name = f"k_{name}"
        unique, again = name, 2
        while unique in names:
            unique, again = f"{name}_{again}", again + 1
        names.append(unique)
    return names


def propose(titles: Sequence[str], samples: Sequence[Sequence[Any]], *, as_text: set[str], comma: bool) -> list[Column]:
    """Return the columns with the types that their samples show. `as_text` names those that a later value contradicted.

    `comma`: numbers are written with a decimal comma where that cannot be told from the values.
    """
    columns = []
    for title, name, sample in zip(titles, safe_names(titles), samples, strict=True):
        present = [value for value in sample if value is not None]
        if title in as_text:
            column = Column(title, name, "text", _as_text)
        else:
            column = _column(title, name, present, comma=comma)
            column.mixed = column.type == "text" and len({type(value) for value in present}) > 1
        column.personal = _personal(name, present)
        if column.personal in {"nik", "nip"} and column.type in {"integer", "number"}:
            column.type, column.parse = "code", _as_text
        columns.append(column)
    return columns


def tell_personal(columns: Iterable[Column], findings: Findings) -> None:
    """Warn of each column that holds personal data."""
    for column in columns:
        if column.personal:
            what = {
                "nik": ("NIK", "NIK (identity numbers)"),
                "nip": (
                    "NIP (nomor induk pegawai, yang memuat tanggal lahir)",
                    "NIP (numbers of officials, which hold their birth date)",
                ),
                "phone": ("nomor telepon", "phone numbers"),
                "email": ("alamat email", "e-mail addresses"),
                "name": ("data pribadi (menurut namanya)", "personal data (by its name)"),
            }[column.personal]
            findings.tell("personal", column=column.title, what=what)


def notice_personal(column: Column, values: Sequence[Any]) -> None:
    """Look for personal data among some values of a later batch, too."""
    if not column.personal:
        column.personal = _personal("", [value for value in values if value is not None])


def _column(title: str, name: str, present: Sequence[Any], *, comma: bool) -> Column:
    """Return the column that its values show; marks for none are no values where the others are numbers or dates."""
    told = [value for value in present if not is_nothing(value)]
    column = Column(title, name, *_type_of(name, told, comma))
    if column.type == "text" and told and all(isinstance(value, str) for value in told):
        _find_unit(column, told)
    if column.type == "text" and all(isinstance(value, str) and SHORT_YEAR.fullmatch(value) for value in told) and told:
        _find_short_years(column, told)
    if len(told) < len(present) and column.type not in MAY_MISS:
        return Column(title, name, *_type_of(name, present, comma))
    return column


def _find_unit(column: Column, told: Sequence[str]) -> None:
    for unit, pattern in WITH_UNIT:
        found = [pattern.fullmatch(text) for text in told]
        if all(found):
            bare = [_without_unit(text) for text in told]
            # 12,125% is no thousands; of rupiah a separator before two figures alone is left here.
            kind, parse = _number_style(bare, comma=unit == "Rp" or any("," in text for text in bare))
            if kind == "number" and parse is not None:
                column.type, column.unit, column.parse = kind, unit, _after_unit(unit, parse)


def _without_unit(text: str) -> str:
    """Return the number of a text with % or Rp; of whole rupiah without marks of thousands, which 1.250 alone hides."""
    if found := PERCENT.fullmatch(text):
        return found[1]
    found = RUPIAH.fullmatch(text)
    if not found:
        raise ValueError(text)
    number = found[1] + found[2]
    whole = re.sub(r"[.,]00$", "", number)
    return re.sub(r"[.,]", "", whole) if THOUSANDS_ONLY.fullmatch(whole) else whole


def _after_unit(unit: str, parse: Parse) -> Parse:
    pattern = dict(WITH_UNIT)[unit]

    def parsed(value: Any) -> Any:
        text = str(value)
        if not pattern.fullmatch(text):
            raise ValueError(text)
        return parse(_without_unit(text))

    return parsed


def _find_short_years(column: Column, told: Sequence[str]) -> None:
    for style in ("dmy", "mdy"):
        parser = _date_parser(style)

        def parse(value: Any, parser: Parse = parser) -> Any:
            found = SHORT_YEAR.fullmatch(str(value))
            if not found:
                raise ValueError(value)
            return parser(f"{found[1]}/{19 if int(found[2]) >= YEAR_PIVOT else 20}{found[2]}")

        if _all(parse, told):
            column.type, column.parse, column.short_years = "date", parse, True
            return


def _type_of(name: str, present: Sequence[Any], comma: bool) -> tuple[str, Parse | None]:
    kinds = {type(value) for value in present}
    if not kinds:
        return "text", _as_text
    if kinds == {bool}:
        return "boolean", _exactly(bool)
    if kinds == {int}:
        return "integer", _exactly(int)
    if kinds == {float}:
        if all(value.is_integer() and abs(value) < 2**53 for value in present):
            return "number", _whole
        return "number", _number
    if kinds == {int, float}:
        return "number", _number
    if kinds <= {date, datetime}:
        if all(not isinstance(v, datetime) or v.time() == time() for v in present):
            return "date", _as_date
        return "datetime", _as_datetime
    if kinds == {str}:
        return _type_of_text(name, present, comma)
    return "text", _as_text


def _type_of_text(name: str, present: Sequence[str], comma: bool) -> tuple[str, Parse | None]:
    if all(INTEGER.fullmatch(text) for text in present):
        has_zero = any(len(text.lstrip("+-")) > 1 and text.lstrip("+-")[0] == "0" for text in present)
        if has_zero or CODE_NAMES.search(name) or any(NIK.fullmatch(text) for text in present):
            return "code", _code
        return "integer", _parse_integer
    if CODE_NAMES.search(name) and all(CODE.fullmatch(text) for text in present):
        return "code", _code
    if len(present) > 1 and all(AREA_CODE.fullmatch(text) for text in present):
        return "code", _code
    for style in _date_styles(present):
        if style.endswith("time"):
            return "datetime", _datetime_parser() if style == "datetime" else _day_and_time_parser(style[:3])
        return "date", _date_parser(style)
    return _number_style(present, comma)


def _number_style(present: Sequence[str], comma: bool) -> tuple[str, Parse | None]:
    by_comma = all(COMMA_NUMBER.fullmatch(text) for text in present)
    by_dot = all(DOT_NUMBER.fullmatch(text) for text in present)
    if by_comma and by_dot and not all(INTEGER.fullmatch(text) for text in present):
        by_comma, by_dot = comma, not comma
    if by_dot:
        if any(len(re.match(r"[+-]?(\d*)", text)[1]) > 1 and re.match(r"[+-]?0\d", text) for text in present):  # type: ignore[index]
            return "text", _as_text
        return "number", _parse_dot
    if by_comma:
        return "number", _parse_comma
    return "text", _as_text


def _date_styles(present: Sequence[str]) -> Iterable[str]:
    if (
        all(re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", text) for text in present)
        and not all(MIDNIGHT.search(text) for text in present)
        and _all(_datetime_parser(), present)
    ):
        yield "datetime"
    if all(DAY_AND_TIME.fullmatch(text) for text in present) and not all(MIDNIGHT.search(text) for text in present):
        for style in ("dmy time", "mdy time"):
            if _all(_day_and_time_parser(style[:3]), present):
                yield style
    for style in ("ymd", "dmy", "mdy", "words"):
        if _all(_date_parser(style), present):
            yield style


def _all(parse: Parse, present: Sequence[str]) -> bool:
    try:
        for text in present:
            parse(text)
    except ValueError:
        return False
    return True


def _date_parser(style: str) -> Parse:
    def parse(value: Any) -> str:
        text = str(value)
        if style == "words":
            found = re.fullmatch(r"(?:\w+,\s*)?(\d{1,2})[\s-]+([A-Za-z]+)\.?[\s-]+(\d{4})", text)
            if not found or found[2].lower() not in MONTHS:
                raise ValueError(text)
            return date(int(found[3]), MONTHS[found[2].lower()], int(found[1])).isoformat()
        if style == "ymd":
            found = re.fullmatch(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]00:00(?::00)?)?", text)
        else:
            found = re.fullmatch(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?: 0?0:00(?::00)?)?", text)
        if not found:
            raise ValueError(text)
        one, two, three = (int(part) for part in found.groups())
        year, month, day = {"ymd": (one, two, three), "dmy": (three, two, one), "mdy": (three, one, two)}[style]
        return date(year, month, day).isoformat()

    return parse


def _day_and_time_parser(style: str) -> Parse:
    day = _date_parser(style)

    def parse(value: Any) -> str:
        found = DAY_AND_TIME.fullmatch(str(value))
        if not found:
            raise ValueError(value)
        hour, minute, second = (int(part or 0) for part in found.groups()[1:])
        return f"{day(found[1])}T{time(hour, minute, second).isoformat()}"

    return parse


def _datetime_parser() -> Parse:
    def parse(value: Any) -> str:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00")).isoformat()

    return parse


def _exactly(kind: type) -> Parse:
    def parse(value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(value)
        return value

    return parse


def _number(value: Any) -> Any:
    if type(value) not in (int, float):
        raise ValueError(value)
    return value


def _whole(value: Any) -> Any:
    """Whole numbers that a file keeps as floating point are written without their `.0`."""
    value = _number(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else value.isoformat() if isinstance(value, date) else str(value)


def _as_date(value: Any) -> str:
    if not isinstance(value, date):
        raise ValueError(value)  # noqa: TRY004  `convert` expects ValueError
    return (value.date() if isinstance(value, datetime) else value).isoformat()


def _as_datetime(value: Any) -> str:
    if not isinstance(value, date):
        raise ValueError(value)  # noqa: TRY004
    return value.isoformat()


def _code(value: Any) -> str:
    return str(value)


def _parse_integer(value: Any) -> int:
    text = str(value)
    if not INTEGER.fullmatch(text) or (len(text.lstrip("+-")) > 1 and text.lstrip("+-")[0] == "0"):
        raise ValueError(text)
    return int(text)


def _parse_dot(value: Any) -> float | int:
    text = str(value)
    if not DOT_NUMBER.fullmatch(text):
        raise ValueError(text)
    return _whole(float(text.replace(",", "")))


def _parse_comma(value: Any) -> float | int:
    text = str(value)
    if not COMMA_NUMBER.fullmatch(text):
        raise ValueError(text)
    return _whole(float(text.replace(".", "").replace(",", ".")))


def _is_nip(text: str) -> bool:
    found = NIP.fullmatch(text)
    if not found:
        return False
    year, month, day, appointed = (int(part) for part in found.groups())
    try:
        date(year, month, day)
    except ValueError:
        return False
    return appointed - year in NIP_AGES


def _personal(name: str, present: Sequence[Any]) -> str:
    if NIP_NAMES.match(name):
        return "nip"
    if PERSONAL_NAMES.match(name):
        return "name" if name not in {"nik", "no_ktp", "noktp"} else "nik"
    texts = [re.sub(r"[\s.-]", "", _as_text(value)) for value in present[:PERSONAL_SAMPLE] if type(value) in (str, int)]
    if not texts:
        return ""
    needed = max(1, min(3, len(texts)), PERSONAL_SHARE * len(texts))
    if sum(bool(NIK.fullmatch(text)) for text in texts) >= needed:
        return "nik"
    if sum(_is_nip(text) for text in texts) >= needed:
        return "nip"
    if sum(bool(PHONE.fullmatch(text)) for text in texts) >= needed:
        return "phone"
    mails = sum(bool(EMAIL.fullmatch(value.strip())) for value in present[:PERSONAL_SAMPLE] if isinstance(value, str))
    return "email" if mails >= needed else ""
