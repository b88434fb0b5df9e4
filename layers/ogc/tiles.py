"""OGC API Tiles: each layer's vector tiles on WebMercatorQuad, their metadata, TileJSON, and a style.

Addresses count rows before columns: /ogc/collections/<slug>/tiles/WebMercatorQuad/<zoom>/<row>/<column>.
"""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from geo.tiles import MAX_ZOOM, MVT_TYPE, WORLD_M
from layers.models import Layer
from layers.ogc.answers import HTML, JSON
from layers.ogc.documents import current
from layers.ogc.fields import fields_of
from layers.ogc.links import address, link

SCHEME = "WebMercatorQuad"
SCHEME_URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
CRS_URI = "http://www.opengis.net/def/crs/EPSG/0/3857"
TILE_PX = 256
PIXEL_M = 0.000_28
"""The size of a pixel by which OGC computes scales."""
TILEJSON = "application/vnd.mapbox.tilejson+json"
STYLE = "application/vnd.mapbox.style+json"
COLOUR, AROUND_POINTS = "#0f6b8f", "#ffffff"
"""`--layer-0` of static/css/layers.css, in which the layer's own page draws it, too."""
TILE = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"

NAME = "features"
"""The one layer inside a tile (layers/tiles.py)."""


def tilesets(request: HttpRequest, layer: Layer) -> dict[str, Any]:
    """Return the list of a layer's tilesets: one."""
    own = address(request, "tilesets", layer.slug)
    return {
        "links": [link("self", own, JSON), link("alternate", f"{own}?f=html", HTML)],
        "tilesets": [_summary(request, layer) | {"links": _links(request, layer)}],
    }


def tileset(request: HttpRequest, layer: Layer) -> dict[str, Any]:
    """Return the metadata of a layer's tileset."""
    extent = current(layer).extent
    made = _summary(request, layer) | {
        "description": layer.abstract,
        "layers": [
            {
                "id": NAME,
                "title": layer.title,
                "dataType": "vector",
                "geometryDimension": _dimension(current(layer).geometry_type),
                "propertiesSchema": {
                    "type": "object",
                    "properties": {
                        field.name: {"title": field.title or field.name, "type": _type(field.kind)}
                        for field in fields_of(layer).values()
                    },
                },
            }
        ],
        "links": _links(request, layer),
    }
    if extent:
        west, south, east, north = extent.extent
        made["boundingBox"] = {"lowerLeft": [west, south], "upperRight": [east, north]}
    return made


def tilejson(request: HttpRequest, layer: Layer) -> dict[str, Any]:
    """Return a layer's TileJSON 3.0."""
    version = current(layer)
    made: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": layer.title,
        "description": layer.abstract,
        "attribution": layer.agency.name,
        "version": f"{version.number}.0.0",
        "scheme": "xyz",
        "tiles": [_template(request, layer, "{z}", "{y}", "{x}")],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "vector_layers": [
            {
                "id": NAME,
                "description": layer.title,
                "fields": {field.name: _type(field.kind).capitalize() for field in fields_of(layer).values()},
            }
        ],
    }
    if version.extent:
        made["bounds"] = list(version.extent.extent)
    return made


def style(request: HttpRequest, layer: Layer) -> dict[str, Any]:
    """Return a style (Mapbox Style 8, as MapLibre and QGIS read it) that draws a layer's tiles."""
    told = tilejson(request, layer)
    source = {
        name: told[name] for name in ("tiles", "scheme", "minzoom", "maxzoom", "attribution", "bounds") if name in told
    }

    def drawn(kind: str, paint: dict[str, Any], only: str = "") -> dict[str, Any]:
        made = {"id": kind, "type": kind, "source": NAME, "source-layer": NAME, "paint": paint}
        return made | ({"filter": ["==", ["geometry-type"], only]} if only else {})

    return {
        "version": 8,
        "name": layer.title,
        "sources": {NAME: {"type": "vector", **source}},
        "layers": [
            drawn("fill", {"fill-color": COLOUR, "fill-opacity": 0.35}, "Polygon"),
            drawn("line", {"line-color": COLOUR, "line-width": 2}),  # of areas the outline
            drawn(
                "circle",
                {
                    "circle-color": COLOUR,
                    "circle-radius": 5,
                    "circle-stroke-color": AROUND_POINTS,
                    "circle-stroke-width": 1,
                },
                "Point",
            ),
        ],
    }


def schemes(request: HttpRequest) -> dict[str, Any]:
    """Return the list of tiling schemes: one."""
    return {
        "tileMatrixSets": [
            {
                "id": SCHEME,
                "title": "Google Maps Compatible for the World",
                "uri": SCHEME_URI,
                "crs": CRS_URI,
                "links": [link(TILE, address(request, "scheme"), JSON)],
            }
        ]
    }


def scheme() -> dict[str, Any]:
    """Return the tiling scheme WebMercatorQuad (OGC 17-083r4, annex D.1)."""
    corner = WORLD_M / 2
    return {
        "id": SCHEME,
        "title": "Google Maps Compatible for the World",
        "uri": SCHEME_URI,
        "crs": CRS_URI,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [
            {
                "id": str(zoom),
                "scaleDenominator": WORLD_M / TILE_PX / (1 << zoom) / PIXEL_M,
                "cellSize": WORLD_M / TILE_PX / (1 << zoom),
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": [-corner, corner],
                "tileWidth": TILE_PX,
                "tileHeight": TILE_PX,
                "matrixWidth": 1 << zoom,
                "matrixHeight": 1 << zoom,
            }
            for zoom in range(MAX_ZOOM + 1)
        ],
    }


def _summary(request: HttpRequest, layer: Layer) -> dict[str, Any]:
    return {
        "title": layer.title,
        "dataType": "vector",
        "crs": CRS_URI,
        "tileMatrixSetURI": SCHEME_URI,
    }


def _links(request: HttpRequest, layer: Layer) -> list[dict[str, Any]]:
    own = address(request, "tileset", layer.slug)
    template = _template(request, layer, "{tileMatrix}", "{tileRow}", "{tileCol}")
    return [
        link("self", own, JSON),
        link("alternate", f"{own}?f=html", HTML),
        link("describedby", address(request, "tilejson", layer.slug), TILEJSON, "TileJSON"),
        link("stylesheet", address(request, "tilestyle", layer.slug), STYLE, "Mapbox Style"),
        link(TILE, address(request, "scheme"), JSON),
        link("item", template, MVT_TYPE, _("Map tiles")) | {"templated": True},
    ]


def _template(request: HttpRequest, layer: Layer, zoom: str, row: str, column: str) -> str:
    return f"{address(request, 'tileset', layer.slug)}/{zoom}/{row}/{column}"


def _type(kind: str) -> str:
    return kind if kind in {"number", "boolean"} else "string"


def _dimension(geometry_type: str) -> int:
    return 0 if "Point" in geometry_type else 1 if "Line" in geometry_type else 2
