import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

DURATION_BUCKET = """
CREATE FUNCTION duration_bucket(began timestamptz, ended timestamptz) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- 0: up to an hour; k: up to e^(k/5) hours, so that a bucket's middle is within 10 % of what lies in it
    SELECT CASE WHEN ended IS NOT NULL THEN
        least(60, ceil(ln(greatest(extract(epoch FROM ended - began)::float8 / 3600, 1)) / 0.2))::smallint
    END
$$
"""

# Reports that are there already become deltas: they are counted from now on, and the worker folds them.
COUNT_ALL = """
DELETE FROM incidents_reportcell;
INSERT INTO incidents_reportcelldelta (
    x, y, category, status, confidential, day, kecamatan, desa, agency, channel, due, ended, kept,
    verified, responded, resolved, n
)
SELECT
    floor((ST_X(report.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,
    floor((20037508.342789244 - ST_Y(report.geom_3857)) / 152.8740565703525)::int AS y,
    report.category_id AS category, report.status, report.confidential,
    (report.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,
    report.kecamatan_id AS kecamatan, coalesce(report.desa_id, -1) AS desa, coalesce(report.agency_id, 0) AS agency,
    report.channel,
    CASE WHEN report.status IN ('received', 'routed', 'in_progress', 'reopened') AND report.answered_at IS NULL
         THEN (report.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,
    CASE WHEN report.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')
         THEN (coalesce(report.answered_at, report.closed_at, report.created_at) AT TIME ZONE 'Asia/Makassar')::date
         END AS ended,
    report.answered_at <= report.resolve_due_at AS kept,
    duration_bucket(report.created_at, report.verified_at) AS verified,
    duration_bucket(report.created_at, report.responded_at) AS responded,
    duration_bucket(report.created_at, report.answered_at) AS resolved, 1
FROM incidents_report AS report
"""


class Migration(migrations.Migration):
    """Writers wait from the first operation to the last: no report is counted twice or not at all."""

    dependencies = [("incidents", "0010_group_icons_and_kept_events")]

    operations = [
        migrations.RunSQL(DURATION_BUCKET, reverse_sql="DROP FUNCTION duration_bucket(timestamptz, timestamptz)"),
        pgtrigger.migrations.RemoveTrigger(
            model_name="report",
            name="count_new_in_cells",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="report",
            name="count_changed_in_cells",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="report",
            name="count_deleted_in_cells",
        ),
        migrations.DeleteModel(name="ReportCellDelta"),
        migrations.CreateModel(
            name="ReportCellDelta",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("x", models.IntegerField()),
                ("y", models.IntegerField()),
                ("category", models.IntegerField()),
                ("status", models.CharField(max_length=12)),
                ("confidential", models.BooleanField()),
                ("day", models.DateField()),
                ("kecamatan", models.IntegerField()),
                ("desa", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("channel", models.CharField(max_length=10)),
                ("due", models.DateField(null=True)),
                ("ended", models.DateField(null=True)),
                ("kept", models.BooleanField(null=True)),
                ("verified", models.SmallIntegerField(null=True)),
                ("responded", models.SmallIntegerField(null=True)),
                ("resolved", models.SmallIntegerField(null=True)),
                ("n", models.SmallIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="DueCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "span",
                        "desa",
                        "due",
                        "start",
                        "kecamatan",
                        "category",
                        "agency",
                        "channel",
                        "confidential",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("span", models.CharField(max_length=1)),
                ("desa", models.IntegerField()),
                ("due", models.DateField()),
                ("start", models.DateField()),
                ("kecamatan", models.IntegerField()),
                ("category", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("channel", models.CharField(max_length=10)),
                ("confidential", models.BooleanField()),
                ("n", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="DurationCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "cut",
                        "step",
                        "category",
                        "month",
                        "kecamatan",
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
                ("step", models.CharField(max_length=7)),
                ("category", models.IntegerField()),
                ("month", models.DateField()),
                ("kecamatan", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("channel", models.CharField(max_length=10)),
                ("confidential", models.BooleanField()),
                ("bucket", models.SmallIntegerField()),
                ("n", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="HeatCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level",
                        "month",
                        "x",
                        "y",
                        "category",
                        "agency",
                        "confidential",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("level", models.SmallIntegerField()),
                ("month", models.DateField()),
                ("x", models.IntegerField()),
                ("y", models.IntegerField()),
                ("category", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("confidential", models.BooleanField()),
                ("n", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="ReportCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "span",
                        "desa",
                        "start",
                        "kecamatan",
                        "category",
                        "agency",
                        "channel",
                        "confidential",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("span", models.CharField(max_length=1)),
                ("desa", models.IntegerField()),
                ("start", models.DateField()),
                ("kecamatan", models.IntegerField()),
                ("category", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("channel", models.CharField(max_length=10)),
                ("confidential", models.BooleanField()),
                ("received", models.IntegerField()),
                ("routed", models.IntegerField()),
                ("in_progress", models.IntegerField()),
                ("answered", models.IntegerField()),
                ("closed", models.IntegerField()),
                ("on_hold", models.IntegerField()),
                ("rejected", models.IntegerField()),
                ("duplicate", models.IntegerField()),
                ("reopened", models.IntegerField()),
                ("kept", models.IntegerField()),
                ("broken", models.IntegerField()),
                ("ended", models.IntegerField()),
            ],
        ),
        migrations.AddIndex(
            model_name="duecount",
            index=models.Index(
                condition=models.Q(("span", "d")), fields=["desa", "start", "due"], name="owed_by_day_received"
            ),
        ),
        migrations.AddIndex(
            model_name="heatcount",
            index=models.Index(
                condition=models.Q(("category", 0)),
                fields=["level", "month"],
                include=("x", "y", "confidential", "n"),
                name="heat_totals",
            ),
        ),
        migrations.RunSQL(COUNT_ALL, reverse_sql="DELETE FROM incidents_reportcell"),
        pgtrigger.migrations.AddTrigger(
            model_name="report",
            trigger=pgtrigger.compiler.Trigger(
                name="count_new",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO incidents_reportcelldelta (x, y, category, status, confidential, day, kecamatan, desa, agency, channel, due, ended, kept, verified, responded, resolved, n) SELECT \n    floor((ST_X(NEW.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,\n    floor((20037508.342789244 - ST_Y(NEW.geom_3857)) / 152.8740565703525)::int AS y,\n    NEW.category_id AS category, NEW.status, NEW.confidential,\n    (NEW.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,\n    NEW.kecamatan_id AS kecamatan, coalesce(NEW.desa_id, -1) AS desa, coalesce(NEW.agency_id, 0) AS agency,\n    NEW.channel,\n    CASE WHEN NEW.status IN ('received', 'routed', 'in_progress', 'reopened') AND NEW.answered_at IS NULL\n         THEN (NEW.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,\n    CASE WHEN NEW.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')\n         THEN (coalesce(NEW.answered_at, NEW.closed_at, NEW.created_at) AT TIME ZONE 'Asia/Makassar')::date\n         END AS ended,\n    NEW.answered_at <= NEW.resolve_due_at AS kept,\n    duration_bucket(NEW.created_at, NEW.verified_at) AS verified,\n    duration_bucket(NEW.created_at, NEW.responded_at) AS responded,\n    duration_bucket(NEW.created_at, NEW.answered_at) AS resolved\n, 1; RETURN NULL;",
                    hash="2510964ac9c21870c434f3181783c5d5baa229aa",
                    operation="INSERT",
                    pgid="pgtrigger_count_new_4dd91",
                    table="incidents_report",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="report",
            trigger=pgtrigger.compiler.Trigger(
                name="count_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."agency_id" IS DISTINCT FROM (NEW."agency_id") OR OLD."answered_at" IS DISTINCT FROM (NEW."answered_at") OR OLD."category_id" IS DISTINCT FROM (NEW."category_id") OR OLD."channel" IS DISTINCT FROM (NEW."channel") OR OLD."closed_at" IS DISTINCT FROM (NEW."closed_at") OR OLD."confidential" IS DISTINCT FROM (NEW."confidential") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."desa_id" IS DISTINCT FROM (NEW."desa_id") OR OLD."geom" IS DISTINCT FROM (NEW."geom") OR OLD."kecamatan_id" IS DISTINCT FROM (NEW."kecamatan_id") OR OLD."resolve_due_at" IS DISTINCT FROM (NEW."resolve_due_at") OR OLD."responded_at" IS DISTINCT FROM (NEW."responded_at") OR OLD."status" IS DISTINCT FROM (NEW."status") OR OLD."verified_at" IS DISTINCT FROM (NEW."verified_at"))',
                    func="INSERT INTO incidents_reportcelldelta (x, y, category, status, confidential, day, kecamatan, desa, agency, channel, due, ended, kept, verified, responded, resolved, n) SELECT \n    floor((ST_X(OLD.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,\n    floor((20037508.342789244 - ST_Y(OLD.geom_3857)) / 152.8740565703525)::int AS y,\n    OLD.category_id AS category, OLD.status, OLD.confidential,\n    (OLD.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,\n    OLD.kecamatan_id AS kecamatan, coalesce(OLD.desa_id, -1) AS desa, coalesce(OLD.agency_id, 0) AS agency,\n    OLD.channel,\n    CASE WHEN OLD.status IN ('received', 'routed', 'in_progress', 'reopened') AND OLD.answered_at IS NULL\n         THEN (OLD.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,\n    CASE WHEN OLD.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')\n         THEN (coalesce(OLD.answered_at, OLD.closed_at, OLD.created_at) AT TIME ZONE 'Asia/Makassar')::date\n         END AS ended,\n    OLD.answered_at <= OLD.resolve_due_at AS kept,\n    duration_bucket(OLD.created_at, OLD.verified_at) AS verified,\n    duration_bucket(OLD.created_at, OLD.responded_at) AS responded,\n    duration_bucket(OLD.created_at, OLD.answered_at) AS resolved\n, -1 UNION ALL SELECT \n    floor((ST_X(NEW.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,\n    floor((20037508.342789244 - ST_Y(NEW.geom_3857)) / 152.8740565703525)::int AS y,\n    NEW.category_id AS category, NEW.status, NEW.confidential,\n    (NEW.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,\n    NEW.kecamatan_id AS kecamatan, coalesce(NEW.desa_id, -1) AS desa, coalesce(NEW.agency_id, 0) AS agency,\n    NEW.channel,\n    CASE WHEN NEW.status IN ('received', 'routed', 'in_progress', 'reopened') AND NEW.answered_at IS NULL\n         THEN (NEW.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,\n    CASE WHEN NEW.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')\n         THEN (coalesce(NEW.answered_at, NEW.closed_at, NEW.created_at) AT TIME ZONE 'Asia/Makassar')::date\n         END AS ended,\n    NEW.answered_at <= NEW.resolve_due_at AS kept,\n    duration_bucket(NEW.created_at, NEW.verified_at) AS verified,\n    duration_bucket(NEW.created_at, NEW.responded_at) AS responded,\n    duration_bucket(NEW.created_at, NEW.answered_at) AS resolved\n, 1; RETURN NULL;",
                    hash="6c79e7d71e7b4bb25b16a6a25f040f9e0c28dba3",
                    operation='UPDATE OF "geom", "category_id", "status", "confidential", "created_at", "kecamatan_id", "desa_id", "agency_id", "channel", "resolve_due_at", "verified_at", "responded_at", "answered_at", "closed_at"',
                    pgid="pgtrigger_count_changed_0a79a",
                    table="incidents_report",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="report",
            trigger=pgtrigger.compiler.Trigger(
                name="count_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO incidents_reportcelldelta (x, y, category, status, confidential, day, kecamatan, desa, agency, channel, due, ended, kept, verified, responded, resolved, n) SELECT \n    floor((ST_X(OLD.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,\n    floor((20037508.342789244 - ST_Y(OLD.geom_3857)) / 152.8740565703525)::int AS y,\n    OLD.category_id AS category, OLD.status, OLD.confidential,\n    (OLD.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,\n    OLD.kecamatan_id AS kecamatan, coalesce(OLD.desa_id, -1) AS desa, coalesce(OLD.agency_id, 0) AS agency,\n    OLD.channel,\n    CASE WHEN OLD.status IN ('received', 'routed', 'in_progress', 'reopened') AND OLD.answered_at IS NULL\n         THEN (OLD.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,\n    CASE WHEN OLD.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')\n         THEN (coalesce(OLD.answered_at, OLD.closed_at, OLD.created_at) AT TIME ZONE 'Asia/Makassar')::date\n         END AS ended,\n    OLD.answered_at <= OLD.resolve_due_at AS kept,\n    duration_bucket(OLD.created_at, OLD.verified_at) AS verified,\n    duration_bucket(OLD.created_at, OLD.responded_at) AS responded,\n    duration_bucket(OLD.created_at, OLD.answered_at) AS resolved\n, -1; RETURN NULL;",
                    hash="bd76dcaa9e8247a78568670ccbb99d7f14fa4ec9",
                    operation="DELETE",
                    pgid="pgtrigger_count_deleted_76bff",
                    table="incidents_report",
                    when="AFTER",
                ),
            ),
        ),
    ]
