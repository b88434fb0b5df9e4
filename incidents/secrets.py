"""The secret of a report: whoever holds it is its reporter. Derived from the ticket, so it is never stored."""

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

LENGTH = 32
"""Hexadecimal characters: 128 bits."""


def secret_of(ticket: str) -> str:
    """Return the secret of `ticket` under the present SECRET_KEY."""
    return _derive(ticket, settings.SECRET_KEY)


def is_secret_of(ticket: str, secret: str) -> bool:
    """Whether `secret` belongs to `ticket`, under the present SECRET_KEY or one of its fallbacks."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(_derive(ticket, key), secret) for key in keys)


def _derive(ticket: str, key: str) -> str:
    return salted_hmac("incidents.report", ticket, secret=key, algorithm="sha256").hexdigest()[:LENGTH]
