"""The API described by OpenAPI 3.0. Each layer that the reader may see has a path of its own: GDAL looks there for
what can be filtered."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from layers.access import who
from layers.models import Layer
from layers.ogc.answers import GEOJSON, HTML, JSON, OPENAPI, SCHEMA
from layers.ogc.cql import LANGUAGES
from layers.ogc.documents import CATALOGUE, current
from layers.ogc.fields import Field, fields_of
from layers.ogc.items import LIMIT_DEFAULT, LIMIT_MAX, RESERVED
from layers.ogc.links import address
from layers.ogc.tiles import SCHEME, STYLE, TILEJSON

PROBLEM = "application/problem+json"
MERGE_PATCH = "application/merge-patch+json"


def build(request: HttpRequest) -> dict[str, Any]:
    """Return the OpenAPI document for what the person may see."""
    layers = Layer.objects.visible_to(who(request)).exclude(slug=CATALOGUE).select_related("current").order_by("slug")
    paths = _paths()
    for layer in layers:
        # A path of its own hides the general one, so it must tell everything.
        paths[f"/collections/{layer.slug}/items"] = {"get": _items(layer), "post": _create(layer)}
    return {
        "openapi": "3.0.3",
        "info": {
            "title": _("Data of Kutai Timur"),
            "description": _("The agencies' public data of Kabupaten Kutai Timur, by the standards of OGC API."),
            "version": "1.0.0",
        },
        "servers": [{"url": address(request, "landing").rstrip("/")}],
        "paths": paths,
        "components": {"parameters": _parameters(), "responses": _responses(), "securitySchemes": _keys()},
        "security": [{}, {"bearer": []}, {"key": []}, {"basic": []}],
    }


def _paths() -> dict[str, Any]:
    layer, f = _ref("collectionId"), _ref("f")
    place = [_ref(name) for name in ("tileMatrix", "tileRow", "tileCol")]
    records = [
        _ref(name)
        for name in ("limit", "bbox", "bbox-crs", "datetime", "crs", "q", "type", "ids", "externalIds", "cursor")
    ]
    tiles = f"/collections/{{collectionId}}/tiles/{SCHEME}"
    return {
        "/": _get("landing", _("What there is"), [f]),
        "/conformance": _get("conformance", _("Standards that are kept"), [f]),
        "/api": _get("api", _("This document"), [f], OPENAPI),
        "/collections": _get("collections", _("All data"), [f]),
        "/collections/{collectionId}": _get("collection", _("One data set"), [layer, f]),
        "/collections/{collectionId}/queryables": _get("queryables", _("What can be filtered"), [layer, f], SCHEMA),
        "/collections/{collectionId}/items": {
            "get": {
                "operationId": "items",
                "summary": _("The features"),
                "parameters": [layer, *_item_parameters(), _ref("properties")],
                "responses": _answers("Features"),
            },
            "post": _write("createFeature", _("Add a feature"), 201, GEOJSON),
        },
        "/collections/{collectionId}/items/{featureId}": {
            "get": {
                "operationId": "item",
                "summary": _("One feature"),
                "parameters": [layer, _ref("featureId"), _ref("crs"), f],
                "responses": _answers("Feature"),
            },
            "put": _write("replaceFeature", _("Replace a feature"), 204, GEOJSON),
            "patch": _write("updateFeature", _("Change some of a feature (JSON merge patch)"), 204, MERGE_PATCH),
            "delete": _write("deleteFeature", _("Delete a feature"), 204),
        },
        "/collections/{collectionId}/tiles": _get("tilesets", _("Map tiles"), [layer, f]),
        tiles: _get("tileset", _("Map tiles"), [layer, f]),
        f"{tiles}/tilejson.json": _get("tilejson", "TileJSON", [layer], TILEJSON),
        f"{tiles}/style.json": _get("tileStyle", "Mapbox Style", [layer], STYLE),
        f"{tiles}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}": {
            "get": {
                "operationId": "tile",
                "summary": _("One tile"),
                "parameters": [layer, *place],
                "responses": _answers("Tile") | {"204": {"description": _("Nothing is there.")}},
            }
        },
        "/tileMatrixSets": _get("tileMatrixSets", _("Tiling schemes"), [f]),
        f"/tileMatrixSets/{SCHEME}": _get("tileMatrixSet", _("Tiling schemes"), [f]),
        f"/collections/{CATALOGUE}": _get("catalogue", _("Catalogue"), [f]),
        f"/collections/{CATALOGUE}/items": {
            "get": {
                "operationId": "records",
                "summary": _("One record for each data set"),
                "parameters": [*records, f],
                "responses": _answers("Features"),
            }
        },
        f"/collections/{CATALOGUE}/items/{{recordId}}": {
            "get": {
                "operationId": "record",
                "summary": _("One record"),
                "parameters": [_ref("recordId"), _ref("crs"), f],
                "responses": _answers("Feature"),
            }
        },
    }


def _items(layer: Layer) -> dict[str, Any]:
    current(layer)
    return {
        "operationId": f"items_{layer.slug}",
        "summary": layer.title,
        "tags": [layer.slug],
        "parameters": [
            *_item_parameters(),
            *(_property(field) for field in fields_of(layer).values() if field.name not in RESERVED),
        ],
        "responses": _answers("Features"),
    }


def _create(layer: Layer) -> dict[str, Any]:
    made = _write(f"create_{layer.slug}", _("Add a feature"), 201, GEOJSON)
    return made | {"tags": [layer.slug], "parameters": [_ref("Content-Crs")]}


def _item_parameters() -> list[dict[str, Any]]:
    names = (
        "limit", "bbox", "bbox-crs", "datetime", "crs", "filter", "filter-lang", "filter-crs", "cursor", "f",
    )  # fmt: skip
    return [_ref(name) for name in names]


def _write(name: str, summary: str, status: int, media_type: str = "") -> dict[str, Any]:
    """Return the description of a request that changes features; for editors of the layer."""
    changes = status != 201
    parameters = [_ref("collectionId"), *([_ref("featureId"), _ref("If-Match")] if changes else [])]
    refused = {"400": "Refused", "401": "NotSignedIn", "403": "NotAnEditor", "404": "Missing", "409": "Outdated"}
    if media_type:
        parameters.append(_ref("Content-Crs"))
        refused |= {"411": "LengthMissing", "413": "TooLarge", "415": "WrongMediaType", "422": "Invalid"}
    if changes:
        refused |= {"412": "ConditionFailed", "428": "ConditionMissing"}
    done: dict[str, Any] = {"description": _("It is done; editors see it at once, readers when it is published.")}
    if not changes:
        done["headers"] = {"Location": {"schema": {"type": "string", "format": "uri"}}}
    made: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {str(status): done}
        | {code: {"$ref": f"#/components/responses/{which}"} for code, which in refused.items()},
        "security": [{"basic": []}, {"bearer": []}, {"key": []}, {"session": []}],
    }
    if media_type:
        made["requestBody"] = {"required": True, "content": {media_type: {"schema": {"type": "object"}}}}
    return made


def _property(field: Field) -> dict[str, Any]:
    kind = {"number": "integer" if field.whole else "number", "boolean": "boolean"}.get(field.kind, "string")
    return _parameter(field.name, {"type": kind}, field.title)


def _keys() -> dict[str, Any]:
    told = _("An API key, made on the page “API keys”. Without one, public data are read.")
    return {
        "bearer": {"type": "http", "scheme": "bearer", "description": told},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": told},
        "basic": {
            "type": "http",
            "scheme": "basic",
            "description": _("User name and password, as on the sign-in page"),
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": _("Signed in on the site; changes need the header X-CSRFToken."),
        },
    }


def _parameters() -> dict[str, Any]:
    uri = {"type": "string", "format": "uri"}
    numbers = {
        "type": "array",
        "items": {"type": "number"},
        "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
    }
    whole = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}
    word = {"type": "string"}
    made = [
        _parameter("f", {"type": "string", "enum": ["json", "html"]}, _("Format")),
        _parameter("limit", whole, _("How many features a page holds")),
        _parameter("bbox", numbers, _("Box: west, south, east, north; in degrees unless bbox-crs says otherwise")),
        _parameter("bbox-crs", uri, _("Coordinate system of bbox")),
        _parameter(
            "datetime", word, _("Time or interval, such as 2026-01-01/2026-06-30, ../2026-01-01, 2026-01-01/P1M")
        ),
        _parameter("crs", uri, _("Coordinate system of the answer")),
        _parameter("filter", word, _("Condition in CQL2")),
        _parameter(
            "filter-lang", {"type": "string", "enum": list(LANGUAGES), "default": LANGUAGES[0]}, _("Language of filter")
        ),
        _parameter("filter-crs", uri, _("Coordinate system of the geometries in filter")),
        _parameter("cursor", word, _("From a “next” link; not written by hand")),
        _parameter("q", {"type": "array", "items": word}, _("Words to look for; a comma stands for “or”")),
        _parameter("type", word, _("Kind of record")),
        _parameter("ids", {"type": "array", "items": word}, _("Short names")),
        _parameter(
            "externalIds", {"type": "array", "items": word}, _("Identifiers given elsewhere; no record has one")
        ),
    ]
    inside = ("collectionId", "featureId", "recordId", "tileMatrix", "tileRow", "tileCol")
    free = {
        "name": "properties",
        "in": "query",
        "style": "form",
        "explode": True,
        "description": _("Any property of the features, with the value that it must have"),
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    }
    return (
        {parameter["name"]: parameter for parameter in made}
        | {name: {"name": name, "in": "path", "required": True, "schema": word} for name in inside}
        | {"properties": free}
        | {
            "If-Match": _header("If-Match", _("The ETag of the feature as you read it"), required=True),
            "Content-Crs": _header("Content-Crs", _("Coordinate system of the geometry in the body")),
        }
    )


def _header(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


def _parameter(name: str, schema: dict[str, Any], description: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "in": "query", "required": False, "schema": schema}
    made |= {"style": "form", "explode": False}
    return made | {"description": description} if description else made


def _responses() -> dict[str, Any]:
    features = {
        "type": "object",
        "required": ["type", "features"],
        "properties": {"type": {"enum": ["FeatureCollection"]}},
    }
    return {
        "Features": _answer(_("A page of features"), {GEOJSON: {"schema": features}, HTML: _TEXT}),
        "Feature": _answer(_("A feature"), {GEOJSON: {"schema": {"type": "object"}}, HTML: _TEXT}),
        "Tile": _answer(
            _("A tile"), {"application/vnd.mapbox-vector-tile": {"schema": {"type": "string", "format": "binary"}}}
        ),
        "Refused": _answer(
            _("A parameter is unknown or wrong; “errors” names it"), {PROBLEM: {"schema": {"type": "object"}}}
        ),
        "Missing": _answer(_("There is nothing here"), {PROBLEM: {"schema": {"type": "object"}}}),
        **{name: _answer(text, {PROBLEM: {"schema": {"type": "object"}}}) for name, text in _refusals().items()},
    }


def _refusals() -> dict[str, str]:
    return {
        "NotSignedIn": _("Nobody signed in, or wrongly"),
        "NotAnEditor": _("This person, or this key, may not change the layer"),
        "Outdated": _("Open changes belong to a version that is not the current one any more"),
        "ConditionFailed": _("The feature was changed meanwhile"),
        "ConditionMissing": _("If-Match is missing"),
        "LengthMissing": _("The body does not say how long it is"),
        "TooLarge": _("The body is too large"),
        "WrongMediaType": _("The body is of a kind that is not taken"),
        "Invalid": _("The feature cannot be taken as it is; “errors” says what to mend"),
    }


_TEXT: dict[str, Any] = {"schema": {"type": "string"}}


def _answer(description: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": content}


def _answers(name: str) -> dict[str, Any]:
    return {
        "200": {"$ref": f"#/components/responses/{name}"},
        "400": {"$ref": "#/components/responses/Refused"},
        "404": {"$ref": "#/components/responses/Missing"},
    }


def _get(name: str, summary: str, parameters: list[dict[str, Any]], media_type: str = JSON) -> dict[str, Any]:
    content: dict[str, Any] = {media_type: {"schema": {"type": "object"}}}
    if _ref("f") in parameters:
        content[HTML] = _TEXT
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "parameters": parameters,
            "responses": _answers("Features") | {"200": _answer(summary, content)},
        }
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/parameters/{name}"}
