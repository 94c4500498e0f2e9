"""What one process holds: the parts along the path of text, wired together once per loop."""

import asyncio
import logging
from dataclasses import dataclass, field

from channels.layers import get_channel_layer
from django.conf import settings

from conversations.broadcast import Broadcast
from conversations.catalog import Catalog
from conversations.database import DatabaseThread
from conversations.hub import Hub
from conversations.recorder import Recorder
from conversations.upstream.client import Upstream
from conversations.worker import GenerationWorker

logger = logging.getLogger(__name__)


@dataclass
class Runtime:
    """The parts of a process. `worker` is None in a web process without inline generations."""

    hub: Hub
    broadcast: Broadcast
    writer: DatabaseThread
    reader: DatabaseThread
    upstream: Upstream
    catalog: Catalog
    recorder: Recorder | None = None
    worker: GenerationWorker | None = None
    _task: "asyncio.Task[None] | None" = field(default=None, repr=False)

    async def start(self) -> None:
        await self.hub.start()
        if self.recorder and self.worker:
            self.recorder.start()
            self._task = asyncio.create_task(self.worker.handle(), name="worker")
            self.worker.wake()

    async def stop(self) -> None:
        """Writes what is pending and closes every connection."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self.worker:
            await self.worker.stop()
        if self.recorder:
            await self.recorder.stop()
        await self.hub.stop()
        await self.upstream.close()
        await self.writer.close()
        await self.reader.close()


def build(sockets: bool, generations: bool) -> Runtime:
    """The parts of a process that serves sockets, or runs generations, or both."""
    layer = get_channel_layer()
    # The in-memory layer reaches nobody but this process, which the hub does better.
    others = layer if settings.REDIS_URL else None
    hub = Hub(others if sockets else None)
    broadcast = Broadcast(hub if sockets else None, others)
    writer, reader = DatabaseThread("writer"), DatabaseThread("reader")
    upstream = Upstream()
    runtime = Runtime(hub, broadcast, writer, reader, upstream, Catalog(upstream))
    if generations:
        runtime.recorder = Recorder(writer, broadcast.frames, settings.STREAM_FLUSH_MS)
        runtime.worker = GenerationWorker(
            layer, writer, reader, runtime.recorder, upstream, settings.UPSTREAM_MAX_STREAMS
        )
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
            await runtime.start()
            _current = runtime
    return _current


async def shutdown() -> None:
    """Ends the runtime, if there is one."""
    global _current
    async with _lock:
        if _current is not None:
            runtime, _current = _current, None
            await runtime.stop()
