from django.db import migrations, models

# Told beside each other are now what became of a feature and of its place: it was only whether it moved.
PLACES_OF_UPLOADS = """
UPDATE layers_importjob SET inspection = jsonb_set(inspection, '{differing}', (
    SELECT coalesce(jsonb_agg(jsonb_set(one, '{1}', CASE WHEN one->1 = 'true' THEN '"moved"'::jsonb ELSE '""' END) ORDER BY n), '[]')
    FROM jsonb_array_elements(inspection->'differing') WITH ORDINALITY told (one, n)))
WHERE inspection ? 'differing'
"""
COMPARE_AGAIN = "DELETE FROM layers_versiondifference"  # the worker does


class Migration(migrations.Migration):
    dependencies = [("layers", "0080_what_versions_changed")]

    operations = [
        migrations.RunSQL(PLACES_OF_UPLOADS, migrations.RunSQL.noop),
        migrations.RunSQL(COMPARE_AGAIN, migrations.RunSQL.noop),
        migrations.AddField(
            "versiondifference", "lost", models.PositiveIntegerField(default=0), preserve_default=False
        ),
        migrations.AddField(
            "versiondifference", "gained", models.PositiveIntegerField(default=0), preserve_default=False
        ),
    ]
