"""What a role may do in the admin. It follows from the membership, so there is no second place to keep in step."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import BaseBackend

from accounts.models import User


class RolePermissions(BaseBackend):
    """Give coordinators `settings.COORDINATOR_PERMISSIONS`. Nobody signs in by it, and no other role gets anything."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return the permissions of an active coordinator; none for a single object, as in Django's own backend."""
        if obj is not None or not isinstance(user_obj, User) or not user_obj.is_coordinator:
            return set()
        return set(settings.COORDINATOR_PERMISSIONS)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the person may do anything in the app: the admin's index asks."""
        return any(name.split(".")[0] == app_label for name in self.get_user_permissions(user_obj))
