"""The steps of reading in their order: what it is, where it lies, what its columns are; then once through all rows."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import shapely

from layers.reading import archives, columns, crs, geometry, kinds, limits, positions
from layers.reading.columns import Column
from layers.reading.copying import as_rows, rows_of_pass
from layers.reading.findings import Choice, Findings, Row, Stopped, list_row
from layers.reading.places import Places, read_places
from layers.reading.source import BATCH, Batch, Source

PREVIEWED = 5
PLACED_LATER = 1_000  # rows of each later batch whose kecamatan is looked up
PLACED_INSIDE = 5_000  # up to so many are looked up by a point inside them
PASSES = 4
PART_ROWS, PART_COORDINATES = 5_000, 250_000  # written at once: 4 MB of coordinates


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be said of the file of `request`, and write its rows if it can be read.

    Keys of the request: file, folder (private; the rows go there), places (path or None), options. The answer's
    `status` is `ready`, `asks` (choose, and ask again with the option) or `refused`.
    """
    began = time.monotonic()
    findings = Findings()
    result: dict[str, Any] = {}
    try:
        places = read_places(Path(request["places"]) if request.get("places") else None)
        source = open_source(Path(request["file"]), Path(request["folder"]), request.get("options", {}), findings)
        reading = Reading(source, request.get("options", {}), places, findings)
        result = reading.run(Path(request["folder"]))
    except Stopped as stop:
        findings.tell_stop(stop)
    except MemoryError:
        findings.tell("too_much_memory")
    return result | {
        "status": findings.status(),
        "findings": findings.made,
        "seconds": round(time.monotonic() - began, 2),
        "peak_mb": peak_mb(),
    }


def peak_mb() -> int:
    """Return the most memory that this process has held, in MB (Linux: VmHWM).

    Not `ru_maxrss`: that one counts the parent's memory at the fork as well.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1_024 // 1_000_000
    return 0


def open_source(path: Path, folder: Path, options: dict[str, Any], findings: Findings) -> Source:
    """Open a file, or the one data set in a zip. Raise Stopped to refuse it or to ask which."""
    if path.stat().st_size > limits.FILE_BYTES:
        size = path.stat().st_size // 1_000_000
        raise Stopped("file_large", file=path.name, size=size, limit=limits.FILE_BYTES // 1_000_000)
    kind = kinds.identify(path, findings)
    layer = options.get("layer")
    if kind in {"zip", "kmz"}:
        found = archives.unpack(path, folder / "unpacked", findings)
        if kind == "kmz" and len(found) > 1:
            found = [file for file in found if file.suffix == ".kml"][:1] or found
        if len(found) > 1:
            named = {file.stem: file for file in found} if len({f.stem for f in found}) == len(found) else {}
            named = named or {file.name: file for file in found}
            if layer not in named:
                # archives.py joins the folders of a zip so.
                choices = [Choice(name, name.replace("__", "/"), name.replace("__", "/")) for name in named]
                raise Stopped("choose_layer", file=path.name, choices=choices)
            found, layer = [named[layer]], None
        path = found[0]
        kind = kinds.identify(path, findings)
        if kind in {"zip", "kmz"}:
            raise Stopped("zip_nested_deep", file=path.name)
    if kind == "csv":
        from layers.reading.tables import CsvTable

        return CsvTable(path, findings, encoding=options.get("encoding"))
    if kind == "xlsx":
        from layers.reading.tables import XlsxTable

        return XlsxTable(path, findings, sheet=layer)
    wanted = kinds.EXTENSIONS[kind]
    if path.suffix.lower() not in wanted:  # GDAL also goes by the name
        path = path.rename(path.with_suffix(sorted(wanted)[0]))
    from layers.reading.vectors import Vectors

    return Vectors(kind, path, findings, layer=layer, encoding=options.get("encoding"))


@dataclass
class Tally:
    """What one pass over the rows adds up."""

    seen: geometry.Seen = field(default_factory=geometry.Seen)
    written: int = 0
    read: int = 0
    empty: int = 0
    empty_rows: list[Row] = field(default_factory=list)
    duplicates: int = 0
    duplicate_rows: list[Row] = field(default_factory=list)
    without: int = 0
    without_rows: list[Row] = field(default_factory=list)
    bounds: list[Any] = field(default_factory=list)
    placed: dict[str | None, int] = field(default_factory=dict)
    far: int = 0
    preview: list[dict[str, Any]] = field(default_factory=list)


class Values:
    """The values of a batch, made what JSON can hold: by Arrow where it has them and can, else one by one."""

    def __init__(self, cols: list[Column], batch: Batch) -> None:
        self.cols, self.arrows = cols, None
        if batch.arrays is not None:
            from layers.reading import arrows  # pyarrow costs 50 MB that a table does not need

            self.arrows = arrows
        self.made = [self._made(column, batch) for column in cols]

    def _made(self, column: Column, batch: Batch) -> Any:
        if self.arrows is not None and batch.arrays is not None:
            found = self.arrows.converted(column, batch.arrays[column.title])
            if found is not None:
                return found
        return column.convert(batch.columns[column.title])

    def texts(self, part: slice) -> list[bytes]:
        """Return the rows of a part as JSON objects."""
        made = [given[part] for given in self.made]
        size = part.stop - part.start
        if self.arrows is not None:
            return self.arrows.properties(self.cols, made, size)
        names = [column.name for column in self.cols]
        rows = zip(*made, strict=True) if made else [()] * size
        return [columns.as_json(dict(zip(names, row, strict=True))).encode() for row in rows]

    def blank(self, part: slice) -> Any:
        """Return a mask of the rows of a part that have no value in any column."""
        made = [given[part] for given in self.made]
        size = part.stop - part.start
        if self.arrows is not None:
            return self.arrows.without_value(made, size)
        return np.array([not any(one is not None for one in row) for row in zip(*made, strict=True)] or [True] * size)

    def row(self, index: int) -> dict[str, Any]:
        """Return one row by the columns' names."""
        return {
            column.name: self.arrows.value_at(column, given, index) if self.arrows else given[index]
            for column, given in zip(self.cols, self.made, strict=True)
        }

    def count(self, kept: Any) -> None:
        """Add the rows with these indices to the columns' statistics."""
        for column, given in zip(self.cols, self.made, strict=True):
            whole = len(kept) == len(given)
            if isinstance(given, list):
                column.count(given if whole else [given[index] for index in kept])
            elif self.arrows is not None:
                self.arrows.count(column, given if whole else given.take(kept))


def _parts(shapes: Any) -> Iterator[slice]:
    """Divide a batch into parts that are written at once, neighbours together: who asks for a box then reads few pages
    of the table.
    """
    coordinates = np.cumsum(shapely.get_num_coordinates(shapes))
    start = 0
    while start < len(shapes):
        before = coordinates[start - 1] if start else 0
        stop = int(np.searchsorted(coordinates, before + PART_COORDINATES))
        stop = min(max(stop, start + 1), start + PART_ROWS, len(shapes))
        yield slice(start, stop)
        start = stop


def _head(stream: Iterator[Batch]) -> list[Batch]:
    """Take what shows the types: a batch's number of rows; the folders of a KML come in batches of their own."""
    head: list[Batch] = []
    for batch in stream:
        head.append(batch)
        if sum(map(len, head)) >= BATCH:
            break
    return head


class Reading:
    """A file being read. What the first rows show is decided once; a later contradiction has it read again."""

    def __init__(self, source: Source, options: dict[str, Any], places: Places, findings: Findings) -> None:
        self.source, self.options, self.places, self.findings = source, options, places, findings
        self.as_text: set[str] = set()
        self.multipoints = False
        self.elsewhere: dict[str, Any] = {}

    def run(self, folder: Path) -> dict[str, Any]:
        """Write all rows for COPY, for each pass anew, and return what is known of them. Raise Stopped."""
        stream = self._batches()
        head = _head(stream)
        if not head:
            raise Stopped("no_rows", file=self.options.get("name", ""))
        first = head[0]
        where = self._positions(first)
        decision = self._decide(first, where)
        for number in range(1, PASSES + 1):
            tally = Tally()
            cols = columns.propose(
                self.source.titles,
                [[*chain(*(batch.columns[title] for batch in head))] for title in self.source.titles],
                as_text=self.as_text,
                comma=self.source.comma,
            )
            with rows_of_pass(folder, number).open("wb") as out:
                rows_of_pass(folder, number - 1).unlink(missing_ok=True)
                self._write_all(chain(head, stream), out, cols, where, decision, tally)
            failed = {column.title for column in cols if column.failed} - self.as_text
            if not failed and tally.seen.has_multipoint <= self.multipoints:
                break
            self.as_text |= failed
            self.multipoints |= tally.seen.has_multipoint
            if where:
                where.forget()
            stream = self._batches()
            _head(stream)
        if not tally.written:
            raise Stopped("no_rows", file=self.options.get("name", ""))
        self._tell(tally, cols, where)
        return self._result(tally, cols, decision)

    def _batches(self) -> Iterator[Batch]:
        return (batch for batch in self.source.batches() if len(batch))

    def _positions(self, first: Batch) -> positions.Positions | None:
        if not self.source.is_table:
            if first.geometries is None or shapely.is_missing(first.geometries).all():
                return self._joined_positions(first)
            return None
        return positions.detect(
            self.source.titles, first.columns, self.options.get("columns", {}), self.places, self.findings
        )

    def _joined_positions(self, first: Batch) -> positions.Positions | None:
        """A GIS file without geometry (a .dbf's table, a GeoPackage table) is a table."""
        return positions.detect(
            self.source.titles, first.columns, self.options.get("columns", {}), self.places, self.findings
        )

    def _decide(self, first: Batch, where: positions.Positions | None) -> crs.Decision:
        shapes = self._shapes(first, where)
        if where is not None:
            where.forget()
        declared = self.source.crs
        if where is not None:
            self.elsewhere["titles"] = list(self.source.titles)
        if where is not None and where.how == "join":
            return crs.Decision(crs.WGS84, crs.label(crs.WGS84))
        if where is not None and where.degrees:
            declared = crs.WGS84
        present = shapes[~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)]
        if not len(present):
            if where is not None:
                choices = [Choice(title, title, title) for title in self.source.titles]
                raise Stopped("position_unread", columns=", ".join(filter(None, where.columns)), choices=choices)
            raise Stopped("no_geometry")
        try:
            found = crs.decide(
                geometry.centres(present),
                declared=declared,
                given=self.options.get("crs"),
                swap=self.options.get("swap"),
                is_table=self.source.is_table,
                places=self.places,
                findings=self.findings,
            )
        except Stopped as stop:
            if where is not None:  # they may be no coordinates at all
                stop.titles = list(self.source.titles)
            raise
        if where is not None and where.how == "pair":  # people write latitude first: nothing was wrong with it
            self.findings.take_back("axes_swapped")
        if where is None or not where.degrees:
            offered = crs.choices(geometry.centres(present), self.source.crs, self.places)
            self.elsewhere["choices"] = [vars(one) for one in offered]
        return found

    def _shapes(self, batch: Batch, where: positions.Positions | None) -> Any:
        if where is None:
            return batch.geometries
        return where.geometries(batch.columns, batch.rows, self.places)

    def _write_all(
        self,
        batches: Iterator[Batch],
        out: IO[bytes],
        cols: list[Column],
        where: positions.Positions | None,
        decision: crs.Decision,
        tally: Tally,
    ) -> None:
        hashes: set[int] = set()
        for number, batch in enumerate(batches):
            tally.read += len(batch)
            if tally.read > limits.ROWS:
                raise Stopped("many_rows", count=tally.read, limit=limits.ROWS)
            rows = np.array(batch.rows)
            shapes = geometry.flatten(self._shapes(batch, where), tally.seen)
            shapes = geometry.to_lonlat(shapes, decision, rows, tally.seen)
            shapes = geometry.make_valid(shapes, rows, tally.seen)
            shapes = geometry.to_family(shapes, tally.seen, multipoints=self.multipoints)
            for column in cols:
                columns.notice_personal(column, batch.first(column.title, columns.PERSONAL_LATER))
            values = Values(cols, batch)
            kept = np.concatenate(
                [self._write(out, part, values, shapes, batch.rows, hashes, tally) for part in _parts(shapes)]
            )
            values.count(kept)
            self._place(shapes[kept], tally, None if number == 0 else PLACED_LATER)

    def _write(
        self, out: IO[bytes], part: slice, values: Values, shapes: Any, rows: list[int], hashes: set[int], tally: Tally
    ) -> Any:
        """Write a part of a batch without its empty and repeated rows; return the indices of those written."""
        ewkb, texts = geometry.as_ewkb(shapes[part]), values.texts(part)
        missing = shapely.is_missing(shapes[part])
        keep = np.full(len(texts), True)
        for index in np.flatnonzero(missing & values.blank(part)).tolist() if missing.any() else ():
            keep[index] = False
            tally.empty += 1
            list_row(tally.empty_rows, Row(rows[part.start + index]))
        if not self.options.get("keep_duplicates", False):
            marks = list(map(hash, zip(ewkb, texts, strict=True)))
            fresh = set(marks)
            if len(fresh) < len(marks) or not hashes.isdisjoint(fresh):
                self._leave_out_repeated(marks, hashes, keep, rows[part], tally)
            hashes |= fresh
        for index in np.flatnonzero(missing & keep).tolist():
            tally.without += 1
            list_row(tally.without_rows, Row(rows[part.start + index]))
        kept = np.flatnonzero(keep)
        order = geometry.by_place(shapes[part.start + kept])
        written = kept[order].tolist()
        out.write(as_rows(tally.written + 1 + order, [ewkb[at] for at in written], [texts[at] for at in written]))
        tally.written += len(kept)
        kept += part.start
        for index in kept[: PREVIEWED - len(tally.preview)].tolist():
            tally.preview.append(values.row(index))
        return kept

    def _leave_out_repeated(self, marks: list[int], hashes: set[int], keep: Any, rows: list[int], tally: Tally) -> None:
        seen: set[int] = set()
        for index in np.flatnonzero(keep).tolist():
            if marks[index] in hashes or marks[index] in seen:
                keep[index] = False
                tally.duplicates += 1
                list_row(tally.duplicate_rows, Row(rows[index]))
            seen.add(marks[index])

    def _place(self, shapes: Any, tally: Tally, at_most: int | None) -> None:
        present = shapes[~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)]
        if not len(present):
            return
        bounds = shapely.total_bounds(present)
        tally.bounds = (
            [*np.minimum(tally.bounds[:2], bounds[:2]), *np.maximum(tally.bounds[2:], bounds[2:])]
            if len(tally.bounds)
            else list(bounds)
        )
        if at_most and len(present) > at_most:
            present = present[np.linspace(0, len(present) - 1, at_most).astype(int)]
        if len(present) <= PLACED_INSIDE:  # the middle of a bent area may lie beside it
            points = shapely.get_coordinates(shapely.point_on_surface(present))
        else:
            points = geometry.centres(present)
        tally.far += len(points) - round(self.places.share_near(points) * len(points))
        names = np.array(self.places.kecamatan_of(points), dtype=object)
        at_sea = np.flatnonzero((names == None) & (shapely.get_dimensions(present) == 0))  # noqa: E711  each of them
        if len(at_sea):  # points alone, as the catalogue counts them
            names[at_sea] = self.places.coast_of(points[at_sea])
        for name in names:
            tally.placed[name] = tally.placed.get(name, 0) + 1

    def _tell(self, tally: Tally, cols: list[Column], where: positions.Positions | None) -> None:
        tell, seen = self.findings.tell, tally.seen
        if mixed := self.as_text | {column.title for column in cols if column.mixed}:
            tell("column_mixed", columns=", ".join(sorted(mixed)))
        if seen.with_z:
            tell("z_dropped", count=seen.with_z)
        if seen.repaired:
            tell("repaired", count=seen.repaired, rows=seen.repaired_rows)
        if seen.lost:
            tell("geometry_lost", count=seen.lost, rows=seen.lost_rows)
        if seen.unprojectable:
            tell("unprojectable", count=seen.unprojectable, rows=seen.unprojectable_rows)
        if len(seen.families) > 1:
            words = {"Point": "titik", "LineString": "garis", "Polygon": "bidang", "Geometry": "kumpulan"}
            tell(
                "families",
                families=(
                    ", ".join(f"{words[name]} {count}" for name, count in seen.families.items()),
                    ", ".join(f"{name} {count}" for name, count in seen.families.items()),
                ),
            )
        if tally.duplicates:
            tell("duplicates", count=tally.duplicates, rows=tally.duplicate_rows)
        if tally.empty:
            tell("empty_rows", count=tally.empty, rows=tally.empty_rows)
        for code, listed in (("totals_left", "totals"), ("notes_left", "notes"), ("long_rows", "long_rows")):
            if rows := getattr(self.source, listed, []):
                tell(code, count=len(rows), rows=rows)
        if where is not None and where.unread:
            code = "join_unknown" if where.how == "join" else "position_unreadable"
            tell(code, count=where.unread, rows=where.unread_rows, columns=", ".join(where.columns))
        if where is not None and where.disagreeing:
            names = ", ".join([*where.columns[:1], *(column for column, _level in where.named)])
            tell("join_disagrees", count=where.disagreeing, rows=where.disagreeing_rows, columns=names)
        rest = tally.without - (where.unread if where else 0) - seen.lost - seen.unprojectable
        if rest > 0:
            tell("without_geometry", count=rest, rows=tally.without_rows)
        if cut := [column for column in cols if column.cut]:
            names = ", ".join(column.title for column in cut)
            tell("texts_cut", columns=names, count=sum(column.cut for column in cut), limit=limits.CELL_CHARACTERS)
        if times := [column.title for column in cols if 0 < column.zoned < column.values]:
            tell("times_mixed", columns=", ".join(times))
        if marked := [column for column in cols if column.nothing]:
            names = ", ".join(column.title for column in marked)
            tell("marks_of_nothing", columns=names, count=sum(column.nothing for column in marked))
        if units := [f"{column.title} ({column.unit})" for column in cols if column.unit]:
            tell("units_taken_off", columns=", ".join(units))
        if short := [column.title for column in cols if column.short_years]:
            tell("years_short", columns=", ".join(short))
        columns.tell_personal(cols, self.findings)
        if any(column.title != column.name for column in cols):
            renamed = [f"{column.title} → {column.name}" for column in cols if column.title.lower() != column.name]
            if renamed:
                tell("renamed", count=len(renamed), names="; ".join(renamed[:12]))
        placed = sum(tally.placed.values())
        if self.places.kecamatan and tally.far:
            tell("outside" if tally.far < placed else "all_outside", count=tally.far, of=placed)

    def _result(self, tally: Tally, cols: list[Column], decision: crs.Decision) -> dict[str, Any]:
        inside = sorted(((name, n) for name, n in tally.placed.items() if name), key=lambda pair: -pair[1])
        hidden = {column.name for column in cols if column.personal}
        return {
            "kind": self.source.kind,
            "rows": tally.written,
            "geometry_type": geometry.type_name(tally.seen, multipoints=self.multipoints),
            "source_crs": decision.name,
            "extent": [float(corner) for corner in tally.bounds] or None,
            "kecamatan": [{"name": name, "count": count} for name, count in inside],
            "kecamatan_of": sum(tally.placed.values()),
            "fields": [column.dictionary() for column in cols],
            "statistics": {column.name: column.statistics() for column in cols},
            "elsewhere": self.elsewhere,
            "preview": [{name: value for name, value in row.items() if name not in hidden} for row in tally.preview],
        }
