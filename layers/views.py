"""The catalogue, a layer's page, and what the page reads by script."""

from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from accounts.models import User
from geo.maps import MapMarkup, TileLayer, active_areas, data_map
from geo.models import Kecamatan
from geo.params import refuse_unknown
from layers import metadata, searches, styling, table
from layers.access import keep_private, layer_or_404, who
from layers.downloads import answer, read_download
from layers.editing import pending_for
from layers.field_access import ShownTo, shown_to
from layers.formats import CRS, FORMATS
from layers.freshness import freshness_of
from layers.keys import key_of
from layers.models import Access, Layer
from layers.search import FACETS, Search, Wanted
from layers.selection import Selection, read_selection
from layers.small_maps import regency_symbol, small_maps
from layers.styling import Style, style_of
from layers.uploads import agencies_of
from layers.values import lines_of, shown_field, words_of


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show the layers that answer what is asked, best first; works without a script."""
    search = Search(Wanted.read(request.GET), who(request))
    wanted, page = search.wanted, search.page
    searches.note(search)
    maps = small_maps([card.layer.current for card in search.cards if card.layer.current])
    context = {
        "search": search,
        "wanted": wanted,
        "cards": [(card, maps.get(card.layer.current_id or 0)) for card in search.cards],
        "regency": regency_symbol() if maps else "",
        "page": page,
        "agencies": search.options("agency"),
        "themes": search.options("theme"),
        "ages": search.options("freshness"),
        "taken_as": search.options("format"),
        "chips": _chips(search),
        "query": wanted.without(),
        "query_without_place": _joined(wanted.without(), "place=no"),
        "may_upload": isinstance(request.user, User) and agencies_of(request.user).exists(),
    }
    response = render(request, "layers/catalogue.html", context)
    response["Cache-Control"] = "private, no-cache"
    return response


@require_safe
def layer(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a layer: map, table twin, figures, downloads and metadata."""
    shown = layer_or_404(request, slug)
    chosen = read_selection(shown, request.GET)
    style = style_of(shown, chosen.version, request.GET.get("colour", ""))
    rows = table.read_table(chosen, request.GET)
    markup = _map(request, chosen, style)
    base = settings.SITE_URL
    places = table.per_kecamatan(chosen.version)
    context = {
        "layer": shown,
        "pending": pending_for(request.user, shown),
        "version": chosen.version,
        "is_current": chosen.version.pk == shown.current_id,
        "freshness": freshness_of(shown.cycle, chosen.version.published_at),
        "map": markup,
        "style": style,
        "colours": styling.choices(shown),
        "geometry": geometry_of(chosen.version.geometry_type),
        "chosen": chosen,
        "table": rows,
        "lines": lines_of(rows.columns, rows.rows),
        "heads": _heads(chosen, rows, style),
        "page_query": chosen.query(colour=style.field, sort=f"{'-' if rows.descending else ''}{rows.sort}"),
        "table_query": chosen.query(colour=style.field),
        "kecamatan": Kecamatan.objects.order_by("name"),
        "figures": [words_of(one) for one in table.figures(shown, chosen.version)],
        "summarised": table.summarised(shown),
        "places": places,
        "placeless": table.without_place(chosen.version) if places else 0,
        "coast_km": f"{settings.COAST_M / 1_000:g}",
        "most_in_a_place": max((n for _code, _name, n in places), default=0),
        "formats": FORMATS.values(),
        "crs": CRS.items(),
        "versions": shown.versions.filter(published_at__isnull=False),
        "at_desk": Layer.objects.at_desk_of(request.user).filter(pk=shown.pk).exists(),
        "mistake": _mistake(shown),
        "completeness": metadata.completeness(shown),
        "licence_url": metadata.licence_url(shown.licence),
        "embed_code": embed_code(shown, style.field) if markup else "",
        "ogc": f"{base}/ogc/",
        "tiles": f"{base}/tiles/{shown.slug}/{{z}}/{{x}}/{{y}}.mvt",
        "schema_org": metadata.json_script(metadata.schema_org(shown, base), request.csp_nonce),  # type: ignore[attr-defined]
    }
    return keep_private(render(request, "layers/layer.html", context), shown)


@require_safe
def feature(request: HttpRequest, slug: str, fid: int) -> HttpResponse:
    """Answer with one feature as the map shows it when it is tapped: JSON."""
    shown = layer_or_404(request, slug)
    refuse_unknown(request.GET.dict(), {"version"})
    found = table.read_feature(read_selection(shown, request.GET), fid)
    found["fields"] = [shown_field(one) for one in found["fields"]]
    if found["lon"] is not None:
        found["report"] = f"{_mistake(shown)}&lon={found['lon']:.6f}&lat={found['lat']:.6f}"
    return keep_private(JsonResponse(found), shown)


@require_safe
def download(request: HttpRequest, slug: str, code: str) -> HttpResponseBase:
    """Answer with the layer, or what is chosen of it, as a file."""
    shown = layer_or_404(request, slug)
    refuse_unknown(request.GET.dict(), {"q", "kecamatan", "version", "crs"})
    wanted = read_download(read_selection(shown, request.GET), code, request.GET, settings.SITE_URL)
    response = answer(wanted, by=who(request), key=key_of(request))
    if not shown.is_same_for_all:
        response["Cache-Control"] = "private, no-store"
    return response


@require_safe
def iso_xml(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the metadata as ISO 19139 XML."""
    shown = layer_or_404(request, slug)
    body = metadata.iso_xml(shown, settings.SITE_URL)
    return keep_private(HttpResponse(body, content_type="application/xml; charset=utf-8"), shown)


@require_safe
def dcat(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the metadata as DCAT-AP in JSON-LD."""
    shown = layer_or_404(request, slug)
    response = JsonResponse(
        metadata.dcat(shown, settings.SITE_URL),
        content_type="application/ld+json",
        json_dumps_params={"ensure_ascii": False},
    )
    return keep_private(response, shown)


@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})  # type: ignore[arg-type]  # its hints know views without arguments only
@require_safe
def embed(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a public layer's map alone: the one page that other sites may frame. Nobody's session is looked at."""
    shown = get_object_or_404(Layer.objects.public().select_related("agency", "current"), slug=slug)
    chosen = read_selection(shown, {})
    style = style_of(shown, chosen.version, request.GET.get("colour", ""))
    context = {
        "layer": shown,
        "version": chosen.version,
        "style": style,
        "geometry": geometry_of(chosen.version.geometry_type),
        "map": _map(request, chosen, style),
        "licence_url": metadata.licence_url(shown.licence),
    }
    return render(request, "layers/embed.html", context)


def map_texts() -> dict[str, str]:
    """Return what the script of a layers' map says."""
    return {
        "failed": _("Part of the map did not load."),
        "retry": _("Try again"),
        "zoomIn": _("Zoom in"),
        "zoomOut": _("Zoom out"),
        "nothing": _("There is nothing here. Tap a sign, a line or an area."),
        "featureFailed": _("The details could not be loaded. Check your connection."),
        "noPlace": _("This feature has no place, so that the map does not show it."),
    }


def embed_code(shown: Layer, colour: str) -> str:
    """Return HTML that shows the layer's map on another page; "" for a layer that not everybody may read."""
    if shown.access != Access.PUBLIC:
        return ""
    # Other sites' visitors have no fields but those that everybody sees.
    seen_by_all = {str(field["name"]) for field in shown.fields if shown_to(field) == ShownTo.EVERYBODY}
    query = f"?{urlencode({'colour': colour})}" if colour in seen_by_all else ""
    return format_html(
        '<iframe src="{}{}{}" title="{}" width="100%" height="480" loading="lazy" allowfullscreen></iframe>',
        settings.SITE_URL.rstrip("/"),
        reverse("layer_embed", args=[shown.slug]),
        query,
        _("Map: %(layer)s") % {"layer": shown.title},
    )


def geometry_of(geometry_type: str) -> str:
    """Return point, line or polygon for PostGIS' and GDAL's names; point for collections."""
    kind = geometry_type.casefold()
    return next((word for word in ("polygon", "line") if word in kind), "point")


def _mistake(shown: Layer) -> str:
    """Return the address where a mistake in a layer is reported: it names the agency and, if it is public, the layer.

    A report is public; the name of a layer that not everybody may know must not get into it.
    """
    named = {"agency": shown.agency.code} | ({"layer": shown.slug} if shown.access == Access.PUBLIC else {})
    return f"{reverse('report_new')}?{urlencode(named)}"


def _map(request: HttpRequest, chosen: Selection, style: Style) -> MapMarkup | None:
    areas = active_areas()
    if areas is None:
        return None
    version, shown = chosen.version, chosen.layer
    number = "" if version.pk == shown.current_id else f"&version={version.number}"
    extent = version.extent.extent if version.extent else areas.bounds
    tiles = TileLayer(
        reverse("layer_tiles", args=[shown.slug, 6, 7, 8]).replace("6/7/8", "{z}/{x}/{y}"),
        f"field={style.field or '-'}{number}&v={version.pk}",
        more={"style": style.options(), "geometry": geometry_of(version.geometry_type)},
    )
    return data_map(
        nonce=request.csp_nonce,  # type: ignore[attr-defined]
        areas=areas,
        layer=tiles,
        module="js/layers/map.js",
        options={
            "extent": [round(number, 6) for number in extent],
            "feature": reverse("layer_feature", args=[shown.slug, 0]).replace("/0/", "/{fid}/"),
            "query": number.removeprefix("&"),
            "texts": map_texts(),
        },
        label=_("Map of %(layer)s. Arrow keys move it, plus and minus zoom, Enter shows what is in the middle.")
        % {"layer": shown.title},
    )


def _heads(chosen: Selection, rows: table.Table, style: Style) -> list[dict[str, Any]]:
    """Return the heads of the columns, each with the address that sorts by it."""
    heads = []
    for column in rows.columns:
        name = str(column["name"])
        by_this = name == rows.sort
        sort = f"-{name}" if by_this and not rows.descending else name
        heads.append(
            {
                "title": column.get("title") or name,
                "is_number": column.get("type") in styling.NUMBERS,
                "order": ("descending" if rows.descending else "ascending") if by_this else "",
                "query": chosen.query(colour=style.field, sort=sort),
            }
        )
    return heads


def _chips(search: Search) -> list[tuple[str, str]]:
    """Return the active filters in words, each with the query string that remains without it."""
    wanted = search.wanted
    names = {area.code: area.name for area in search.kecamatan}
    chips = [(_("Kecamatan %(name)s") % {"name": names.get(wanted.kecamatan, "")}, wanted.without("kecamatan"))]
    chips = chips if wanted.kecamatan in names else []
    for facet in FACETS:
        if not getattr(wanted, facet):
            continue
        chips += [(option.label, wanted.without(facet)) for option in search.options(facet) if option.chosen]
    return chips


def _joined(*queries: str) -> str:
    return "&".join(query for query in queries if query)
