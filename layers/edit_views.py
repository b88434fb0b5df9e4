"""The open edit of a layer, for its editors: what was changed, by whom; publish it or give it up."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from geo.params import parse_whole
from layers import editing
from layers.access import layer_or_404
from layers.errors import EditOutdated, NotReady
from layers.models import LayerEdit


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def changes(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what is changed but not published; on a post, publish it or discard it."""
    layer = layer_or_404(request, slug)
    user = request.user
    if not isinstance(user, User) or not editing.may_edit(user, layer):
        raise Http404
    if request.method == "POST":
        mark = parse_whole(request.POST.get("mark", ""), name="mark")
        try:
            if request.POST.get("do") == "publish":
                version = editing.publish_edit(layer=layer, mark=mark, by=user)
                messages.success(request, _("Published: version %(number)d is shown now.") % {"number": version.number})
                return redirect("layer", slug)
            if request.POST.get("do") == "discard":
                editing.discard_edit(layer=layer, mark=mark, by=user)
                messages.success(request, _("The changes are discarded. What is published stays as it is."))
                return redirect("layer", slug)
        except (NotReady, EditOutdated) as error:
            messages.error(request, str(error))
        return redirect("layer_changes", slug)
    edit = LayerEdit.objects.filter(layer=layer, state=LayerEdit.State.OPEN).select_related("base", "layer").first()
    context = {
        "layer": layer,
        "edit": edit,
        "outdated": edit is not None and edit.base_id != layer.current_id,
        "told": editing.summarise(edit) if edit else None,
        "lines": editing.lines(edit) if edit else [],
    }
    return render(request, "layers/changes.html", context)
