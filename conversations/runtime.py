"""What one process holds: the parts along the path of text, wired together once per loop."""

import asyncio
import logging
from contextvars import Context
from dataclasses import dataclass, field

from channels.layers import get_channel_layer
from django.conf import settings

from conversations.broadcast import Broadcast
from conversations.catalog import Catalog
from conversations.database import DatabaseThread
from conversations.hub import Hub
from conversations.link import Link
from conversations.meter import Meter
from conversations.places import Places
from conversations.recorder import Recorder
from conversations.tail import Tail
from conversations.upstream.attempts import Attempts
from conversations.upstream.client import Upstream
from conversations.worker import GenerationWorker

logger = logging.getLogger(__name__)

RESTARTING = 1012
"""WebSocket close code: the service restarts, come back."""


@dataclass
class Runtime:
    """The parts of a process. `worker` is None in a web process without inline generations."""

    hub: Hub
    broadcast: Broadcast
    writer: DatabaseThread
    reader: DatabaseThread
    upstream: Upstream
    catalog: Catalog
    tail: Tail
    meter: Meter
    places: Places
    recorder: Recorder | None = None
    attempts: Attempts | None = None
    worker: GenerationWorker | None = None
    _task: "asyncio.Task[None] | None" = field(default=None, repr=False)

    async def start(self) -> None:
        await self.hub.start()
        await self.broadcast.start()
        await self.tail.start()
        await self.meter.start()
        await self.places.start()
        if self.recorder and self.worker:
            self.recorder.start()
            self._task = asyncio.create_task(self.worker.handle(), name="worker")
            self.worker.hear({"type": "generations.wake"})

    async def drain(self, seconds: float) -> None:
        """Ends the work of this process in order, before `stop`: nothing new is claimed, what
        runs gets `seconds` to finish, the rest is handed over. A socket is closed as soon as
        nothing runs here that it reads; its browser goes elsewhere."""
        now = asyncio.get_running_loop().time
        until = now() + seconds
        self.hub.closing = True
        if self.worker:
            self.worker.draining = True
            while (busy := self.worker.conversations()) and now() < until:
                self.hub.close_sockets(RESTARTING, busy)
                await self.worker.some_ended(until - now())
                # The place that it leaves is for another process to fill.
                self.broadcast.workers({"type": "generations.wake"})
            await self.worker.hand_over()
            self.broadcast.workers({"type": "generations.wake"})
        self.hub.close_sockets(RESTARTING)

    async def stop(self) -> None:
        """Writes what is pending and closes every connection."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self.worker:
            await self.worker.hand_over()
        if self.recorder:
            await self.recorder.stop()
        if self.attempts:
            await self.attempts.stop()
        await self.places.stop()
        await self.meter.stop()
        await self.tail.stop()
        await self.broadcast.stop()
        await self.hub.stop()
        await self.upstream.close()
        await self.writer.close()
        await self.reader.close()


def build(sockets: bool, generations: bool) -> Runtime:
    """The parts of a process that serves sockets, or runs generations, or both."""
    layer = get_channel_layer()
    # The in-memory layer reaches nobody but this process, which the hub does better.
    others = Link(layer) if settings.REDIS_URL else None
    hub = Hub(others if sockets else None)
    broadcast = Broadcast(hub if sockets else None, others)
    writer, reader = DatabaseThread("writer"), DatabaseThread("reader")
    upstream = Upstream()
    catalog, tail = Catalog(upstream, reader), Tail(hub, reader)
    meter = Meter(hub, broadcast, writer, reader)
    places = Places(hub, broadcast, reader)
    runtime = Runtime(hub, broadcast, writer, reader, upstream, catalog, tail, meter, places)
    if generations:
        runtime.recorder = Recorder(writer, broadcast.frames, settings.STREAM_FLUSH_MS)
        runtime.attempts = attempts = Attempts(writer)
        runtime.worker = GenerationWorker(
            layer, writer, reader, runtime.recorder, upstream, attempts, meter
        )
        broadcast.worker = runtime.worker
    return runtime


_current: Runtime | None = None
_lock = asyncio.Lock()


async def current() -> Runtime:
    """The runtime of this process, started with the first call."""
    global _current
    async with _lock:
        if _current is None:
            await asyncio.to_thread(Upstream.warm)
            runtime = build(sockets=True, generations=settings.GENERATION_WORKERS == "inline")
            # Its tasks work for everybody: not in the context of the socket that came first.
            await asyncio.create_task(runtime.start(), context=Context())
            _current = runtime
    return _current


async def shutdown() -> None:
    """Ends the runtime, if there is one."""
    global _current
    async with _lock:
        if _current is not None:
            runtime, _current = _current, None
            await runtime.stop()
