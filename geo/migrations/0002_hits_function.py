from django.db import migrations

# What a point touches or is near to, in the active edition or in a given one. A function, because PostgreSQL keeps its
# plan: planning costs most of a look-up otherwise. geo/locate.py decides on the rows.
HITS = """
CREATE FUNCTION geo_hits(place geometry, near_deg float8, touch_deg float8, wanted bigint)
RETURNS TABLE (edition_id bigint, edition_kind varchar, kecamatan text[], desa text[], distance_m float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 4 AS $$
BEGIN
    RETURN QUERY
    SELECT e.id, e.kind,
        ARRAY[k.id::text, k.code, k.name],
        CASE WHEN d.id IS NOT NULL THEN ARRAY[d.id::text, d.code, d.name] END,
        CASE WHEN ST_DWithin(p.geom, place, touch_deg) THEN 0::float8
             ELSE ST_Distance(p.geom::geography, place::geography) END
    FROM geo_boundarypiece p
    JOIN geo_boundaryedition e ON e.id = p.edition_id
    JOIN geo_kecamatan k ON k.id = p.kecamatan_id
    LEFT JOIN geo_desa d ON d.id = p.desa_id
    WHERE CASE WHEN wanted IS NULL THEN e.status = 'active' ELSE e.id = wanted END
      AND p.geom && ST_Expand(place, near_deg)
      AND ST_DWithin(p.geom, place, CASE WHEN p.desa_id IS NULL THEN near_deg ELSE touch_deg END);
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("geo", "0001_initial")]

    operations = [
        migrations.RunSQL(HITS, reverse_sql="DROP FUNCTION geo_hits(geometry, float8, float8, bigint)"),
    ]
