from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.errors import TooManyAttempts
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Close public sign-up: citizens report without an account, and officers are entered by an administrator."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _("The name or the password is wrong."),
        "email_password_mismatch": _("The address or the password is wrong."),
        "too_many_login_attempts": _("Too many wrong passwords. Try again in five minutes."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def check_password(self, request: HttpRequest, name: str, password: str) -> User | None:
        """Return the person with this user name or address and password, or None; counted as on the sign-in page.

        allauth's own `authenticate` does not count requests by GET. Raises TooManyAttempts.
        """
        # The page counts what was typed, so one account has one count by name and one by address here as there.
        usage = ratelimit.consume(
            request,
            app="allauth.account",
            action="login_failed",
            key=self._get_login_attempts_cache_key(request, username=name),
            limit_get=True,
        )
        if not usage:
            raise TooManyAttempts
        user = authenticate(request, username=name, password=password)
        if not isinstance(user, User):
            return None
        usage.rollback()
        return user
