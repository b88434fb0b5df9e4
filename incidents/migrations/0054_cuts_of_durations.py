"""Durations of kecamatan, agencies, categories, and pairs of kecamatan and agency: without channels, and made anew."""

from django.db import migrations

CUTS = {
    "kecamatan": ("0", "kecamatan", "0"),
    "agency": ("0", "0", "agency"),
    "category": ("category", "0", "0"),
    "pair": ("0", "kecamatan", "agency"),
}
# The worker must not fold meanwhile: the rows of all would be added up without what it adds.
RECUT = "; ".join(
    [
        "LOCK TABLE incidents_durationcount IN SHARE ROW EXCLUSIVE MODE",
        "DELETE FROM incidents_durationcount WHERE cut <> 'all'",
    ]
    + [
        "INSERT INTO incidents_durationcount"  # noqa: S608 - constants of ours only
        " (cut, step, category, month, kecamatan, agency, channel, confidential, bucket, n)"
        f" SELECT '{cut}', step, {category}, month, {kecamatan}, {agency}, '', confidential, bucket, sum(n)"
        " FROM incidents_durationcount WHERE cut = 'all' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
        for cut, (category, kecamatan, agency) in CUTS.items()
    ]
)


class Migration(migrations.Migration):
    """After going back, `bin/manage rebuild_rollups` of the former version makes the durations as it reads them."""

    dependencies = [
        ("incidents", "0053_cuts_of_counts"),
    ]

    operations = [
        migrations.RunSQL(RECUT, migrations.RunSQL.noop),
    ]
