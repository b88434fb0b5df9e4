from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("layers", "0084_types_beside_statistics")]

    operations = [
        migrations.AddField(
            model_name="layerversion",
            name="kept_as",
            field=models.CharField(default="", editable=False, max_length=8),
        ),
    ]
