from django.db import migrations

# One table for the features of all layers, list-partitioned by version. A partition is made, filled and indexed on its
# own (layers/versions.py) and then attached, so that loading never touches what is being served.
FEATURES = """
CREATE TABLE layers_feature (
    version_id bigint NOT NULL,
    fid bigint NOT NULL,
    geom geometry(Geometry, 4326),
    geom_3857 geometry(Geometry, 3857) GENERATED ALWAYS AS (ST_Transform(geom, 3857)) STORED,
    properties jsonb NOT NULL DEFAULT '{}',
    search tsvector GENERATED ALWAYS AS (
        jsonb_to_tsvector('indonesian'::regconfig, properties, '["string", "numeric"]')
    ) STORED
) PARTITION BY LIST (version_id)
"""


class Migration(migrations.Migration):
    dependencies = [("layers", "0001_initial")]

    operations = [migrations.RunSQL(FEATURES, reverse_sql="DROP TABLE layers_feature")]
