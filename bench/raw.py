"""The same work as plain SQL: the site's own statements, captured, and sent again by pgbench."""

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import connection

from bench.database import connect, url_of

SCRIPTS_MAX = 100
"""pgbench takes up to 128 scripts in one run."""
_SEEDS = count(1)
"""A seed of its own for each run: a second run must not draw the first one's idempotency keys again."""


@contextmanager
def captured() -> Iterator[list[str]]:
    """Give a list that fills with the statements which Django sends meanwhile, with their values in place."""
    statements: list[str] = []

    def note(execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        statements.append(context["cursor"].mogrify(statement, params).decode())
        return execute(statement, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def script_of(statements: Sequence[str]) -> str:
    """Return statements as a script for pgbench."""
    return "".join(f"{statement.strip().rstrip(';')};\n" for statement in statements)


def pgbench(database: str, scripts: Sequence[str], *, clients: int, seconds: float) -> float:
    """Run the scripts at random for `seconds`; return how many were done per second. Equal ones weigh more."""
    address = urlsplit(url_of(database))
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, (script, weight) in enumerate(Counter(scripts).items()):
            path = Path(folder) / f"{number}.sql"
            path.write_text(script)
            files.append(f"--file={path}@{weight}")
        done = subprocess.run(
            [
                f"{os.environ['CLUSTER_BIN']}/pgbench",
                "--no-vacuum",
                f"--client={clients}",
                f"--jobs={min(clients, 2)}",
                f"--time={max(1, round(seconds))}",
                f"--random-seed={next(_SEEDS)}",
                *files,
                database,
            ],
            check=False,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "PGOPTIONS": connection.settings_dict["OPTIONS"].get("options", ""),  # as the site's connections
                "PGHOST": "127.0.0.1",
                "PGPORT": str(address.port),
                "PGUSER": str(address.username),
                "PGPASSWORD": unquote(str(address.password)),
            },
        )
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    if done.returncode or not rate:
        raise SystemExit(f"pgbench failed: {done.stderr[-2000:]}")
    return float(rate[1])


def row_as_sql(database: str, table: str, where: str, *, leave_out: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Return the columns that an INSERT gives, and the rows that match `where` as SQL literals."""
    link = connect(database)
    with link.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'"
            " ORDER BY ordinal_position",
            [table],
        )
        columns = [row[0] for row in cursor.fetchall() if row[0] not in leave_out]
        literals = ", ".join(f'quote_nullable("{column}"::text)' for column in columns)
        cursor.execute(f"SELECT ARRAY[{literals}] FROM {table} WHERE {where} ORDER BY id")
        rows = [row[0] for row in cursor.fetchall()]
    link.close()
    return columns, rows


def intake_script(database: str, lookups: Sequence[str], ticket: str, drawn: Sequence[str] = ()) -> str:
    """Return the work of taking in the stored report `ticket` once more, as its least number of statements.

    The look-ups, then in one transaction: a number from the sequence, the report, its events, its message. The
    database's triggers do what they do for the site. The columns `drawn` are those of a report drawn at random, where
    it has a value.
    """
    one = f"(SELECT id FROM incidents_report WHERE ticket = '{ticket}')"
    columns, (report,) = row_as_sql(database, "incidents_report", f"ticket = '{ticket}'", leave_out=["id"])
    given = dict(zip(columns, report, strict=True)) | {"ticket": "'KT-:number'", "idempotency_key": "'bench-:key'"}
    given |= {column: f"coalesce(drawn.{column}, {given[column]})" for column in drawn}
    draw, of_drawn = "", ""
    if drawn:
        (most,) = _first_row(database, "SELECT max(id) FROM incidents_report")
        draw = f"\\set drawn random(1, {most})\n"
        of_drawn = " FROM (SELECT * FROM incidents_report WHERE id >= :drawn ORDER BY id LIMIT 1) AS drawn"
    event_columns, events = row_as_sql(
        database, "incidents_reportevent", f"report_id = {one}", leave_out=["id", "report_id", "hash"]
    )
    rows = ", ".join(f"(:id, {', '.join(event)})" for event in events)
    return draw + script_of(
        [
            r"\set key random(1, 9000000000000000000)"
            "\nSELECT id FROM incidents_report WHERE idempotency_key = 'bench-:key'",
            *lookups,
            "BEGIN",
            "SELECT nextval('incidents_ticket_sequence') AS number \\gset\n"
            f"INSERT INTO incidents_report ({', '.join(columns)})"
            f" SELECT {', '.join(given.values())}{of_drawn} RETURNING id \\gset\n"
            f"INSERT INTO incidents_reportevent (report_id, {', '.join(event_columns)}) VALUES {rows}",
            "INSERT INTO incidents_outboxmessage (topic, payload) VALUES ('report_received', '{\"report_id\": :id}')",
            "COMMIT",
        ]
    )


def _first_row(database: str, statement: str) -> tuple[Any, ...]:
    link = connect(database)
    with link.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    link.close()
    return row
