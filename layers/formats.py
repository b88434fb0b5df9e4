"""The formats and coordinate systems in which a layer can be taken away."""

from dataclasses import dataclass
from functools import lru_cache

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Format:
    """A format: its code in addresses, name, ending, media type, who it is for. `limit`: features it takes at most."""

    code: str
    title: str
    ending: str
    media_type: str
    use: Promise
    limit: int | None = None
    degrees_only: bool = False


FILES_MAX = 50_000
"""Features that a file takes which cannot be streamed: it is made whole before the first byte leaves."""
ROWS_MAX = 50_000

FORMATS = {
    one.code: one
    for one in (
        Format("gpkg", "GeoPackage", "gpkg", "application/geopackage+sqlite3", _("QGIS and other GIS"), FILES_MAX),
        Format("xlsx", "Excel (XLSX)", "xlsx",
               "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _("Excel, as a table"), ROWS_MAX),
        Format("csv", "CSV", "csv", "text/csv", _("spreadsheets and programs, as a table")),
        Format("geojson", "GeoJSON", "geojson", "application/geo+json", _("web maps and programs")),
        Format("shp", "Shapefile (ZIP)", "zip", "application/zip", _("older GIS"), FILES_MAX),
        Format("kml", "KML", "kml", "application/vnd.google-earth.kml+xml", _("Google Earth and phones"), None, True),
        Format("fgb", "FlatGeobuf", "fgb", "application/vnd.flatgeobuf", _("large maps on the web"), FILES_MAX),
        Format("parquet", "GeoParquet", "parquet", "application/vnd.apache.parquet", _("data science"), FILES_MAX),
    )
}  # fmt: skip


@lru_cache(maxsize=10_000)
def formats_for(features: int) -> tuple[str, ...]:
    """Return the codes of the formats in which so many features can be taken as a whole."""
    return tuple(one.code for one in FORMATS.values() if one.limit is None or features <= one.limit)


CRS = {
    4326: _("WGS 84, degrees"),
    3857: _("Web Mercator, metres"),
    32650: _("WGS 84 / UTM zone 50N, metres"),
    23880: _("DGN95 / UTM zone 50S, metres"),
    23837: _("DGN95 / TM-3 zone 50.1, metres"),
    23838: _("DGN95 / TM-3 zone 50.2, metres"),
}
"""Coordinate systems by EPSG code."""
