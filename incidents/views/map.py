"""The public map and its tiles."""

from django.http import HttpRequest, HttpResponse

from geo.tiles import made_tile, tile_of
from incidents.tiles import report_tile


def reports_tile(request: HttpRequest, z: str, x: str, y: str) -> HttpResponse:
    """Answer /tiles/reports/z/x/y.mvt: public reports, narrowed by the conditions of the query string."""
    return made_tile(request, report_tile(tile_of(z, x, y), request.GET))
