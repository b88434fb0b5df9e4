from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Give every template the regency's name and the site's address."""
    return {"REGENCY_NAME": settings.REGENCY_NAME, "SITE_URL": settings.SITE_URL}
