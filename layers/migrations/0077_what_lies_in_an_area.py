import django.db.models.deletion
from django.db import migrations, models

# An area lies where more than a hundredth of it does, or of the piece of the kecamatan: neighbours share their border,
# and outlines drawn twice differ by some metres. Lines and points lie wherever they touch.
LIES_IN = """
CREATE FUNCTION layers_lies_in(piece geometry, shape geometry) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ST_Intersects(piece, shape) AND CASE
        WHEN ST_Dimension(shape) < 2 OR ST_Covers(piece, shape) THEN true
        ELSE ST_Area(ST_Intersection(piece, shape)) > 0.01 * least(ST_Area(piece), ST_Area(shape))
    END
$$;
"""
INDEX_PLACES = """
CREATE OR REPLACE FUNCTION layers_index_places(version bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM layers_layerplace WHERE version_id = version;
    EXECUTE format(
        'INSERT INTO layers_layerplace (version_id, edition_id, kecamatan_id, desa_id, n)
         WITH hit AS MATERIALIZED (
             SELECT p.edition_id, p.kecamatan_id, p.desa_id, f.fid
             FROM geo_boundarypiece p JOIN geo_boundaryedition e ON e.id = p.edition_id AND e.status = ''active''
             JOIN layers_feature f ON f.version_id = %s AND layers_lies_in(p.geom, f.geom)
         ), inside AS (SELECT count(DISTINCT fid) AS n FROM hit WHERE desa_id IS NULL),
         placed AS (SELECT count(*) AS n FROM layers_feature WHERE version_id = %s AND geom IS NOT NULL)
         SELECT %s, edition_id, kecamatan_id, desa_id, count(DISTINCT fid) FROM hit
         GROUP BY edition_id, kecamatan_id, desa_id
         UNION ALL
         SELECT %s, e.id, NULL, NULL, placed.n - inside.n FROM geo_boundaryedition e, inside, placed
         WHERE e.status = ''active'' AND placed.n > inside.n', version, version, version, version);
END $$;
"""
INDEX_PLACES_BEFORE = """
CREATE OR REPLACE FUNCTION layers_index_places(version bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM layers_layerplace WHERE version_id = version;
    EXECUTE format(
        'INSERT INTO layers_layerplace (version_id, edition_id, kecamatan_id, desa_id, n)
         SELECT %s, p.edition_id, p.kecamatan_id, p.desa_id, count(DISTINCT f.fid)
         FROM geo_boundarypiece p JOIN geo_boundaryedition e ON e.id = p.edition_id AND e.status = ''active''
         JOIN layers_feature f ON f.version_id = %s AND ST_Intersects(p.geom, f.geom)
         GROUP BY p.edition_id, p.kecamatan_id, p.desa_id', version, version);
END $$;
DELETE FROM layers_layerplace WHERE kecamatan_id IS NULL;
DROP FUNCTION layers_lies_in(geometry, geometry);
"""
COUNT_AGAIN = "SELECT layers_index_places(current_id) FROM layers_layer WHERE current_id IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [("geo", "0001_initial"), ("layers", "0076_edits_before_the_steward")]

    operations = [
        migrations.AlterField(
            model_name="layerplace",
            name="kecamatan",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="geo.kecamatan"
            ),
        ),
        migrations.RunSQL(LIES_IN + INDEX_PLACES, INDEX_PLACES_BEFORE),
        migrations.RunSQL(COUNT_AGAIN, migrations.RunSQL.noop),
    ]
