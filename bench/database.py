"""The databases that are measured: a base with synthetic reports, made once, and a copy of it for each run."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import psycopg2.errors
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

ROOT = Path(__file__).resolve().parent.parent
MADE_OF = [
    "accounts/migrations/*.py", "geo/migrations/*.py", "incidents/migrations/*.py", "*/seed.py",
    "incidents/synthetic*.py", "data/facts/*", "data/shapefiles/*/*",
]  # fmt: skip
"""A base is made anew when one of these files changed. What else migrations bring, each copy gets by itself."""

SEED = 1
COPY = "bench_now"
QUICK = "-c synchronous_commit=off -c pgtrigger.ignore={}"
"""Only while the base is made: no waiting for the disk, and no failed look at each row for triggers to be ignored."""


def url_of(name: str) -> str:
    """Return DATABASE_URL with another database."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


def connect(name: str) -> Connection:
    """Connect to a database of the bench's cluster; each statement is a transaction."""
    found = psycopg2.connect(url_of(name).replace("postgis://", "postgresql://", 1))
    found.autocommit = True
    return found


@contextmanager
def copy_for_this_run(reports: int) -> Iterator[str]:
    """Give the name of a fresh copy of the base with that many reports; it is dropped in the end."""
    base, name = _base(reports), COPY
    first = urlsplit(os.environ["DATABASE_URL"]).path[1:]  # measuring sets it to the copy's
    admin = connect(first)
    _tell("copying the database")
    _drop(admin, [name])
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(base))
    if admin.server_version >= 150_000:
        create += sql.SQL(" STRATEGY file_copy")
    with admin.cursor() as cursor:
        cursor.execute(create)
    admin.close()
    try:
        _manage(url_of(name), "migrate", "--verbosity", "0")
        yield name
    finally:
        admin = connect(first)  # the cluster may have been restarted meanwhile
        _drop(admin, [name])
        admin.close()


def _base(reports: int) -> str:
    """Return the name of the base, which is made if it is missing; bases of other contents are dropped."""
    name = f"bench_{reports}_{_digest()}"
    admin = connect(urlsplit(os.environ["DATABASE_URL"]).path[1:])
    with admin.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'")
        known = {row[0] for row in cursor.fetchall()}
    _drop(admin, (other for other in known if _digest() not in other and other != COPY))
    if name not in known:
        _make(admin, name, reports)
    admin.close()
    return name


def _make(admin: Connection, name: str, reports: int) -> None:
    draft = f"{name}_new"
    _drop(admin, [draft])
    with admin.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template_postgis").format(sql.Identifier(draft)))
    for arguments in (
        ["prepare"],
        ["make_reports", "--count", str(reports), "--seed", str(SEED), "--bulk"],
        ["fold_cells"],
    ):
        _manage(url_of(draft), *arguments, PGOPTIONS=QUICK)
    _tell("VACUUM ANALYZE")
    made = connect(draft)
    with made.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '256MB'")
        cursor.execute("VACUUM ANALYZE")
    made.close()
    with admin.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name)))


def _manage(url: str, *arguments: str, **more: str) -> None:
    _tell(f"manage.py {' '.join(arguments)}")
    environment = os.environ | {"DATABASE_URL": url} | more
    subprocess.run([sys.executable, "manage.py", *arguments], check=True, cwd=ROOT, env=environment, stdout=sys.stderr)


def _digest() -> str:
    digest = hashlib.sha256()
    for pattern in MADE_OF:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def _drop(admin: Connection, names: Iterable[str]) -> None:
    with admin.cursor() as cursor:
        for name in names:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            for wait_s in (1, 2, 4, 8, 16, 0):
                try:
                    cursor.execute(drop)
                    break
                except psycopg2.errors.InsufficientPrivilege:  # the server's own vacuum is at work in it
                    if not wait_s:
                        raise
                    time.sleep(wait_s)


def _tell(what: str) -> None:
    print(f"         {what} ...", file=sys.stderr, flush=True)
