"""PostgreSQL, Redis and generation workers for tests that need more than one process.

A test file takes them with `from tests.services_fixtures import *`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.postgres import SERVER as POSTGRES
from tests.postgres import copied_database
from tests.services import missing
from tests.site import ROOT

__all__ = ["POSTGRES", "postgres_url", "redis_url", "worker"]

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


@contextmanager
def worker(
    database_url: str, environment: dict[str, str], *arguments: str
) -> Iterator["subprocess.Popen[str]"]:
    """A running `manage.py rungenerations`."""
    more = {
        "SECRET_KEY": "tests-only",
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "chatsite.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "rungenerations", *arguments],
        cwd=ROOT,
        env=os.environ | more | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "Running generations.\n"
        try:
            yield process
        finally:
            process.terminate()
