"""One served site for the tests that only ask it something: each start takes several seconds."""

from collections.abc import Iterator

import pytest

from tests.integration.server import gunicorn


@pytest.fixture(scope="session")
def served(django_db_setup: None) -> Iterator[str]:
    """The address of a gunicorn with two processes on the test database, whose tables each test fills and empties."""
    with gunicorn() as url:
        yield url
