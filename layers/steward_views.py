"""What those who answer for data look at: who took internal layers, and which version is shown since when and why."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from geo.models import Kecamatan
from layers import history
from layers import versions as services
from layers.errors import NotReady
from layers.formats import FORMATS
from layers.models import Layer, LayerDownload

PER_PAGE = 50


@never_cache
@login_required
@require_safe
def downloads(request: HttpRequest) -> HttpResponse:
    """Show who took data that not everybody may read, the newest first; `layer` (a short name) narrows it."""
    user = _user(request)
    if not user.works_at_desk():
        return render(request, "layers/upload/forbidden.html", status=403)
    found = LayerDownload.objects.at_desk_of(user).select_related("layer", "version", "user", "key")
    slug = request.GET.get("layer", "").replace("\x00", "")
    layer = Layer.objects.at_desk_of(user).filter(slug=slug).first() if slug else None
    if slug and layer is None:
        raise Http404
    if layer:
        found = found.filter(layer=layer)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _told(page.object_list),
        "layer": layer,
        "layers": Layer.objects.at_desk_of(user).filter(downloads__isnull=False).distinct(),
    }
    return render(request, "layers/downloads.html", context)


@never_cache
@login_required
@require_safe
def versions(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a layer's versions and every change of the current one, with its reason."""
    layer = _layer(request, slug)
    context = {
        "layer": layer,
        "versions": layer.versions.select_related("loaded_by", "edit__base"),
        "changes": history.changes_of(layer),
        "decides": _decides(request, layer),
    }
    return render(request, "layers/versions.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reinstate(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Ask whether, and why, an earlier version is to be shown again; on a post, do it."""
    layer = _layer(request, slug)
    version = get_object_or_404(layer.versions, number=number, published_at__isnull=False)
    if not _decides(request, layer):
        raise Http404
    reason, error = "", ""
    if request.method == "POST":
        reason = request.POST.get("reason", "").replace("\x00", "").strip()[:2_000]
        try:
            services.reinstate(version=version, by=_user(request), reason=reason)
        except NotReady as refused:
            error = str(refused)
        else:
            messages.success(request, _("Version %(number)d is shown now.") % {"number": number})
            return redirect("layer_versions", slug)
    elif version.pk == layer.current_id:
        return redirect("layer_versions", slug)
    context: dict[str, Any] = {"layer": layer, "version": version, "reason": reason, "error": error}
    return render(request, "layers/reinstate.html", context, status=422 if error else 200)


def _told(rows: Any) -> list[tuple[LayerDownload, str, list[str]]]:
    """Return each download with the name of its format and its conditions in words."""
    names = {area.code: area.name for area in Kecamatan.objects.all()}
    told = []
    for row in rows:
        words = [f"“{row.conditions['q']}”"] if row.conditions.get("q") else []
        if code := row.conditions.get("kecamatan"):
            words.append(_("Kecamatan %(name)s") % {"name": names.get(code, code)})
        told.append((row, FORMATS[row.format].title if row.format in FORMATS else row.format, words))
    return told


def _layer(request: HttpRequest, slug: str) -> Layer:
    """Return the layer if the person answers for it; to anybody else it does not exist here."""
    layer = Layer.objects.at_desk_of(_user(request)).select_related("agency", "current").filter(slug=slug).first()
    if layer is None:
        raise Http404
    return layer


def _decides(request: HttpRequest, layer: Layer) -> bool:
    return _user(request).is_coordinator and layer.state == Layer.State.PUBLISHED


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  login_required has looked
    return request.user
