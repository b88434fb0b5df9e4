"""Reads over layers. Deny first: whoever may not see a layer does not learn that it exists."""

import datetime as dt
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.models import AnonymousUser
from django.db import connection, models
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User

if TYPE_CHECKING:
    from layers.models import ApiKey, Layer, LayerDownload, LayerUse  # noqa: F401

KINDS = ("items", "tiles", "downloads", "other")
"""Kinds of answers that are counted (models.LayerUse.Kind)."""


class LayerQuerySet(models.QuerySet["Layer"]):
    """Layer sentences; begin with `visible_to(user)`, `public()` or `at_desk_of(user)`.

    Layers that `visible_to` finds know for whom they were opened, so that they show this person's fields.
    """

    _reader: User | AnonymousUser | None = None

    def _clone(self) -> Self:
        made: Self = super()._clone()  # type: ignore[misc]
        made._reader = self._reader
        return made

    def _fetch_all(self) -> None:
        new = self._result_cache is None
        super()._fetch_all()
        if new and self._reader is not None:
            for found in self._result_cache or ():
                if isinstance(found, models.Model):
                    found.reader = self._reader

    def read_by(self, user: User | AnonymousUser) -> Self:
        """The same layers, opened for `user`; whether that person may see them, somebody else has looked."""
        made = self.all()
        made._reader = user
        return made

    def published(self) -> Self:
        """Those that are in the catalogue at all."""
        return self.filter(state="published")

    def public(self) -> Self:
        """Those that everybody may read."""
        return self.published().filter(access="public")

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those that `user` may read: public ones, and by work, agency or group further ones."""
        if not isinstance(user, User) or not user.is_active:
            return self.public().read_by(user)
        allowed = models.Q(access="public") | models.Q(access="groups", groups__in=user.groups.all())
        if user.works_at_desk():
            allowed |= models.Q(access="regency") | models.Q(agency__in=user.agency_ids())
        if user.is_coordinator:
            return self.published().read_by(user)
        visible = self.model._default_manager.filter(allowed).values("pk")
        return self.published().filter(pk__in=visible).read_by(user)

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


class LayerDownloadQuerySet(models.QuerySet["LayerDownload"]):
    """Sentences about the record of downloads."""

    def at_desk_of(self, user: User | AnonymousUser) -> Self:
        """Those of the layers that `user` answers for: the own agency's; a coordinator's are all."""
        if not isinstance(user, User) or not user.works_at_desk():
            return self.none()
        return self if user.is_coordinator else self.filter(layer__agency__in=user.agency_ids())


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Sentences about keys; begin with `seen_by(user)`."""

    def seen_by(self, user: User | AnonymousUser) -> Self:
        """Those that `user` may look at and revoke: the own ones; a coordinator's are all."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        return self if user.is_coordinator else self.filter(owner=user)

    def not_revoked(self) -> Self:
        """Those that nobody took back; their time may be over."""
        return self.filter(revoked_at__isnull=True)


class LayerUseQuerySet(models.QuerySet["LayerUse"]):
    """Sentences about use."""

    def since_days(self, days: int) -> Self:
        """That of the last `days` days, today among them."""
        return self.filter(day__gt=timezone.localdate() - dt.timedelta(days=days))

    def without_key(self) -> Self:
        """That by people and programs which sent no key."""
        return self.filter(key__isnull=True)

    def by_day(self) -> "models.QuerySet[LayerUse, dict[str, Any]]":
        """Sums over layers for each key and day, the newest first: `items_n` and so on, `size` in bytes."""
        kinds = {f"{kind}_n": Coalesce(models.Sum("n", filter=models.Q(kind=kind)), 0) for kind in KINDS}
        return self.values("key_id", "day").annotate(**kinds, size=models.Sum("bytes")).order_by("key_id", "-day")
