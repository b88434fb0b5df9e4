"""The open edit of a layer, for its editors: what was changed, by whom; hand it in, publish it or give it up."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from geo.params import parse_whole
from layers import differences, editing
from layers.access import layer_or_404
from layers.comparing import MOST
from layers.errors import EditOutdated, NotReady
from layers.history_views import map_of_changes
from layers.models import Layer, LayerEdit
from layers.values import shown_changes

STEWARDS = {"publish", "withdraw", "return"}
"""What only the steward asks for."""


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def changes(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what is changed but not published; on a post, do what is asked of it."""
    layer, user = _layer(request, slug)
    if request.method == "POST":
        try:
            return redirect(*_do(request, layer, user))
        except (NotReady, EditOutdated) as error:
            messages.error(request, str(error))
        return redirect("layer_changes", slug)
    edit = _open_edit(layer)
    if edit is None and "busy" in request.GET:  # looked again by itself until it was done
        messages.success(request, _("The changes are published."))
        return redirect("layer", slug)
    told = editing.summarise(edit) if edit else None
    context = {
        "layer": layer,
        "edit": edit,
        "busy": edit is not None and edit.asked_by_id is not None,
        "decides": user.is_coordinator,
        "more": told is not None and edit is not None and edit.handed_in_mark not in {None, told.mark},
        "outdated": edit is not None and edit.base_id != layer.current_id,
        "told": told,
        "map": map_of_changes(request, layer, edit.base, url=differences.edit_url(layer), n=told.n)
        if edit and told and told.n
        else None,
        "most": MOST,
        "lines": [(line, shown_changes(line.values)) for line in editing.lines(edit)] if edit else [],
    }
    return render(request, "layers/changes.html", context)


def _do(request: HttpRequest, layer: Layer, user: User) -> tuple[str, str]:
    """Hand the open edit in, take it back, publish it, send it back or discard it; return where to go on.

    What only the steward does is nothing for anybody else. Raise NotReady, EditOutdated.
    """
    do, page, here = request.POST.get("do"), ("layer", layer.slug), ("layer_changes", layer.slug)
    if do in STEWARDS and not user.is_coordinator:
        raise Http404
    if do == "withdraw":
        editing.withdraw(layer=layer)
        return here
    if do == "take-back":
        editing.give_back(layer=layer, note="", by=user)
        messages.success(request, _("Taken back. Nothing is published."))
        return here
    if do == "return":
        note = request.POST.get("note", "").replace("\x00", "").strip()[:2_000]
        if not note:
            raise NotReady(_("Write what is to be changed."))
        editing.give_back(layer=layer, note=note, by=user)
        messages.success(request, _("Sent back."))
        return here
    mark = parse_whole(request.POST.get("mark", ""), name="mark")
    if do == "publish":
        version = editing.publish_edit(layer=layer, mark=mark, by=user)
        if version is None:
            return here  # it tells how it goes
        messages.success(request, _("Published: version %(number)d is shown now.") % {"number": version.number})
        return page
    if do == "hand-in":
        editing.hand_in(layer=layer, mark=mark, by=user)
        messages.success(request, _("Handed in. The steward looks at it, then it is published."))
        return here
    if do == "discard":
        editing.discard_edit(layer=layer, mark=mark, by=user)
        messages.success(request, _("The changes are discarded. What is published stays as it is."))
        return page
    return here


@never_cache
@login_required
@require_safe
def signs(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with a sign for each change that is not published, none without an open edit: GeoJSON, for the editors."""
    layer, _user = _layer(request, slug)
    edit = _open_edit(layer)
    found = differences.of_edit(edit) if edit else {"type": "FeatureCollection", "features": []}
    return JsonResponse(found, content_type="application/geo+json")


def _layer(request: HttpRequest, slug: str) -> tuple[Layer, User]:
    """Return the layer and its editor; to anybody else it has no such page."""
    layer, user = layer_or_404(request, slug), request.user
    if not isinstance(user, User) or not editing.may_edit(user, layer):
        raise Http404
    return layer, user


def _open_edit(layer: Layer) -> LayerEdit | None:
    edit = (
        LayerEdit.objects.filter(layer=layer, state=LayerEdit.State.OPEN).select_related("base", "handed_in_by").first()
    )
    if edit is not None:
        edit.layer = layer  # which knows its reader
    return edit
