"""/data/<slug>/riwayat/: what each published version changed, for everybody who may read the layer."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from geo.maps import MapMarkup, TileLayer, active_areas, data_map
from geo.params import refuse_unknown
from layers import differences, history
from layers.access import keep_private, layer_or_404
from layers.comparing import LINES, MOST
from layers.models import Layer, LayerVersion
from layers.styling import style_of
from layers.views import geometry_of, map_texts

LINES_AT_ONCE = 20
"""Further ones wait behind a fold."""


@require_safe
def changes(request: HttpRequest, slug: str) -> HttpResponse:
    """List the changes of a layer's version, the newest first, with how many features each changed."""
    layer = layer_or_404(request, slug)
    context = {"layer": layer, "changes": history.changes_of(layer)}
    return keep_private(render(request, "layers/history.html", context), layer)


@require_safe
def change(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show one change: on a map, and each feature with its old and new values."""
    layer = layer_or_404(request, slug)
    shown = _change(layer, number)
    lines = history.lines_of(layer, shown)
    told = differences.told(lines[:LINES])
    change = shown.change
    url = reverse("layer_history_signs", args=[slug, number])
    context = {
        "layer": layer,
        "one": shown,
        "lines": told[:LINES_AT_ONCE],
        "further": told[LINES_AT_ONCE:],
        "listed": len(told),
        "map": map_of_changes(request, layer, change.after, url=url, n=len(lines), besides=change.before)
        if lines
        else None,
        "most": MOST,
    }
    return keep_private(render(request, "layers/history_change.html", context), layer)


@require_safe
def signs(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Answer with a sign for each feature that a change changed, as far as the reader sees it: GeoJSON."""
    refuse_unknown(request.GET.dict(), {"v"})
    layer = layer_or_404(request, slug)
    shown = _change(layer, number)
    change = shown.change
    found = [line.difference for line in history.lines_of(layer, shown)]
    body = differences.between(layer=layer, old=change.before or change.after, new=change.after, found=found)
    return keep_private(JsonResponse(body, content_type="application/geo+json"), layer)


def map_of_changes(
    request: HttpRequest, layer: Layer, version: LayerVersion, *, url: str, n: int, besides: LayerVersion | None = None
) -> MapMarkup | None:
    """Return a map of a version with the signs of `n` changes, read from `url`; None without boundaries.

    It shows where `version` lies, and the version `besides`.
    """
    areas = active_areas()
    if areas is None:
        return None
    extents = [one.extent.extent for one in (version, besides) if one and one.extent]
    west, south, east, north = zip(*(extents or [areas.bounds]), strict=True)
    tiles = TileLayer(
        reverse("layer_tiles", args=[layer.slug, 6, 7, 8]).replace("6/7/8", "{z}/{x}/{y}"),
        f"field=-&version={version.number}&v={version.pk}",
        more={"style": style_of(layer, version, "").options(), "geometry": geometry_of(version.geometry_type)},
    )
    return data_map(
        nonce=request.csp_nonce,  # type: ignore[attr-defined]
        areas=areas,
        layer=tiles,
        module="js/layers/upload-map.js",
        options={
            "extent": [round(side, 6) for side in (min(west), min(south), max(east), max(north))],
            "texts": map_texts(),
            **differences.map_options(url, n),
        },
        label=_("Map of the changes"),
    )


def _change(layer: Layer, number: int) -> history.Told:
    found = next((one for one in history.changes_of(layer) if one.number == number), None)
    if found is None:
        raise Http404
    return found
