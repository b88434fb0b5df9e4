import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# Steps that are on record already become deltas: they are counted from now on, and the worker folds them.
COUNT_ALL = """
LOCK TABLE incidents_report, incidents_reportevent IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO incidents_movedelta (
    month, type, state, agency, to_agency, nth, back, bucket, kecamatan, category, channel, confidential, n
)
SELECT told.*, report.kecamatan_id, report.category_id, report.channel, report.confidential, 1
FROM (
    SELECT report_id, type, from_status, created_at, answered, nth, CASE WHEN since IS NOT NULL THEN duration_bucket(since, created_at) END AS bucket,
           coalesce(held[cardinality(held)], 0)::int AS agency,
           CASE WHEN type IN ('routed', 'handed_over') THEN coalesce(agency_id, 0)::int ELSE 0 END AS to_agency,
           type = 'handed_over' AND coalesce(agency_id = ANY(held), FALSE) AS back
    FROM (
        SELECT id, report_id, type, from_status, agency_id, created_at,
               row_number() OVER (PARTITION BY report_id, type ORDER BY id) AS nth,
               lag(created_at) OVER life AS since,
               max(created_at) FILTER (WHERE type = 'answered') OVER earlier AS answered,
               array_agg(agency_id) FILTER (WHERE type IN ('routed', 'handed_over') AND agency_id IS NOT NULL)
                   OVER earlier AS held
        FROM incidents_reportevent
        WHERE from_status <> to_status OR type = 'handed_over'
        WINDOW life AS (PARTITION BY report_id ORDER BY id),
               earlier AS (life ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) AS record
) AS step
JOIN incidents_report AS report ON report.id = step.report_id
CROSS JOIN LATERAL (
    SELECT date_trunc('month', step.created_at AT TIME ZONE 'Asia/Makassar')::date, type, from_status, step.agency,
           to_agency, CASE WHEN type IN ('handed_over', 'answered', 'reopened') THEN least(nth, 4) ELSE 0 END, back,
           bucket
    UNION ALL
    SELECT date_trunc('month', answered AT TIME ZONE 'Asia/Makassar')::date, 'objected', '', step.agency, 0, 0, FALSE,
           NULL
    WHERE type = 'reopened' AND answered IS NOT NULL
) AS told;
"""

# Counts change all the time: with room in its page a changed row stays there, beside those that are read with it.
ROOM = "".join(f"ALTER TABLE incidents_{table} SET (fillfactor = 80);" for table in ("movecount", "staycount"))


class Migration(migrations.Migration):
    """Writers wait from the first operation to the last: no step is counted twice or not at all."""

    dependencies = [
        ("incidents", "0040_hexagons_and_standings_of_cells"),
    ]

    operations = [
        migrations.CreateModel(
            name="MoveCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "cut",
                        "month",
                        "type",
                        "kecamatan",
                        "category",
                        "agency",
                        "to_agency",
                        "state",
                        "nth",
                        "back",
                        "channel",
                        "confidential",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("cut", models.CharField(max_length=9)),
                ("month", models.DateField()),
                ("type", models.CharField(max_length=16)),
                ("kecamatan", models.IntegerField()),
                ("category", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("to_agency", models.IntegerField()),
                ("state", models.CharField(max_length=12)),
                ("nth", models.SmallIntegerField()),
                ("back", models.BooleanField()),
                ("channel", models.CharField(max_length=10)),
                ("confidential", models.BooleanField()),
                ("n", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="MoveDelta",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField()),
                ("type", models.CharField(max_length=16)),
                ("state", models.CharField(max_length=12)),
                ("kecamatan", models.IntegerField()),
                ("category", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("to_agency", models.IntegerField()),
                ("nth", models.SmallIntegerField()),
                ("back", models.BooleanField()),
                ("channel", models.CharField(max_length=10)),
                ("confidential", models.BooleanField()),
                ("bucket", models.SmallIntegerField(null=True)),
                ("n", models.SmallIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="StayCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "cut",
                        "month",
                        "state",
                        "kecamatan",
                        "category",
                        "agency",
                        "channel",
                        "confidential",
                        "bucket",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("cut", models.CharField(max_length=9)),
                ("month", models.DateField()),
                ("state", models.CharField(max_length=12)),
                ("kecamatan", models.IntegerField()),
                ("category", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("channel", models.CharField(max_length=10)),
                ("confidential", models.BooleanField()),
                ("bucket", models.SmallIntegerField()),
                ("n", models.IntegerField()),
            ],
        ),
        migrations.RunSQL(COUNT_ALL + ROOM, reverse_sql=migrations.RunSQL.noop),
        pgtrigger.migrations.AddTrigger(
            model_name="report",
            trigger=pgtrigger.compiler.Trigger(
                name="count_moves_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."category_id" IS DISTINCT FROM (NEW."category_id") OR OLD."channel" IS DISTINCT FROM (NEW."channel") OR OLD."confidential" IS DISTINCT FROM (NEW."confidential") OR OLD."kecamatan_id" IS DISTINCT FROM (NEW."kecamatan_id"))',
                    func="INSERT INTO incidents_movedelta (month, type, state, agency, to_agency, nth, back, bucket, kecamatan, category, channel, confidential, n) \n        SELECT month, type, state, agency, to_agency, nth, back, bucket, OLD.kecamatan_id, OLD.category_id, OLD.channel, OLD.confidential, -1\n        FROM (\n    SELECT step.report, step.event, told.*\n    FROM (\n        SELECT report_id AS report, id AS event, type, from_status, created_at, answered,\n               coalesce(held[cardinality(held)], 0)::int AS agency, nth,\n               CASE WHEN since IS NOT NULL THEN duration_bucket(since, created_at) END AS bucket,\n               CASE WHEN type IN ('routed', 'handed_over') THEN coalesce(agency_id, 0)::int ELSE 0 END AS to_agency,\n               type = 'handed_over' AND coalesce(agency_id = ANY(held), FALSE) AS back\n        FROM (\n            SELECT id, report_id, type, from_status, agency_id, created_at,\n                   row_number() OVER (PARTITION BY report_id, type ORDER BY id) AS nth,\n                   lag(created_at) OVER life AS since,\n                   max(created_at) FILTER (WHERE type = 'answered') OVER earlier AS answered,\n                   array_agg(agency_id) FILTER (WHERE type IN ('routed', 'handed_over') AND agency_id IS NOT NULL)\n                       OVER earlier AS held\n            FROM (SELECT * FROM incidents_reportevent WHERE report_id = OLD.id) AS event\n            WHERE from_status <> to_status OR type = 'handed_over'\n            WINDOW life AS (PARTITION BY report_id ORDER BY id),\n                   earlier AS (life ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)\n        ) AS record\n    ) AS step\n    CROSS JOIN LATERAL (\n        SELECT date_trunc('month', created_at AT TIME ZONE 'Asia/Makassar')::date AS month, type::text AS type,\n               from_status::text AS state, agency, to_agency,\n               (CASE WHEN type IN ('handed_over', 'answered', 'reopened') THEN least(nth, 4) ELSE 0 END)\n                   ::smallint AS nth, back, bucket\n        UNION ALL\n        SELECT date_trunc('month', answered AT TIME ZONE 'Asia/Makassar')::date, 'objected', '', agency, 0,\n               0::smallint, FALSE, NULL\n        WHERE type = 'reopened' AND answered IS NOT NULL\n    ) AS told\n) AS fact\n     UNION ALL \n        SELECT month, type, state, agency, to_agency, nth, back, bucket, NEW.kecamatan_id, NEW.category_id, NEW.channel, NEW.confidential, 1\n        FROM (\n    SELECT step.report, step.event, told.*\n    FROM (\n        SELECT report_id AS report, id AS event, type, from_status, created_at, answered,\n               coalesce(held[cardinality(held)], 0)::int AS agency, nth,\n               CASE WHEN since IS NOT NULL THEN duration_bucket(since, created_at) END AS bucket,\n               CASE WHEN type IN ('routed', 'handed_over') THEN coalesce(agency_id, 0)::int ELSE 0 END AS to_agency,\n               type = 'handed_over' AND coalesce(agency_id = ANY(held), FALSE) AS back\n        FROM (\n            SELECT id, report_id, type, from_status, agency_id, created_at,\n                   row_number() OVER (PARTITION BY report_id, type ORDER BY id) AS nth,\n                   lag(created_at) OVER life AS since,\n                   max(created_at) FILTER (WHERE type = 'answered') OVER earlier AS answered,\n                   array_agg(agency_id) FILTER (WHERE type IN ('routed', 'handed_over') AND agency_id IS NOT NULL)\n                       OVER earlier AS held\n            FROM (SELECT * FROM incidents_reportevent WHERE report_id = NEW.id) AS event\n            WHERE from_status <> to_status OR type = 'handed_over'\n            WINDOW life AS (PARTITION BY report_id ORDER BY id),\n                   earlier AS (life ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)\n        ) AS record\n    ) AS step\n    CROSS JOIN LATERAL (\n        SELECT date_trunc('month', created_at AT TIME ZONE 'Asia/Makassar')::date AS month, type::text AS type,\n               from_status::text AS state, agency, to_agency,\n               (CASE WHEN type IN ('handed_over', 'answered', 'reopened') THEN least(nth, 4) ELSE 0 END)\n                   ::smallint AS nth, back, bucket\n        UNION ALL\n        SELECT date_trunc('month', answered AT TIME ZONE 'Asia/Makassar')::date, 'objected', '', agency, 0,\n               0::smallint, FALSE, NULL\n        WHERE type = 'reopened' AND answered IS NOT NULL\n    ) AS told\n) AS fact\n    ; RETURN NULL;",
                    hash="707c75fa4d09694cc9dc13b77e3a10773ef74451",
                    operation='UPDATE OF "kecamatan_id", "category_id", "channel", "confidential"',
                    pgid="pgtrigger_count_moves_changed_c1789",
                    table="incidents_report",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="report",
            trigger=pgtrigger.compiler.Trigger(
                name="count_moves_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO incidents_movedelta (month, type, state, agency, to_agency, nth, back, bucket, kecamatan, category, channel, confidential, n) \n        SELECT month, type, state, agency, to_agency, nth, back, bucket, OLD.kecamatan_id, OLD.category_id, OLD.channel, OLD.confidential, -1\n        FROM (\n    SELECT step.report, step.event, told.*\n    FROM (\n        SELECT report_id AS report, id AS event, type, from_status, created_at, answered,\n               coalesce(held[cardinality(held)], 0)::int AS agency, nth,\n               CASE WHEN since IS NOT NULL THEN duration_bucket(since, created_at) END AS bucket,\n               CASE WHEN type IN ('routed', 'handed_over') THEN coalesce(agency_id, 0)::int ELSE 0 END AS to_agency,\n               type = 'handed_over' AND coalesce(agency_id = ANY(held), FALSE) AS back\n        FROM (\n            SELECT id, report_id, type, from_status, agency_id, created_at,\n                   row_number() OVER (PARTITION BY report_id, type ORDER BY id) AS nth,\n                   lag(created_at) OVER life AS since,\n                   max(created_at) FILTER (WHERE type = 'answered') OVER earlier AS answered,\n                   array_agg(agency_id) FILTER (WHERE type IN ('routed', 'handed_over') AND agency_id IS NOT NULL)\n                       OVER earlier AS held\n            FROM (SELECT * FROM incidents_reportevent WHERE report_id = OLD.id) AS event\n            WHERE from_status <> to_status OR type = 'handed_over'\n            WINDOW life AS (PARTITION BY report_id ORDER BY id),\n                   earlier AS (life ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)\n        ) AS record\n    ) AS step\n    CROSS JOIN LATERAL (\n        SELECT date_trunc('month', created_at AT TIME ZONE 'Asia/Makassar')::date AS month, type::text AS type,\n               from_status::text AS state, agency, to_agency,\n               (CASE WHEN type IN ('handed_over', 'answered', 'reopened') THEN least(nth, 4) ELSE 0 END)\n                   ::smallint AS nth, back, bucket\n        UNION ALL\n        SELECT date_trunc('month', answered AT TIME ZONE 'Asia/Makassar')::date, 'objected', '', agency, 0,\n               0::smallint, FALSE, NULL\n        WHERE type = 'reopened' AND answered IS NOT NULL\n    ) AS told\n) AS fact\n    ; RETURN OLD;",
                    hash="e6112c9a7271cfa5b2cf52a657e3ae488ba0f51b",
                    operation="DELETE",
                    pgid="pgtrigger_count_moves_deleted_391a2",
                    table="incidents_report",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reportevent",
            trigger=pgtrigger.compiler.Trigger(
                name="count_moves_told",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO incidents_movedelta (month, type, state, agency, to_agency, nth, back, bucket, kecamatan, category, channel, confidential, n)\n    SELECT date_trunc('month', event.created_at AT TIME ZONE 'Asia/Makassar')::date, event.type, event.from_status, 0,\n           CASE WHEN type = 'routed' THEN coalesce(event.agency_id, 0) ELSE 0 END, 0, FALSE,\n           CASE WHEN type = 'routed' THEN duration_bucket((\n               SELECT earlier.created_at FROM incidents_reportevent AS earlier\n               WHERE earlier.report_id = event.report_id AND earlier.type = 'received'\n               ORDER BY earlier.id DESC LIMIT 1\n           ), event.created_at) END,\n           report.kecamatan_id, report.category_id, report.channel, report.confidential, 1\n    FROM new_events AS event JOIN incidents_report AS report ON report.id = event.report_id\n    WHERE (type = 'received' AND from_status = '' OR type = 'routed' AND from_status = 'received') FOR NO KEY UPDATE OF report;\n    IF EXISTS (SELECT FROM new_events WHERE NOT (type = 'received' AND from_status = '' OR type = 'routed' AND from_status = 'received')) THEN\n        PERFORM FROM incidents_report WHERE id IN (SELECT report_id FROM new_events) ORDER BY id FOR NO KEY UPDATE;\n        WITH touched AS (\n            SELECT report_id, array_agg(id) AS ids FROM new_events\n            WHERE NOT (type = 'received' AND from_status = '' OR type = 'routed' AND from_status = 'received') AND (from_status <> to_status OR type = 'handed_over') GROUP BY report_id\n        )\n        INSERT INTO incidents_movedelta (month, type, state, agency, to_agency, nth, back, bucket, kecamatan, category, channel, confidential, n) \n        SELECT month, type, state, agency, to_agency, nth, back, bucket, report.kecamatan_id, report.category_id, report.channel, report.confidential, 1\n        FROM touched JOIN incidents_report AS report ON report.id = touched.report_id\n        CROSS JOIN LATERAL (\n    SELECT step.report, step.event, told.*\n    FROM (\n        SELECT report_id AS report, id AS event, type, from_status, created_at, answered,\n               coalesce(held[cardinality(held)], 0)::int AS agency, nth,\n               CASE WHEN since IS NOT NULL THEN duration_bucket(since, created_at) END AS bucket,\n               CASE WHEN type IN ('routed', 'handed_over') THEN coalesce(agency_id, 0)::int ELSE 0 END AS to_agency,\n               type = 'handed_over' AND coalesce(agency_id = ANY(held), FALSE) AS back\n        FROM (\n            SELECT id, report_id, type, from_status, agency_id, created_at,\n                   row_number() OVER (PARTITION BY report_id, type ORDER BY id) AS nth,\n                   lag(created_at) OVER life AS since,\n                   max(created_at) FILTER (WHERE type = 'answered') OVER earlier AS answered,\n                   array_agg(agency_id) FILTER (WHERE type IN ('routed', 'handed_over') AND agency_id IS NOT NULL)\n                       OVER earlier AS held\n            FROM (SELECT * FROM incidents_reportevent WHERE report_id = touched.report_id) AS event\n            WHERE from_status <> to_status OR type = 'handed_over'\n            WINDOW life AS (PARTITION BY report_id ORDER BY id),\n                   earlier AS (life ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)\n        ) AS record\n    ) AS step\n    CROSS JOIN LATERAL (\n        SELECT date_trunc('month', created_at AT TIME ZONE 'Asia/Makassar')::date AS month, type::text AS type,\n               from_status::text AS state, agency, to_agency,\n               (CASE WHEN type IN ('handed_over', 'answered', 'reopened') THEN least(nth, 4) ELSE 0 END)\n                   ::smallint AS nth, back, bucket\n        UNION ALL\n        SELECT date_trunc('month', answered AT TIME ZONE 'Asia/Makassar')::date, 'objected', '', agency, 0,\n               0::smallint, FALSE, NULL\n        WHERE type = 'reopened' AND answered IS NOT NULL\n    ) AS told\n) AS fact WHERE fact.event = ANY(touched.ids)\n    ;\n    END IF;\n    RETURN NULL;\n",
                    hash="dc430ba00fe49b1e7abd897f5afdbb67a026b542",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_count_moves_told_41acb",
                    referencing="REFERENCING NEW TABLE AS new_events ",
                    table="incidents_reportevent",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reportevent",
            trigger=pgtrigger.compiler.Trigger(
                name="count_moves_untold",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    WITH touched AS (SELECT DISTINCT report_id FROM old_events)\n    INSERT INTO incidents_movedelta (month, type, state, agency, to_agency, nth, back, bucket, kecamatan, category, channel, confidential, n) \n        SELECT month, type, state, agency, to_agency, nth, back, bucket, report.kecamatan_id, report.category_id, report.channel, report.confidential, -1\n        FROM touched JOIN incidents_report AS report ON report.id = touched.report_id\n        CROSS JOIN LATERAL (\n    SELECT step.report, step.event, told.*\n    FROM (\n        SELECT report_id AS report, id AS event, type, from_status, created_at, answered,\n               coalesce(held[cardinality(held)], 0)::int AS agency, nth,\n               CASE WHEN since IS NOT NULL THEN duration_bucket(since, created_at) END AS bucket,\n               CASE WHEN type IN ('routed', 'handed_over') THEN coalesce(agency_id, 0)::int ELSE 0 END AS to_agency,\n               type = 'handed_over' AND coalesce(agency_id = ANY(held), FALSE) AS back\n        FROM (\n            SELECT id, report_id, type, from_status, agency_id, created_at,\n                   row_number() OVER (PARTITION BY report_id, type ORDER BY id) AS nth,\n                   lag(created_at) OVER life AS since,\n                   max(created_at) FILTER (WHERE type = 'answered') OVER earlier AS answered,\n                   array_agg(agency_id) FILTER (WHERE type IN ('routed', 'handed_over') AND agency_id IS NOT NULL)\n                       OVER earlier AS held\n            FROM (\n    SELECT * FROM incidents_reportevent WHERE report_id = touched.report_id\n    UNION ALL SELECT * FROM old_events WHERE report_id = touched.report_id\n) AS event\n            WHERE from_status <> to_status OR type = 'handed_over'\n            WINDOW life AS (PARTITION BY report_id ORDER BY id),\n                   earlier AS (life ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)\n        ) AS record\n    ) AS step\n    CROSS JOIN LATERAL (\n        SELECT date_trunc('month', created_at AT TIME ZONE 'Asia/Makassar')::date AS month, type::text AS type,\n               from_status::text AS state, agency, to_agency,\n               (CASE WHEN type IN ('handed_over', 'answered', 'reopened') THEN least(nth, 4) ELSE 0 END)\n                   ::smallint AS nth, back, bucket\n        UNION ALL\n        SELECT date_trunc('month', answered AT TIME ZONE 'Asia/Makassar')::date, 'objected', '', agency, 0,\n               0::smallint, FALSE, NULL\n        WHERE type = 'reopened' AND answered IS NOT NULL\n    ) AS told\n) AS fact WHERE TRUE\n     UNION ALL \n        SELECT month, type, state, agency, to_agency, nth, back, bucket, report.kecamatan_id, report.category_id, report.channel, report.confidential, 1\n        FROM touched JOIN incidents_report AS report ON report.id = touched.report_id\n        CROSS JOIN LATERAL (\n    SELECT step.report, step.event, told.*\n    FROM (\n        SELECT report_id AS report, id AS event, type, from_status, created_at, answered,\n               coalesce(held[cardinality(held)], 0)::int AS agency, nth,\n               CASE WHEN since IS NOT NULL THEN duration_bucket(since, created_at) END AS bucket,\n               CASE WHEN type IN ('routed', 'handed_over') THEN coalesce(agency_id, 0)::int ELSE 0 END AS to_agency,\n               type = 'handed_over' AND coalesce(agency_id = ANY(held), FALSE) AS back\n        FROM (\n            SELECT id, report_id, type, from_status, agency_id, created_at,\n                   row_number() OVER (PARTITION BY report_id, type ORDER BY id) AS nth,\n                   lag(created_at) OVER life AS since,\n                   max(created_at) FILTER (WHERE type = 'answered') OVER earlier AS answered,\n                   array_agg(agency_id) FILTER (WHERE type IN ('routed', 'handed_over') AND agency_id IS NOT NULL)\n                       OVER earlier AS held\n            FROM (SELECT * FROM incidents_reportevent WHERE report_id = touched.report_id) AS event\n            WHERE from_status <> to_status OR type = 'handed_over'\n            WINDOW life AS (PARTITION BY report_id ORDER BY id),\n                   earlier AS (life ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)\n        ) AS record\n    ) AS step\n    CROSS JOIN LATERAL (\n        SELECT date_trunc('month', created_at AT TIME ZONE 'Asia/Makassar')::date AS month, type::text AS type,\n               from_status::text AS state, agency, to_agency,\n               (CASE WHEN type IN ('handed_over', 'answered', 'reopened') THEN least(nth, 4) ELSE 0 END)\n                   ::smallint AS nth, back, bucket\n        UNION ALL\n        SELECT date_trunc('month', answered AT TIME ZONE 'Asia/Makassar')::date, 'objected', '', agency, 0,\n               0::smallint, FALSE, NULL\n        WHERE type = 'reopened' AND answered IS NOT NULL\n    ) AS told\n) AS fact WHERE TRUE\n    ;\n    RETURN NULL;\n",
                    hash="0adffd88eccfa75dbb6a5b516b44a4010fa161c8",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_count_moves_untold_e7707",
                    referencing="REFERENCING OLD TABLE AS old_events ",
                    table="incidents_reportevent",
                    when="AFTER",
                ),
            ),
        ),
    ]
