"""Taking a layer away: `/data/<slug>/unduh/<format>/`, whole or as filtered, in one of several coordinate systems.

GeoJSON, CSV and KML are written by PostgreSQL and streamed as it writes them, whatever their size. The other formats
need a whole file: it is made in chunks, in a temporary place, up to a number of features; beyond it the request is
refused with the limit and what to take instead. Licence and metadata travel inside the file, or beside it in a ZIP.
"""

import csv
import datetime as dt
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.db import connection, transaction
from django.http import FileResponse, Http404, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from psycopg2 import sql

from accounts.models import User
from geo.errors import ParameterError
from geo.params import parse_whole
from layers.errors import TooLarge
from layers.formats import CRS, FORMATS, Format
from layers.metadata import dcat, page_url, printable
from layers.models import Access, ApiKey, LayerDownload
from layers.ogc.times import Moment, first_instant, parse_moment
from layers.selection import Selection

CHUNK = 2_000
GEOMETRY_MAX_BYTES = 150_000_000
"""Geometry, as PostGIS holds it, that a file takes which cannot be streamed."""
FORMULA = r"^\s*[=+\-@\t\r].*[^\s=+\-@]"
"""What a spreadsheet would compute, as PostgreSQL and Python (DOTALL) read it: a sign and something after it.

A sign alone is how many write that there are no data.
"""
DECIMALS = {4326: 7}
METRIC_DECIMALS = 3
CELL_MAX = 32_767
"""Characters that a cell of a spreadsheet holds."""
SHP_NAME_MAX = 10
SHP_TEXT_MAX = 254
FIRST_YEAR = 1900
"""The first whose days a spreadsheet holds as dates."""


@dataclass(frozen=True)
class Download:
    """What is taken: which features, in which format and coordinate system (EPSG code)."""

    chosen: Selection
    format: Format
    srid: int
    base: str

    @property
    def name(self) -> str:
        """The name of the file without its ending."""
        if self.chosen.layer.asked:
            return slugged(self.chosen.layer.title)[:80].strip("-")
        version = self.chosen.version.number
        place = f"-{slugged(self.chosen.kecamatan.name)}" if self.chosen.kecamatan else ""
        part = "-dipilih" if self.chosen.q else ""
        return f"{self.chosen.layer.slug}-v{version}{place}{part}"

    @property
    def decimals(self) -> int:
        return DECIMALS.get(self.srid, METRIC_DECIMALS)

    @property
    def fields(self) -> list[dict[str, Any]]:
        return self.chosen.layer.shown_fields()

    @property
    def geometry(self) -> sql.Composable:
        """The geometry of `f` in the wanted coordinate system."""
        if self.srid == 4326:
            return sql.SQL("f.geom")
        return sql.SQL("ST_Transform(f.geom, {})").format(sql.Literal(self.srid))


def read_download(chosen: Selection, code: str, params: Mapping[str, str], base: str) -> Download:
    """Return what `crs` (an EPSG code) and the address ask for. Raises Http404 and ParameterError."""
    if code not in FORMATS:
        raise Http404
    one = FORMATS[code]
    text = params.get("crs", "")
    srid = parse_whole(text.upper().removeprefix("EPSG:"), name="crs") if text else 4326
    if srid not in CRS:
        known = ", ".join(str(each) for each in CRS)
        raise ParameterError("crs", text, _("crs must be one of %(known)s.") % {"known": known})
    if one.degrees_only and srid != 4326:
        raise ParameterError("crs", text, _("%(format)s is always in degrees (EPSG:4326).") % {"format": one.title})
    return Download(chosen, one, srid, base)


def answer(wanted: Download, *, by: Any, key: ApiKey | None = None) -> HttpResponseBase:
    """Return the file as an attachment. Raises TooLarge. Downloads of what not everybody may read are recorded."""
    writer = STREAMED.get(wanted.format.code)
    response: HttpResponseBase
    if writer is None:
        refuse_too_large(wanted)
        record(wanted, by=by, key=key)
        response = FileResponse(make_file(wanted), content_type=wanted.format.media_type)
    else:
        record(wanted, by=by, key=key)
        kind = wanted.format.media_type + ("; charset=utf-8" if wanted.format.code == "csv" else "")
        response = StreamingHttpResponse(writer(wanted), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{wanted.name}.{wanted.format.ending}"'
    if not wanted.chosen.layer.asked:
        response["Link"] = f'<{page_url(wanted.chosen.layer, wanted.base)}metadata.jsonld>; rel="describedby"'
    return response


def record(wanted: Download, *, by: Any, key: ApiKey | None = None) -> None:
    """Write down who (and by which key) takes what not everybody may read: a layer, or fields of it."""
    if not isinstance(by, User):
        return
    for layer, version in wanted.chosen.taken_from:
        if layer.access == Access.PUBLIC and not layer.tells_reader_more():
            continue
        LayerDownload.objects.create(
            layer=layer,
            version=version,
            user=by,
            key=key,
            format=wanted.format.code,
            srid=wanted.srid,
            conditions=wanted.chosen.conditions,
        )


def refuse_too_large(wanted: Download) -> None:
    """Raise TooLarge if the chosen features are too many, or their outlines too detailed, for a file made at once."""
    limit = wanted.format.limit or 0
    statement = sql.SQL(
        "SELECT count(*), coalesce(sum(size), 0) FROM"
        " (SELECT ST_MemSize(f.geom)::bigint AS size FROM {source} f WHERE {where} LIMIT {most}) found"
    ).format(source=wanted.chosen.source, where=wanted.chosen.where, most=sql.Literal(limit + 1))
    with connection.cursor() as cursor:
        cursor.execute(statement)
        count, size = cursor.fetchone()
    if count > limit or size > GEOMETRY_MAX_BYTES:
        raise TooLarge(
            _(
                "%(format)s takes at most %(limit)s features (or %(size)d MB of outlines) at once. "
                "Choose a kecamatan or fewer words; take GeoJSON, CSV or KML, which have no limit; or let a program "
                "read it page by page at /ogc/."
            )
            % {
                "format": wanted.format.title,
                "limit": number_format(limit, force_grouping=True),
                "size": GEOMETRY_MAX_BYTES // 1_000_000,
            }
        )


# Streamed by PostgreSQL ----------------------------------------------------------------------------------------------


def stream_geojson(wanted: Download) -> Iterator[bytes]:
    """Yield a GeoJSON FeatureCollection. Beyond degrees it names its coordinate system, as GDAL and QGIS read it."""
    layer = wanted.chosen.layer
    head: dict[str, Any] = {"type": "FeatureCollection", "name": layer.slug}
    if wanted.srid != 4326:
        head["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{wanted.srid}"}}
    head |= {
        "title": layer.title,
        "licence": layer.licence,
        "attribution": layer.agency.name,
        "source": page_url(layer, wanted.base),
        "synthetic": layer.synthetic,
    }
    statement = sql.SQL(
        'SELECT \'{{"type":"Feature","id":\' || f.fid || \',"properties":\' || {shown}::text || \',"geometry":\''
        " || coalesce(ST_AsGeoJSON({geometry}, {decimals}), 'null') || '}}'"
        " FROM {source} f WHERE {where} ORDER BY f.fid"
    ).format(
        shown=wanted.chosen.shown,
        geometry=wanted.geometry,
        decimals=sql.Literal(wanted.decimals),
        source=wanted.chosen.source,
        where=wanted.chosen.where,
    )
    yield (json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [\n').encode()
    first = True
    for rows in _chunks(statement):
        yield (("" if first else ",\n") + ",\n".join(row[0] for row in rows)).encode()
        first = False
    yield b"\n]}\n"


def stream_csv(wanted: Download) -> Iterator[bytes]:
    """Yield CSV, UTF-8 with a mark that Excel needs. Points come as two columns, other outlines as WKT.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers stay numbers.
    """
    is_point = wanted.chosen.version.geometry_type.upper().removesuffix(" Z") == "POINT"
    fid, *places = added_names(wanted, is_point=is_point)
    cells = [_csv_cell(str(field["name"])) for field in wanted.fields]
    decimals = sql.Literal(wanted.decimals)
    if is_point:
        corner = "coalesce(round(ST_{axis}({geometry})::numeric, {decimals})::text, '')"
        cells += [
            sql.SQL(corner.replace("{axis}", axis)).format(geometry=wanted.geometry, decimals=decimals) for axis in "XY"
        ]
    else:
        cells.append(
            sql.SQL("coalesce('\"' || ST_AsText({geometry}, {decimals}) || '\"', '')").format(
                geometry=wanted.geometry, decimals=decimals
            )
        )
    statement = sql.SQL("SELECT f.fid || ',' || {cells} FROM {features} ORDER BY f.fid").format(
        cells=sql.SQL(" || ',' || ").join(cells), features=wanted.chosen.unpacked
    )
    head = io.StringIO()
    csv.writer(head, lineterminator="\r\n").writerow(
        [safe_cell(name) for name in [fid, *(str(field["name"]) for field in wanted.fields), *places]]
    )
    yield ("\ufeff" + head.getvalue()).encode()
    for rows in _chunks(statement):
        yield "".join(f"{row[0]}\r\n" for row in rows).encode()


def added_names(wanted: Download, *, is_point: bool) -> list[str]:
    """Return the names of the columns that a table has beside the fields: the number, then the place.

    An underscore at the end tells one from a field of that name.
    """
    corners = ["lon", "lat"] if wanted.srid == 4326 else ["x", "y"]
    taken = {str(field["name"]).casefold() for field in wanted.fields}
    names = []
    for name in ["fid", *(corners if is_point else ["wkt"])]:
        while name in taken:
            name += "_"
        names.append(name)
    return names


def _csv_cell(name: str) -> sql.Composable:
    """Return an expression for a property as a CSV cell: numbers as they are, everything else quoted and harmless."""
    return sql.SQL(
        "CASE jsonb_typeof(f.properties->{name}) WHEN 'number' THEN f.properties->>{name}"
        " WHEN 'null' THEN ''"
        " ELSE coalesce('\"' || CASE WHEN f.properties->>{name} ~ {formula} THEN '''' ELSE '' END"
        " || replace(f.properties->>{name}, '\"', '\"\"') || '\"', '') END"
    ).format(name=sql.Literal(name), formula=sql.Literal(FORMULA))


def stream_kml(wanted: Download) -> Iterator[bytes]:
    """Yield KML. Values are XML text, so that no markup of a value is ever drawn."""
    layer = wanted.chosen.layer
    fields = [str(field["name"]) for field in wanted.fields]
    titles = {str(field["name"]): str(field.get("title") or field["name"]) for field in wanted.fields}
    seen: set[str] = set()
    for name, title in titles.items():
        if title.casefold() in seen:  # readers would keep one of the two
            titles[name] = name
        seen.add(titles[name].casefold())
    data = [
        sql.SQL(
            'CASE WHEN f.properties->>{name} IS NOT NULL THEN xmlelement(name "Data", xmlattributes({title} AS name),'
            " xmlelement(name value, {value})) END"
        ).format(name=sql.Literal(name), title=sql.Literal(printable(titles[name])), value=_xml_value(name))
        for name in fields
    ]
    named = next((name for name in fields if re.match(r"(nama|name|nm|judul)", name, re.IGNORECASE)), None)
    statement = sql.SQL(
        "SELECT '<Placemark>' || xmlelement(name name, {label})::text"
        ' || xmlelement(name "ExtendedData", {data})::text'
        " || coalesce({outline}, '') || '</Placemark>' FROM {features} ORDER BY f.fid"
    ).format(
        outline=_KML_OUTLINE,
        label=_xml_value(named) if named else sql.SQL("f.fid::text"),
        data=sql.SQL(", ").join(data) if data else sql.SQL("NULL"),
        features=wanted.chosen.unpacked,
    )
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        f"<name>{_xml(layer.title)}</name><description>{_xml(readme(wanted))}</description>\n"
    ).encode()
    for rows in _chunks(statement):
        yield "".join(f"{row[0]}\n" for row in rows).encode()
    yield b"</Document></kml>\n"


# PostGIS writes no KML of collections: their parts are written one by one.
_KML_OUTLINE = sql.SQL(
    "CASE GeometryType(f.geom) WHEN 'GEOMETRYCOLLECTION' THEN"
    " (SELECT '<MultiGeometry>' || string_agg(ST_AsKML(d.geom, 7), '' ORDER BY d.path) || '</MultiGeometry>'"
    " FROM ST_Dump(f.geom) d) ELSE ST_AsKML(f.geom, 7) END"
)


def _xml_value(name: str) -> sql.Composable:
    controls = sql.Literal("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
    return sql.SQL("regexp_replace(f.properties->>{name}, {controls}, '', 'g')").format(
        name=sql.Literal(name), controls=controls
    )


def _xml(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(printable(text))


STREAMED: dict[str, Callable[[Download], Iterator[bytes]]] = {
    "geojson": stream_geojson,
    "csv": stream_csv,
    "kml": stream_kml,
}


# Made as a file ------------------------------------------------------------------------------------------------------


def make_file(wanted: Download) -> IO[bytes]:
    """Return the open file; it is gone from the disk when it is closed."""
    with tempfile.TemporaryDirectory(prefix="unduh-") as folder:
        path = Path(folder) / f"{wanted.name}.{wanted.format.ending}"
        MADE[wanted.format.code](wanted, path)
        return path.open("rb")  # the name goes with the folder, the bytes stay until it is closed


def write_gpkg(wanted: Download, path: Path) -> None:
    """Write a GeoPackage, chunk by chunk, with the metadata in its own tables."""
    import pyogrio

    family = _family(wanted)
    for start, frame in enumerate(frames(wanted)):
        more: dict[str, Any] = {"append": True} if start else {"layer_metadata": _about(wanted)}
        more |= {"layer": wanted.chosen.layer.slug, "geometry_type": family, "use_arrow": _has_days(frame)}
        pyogrio.write_dataframe(frame, path, driver="GPKG", **more)


def write_fgb(wanted: Download, path: Path) -> None:
    """Write a FlatGeobuf with title and description in its head."""
    import pyogrio

    frame = whole_frame(wanted)
    words = readme(wanted)
    if _has_days(frame):
        words += "\n\n" + _("Days are written as times at 00:00: FlatGeobuf has no type for a day alone.")
    options = {"TITLE": wanted.chosen.layer.title, "DESCRIPTION": words}
    if (frame.geometry.isna() | frame.geometry.is_empty).any():
        options["SPATIAL_INDEX"] = "NO"  # the format's index has no room for features without a place
    more = {"layer": wanted.chosen.layer.slug, "layer_options": options, "use_arrow": _has_days(frame)}
    pyogrio.write_dataframe(frame, path, driver="FlatGeobuf", **more)


def write_parquet(wanted: Download, path: Path) -> None:
    """Write GeoParquet with the metadata in the file's key-value metadata."""
    import pyarrow.parquet as parquet

    whole_frame(wanted).to_parquet(path)
    table = parquet.read_table(path)
    about = {key.encode(): value.encode() for key, value in _about(wanted).items()}
    parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **about}), path)


def write_shp(wanted: Download, path: Path) -> None:
    """Write a ZIP with one shapefile for each kind of outline, README.txt and the metadata.

    A collection has its parts in the files of their kinds; features without a place are in the first file. Names are
    cut to ten letters; README.txt says which is which.
    """
    import pyogrio

    frame, collections = _without_collections(whole_frame(wanted))
    short = short_names([column for column in frame.columns if column != "geometry"])
    frame = frame.rename(columns=short)
    cut = _cut_texts(frame)
    stem = path.parent / "shp"
    stem.mkdir()
    kinds = frame.geometry.geom_type.str.removeprefix("Multi")
    placeless = frame.geometry.isna() | frame.geometry.is_empty
    there = sorted(kinds[~placeless].unique())
    for kind in there or [None]:
        name = wanted.name if len(there) < 2 else f"{wanted.name}-{str(kind).lower()}"
        part = frame[(kinds == kind) & ~placeless | (placeless if kind == there[0] else False)] if kind else frame
        if kind == "Point" and (part.geometry.geom_type == "MultiPoint").any():  # one file takes one of the two
            part = part.set_geometry(part.geometry.map(_as_multipoint))
        more: dict[str, Any] = {"use_arrow": _has_days(frame)} | ({} if kind else {"geometry_type": _family(wanted)})
        pyogrio.write_dataframe(part, stem / f"{name}.shp", driver="ESRI Shapefile", encoding="UTF-8", **more)
    renamed = [f"{new} = {old}" for old, new in short.items() if old != new]
    words = readme(wanted) + ("\n\n" + _("Names of fields were cut:") + "\n" + "\n".join(renamed) if renamed else "")
    if any(field.get("type") == "datetime" for field in wanted.fields):
        words += "\n\n" + _("Times are written as text: a Shapefile has a type for days only.")
    if cut:
        words += "\n\n" + _("Texts of more than %(most)d bytes were cut in: %(names)s. GeoPackage has them whole.") % {
            "most": SHP_TEXT_MAX,
            "names": ", ".join(cut),
        }
    if collections:
        words += "\n\n" + _("Features of several kinds of outlines have a row in each of the files.")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(stem.iterdir()):
            archive.write(file, file.name)
        archive.writestr("README.txt", words.replace("\n", "\r\n"))
        archive.writestr(
            "metadata.json", json.dumps(dcat(wanted.chosen.layer, wanted.base), ensure_ascii=False, indent=1)
        )


def _cut_texts(frame: Any) -> list[str]:
    """Cut what a Shapefile has no room for; return the names of the columns in which that was so."""
    import pandas as pd

    cut = []
    for name in frame.columns:
        if not isinstance(frame[name].dtype, pd.StringDtype):
            continue
        long = frame[name].map(lambda text: len(text.encode()) > SHP_TEXT_MAX, na_action="ignore").eq(True)
        if long.any():
            short = [text.encode()[:SHP_TEXT_MAX].decode(errors="ignore") for text in frame.loc[long, name]]
            frame.loc[long, name] = short
            cut.append(name)
    return cut


def _as_multipoint(outline: Any) -> Any:
    import shapely

    return shapely.multipoints([outline]) if outline is not None and outline.geom_type == "Point" else outline


def _without_collections(frame: Any) -> tuple[Any, bool]:
    """Return a frame whose collections are a row for each kind of their parts, and whether there are any."""
    import geopandas as gpd
    import pandas as pd
    import shapely

    mixed = frame.geometry.geom_type == "GeometryCollection"
    if not mixed.any():
        return frame, False
    rows: list[Any] = []
    outlines: list[Any] = []
    for row, collection in frame.geometry[mixed].items():
        parts = shapely.get_parts(collection)
        if not len(parts):
            rows.append(row)
            outlines.append(None)
        while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
            parts = shapely.get_parts(parts)
        for dimension, many in enumerate((shapely.multipoints, shapely.multilinestrings, shapely.multipolygons)):
            of_kind = parts[shapely.get_dimensions(parts) == dimension]
            if len(of_kind):
                rows.append(row)
                outlines.append(of_kind[0] if dimension == 0 and len(of_kind) == 1 else many(of_kind))
    divided = frame.loc[rows].set_geometry(gpd.GeoSeries(outlines, index=rows, crs=frame.crs))
    whole = pd.concat([frame[~mixed], divided]).sort_index(kind="stable")
    return gpd.GeoDataFrame(whole, crs=frame.crs), True


def write_xlsx(wanted: Download, path: Path) -> None:
    """Write a workbook row by row: the data with a fixed first row, and a sheet that says what they are.

    Texts are written as texts: none is a formula. Times, which have no offset there, are the regency's.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.utils.exceptions import IllegalCharacterError

    book = Workbook(write_only=True)
    sheet = book.create_sheet("data")
    sheet.freeze_panes = "A2"

    def cell(value: Any) -> Any:
        if value is None or isinstance(value, (int, float)):
            return value
        if isinstance(value, dt.date):
            return timezone.make_naive(value) if isinstance(value, dt.datetime) else value
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        try:
            made = WriteOnlyCell(sheet, text[:CELL_MAX])
        except IllegalCharacterError:
            made = WriteOnlyCell(sheet, re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text)[:CELL_MAX])
        made.data_type = "s"
        return made

    kinds = kinds_of(wanted)
    names = list(kinds)
    is_point = wanted.chosen.version.geometry_type.upper() == "POINT"
    number, *added = added_names(wanted, is_point=is_point)
    sheet.append([cell(name) for name in [number, *names, *added]])
    statement = sql.SQL(
        "SELECT f.fid, {shown}::text, CASE WHEN {is_point} THEN ST_X({geometry}) END,"
        " CASE WHEN {is_point} THEN ST_Y({geometry}) ELSE NULL END,"
        " CASE WHEN NOT {is_point} THEN ST_AsText({geometry}, {decimals}) END"
        " FROM {source} f WHERE {where} ORDER BY f.fid"
    ).format(
        shown=wanted.chosen.shown,
        is_point=sql.Literal(is_point),
        geometry=wanted.geometry,
        decimals=sql.Literal(wanted.decimals),
        source=wanted.chosen.source,
        where=wanted.chosen.where,
    )
    for rows in _chunks(statement):
        for fid, text, x, y, wkt in rows:
            properties = json.loads(text)
            places = (
                [round(x, wanted.decimals), round(y, wanted.decimals)]
                if is_point and x is not None
                else [cell(fitting(wkt))]
            )
            values = (_typed(kinds[name], properties.get(name)) for name in names)
            sheet.append([fid, *(cell(value) for value in values), *places])
    about = book.create_sheet("README")
    for line in readme(wanted).split("\n"):
        about.append([cell(line)])
    if "datetime" in kinds.values():
        about.append([cell(_("Times are in WITA (UTC+8)."))])
    book.save(path)


MADE: dict[str, Callable[[Download, Path], None]] = {
    "gpkg": write_gpkg,
    "fgb": write_fgb,
    "parquet": write_parquet,
    "shp": write_shp,
    "xlsx": write_xlsx,
}


def frames(wanted: Download) -> Iterator[Any]:
    """Yield the chosen features as GeoDataFrames of CHUNK rows, all with the same columns; at least one."""
    import geopandas as gpd
    import shapely

    kinds = kinds_of(wanted)
    names = list(kinds)
    statement = sql.SQL(
        "SELECT f.fid, {shown}::text, ST_AsBinary({geometry}) FROM {source} f WHERE {where} ORDER BY f.fid"
    ).format(
        shown=wanted.chosen.shown, geometry=wanted.geometry, source=wanted.chosen.source, where=wanted.chosen.where
    )
    made = False
    for rows in _chunks(statement):
        properties = [json.loads(row[1]) for row in rows]
        columns = {_free(name, names): _column(kinds[name], [p.get(name) for p in properties]) for name in names}
        outlines = shapely.from_wkb([bytes(row[2]) if row[2] is not None else None for row in rows])
        yield gpd.GeoDataFrame(columns, geometry=outlines, crs=f"EPSG:{wanted.srid}")
        made = True
    if not made:
        empty = {name: _column(kinds[name], []) for name in names}
        yield gpd.GeoDataFrame(empty, geometry=[], crs=f"EPSG:{wanted.srid}")


def whole_frame(wanted: Download) -> Any:
    """Return the chosen features as one GeoDataFrame; `refuse_too_large` has bounded it."""
    import geopandas as gpd
    import pandas as pd

    return gpd.GeoDataFrame(pd.concat(list(frames(wanted)), ignore_index=True), crs=f"EPSG:{wanted.srid}")


def kinds_of(wanted: Download) -> dict[str, str]:
    """Return the types of the fields; dates and times are text if the file cannot hold one of them as such.

    The whole is looked through first: what is written in chunks has one type from the first chunk on.
    """
    kinds = {str(field["name"]): str(field.get("type", "text")) for field in wanted.fields}
    # Shapefiles know days only.
    typed = {"date"} if wanted.format.code == "shp" else {"date", "datetime"}
    moments = [name for name, kind in kinds.items() if kind in typed]
    kinds |= {name: "text" for name, kind in kinds.items() if kind == "datetime" and kind not in typed}
    if not moments:
        return kinds
    statement = sql.SQL("SELECT {values} FROM {source} f WHERE {where}").format(
        values=sql.SQL(", ").join(sql.SQL("f.properties->>{}").format(sql.Literal(name)) for name in moments),
        source=wanted.chosen.source,
        where=wanted.chosen.where,
    )
    first = FIRST_YEAR if wanted.format.code == "xlsx" else 1
    for rows in _chunks(statement):
        for name, values in zip(moments, zip(*rows, strict=True), strict=True):
            read = (_moment(kinds[name], text) for text in values if text is not None)
            if kinds[name] != "text" and any(moment is None or moment.year < first for moment in read):
                kinds[name] = "text"
    return kinds


def _moment(kind: str, text: str) -> Moment | None:
    """Return a date, or an instant in UTC, as a text says it; None if it does not."""
    try:
        moment = parse_moment(text, name="")
        if kind == "datetime":
            return first_instant(moment).astimezone(dt.UTC)
    except (ParameterError, OverflowError):
        return None
    return None if isinstance(moment, dt.datetime) else moment


def _typed(kind: str, value: Any) -> Any:
    return _moment(kind, value) if kind in {"date", "datetime"} and isinstance(value, str) else value


def _has_days(frame: Any) -> bool:
    """Whether the frame must go to GDAL by Arrow: the other way makes days texts."""
    return any(str(dtype).startswith("date32") for dtype in frame.dtypes)


def _column(kind: str, values: list[Any]) -> Any:
    """Return values as a column of the dictionary's type; as text if one of them is not of that type."""
    import pandas as pd
    import pyarrow as pa

    if kind == "date":
        return pd.array([_typed(kind, value) for value in values], dtype=pd.ArrowDtype(pa.date32()))
    if kind == "datetime":
        instants = [_typed(kind, value) for value in values]
        return pd.array([pd.NaT if one is None else one for one in instants], dtype="datetime64[us, UTC]")
    if kind in {"integer", "number"} and all(_is_number(value) for value in values if value is not None):
        if kind == "number" or any(value != int(value) for value in values if value is not None):
            return pd.array([float("nan") if value is None else float(value) for value in values], dtype="float64")
        return pd.array([None if value is None else int(value) for value in values], dtype="Int64")
    texts = [
        value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values
    ]
    return pd.array(texts, dtype=pd.StringDtype(na_value=float("nan")))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _free(name: str, names: list[str]) -> str:
    """Return a column's name that does not clash with the geometry's."""
    return f"{name}_" if name == "geometry" and f"{name}_" not in names else name


def _family(wanted: Download) -> str:
    """Return the kind of geometry for a file that is written in parts."""
    kind = wanted.chosen.version.geometry_type.removeprefix("Multi")
    return f"Multi{kind}" if kind in {"LineString", "Polygon"} else (kind if kind == "Point" else "Unknown")


def _about(wanted: Download) -> dict[str, str]:
    layer = wanted.chosen.layer
    return {
        "TITLE": layer.title,
        "ABSTRACT": layer.abstract,
        "LICENCE": layer.licence,
        "PRODUCER": layer.agency.name,
        "README": readme(wanted),
        "DCAT": json.dumps(dcat(layer, wanted.base), ensure_ascii=False),
    }


def short_names(names: list[str]) -> dict[str, str]:
    """Return for each name one of at most ten ASCII letters that no other has."""
    taken: set[str] = set()
    short: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name)[:SHP_NAME_MAX] or "field"
        new, n = plain, 1
        while new.casefold() in taken:
            new = f"{plain[: SHP_NAME_MAX - 1 - len(str(n))]}_{n}"
            n += 1
        taken.add(new.casefold())
        short[name] = new
    return short


# Words ---------------------------------------------------------------------------------------------------------------


def readme(wanted: Download) -> str:
    """Return what travels with the data, in plain words, in both languages' order: what, whose, licence, how."""
    layer, version = wanted.chosen.layer, wanted.chosen.version
    when = date_format(timezone.localtime(version.published_at), "DATE_FORMAT") if version.published_at else "-"
    lines = [
        layer.title,
        *([_("SYNTHETIC: made up for demonstration. Not real.")] if layer.synthetic else []),
        "",
        *([layer.abstract, ""] if layer.abstract else []),
        _("Producer: %(text)s") % {"text": layer.agency.name},
        _("Licence: %(text)s") % {"text": layer.licence or "-"},
        _("Version: %(number)d, published %(when)s") % {"number": version.number, "when": when},
        _("Coordinate system: EPSG:%(srid)d (%(name)s)") % {"srid": wanted.srid, "name": CRS[wanted.srid]},
        *([_("Lineage: %(text)s") % {"text": layer.lineage}] if layer.lineage else []),
        *([_("Source: %(text)s") % {"text": layer.source}] if layer.source else []),
        *([_("Contact: %(text)s") % {"text": layer.contact}] if layer.contact else []),
        *([_("Chosen: %(text)s") % {"text": wanted.chosen.query()}] if not wanted.chosen.is_whole else []),
        _("Taken on %(when)s from %(address)s")
        % {"when": date_format(timezone.localtime(), "DATE_FORMAT"), "address": page_url(layer, wanted.base)},
    ]
    described = [field for field in wanted.fields if field.get("description") or field.get("title")]
    if described:
        lines += ["", _("Fields:")]
        lines += [
            f"- {field['name']}: {field.get('title') or ''} {field.get('description') or ''}".rstrip()
            for field in described
        ]
    return "\n".join(lines)


def fitting(wkt: str | None) -> str | None:
    """Return an outline if a cell holds it whole, else what to do instead; a part of an outline is a wrong one."""
    if wkt is None or len(wkt) <= CELL_MAX:
        return wkt
    return _("(too long for a cell: take GeoPackage or CSV)")


def safe_cell(text: str) -> str:
    """Return `text` as a cell that no spreadsheet computes."""
    return f"'{text}" if re.match(FORMULA, text, re.DOTALL) else text


def slugged(name: str) -> str:
    """Return a name in small ASCII letters for a file name."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")


def _chunks(statement: sql.Composable) -> Iterator[list[tuple[Any, ...]]]:
    """Yield rows by CHUNK from a cursor on the server, in one transaction: one moment's features, little memory."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(CHUNK):
            yield rows
