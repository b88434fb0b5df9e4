"""What dashboards keep between processes. Every figure of theirs comes from the other apps' tables."""

from django.db import models

from geo.models import BoundaryEdition


class KeptStudyArea(models.Model):
    """A study area (study_area.py), made once for the boundaries in use: making the finest takes a second.

    `state` tells of which boundaries and by which recipe it was made; with another one it is made anew.
    """

    edition = models.ForeignKey(BoundaryEdition, on_delete=models.CASCADE, related_name="+")
    grid = models.CharField(max_length=10)
    state = models.CharField(max_length=40)
    arrays = models.BinaryField()
    """The arrays by their names, as numpy's .npz."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edition", "grid"], name="one_study_area_for_each_grid")]

    def __str__(self) -> str:
        return f"{self.grid} of edition {self.edition_id}"
