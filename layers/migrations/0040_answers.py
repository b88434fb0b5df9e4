import django.contrib.gis.db.models.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("layers", "0030_edits")]

    operations = [
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64, unique=True)),
                ("facts", models.JSONField(default=dict)),
                ("geometry_type", models.CharField(max_length=20)),
                ("feature_count", models.PositiveIntegerField()),
                ("extent", django.contrib.gis.db.models.fields.PolygonField(null=True, srid=4326)),
                ("took_ms", models.PositiveIntegerField()),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("used_at", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="AnswerFeature",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "answer_id", "fid", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("fid", models.BigIntegerField()),
                (
                    "geom",
                    django.contrib.gis.db.models.fields.GeometryField(spatial_index=False, srid=4326),
                ),
                (
                    "geom_3857",
                    django.contrib.gis.db.models.fields.GeometryField(spatial_index=False, srid=3857),
                ),
                ("properties", models.JSONField()),
                (
                    "answer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="features",
                        to="layers.answer",
                    ),
                ),
            ],
        ),
    ]
