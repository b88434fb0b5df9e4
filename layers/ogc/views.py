"""/ogc/: parse, one call, answer. Which layers exist is asked of `visible_to` alone; any other is a 404."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from geo.tiles import MVT_TYPE, lazy_tile, tile_of
from layers import editing
from layers.access import keep_private, layer_or_404, who
from layers.models import Layer
from layers.ogc import conformance as classes
from layers.ogc import documents, openapi, remembered, writing
from layers.ogc import records as catalogue_records
from layers.ogc import tiles as layer_tiles
from layers.ogc.answers import (
    GEOJSON,
    OPENAPI,
    SCHEMA,
    asks_who,
    changeable,
    creatable,
    document,
    format_of,
    only_parameters,
    page,
    readable,
    request_digest,
    sent,
    unchanged,
)
from layers.ogc.crs import CRS84, crs_of, parse_crs
from layers.ogc.fields import GEOMETRY, fields_of, geometry_in_words, type_in_words
from layers.ogc.items import content_crs, parse_items, read_item, read_page
from layers.ogc.links import address, here, link
from layers.selection import withheld
from layers.tiles import SHELF, make_tile

ROWS_FOR_PEOPLE = 50
"""A page for people holds no more features, whatever limit was asked for; the next begins after them."""


@readable
@only_parameters()
def landing(request: HttpRequest) -> HttpResponse:
    """Answer /ogc/."""
    return document(request, documents.landing(request), template="layers/ogc/landing.html")


@readable
@only_parameters()
def conformance(request: HttpRequest) -> HttpResponse:
    """Answer /ogc/conformance."""
    return document(request, {"conformsTo": classes.CLASSES}, template="layers/ogc/conformance.html")


@readable
@only_parameters()
def api(request: HttpRequest) -> HttpResponse:
    """Answer /ogc/api: OpenAPI 3.0."""
    return document(
        request,
        openapi.build(request),
        template="layers/ogc/api.html",
        content_type=OPENAPI,
        public=who(request).is_anonymous,
    )


@readable
@only_parameters()
def collections(request: HttpRequest) -> HttpResponse:
    """Answer /ogc/collections: the layers that the person may see."""
    layers = _visible(request)
    body = {
        "links": here(request),
        "collections": [
            catalogue_records.collection(request),
            *(documents.collection(request, layer) for layer in layers),
        ],
    }
    return document(
        request, body, template="layers/ogc/collections.html", public=who(request).is_anonymous, more={"layers": layers}
    )


@readable
@only_parameters()
def collection(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer /ogc/collections/<slug>."""
    layer = _layer(request, slug)
    body = documents.collection(request, layer)
    more = {"layer": layer, "fields": list(fields_of(layer).values())}
    return document(request, body, template="layers/ogc/collection.html", public=_is_public(layer), more=more)


@readable
@only_parameters()
def queryables(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer /ogc/collections/<slug>/queryables: JSON Schema of what filters may name."""
    layer = _layer(request, slug)
    body = documents.queryables(request, layer)
    words = {GEOMETRY: geometry_in_words(documents.current(layer).geometry_type)}
    words |= {name: type_in_words(field) for name, field in fields_of(layer).items()}
    rows = [(name, told, words[name]) for name, told in body["properties"].items()]
    return document(
        request,
        body,
        template="layers/ogc/queryables.html",
        public=_is_public(layer),
        content_type=SCHEMA,
        more={"layer": layer, "rows": rows},
    )


@asks_who
@creatable
def items(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer /ogc/collections/<slug>/items: a page of features; store a new one."""
    if request.method == "OPTIONS":
        return writing.allowed(request, _layer(request, slug), writing.ON_COLLECTION)
    if request.method == "POST":
        return _create(request, slug=slug)
    chosen = format_of(request)
    if chosen == "html":
        return _items(request, chosen, _layer(request, slug), None)
    return remembered.answer(request, _name(slug), partial(_items, request, chosen))


def _items(request: HttpRequest, chosen: str, layer: Layer, proof: remembered.Proof | None) -> HttpResponse:
    public = _is_public(layer) and not writing.is_editor(request, layer)
    question = parse_items(layer, documents.current(layer), request.GET, edit=writing.edit_of(request, layer))
    state = editing.mark_of(question.edit) if question.edit else ""
    etag = request_digest(request, chosen, question.version.pk, state, *question.hidden)
    if chosen == "json" and (fresh := unchanged(request, etag, public=public)):
        return fresh
    if chosen == "html":
        question = replace(question, limit=min(question.limit, ROWS_FOR_PEOPLE))
    found = read_page(question, proof)
    links = here(request, GEOJSON)
    if found.next_after is not None:
        query = request.GET.copy()
        query["cursor"] = f"{question.version.number}.{found.next_after}"
        links.append(link("next", f"{address(request, 'items', layer.slug)}?{query.urlencode()}", GEOJSON))
    links.append(link("collection", address(request, "collection", layer.slug), "application/json"))
    about: dict[str, Any] = {
        "numberReturned": found.returned,
        "timeStamp": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "links": links,
    }
    if found.matched is not None:
        about["numberMatched"] = found.matched
    if chosen == "html":
        return page(request, "layers/ogc/items.html", _table(request, layer, found.features, about))
    body = f'{{"type":"FeatureCollection","features":[{found.features}],{_members(about)}'.encode()
    headers = {"Content-Crs": content_crs(question.crs)}
    return sent(request, body, GEOJSON, etag=etag, public=public, headers=headers)


@only_parameters()
def _create(request: HttpRequest, slug: str) -> HttpResponse:
    return writing.create(request, _layer(request, slug))


@asks_who
@changeable
@only_parameters("crs")
def item(request: HttpRequest, slug: str, fid: str) -> HttpResponse:
    """Answer /ogc/collections/<slug>/items/<fid>: one feature; replace, update or delete it."""
    layer = _layer(request, slug)
    if request.method == "OPTIONS":
        return writing.allowed(request, layer, writing.ON_FEATURE)
    if request.method in writing.ON_FEATURE:
        return _change(request, layer=layer, fid=fid)
    public = _is_public(layer) and not writing.is_editor(request, layer)
    version = documents.current(layer)
    crs = parse_crs(request.GET["crs"], crs_of(version), name="crs") if "crs" in request.GET else CRS84
    chosen = format_of(request)
    feature = read_item(layer, version, _number(fid), crs, edit=writing.edit_of(request, layer))
    if chosen == "html":
        properties = json.loads(feature.text)["properties"]
        rows = [(field, properties.get(field.name)) for field in fields_of(layer).values()]
        return page(request, "layers/ogc/item.html", {"layer": layer, "fid": fid, "rows": rows})
    etag = writing.tag_for(request, feature)
    if fresh := unchanged(request, etag, public=public, strong=True):
        return fresh
    links = [*here(request, GEOJSON), link("collection", address(request, "collection", slug), "application/json")]
    body = feature.text[:-1] + "," + _members({"links": links})
    headers = {"Content-Crs": content_crs(crs)}
    return sent(request, body.encode(), GEOJSON, etag=etag, public=public, headers=headers, strong=True)


@only_parameters()
def _change(request: HttpRequest, layer: Layer, fid: str) -> HttpResponse:
    return writing.change(request, layer, _number(fid))


# Tiles.


@readable
@only_parameters()
def tilesets(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer /ogc/collections/<slug>/tiles."""
    layer = _layer(request, slug)
    body = layer_tiles.tilesets(request, layer)
    return document(request, body, template="layers/ogc/tileset.html", public=_is_public(layer), more={"layer": layer})


@readable
@only_parameters()
def tileset(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer /ogc/collections/<slug>/tiles/WebMercatorQuad."""
    layer = _layer(request, slug)
    body = layer_tiles.tileset(request, layer)
    return document(request, body, template="layers/ogc/tileset.html", public=_is_public(layer), more={"layer": layer})


@readable
@only_parameters()
def tilejson(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer the layer's TileJSON."""
    return _for_maps(request, slug, layer_tiles.tilejson, layer_tiles.TILEJSON)


@readable
@only_parameters()
def tilestyle(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer a style for the layer's tiles."""
    return _for_maps(request, slug, layer_tiles.style, layer_tiles.STYLE)


def _for_maps(
    request: HttpRequest, slug: str, tell: Callable[[HttpRequest, Layer], dict[str, Any]], content_type: str
) -> HttpResponse:
    format_of(request, formats={"json": content_type})
    layer = _layer(request, slug)
    body = json.dumps(tell(request, layer), ensure_ascii=False).encode()
    etag = request_digest(request, body)
    public = _is_public(layer)
    return unchanged(request, etag, public=public) or sent(request, body, content_type, etag=etag, public=public)


@asks_who
@readable
@only_parameters()
def tile(request: HttpRequest, slug: str, z: str, y: str, x: str) -> HttpResponse:
    """Answer one tile; 204 where nothing is."""
    if "f" in request.GET:
        format_of(request, formats={"mvt": MVT_TYPE})
    layer = _layer(request, slug, lean=True)
    version = documents.current(layer)
    wanted = tile_of(z, x, y)
    etag = request_digest(request, version.pk, *withheld(layer, version))
    response = lazy_tile(request, etag, lambda: make_tile(layer, version, wanted), shelf=SHELF)
    if not _is_public(layer):
        del response["Cache-Control"]
    return keep_private(response, layer)


@readable
@only_parameters()
def schemes(request: HttpRequest) -> HttpResponse:
    """Answer /ogc/tileMatrixSets."""
    return document(request, layer_tiles.schemes(request), template="layers/ogc/schemes.html")


@readable
@only_parameters()
def scheme(request: HttpRequest) -> HttpResponse:
    """Answer /ogc/tileMatrixSets/WebMercatorQuad."""
    return document(request, layer_tiles.scheme(), template="layers/ogc/schemes.html")


# Records.


@readable
@only_parameters()
def catalogue(request: HttpRequest) -> HttpResponse:
    """Answer /ogc/collections/catalogue."""
    return document(request, catalogue_records.collection(request), template="layers/ogc/catalogue.html")


@readable
@only_parameters(*catalogue_records.PARAMETERS)
def records(request: HttpRequest) -> HttpResponse:
    """Answer /ogc/collections/catalogue/items."""
    body = catalogue_records.page(request, Layer.objects.visible_to(who(request)))
    response = document(
        request, body, template="layers/ogc/records.html", content_type=GEOJSON, public=who(request).is_anonymous
    )
    response["Content-Crs"] = content_crs(CRS84)
    return response


@readable
@only_parameters("crs")
def record(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer /ogc/collections/catalogue/items/<slug>."""
    layer = _layer(request, slug)
    if "crs" in request.GET:
        parse_crs(request.GET["crs"], (CRS84,), name="crs")
    body = catalogue_records.record(request, layer)
    response = document(
        request, body, template="layers/ogc/record.html", content_type=GEOJSON, public=_is_public(layer)
    )
    response["Content-Crs"] = content_crs(CRS84)
    return response


def _visible(request: HttpRequest) -> list[Layer]:
    layers = Layer.objects.visible_to(who(request)).exclude(slug=documents.CATALOGUE)
    return list(layers.select_related("agency", "current").order_by("slug"))


def _layer(request: HttpRequest, slug: str, *, lean: bool = False) -> Layer:
    return layer_or_404(request, _name(slug), lean=lean)


def _name(slug: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]{1,60}", slug):
        raise Http404
    return slug


def _number(fid: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", fid):
        raise Http404
    return int(fid)


def _is_public(layer: Layer) -> bool:
    return layer.is_same_for_all


def _members(about: dict[str, Any]) -> str:
    return json.dumps(about, ensure_ascii=False, separators=(",", ":"))[1:]


def _table(request: HttpRequest, layer: Layer, features: str, about: dict[str, Any]) -> dict[str, Any]:
    """Return what the page for people shows."""
    fields = list(fields_of(layer).values())
    rows = []
    for feature in json.loads(f"[{features}]"):
        rows.append((feature["id"], [feature["properties"].get(field.name) for field in fields]))
    following = next((entry["href"] for entry in about["links"] if entry["rel"] == "next"), None)
    return {"layer": layer, "fields": fields, "rows": rows, "about": about, "next_url": following}
