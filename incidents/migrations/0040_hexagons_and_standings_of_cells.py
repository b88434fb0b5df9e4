import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import incidents.models.reports

BATCH = 50_000
RESOLUTION = 8

# Reports that are there already become deltas again: every table of counts is made anew, with hexagons.
COUNT_ALL = """
DELETE FROM incidents_reportcelldelta;
DELETE FROM incidents_reportcell;
DELETE FROM incidents_reportcount;
DELETE FROM incidents_duecount;
DELETE FROM incidents_durationcount;
INSERT INTO incidents_reportcelldelta (
    x, y, category, status, confidential, day, kecamatan, desa, agency, channel, due, ended, kept,
    verified, responded, resolved, hexagon, n
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
    duration_bucket(report.created_at, report.answered_at) AS resolved, report.hexagon, 1
FROM incidents_report AS report
"""
ROOM = "ALTER TABLE incidents_heatcount SET (fillfactor = 80)"


def find_hexagons(apps, schema_editor):
    """Give each report the hexagon at its place."""
    from h3.api import basic_int

    with schema_editor.connection.cursor() as cursor:
        last = 0
        while True:
            cursor.execute(
                "SELECT id, ST_X(geom), ST_Y(geom) FROM incidents_report WHERE id > %s ORDER BY id LIMIT %s",
                [last, BATCH],
            )
            rows = cursor.fetchall()
            if not rows:
                return
            last = rows[-1][0]
            cells = [basic_int.latlng_to_cell(lat, lon, RESOLUTION) for _id, lon, lat in rows]
            cursor.execute(
                "UPDATE incidents_report SET hexagon = found.cell"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS found (id, cell) WHERE incidents_report.id = found.id",
                [[pk for pk, _lon, _lat in rows], cells],
            )


class Migration(migrations.Migration):
    """Writers wait from the first operation to the last: no report is counted twice or not at all.

    After going back, `bin/manage rebuild_rollups` of the former version fills the heat cells.
    """

    dependencies = [("incidents", "0031_all_of_a_span")]

    operations = [
        pgtrigger.migrations.RemoveTrigger(model_name="report", name="count_new"),
        pgtrigger.migrations.RemoveTrigger(model_name="report", name="count_changed"),
        pgtrigger.migrations.RemoveTrigger(model_name="report", name="count_deleted"),
        migrations.DeleteModel(name="HeatCount"),
        migrations.AddField(
            model_name="report",
            name="hexagon",
            field=incidents.models.reports.HexagonField(
                default=0,
                editable=False,
                help_text="H3 cell; whoever writes geom without save() writes it, too",
            ),
            preserve_default=False,
        ),
        migrations.RunPython(find_hexagons, migrations.RunPython.noop),
        migrations.AddField(
            model_name="reportcelldelta",
            name="hexagon",
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunSQL(COUNT_ALL, reverse_sql=migrations.RunSQL.noop),
        migrations.CreateModel(
            name="HeatCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level",
                        "cut",
                        "category",
                        "agency",
                        "month",
                        "cell",
                        "kecamatan",
                        "desa",
                        "confidential",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("level", models.SmallIntegerField()),
                ("cut", models.CharField(max_length=6)),
                ("category", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("month", models.DateField()),
                ("cell", models.BigIntegerField()),
                ("kecamatan", models.IntegerField()),
                ("desa", models.IntegerField()),
                ("confidential", models.BooleanField()),
                ("n", models.IntegerField()),
                ("received", models.IntegerField()),
                ("routed", models.IntegerField()),
                ("in_progress", models.IntegerField()),
                ("answered", models.IntegerField()),
                ("closed", models.IntegerField()),
                ("on_hold", models.IntegerField()),
                ("rejected", models.IntegerField()),
                ("duplicate", models.IntegerField()),
                ("reopened", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="HeatDue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "due",
                        "month",
                        "cell",
                        "hexagon",
                        "kecamatan",
                        "desa",
                        "category",
                        "agency",
                        "confidential",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("due", models.DateField()),
                ("month", models.DateField()),
                ("cell", models.BigIntegerField()),
                ("hexagon", models.BigIntegerField()),
                ("kecamatan", models.IntegerField()),
                ("desa", models.IntegerField()),
                ("category", models.IntegerField()),
                ("agency", models.IntegerField()),
                ("confidential", models.BooleanField()),
                ("n", models.IntegerField()),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="report",
            trigger=pgtrigger.compiler.Trigger(
                name="count_new",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO incidents_reportcelldelta (x, y, category, status, confidential, day, kecamatan, desa, agency, channel, due, ended, kept, verified, responded, resolved, hexagon, n) SELECT \n    floor((ST_X(NEW.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,\n    floor((20037508.342789244 - ST_Y(NEW.geom_3857)) / 152.8740565703525)::int AS y,\n    NEW.category_id AS category, NEW.status, NEW.confidential,\n    (NEW.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,\n    NEW.kecamatan_id AS kecamatan, coalesce(NEW.desa_id, -1) AS desa, coalesce(NEW.agency_id, 0) AS agency,\n    NEW.channel,\n    CASE WHEN NEW.status IN ('received', 'routed', 'in_progress', 'reopened') AND NEW.answered_at IS NULL\n         THEN (NEW.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,\n    CASE WHEN NEW.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')\n         THEN (coalesce(NEW.answered_at, NEW.closed_at, NEW.created_at) AT TIME ZONE 'Asia/Makassar')::date\n         END AS ended,\n    NEW.answered_at <= NEW.resolve_due_at AS kept,\n    duration_bucket(NEW.created_at, NEW.verified_at) AS verified,\n    duration_bucket(NEW.created_at, NEW.responded_at) AS responded,\n    duration_bucket(NEW.created_at, NEW.answered_at) AS resolved,\n    NEW.hexagon\n, 1; RETURN NULL;",
                    hash="0e72ed3601a63fb759da36ae3ce0427f9e6a9c6e",
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
                    condition='WHEN (OLD."agency_id" IS DISTINCT FROM (NEW."agency_id") OR OLD."answered_at" IS DISTINCT FROM (NEW."answered_at") OR OLD."category_id" IS DISTINCT FROM (NEW."category_id") OR OLD."channel" IS DISTINCT FROM (NEW."channel") OR OLD."closed_at" IS DISTINCT FROM (NEW."closed_at") OR OLD."confidential" IS DISTINCT FROM (NEW."confidential") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."desa_id" IS DISTINCT FROM (NEW."desa_id") OR OLD."geom" IS DISTINCT FROM (NEW."geom") OR OLD."hexagon" IS DISTINCT FROM (NEW."hexagon") OR OLD."kecamatan_id" IS DISTINCT FROM (NEW."kecamatan_id") OR OLD."resolve_due_at" IS DISTINCT FROM (NEW."resolve_due_at") OR OLD."responded_at" IS DISTINCT FROM (NEW."responded_at") OR OLD."status" IS DISTINCT FROM (NEW."status") OR OLD."verified_at" IS DISTINCT FROM (NEW."verified_at"))',
                    func="INSERT INTO incidents_reportcelldelta (x, y, category, status, confidential, day, kecamatan, desa, agency, channel, due, ended, kept, verified, responded, resolved, hexagon, n) SELECT \n    floor((ST_X(OLD.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,\n    floor((20037508.342789244 - ST_Y(OLD.geom_3857)) / 152.8740565703525)::int AS y,\n    OLD.category_id AS category, OLD.status, OLD.confidential,\n    (OLD.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,\n    OLD.kecamatan_id AS kecamatan, coalesce(OLD.desa_id, -1) AS desa, coalesce(OLD.agency_id, 0) AS agency,\n    OLD.channel,\n    CASE WHEN OLD.status IN ('received', 'routed', 'in_progress', 'reopened') AND OLD.answered_at IS NULL\n         THEN (OLD.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,\n    CASE WHEN OLD.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')\n         THEN (coalesce(OLD.answered_at, OLD.closed_at, OLD.created_at) AT TIME ZONE 'Asia/Makassar')::date\n         END AS ended,\n    OLD.answered_at <= OLD.resolve_due_at AS kept,\n    duration_bucket(OLD.created_at, OLD.verified_at) AS verified,\n    duration_bucket(OLD.created_at, OLD.responded_at) AS responded,\n    duration_bucket(OLD.created_at, OLD.answered_at) AS resolved,\n    OLD.hexagon\n, -1 UNION ALL SELECT \n    floor((ST_X(NEW.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,\n    floor((20037508.342789244 - ST_Y(NEW.geom_3857)) / 152.8740565703525)::int AS y,\n    NEW.category_id AS category, NEW.status, NEW.confidential,\n    (NEW.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,\n    NEW.kecamatan_id AS kecamatan, coalesce(NEW.desa_id, -1) AS desa, coalesce(NEW.agency_id, 0) AS agency,\n    NEW.channel,\n    CASE WHEN NEW.status IN ('received', 'routed', 'in_progress', 'reopened') AND NEW.answered_at IS NULL\n         THEN (NEW.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,\n    CASE WHEN NEW.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')\n         THEN (coalesce(NEW.answered_at, NEW.closed_at, NEW.created_at) AT TIME ZONE 'Asia/Makassar')::date\n         END AS ended,\n    NEW.answered_at <= NEW.resolve_due_at AS kept,\n    duration_bucket(NEW.created_at, NEW.verified_at) AS verified,\n    duration_bucket(NEW.created_at, NEW.responded_at) AS responded,\n    duration_bucket(NEW.created_at, NEW.answered_at) AS resolved,\n    NEW.hexagon\n, 1; RETURN NULL;",
                    hash="66ec519e2e301c55b40525e4a2d45a94558cbed7",
                    operation='UPDATE OF "geom", "hexagon", "category_id", "status", "confidential", "created_at", "kecamatan_id", "desa_id", "agency_id", "channel", "resolve_due_at", "verified_at", "responded_at", "answered_at", "closed_at"',
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
                    func="INSERT INTO incidents_reportcelldelta (x, y, category, status, confidential, day, kecamatan, desa, agency, channel, due, ended, kept, verified, responded, resolved, hexagon, n) SELECT \n    floor((ST_X(OLD.geom_3857) + 20037508.342789244) / 152.8740565703525)::int AS x,\n    floor((20037508.342789244 - ST_Y(OLD.geom_3857)) / 152.8740565703525)::int AS y,\n    OLD.category_id AS category, OLD.status, OLD.confidential,\n    (OLD.created_at AT TIME ZONE 'Asia/Makassar')::date AS day,\n    OLD.kecamatan_id AS kecamatan, coalesce(OLD.desa_id, -1) AS desa, coalesce(OLD.agency_id, 0) AS agency,\n    OLD.channel,\n    CASE WHEN OLD.status IN ('received', 'routed', 'in_progress', 'reopened') AND OLD.answered_at IS NULL\n         THEN (OLD.resolve_due_at AT TIME ZONE 'Asia/Makassar')::date END AS due,\n    CASE WHEN OLD.status NOT IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')\n         THEN (coalesce(OLD.answered_at, OLD.closed_at, OLD.created_at) AT TIME ZONE 'Asia/Makassar')::date\n         END AS ended,\n    OLD.answered_at <= OLD.resolve_due_at AS kept,\n    duration_bucket(OLD.created_at, OLD.verified_at) AS verified,\n    duration_bucket(OLD.created_at, OLD.responded_at) AS responded,\n    duration_bucket(OLD.created_at, OLD.answered_at) AS resolved,\n    OLD.hexagon\n, -1; RETURN NULL;",
                    hash="3e3d3bdb0f5303fcb24605ff927c1a8d3bc7b294",
                    operation="DELETE",
                    pgid="pgtrigger_count_deleted_76bff",
                    table="incidents_report",
                    when="AFTER",
                ),
            ),
        ),
        migrations.RunSQL(ROOM, reverse_sql=migrations.RunSQL.noop),
    ]
