"""CSV and XLSX: where the header is, which rows are data, merged cells filled."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from layers.reading import archives, limits
from layers.reading.columns import cleaned
from layers.reading.encodings import SINGLE_BYTE, text_encoding
from layers.reading.findings import Choice, Findings, Row, Stopped
from layers.reading.source import BATCH, Batch

HEADER_WITHIN = 20  # rows
HEADER_ROWS = 4
"""A header has so many rows at most."""
NOTE_FROM, NOTES_MAX = 3, 12
"""Columns of a table from which on last rows with one cell are notes below it, and how many of them there may be."""
TOTALS = re.compile(r"^(grand\s+)?(total|jumlah|rata-rata|sub\s?total)\b", re.IGNORECASE)
YEAR = re.compile(r"(19|20)[0-9]{2}")
DELIMITERS = ";,\t|"
MERGED_MAX = 20_000
README = "readme"
"""A sheet that says what the others hold, as in our own workbooks."""
PROTECTED = re.compile(r"'\s*[=+\-@]")
"""The apostrophe that keeps a spreadsheet from computing a text, as in our own downloads (layers/downloads.py)."""
REF = re.compile(r"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})")


class Table:
    """Rows of cells with a header somewhere near the top."""

    is_table = True
    crs: str | None = None

    def __init__(self, kind: str, path: Path, findings: Findings, *, comma: bool) -> None:
        self.kind, self.path, self.comma = kind, path, comma
        head = list(islice(self._cells(), HEADER_WITHIN + 5))
        if not any(any(cell is not None for cell in row) for row in head):
            raise Stopped("no_rows", file=path.name)
        self.header, self.data_from = find_header(head)
        self.titles = _titles(head[self.header : self.data_from])
        if self.header:
            findings.tell("header_found", count=self.header + 1)
        if len(self.titles) > limits.COLUMNS:
            raise Stopped("many_columns", count=len(self.titles), limit=limits.COLUMNS)
        self.totals: list[Row] = []
        self.long_rows: list[Row] = []
        self.notes: list[Row] = []

    def _cells(self) -> Iterator[list[Any]]:
        raise NotImplementedError

    def batches(self) -> Iterator[Batch]:
        """Read the rows below the header; rows of totals and of other columns than the header's are noted, not read.

        Nor are those at the end that hold one cell, such as place, name and number of who signs: they are told by
        their numbers alone, since names stand in them.
        """
        self.totals, self.long_rows, self.notes = [], [], []
        width = len(self.titles)
        numbers: list[int] = []
        rows: list[list[Any]] = []
        alone: list[tuple[int, list[Any]]] = []  # rows of one cell: are they the last ones?
        has_more = False
        for number, cells in enumerate(self._cells(), start=1):
            if number <= self.data_from:
                continue
            if len(cells) > width:
                if any(cell is not None for cell in cells[width:]):
                    self.long_rows.append(Row(number))
                cells = cells[:width]
            filled = [cell for cell in cells if cell is not None]
            if _is_total(filled):
                self.totals.append(Row(number, filled[0], filled[0]))
                continue
            cells += [None] * (width - len(cells))
            if len(filled) == 1 and width >= NOTE_FROM and len(alone) < NOTES_MAX:
                alone.append((number, cells))
                continue
            if filled:
                has_more |= len(filled) > 1
                numbers += [earlier for earlier, _ in alone]
                rows += [given for _, given in alone]
                alone = []
            numbers.append(number)
            rows.append(cells)
            if len(rows) >= BATCH:
                yield self._batch(numbers, rows)
                numbers, rows = [], []
        if has_more:
            self.notes = [Row(number) for number, _ in alone]
        else:
            numbers += [earlier for earlier, _ in alone]
            rows += [given for _, given in alone]
        if rows:
            yield self._batch(numbers, rows)

    def _batch(self, numbers: list[int], rows: list[list[Any]]) -> Batch:
        columns = [list(values) for values in zip(*rows, strict=True)]
        return Batch(numbers, dict(zip(self.titles, columns, strict=True)))


class CsvTable(Table):
    """Text with delimiters, in whatever encoding."""

    def __init__(self, path: Path, findings: Findings, *, encoding: str | None) -> None:
        self.encoding = encoding or text_encoding(path)
        if not encoding and self.encoding == SINGLE_BYTE:
            findings.tell("encoding_found", encoding=self.encoding)
        try:
            with path.open(encoding=self.encoding, newline="") as file:
                sample = file.read(200_000)
        except (UnicodeError, LookupError) as error:
            raise Stopped("encoding_wrong", file=path.name, encoding=self.encoding.removesuffix("-SIG")) from error
        self.delimiter, self.skip = _delimiter(sample)
        if self.delimiter is None:
            raise Stopped("csv_one_column", file=path.name)
        super().__init__("csv", path, findings, comma=self.delimiter == ";")
        findings.tell("csv_delimiter", delimiter={"\t": ("tab", "tab")}.get(self.delimiter, self.delimiter))

    def _cells(self) -> Iterator[list[Any]]:
        csv.field_size_limit(1_000_000)
        try:
            with self.path.open(encoding=self.encoding, newline="") as file:
                lines = islice(file, self.skip, None)
                for row in csv.reader(lines, delimiter=self.delimiter or ","):
                    yield [_bare(cell) for cell in row]
        except UnicodeError as error:
            raise Stopped("encoding_wrong", file=self.path.name, encoding=self.encoding.removesuffix("-SIG")) from error
        except csv.Error as error:
            raise Stopped("is_damaged", file=self.path.name) from error


class XlsxTable(Table):
    """A sheet of a workbook, read row by row; merged cells all get their range's value."""

    def __init__(self, path: Path, findings: Findings, *, sheet: str | None) -> None:
        try:
            with ZipFile(path) as archive:
                archives.check(path, archive.infolist())
                sheets = _sheets(archive)
                self.merged: dict[int, list[tuple[int, int, int, int]]] = {}
                names = list(sheets)
                full = [name for name in names if _has_cells(archive, sheets[name])]
                if sheet and sheet not in names:
                    raise Stopped("layer_missing", layer=sheet, names=", ".join(names))
                tables = [name for name in full if name.casefold() != README]
                if not sheet and len(full) > 1 and len(tables) != 1:
                    raise Stopped("choose_layer", file=path.name, choices=[Choice(n, n, n) for n in full])
                if not full:
                    raise Stopped("no_rows", file=path.name)
                self.sheet = sheet or (tables or full)[0]
                merged = _merged(archive, sheets[self.sheet])
        except (BadZipFile, KeyError, OSError, RuntimeError, NotImplementedError, EOFError, SyntaxError) as error:
            raise Stopped("is_damaged", file=path.name) from error
        for top, left, bottom, right in merged:
            for row in range(top, bottom + 1):
                self.merged.setdefault(row, []).append((top, left, bottom, right))
        super().__init__("xlsx", path, findings, comma=True)
        below = sum(bottom > top and top > self.data_from for top, _, bottom, _ in merged)
        if below:
            findings.tell("merged_filled", count=below)

    def _cells(self) -> Iterator[list[Any]]:
        with self.path.open("rb") as file:  # by its name openpyxl refuses a workbook that is called otherwise
            yield from self._cells_of(file)

    def _cells_of(self, file: IO[bytes]) -> Iterator[list[Any]]:
        import openpyxl

        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # openpyxl lets through whatever its parsers raise
            raise Stopped("is_damaged", file=self.path.name) from error
        try:
            sheet = book[self.sheet]
            sheet.reset_dimensions()
            held: dict[tuple[int, int], Any] = {}
            for number, row in enumerate(self._rows(sheet), start=1):
                cells = [_bare(cell) for cell in row]
                for top, left, bottom, right in self.merged.get(number, ()):
                    if len(cells) < right:
                        cells += [None] * (right - len(cells))
                    if number == top:
                        held[top, left] = cells[left - 1]
                    # A range over several columns is a heading; below it, only its first column is filled.
                    for column in range(left, (right if bottom == top else left) + 1):
                        cells[column - 1] = held.get((top, left))
                    if number == bottom:
                        held.pop((top, left), None)
                yield cells
        finally:
            book.close()

    def _rows(self, sheet: Any) -> Iterator[Sequence[Any]]:
        rows = sheet.iter_rows(values_only=True)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except Exception as error:
                raise Stopped("is_damaged", file=self.path.name) from error
            yield row


def _bare(cell: Any) -> Any:
    """Return a cell's content without what is none, and without the apostrophe that protects it."""
    value = cleaned(cell)
    return cleaned(value[1:]) if isinstance(value, str) and PROTECTED.match(value) else value


def _is_total(filled: Sequence[Any]) -> bool:
    """Whether a row adds others up: it says so, and the rest of it are figures.

    Jumlah penduduk beside the name of a kecamatan is what is counted there.
    """
    if not filled or not isinstance(filled[0], str) or not (found := TOTALS.match(filled[0])):
        return False
    if not filled[0][found.end() :].strip(" :.-"):
        return True
    return not any(isinstance(cell, str) and re.search(r"[^\W\d_]{3}", cell) for cell in filled[1:])


def find_header(rows: Sequence[Sequence[Any]]) -> tuple[int, int]:
    """Return the index of the header's first row and that of the first row of data.

    The header is the first row that is nearly as wide as the table and holds only text, or years beside text. A row of
    headings over columns takes the row below along, as often as there are some: merged cells repeat a value side by
    side, and where a file has lost them (CSV) the heading stands over its first column alone.
    """
    widths = [sum(cell is not None for cell in row) for row in rows]
    typical = sorted(widths)[len(widths) // 2] or max(widths)
    for index, row in enumerate(rows[:HEADER_WITHIN]):
        filled = [cell for cell in row if cell is not None]
        if len(filled) < max(1, 0.6 * typical) or (len(set(map(str, filled))) == 1 and typical > 1):
            continue
        if all(YEAR.fullmatch(str(cell)) for cell in filled) or not _are_names(row, rows[index + 1 :]):
            continue
        end = index + 1
        while end < len(rows) - 1 and end - index < HEADER_ROWS and _goes_on(rows, index, end):
            end += 1
        # A row that numbers the columns: (1) (2) (3).
        if end < len(rows) and _numbers_columns(rows[end]):
            end += 1
        return index, end
    raise Stopped("no_header")


def _goes_on(rows: Sequence[Sequence[Any]], first: int, end: int) -> bool:
    """Whether the header, which begins with row `first`, takes row `end` along."""
    if not _are_names(rows[end], rows[end + 1 :]):
        return False
    header = rows[first:end]
    named = [tuple(_at(row, column) for row in header) for column in range(max(map(len, header)))]
    again = [column for column, names in enumerate(named) if any(names) and named.count(names) > 1]
    if again:
        return all(_at(rows[end], column) is not None for column in again)
    if end - first > 1:
        return False
    above, row = rows[first], rows[end]
    under = [column for column in range(len(row)) if row[column] is not None]
    groups = [column for column in under if _at(above, column) is None and _heading(above, row, column) is not None]
    alone = any(_at(above, column) is not None and _at(row, column) is None for column in range(len(above)))
    counted = any(_counts(_at(other, column)) for other in rows[end + 1 :] for column in under)
    return bool(groups) and alone and counted


def _heading(above: Sequence[Any], row: Sequence[Any], column: int) -> Any:
    """Return the name to the left in the row above that heads this column, too: its own column has a name below it."""
    left = next((at for at in range(min(column, len(above) - 1), -1, -1) if above[at] is not None), None)
    if left is None or any(_at(row, at) is None for at in range(left, column + 1)):
        return None
    return above[left]


def _at(row: Sequence[Any], column: int) -> Any:
    return row[column] if column < len(row) else None


def _counts(cell: Any) -> bool:
    return _is_number(cell) if isinstance(cell, str) else isinstance(cell, (int, float))


def _are_names(row: Sequence[Any], below: Sequence[Sequence[Any]]) -> bool:
    """Whether the cells may name columns: texts, and years with other values below some of them and years below none.

    A year of which nothing is known yet has no values.
    """
    years = {column for column, cell in enumerate(row) if YEAR.fullmatch(str(cell))}
    texts = [cell for column, cell in enumerate(row) if cell is not None and column not in years]
    if (not texts and not years) or not all(isinstance(cell, str) and not _is_number(cell) for cell in texts):
        return False
    under = [[other[at] for other in below if at < len(other) and other[at] is not None] for at in years]
    told = [any(not YEAR.fullmatch(str(cell)) for cell in cells) for cells in under if cells]
    return all(told) and bool(told or not years)


def _numbers_columns(row: Sequence[Any]) -> bool:
    given = [re.sub(r"[()\s]", "", str(cell)) for cell in row if cell is not None]
    bracketed = all(str(cell).strip().startswith("(") for cell in row if cell is not None)
    return len(given) > (1 if bracketed else 3) and given == [str(number) for number in range(1, len(given) + 1)]


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?[\d.,]+", text))


def _titles(rows: Sequence[Sequence[Any]]) -> list[str]:
    rows = [row for row in rows if not _numbers_columns(row)] or rows
    width = max(map(len, rows))
    named = [any(column < len(row) and row[column] is not None for row in rows) for column in range(width)]
    titles: list[str] = []
    for column in range(width - named[::-1].index(True)):  # those behind the last name are no columns
        parts: list[str] = []
        for number, row in enumerate(rows):
            cell = _at(row, column)
            if cell is None and number + 1 < len(rows):
                cell = _heading(row, rows[number + 1], column)
            if cell is not None and str(cell) not in parts:
                parts.append(re.sub(r"\s+", " ", str(cell)))
        title = " ".join(parts) or f"kolom {column + 1}"
        again, unique = 2, title
        while unique in titles:
            unique, again = f"{title} ({again})", again + 1
        titles.append(unique)
    return titles


def _delimiter(sample: str) -> tuple[str | None, int]:
    """Return the delimiter that gives the most columns to the most rows, and how many lines precede (`sep=;`).

    One that divides the row with the names, too, goes before others: decimal commas only divide those below it.
    """
    skip = 0
    if found := re.match(r"sep=(.)\r?\n", sample):
        return found[1], 1
    best: tuple[bool, float, str] | None = None
    text = sample if len(sample) < 200_000 else sample[: sample.rfind("\n")]
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in islice(csv.reader(io.StringIO(text), delimiter=delimiter), 200) if row]
        except csv.Error:
            continue
        if not rows:
            continue
        widths = [len(row) for row in rows]
        width = max(set(widths), key=widths.count)
        share = widths.count(width) / len(widths)
        has_names = any(len(row) == width and not any(map(_is_number, row)) for row in rows[:HEADER_WITHIN])
        merits = (has_names, width * share**2)
        if width > 1 and (best is None or merits > best[:2]):
            best = (*merits, delimiter)
    return (best[2] if best else None), skip


def _sheets(archive: ZipFile) -> dict[str, str]:
    """Return the path of each sheet's XML by the sheet's name; hidden sheets are left out."""
    from defusedxml.ElementTree import fromstring

    namespace = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    try:
        relations = {
            node.get("Id"): node.get("Target") for node in fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        }
        book = fromstring(archive.read("xl/workbook.xml"))
    except ValueError as error:  # what defusedxml raises for entities and document types
        raise Stopped("xml_entities", file=Path(archive.filename or "").name) from error
    sheets = {}
    for node in book.iter():
        if node.tag.endswith("}sheet") and node.get("state", "visible") == "visible":
            target = (relations.get(node.get(namespace)) or "").lstrip("/")
            if "worksheets" in target:
                sheets[node.get("name") or ""] = target if target.startswith("xl/") else f"xl/{target}"
    return sheets


def _has_cells(archive: ZipFile, name: str) -> bool:
    with archive.open(name) as file:
        return any(b"<v>" in chunk or b"<is>" in chunk for chunk in _overlapping(file))


def _merged(archive: ZipFile, name: str) -> list[tuple[int, int, int, int]]:
    """Return the merged ranges of a sheet as (top, left, bottom, right), from 1."""
    found: dict[tuple[int, int, int, int], None] = {}
    with archive.open(name) as file:
        for chunk in _overlapping(file):
            for left, top, right, bottom in REF.findall(
                " ".join(m.decode() for m in re.findall(rb'<mergeCell ref="([A-Z0-9:]{1,30})"', chunk))
            ):
                if len(found) < MERGED_MAX and int(bottom) - int(top) < MERGED_MAX:
                    found[int(top), _column(left), int(bottom), min(_column(right), limits.COLUMNS)] = None
    return list(found)


def _overlapping(file: Any) -> Iterable[bytes]:
    tail = b""
    for chunk in chain(iter(lambda: file.read(1 << 20), b"")):
        yield tail + chunk
        tail = chunk[-80:]


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
