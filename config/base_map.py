"""The optional base map: what its address may be, and which hosts the content security policy must let it ask."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

SUBDOMAINS = "abc"
"""What Leaflet puts for `{s}`, one after the other, so that a browser asks several hosts at once."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")


def hosts_of(url: str, *, attribution: str, https: bool) -> list[str]:
    """Return the sources of pictures (scheme, host, port) that a base map at `url` needs; [] for one of our own host.

    `url` is a template with {z}, {x} and {y}; `{s}` may stand in the host. `https` tells whether the site is. Raises
    ImproperlyConfigured with what to do.
    """
    if not attribution:
        raise ImproperlyConfigured("BASE_MAP_URL is set without BASE_MAP_ATTRIBUTION. Name the map's authors there.")
    missing = [part for part in ("{z}", "{x}", "{y}") if part not in url.replace("{-y}", "{y}")]
    if missing:
        raise _wrong(url, f"lacks {', '.join(missing)}. Write it like https://tile.example/{{z}}/{{x}}/{{y}}.png.")
    if url.startswith("/") and not url.startswith("//"):
        return []
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise _wrong(url, "must begin with https:// (or http://, or / for this host).")
    if https and parts.scheme == "http":
        raise _wrong(url, "is http, and SITE_URL is https: browsers would not show it. Use the https address.")
    names = [parts.netloc.replace("{s}", letter) for letter in SUBDOMAINS] if "{s}" in parts.netloc else [parts.netloc]
    for name in names:
        if not _HOST.fullmatch(name.lower()):
            raise _wrong(
                url,
                "has a host that cannot be used. Write a name and, where needed, a port, without a user; only {s} "
                "(it becomes a, b and c) may stand in it.",
            )
    return [f"{parts.scheme}://{name.lower()}" for name in names]


def _wrong(url: str, why: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"BASE_MAP_URL={url!r} {why}")
