from django.db import migrations

# The catalogue finds a layer by the fields that everybody sees, for whoever asks: so nobody learns from what is found
# what stands in a field for some readers only.
BEFORE = """
CREATE OR REPLACE FUNCTION layers_index_texts(which bigint) RETURNS void LANGUAGE sql AS $$
    DELETE FROM layers_layerword WHERE layer_id = which AND part <> 'feature';
    INSERT INTO layers_layerword (layer_id, part, word, n)
    SELECT which, p.part, t.lexeme, coalesce(array_length(t.positions, 1), 1)
    FROM layers_layer l JOIN accounts_agency a ON a.id = l.agency_id
    CROSS JOIN LATERAL (VALUES
        ('title', l.title_id || ' ' || l.title_en),
        ('keyword', array_to_string(l.keywords, ' ')),
        ('agency', a.name || ' ' || a.short_name),
        ('abstract', l.abstract_id || ' ' || l.abstract_en),
        ('field', (SELECT string_agg(concat_ws(' ', translate(f->>'name', '_', ' '), f->>'title', f->>'description'), ' ')
                   FROM jsonb_array_elements(l.fields) f WHERE NOT coalesce((f->>'hidden')::boolean, false)))
    ) AS p(part, words)
    CROSS JOIN LATERAL unnest(to_tsvector('indonesian', coalesce(p.words, ''))) AS t
    WHERE l.id = which AND length(t.lexeme) BETWEEN 2 AND 80;
$$;

CREATE OR REPLACE FUNCTION layers_index_features(which bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    version bigint;
    shown text[];
BEGIN
    SELECT l.current_id, coalesce((
        SELECT array_agg(f->>'name') FROM jsonb_array_elements(l.fields) f
        WHERE NOT coalesce((f->>'hidden')::boolean, false)), '{}')
    INTO version, shown FROM layers_layer l WHERE l.id = which;
    DELETE FROM layers_layerword WHERE layer_id = which AND part = 'feature';
    IF version IS NOT NULL AND shown <> '{}' THEN
        -- Not ts_stat: its tree is not balanced, and minutes pass over words that come in order, as numbers do.
        EXECUTE format(
            'INSERT INTO layers_layerword (layer_id, part, word, n)
             SELECT %s, ''feature'', t.lexeme, count(*) FROM layers_feature f, unnest(jsonb_to_tsvector(''indonesian'',
                 (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(f.properties) e
                  WHERE e.key = ANY (%L::text[])), ''["string"]'')) t
             WHERE f.version_id = %s AND length(t.lexeme) BETWEEN 2 AND 80 GROUP BY t.lexeme', which, shown, version);
    END IF;
END $$;
"""
AFTER = """
CREATE OR REPLACE FUNCTION layers_index_texts(which bigint) RETURNS void LANGUAGE sql AS $$
    DELETE FROM layers_layerword WHERE layer_id = which AND part <> 'feature';
    INSERT INTO layers_layerword (layer_id, part, word, n)
    SELECT which, p.part, t.lexeme, coalesce(array_length(t.positions, 1), 1)
    FROM layers_layer l JOIN accounts_agency a ON a.id = l.agency_id
    CROSS JOIN LATERAL (VALUES
        ('title', l.title_id || ' ' || l.title_en),
        ('keyword', array_to_string(l.keywords, ' ')),
        ('agency', a.name || ' ' || a.short_name),
        ('abstract', l.abstract_id || ' ' || l.abstract_en),
        ('field', (SELECT string_agg(concat_ws(' ', translate(f->>'name', '_', ' '), f->>'title', f->>'description'), ' ')
                   FROM jsonb_array_elements(l.fields) f WHERE NOT coalesce((f->>'hidden')::boolean, false)
                     AND coalesce(f->>'shown_to', 'everybody') = 'everybody'))
    ) AS p(part, words)
    CROSS JOIN LATERAL unnest(to_tsvector('indonesian', coalesce(p.words, ''))) AS t
    WHERE l.id = which AND length(t.lexeme) BETWEEN 2 AND 80;
$$;

CREATE OR REPLACE FUNCTION layers_index_features(which bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    version bigint;
    shown text[];
BEGIN
    SELECT l.current_id, coalesce((
        SELECT array_agg(f->>'name') FROM jsonb_array_elements(l.fields) f
        WHERE NOT coalesce((f->>'hidden')::boolean, false)
                     AND coalesce(f->>'shown_to', 'everybody') = 'everybody'), '{}')
    INTO version, shown FROM layers_layer l WHERE l.id = which;
    DELETE FROM layers_layerword WHERE layer_id = which AND part = 'feature';
    IF version IS NOT NULL AND shown <> '{}' THEN
        -- Not ts_stat: its tree is not balanced, and minutes pass over words that come in order, as numbers do.
        EXECUTE format(
            'INSERT INTO layers_layerword (layer_id, part, word, n)
             SELECT %s, ''feature'', t.lexeme, count(*) FROM layers_feature f, unnest(jsonb_to_tsvector(''indonesian'',
                 (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(f.properties) e
                  WHERE e.key = ANY (%L::text[])), ''["string"]'')) t
             WHERE f.version_id = %s AND length(t.lexeme) BETWEEN 2 AND 80 GROUP BY t.lexeme', which, shown, version);
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("layers", "0070_what_was_searched")]

    operations = [migrations.RunSQL(AFTER, BEFORE)]
