"""Counts of the steps that reports took, kept by the database itself like those in rollups.py (docs/adr/0095).

Triggers append a `MoveDelta` for each step of a report's record, and for every step anew when the report's kecamatan,
category, channel or confidentiality changes; the worker folds deltas into the tables below (incidents/move_counts.py).
A step is an event that changes the status, or a hand-over; notes are none.

Months are those of WITA, of the day of the step. In keys, agency 0 stands for "none".
"""

from typing import Any

import pgtrigger
from django.db import models

NTH_MAX = 4
"""Hand-overs, answers and objections of one report are numbered; from this one on together."""


class MoveDelta(models.Model):
    """A change of `n` steps with these properties."""

    month = models.DateField()
    type = models.CharField(max_length=16)
    """The event's type; "objected" for an answer, in its own month, that the reporter objected to later."""
    state = models.CharField(max_length=12)
    """The status that was left."""
    kecamatan = models.IntegerField()
    category = models.IntegerField()
    agency = models.IntegerField()
    """Which agency held the report until then."""
    to_agency = models.IntegerField()
    """To which agency it went, if it was forwarded or handed over."""
    nth = models.SmallIntegerField()
    """The how-manieth hand-over, answer or objection of its report it is; 0 for other steps."""
    back = models.BooleanField()
    """Whether it was handed to an agency that had it before."""
    channel = models.CharField(max_length=10)
    confidential = models.BooleanField()
    bucket = models.SmallIntegerField(null=True)
    """How long the report had been in the state that was left, as `duration_bucket`."""
    n = models.SmallIntegerField()

    def __str__(self) -> str:
        return f"{self.month} {self.type} {self.n:+d}"


class MoveCount(models.Model):
    """How many steps of a type were taken in `month`.

    `cut` says what the row tells apart: all (everything); kecamatan, agency or category (the two others are 0).
    """

    pk = models.CompositePrimaryKey(
        *("cut", "month", "type", "kecamatan", "category", "agency", "to_agency", "state", "nth", "back"),
        *("channel", "confidential"),
    )
    cut = models.CharField(max_length=9)
    month = models.DateField()
    type = models.CharField(max_length=16)
    kecamatan = models.IntegerField()
    category = models.IntegerField()
    agency = models.IntegerField()
    to_agency = models.IntegerField()
    state = models.CharField(max_length=12)
    nth = models.SmallIntegerField()
    back = models.BooleanField()
    channel = models.CharField(max_length=10)
    confidential = models.BooleanField()
    n = models.IntegerField()

    class Meta:
        indexes = [
            # What the cuts do not tell apart: a kecamatan with a category or an agency.
            models.Index(
                fields=["kecamatan", "type", "month"], condition=models.Q(cut="all"), name="moves_of_a_kecamatan"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month} {self.type}: {self.n}"


class StayCount(models.Model):
    """A histogram: of the stays in `state` that ended in `month`, how many took `bucket`. `cut` as in MoveCount."""

    pk = models.CompositePrimaryKey(
        *("cut", "month", "state", "kecamatan", "category", "agency", "channel", "confidential", "bucket")
    )
    cut = models.CharField(max_length=9)
    month = models.DateField()
    state = models.CharField(max_length=12)
    kecamatan = models.IntegerField()
    category = models.IntegerField()
    agency = models.IntegerField()
    channel = models.CharField(max_length=10)
    confidential = models.BooleanField()
    bucket = models.SmallIntegerField()
    n = models.IntegerField()

    class Meta:
        indexes = [
            # What the cuts do not tell apart: a kecamatan with a category or an agency, and a category with an agency.
            models.Index(
                fields=["kecamatan", "category", "month"], condition=models.Q(cut="all"), name="stays_of_a_kecamatan"
            ),
            models.Index(fields=["category", "month"], condition=models.Q(cut="all"), name="stays_of_a_category"),
        ]

    def __str__(self) -> str:
        return f"{self.month} {self.state} {self.bucket}: {self.n}"


STEP_COLUMNS = "month, type, state, agency, to_agency, nth, back, bucket"
"""What a step's event tells."""
REPORT_COLUMNS = "kecamatan, category, channel, confidential"
"""What a step takes from its report as it is now."""
MOVE_COLUMNS = f"{STEP_COLUMNS}, {REPORT_COLUMNS}"

STEPS = f"""
    SELECT step.report, step.event, told.*
    FROM (
        SELECT report_id AS report, id AS event, type, from_status, created_at, answered,
               coalesce(held[cardinality(held)], 0)::int AS agency, nth,
               CASE WHEN since IS NOT NULL THEN duration_bucket(since, created_at) END AS bucket,
               CASE WHEN type IN ('routed', 'handed_over') THEN coalesce(agency_id, 0)::int ELSE 0 END AS to_agency,
               type = 'handed_over' AND coalesce(agency_id = ANY(held), FALSE) AS back
        FROM (
            SELECT id, report_id, type, from_status, agency_id, created_at,
                   row_number() OVER (PARTITION BY report_id, type ORDER BY id) AS nth,
                   lag(created_at) OVER life AS since,
                   max(created_at) FILTER (WHERE type = 'answered') OVER earlier AS answered,
                   array_agg(agency_id) FILTER (WHERE type IN ('routed', 'handed_over') AND agency_id IS NOT NULL)
                       OVER earlier AS held
            FROM {{events}} AS event
            WHERE from_status <> to_status OR type = 'handed_over'
            WINDOW life AS (PARTITION BY report_id ORDER BY id),
                   earlier AS (life ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ) AS record
    ) AS step
    CROSS JOIN LATERAL (
        SELECT date_trunc('month', created_at AT TIME ZONE 'Asia/Makassar')::date AS month, type::text AS type,
               from_status::text AS state, agency, to_agency,
               (CASE WHEN type IN ('handed_over', 'answered', 'reopened') THEN least(nth, {NTH_MAX}) ELSE 0 END)
                   ::smallint AS nth, back, bucket
        UNION ALL
        SELECT date_trunc('month', answered AT TIME ZONE 'Asia/Makassar')::date, 'objected', '', agency, 0,
               0::smallint, FALSE, NULL
        WHERE type = 'reopened' AND answered IS NOT NULL
    ) AS told
"""  # noqa: S608 - constants of ours only
"""The steps that the rows of `{{events}}` tell, as report, event and the columns of a delta."""

_ADD = f"INSERT INTO incidents_movedelta ({MOVE_COLUMNS}, n)"
_OF_ONE = "(SELECT * FROM incidents_reportevent WHERE report_id = {report})"


def _of_report(row: str, n: int) -> str:
    """Return SQL for the steps of the report in the trigger's row OLD or NEW, `n` times."""
    return f"""
        SELECT {STEP_COLUMNS}, {row}.kecamatan_id, {row}.category_id, {row}.channel, {row}.confidential, {n}
        FROM ({STEPS.format(events=_OF_ONE.format(report=f"{row}.id"))}) AS fact
    """  # noqa: S608 - constants of ours only


def _of_touched(events: str, n: int, condition: str = "TRUE") -> str:
    """Return SQL for the steps of all reports in `touched`, `n` times.

    Report by report: whatever the statistics say, the record of each is found by its index.
    """
    return f"""
        SELECT {STEP_COLUMNS}, report.kecamatan_id, report.category_id, report.channel, report.confidential, {n}
        FROM touched JOIN incidents_report AS report ON report.id = touched.report_id
        CROSS JOIN LATERAL ({STEPS.format(events=events)}) AS fact WHERE {condition}
    """  # noqa: S608 - constants of ours only


# Intake writes two events, and both are simple: who held the report before is known, nobody. They are counted by one
# short statement; all others take the record of their report.
_SIMPLE = "(type = 'received' AND from_status = '' OR type = 'routed' AND from_status = 'received')"
# The report is locked, so that its kecamatan cannot change between this step's counting and its commit. Steps of one
# report come one after the other anyway (incidents/moves.py).
_TOLD = f"""
    {_ADD}
    SELECT date_trunc('month', event.created_at AT TIME ZONE 'Asia/Makassar')::date, event.type, event.from_status, 0,
           CASE WHEN type = 'routed' THEN coalesce(event.agency_id, 0) ELSE 0 END, 0, FALSE,
           CASE WHEN type = 'routed' THEN duration_bucket((
               SELECT earlier.created_at FROM incidents_reportevent AS earlier
               WHERE earlier.report_id = event.report_id AND earlier.type = 'received'
               ORDER BY earlier.id DESC LIMIT 1
           ), event.created_at) END,
           report.kecamatan_id, report.category_id, report.channel, report.confidential, 1
    FROM new_events AS event JOIN incidents_report AS report ON report.id = event.report_id
    WHERE {_SIMPLE} FOR NO KEY UPDATE OF report;
    IF EXISTS (SELECT FROM new_events WHERE NOT {_SIMPLE}) THEN
        PERFORM FROM incidents_report WHERE id IN (SELECT report_id FROM new_events) ORDER BY id FOR NO KEY UPDATE;
        WITH touched AS (
            SELECT report_id, array_agg(id) AS ids FROM new_events
            WHERE NOT {_SIMPLE} AND (from_status <> to_status OR type = 'handed_over') GROUP BY report_id
        )
        {_ADD} {_of_touched(_OF_ONE.format(report="touched.report_id"), 1, "fact.event = ANY(touched.ids)")};
    END IF;
    RETURN NULL;
"""  # noqa: S608 - constants of ours only
_REMAINING = _OF_ONE.format(report="touched.report_id")
_BEFORE = """(
    SELECT * FROM incidents_reportevent WHERE report_id = touched.report_id
    UNION ALL SELECT * FROM old_events WHERE report_id = touched.report_id
)"""
_UNTOLD = f"""
    WITH touched AS (SELECT DISTINCT report_id FROM old_events)
    {_ADD} {_of_touched(_BEFORE, -1)} UNION ALL {_of_touched(_REMAINING, 1)};
    RETURN NULL;
"""  # noqa: S608 - constants of ours only
_FIELDS = ["kecamatan", "category", "channel", "confidential"]
_COLUMNS = [f"{name}_id" if name in {"kecamatan", "category"} else name for name in _FIELDS]

COUNT_MOVES_OF_REPORTS: list[Any] = [
    pgtrigger.Trigger(
        name="count_moves_changed",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf(*_COLUMNS),  # type: ignore[no-untyped-call]
        condition=pgtrigger.AnyChange(*_FIELDS),
        func=f"{_ADD} {_of_report('OLD', -1)} UNION ALL {_of_report('NEW', 1)}; RETURN NULL;",
    ),
    pgtrigger.Trigger(
        name="count_moves_deleted",
        when=pgtrigger.Before,  # its events are still there, whichever are deleted first
        operation=pgtrigger.Delete,
        func=f"{_ADD} {_of_report('OLD', -1)}; RETURN OLD;",
    ),
]
COUNT_MOVES_OF_EVENTS: list[Any] = [
    pgtrigger.Trigger(
        name="count_moves_told",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="new_events"),  # type: ignore[no-untyped-call]
        func=_TOLD,
    ),
    pgtrigger.Trigger(
        name="count_moves_untold",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Delete,
        referencing=pgtrigger.Referencing(old="old_events"),  # type: ignore[no-untyped-call]
        func=_UNTOLD,
    ),
]
