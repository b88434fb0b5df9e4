"""OGC API Records: the catalogue itself as a collection; each layer that the reader may see is a record."""

from collections.abc import Mapping
from typing import Any

from django.contrib.gis.geos import Polygon
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from geo.errors import ParameterError
from layers.models import Layer
from layers.ogc.answers import GEOJSON, HTML, JSON
from layers.ogc.crs import CRS84, parse_crs
from layers.ogc.documents import CATALOGUE, current
from layers.ogc.items import LIMIT_MAX, parse_boxes, parse_limit
from layers.ogc.links import address, here, link
from layers.ogc.times import parse_span

TYPE = "dataset"
PARAMETERS = ("limit", "bbox", "bbox-crs", "datetime", "crs", "q", "type", "ids", "externalIds", "cursor")
WORDS_MAX = 10


def collection(request: HttpRequest) -> dict[str, Any]:
    """Return the description of the catalogue."""
    return {
        "id": CATALOGUE,
        "title": _("Catalogue"),
        "description": _("What data there are: one record for each data set."),
        "itemType": "record",
        "crs": [CRS84.uri],
        "links": [
            link("self", address(request, "catalogue"), JSON),
            link("alternate", address(request, "catalogue") + "?f=html", HTML),
            link("items", address(request, "records"), GEOJSON, _("Catalogue")),
        ],
    }


def find(layers: QuerySet[Layer], params: Mapping[str, str]) -> QuerySet[Layer]:
    """Return those layers that the parameters ask for. Raises ParameterError.

    A record has no time of its own, so `datetime` must be one but tells none apart, and no identifier given elsewhere.
    """
    for name in ("crs", "bbox-crs"):
        if name in params:
            parse_crs(params[name], (CRS84,), name=name)
    if "datetime" in params:
        parse_span(params["datetime"])
    if "externalIds" in params:
        return layers.none()
    if "type" in params and TYPE not in params["type"].split(","):
        return layers.none()
    if "ids" in params:
        layers = layers.filter(slug__in=params["ids"].split(",")[:LIMIT_MAX])
    if "bbox" in params:
        inside = Q()
        for box in parse_boxes(params["bbox"]):
            shape = Polygon.from_bbox(box)
            shape.srid = 4326
            inside |= Q(current__extent__intersects=shape)
        layers = layers.filter(inside)
    return layers.filter(_words(params.get("q", "")))


def _words(text: str) -> Q:
    """Return the condition of `q`: one of the terms between commas, of which each word stands somewhere."""
    if len(text.replace(",", " ").split()) > WORDS_MAX:
        raise ParameterError("q", text, _("q takes at most %(limit)d words.") % {"limit": WORDS_MAX})
    found = Q()
    for term in text.split(","):
        whole = Q()
        for word in term.split():
            somewhere = Q()
            for name in ("title_id", "title_en", "abstract_id", "abstract_en", "keywords"):
                somewhere |= Q(**{f"{name}__icontains": word})
            whole &= somewhere
        found |= whole
    return found


def page(request: HttpRequest, layers: QuerySet[Layer]) -> dict[str, Any]:
    """Return a page of records as a GeoJSON document. Pages go by the layer's short name."""
    params = {name: str(request.GET[name]) for name in request.GET}
    found = find(layers, params)
    limit = parse_limit(params.get("limit"))
    rows = found.order_by("slug").select_related("agency", "current")
    if "cursor" in params:
        rows = rows.filter(slug__gt=params["cursor"])
    some = list(rows[: limit + 1])
    links = here(request, GEOJSON)
    if len(some) > limit:
        query = request.GET.copy()
        query["cursor"] = some[limit - 1].slug
        links.append(link("next", f"{address(request, 'records')}?{query.urlencode()}", GEOJSON))
    return {
        "type": "FeatureCollection",
        "features": [record(request, layer) for layer in some[:limit]],
        "numberMatched": found.count(),
        "numberReturned": len(some[:limit]),
        "links": links,
    }


def record(request: HttpRequest, layer: Layer) -> dict[str, Any]:
    """Return the record of a layer (Records Core, as GeoJSON)."""
    version = current(layer)
    own = address(request, "record", layer.slug)
    properties: dict[str, Any] = {
        "type": TYPE,
        "title": layer.title,
        "description": layer.abstract,
        "keywords": layer.keywords,
        "created": _instant(layer.created_at),
        "updated": _instant(version.published_at or layer.changed_at),
        "contacts": [{"organization": layer.agency.name, "roles": ["publisher"]}],
        "formats": [{"name": "GeoJSON", "mediaType": GEOJSON}],
    }
    if layer.theme:
        properties["themes"] = [
            {"concepts": [{"id": layer.theme, "title": layer.get_theme_display()}], "scheme": "KUGI"}
        ]
    if layer.licence:
        properties["license"] = layer.licence
    return {
        "type": "Feature",
        "id": layer.slug,
        "time": None,
        "geometry": _outline(version.extent),
        "conformsTo": ["http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core"],
        "properties": properties,
        "links": [
            link("self", own, GEOJSON),
            link("alternate", f"{own}?f=html", HTML),
            link("collection", address(request, "catalogue"), JSON),
            link("item", address(request, "collection", layer.slug), JSON, layer.title),
            link("describedby", request.build_absolute_uri(f"/data/{layer.slug}/"), HTML),
        ],
    }


def _outline(extent: Any) -> dict[str, Any] | None:
    if extent is None:
        return None
    west, south, east, north = extent.extent
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _instant(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
