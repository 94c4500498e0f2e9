"""Databases of our own on the PostgreSQL that the machine has."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.site import migrate

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")


@contextmanager
def temporary_database() -> Iterator[str]:
    """URL of a migrated database that is gone afterwards.

    Raises:
        psycopg.OperationalError: there is no server.
    """
    with _server() as server, _database(server, "") as url:
        migrate(url)
        yield url


@contextmanager
def copied_database(original: str) -> Iterator[str]:
    """URL of a copy of a database that nobody is connected to; it is gone afterwards.

    Commits do not wait for the disk: only a crash of the server, or of the machine, could lose
    one, and tests in which it crashes have a server of their own (servers.py).
    """
    template = urlsplit(original).path.removeprefix("/")
    with _server() as server, _database(server, f"TEMPLATE {template}") as url:
        name = urlsplit(url).path.removeprefix("/")
        server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        yield url


def _server() -> "psycopg.Connection[Any]":
    return psycopg.connect(SERVER, autocommit=True, connect_timeout=3)


@contextmanager
def _database(server: "psycopg.Connection[Any]", like: str) -> Iterator[str]:
    name = f"chatsite_test_{uuid.uuid4().hex[:12]}"
    server.execute(f"CREATE DATABASE {name} {like}")
    try:
        yield urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
