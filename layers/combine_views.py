"""Several layers, and the public reports, on one map that an address describes."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from geo.maps import MapMarkup, TileLayer, active_areas, layered_map, tile_url
from layers.access import who
from layers.combining import MOST, Combination, read_combination
from layers.models import Layer
from layers.search import Search, Wanted
from layers.views import geometry_of, map_texts

CHOICES = 12
REPORT_BREAKS = [1, 2, 6, 21, 101, 501]
"""First number of each step of colour of the reports' squares: those of the public map."""


@require_safe
def combine(request: HttpRequest) -> HttpResponse:
    """Show the chosen layers on one map, and a form that chooses; works without a script but for the map itself."""
    user = who(request)
    chosen = read_combination(request.GET, user)
    wanted = Wanted(q=request.GET.get("q", "").replace("\x00", " ").strip()[:200], place_off=True)
    search = Search(wanted, user)
    found = [card.layer for card in search.cards if card.layer.slug not in chosen.slugs]
    context = {
        "chosen": chosen,
        "lines": [_line(chosen, n, layer) for n, layer in enumerate(chosen.layers)],
        "found": found[:CHOICES],
        "more": max(0, search.count - len(chosen.layers) - CHOICES),
        "q": wanted.q,
        "full": len(chosen.layers) >= MOST,
        "most": MOST,
        "map": _map(request, chosen) if chosen.layers or chosen.reports else None,
    }
    missing = bool(chosen.missing) and not chosen.layers
    status = 404 if missing else 422 if chosen.left_out else 200
    response = render(request, "layers/combine.html", context, status=status)
    response["Cache-Control"] = "private, no-cache"
    return response


def _line(chosen: Combination, n: int, layer: Layer) -> dict[str, Any]:
    return {
        "layer": layer,
        "n": n,
        "geometry": geometry_of(layer.current.geometry_type) if layer.current else "point",
        "raised": chosen.raised(layer.slug) if n else "",
        "without": chosen.without(layer.slug),
    }


def _map(request: HttpRequest, chosen: Combination) -> MapMarkup | None:
    areas = active_areas()
    if areas is None:
        return None
    reports = TileLayer(tile_url("report_tile"), more={"breaks": REPORT_BREAKS}) if chosen.reports else None
    return layered_map(
        nonce=request.csp_nonce,  # type: ignore[attr-defined]
        areas=areas,
        layers=[_tiles(n, layer) for n, layer in enumerate(chosen.layers)],
        reports=reports,
        module="js/layers/combine.js",
        options={
            "extent": [round(number, 6) for number in chosen.extent or areas.bounds],
            "layers": [
                {
                    "title": layer.title,
                    "feature": reverse("layer_feature", args=[layer.slug, 0]).replace("/0/", "/{fid}/"),
                }
                for layer in chosen.layers
            ],
            "report": reverse("report_detail", args=["TICKET"]).replace("TICKET", "{ticket}"),
            "texts": {
                **map_texts(),
                "layer": _("Data set"),
                "report": _("Report"),
                "reports": _("{n} reports here. Nearer by, each has its own sign."),
                "reportsHere": _("Reports here"),
            },
        },
        label=_("Map of the chosen data. Arrow keys move it, plus and minus zoom, Enter shows what is in the middle."),
    )


def _tiles(n: int, layer: Layer) -> TileLayer:
    assert layer.current is not None  # noqa: S101  a published layer has one
    style = {"kind": "one", "field": "", "tokens": [f"layer-{n}"], "values": [], "upper": [], "zero": False, "step": n}
    return TileLayer(
        reverse("layer_tiles", args=[layer.slug, 6, 7, 8]).replace("6/7/8", "{z}/{x}/{y}"),
        f"field=-&v={layer.current_id}",
        more={"style": style, "geometry": geometry_of(layer.current.geometry_type)},
    )
