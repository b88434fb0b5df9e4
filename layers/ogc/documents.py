"""The documents of the API: landing page, collections, queryables, tilesets."""

from typing import Any

from django.core.cache import caches
from django.db import connection
from django.http import HttpRequest
from django.utils.translation import gettext as _

from layers.models import Layer, LayerVersion
from layers.ogc.answers import GEOJSON, HTML, JSON, OPENAPI, SCHEMA, digest
from layers.ogc.cql import field_sql
from layers.ogc.crs import CRS84, crs_of
from layers.ogc.fields import GEOMETRY, Field, fields_of, time_field
from layers.ogc.links import address, here, link

QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
TILESETS = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
CONFORMANCE = "http://www.opengis.net/def/rel/ogc/1.0/conformance"
CATALOGUE = "catalogue"
"""The collection of records; no layer may have this name here."""


def landing(request: HttpRequest) -> dict[str, Any]:
    """Return the landing page."""
    return {
        "title": _("Data of Kutai Timur"),
        "description": _("The agencies' public data of Kabupaten Kutai Timur, by the standards of OGC API."),
        "links": [
            *here(request),
            link("service-desc", address(request, "api"), OPENAPI, _("The API, described for programs")),
            link("service-doc", address(request, "api") + "?f=html", HTML, _("The API, described for people")),
            link("conformance", address(request, "conformance"), JSON, _("Standards that are kept")),
            link(CONFORMANCE, address(request, "conformance"), JSON),
            link("data", address(request, "collections"), JSON, _("All data")),
            link("http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes", address(request, "schemes"), JSON),
        ],
    }


def collection(request: HttpRequest, layer: Layer) -> dict[str, Any]:
    """Return the description of a layer."""
    version = current(layer)
    slug = layer.slug
    items = address(request, "items", slug)
    made: dict[str, Any] = {
        "id": slug,
        "title": layer.title,
        "description": layer.abstract,
        "keywords": layer.keywords,
        "itemType": "feature",
        "extent": _extent(layer, version),
        "crs": [crs.uri for crs in crs_of(version)],
        "storageCrs": CRS84.uri,
        "links": [
            link("self", address(request, "collection", slug), JSON),
            link("alternate", address(request, "collection", slug) + "?f=html", HTML),
            link("items", items, GEOJSON, layer.title),
            link("items", f"{items}?f=html", HTML, layer.title),
            link(QUERYABLES, address(request, "queryables", slug), SCHEMA, _("What can be filtered")),
            link(TILESETS, address(request, "tilesets", slug), JSON, _("Map tiles")),
            link("describedby", request.build_absolute_uri(f"/data/{slug}/"), HTML, layer.title),
        ],
    }
    if layer.licence:
        made["license"] = layer.licence
    if layer.contact or layer.agency_id:
        made["attribution"] = layer.agency.name
    return made


def queryables(request: HttpRequest, layer: Layer) -> dict[str, Any]:
    """Return the properties that filters may name, as JSON Schema."""
    fields = fields_of(layer)
    primary = time_field(fields)
    kind = current(layer).geometry_type.lower().removesuffix(" z")
    properties = {name: _schema(field, field == primary) for name, field in fields.items()}
    properties.setdefault(
        GEOMETRY,
        {
            "title": _("geometry"),
            "x-ogc-role": "primary-geometry",
            "format": f"geometry-{kind}" if kind in _GEOMETRIES else "geometry-any",
        },
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address(request, "queryables", layer.slug),
        "type": "object",
        "title": layer.title,
        "properties": properties,
        "additionalProperties": False,
    }


def current(layer: Layer) -> LayerVersion:
    """Return the current version; a published layer has one (a constraint of the database)."""
    version = layer.current
    if version is None:
        raise LayerVersion.DoesNotExist(layer.slug)
    return version


_GEOMETRIES = {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}


def _schema(field: Field, primary: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"title": field.title or field.name}
    if field.description:
        made["description"] = field.description
    if field.kind == "number":
        made["type"] = "integer" if field.whole else "number"
    elif field.kind == "boolean":
        made["type"] = "boolean"
    else:
        made["type"] = "string"
    if field.kind in {"date", "datetime"}:
        made["format"] = "date" if field.kind == "date" else "date-time"
    if primary:
        made["x-ogc-role"] = "primary-instant"
    return made


def _extent(layer: Layer, version: LayerVersion) -> dict[str, Any]:
    extent: dict[str, Any] = {}
    if version.extent:
        extent["spatial"] = {"bbox": [list(version.extent.extent)], "crs": CRS84.uri}
    field = time_field(fields_of(layer))
    if field:
        extent["temporal"] = {"interval": [_first_and_last(version, field)]}
    return extent


def _first_and_last(version: LayerVersion, field: Field) -> list[str | None]:
    """Return the first and the last time in a version: read once, for a version never changes."""
    key = f"ogc:times:{digest(version.pk, field.kind, field.name)}"
    kept: list[str | None] | None = caches["kept"].get(key)
    if kept is None:
        value = field_sql(field)
        time = value.text if field.kind == "datetime" else f"({value.text})::timestamp"
        written = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
        text = ", ".join(written.format(f"{which}({time})") for which in ("min", "max"))
        if field.kind == "date":
            text = text.replace(" AT TIME ZONE 'UTC'", "")
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {text} FROM layers_feature f WHERE f.version_id = %s",  # noqa: S608 - constants of ours
                [*value.params, *value.params, version.pk],
            )
            kept = list(cursor.fetchone())
        caches["kept"].set(key, kept, None)
    return kept
