"""When a call to the database is worth repeating, and that it is repeated."""

import sqlite3
from pathlib import Path

import psycopg
import pytest
from django.db import InterfaceError, OperationalError

from conversations.database import DatabaseThread, is_away


def raised(cause: Exception) -> OperationalError:
    """An error as Django raises it for one of the driver's."""
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


def locked(path: Path) -> Exception:
    """What SQLite says while another connection writes."""
    one, two = sqlite3.connect(path, timeout=0), sqlite3.connect(path, timeout=0)
    one.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(sqlite3.OperationalError) as caught:
            two.execute("BEGIN IMMEDIATE")
        return caught.value
    finally:
        one.close()
        two.close()


def missing_table() -> Exception:
    connection = sqlite3.connect(":memory:")
    try:
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute("SELECT * FROM nothing")
        return caught.value
    finally:
        connection.close()


def test_a_lost_connection_a_restart_a_deadlock_and_a_lock_pass(tmp_path: Path) -> None:
    assert is_away(InterfaceError("connection already closed"))
    assert is_away(raised(psycopg.OperationalError("connection refused")))
    assert is_away(raised(psycopg.errors.AdminShutdown()))
    assert is_away(raised(psycopg.errors.CannotConnectNow()))
    assert is_away(raised(psycopg.errors.DeadlockDetected()))
    assert is_away(raised(psycopg.errors.TooManyConnections()))
    assert is_away(raised(locked(tmp_path / "a.sqlite3")))


def test_what_will_not_mend_itself_is_not_repeated() -> None:
    assert not is_away(raised(missing_table()))
    assert not is_away(raised(psycopg.errors.InvalidPassword()))


async def test_a_call_is_repeated_until_the_database_is_back() -> None:
    attempts = []

    def call() -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise raised(psycopg.OperationalError("connection refused"))
        return "back"

    thread = DatabaseThread("test")
    assert await thread.run(call) == "back"
    assert len(attempts) == 3
    await thread.close()


async def test_a_call_that_can_never_succeed_fails_at_once() -> None:
    def call() -> None:
        raise raised(missing_table())

    thread = DatabaseThread("test")
    with pytest.raises(OperationalError):
        await thread.run(call)
    await thread.close()
