from django.db import migrations

EVENT_HASH = """
CREATE FUNCTION event_hash(previous text, e incidents_reportevent) RETURNS varchar
LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(previous || jsonb_build_array(
        e.report_id, e.type, e.from_status, e.to_status, e.actor_id, e.by_reporter, e.agency_id, e.text, e.public,
        e.data, to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
    )::text, 'UTF8')), 'hex')
$$
"""


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE incidents_ticket_sequence", reverse_sql="DROP SEQUENCE incidents_ticket_sequence"
        ),
        migrations.RunSQL(EVENT_HASH, reverse_sql="DROP FUNCTION event_hash(text, incidents_reportevent)"),
    ]
