"""API keys: made and shown once, found again in a request's headers, revoked.

A key is `kutim_<prefix>_<secret>`. It comes as `Authorization: Bearer <key>` or `X-API-Key: <key>`, never in an
address: addresses are written into logs. The secret has 192 random bits, so a plain digest of it is enough.
"""

import datetime as dt
import re
import secrets
from hashlib import sha256
from hmac import compare_digest

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from layers.errors import KeyRefused, WrongKey
from layers.models import ApiKey

LIVE_MAX = 20
"""Keys that a person holds at a time."""
_FORM = re.compile(r"kutim_([0-9a-f]{8})_([0-9a-f]{48})")


@transaction.atomic
def make_key(
    *, by: User, consumer: str, valid_for: dt.timedelta | None = None, may_edit: bool = False
) -> tuple[ApiKey, str]:
    """Make a key of `by` for a consumer; return it and its text, which is not kept. Raise KeyRefused.

    `valid_for` None: until it is revoked.
    """
    User.objects.select_for_update().get(pk=by.pk)  # two at once would pass the limit
    held = ApiKey.objects.filter(owner=by).not_revoked()
    if held.filter(consumer=consumer).exists():
        raise KeyRefused(
            _("You have a key for “%(name)s” already. Revoke it, or choose another name.") % {"name": consumer}
        )
    if held.count() >= LIVE_MAX:
        raise KeyRefused(_("You hold %(n)d keys, the most there may be. Revoke one first.") % {"n": LIVE_MAX})
    secret = secrets.token_hex(24)
    key = ApiKey.objects.create(
        owner=by,
        consumer=consumer,
        prefix=secrets.token_hex(4),
        digest=_digest(secret),
        may_edit=may_edit,
        expires_at=timezone.now() + valid_for if valid_for else None,
    )
    return key, f"kutim_{key.prefix}_{secret}"


def revoke(*, key: ApiKey, by: User) -> None:
    """Take a key back at once; nothing happens to one that is revoked already. Raise PermissionError."""
    if not ApiKey.objects.seen_by(by).filter(pk=key.pk).exists():
        raise PermissionError(_("This is not your key."))
    ApiKey.objects.filter(pk=key.pk).not_revoked().update(revoked_at=timezone.now(), revoked_by=by)


def key_of(request: HttpRequest) -> ApiKey | None:
    """Return the live key that a request came with, None if it came without; looked up once. Raise WrongKey."""
    if not hasattr(request, "api_key"):
        sent = _sent(request)
        request.api_key = None if sent is None else _find(sent)  # type: ignore[attr-defined]
    key: ApiKey | None = request.api_key  # type: ignore[attr-defined]
    return key


def _sent(request: HttpRequest) -> str | None:
    if (text := request.headers.get("X-API-Key")) is not None:
        return text.strip()
    kind, _space, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if kind.casefold() == "bearer" else None


def _find(text: str) -> ApiKey:
    parts = _FORM.fullmatch(text)
    key = ApiKey.objects.select_related("owner").filter(prefix=parts[1]).first() if parts else None
    if parts is None or key is None or not compare_digest(key.digest, _digest(parts[2])):
        raise WrongKey(_("This API key is not known. Copy it once more, whole, or make a new one."))
    if key.has_ended and key.expires_at:
        told = date_format(timezone.localtime(key.expires_at), "DATE_FORMAT")
        raise WrongKey(_("This API key was valid until %(day)s. Make a new one.") % {"day": told})
    if not key.is_live:
        raise WrongKey(_("This API key has been revoked. Make a new one."))
    return key


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
