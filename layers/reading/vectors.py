"""What GDAL reads, through pyogrio's stream: one pass, batch by batch, whatever the size."""

import os
import struct
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyogrio
import shapely

from layers.reading import limits
from layers.reading.columns import cleaned
from layers.reading.encodings import dbf_encoding, is_same
from layers.reading.findings import Choice, Findings, Stopped
from layers.reading.source import BATCH, Batch, Lazy

# Columns that GDAL's KML driver adds to every file.
KML_FILLERS = {
    "timestamp", "begin", "end", "altitudeMode", "tessellate", "extrude", "visibility", "drawOrder", "icon", "snippet",
}  # fmt: skip
GPX_PARTS = ("waypoints", "routes", "tracks")
READ_ERRORS = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.FieldError,
    pyogrio.errors.GeometryError,
    pyarrow.ArrowException,
    shapely.errors.GEOSException,
    RuntimeError,
    OSError,
)
TEMPORAL = (pyarrow.types.is_date, pyarrow.types.is_timestamp, pyarrow.types.is_time)


class Vectors:
    """One layer of a file that GDAL reads, or all folders of a KML."""

    is_table = False
    comma = False

    def __init__(self, kind: str, path: Path, findings: Findings, *, layer: str | None, encoding: str | None) -> None:
        self.kind, self.path, self.findings = kind, path, findings
        self.encoding: str | None = encoding
        if kind == "shp":
            _check_parts(path)
            self._find_encoding()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.layers = self._choose(layer)
                infos = [pyogrio.read_info(path, layer=name, encoding=self._encoding()) for name in self.layers]
        except READ_ERRORS as error:
            raise self._unreadable(error) from error
        except UnicodeError as error:
            raise Stopped("encoding_wrong", file=path.name, encoding=self.encoding or "UTF-8") from error
        self.crs: str | None = next((info["crs"] for info in infos if info["crs"]), None)
        self.features = sum(max(0, info["features"]) for info in infos)
        if self.features > limits.ROWS:
            raise Stopped("many_rows", count=int(self.features), limit=limits.ROWS)
        titles: dict[str, None] = {}
        for info in infos:
            titles |= dict.fromkeys(str(field) for field in info["fields"])
        if len(titles) > limits.COLUMNS:
            raise Stopped("many_columns", count=len(titles), limit=limits.COLUMNS)
        if kind == "kml":
            titles = {title: None for title in titles if title not in KML_FILLERS}
        self.titles = list(titles)
        if len(self.layers) > 1:
            self.titles.append("folder")

    def batches(self) -> Iterator[Batch]:
        """Read the layers one after another."""
        first = 1
        try:
            for layer in self.layers:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    # Times as text: a column of Arrow has one zone, and loses what some of its times say.
                    with pyogrio.open_arrow(
                        self.path,
                        layer=layer,
                        encoding=self._encoding(),
                        batch_size=BATCH,
                        use_pyarrow=True,
                        datetime_as_string=True,
                    ) as (meta, stream):
                        geometry = meta["geometry_name"] or "wkb_geometry"
                        kinds = dict(zip(meta["fields"], meta["ogr_types"], strict=True))
                        moments = {title for title, kind in kinds.items() if kind == "OFTDateTime"}
                        for record in stream:
                            yield self._batch(record, geometry, layer, first, moments)
                            first += record.num_rows
        except READ_ERRORS as error:
            raise self._unreadable(error) from error

    def _batch(self, record: Any, geometry: str, layer: str, first: int, moments: set[str]) -> Batch:
        size = record.num_rows
        given = {field.name: record.column(index) for index, field in enumerate(record.schema)}
        arrays: dict[str, Any] = {}
        for title in self.titles:
            if title in given:
                arrays[title] = _plain(given[title])
            else:
                filler = layer if title == "folder" and len(self.layers) > 1 else None
                arrays[title] = pyarrow.array([filler] * size, pyarrow.string())

        def values(title: str, count: int | None) -> list[Any]:
            found = _values(arrays[title][:count])
            return list(map(_moment, found)) if title in moments else found

        columns = Lazy(self.titles, values)
        if geometry in given:
            wkb = np.array(_plain(given[geometry]).to_pylist(), dtype=object)
            # on_invalid: a ring of two points is no geometry for GEOS; the row is told as one without.
            shapes = shapely.from_wkb(wkb, on_invalid="ignore")
        else:
            shapes = np.full(size, None, dtype=object)
        return Batch(list(range(first, first + size)), columns, shapes, arrays)

    def _choose(self, wanted: str | None) -> list[str]:
        found = [(str(name), kind) for name, kind in pyogrio.list_layers(self.path)]
        if wanted is not None:
            if wanted not in {name for name, _ in found}:
                raise Stopped("layer_missing", layer=wanted, names=", ".join(name for name, _ in found))
            return [wanted]
        spatial = [name for name, kind in found if kind] or [name for name, _ in found]
        if self.kind == "gpx":
            spatial = [name for name in spatial if name in GPX_PARTS]
        if self.kind in {"kml", "gpx"} or len(spatial) > 1:
            counts = {
                name: pyogrio.read_info(self.path, layer=name, force_feature_count=True)["features"] for name in spatial
            }
            spatial = [name for name in spatial if counts[name]] or spatial[:1]
            if len(spatial) > 1 and self.kind != "kml":
                raise Stopped(
                    "choose_layer",
                    file=self.path.name,
                    choices=[Choice(n, f"{n} ({counts[n]} baris)", f"{n} ({counts[n]} rows)") for n in spatial],
                )
        if not spatial:
            raise Stopped("no_rows", file=self.path.name)
        return spatial

    def _count(self, layer: str) -> int:
        return int(pyogrio.read_info(self.path, layer=layer, force_feature_count=True)["features"])

    def _find_encoding(self) -> None:
        if self.encoding:
            return
        found, declared = dbf_encoding(self.path)
        if declared and not is_same(found, declared):
            self.findings.tell("encoding_lies", declared=declared, encoding=found)
        elif not declared and found != "UTF-8":
            self.findings.tell("encoding_found", encoding=found)
        self.encoding = found

    def _encoding(self) -> str | None:
        return self.encoding if self.kind == "shp" else None

    def _unreadable(self, error: Exception) -> Stopped:
        if self.kind == "geojson" and "not recognized" in str(error):
            return Stopped("is_other_json", file=self.path.name)
        text = str(error).replace(str(self.path.parent) + os.sep, "").replace(str(self.path.parent), "")
        return Stopped("is_damaged_why", file=self.path.name, why=text[:200])


def _values(column: Any) -> list[Any]:
    """Return a column as Python values; text that is not valid UTF-8 (letters cut off) with marks in its place."""
    kind = column.type
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        try:
            values = column.to_numpy(zero_copy_only=False).tolist()
        except UnicodeDecodeError:
            raw = column.cast(pyarrow.binary()).to_pylist()
            values = [None if value is None else value.decode("utf-8", "replace").rstrip("\ufffd") for value in raw]
        return [cleaned(value) for value in values]
    if column.null_count or any(test(kind) for test in TEMPORAL) or not pyarrow.types.is_primitive(kind):
        values = column.to_pylist()
        if pyarrow.types.is_time(kind):
            return [None if value is None else value.isoformat() for value in values]
        if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
            return [None if value is None else ", ".join(map(str, value)) for value in values]
    else:
        values = column.to_numpy(zero_copy_only=False).tolist()
    return [cleaned(value) for value in values] if pyarrow.types.is_floating(kind) else values


def _moment(text: str | None) -> datetime | str | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:  # a day that no calendar has
        return text


def _plain(column: Any) -> Any:
    return column.storage if isinstance(column, pyarrow.ExtensionArray) else column


def _check_parts(path: Path) -> None:
    """Refuse a shapefile without its table, or one cut off while it was copied: its header says how long it is."""
    dbf = path.with_suffix(".dbf")
    if not dbf.exists():
        raise Stopped("shp_part_missing", file=path.name, parts=".dbf")
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100:
        raise Stopped("is_cut", file=path.name)
    length = struct.unpack(">i", head[24:28])[0] * 2
    if length > path.stat().st_size:
        raise Stopped("is_cut", file=path.name)
    with dbf.open("rb") as file:
        head = file.read(32)
    if len(head) < 32:
        raise Stopped("is_cut", file=dbf.name)
    rows, begin, width = struct.unpack("<IHH", head[4:12])
    if begin + rows * width > dbf.stat().st_size + 1:
        raise Stopped("is_cut", file=dbf.name)
