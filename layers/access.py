"""Opening a layer for a reader: the one door, who asks, and who may keep a copy of the answer."""

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from accounts.models import User
from layers.keys import key_of
from layers.models import Access, Layer

LEAN = (
    "slug",
    "access",
    "fields",
    "current__layer",
    "current__number",
    "current__feature_count",
    "current__source_crs",
)
"""What it takes to give features: reading only these halves the time of opening a layer."""


def who(request: HttpRequest) -> User | AnonymousUser:
    """Return the person whom a request for data speaks for: its key's owner, or who signed in.

    The answer then depends on them, which the middleware (config/keyed.py) tells caches. Raise WrongKey.
    Requests that take the short way have no session, so without a key they are nobody's.
    """
    request.who_was_asked = True  # type: ignore[attr-defined]
    key = key_of(request)
    if key is not None:
        return key.owner
    return getattr(request, "user", None) or AnonymousUser()


def may_edit(request: HttpRequest) -> bool:
    """Whether the way in which somebody came allows changes at all: a key only if it is marked so."""
    key = key_of(request)
    return key is None or key.may_edit


def layer_or_404(request: HttpRequest, slug: str, *, lean: bool = False) -> Layer:
    """Return the layer that the person may read, with its agency and current version; `lean`: only `LEAN` of both.

    Raises Http404 for one that does not exist and alike for one that the person may not see. Of public layers the
    session is not even read, so that their answers can be kept by shared caches.
    """
    layers = Layer.objects.order_by().filter(slug=slug)
    layers = layers.select_related("current").only(*LEAN) if lean else layers.select_related("agency", "current")
    layer = next(iter(layers.public()), None)
    if layer is None:
        layer = next(iter(layers.visible_to(who(request))), None)
    if layer is None:
        raise Http404
    request.layer_id = layer.pk  # type: ignore[attr-defined]  # counted by layers/usage.py
    return layer


def keep_private(response: HttpResponse, layer: Layer) -> HttpResponse:
    """Forbid shared caches to keep the answer unless everybody may read the layer."""
    if layer.access != Access.PUBLIC:
        patch_cache_control(response, private=True, no_cache=True)
        patch_vary_headers(response, ["Cookie"])
    return response
