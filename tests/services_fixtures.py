"""PostgreSQL and Redis for tests that need more than one process.

A test file takes them with `from tests.services_fixtures import *`.
"""

import os
from collections.abc import Iterator

import pytest
import redis

from tests.postgres import SERVER as POSTGRES
from tests.postgres import copied_database
from tests.services import missing

__all__ = ["POSTGRES", "postgres_url", "redis_url"]

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


@pytest.fixture
def postgres_url(empty_postgres: str) -> Iterator[str]:
    """A migrated PostgreSQL database of the test's own."""
    with copied_database(empty_postgres) as url:
        yield url


@pytest.fixture
def redis_url() -> str:
    try:
        with redis.Redis.from_url(REDIS, socket_connect_timeout=3) as client:
            client.ping()
    except redis.ConnectionError as error:
        missing("Redis", str(error))
    return REDIS
