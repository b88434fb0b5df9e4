"""Signing in with each request: HTTP Basic (RFC 7617), for programs such as QGIS that keep no session.

The accounts, the back ends and the counting of wrong passwords are those of the sign-in page (allauth). A password that
was right is remembered for a few minutes as a keyed hash, because looking at one costs a tenth of a second of computing
and GIS programs send it with every request.
"""

import base64
import binascii

from allauth.account.adapter import get_adapter
from allauth.mfa.utils import is_mfa_enabled
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.errors import KeyNeeded, SignInRefused
from accounts.models import User

REMEMBERED_S = 300
LENGTH_MAX = 1_000


def person(request: HttpRequest) -> User:
    """Return who the header Authorization names. Raises SignInRefused, KeyNeeded, TooManyAttempts."""
    name, password = _credentials(request)
    key = "accounts:basic:" + salted_hmac("accounts.basic", f"{name}\0{password}", algorithm="sha256").hexdigest()
    user = _remembered(key)
    if user is None:
        user = get_adapter().check_password(request, name, password)
        if user is None:
            raise SignInRefused(_("The user name or the password is wrong."))
        cache.set(key, (user.pk, user.get_session_auth_hash()), REMEMBERED_S)
    if is_mfa_enabled(user):
        raise KeyNeeded
    return user


def _remembered(key: str) -> User | None:
    """Return the person whose password this was a moment ago, unless it was changed or the account closed since."""
    pk, mark = cache.get(key) or (None, "")
    user = User.objects.filter(pk=pk, is_active=True).first() if pk else None
    return user if user and user.get_session_auth_hash() == mark else None


def _credentials(request: HttpRequest) -> tuple[str, str]:
    scheme, _space, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic" or len(rest) > LENGTH_MAX:
        raise SignInRefused
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SignInRefused(
            _("The header Authorization cannot be read: Basic, and NAME:PASSWORD in base64.")
        ) from error
    name, colon, password = text.partition(":")
    if not colon or not name or not password or "\0" in text:
        raise SignInRefused(_("The header Authorization cannot be read: Basic, and NAME:PASSWORD in base64."))
    return name, password
