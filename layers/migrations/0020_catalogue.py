import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

# The catalogue's index. The database keeps it, so that whoever changes a layer, by whatever way, changes what it is found
# by; above all a field that becomes hidden is no longer found the moment it is hidden.
INDEX = """
CREATE FUNCTION layers_index_texts(which bigint) RETURNS void LANGUAGE sql AS $$
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

CREATE FUNCTION layers_index_features(which bigint) RETURNS void LANGUAGE plpgsql AS $$
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

CREATE FUNCTION layers_index_places(version bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM layers_layerplace WHERE version_id = version;
    EXECUTE format(
        'INSERT INTO layers_layerplace (version_id, edition_id, kecamatan_id, desa_id, n)
         SELECT %s, p.edition_id, p.kecamatan_id, p.desa_id, count(DISTINCT f.fid)
         FROM geo_boundarypiece p JOIN geo_boundaryedition e ON e.id = p.edition_id AND e.status = ''active''
         JOIN layers_feature f ON f.version_id = %s AND ST_Intersects(p.geom, f.geom)
         GROUP BY p.edition_id, p.kecamatan_id, p.desa_id', version, version);
END $$;

CREATE FUNCTION layers_keep_index() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT'
       OR (NEW.title_id, NEW.title_en, NEW.abstract_id, NEW.abstract_en, NEW.keywords, NEW.fields, NEW.agency_id)
       IS DISTINCT FROM
          (OLD.title_id, OLD.title_en, OLD.abstract_id, OLD.abstract_en, OLD.keywords, OLD.fields, OLD.agency_id) THEN
        PERFORM layers_index_texts(NEW.id);
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.fields, NEW.current_id) IS DISTINCT FROM (OLD.fields, OLD.current_id) THEN
        PERFORM layers_index_features(NEW.id);
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.current_id IS NOT NULL AND NEW.current_id IS DISTINCT FROM OLD.current_id THEN
        PERFORM layers_index_places(NEW.current_id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER the_catalogue_knows_each_layer AFTER INSERT OR UPDATE ON layers_layer
FOR EACH ROW EXECUTE FUNCTION layers_keep_index();
"""
NO_INDEX = """
DROP TRIGGER the_catalogue_knows_each_layer ON layers_layer;
DROP FUNCTION layers_keep_index();
DROP FUNCTION layers_index_places(bigint);
DROP FUNCTION layers_index_features(bigint);
DROP FUNCTION layers_index_texts(bigint);
"""

# What people of Kutai Timur call the same thing.
SYNONYMS = [
    ["puskesmas", "pusat kesehatan masyarakat", "health centre", "health center", "klinik"],
    ["pustu", "puskesmas pembantu"],
    ["rsud", "rumah sakit", "hospital"],
    ["faskes", "kesehatan", "health"],
    ["sd", "sekolah dasar", "primary school"],
    ["smp", "sekolah menengah pertama"],
    ["sma", "smk", "sekolah menengah atas"],
    ["sekolah", "school", "schools", "pendidikan", "education"],
    ["jalan", "road", "roads", "jln", "jl"],
    ["jembatan", "bridge", "bridges"],
    ["sungai", "river", "rivers", "kali"],
    ["sumur", "well", "wells", "sumur bor"],
    ["air", "water", "pdam", "air bersih"],
    ["banjir", "flood", "floods", "genangan"],
    ["longsor", "landslide", "tanah longsor"],
    ["kebakaran", "fire", "karhutla"],
    ["hutan", "forest", "forests"],
    ["sawit", "kelapa sawit", "oil palm", "palm oil"],
    ["kebun", "perkebunan", "plantation", "plantations"],
    ["sawah", "padi", "rice field", "rice fields"],
    ["tambang", "pertambangan", "mining", "mine"],
    ["batubara", "batu bara", "coal"],
    ["pasar", "market", "markets"],
    ["sampah", "waste", "tps", "tpa", "tempat pembuangan"],
    ["masjid", "mosque", "mushola", "musala"],
    ["gereja", "church"],
    ["desa", "village", "kampung"],
    ["kecamatan", "district"],
    ["penduduk", "population", "kependudukan"],
    ["bidang", "persil", "parcel", "parcels"],
    ["bangunan", "gedung", "building", "buildings"],
    ["pelabuhan", "dermaga", "port", "jetty"],
    ["wisata", "pariwisata", "tourism"],
    ["listrik", "pln", "electricity"],
    ["internet", "bts", "sinyal", "menara"],
]


def add_synonyms(apps, schema_editor):
    model = apps.get_model("layers", "Synonym")
    model.objects.bulk_create(model(words=words) for words in SYNONYMS)


INDEX_WHAT_IS_THERE = """
SELECT layers_index_texts(id), layers_index_features(id), layers_index_places(current_id) FROM layers_layer
WHERE current_id IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("geo", "0001_initial"),
        ("layers", "0002_partitioned_features"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Synonym",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "words",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80),
                        help_text="Words or phrases with one meaning, such as puskesmas, pusat kesehatan masyarakat, health centre.",
                        size=None,
                        verbose_name="words",
                    ),
                ),
            ],
            options={
                "verbose_name": "synonym",
                "verbose_name_plural": "synonyms",
            },
        ),
        migrations.CreateModel(
            name="LayerDownload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("format", models.CharField(max_length=12, verbose_name="format")),
                ("srid", models.PositiveIntegerField(verbose_name="coordinate system")),
                ("conditions", models.JSONField(default=dict, verbose_name="filter")),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="time")),
                (
                    "layer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="downloads",
                        to="layers.layer",
                        verbose_name="layer",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="layers.layerversion",
                        verbose_name="version",
                    ),
                ),
            ],
            options={
                "verbose_name": "download",
                "verbose_name_plural": "downloads",
                "ordering": ["-at"],
            },
        ),
        migrations.CreateModel(
            name="LayerPlace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("n", models.PositiveIntegerField()),
                (
                    "desa",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="geo.desa"
                    ),
                ),
                (
                    "edition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="geo.boundaryedition"
                    ),
                ),
                (
                    "kecamatan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="geo.kecamatan"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="places", to="layers.layerversion"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LayerWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("word", models.CharField(max_length=80)),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("title", "title"),
                            ("keyword", "keywords"),
                            ("agency", "agency"),
                            ("field", "fields"),
                            ("abstract", "summary"),
                            ("feature", "features"),
                        ],
                        max_length=8,
                    ),
                ),
                ("n", models.PositiveIntegerField()),
                (
                    "layer",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="layers.layer"),
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="layerdownload",
            trigger=pgtrigger.compiler.Trigger(
                name="downloads_stay_as_they_are",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f17a961c403412d9917abc3d3a9b5c64a393f9d8",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_downloads_stay_as_they_are_6624d",
                    table="layers_layerdownload",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="layerword",
            index=models.Index(fields=["word"], name="layerword_by_word", opclasses=["text_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="layerword",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["word"], name="layerword_by_likeness", opclasses=["gin_trgm_ops"]
            ),
        ),
        migrations.RunSQL(INDEX, reverse_sql=NO_INDEX),
        migrations.RunSQL(INDEX_WHAT_IS_THERE, reverse_sql=migrations.RunSQL.noop),
        migrations.RunPython(add_synonyms, migrations.RunPython.noop),
    ]
