"""Say whether the database of DATABASE_URL can be used; else what is wrong with it and the command that mends it.

With --tests also whether tests may make databases of their own there. Prints "problem<newline>mend" and exits 1, or
prints nothing and exits 0. The password is never printed.
"""

import os
import shlex
import sys
from urllib.parse import urlsplit

import psycopg2

NEEDED = ("postgis", "pg_trgm", "btree_gist", "unaccent")
MIN_POSTGRES, MIN_POSTGIS = 14, (3, 1)
SCHEMES = {"postgis", "postgres", "postgresql"}


def find_problem(url: str, *, tests: bool) -> tuple[str, str] | None:
    """Return (what is wrong, what mends it), or None when nothing is."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.path.strip("/"):
        return "DATABASE_URL is not of the form postgis://USER:PASSWORD@HOST:PORT/NAME.", "unset DATABASE_URL"
    where = f"the database {parts.path.strip('/')!r} at {parts.hostname}:{parts.port or 5432}"
    try:
        connection = psycopg2.connect(parts._replace(scheme="postgresql").geturl(), connect_timeout=10)
    except psycopg2.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        return (
            f"{where} (DATABASE_URL) does not answer: {reason}",
            "start or correct it; or use a private database instead: unset DATABASE_URL",
        )
    with connection, connection.cursor() as cursor:
        return (
            find_old_version(cursor, where)
            or find_missing_extensions(cursor, where, parts.path.strip("/"))
            or (find_missing_rights(cursor, where) if tests else None)
        )


def find_old_version(cursor: "psycopg2.extensions.cursor", where: str) -> tuple[str, str] | None:
    major = cursor.connection.server_version // 10_000
    if major < MIN_POSTGRES:
        return f"{where} is PostgreSQL {major}; {MIN_POSTGRES} or newer is needed.", "upgrade the server"
    cursor.execute("select extversion from pg_extension where extname = 'postgis'")
    row = cursor.fetchone()
    if row and tuple(int(number) for number in row[0].split(".")[:2]) < MIN_POSTGIS:
        mend = "upgrade PostGIS there, then: alter extension postgis update"
        return f"{where} has PostGIS {row[0]}; 3.1 or newer is needed.", mend
    return None


def find_missing_extensions(cursor: "psycopg2.extensions.cursor", where: str, name: str) -> tuple[str, str] | None:
    cursor.execute("select extname from pg_extension")
    missing = sorted(set(NEEDED) - {row[0] for row in cursor.fetchall()})
    if not missing:
        return None
    statements = "; ".join(f"create extension {extension}" for extension in missing)
    return (
        f"{where} lacks {', '.join(missing)}.",
        f"as its superuser: psql -d {shlex.quote(name)} -c {shlex.quote(statements)}",
    )


def find_missing_rights(cursor: "psycopg2.extensions.cursor", where: str) -> tuple[str, str] | None:
    cursor.execute("select current_user, rolcreatedb or rolsuper from pg_roles where rolname = current_user")
    user, may_create = cursor.fetchone()
    if not may_create:
        return (
            f"the role {user!r} may not make databases, which tests need, on the server of {where}.",
            f'as its superuser: psql -c "alter role {user} createdb"',
        )
    cursor.execute("select 1 from pg_database where datname = 'template_postgis' and datistemplate")
    if cursor.fetchone() is None:
        statements = [f"create extension {extension}" for extension in NEEDED]
        statements.append("alter database template_postgis is_template true")
        return (
            f"tests need a template 'template_postgis' on the server of {where}.",
            f"as its superuser: createdb template_postgis && psql -d template_postgis -c '{'; '.join(statements)}'",
        )
    return None


if __name__ == "__main__":
    problem = find_problem(os.environ["DATABASE_URL"], tests="--tests" in sys.argv)
    if problem:
        print("\n".join(problem))
        sys.exit(1)
