import django.contrib.gis.db.models.fields
from django.db import migrations

# Shapes were stored in metres (EPSG:3857) beside degrees, with an index of their own, for tiles. A tile's edges are
# parallels and meridians, so the index in degrees finds the same rows, and what is drawn is transformed in less time
# than the second shape takes to read. The index goes with the column.
WITHOUT = "ALTER TABLE layers_feature DROP COLUMN geom_3857"
WITH = """
ALTER TABLE layers_feature
    ADD COLUMN geom_3857 geometry(Geometry, 3857) GENERATED ALWAYS AS (ST_Transform(geom, 3857)) STORED;
DO $$ DECLARE name regclass; BEGIN
    FOR name IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'layers_feature'::regclass
    LOOP EXECUTE format('CREATE INDEX ON %s USING gist (geom_3857)', name); END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("layers", "0077_what_lies_in_an_area")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name="feature", name="geom_3857")],
            database_operations=[migrations.RunSQL(WITHOUT, WITH)],
        ),
        # Answers are kept for a while only; so that going back is possible, the column may then be empty.
        migrations.AlterField(
            model_name="answerfeature",
            name="geom_3857",
            field=django.contrib.gis.db.models.fields.GeometryField(null=True, spatial_index=False, srid=3857),
        ),
        migrations.RemoveField(model_name="answerfeature", name="geom_3857"),
    ]
