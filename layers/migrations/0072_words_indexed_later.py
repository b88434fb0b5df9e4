from django.db import migrations, models

# The words of features were a column, made while a row was stored, with an index made before anybody could look. Both
# cost more than all the rest of an import. Now they are an index on an expression, which the worker makes a moment
# later (layers/versions.py, `index_words_due`); it makes those of the versions that are here already, too.
WITHOUT_COLUMN = "ALTER TABLE layers_feature DROP COLUMN search"
WITH_COLUMN = """
ALTER TABLE layers_feature ADD COLUMN search tsvector GENERATED ALWAYS AS (
    jsonb_to_tsvector('indonesian'::regconfig, properties, '["string", "numeric"]')
) STORED
"""


class Migration(migrations.Migration):
    dependencies = [("layers", "0071_fields_for_some")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name="feature", name="search")],
            database_operations=[migrations.RunSQL(WITHOUT_COLUMN, reverse_sql=WITH_COLUMN)],
        ),
        migrations.AddField(
            model_name="layerversion",
            name="words_indexed",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddIndex(
            model_name="layerversion",
            index=models.Index(
                condition=models.Q(("words_indexed", False)), fields=["id"], name="versions_without_words"
            ),
        ),
    ]
