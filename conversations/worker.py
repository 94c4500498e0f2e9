"""Runs generations: hundreds at once in one event loop.

Built on Channels' worker: hints come over the channel layer. A hint may be lost, so the
worker also looks by itself once a beat: for queued generations, for stop requests, for what
a dead worker left.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from channels.layers import BaseChannelLayer
from channels.worker import Worker
from django.utils import timezone

from conversations import leases
from conversations.broadcast import WORKERS_CHANNEL
from conversations.context import build_request
from conversations.database import DatabaseThread
from conversations.generation import GenerationRun, finish_lost
from conversations.log import GenerationLog, LogLost
from conversations.models import Generation
from conversations.recorder import Recorder, forget_folded
from conversations.snapshots import folded
from conversations.upstream.client import Upstream

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
FRAMES_STAY = timedelta(minutes=10)
"""How long the log of an ended generation is kept for readers that replay."""
FORGET_SECONDS = 60.0


class GenerationWorker(Worker):  # type: ignore[misc]  # channels has no types
    """Claims, runs and recovers generations; at most `most` at once."""

    def __init__(
        self,
        layer: BaseChannelLayer,
        writer: DatabaseThread,
        reader: DatabaseThread,
        recorder: Recorder,
        upstream: Upstream,
        most: int,
    ) -> None:
        super().__init__(application=None, channels=[WORKERS_CHANNEL], channel_layer=layer)
        self.name = uuid.uuid4().hex
        self._writer = writer
        self._reader = reader
        self._recorder = recorder
        self._upstream = upstream
        self._most = most
        self._runs: dict[uuid.UUID, GenerationRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def handle(self) -> None:
        """Works until it is cancelled."""
        loops = (
            self._forever(0, self._listen),
            self._forever(0, self._claim),
            self._forever(BEAT_SECONDS, self._beat),
            self._forever(FORGET_SECONDS, self._forget),
        )
        await asyncio.gather(*loops)

    async def stop(self) -> None:
        """Ends all generations that run here as they stand; their leases run out."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def wake(self) -> None:
        """There may be something to claim."""
        self._wake.set()

    async def _forever(self, every: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Exception:
                # The database or the layer is away: the next beat tries again.
                logger.exception("%s failed", step.__name__)
                await asyncio.sleep(BEAT_SECONDS)
            await asyncio.sleep(every)

    async def _listen(self) -> None:
        message: dict[str, Any] = await self.channel_layer.receive(WORKERS_CHANNEL)
        match message:
            case {"type": "generations.wake"}:
                self.wake()
            case {"type": "generation.stop", "generation": generation_id}:
                self._stop(uuid.UUID(generation_id))

    async def _claim(self) -> None:
        await self._wake.wait()
        self._wake.clear()
        while free := self._most - len(self._tasks):
            claimed = await self._writer.run(leases.claim, self.name, free)
            for generation in claimed:
                self._start(self._run(generation))
            if len(claimed) < free:
                return

    async def _beat(self) -> None:
        if self._runs:
            running = set(self._runs)
            for generation_id in running - await self._writer.run(leases.renew, self.name):
                self._stop(generation_id)
        for generation in await self._writer.run(leases.take_over, self.name, self._most):
            logger.warning("generation %s was left by a dead worker", generation.pk)
            self._start(self._recover(generation))
        self.wake()

    async def _forget(self) -> None:
        before = timezone.now() - FRAMES_STAY
        while await self._writer.run(forget_folded, before):
            pass

    def _stop(self, generation_id: uuid.UUID) -> None:
        if run := self._runs.get(generation_id):
            run.stop()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            if isinstance(error, LogLost):
                logger.warning("generation %s is no longer ours: taken over or deleted", error)
            else:
                logger.error("a generation could not be ended", exc_info=error)
        self.wake()  # there is room again

    async def _run(self, generation: Generation) -> None:
        request = await self._reader.run(build_request, generation)
        run = GenerationRun(generation, request, await self._log(generation), self._upstream)
        self._runs[generation.pk] = run
        try:
            await run.run()
        finally:
            del self._runs[generation.pk]

    async def _recover(self, generation: Generation) -> None:
        request = await self._reader.run(build_request, generation)
        await finish_lost(await self._log(generation), generation, request)

    async def _log(self, generation: Generation) -> GenerationLog:
        state = await self._reader.run(folded, generation)
        conversation = generation.turn.conversation_id
        return self._recorder.open(state, conversation, generation.epoch)
