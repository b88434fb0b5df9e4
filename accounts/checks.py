"""What Django's `check --deploy` says of settings that people's rights depend on."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.security, deploy=True)
def check_contact(**_kwargs: Any) -> list[CheckMessage]:
    """Warn when the privacy page names no way to reach whoever runs the site."""
    if settings.CONTACT:
        return []
    return [
        Warning(
            "CONTACT is not set: the privacy page names no way to ask for one's data or for their deletion.",
            hint="Set it to an e-mail address, a phone number, a street: CONTACT='privasi@example.go.id, 0549 12345'.",
            id="accounts.W001",
        )
    ]
