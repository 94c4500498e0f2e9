"""What waits to be sent on one socket, and how much that is."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

WINDOW_BYTES = 1024 * 1024
"""How much may wait before nothing more is put in, and how much a browser may leave
unacknowledged before live events wait."""

TRY_LATER = 1013
"""WebSocket close code: come back in a while."""


class SocketEnd(Exception):
    """The socket is to be closed with this WebSocket code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class SendQueue:
    """Texts in order. `put` never waits: who can wait awaits `room` before."""

    def __init__(self) -> None:
        self.ended = False
        """Nothing is sent any more, and what is put in is dropped."""
        self._texts: deque[str | SocketEnd] = deque()
        self._size = 0
        self._filled, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()

    @property
    def crowded(self) -> bool:
        """More than the window waits, what is being sent included."""
        return self._size > WINDOW_BYTES

    async def room(self) -> None:
        """Waits until less than the window waits, or until the socket is gone."""
        await self._room.wait()

    def put(self, text: str | SocketEnd) -> None:
        """Adds a text; behind a `SocketEnd` nothing is sent."""
        if not self.ended:
            self._texts.append(text)
            if isinstance(text, str):
                self._size += len(text)
            self._filled.set()
            self._mark()

    async def run(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Sends until it is cancelled, or a `SocketEnd` is reached, which it raises."""
        try:
            while True:
                while self._texts:
                    await self._send(send, self._texts.popleft())
                self._filled.clear()
                await self._filled.wait()
        finally:
            self.ended = True
            self._texts.clear()
            self._room.set()

    async def _send(self, send: Callable[[str], Awaitable[None]], text: str | SocketEnd) -> None:
        if isinstance(text, SocketEnd):
            raise text
        await send(text)
        self._size -= len(text)
        self._mark()

    def _mark(self) -> None:
        if self.crowded:
            self._room.clear()
        else:
            self._room.set()
