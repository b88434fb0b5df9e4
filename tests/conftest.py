"""Fixtures that more than one folder needs. Each test says which it wants; nothing but the cleaning is automatic."""

import gc
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pgtrigger
import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.management.color import no_style
from django.db import connection
from django.test import TransactionTestCase

import accounts.seed
import geo.seed
import incidents.seed
from incidents import clock
from layers.ogc import remembered

# The collector walks through everything that was imported and collected, over and over: a fifth of all the time.
gc.set_threshold(50_000, 20, 50)


def pytest_collection_finish() -> None:
    """What is there now stays to the end."""
    gc.collect()
    gc.freeze()


def pytest_configure() -> None:
    """Hash passwords quickly: the product's hash takes a third of a second for each person that a test makes."""
    settings.PASSWORD_HASHERS = ["tests.factories.accounts.QuickHasher"]


@pytest.fixture(autouse=True)
def _clean(settings: object, tmp_path: Path) -> Iterator[None]:
    """Give every test its own media folder, an empty cache and freshly read standards."""
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]
    empty_caches()
    clock.forget_rules()
    yield
    clock.forget_rules()


def empty_caches() -> None:
    """Forget what this process keeps of answers, limits and layers."""
    for alias in settings.CACHES:
        caches[alias].clear()
    remembered.forget()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """End the connections that are left behind, or the test database would not go.

    While Playwright's event loop runs, Django keeps connections of its own for this thread, which nobody can close
    after it; a live server's threads wait for a browser's next request, each with its connection. The one from before
    the browser may be dead: some tests end all but theirs.
    """
    yield
    gc.collect()
    connection.close()
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        )


MIGRATED = {"django_migrations", "django_content_type", "auth_permission"}
NEVER_EMPTIED = [
    "incidents.ReportEvent:events_are_never_emptied",
    "archive.Publication:editions_are_never_emptied",
    "archive.PublishedFile:files_are_never_emptied",
    "archive.Withdrawal:withdrawals_are_never_emptied",
]


@pytest.fixture(scope="session", autouse=True)
def _tables_can_be_emptied() -> Iterator[None]:
    """Empty the tables after a test with its own transactions as Django does, but for two things.

    Some tables refuse it otherwise. And the types of content and their permissions stay, which migrations
    made: Django would empty them too, and then take four times as long to make them again.
    """

    def teardown(case: TransactionTestCase) -> None:
        tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - MIGRATED
        flush = connection.ops.sql_flush(no_style(), sorted(tables), reset_sequences=False, allow_cascade=False)
        with pgtrigger.ignore(*NEVER_EMPTIED):
            connection.ops.execute_sql_flush(flush)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


SEEDED = [
    "accounts_agency", "geo_kecamatan", "geo_desa", "geo_boundaryedition", "geo_kecamatanboundary", "geo_desaboundary",
    "geo_boundarypiece", "layers_coastpiece", "incidents_category", "incidents_routingrule",
    "incidents_servicestandard",
]  # fmt: skip
_copies: dict[str, bytes] = {}


def seed_all() -> None:
    """Fill in what a new installation has: agencies, areas, schematic boundaries, categories, rules, standards.

    Seeding costs a third of a second, so it runs once and its rows are copied in from memory after that.
    """
    if not _copies:
        accounts.seed.seed()
        geo.seed.seed()
        incidents.seed.seed()
    with connection.cursor() as cursor:
        for table in SEEDED:
            if table in _copies:
                cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", io.BytesIO(_copies[table]))
                cursor.execute(f"SELECT setval(pg_get_serial_sequence(%s, 'id'), max(id)) FROM {table}", [table])
            else:
                out = io.BytesIO()
                cursor.copy_expert(f"COPY {table} TO STDOUT (FORMAT binary)", out)
                _copies[table] = out.getvalue()


@pytest.fixture
def kutim(db: None) -> None:
    """A configured, empty system, as `bin/run` leaves it."""
    seed_all()


@pytest.fixture
def live_kutim(transactional_db: None) -> None:
    """The same for tests with a live server or several connections."""
    seed_all()
