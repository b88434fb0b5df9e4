import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("geo", "0002_hits_function"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptStudyArea",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("grid", models.CharField(max_length=10)),
                ("state", models.CharField(max_length=40)),
                ("arrays", models.BinaryField()),
                (
                    "edition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="geo.boundaryedition"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("edition", "grid"), name="one_study_area_for_each_grid")
                ],
            },
        ),
    ]
