"""Daphne's WebSocket, less strict with what comes in and with bounds in both directions.

Daphne itself keeps all that a slow browser has not read, and all that a hasty one sends.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from daphne.ws_protocol import WebSocketProtocol

MAX_UNHANDLED_FRAMES, MAX_UNHANDLED_BYTES = 64, 1024 * 1024
"""How much of what a browser sent may wait; beyond it nothing more is read from its line."""
LINGER_SECONDS = 10
"""How long a closed socket may take to read what was sent before."""

Message = dict[str, Any]


class LenientProtocol(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """Hands text frames of invalid UTF-8 on, so that they are answered like other bad input;
    sends frames of any size; closes with any code."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if isBinary:
            super().onMessage(payload, isBinary)
        elif not self.muted:
            # Bytes that are no UTF-8 become lone surrogates, which no JSON parser accepts.
            text = payload.decode("utf-8", "surrogateescape")
            self.application_queue.put_nowait({"type": "websocket.receive", "text": text})

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        # Autobahn holds what we send to the limit for what we receive, and drops it silently.
        limit = self.factory.maxMessagePayloadSize
        self.maxMessagePayloadSize = 0
        try:
            super().serverSend(content, binary)
        finally:
            self.maxMessagePayloadSize = limit

    def serverClose(self, code: int | None = None) -> None:
        # `sendClose` allows 1000 and 3000-4999 only; servers may close with 1008 or 1012 too.
        self.sendCloseFrame(code=1000 if code is None else code)


class BoundedProtocol(LenientProtocol):
    """Tells writers when the line is full, and stops reading while too much is unhandled.

    It is the transport's push producer: the transport calls `pauseProducing` when 64 KiB wait
    to be written, and `resumeProducing` when they are gone.
    """

    def connectionMade(self) -> None:
        self._line_free = asyncio.Event()
        self._line_free.set()
        self._unhandled: deque[int] = deque()  # sizes
        self._unhandled_bytes = 0
        self._reading = True
        super().connectionMade()
        self.transport.unregisterProducer()  # the HTTP channel that this connection began as
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Any) -> None:
        self._line_free.set()
        super().connectionLost(reason)

    def pauseProducing(self) -> None:
        self._line_free.clear()

    def resumeProducing(self) -> None:
        self._line_free.set()

    def stopProducing(self) -> None:
        self._line_free.set()

    @property
    def sends_arrive(self) -> bool:
        """Whether what is sent now can arrive."""
        return bool(self.state == self.STATE_OPEN)

    async def written(self) -> None:
        """Waits until the line takes more, or is gone."""
        await self._line_free.wait()

    async def take(self, receive: Callable[[], Awaitable[Message]]) -> Message:
        """The application's `receive`: what it has taken makes room for more."""
        message = await receive()
        if message["type"] == "websocket.receive":
            self._unhandled_bytes -= self._unhandled.popleft()
            if not self._reading and not self._has_too_much():
                self._reading = True
                self.transport.resumeProducing()
        return message

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        if not self.muted:
            self._unhandled.append(len(payload))
            self._unhandled_bytes += len(payload)
            if self._reading and self._has_too_much():
                self._reading = False
                self.transport.pauseProducing()

    def onPing(self, payload: bytes) -> None:
        # Who does not read needs no pongs; they would pile up.
        if self._line_free.is_set():
            super().onPing(payload)

    def dropConnection(self, abort: bool = False) -> None:
        from twisted.internet import reactor

        super().dropConnection(abort)
        if not abort:
            # Twisted would wait for ever for a browser that says goodbye but reads no more.
            reactor.callLater(LINGER_SECONDS, self.transport.abortConnection)

    def _has_too_much(self) -> bool:
        return (
            len(self._unhandled) > MAX_UNHANDLED_FRAMES
            or self._unhandled_bytes > MAX_UNHANDLED_BYTES
        )
