"""Opening a layer for a reader: the one door, who asks, and who may keep a copy of the answer."""

import json
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models.expressions import RawSQL
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from accounts import basic
from accounts.models import User
from layers.keys import key_of
from layers.models import Layer, LayerVersion
from layers.querysets import LayerQuerySet

PROGRAMS = "/ogc/"
HEADERS = ("Authorization", "X-API-Key")
"""The headers that may say who asks."""
LEAN = ("id", "slug", "agency_id", "access", "fields", "current_id")
LEAN_VERSION = ("id", "layer_id", "number", "geometry_type", "feature_count", "source_crs", "kept_as")
"""What it takes to give features, in the order of the models' fields: `Model.from_db` goes by it."""
MARK = (
    "(SELECT concat_ws(' ', l.ctid, l.xmin, v.ctid, v.xmin)"
    " FROM layers_layer l JOIN layers_layerversion v ON v.id = l.current_id WHERE l.id = {})"
)
"""Names the state of a layer's row and its current version's: whatever is written to them, it is another afterwards."""


def who(request: HttpRequest) -> User | AnonymousUser:
    """Return the person whom a request for data speaks for: its key's owner, whom HTTP Basic names, or who signed in.

    The answer then depends on them, which the middleware (config/keyed.py) tells caches. Raise WrongKey, SignInRefused.
    Requests that take the short way have no session, so without a key or a password they are nobody's.
    """
    request.who_was_asked = True  # type: ignore[attr-defined]
    key = key_of(request)
    if key is not None:
        return key.owner
    if says_who(request):
        return basic.person(request)
    return getattr(request, "user", None) or AnonymousUser()


def may_edit(request: HttpRequest) -> bool:
    """Whether the way in which somebody came allows changes at all: a key only if it is marked so."""
    key = key_of(request)
    return key is None or key.may_edit


def says_who(request: HttpRequest) -> bool:
    """Whether a header of the request says who asks: then no session counts, and no CSRF token is needed.

    An API key does so everywhere, a name and a password (HTTP Basic) below /ogc/ only.
    """
    if "X-API-Key" in request.headers:
        return True
    kind = request.headers.get("Authorization", "").partition(" ")[0].casefold()
    return kind == "bearer" or (kind == "basic" and request.path_info.startswith(PROGRAMS))


def may_be_known(request: HttpRequest) -> bool:
    """Whether anything came with the request that may tell who asks: a header, or the cookie of a session."""
    return says_who(request) or settings.SESSION_COOKIE_NAME in request.COOKIES


def layer_or_404(request: HttpRequest, slug: str, *, lean: bool = False) -> Layer:
    """Return the layer that the person may read, with its agency and current version; of a public one `lean` fields.

    Raises Http404 for one that does not exist and alike for one that the person may not see. Of public layers that
    show all people the same the session is not even read, so that their answers can be kept by shared caches.
    """
    if says_who(request):
        who(request)  # what is wrong with it is told where nothing of the kind is needed, too
    layer = _lean_public(slug) if lean else _named(slug).public().first()
    if layer is None:
        layer = _named(slug).visible_to(who(request)).first()
    elif not layer.is_same_for_all:
        layer.reader = who(request)
    if layer is None:
        raise Http404
    request.layer_id = layer.pk  # type: ignore[attr-defined]  # counted by layers/usage.py
    return layer


def public_title(slug: str) -> str:
    """Return the title, in the active language, of a layer that everybody may read; "" for any other name."""
    layer = Layer.objects.public().filter(slug=slug).only("title_id", "title_en").first()
    return layer.title if layer else ""


def _named(slug: str) -> LayerQuerySet:
    return Layer.objects.filter(slug=slug).select_related("agency", "current").order_by("pk")


def _lean_public(slug: str) -> Layer | None:
    """Return the public layer of that name with `LEAN` alone, as the query set would; None without one.

    The query set's statement is made once for each process: making it takes longer than the database's answer.
    """
    statement, params = _lean_statement()
    with connection.cursor() as cursor:
        cursor.execute(statement, [slug if value == _NAME else value for value in params])
        row = cursor.fetchone()
    if row is None:
        return None
    told: dict[str, Any] = dict(zip(LEAN, row, strict=False))
    told["fields"] = json.loads(told["fields"])
    layer = Layer.from_db(connection.alias, LEAN, list(told.values()))
    layer.current = LayerVersion.from_db(connection.alias, LEAN_VERSION, row[len(LEAN) : -1])
    layer.mark = row[-1]
    return layer


_NAME = "\0"
"""Stands for the short name, which has no such letter."""


@cache
def _lean_statement() -> tuple[str, tuple[Any, ...]]:
    layers = Layer.objects.order_by().filter(slug=_NAME).public()
    marked = layers.annotate(row_mark=RawSQL(MARK.format("layers_layer.id"), ()))  # noqa: S611  our own words
    columns = (*LEAN, *(f"current__{name}" for name in LEAN_VERSION), "row_mark")
    return marked.values_list(*columns).query.sql_with_params()


def keep_private(response: HttpResponse, layer: Layer) -> HttpResponse:
    """Forbid shared caches to keep the answer unless everybody reads the same of the layer."""
    if not layer.is_same_for_all:
        patch_cache_control(response, private=True, no_cache=True)
        patch_vary_headers(response, ["Cookie", *HEADERS])
    return response
