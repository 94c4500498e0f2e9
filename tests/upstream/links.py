"""How a test reaches an upstream: directly in the same process, or over HTTP in another one."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import Protocol

import msgspec

from tests.upstream.messages import Answer, Command, Wait
from tests.upstream.server import CONTROL_PATH, ServerThread

# A wait runs out at the server; the HTTP call around it gets a little longer.
SPARE_SECONDS = 10.0


class Link(Protocol):
    """Carries commands, for callers with and without an event loop."""

    url: str

    def call(self, command: Command) -> Answer:
        """Send a command and wait for the answer, blocking."""

    async def acall(self, command: Command) -> Answer:
        """The same without blocking the caller's event loop."""


class ThreadLink:
    """To a server in a thread of this process."""

    def __init__(self, thread: ServerThread) -> None:
        self.thread = thread
        self.url = thread.server.url

    def call(self, command: Command) -> Answer:
        """See `Link`. Blocks the calling thread only: the server has its own."""
        coroutine = self.thread.server.perform(command)
        return asyncio.run_coroutine_threadsafe(coroutine, self.thread.loop).result()

    async def acall(self, command: Command) -> Answer:
        """See `Link`."""
        coroutine = self.thread.server.perform(command)
        future = asyncio.run_coroutine_threadsafe(coroutine, self.thread.loop)
        return await asyncio.wrap_future(future)


class HttpLink:
    """To a server in another process, by its URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # An empty handler: a proxy of the environment must not get in between.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, command: Command) -> Answer:
        """See `Link`."""
        data = msgspec.json.encode(command)
        request = urllib.request.Request(self.url + CONTROL_PATH, data, method="POST")
        timeout = SPARE_SECONDS + (command.timeout if isinstance(command, Wait) else 0)
        with self._opener.open(request, timeout=timeout) as reply:
            return msgspec.json.decode(reply.read(), type=Answer)

    async def acall(self, command: Command) -> Answer:
        """See `Link`."""
        return await asyncio.to_thread(self.call, command)
