from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0045_counts_of_moves"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="movecount",
            index=models.Index(
                condition=models.Q(("cut", "all")), fields=["kecamatan", "type", "month"], name="moves_of_a_kecamatan"
            ),
        ),
        migrations.AddIndex(
            model_name="staycount",
            index=models.Index(
                condition=models.Q(("cut", "all")),
                fields=["kecamatan", "category", "month"],
                name="stays_of_a_kecamatan",
            ),
        ),
        migrations.AddIndex(
            model_name="staycount",
            index=models.Index(
                condition=models.Q(("cut", "all")), fields=["category", "month"], name="stays_of_a_category"
            ),
        ),
    ]
