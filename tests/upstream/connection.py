"""One request's side of a TCP connection: what is written, counted and how it ends.

aiohttp parses the request; from there on this writes its own bytes to the transport, because
scripts need what an HTTP library rightly refuses: broken framing, resets, one byte at a time.
"""

from __future__ import annotations

import asyncio
import http
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.upstream.messages import RecordData
from tests.upstream.script import SSE_HEADERS
from tests.upstream.state import State

# A real server waits for a slow reader too; this much may lie unsent in this process.
MAX_UNSENT = 256 * 1024


class AlreadySent(web.StreamResponse):
    """Tells aiohttp that the answer is on the wire and nothing is left to do."""

    reusable = True

    @property
    def keep_alive(self) -> bool:
        """Whether another request may follow on this connection."""
        return self.reusable

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing: the head was written by `Connection`."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing: so was the end."""


class Connection:
    """Writes one answer and notes in the record what was sent and how it ended."""

    def __init__(self, request: web.Request, record: RecordData, state: State) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client hung up before it was answered")
        self.transport: asyncio.Transport = transport
        self.record = record
        self.state = state
        self.response = AlreadySent()
        self.head_sent = False
        self._raw = False

    def head(self, status: int = 200, headers: Mapping[str, str] = SSE_HEADERS) -> None:
        """Status line and headers of a body in HTTP chunks."""
        self._head(status, {**headers, "transfer-encoding": "chunked"})

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        phrase = "Overloaded" if status == 529 else http.HTTPStatus(status).phrase
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        extra = f"x-request-id: req_{self.record.response_id[5:]}"
        self.wire(("\r\n".join([*lines, extra]) + "\r\n\r\n").encode("latin-1"))
        self._raw = False
        self.record.status = status

    def wire(self, data: bytes) -> None:
        """Bytes past all framing. What follows is then not framed either."""
        self.head_sent = self._raw = True
        self.transport.write(data)
        self.record.bytes_sent += len(data)

    def body(self, data: bytes, events: int = 0) -> None:
        """A part of the body as one HTTP chunk; `events` of the stream end in it."""
        if not self.head_sent:
            self.head()
        self.chunk(self.framed(data), events)

    def framed(self, data: bytes) -> bytes:
        """The data as one HTTP chunk; as it is when the script frames by itself."""
        return data if self._raw else frame(data)

    def chunk(self, framed: bytes, events: int = 1) -> None:
        """A part that is framed already (see `frame`); the head must be out."""
        self.transport.write(framed)
        record = self.record
        record.bytes_sent += len(framed)
        if events:
            record.events_sent += events
            record.sent_times.extend([time.monotonic()] * events)
            self.state.changed()

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """A whole answer with its length."""
        self._head(status, {**headers, "content-length": str(len(body))})
        self.transport.write(body)
        self.record.bytes_sent += len(body)
        self.end("complete")

    @property
    def crowded(self) -> bool:
        """The client reads too slowly: hold back."""
        return self.transport.get_write_buffer_size() > MAX_UNSENT

    async def drained(self, below: int = MAX_UNSENT) -> None:
        """Wait until less than this is unsent."""
        while self.transport.get_write_buffer_size() > below:
            await asyncio.sleep(0.005)

    def finish(self) -> None:
        """End the body properly, unless the answer has ended already."""
        if self.record.ended:
            return
        if not self.head_sent:
            self.head()
        if self._raw:
            self.transport.close()
        else:
            self.transport.write(b"0\r\n\r\n")
        self.end("complete")

    def cut(self) -> None:
        """Close without the end of the body. What was written still arrives."""
        self.end("cut")
        self.transport.close()

    async def reset(self) -> None:
        """Reset the connection; what was written arrives first."""
        await self.drained(0)
        self.end("reset")
        sock: Any = self.transport.get_extra_info("socket")
        # Linger on, for zero seconds: closing then sends RST instead of FIN.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def drop(self) -> None:
        """The test is over: close at once."""
        self.end("dropped")
        self.transport.abort()

    def end(self, how: str) -> None:
        """Note how it ended; the first reason counts."""
        if not self.record.ended:
            self.record.ended = how
            self.record.ended_at = time.monotonic()
        if how != "complete":
            self.response.reusable = False
        self.state.ended(self)


def frame(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)
