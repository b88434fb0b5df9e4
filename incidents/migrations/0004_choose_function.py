from django.db import migrations

# The category by its code, and the most specific active rule for it and a kecamatan, with its agency. A function,
# because PostgreSQL keeps its plan (see geo/migrations/0002); incidents/routing.py reads it.
CHOOSE = """
CREATE FUNCTION incidents_choose(wanted varchar, place bigint)
RETURNS TABLE (
    category_id bigint, category_code varchar, parent_id bigint, name_id varchar, name_en varchar, kind varchar,
    handling varchar, sensitive boolean, rule_id bigint, rule_category_id bigint, rule_kecamatan_id bigint,
    agency_id bigint, agency_code varchar, agency_short_name varchar, agency_name varchar, agency_kind varchar
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 AS $$
BEGIN
    RETURN QUERY
    SELECT c.id, c.code, c.parent_id, c.name_id, c.name_en, c.kind, c.handling, c.sensitive, best.*
    FROM incidents_category c LEFT JOIN LATERAL (
        SELECT r.id, r.category_id, r.kecamatan_id, a.id, a.code, a.short_name, a.name, a.kind
        FROM incidents_routingrule r JOIN accounts_agency a ON a.id = r.agency_id AND a.active
        WHERE r.active
          AND (r.category_id IN (c.id, c.parent_id) OR r.category_id IS NULL)
          AND (r.kecamatan_id = place OR r.kecamatan_id IS NULL)
        ORDER BY r.category_id = c.id DESC NULLS LAST, r.category_id NULLS LAST, r.kecamatan_id NULLS LAST
        LIMIT 1
    ) best ON true
    WHERE c.code = wanted AND c.active AND c.parent_id IS NOT NULL;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("incidents", "0003_indexes_of_the_desk")]

    operations = [
        migrations.RunSQL(CHOOSE, reverse_sql="DROP FUNCTION incidents_choose(varchar, bigint)"),
    ]
