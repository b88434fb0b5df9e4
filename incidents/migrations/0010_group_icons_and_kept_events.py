import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

ICONS = {
    "jalan": "road",
    "air": "water",
    "lingkungan": "leaf",
    "kesehatan": "health",
    "pendidikan": "school",
    "sosial": "people",
    "ketertiban": "shield",
    "ekonomi": "market",
    "pemerintahan": "document",
}


def give_icons(apps, schema_editor):
    """Groups keep the icons that the page has shown so far."""
    category = apps.get_model("incidents", "Category")
    for code, icon in ICONS.items():
        category.objects.filter(code=code, parent=None).update(icon=icon)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0005_totals_of_cells")]

    operations = [
        migrations.AddField(
            model_name="category",
            name="icon",
            field=models.CharField(
                choices=[
                    ("road", "road"),
                    ("water", "water"),
                    ("leaf", "leaf"),
                    ("health", "health"),
                    ("school", "school"),
                    ("people", "people"),
                    ("shield", "shield"),
                    ("market", "market stall"),
                    ("document", "document"),
                    ("dots", "three dots"),
                ],
                default="dots",
                help_text="Shown for groups, where people report.",
                max_length=20,
                verbose_name="icon",
            ),
        ),
        migrations.RunPython(give_icons, migrations.RunPython.noop),
        pgtrigger.migrations.AddTrigger(
            model_name="reportevent",
            trigger=pgtrigger.compiler.Trigger(
                name="events_are_never_emptied",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="9fda200f3751453fe39c4ef62c3bd2dae4089e9b",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_events_are_never_emptied_7ffa0",
                    table="incidents_reportevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
