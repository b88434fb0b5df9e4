"""Counts of reports kept by the database itself: for the map's cells, and for every figure of the dashboards.

Triggers append one `ReportCellDelta` for each report that appears, moves, changes or disappears; the worker folds
deltas into the tables below (incidents/rollups.py). A count is the sum of a table and the deltas, so it is exact at
every moment.

Days and months are those of WITA. In keys, category and agency are row ids; agency 0 stands for "none yet".
"""

import pgtrigger
from django.db import models

DELTA_LEVEL = 18
"""The quadtree level of deltas: cells of about 153 m at the equator."""
NO_DESA = -1
"""The desa of reports without one; 0 stands for the whole kecamatan."""


class ReportCellDelta(models.Model):
    """A change of `n` reports with these properties. Its cell x, y is one of level 18."""

    x = models.IntegerField()
    y = models.IntegerField()
    category = models.IntegerField()
    status = models.CharField(max_length=12)
    confidential = models.BooleanField()
    day = models.DateField()
    """When the report was received."""
    kecamatan = models.IntegerField()
    desa = models.IntegerField()
    agency = models.IntegerField()
    channel = models.CharField(max_length=10)
    due = models.DateField(null=True)
    """The day by which to resolve it, while it is owed: open, not on hold, not answered."""
    ended = models.DateField(null=True)
    """When it was answered or archived, unless it is open (again)."""
    kept = models.BooleanField(null=True)
    """Whether it was answered in time; NULL when it is not answered."""
    verified = models.SmallIntegerField(null=True)
    responded = models.SmallIntegerField(null=True)
    resolved = models.SmallIntegerField(null=True)
    """How long each step took, as `duration_bucket`."""
    hexagon = models.BigIntegerField()
    """The H3 cell of the finest resolution that is kept (geo/hexagons.py)."""
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


class ReportCount(models.Model):
    """How many reports were received in a day, week or month from `start`, by where they stand now.

    `span` is d, w (from Monday) or m. `desa` 0 counts the whole kecamatan; weeks have no other rows. `kept` and
    `broken` count reports answered in time and late; `ended` those that were answered or archived in the span, whenever
    received.

    `cut` says what the row tells apart: all (everything), or kecamatan (and desa), agency or category alone: the other
    two are 0 and `channel` is ''. Rows of all are as many as there are reports, until each combination has one; the
    others stay a few hundred for each span. Agencies and categories alone are not told by desa.
    """

    pk = models.CompositePrimaryKey(
        "cut", "span", "desa", "start", "kecamatan", "category", "agency", "channel", "confidential"
    )
    cut = models.CharField(max_length=9)
    span = models.CharField(max_length=1)
    desa = models.IntegerField()
    start = models.DateField()
    kecamatan = models.IntegerField()
    category = models.IntegerField()
    agency = models.IntegerField()
    channel = models.CharField(max_length=10)
    confidential = models.BooleanField()
    n = models.IntegerField()
    """All that were received in the span: the sum of the nine statuses."""
    received = models.IntegerField()
    routed = models.IntegerField()
    in_progress = models.IntegerField()
    answered = models.IntegerField()
    closed = models.IntegerField()
    on_hold = models.IntegerField()
    rejected = models.IntegerField()
    duplicate = models.IntegerField()
    reopened = models.IntegerField()
    kept = models.IntegerField()
    broken = models.IntegerField()
    ended = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.span} {self.start} {self.kecamatan}/{self.desa}"


class DueCount(models.Model):
    """How many reports received in the day or month `start` are owed by the day or in the month `due`.

    `span` is d or m, for both. `desa` 0 counts the whole kecamatan. `cut` is ReportCount's.
    """

    pk = models.CompositePrimaryKey(
        "cut", "span", "desa", "due", "start", "kecamatan", "category", "agency", "channel", "confidential"
    )
    cut = models.CharField(max_length=9)
    span = models.CharField(max_length=1)
    desa = models.IntegerField()
    due = models.DateField()
    start = models.DateField()
    kecamatan = models.IntegerField()
    category = models.IntegerField()
    agency = models.IntegerField()
    channel = models.CharField(max_length=10)
    confidential = models.BooleanField()
    n = models.IntegerField()

    class Meta:
        indexes = [
            # What is overdue of the days at the ends of a period.
            models.Index(
                fields=["cut", "desa", "start", "due"], condition=models.Q(span="d"), name="owed_by_day_received"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.span} {self.start} owed {self.due}: {self.n}"


class DurationCount(models.Model):
    """A histogram: of the reports received in `month`, how many took `bucket` to a step.

    `cut` says what the row tells apart: all (everything), kecamatan, agency or category alone, or the pair of kecamatan
    and agency: the others are 0 and `channel` is ''. `step` is verify, respond or resolve.
    """

    pk = models.CompositePrimaryKey(
        "cut", "step", "category", "month", "kecamatan", "agency", "channel", "confidential", "bucket"
    )
    cut = models.CharField(max_length=9)
    step = models.CharField(max_length=7)
    category = models.IntegerField()
    month = models.DateField()
    kecamatan = models.IntegerField()
    agency = models.IntegerField()
    channel = models.CharField(max_length=10)
    confidential = models.BooleanField()
    bucket = models.SmallIntegerField()
    n = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.step} {self.month} {self.bucket}: {self.n}"


class HeatCount(models.Model):
    """How many reports received in `month` lie in a cell, by where they stand now.

    `level` 13 and 14 are cells of the Web-Mercator quadtree, `cell` is x * 2^32 + y; `level` 7 and 8 are resolutions of
    H3, `cell` is its index. `cut` says what the row tells apart: all (everything), agency (category is 0) or total
    (category and agency are 0).
    """

    pk = models.CompositePrimaryKey(
        "level", "cut", "category", "agency", "month", "cell", "kecamatan", "desa", "confidential"
    )
    level = models.SmallIntegerField()
    cut = models.CharField(max_length=6)
    category = models.IntegerField()
    agency = models.IntegerField()
    month = models.DateField()
    cell = models.BigIntegerField()
    kecamatan = models.IntegerField()
    desa = models.IntegerField()
    confidential = models.BooleanField()
    n = models.IntegerField()
    """All that were received in the month: the sum of the nine statuses."""
    received = models.IntegerField()
    routed = models.IntegerField()
    in_progress = models.IntegerField()
    answered = models.IntegerField()
    closed = models.IntegerField()
    on_hold = models.IntegerField()
    rejected = models.IntegerField()
    duplicate = models.IntegerField()
    reopened = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.level}/{self.cell:x} {self.month}: {self.n}"


class HeatDue(models.Model):
    """How many reports received in `month` are owed by the day `due`, in the finest cells of both grids.

    `cell` is of the quadtree's level 14, as in `HeatCount`. There are at most as many rows as owed reports: coarser
    cells are summed when read.
    """

    pk = models.CompositePrimaryKey(
        "due", "month", "cell", "hexagon", "kecamatan", "desa", "category", "agency", "confidential"
    )
    due = models.DateField()
    month = models.DateField()
    cell = models.BigIntegerField()
    hexagon = models.BigIntegerField()
    kecamatan = models.IntegerField()
    desa = models.IntegerField()
    category = models.IntegerField()
    agency = models.IntegerField()
    confidential = models.BooleanField()
    n = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.cell:x} owed {self.due}: {self.n}"


FACTS = """
    floor((ST_X({row}.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,
    floor((20037508.342789244 - ST_Y({row}.geom_3857)) / 152.8740565703525)::int AS y,
    {row}.category_id AS category, {row}.status, {row}.confidential,
    ({row}.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,
    {row}.kecamatan_id AS kecamatan, coalesce({row}.desa_id, -1) AS desa, coalesce({row}.agency_id, 0) AS agency,
    {row}.channel,
    CASE WHEN {row}.status IN ('received', 'routed', 'in_progress', 'reopened') AND {row}.answered_at IS NULL
         THEN ({row}.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,
    CASE WHEN {row}.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')
         THEN (coalesce({row}.answered_at, {row}.closed_at, {row}.created_at) AT TIME ZONE 'Asia/Makassar')::date
         END AS ended,
    {row}.answered_at <= {row}.resolve_due_at AS kept,
    duration_bucket({row}.created_at, {row}.verified_at) AS verified,
    duration_bucket({row}.created_at, {row}.responded_at) AS responded,
    duration_bucket({row}.created_at, {row}.answered_at) AS resolved,
    {row}.hexagon
"""
"""A report's properties as a delta keeps them, as the columns of a SELECT."""

FACT_COLUMNS = (
    "x, y, category, status, confidential, day, kecamatan, desa, agency, channel, due, ended, kept, "
    "verified, responded, resolved, hexagon"
)

_ADD = f"INSERT INTO incidents_reportcelldelta ({FACT_COLUMNS}, n)"
_GAIN, _LOSS = f"SELECT {FACTS.format(row='NEW')}, 1", f"SELECT {FACTS.format(row='OLD')}, -1"
_FIELDS = [
    *("geom", "hexagon", "category", "status", "confidential", "created_at", "kecamatan", "desa", "agency", "channel"),
    *("resolve_due_at", "verified_at", "responded_at", "answered_at", "closed_at"),
]
_COLUMNS = [f"{name}_id" if name in {"category", "kecamatan", "desa", "agency"} else name for name in _FIELDS]

COUNT_REPORTS = [
    pgtrigger.Trigger(
        name="count_new", when=pgtrigger.After, operation=pgtrigger.Insert, func=f"{_ADD} {_GAIN}; RETURN NULL;"
    ),
    pgtrigger.Trigger(
        name="count_changed",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf(*_COLUMNS),  # type: ignore[no-untyped-call]
        condition=pgtrigger.AnyChange(*_FIELDS),
        func=f"{_ADD} {_LOSS} UNION ALL {_GAIN}; RETURN NULL;",
    ),
    pgtrigger.Trigger(
        name="count_deleted", when=pgtrigger.After, operation=pgtrigger.Delete, func=f"{_ADD} {_LOSS}; RETURN NULL;"
    ),
]
