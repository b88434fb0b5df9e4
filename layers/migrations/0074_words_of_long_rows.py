from importlib import import_module

from django.db import migrations

# A tsvector holds a megabyte. A row with more words could not be indexed, and a search or a publication that met it
# failed. Of a row whose values are longer than a quarter of that (words in pieces, such as a-b-c, take up to four times
# the room of their text), the shortest values are read, 100,000 letters in all: names and codes come before reports.
WORDS = """
CREATE FUNCTION layers_words(properties jsonb, kinds jsonb) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF octet_length(properties::text) <= 250000 THEN
        RETURN jsonb_to_tsvector('indonesian', properties, kinds);
    END IF;
    RETURN to_tsvector('indonesian', left((
        SELECT string_agg(value #>> '{}', ' ' ORDER BY octet_length(value::text), key)
        FROM jsonb_each(properties) WHERE kinds ? jsonb_typeof(value)
           OR (kinds ? 'numeric' AND jsonb_typeof(value) = 'number')), 100000));
END $$;
"""
NO_WORDS = "DROP FUNCTION layers_words(jsonb, jsonb)"

# The indexes of words that are here already are of the former expression; the worker makes them anew.
AGAIN = """
DO $$ DECLARE name regclass; BEGIN
    FOR name IN
        SELECT i.indexrelid::regclass FROM pg_inherits p JOIN pg_index i ON i.indrelid = p.inhrelid
        WHERE p.inhparent = 'layers_feature'::regclass AND pg_get_indexdef(i.indexrelid) LIKE '%USING gin%'
    LOOP EXECUTE format('DROP INDEX %s', name); END LOOP;
END $$;
UPDATE layers_layerversion SET words_indexed = false WHERE words_indexed;
"""

BEFORE = import_module("layers.migrations.0071_fields_for_some").AFTER
AFTER = BEFORE.replace(
    "unnest(to_tsvector('indonesian', coalesce(p.words, '')))",
    "unnest(to_tsvector('indonesian', left(coalesce(p.words, ''), 100000)))",
).replace("unnest(jsonb_to_tsvector(''indonesian'',", "unnest(layers_words(")


class Migration(migrations.Migration):
    dependencies = [("layers", "0073_files_in_pieces")]

    operations = [
        migrations.RunSQL(WORDS, NO_WORDS),
        migrations.RunSQL(AFTER, BEFORE),
        migrations.RunSQL(AGAIN, AGAIN),
    ]
