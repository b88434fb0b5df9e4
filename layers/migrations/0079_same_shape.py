from django.db import migrations

# Shapes that left in a file and came back are rounded to a centimetre or two: every corner is compared, at most 2e-7
# degrees apart. What is plainly elsewhere is told by its edges.
SAME_SHAPE = """
CREATE FUNCTION layers_same_shape(a geometry, b geometry) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN a IS NULL OR b IS NULL THEN a IS NULL AND b IS NULL
        WHEN ST_AsBinary(a) = ST_AsBinary(b) THEN true
        WHEN ST_NPoints(a) <> ST_NPoints(b) OR GeometryType(a) <> GeometryType(b)
          OR abs(ST_XMin(a) - ST_XMin(b)) > 2e-7 OR abs(ST_YMin(a) - ST_YMin(b)) > 2e-7
          OR abs(ST_XMax(a) - ST_XMax(b)) > 2e-7 OR abs(ST_YMax(a) - ST_YMax(b)) > 2e-7 THEN false
        ELSE (
            SELECT count(*) = ST_NPoints(a)
               AND bool_and(abs(ST_X(p.geom) - ST_X(q.geom)) <= 2e-7 AND abs(ST_Y(p.geom) - ST_Y(q.geom)) <= 2e-7)
            FROM ST_DumpPoints(a) p JOIN ST_DumpPoints(b) q USING (path)
        )
    END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("layers", "0078_shapes_are_stored_once")]

    operations = [migrations.RunSQL(SAME_SHAPE, "DROP FUNCTION layers_same_shape(geometry, geometry)")]
