"""Threads that talk to the database, each with one connection that it keeps.

A process has two: one writes for its generations and sockets, one reads for them. SQLite has
one writer at a time anyway, a second would only wait for its lock; and a connection a call
would cost more than most calls.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, close_old_connections, connections

P = ParamSpec("P")
Result = TypeVar("Result")


class DatabaseThread:
    """Runs functions that use the ORM, one after the other."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """`function(*args, **kwargs)`, called in the thread."""

        def call() -> Result:
            try:
                return function(*args, **kwargs)
            except DatabaseError:
                close_old_connections()  # the next call gets a fresh one
                raise

        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def close(self) -> None:
        """Closes the thread's connection, after what was asked for before."""
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown()
