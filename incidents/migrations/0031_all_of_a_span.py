from django.db import migrations, models

# Counts change all the time: with room in its page a changed row stays there, beside those that are read with it.
ROOM = "".join(
    f"ALTER TABLE incidents_{table} SET (fillfactor = 80);" for table in ("reportcount", "duecount", "durationcount")
)
NO_ROOM = ROOM.replace("SET (fillfactor = 80)", "RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [("incidents", "0030_counts_of_everything")]

    operations = [
        migrations.AddField(
            model_name="reportcount", name="n", field=models.IntegerField(default=0), preserve_default=False
        ),
        migrations.RunSQL(
            "UPDATE incidents_reportcount SET n = received + routed + in_progress + answered + closed + on_hold"
            " + rejected + duplicate + reopened",
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.RunSQL(ROOM, reverse_sql=NO_ROOM),
    ]
