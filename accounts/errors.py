"""What may be refused to anybody, whoever it is, one line each. `config/problems.py` turns them into HTTP."""

from math import ceil
from typing import ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class TooOften(Exception):
    """One client address asked for more than its limit. `wait`: the seconds until it may go on."""

    code = "throttled"

    def __init__(self, wait: float) -> None:
        self.wait = wait
        minutes = max(1, ceil(wait / 60))
        super().__init__(
            ngettext(
                "Too much came from your connection just now. Wait %(n)d minute, then try again.",
                "Too much came from your connection just now. Wait %(n)d minutes, then try again.",
                minutes,
            )
            % {"n": minutes}
        )


class TooMuch(Exception):
    """A request carries more bytes than are taken."""

    code = "request_entity_too_large"

    def __init__(self, sent_bytes: int, most_bytes: int) -> None:
        super().__init__(
            _("%(sent)d MB were sent; at most %(limit)d MB are taken at once. Send fewer or smaller files.")
            % {"sent": ceil(sent_bytes / 1_000_000), "limit": most_bytes // 1_000_000}
        )


class SignInRefused(Exception):
    """Credentials in a header that do not open; the message tells what to do instead."""

    code = "not_signed_in"
    headers: ClassVar = {"WWW-Authenticate": 'Basic realm="Kutim Pintar", charset="UTF-8"'}

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or _("Sign in: with your user name and password, or with an API key."))


class KeyNeeded(SignInRefused):
    """The account signs in with two steps, which a password alone does not take."""

    code = "key_needed"

    def __init__(self) -> None:
        super().__init__(_("This account signs in with two steps. Programs use an API key for it, not the password."))


class TooManyAttempts(Exception):
    """So many wrong passwords that no further one is looked at for a while. `wait`: seconds."""

    code = "too_many_attempts"
    wait = 300

    def __init__(self) -> None:
        super().__init__(_("Too many wrong passwords. Try again in five minutes."))
