from django.db import migrations

# What geo_hits finds of a point and what incidents_choose chooses for the kecamatan that it lies in, in one round trip.
# The kecamatan is the one that geo/locate.py takes: of those that cover the point, that with the lowest code. Where
# none does, the choice is for no kecamatan, and incidents/routing.py asks again once it knows the nearest.
WHEREABOUTS = """
CREATE FUNCTION incidents_whereabouts(lon float8, lat float8, near_deg float8, touch_deg float8, wanted varchar)
RETURNS TABLE (
    edition_id bigint, edition_kind varchar, kecamatan text[], desa text[], distance_m float8,
    category_id bigint, category_code varchar, parent_id bigint, name_id varchar, name_en varchar, kind varchar,
    handling varchar, sensitive boolean, rule_id bigint, rule_category_id bigint, rule_kecamatan_id bigint,
    agency_id bigint, agency_code varchar, agency_short_name varchar, agency_name varchar, agency_kind varchar
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 4 AS $$
BEGIN
    RETURN QUERY
    WITH hits AS MATERIALIZED (
        SELECT * FROM geo_hits(ST_SetSRID(ST_MakePoint(lon, lat), 4326), near_deg, touch_deg, NULL)
    )
    SELECT hits.*, chosen.*
    FROM hits LEFT JOIN incidents_choose(wanted, (
        SELECT h.kecamatan[1]::bigint FROM hits h
        WHERE h.desa IS NULL AND h.distance_m = 0 ORDER BY h.kecamatan[2] LIMIT 1
    )) chosen ON true;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("incidents", "0050_marks_of_days"), ("geo", "0002_hits_function")]

    operations = [
        migrations.RunSQL(
            WHEREABOUTS,
            reverse_sql="DROP FUNCTION incidents_whereabouts(float8, float8, float8, float8, varchar)",
        ),
    ]
