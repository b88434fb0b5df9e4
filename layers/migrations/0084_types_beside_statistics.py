from django.db import migrations

# A roll-back gives the fields the types that they have in the version (layers/versions.py). Of versions that are shown
# already, these are the dictionary's.
TYPES = """
UPDATE layers_layerversion v SET statistics = v.statistics || told.types
FROM (
    SELECT c.id, jsonb_object_agg(f->>'name', c.statistics->(f->>'name') || jsonb_build_object('type', f->'type')) AS types
    FROM layers_layerversion c JOIN layers_layer l ON l.current_id = c.id, jsonb_array_elements(l.fields) f
    WHERE jsonb_typeof(f->'type') = 'string' AND jsonb_typeof(c.statistics->(f->>'name')) = 'object'
      AND NOT c.statistics->(f->>'name') ? 'type'
    GROUP BY c.id
) told WHERE v.id = told.id
"""


class Migration(migrations.Migration):
    dependencies = [("layers", "0083_coastal_water")]

    operations = [migrations.RunSQL(TYPES, migrations.RunSQL.noop)]
