"""Icons where a page has a hundred of them: `{% icon "pin" %}` is `includes/icon.html`, rendered once a process."""

from functools import cache

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """Return the icon of that name."""
    return render_to_string("includes/icon.html", {"name": name, "class": ""})
