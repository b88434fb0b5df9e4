from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0051_whereabouts_function"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="report",
            index=models.Index(
                condition=models.Q(("status__in", ["received", "routed", "in_progress", "on_hold", "reopened"])),
                fields=["agency", "resolve_due_at", "id"],
                name="report_open_of_agency",
            ),
        ),
    ]
