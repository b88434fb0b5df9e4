"""API keys for tests."""

from typing import Any

from accounts.models import User
from layers.keys import make_key
from layers.models import ApiKey


def make_api_key(owner: User, consumer: str = "uji", **over: Any) -> tuple[ApiKey, dict[str, str]]:
    """Return a key of `owner` and the headers that carry it."""
    key, text = make_key(by=owner, consumer=consumer, **over)
    return key, {"X-API-Key": text}
