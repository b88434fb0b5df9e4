"""/data/kunci/: a person's API keys, made, shown once, revoked, and how much they are used."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from layers import keys as services
from layers import usage
from layers.errors import KeyRefused
from layers.key_forms import KeyForm
from layers.models import ApiKey, LayerUse
from layers.uploads import agencies_of

SHOWN_DAYS = 14


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("text")
def keys(request: HttpRequest) -> HttpResponse:
    """Show the keys that the person may see; make one, and show it this once."""
    user = _user(request)
    form = KeyForm(request.POST if request.method == "POST" else None, editor=agencies_of(user).exists())
    made, text = None, ""
    if request.method == "POST" and form.is_valid():
        try:
            made, text = services.make_key(by=user, **form.cleaned_data)
        except KeyRefused as error:
            form.add_error("consumer", str(error))
        else:
            form = KeyForm(editor=agencies_of(user).exists())
    usage.flush()
    seen = list(ApiKey.objects.seen_by(user).select_related("owner"))
    used = _use_of(seen)
    told = [(key, used.get(key.pk, [])) for key in seen]
    context = {
        "form": form,
        "made": made,
        "text": text,
        "own": [pair for pair in told if pair[0].owner_id == user.pk],
        "others": [pair for pair in told if pair[0].owner_id != user.pk],
        "days": SHOWN_DAYS,
    }
    status = 201 if made else 422 if form.errors else 200
    return render(request, "layers/keys.html", context, status=status)


@never_cache
@login_required
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a key: one's own, or anybody's for a coordinator."""
    user = _user(request)
    key = ApiKey.objects.seen_by(user).filter(pk=pk).first()
    if key is None:
        raise Http404
    services.revoke(key=key, by=user)
    messages.success(request, _("The key for “%(name)s” opens nothing any more.") % {"name": key.consumer})
    return redirect("api_keys")


def _use_of(shown: Iterable[ApiKey]) -> dict[int, list[dict[str, Any]]]:
    """Return the days on which each key was used, the newest first."""
    used: dict[int, list[dict[str, Any]]] = {}
    for row in LayerUse.objects.filter(key__in=shown).since_days(SHOWN_DAYS).by_day():
        used.setdefault(row["key_id"], []).append(row)
    return used


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  login_required has looked
    return request.user
