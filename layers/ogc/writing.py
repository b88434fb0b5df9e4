"""Features created, replaced, updated and deleted (OGC API Features Part 4), each in one transaction.

Who changes or deletes a feature says which state of it they know, by If-Match; of a state that is past nothing is
changed. What the change becomes part of, and who sees it when, layers/editing.py says.
"""

import json
import re
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import parse_etags
from django.utils.translation import gettext as _

from accounts.errors import SignInRefused
from accounts.models import User
from geo.tiles import accepts_gzip
from layers import access, editing
from layers.editing import Desk, Kind, Now
from layers.models import Layer, LayerEdit
from layers.ogc.answers import GEOJSON, JSON, digest
from layers.ogc.bodies import Before, judge, merge, parse_json
from layers.ogc.crs import CRS84, Crs, crs_of, parse_crs
from layers.ogc.documents import current
from layers.ogc.errors import (
    BodyTooLarge,
    ConditionFailed,
    ConditionMissing,
    LengthMissing,
    NotAnEditor,
    WrongMediaType,
)
from layers.ogc.items import Item, read_item
from layers.ogc.links import address

MERGE_PATCH = "application/merge-patch+json"
BODY_BYTES = 1_000_000
"""What one feature may weigh: some 25,000 corners."""
READS = ("GET", "HEAD", "OPTIONS")
ON_COLLECTION, ON_FEATURE = ("POST",), ("PUT", "PATCH", "DELETE")
UNCONDITIONAL = re.compile(r"\bQGIS/")
"""Clients that know no preconditions; they are read as if they had sent `If-Match: *`."""


def is_editor(request: HttpRequest, layer: Layer) -> bool:
    """Whether the request comes from somebody who may change the layer, in a way that allows it."""
    return access.may_be_known(request) and access.may_edit(request) and editing.may_edit(access.who(request), layer)


def edit_of(request: HttpRequest, layer: Layer) -> LayerEdit | None:
    """Return the open edit that the request is to see instead of what is published: the layer's, for its editors."""
    return editing.open_edit(layer) if is_editor(request, layer) else None


def allowed(request: HttpRequest, layer: Layer, methods: tuple[str, ...]) -> HttpResponse:
    """Answer OPTIONS: what the person may do here."""
    response = HttpResponse(status=204)
    may = is_editor(request, layer)
    response["Allow"] = ", ".join((*READS, *methods) if may else READS)
    if may:
        response["Accept-Post" if methods == ON_COLLECTION else "Accept-Patch"] = (
            GEOJSON if methods == ON_COLLECTION else MERGE_PATCH
        )
    response["Cache-Control"] = "private, no-store"
    return response


def create(request: HttpRequest, layer: Layer) -> HttpResponse:
    """Answer POST: store a new feature and say where it is."""
    by = _editor(request, layer)
    sent = parse_json(_body(request, GEOJSON, JSON))
    crs = _content_crs(request, layer)
    with transaction.atomic():
        desk = editing.take(layer)
        now = judge(desk.layer, desk.base, sent, crs)
        fid = editing.new_fid(desk)
        change = editing.record(desk, fid=fid, kind=Kind.CREATE, now=now, by=by)
        item = read_item(desk.layer, desk.base, fid, CRS84, edit=change.edit)
    response = _done(201)
    response["Location"] = address(request, "item", layer.slug, fid)
    response["ETag"] = f'"{tag(item, response["Location"], packed=False)}"'
    return response


def change(request: HttpRequest, layer: Layer, fid: int) -> HttpResponse:
    """Answer PUT, PATCH and DELETE of a feature."""
    by = _editor(request, layer)
    types = {"PUT": (GEOJSON, JSON), "PATCH": (MERGE_PATCH,)}.get(request.method or "")
    sent = parse_json(_body(request, *types)) if types else None
    crs = _content_crs(request, layer)
    with transaction.atomic():
        desk = editing.take(layer)
        before = editing.read_now(desk, fid)
        if before is None:
            raise Http404
        item = read_item(desk.layer, desk.base, fid, crs, edit=desk.edit)
        _require_state(request, desk, fid, item, by)
        if types is None:
            editing.record(desk, fid=fid, kind=Kind.DELETE, now=None, by=by)
            return _done(204)
        served = json.loads(item.text)
        if request.method == "PATCH":
            sent = merge(served, sent)
        now = judge(desk.layer, desk.base, sent, crs, Before(before, served))
        if not _is_same(now, before):
            kind = Kind.UPDATE if request.method == "PATCH" else Kind.REPLACE
            recorded = editing.record(desk, fid=fid, kind=kind, now=now, by=by)
            item = read_item(desk.layer, desk.base, fid, CRS84, edit=recorded.edit)
    response = _done(204)
    if request.method == "PATCH":  # what a PUT sends is not kept byte for byte, so its answer may not carry one
        response["ETag"] = f'"{tag(item, address(request, "item", layer.slug, fid), packed=False)}"'
    return response


def tag(item: Item, url: str, *, packed: bool) -> str:
    """Return a feature's ETag: the state that it is in, and after it what else the bytes of an answer depend on."""
    return f"{item.state}-{digest(url, packed)}"


def tag_for(request: HttpRequest, item: Item) -> str:
    """Return the ETag of the answer to a request for a feature."""
    return tag(item, request.build_absolute_uri(), packed=accepts_gzip(request))


def _editor(request: HttpRequest, layer: Layer) -> User:
    """Return who asks. Raises SignInRefused for nobody, NotAnEditor for somebody who may not change the layer."""
    person = access.who(request)
    if not isinstance(person, User):
        raise SignInRefused
    if not access.may_edit(request):
        raise NotAnEditor(_("This API key only reads. Make one that may also edit."))
    if not editing.may_edit(person, layer):
        raise NotAnEditor(
            _("Only officers of %(agency)s and the coordinator change this layer.")
            % {"agency": layer.agency.short_name}
        )
    return person


def _body(request: HttpRequest, *types: str) -> bytes:
    sent = (request.content_type or "").lower()
    if sent not in types:
        raise WrongMediaType(
            _("The body must be %(types)s; Content-Type says “%(sent)s”.")
            % {"types": _(" or ").join(types), "sent": sent[:80]}
        )
    if "Transfer-Encoding" in request.headers and not request.headers.get("Content-Length"):
        raise LengthMissing(_("Say how long the body is (Content-Length); one that comes in chunks is not taken."))
    length = request.headers.get("Content-Length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > BODY_BYTES:
        raise BodyTooLarge(_("One feature may have %(limit)d bytes.") % {"limit": BODY_BYTES})
    return request.body


def _content_crs(request: HttpRequest, layer: Layer) -> Crs:
    text = request.headers.get("Content-Crs")
    if text is None:
        return CRS84
    return parse_crs(text.strip().removeprefix("<").removesuffix(">"), crs_of(current(layer)), name="Content-Crs")


def _require_state(request: HttpRequest, desk: Desk, fid: int, item: Item, by: User) -> None:
    """Raise ConditionMissing or ConditionFailed unless the person knows the state that the feature is in."""
    condition = request.headers.get("If-Match", "").strip()
    if not condition:
        if not UNCONDITIONAL.search(request.headers.get("User-Agent", "")):
            raise ConditionMissing(_("Say which state you change: read the feature, and send its ETag in If-Match."))
        condition = "*"
    if condition == "*":
        others = editing.changed_by_others(desk, fid, by)
        if others:
            raise ConditionFailed(
                _("%(name)s changed this feature on %(time)s. Read it again, then change it with its ETag in If-Match.")
                % {
                    "name": others.by.get_full_name() or others.by.get_username(),
                    "time": date_format(timezone.localtime(others.at), "SHORT_DATETIME_FORMAT"),
                }
            )
        return
    known = [etag[1:-1].partition("-")[0] for etag in parse_etags(condition) if not etag.startswith("W/")]
    if item.state not in known:
        raise ConditionFailed(_("The feature was changed meanwhile. Read it again, then repeat your change."))


def _is_same(one: Now, other: Now) -> bool:
    return one.geom == other.geom and _text(one.properties) == _text(other.properties)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _done(status: int) -> HttpResponse:
    response = HttpResponse(status=status)
    response["Cache-Control"] = "no-store"
    del response["Content-Type"]
    return response
