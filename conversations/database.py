"""Threads that talk to the database, each with one connection that it keeps.

A process has two: one writes for its generations and sockets, one reads for them. SQLite has
one writer at a time anyway, a second would only wait for its lock; and a connection a call
would cost more than most calls.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connections,
)

P = ParamSpec("P")
Result = TypeVar("Result")

PATIENCE_SECONDS = 10.0
"""How long a call waits for a database that is away."""
FIRST_DELAY, LONGEST_DELAY = 0.05, 2.0

# Classes of SQLSTATE that pass by themselves: connection, rollback for another (deadlock),
# too few resources, shutting down or starting up.
PASSING_STATES = ("08", "40", "53", "57")


class DatabaseThread:
    """Runs functions that use the ORM, one after the other."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._closed = False

    async def run(self, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """`function(*args, **kwargs)`, called in the thread; again while the database is away.

        Whoever is answered "connection lost" can't know whether the commit came through: the
        function must be one that may be repeated.
        """
        return await self.patiently(PATIENCE_SECONDS, function, *args, **kwargs)

    async def patiently(
        self, seconds: float, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """`run` with another patience."""
        now = asyncio.get_running_loop().time
        give_up = now() + seconds
        delay = FIRST_DELAY
        while True:
            try:
                return await self.once(function, *args, **kwargs)
            except (OperationalError, InterfaceError) as error:
                if self._closed or not is_away(error) or now() + delay > give_up:
                    raise
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def once(
        self, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """`run` without a second attempt."""

        def call() -> Result:
            try:
                return function(*args, **kwargs)
            except (DatabaseError, InterfaceError):
                close_old_connections()  # the next call gets a fresh one
                raise

        if self._closed:
            raise InterfaceError("this process is ending")
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, copy_context().run, call
        )

    async def close(self) -> None:
        """Closes the thread's connection, after what was asked for before."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown()


def is_away(error: OperationalError | InterfaceError) -> bool:
    """Whether the same call may succeed later: no connection, restarting, locked."""
    cause = error.__cause__
    locked = getattr(cause, "sqlite_errorcode", None)
    if locked is not None:
        return locked & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    state = getattr(cause, "sqlstate", None)  # none: there was no server to name one
    return state is None or state.startswith(PASSING_STATES)
