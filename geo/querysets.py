"""Reads over boundary editions, as sentences."""

from typing import Any

from django.db import models


class BoundaryEditionQuerySet(models.QuerySet):
    """Reads over editions."""

    def active(self) -> "BoundaryEditionQuerySet":
        """The one edition in use, or none."""
        return self.filter(status="active")

    def active_id(self) -> int | None:
        """Return the id of the edition in use, or None."""
        return self.active().values_list("pk", flat=True).first()

    def with_counts(self) -> "BoundaryEditionQuerySet":
        """With `kecamatan_count` and `desa_count`: how many outlines each edition holds."""
        counts: dict[str, Any] = {
            f"{level}_count": models.Count(f"{level}_boundaries", distinct=True) for level in ("kecamatan", "desa")
        }
        return self.annotate(**counts)
