import django.contrib.gis.db.models.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("layers", "0050_keys_use_and_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LayerEdit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "not published yet"),
                            ("published", "published"),
                            ("discarded", "discarded"),
                        ],
                        default="open",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("opened_at", models.DateTimeField(auto_now_add=True, verbose_name="begun")),
                ("closed_at", models.DateTimeField(null=True, verbose_name="ended")),
                (
                    "base",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="layers.layerversion",
                        verbose_name="version",
                    ),
                ),
                (
                    "closed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "layer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="edits",
                        to="layers.layer",
                        verbose_name="layer",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "version",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="edit",
                        to="layers.layerversion",
                        verbose_name="became",
                    ),
                ),
            ],
            options={
                "verbose_name": "edit",
                "verbose_name_plural": "edits",
                "ordering": ["-opened_at"],
            },
        ),
        migrations.CreateModel(
            name="FeatureChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fid", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("create", "added"),
                            ("replace", "replaced"),
                            ("update", "changed"),
                            ("delete", "deleted"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                (
                    "geom",
                    django.contrib.gis.db.models.fields.GeometryField(null=True, spatial_index=False, srid=4326),
                ),
                ("properties", models.JSONField(null=True)),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="time")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "edit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changes",
                        to="layers.layeredit",
                    ),
                ),
            ],
            options={
                "verbose_name": "change of a feature",
                "verbose_name_plural": "changes of features",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="layeredit",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")), fields=("layer",), name="a_layer_is_edited_in_one_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="layeredit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "published"), ("version__isnull", False)),
                    models.Q(models.Q(("state", "published"), _negated=True), ("version__isnull", True)),
                    _connector="OR",
                ),
                name="a_published_edit_became_a_version",
            ),
        ),
        migrations.AddIndex(
            model_name="featurechange",
            index=models.Index(fields=["edit", "fid", "-id"], name="changes_by_feature"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="featurechange",
            trigger=pgtrigger.compiler.Trigger(
                name="feature_changes_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9c1223d41a735650db6c8c5e0820badf7ca6784c",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_feature_changes_stay_33a29",
                    table="layers_featurechange",
                    when="BEFORE",
                ),
            ),
        ),
    ]
