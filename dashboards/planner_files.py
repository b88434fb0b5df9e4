"""The reports of a planner's question as a file: CSV and GeoJSON streamed, Excel and GeoPackage made row by row.

Files hold public reports only, and of those no description, no names and no contact data: they leave the house.
"""

import csv
import datetime as dt
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext as _

from incidents.clock import WITA
from incidents.models import Report
from incidents.querysets import ReportQuerySet
from layers.downloads import safe_cell

ROWS_MAX = 100_000
"""Reports in one file: what a spreadsheet opens with ease."""
CHUNK = 2_000
COLUMNS = (
    *("ticket", "received", "status", "kind", "group", "category", "title", "agency", "kecamatan", "desa"),
    *("resolve_by", "answered", "lon", "lat"),
)


def rows_of(reports: ReportQuerySet) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the public ones among `reports`, the newest first; days are those of WITA."""
    found = reports.public().with_places().order_by("-created_at", "-id").defer("search", "geom_3857", "description")
    for report in found[:ROWS_MAX].iterator(chunk_size=CHUNK):
        yield _row(report)


def _row(report: Report) -> tuple[Any, ...]:
    category = report.category
    return (
        report.ticket,
        _day(report.created_at),
        report.get_status_display(),
        report.get_kind_display(),
        category.parent.name if category.parent else category.name,
        category.name,
        report.title,
        report.agency.short_name if report.agency else "",
        report.kecamatan.name,
        report.desa.name if report.desa else "",
        _day(report.resolve_due_at),
        _day(report.answered_at),
        round(report.geom.x, 6),
        round(report.geom.y, 6),
    )


def _day(moment: dt.datetime | None) -> str:
    return moment.astimezone(WITA).date().isoformat() if moment else ""


def write_csv(reports: ReportQuerySet) -> Iterator[str]:
    """Yield CSV line by line, with a mark for Excel that it is UTF-8. No cell begins a formula."""
    line = io.StringIO()
    writer = csv.writer(line)

    def taken() -> str:
        text = line.getvalue()
        line.seek(0)
        line.truncate()
        return text

    writer.writerow(COLUMNS)
    yield "\ufeff" + taken()
    for row in rows_of(reports):
        writer.writerow([safe_cell(value) if isinstance(value, str) else value for value in row])
        yield taken()


def write_geojson(reports: ReportQuerySet) -> Iterator[str]:
    """Yield a FeatureCollection feature by feature."""
    yield '{"type":"FeatureCollection","features":['
    between = ""
    for row in rows_of(reports):
        *values, lon, lat = row
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": dict(zip(COLUMNS[:-2], values, strict=True)),
        }
        yield between + json.dumps(feature, ensure_ascii=False)
        between = ",\n"
    yield "]}"


def write_xlsx(reports: ReportQuerySet, about: list[str], path: Path) -> None:
    """Write a workbook row by row: the reports, and a sheet that says what they are. Texts are texts, not formulas."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet = book.create_sheet("reports")
    sheet.freeze_panes = "A2"

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
        made.data_type = "s"
        return made

    sheet.append(COLUMNS)
    for row in rows_of(reports):
        sheet.append([cell(value) for value in row])
    readme = book.create_sheet("README")
    for line in about:
        readme.append([cell(line)])
    book.save(path)


def write_gpkg(reports: ReportQuerySet, about: list[str], path: Path) -> None:
    """Write a GeoPackage of points (EPSG:4326)."""
    import geopandas
    import pyogrio

    rows = list(rows_of(reports))
    columns: dict[str, list[Any]] = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    points = geopandas.points_from_xy(columns["lon"], columns["lat"], crs="EPSG:4326")
    frame = geopandas.GeoDataFrame({name: columns[name] for name in COLUMNS[:-2]}, geometry=points, crs="EPSG:4326")
    pyogrio.write_dataframe(
        frame, path, driver="GPKG", layer="reports", geometry_type="Point", layer_metadata={"about": "\n".join(about)}
    )


STREAMED: dict[str, tuple[Callable[[ReportQuerySet], Iterator[str]], str]] = {
    "csv": (write_csv, "text/csv; charset=utf-8"),
    "geojson": (write_geojson, "application/geo+json"),
}
MADE: dict[str, tuple[Callable[[ReportQuerySet, list[str], Path], None], str]] = {
    "xlsx": (write_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "gpkg": (write_gpkg, "application/geopackage+sqlite3"),
}
FORMATS = [("csv", "CSV"), ("xlsx", "Excel (XLSX)"), ("geojson", "GeoJSON"), ("gpkg", "GeoPackage")]


def answer(reports: ReportQuerySet, code: str, about: list[str]) -> HttpResponseBase:
    """Return the file of a format in `FORMATS` as an attachment; `about` says in lines what it holds."""
    response: HttpResponseBase
    if code in STREAMED:
        writer, kind = STREAMED[code]
        response = StreamingHttpResponse(writer(reports), content_type=kind)
    else:
        maker, kind = MADE[code]
        response = FileResponse(_made(maker, reports, code, about), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="laporan.{code}"'
    return response


def _made(maker: Callable[..., None], reports: ReportQuerySet, code: str, about: list[str]) -> IO[bytes]:
    """Return the open file; it is gone from the disk when it is closed."""
    with tempfile.TemporaryDirectory(prefix="laporan-") as folder:
        path = Path(folder) / f"laporan.{code}"
        maker(reports, about, path)
        return path.open("rb")


def about_of(conditions: list[str]) -> list[str]:
    """Return what a file says of itself."""
    return [
        _("Citizens' reports: %(conditions)s") % {"conditions": "; ".join(conditions)},
        _("Public reports only; without descriptions, names and contact data. Days are those of WITA."),
        _("At most %(most)d reports, the newest first.") % {"most": ROWS_MAX},
    ]
