"""How /ogc/ answers: which format, which headers, and when a 304 is enough."""

import json
import re
from collections.abc import Callable, Mapping
from functools import wraps
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from geo.errors import ParameterError
from geo.params import SHOWN
from geo.tiles import GZIP_FROM_BYTES, accepts_gzip, gzipped
from layers.access import HEADERS, may_be_known
from layers.ogc.errors import MethodNotAllowed

JSON = "application/json"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
HTML = "text/html"
MAX_AGE = 60  # seconds that a browser keeps a public answer before it asks again
FORMATS = {"json": JSON, "html": HTML}
PREFIX = "/ogc/"
FEATURES = re.compile(r"/ogc/collections/(?!catalogue/)[^/]+/items(/[^/]+)?")
"""The addresses whose features can be changed."""

Answerer = Callable[..., HttpResponse]


def _taking(*methods: str) -> Callable[[Answerer], Answerer]:
    """Refuse every method but these. The view names them, so that config/short_way.py refuses before anything else."""

    def decorate(view: Answerer) -> Answerer:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                raise MethodNotAllowed(request.method or "", methods)
            return view(request, *args, **kwargs)

        answer.methods = methods  # type: ignore[attr-defined]
        return answer

    return decorate


readable = _taking("GET", "HEAD", "OPTIONS")
creatable = _taking("GET", "HEAD", "OPTIONS", "POST")
changeable = _taking("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")


def asks_who(view: Answerer) -> Answerer:
    """Mark a view that needs the person only where a session came with the request (config/short_way.py)."""
    view.asks_who = True  # type: ignore[attr-defined]
    return view


class OpenToAll:
    """Middleware: pages of other origins may read /ogc/, without credentials, so only what is public."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PREFIX):
            return self.get_response(request)
        if request.method == "OPTIONS" and not _asks_what_is_allowed(request):
            response = HttpResponse(status=204)
            response["Allow"] = response["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
            response["Access-Control-Allow-Headers"] = "Accept, Accept-Language, If-None-Match"
            response["Access-Control-Max-Age"] = "86400"
        else:
            response = self.get_response(request)
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = "Content-Crs, ETag, Link"
        return response


def _asks_what_is_allowed(request: HttpRequest) -> bool:
    """Whether a program asks what somebody who signed in may do with features; a browser asks for other origins."""
    return (
        may_be_known(request)
        and "Access-Control-Request-Method" not in request.headers
        and FEATURES.fullmatch(request.path) is not None
    )


def format_of(request: HttpRequest, *, formats: Mapping[str, str] = FORMATS) -> str:
    """Return the name of the format asked for: by `f`, else by Accept, else the first."""
    if "f" in request.GET:
        name = request.GET["f"]
        if name not in formats:
            raise ParameterError(
                "f",
                name,
                _("“%(value)s” is no format here. Known are: %(known)s.")
                % {"value": name[:SHOWN], "known": ", ".join(formats)},
            )
        return name
    # GeoJSON is JSON to whoever asks for it.
    types = {media_type.partition(";")[0]: name for name, media_type in formats.items()}
    types = {next(iter(types)): next(iter(types.values())), GEOJSON: next(iter(formats)), **types}
    return types.get(request.get_preferred_type(list(types)) or "", next(iter(formats)))


def only_parameters(*known: str) -> Callable[[Answerer], Answerer]:
    """Refuse every parameter but `f` and these, by name."""

    def decorate(view: Answerer) -> Answerer:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            for name in request.GET:
                if name != "f" and name not in known:
                    raise ParameterError(
                        name[:SHOWN],
                        request.GET[name],
                        _("There is no parameter “%(name)s” here. Known are: %(known)s.")
                        % {"name": name[:SHOWN], "known": ", ".join(("f", *known))},
                    )
                if "\0" in request.GET[name]:
                    raise ParameterError(name, "", _("“%(name)s” cannot be read.") % {"name": name})
            return view(request, *args, **kwargs)

        return answer

    return decorate


def document(
    request: HttpRequest,
    body: Any,
    *,
    template: str,
    public: bool = True,
    content_type: str = JSON,
    more: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Answer with a document: as JSON for programs, through `template` for people."""
    if format_of(request) == "html":
        return page(request, template, {"document": body, **(more or {})})
    written = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    etag = digest(written.decode())
    return unchanged(request, etag, public=public) or sent(request, written, content_type, etag=etag, public=public)


def page(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """Answer with a page for people; it may carry their name, so no shared cache keeps it."""
    query = request.GET.copy()
    query["f"] = "json"
    response = render(request, template, {**context, "json_url": f"?{query.urlencode()}"})
    response["Cache-Control"] = "private"
    patch_vary_headers(response, ["Accept"])
    return response


def digest(*parts: object) -> str:
    """Return an ETag's text for what an answer depends on."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=12).hexdigest()


def request_digest(request: HttpRequest, *parts: object) -> str:
    """Return an ETag's text for an answer that depends on its address, its language and `parts`."""
    return digest(request.build_absolute_uri(), get_language(), settings.SITE_URL, *parts)


def unchanged(request: HttpRequest, etag: str, *, public: bool, strong: bool = False) -> HttpResponse | None:
    """Return a 304 if the client has this answer, else None."""
    asked = request.headers.get("If-None-Match", "")
    if not asked or {"*", f'W/"{etag}"', f'"{etag}"'}.isdisjoint(parse_etags(asked)):
        return None
    return _kept(HttpResponseNotModified(), etag, public, strong)


def sent(
    request: HttpRequest,
    body: bytes,
    content_type: str,
    *,
    etag: str,
    public: bool,
    headers: Mapping[str, str] | None = None,
    strong: bool = False,
) -> HttpResponse:
    """Answer with a body, gzipped if the client takes that. `strong`: the ETag stands for every byte of it."""
    packed = len(body) >= GZIP_FROM_BYTES and accepts_gzip(request)
    response = HttpResponse(gzipped(body) if packed else body, content_type=content_type)
    if packed:
        response["Content-Encoding"] = "gzip"
    for name, value in (headers or {}).items():
        response[name] = value
    response["Content-Length"] = str(len(response.content))
    return _kept(response, etag, public, strong)


def _kept(response: HttpResponse, etag: str, public: bool, strong: bool) -> HttpResponse:
    response["ETag"] = f'"{etag}"' if strong else f'W/"{etag}"'
    response["Cache-Control"] = f"public, max-age={MAX_AGE}" if public else "private, no-cache"
    whose = [] if public else ["Cookie"]
    patch_vary_headers(response, ["Accept", "Accept-Encoding", "Accept-Language", *HEADERS, *whose])
    return response
