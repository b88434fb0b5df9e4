"""Reads over layers. Deny first: whoever may not see a layer does not learn that it exists."""

from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import AnonymousUser
from django.db import connection, models

from accounts.models import User

if TYPE_CHECKING:
    from layers.models import Layer  # noqa: F401


class LayerQuerySet(models.QuerySet["Layer"]):
    """Layer sentences; begin with `visible_to(user)`, `public()` or `at_desk_of(user)`."""

    def published(self) -> Self:
        """Those that are in the catalogue at all."""
        return self.filter(state="published")

    def public(self) -> Self:
        """Those that everybody may read."""
        return self.published().filter(access="public")

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those that `user` may read: public ones, and by work, agency or group further ones."""
        if not isinstance(user, User) or not user.is_active:
            return self.public()
        allowed = models.Q(access="public") | models.Q(access="groups", groups__in=user.groups.all())
        if user.works_at_desk():
            allowed |= models.Q(access="regency") | models.Q(agency__in=user.agency_ids())
        if user.is_coordinator:
            return self.published()
        return self.published().filter(pk__in=self.model._default_manager.filter(allowed).values("pk"))

    def at_desk_of(self, user: User | AnonymousUser) -> Self:
        """Those that `user` may change: the own agency's; a coordinator's are all, as the steward (walidata)."""
        if not isinstance(user, User) or not user.works_at_desk():
            return self.none()
        return self if user.is_coordinator else self.filter(agency__in=user.agency_ids())

    def index_places(self) -> None:
        """Count the features of the current versions in each kecamatan and desa of the active edition."""
        current = list(self.filter(current__isnull=False).values_list("current_id", flat=True))
        with connection.cursor() as cursor:
            cursor.execute("SELECT layers_index_places(id) FROM unnest(%s::bigint[]) AS id", [current])
