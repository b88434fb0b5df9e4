"""Pages and data leave gzipped: a page of the dashboards is a sixth of its size then, on a phone in a village."""

import re

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

from geo.tiles import accepts_gzip

FROM_BYTES = 1_000
"""What is smaller fits into one packet as it is."""
TEXT = re.compile(r"text/|image/svg\+xml|application/(vnd\.oai\.openapi|([\w.-]+\+)?(json|xml))\b")


class TextGZipMiddleware(GZipMiddleware):
    """Django's gzip, which pads against BREACH, for text: photos and packed files would only cost time.

    Answers that have packed themselves (tiles, features), and those that are streamed (downloads, whose length is told
    where it is known), stay as they are.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Pack the answer if the client takes that and it is worth it."""
        if response.streaming or not TEXT.match(response.headers.get("Content-Type", "")):
            return response
        if len(response.content) < FROM_BYTES:  # type: ignore[attr-defined]
            return response
        if not accepts_gzip(request):  # Django takes "gzip;q=0" for a yes
            patch_vary_headers(response, ["Accept-Encoding"])
            return response
        packed: HttpResponseBase = super().process_response(request, response)
        return packed
