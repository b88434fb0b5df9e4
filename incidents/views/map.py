"""The public map and its tiles."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from geo.tiles import made_tile, tile_of
from incidents.tiles import report_tile


def map(request: HttpRequest) -> HttpResponse:
    """Answer /: the public map with its list twin."""
    return render(request, "incidents/map.html")


def reports_tile(request: HttpRequest, z: str, x: str, y: str) -> HttpResponse:
    """Answer /tiles/reports/z/x/y.mvt: public reports, narrowed by the conditions of the query string."""
    return made_tile(request, report_tile(tile_of(z, x, y), request.GET))
