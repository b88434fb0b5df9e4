import django.contrib.gis.db.models.fields
import django.db.models.deletion
from django.db import migrations, models

HIT = """
             SELECT p.edition_id, p.kecamatan_id, p.desa_id, f.fid
             FROM geo_boundarypiece p JOIN geo_boundaryedition e ON e.id = p.edition_id AND e.status = ''active''
             JOIN layers_feature f ON f.version_id = %s AND layers_lies_in(p.geom, f.geom)
"""
# Points at sea lie in the kecamatan whose coastal water it is.
HIT_AT_SEA = """
             UNION ALL SELECT c.edition_id, c.kecamatan_id, NULL, f.fid
             FROM layers_coastpiece c JOIN geo_boundaryedition e ON e.id = c.edition_id AND e.status = ''active''
             JOIN layers_feature f ON f.version_id = %s AND layers_lies_in(c.geom, f.geom) AND ST_Dimension(f.geom) = 0
"""
INDEX_PLACES = """
CREATE OR REPLACE FUNCTION layers_index_places(version bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM layers_layerplace WHERE version_id = version;
    EXECUTE format(
        'INSERT INTO layers_layerplace (version_id, edition_id, kecamatan_id, desa_id, n)
         WITH hit AS MATERIALIZED ({hit}
         ), inside AS (SELECT count(DISTINCT fid) AS n FROM hit WHERE desa_id IS NULL),
         placed AS (SELECT count(*) AS n FROM layers_feature WHERE version_id = %s AND NOT ST_IsEmpty(geom))
         SELECT %s, edition_id, kecamatan_id, desa_id, count(DISTINCT fid) FROM hit
         GROUP BY edition_id, kecamatan_id, desa_id
         UNION ALL
         SELECT %s, e.id, NULL, NULL, placed.n - inside.n FROM geo_boundaryedition e, inside, placed
         WHERE e.status = ''active'' AND placed.n > inside.n', {versions});
END $$;
"""
NOW = INDEX_PLACES.format(hit=HIT + HIT_AT_SEA, versions=", ".join(["version"] * 5))
BEFORE = INDEX_PLACES.format(hit=HIT, versions=", ".join(["version"] * 4))


def share_out_and_count(apps, schema_editor):
    from layers.coast import share_out

    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT id FROM geo_boundaryedition WHERE status = 'active'")
        for (edition,) in cursor.fetchall():
            share_out(edition)
    count(apps, schema_editor)


def count(apps, schema_editor):
    schema_editor.execute("SELECT layers_index_places(current_id) FROM layers_layer WHERE current_id IS NOT NULL")


class Migration(migrations.Migration):
    dependencies = [("geo", "0002_hits_function"), ("layers", "0082_same_shape_sooner")]

    operations = [
        migrations.CreateModel(
            name="CoastPiece",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("geom", django.contrib.gis.db.models.fields.PolygonField(srid=4326)),
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
            ],
        ),
        migrations.RunPython(migrations.RunPython.noop, count),
        migrations.RunSQL(NOW, BEFORE),
        migrations.RunPython(share_out_and_count, migrations.RunPython.noop),
    ]
