"""Links of OGC documents, always absolute."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from layers.ogc.answers import HTML, JSON


def address(request: HttpRequest, name: str, *args: object) -> str:
    """Return the absolute address of a resource of this API."""
    return request.build_absolute_uri(reverse(f"ogc:{name}", args=args))


def link(rel: str, href: str, media_type: str, title: str = "") -> dict[str, Any]:
    """Return a link object."""
    made = {"rel": rel, "href": href, "type": media_type}
    return made | {"title": title} if title else made


def here(request: HttpRequest, media_type: str = JSON) -> list[dict[str, Any]]:
    """Return the links to this resource: itself, and the page for people."""
    asked = [(name, value) for name, values in request.GET.lists() if name != "f" for value in values]
    for_people = urlencode([*asked, ("f", "html")])
    return [
        link("self", request.build_absolute_uri(), media_type),
        link("alternate", request.build_absolute_uri(f"{request.path}?{for_people}"), HTML),
    ]
