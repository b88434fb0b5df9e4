"""Durations by category have a cut of their own: rows of `all` are summed; what is not folded yet comes with folding."""

from django.db import migrations

CUT = """
INSERT INTO incidents_durationcount (
    cut, step, category, month, kecamatan, agency, channel, confidential, bucket, n
)
SELECT 'category', step, category, month, 0, 0, channel, confidential, bucket, sum(n)
FROM incidents_durationcount WHERE cut = 'all' GROUP BY step, category, month, channel, confidential, bucket
"""


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0051_whereabouts_function"),
    ]

    operations = [
        # The folder must not write rows of the new kind meanwhile: those of the old program do not.
        migrations.RunSQL(
            "LOCK TABLE incidents_durationcount IN SHARE ROW EXCLUSIVE MODE;" + CUT,
            "DELETE FROM incidents_durationcount WHERE cut = 'category'",
        ),
    ]
