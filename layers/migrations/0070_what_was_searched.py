from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("layers", "0040_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogueSearch",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day", "text", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField(verbose_name="day")),
                ("text", models.CharField(max_length=80, verbose_name="searched for")),
                ("n", models.PositiveIntegerField(verbose_name="searches")),
                ("nothing", models.PositiveIntegerField(verbose_name="found nothing")),
                ("partly", models.PositiveIntegerField(verbose_name="found only some of the words")),
            ],
            options={
                "verbose_name": "search",
                "verbose_name_plural": "searches",
            },
        ),
    ]
