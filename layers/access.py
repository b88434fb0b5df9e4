"""Opening a layer for a reader: the one door, and who may keep a copy of the answer."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

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


def layer_or_404(request: HttpRequest, slug: str, *, lean: bool = False) -> Layer:
    """Return the layer that the person may read, with its agency and current version; `lean`: only `LEAN` of both.

    Raises Http404 for one that does not exist and alike for one that the person may not see. Of public layers the
    session is not even read, so that their answers can be kept by shared caches.
    """
    layers = Layer.objects.order_by().filter(slug=slug)
    layers = layers.select_related("current").only(*LEAN) if lean else layers.select_related("agency", "current")
    layer = next(iter(layers.public()), None)
    if layer is None and hasattr(request, "user"):  # tiles for people without a session come without one
        layer = next(iter(layers.visible_to(request.user)), None)
    if layer is None:
        raise Http404
    return layer


def keep_private(response: HttpResponse, layer: Layer) -> HttpResponse:
    """Forbid shared caches to keep the answer unless everybody may read the layer."""
    if layer.access != Access.PUBLIC:
        patch_cache_control(response, private=True, no_cache=True)
        patch_vary_headers(response, ["Cookie"])
    return response
