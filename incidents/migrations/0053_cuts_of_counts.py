"""Counts of kecamatan, agencies and categories alone: few rows for most questions, however many reports there are."""

from django.db import migrations, models

WHO = ("kecamatan", "category", "agency", "channel", "confidential")
MEASURES = (
    *("n", "received", "routed", "in_progress", "answered", "closed", "on_hold", "rejected", "duplicate", "reopened"),
    *("kept", "broken", "ended"),
)
TABLES = {
    "incidents_reportcount": (("span", "desa", "start"), MEASURES),
    "incidents_duecount": (("span", "desa", "due", "start"), ("n",)),
}
CUTS = {
    "kecamatan": ("kecamatan, 0, 0, '', confidential", "TRUE"),
    "agency": ("0, 0, agency, '', confidential", "desa = 0"),
    "category": ("0, category, 0, '', confidential", "desa = 0"),
}


def widened(table: str, first: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Return the statements that give `table` its cuts; its rows are those of cut all."""
    key = ", ".join(("cut", *first, *WHO))
    statements = [
        f"ALTER TABLE {table} ADD COLUMN cut varchar(9) NOT NULL DEFAULT 'all', DROP CONSTRAINT {table}_pkey",
        f"ALTER TABLE {table} ALTER COLUMN cut DROP DEFAULT",
    ]
    sums = ", ".join(f"sum({value})" for value in values)
    some = " OR ".join(f"sum({value}) <> 0" for value in values)
    places = ", ".join(str(place) for place in range(1, len(first) + len(WHO) + 2))
    statements += [
        f"INSERT INTO {table} ({key}, {', '.join(values)}) SELECT '{cut}', {', '.join(first)}, {who}, {sums}"  # noqa: S608
        f" FROM {table} WHERE cut = 'all' AND {which} GROUP BY {places} HAVING {some}"
        for cut, (who, which) in CUTS.items()
    ]
    return "; ".join([*statements, f"ALTER TABLE {table} ADD PRIMARY KEY ({key})"])


def narrowed(table: str, first: tuple[str, ...], _values: tuple[str, ...]) -> str:
    """Return the statements that take the cuts away again."""
    key = ", ".join((*first, *WHO))
    return (
        f"DELETE FROM {table} WHERE cut <> 'all'; ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, DROP COLUMN cut;"  # noqa: S608
        f" ALTER TABLE {table} ADD PRIMARY KEY ({key})"
    )


def keyed(model: str, first: tuple[str, ...]) -> list[object]:
    """Return what the model has become."""
    key = models.CompositePrimaryKey("cut", *first, *WHO, blank=True, editable=False, primary_key=True, serialize=False)
    return [
        migrations.AddField(model, "cut", models.CharField(max_length=9, default="all"), preserve_default=False),
        migrations.AlterField(model, "pk", key),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0052_report_open_of_agency"),
    ]

    operations = [
        # In the order in which folding takes them: else the two might wait for each other.
        migrations.RunSQL(
            "LOCK TABLE incidents_reportcount, incidents_duecount IN ACCESS EXCLUSIVE MODE", migrations.RunSQL.noop
        ),
        migrations.RemoveIndex(model_name="duecount", name="owed_by_day_received"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(widened(table, *columns), narrowed(table, *columns))
                for table, columns in TABLES.items()
            ],
            state_operations=[
                operation
                for table, (first, _values) in TABLES.items()
                for operation in keyed(table.partition("_")[2], first)
            ],
        ),
        migrations.AddIndex(
            model_name="duecount",
            index=models.Index(
                condition=models.Q(("span", "d")),
                fields=["cut", "desa", "start", "due"],
                name="owed_by_day_received",
            ),
        ),
    ]
