"""Counts of public reports on the Web-Mercator quadtree, kept by the database itself.

A trigger appends one `ReportCellDelta` for each report that appears, moves, changes or disappears; the worker folds
deltas into `ReportCell` (incidents/rollups.py). A count is the sum of both tables, so it is exact at every moment.
"""

import pgtrigger
from django.db import models

DELTA_LEVEL = 18
"""The quadtree level of deltas: cells of about 153 m at the equator."""


class ReportCellDelta(models.Model):
    """A change of `n` reports in the cell x, y of level 18."""

    x = models.IntegerField()
    y = models.IntegerField()
    category = models.IntegerField()
    status = models.CharField(max_length=12)
    n = models.SmallIntegerField()

    def __str__(self) -> str:
        return f"{self.x}/{self.y} {self.n:+d}"


class ReportCell(models.Model):
    """How many public reports lie in cell x, y of `level`, for a category and a status.

    `category` 0 means all categories, `status` '' all statuses. Levels up to 15 hold all four combinations,
    finer levels only the total.
    """

    pk = models.CompositePrimaryKey("level", "x", "y", "category", "status")
    level = models.SmallIntegerField()
    x = models.IntegerField()
    y = models.IntegerField()
    category = models.IntegerField()
    status = models.CharField(max_length=12)
    n = models.IntegerField()

    class Meta:
        indexes = [
            # What tiles without conditions read: a narrow walk over totals, without visiting the table.
            models.Index(
                fields=["level", "x", "y"],
                include=["n"],
                condition=models.Q(category=0, status=""),
                name="cell_totals",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level}/{self.x}/{self.y}: {self.n}"


_CELL = """
    floor((ST_X({row}.geom_3857) + 20037508.342789244) / 152.8740565703525),
    floor((20037508.342789244 - ST_Y({row}.geom_3857)) / 152.8740565703525),
    {row}.category_id, {row}.status
"""
_ADD = "INSERT INTO incidents_reportcelldelta (x, y, category, status, n) VALUES ({cell}, {n});"
_GAIN = "IF NOT NEW.confidential THEN " + _ADD.format(cell=_CELL.format(row="NEW"), n=1) + " END IF;"
_LOSS = "IF NOT OLD.confidential THEN " + _ADD.format(cell=_CELL.format(row="OLD"), n=-1) + " END IF;"

COUNT_CELLS = [
    pgtrigger.Trigger(
        name="count_new_in_cells", when=pgtrigger.After, operation=pgtrigger.Insert, func=_GAIN + " RETURN NULL;"
    ),
    pgtrigger.Trigger(
        name="count_changed_in_cells",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("geom", "category_id", "status", "confidential"),  # type: ignore[no-untyped-call]
        condition=pgtrigger.AnyChange("geom", "category", "status", "confidential"),
        func=_LOSS + _GAIN + " RETURN NULL;",
    ),
    pgtrigger.Trigger(
        name="count_deleted_in_cells", when=pgtrigger.After, operation=pgtrigger.Delete, func=_LOSS + " RETURN NULL;"
    ),
]
