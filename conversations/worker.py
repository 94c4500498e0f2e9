"""Runs generations: hundreds at once in one event loop.

Built on Channels' worker: hints come over the channel layer. A hint may be lost, so the
worker also looks by itself once a beat: for queued generations, for stop requests, for what
a dead worker left.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import timedelta
from typing import Any

from channels.layers import BaseChannelLayer
from channels.worker import Worker
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from redis.exceptions import RedisError

from chatsite import observe
from conversations import leases, metrics, signs
from conversations.broadcast import WORKERS_CHANNEL
from conversations.charges import forget_reservations
from conversations.database import DatabaseThread
from conversations.generation import GenerationRun
from conversations.log import LogLost
from conversations.meter import Meter
from conversations.models import Generation
from conversations.prepared import Preparer
from conversations.recorder import Recorder, forget_folded
from conversations.till import Till
from conversations.upstream.alarms import LOOK_SECONDS, Alarms
from conversations.upstream.attempts import Attempts
from conversations.upstream.client import Upstream

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
CLAIM_AGAIN_SECONDS = 0.03
"""After another process was in the way."""
STEADY_SECONDS = 3.0
"""How long a worker must have reached the database before it takes over from others: after
an outage they all come back within a beat or two, and prolong their leases themselves. Where
no layer reaches others, there are none."""
FRAMES_STAY = timedelta(minutes=10)
"""How long the log of an ended generation is kept for readers that replay."""
FORGET_SECONDS = 60.0
HELD_STAY = timedelta(minutes=1)
"""How old a reservation must be to be taken for one that nobody will settle."""


class GenerationWorker(Worker):  # type: ignore[misc]  # channels has no types
    """Claims, runs and recovers generations."""

    def __init__(
        self,
        layer: BaseChannelLayer,
        writer: DatabaseThread,
        reader: DatabaseThread,
        recorder: Recorder,
        upstream: Upstream,
        attempts: Attempts,
        meter: Meter,
    ) -> None:
        super().__init__(application=None, channels=[WORKERS_CHANNEL], channel_layer=layer)
        self.name = uuid.uuid4().hex
        self.draining = False
        """Nothing new is claimed."""
        self.beaten_at = 0.0
        """Loop time of the last beat that reached the database."""
        self._steady_since = 0.0
        self._steady_seconds = STEADY_SECONDS if settings.REDIS_URL else 0.0
        self._writer = writer
        self._upstream = upstream
        self._attempts = attempts
        self._till = Till(writer, reader, upstream)
        self._meter = meter
        self._alarms = Alarms(writer, reader)
        self._prepare = Preparer(reader, recorder, upstream, attempts).prepare
        self._runs: dict[asyncio.Task[None], GenerationRun] = {}
        self._wake = asyncio.Event()
        self._failing: set[str] = set()

    @property
    def running(self) -> int:
        """How many generations run here."""
        return len(self._runs)

    def conversations(self) -> set[uuid.UUID]:
        """Those whose generations run here."""
        return {run.generation.turn.conversation_id for run in self._runs.values()}

    async def handle(self) -> None:
        """Works until it is cancelled."""
        loops = [
            self._forever(0, self._claim),
            self._forever(BEAT_SECONDS, self._beat),
            self._forever(FORGET_SECONDS, self._forget),
            self._forever(LOOK_SECONDS, self._alarms.look_for_alarms),
            self._forever(0, self._alarms.write_alarms),
        ]
        if settings.REDIS_URL:  # else hints come from this very process, through `hear`
            loops.append(self._forever(0, self._listen))
        await asyncio.gather(*loops)

    def hear(self, message: dict[str, Any]) -> None:
        """Takes a hint: `generations.wake`, or `generation.stop` with its `generation`."""
        match message:
            case {"type": "generations.wake"}:
                self._wake.set()
            case {"type": "generation.stop", "generation": generation_id}:
                self._stop({uuid.UUID(generation_id)})
                self._wake.set()  # if it is still queued, it ends without waiting for a place

    async def some_ended(self, seconds: float) -> None:
        """Waits until one of the generations that run here has ended, or `seconds` are over."""
        if self._runs:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait(self._runs, timeout=max(seconds, 0), return_when=first)

    async def hand_over(self) -> None:
        """Ends here what still runs; its log is whole and its lease free for another worker."""
        self.draining = True
        tasks, runs = list(self._runs), list(self._runs.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
            logger.info("handed over %d generations", len(tasks))
        # What can't be written is nobody's any more, or nobody can have it: all the same here.
        await asyncio.gather(*(run.written() for run in runs), return_exceptions=True)
        await self._writer.run(leases.release, self.name)

    async def _forever(self, every: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
                if step.__name__ in self._failing:
                    self._failing.discard(step.__name__)
                    logger.warning("%s works again", step.__name__)
            except (OperationalError, InterfaceError, RedisError, OSError) as error:
                # The database or Redis is away: the next beat tries again.
                if step.__name__ not in self._failing:
                    self._failing.add(step.__name__)
                    logger.warning("%s fails: %s", step.__name__, error)
                await asyncio.sleep(BEAT_SECONDS)
            except Exception:
                logger.exception("%s failed", step.__name__)
                await asyncio.sleep(BEAT_SECONDS)
            await asyncio.sleep(every)

    async def _listen(self) -> None:
        self.hear(await self.channel_layer.receive(WORKERS_CHANNEL))

    async def _claim(self) -> None:
        await self._wake.wait()
        self._wake.clear()
        if self.draining:
            return
        try:
            for generation in await self._writer.once(leases.claim, self.name):
                self._start(generation)
        except leases.Contended:
            await asyncio.sleep(CLAIM_AGAIN_SECONDS)
            self._wake.set()

    async def _beat(self) -> None:
        now = asyncio.get_running_loop().time
        began = now()
        running = {run.generation.pk for run in self._runs.values()}
        renewal = await self._writer.once(leases.renew, self.name, running)
        self._stop(renewal.stop)
        self._abandon(renewal.lost)
        if began - self.beaten_at > BEAT_SECONDS * 2:
            self._steady_since = now()  # the database was away, or this process stood still
        self.beaten_at = now()
        await self._writer.once(signs.give, self.name, self.draining)
        await self._attempts.flush()
        if not self.draining and now() - self._steady_since >= self._steady_seconds:
            running = {run.generation.pk for run in self._runs.values()}
            for generation in await self._writer.once(leases.take_over, self.name, running):
                logger.warning("generation %s was left by a dead worker", generation.pk)
                self._start(generation)
        self._wake.set()

    async def _forget(self) -> None:
        await self._writer.once(signs.forget)
        await self._writer.once(forget_reservations, timezone.now() - HELD_STAY)
        before = timezone.now() - FRAMES_STAY
        while await self._writer.once(forget_folded, before):
            pass

    def _stop(self, generations: set[uuid.UUID]) -> None:
        for run in self._runs.values():
            if run.generation.pk in generations:
                run.stop()

    def _abandon(self, generations: set[uuid.UUID]) -> None:
        for task, run in self._runs.items():
            if run.generation.pk in generations:
                task.cancel()

    def _start(self, generation: Generation) -> None:
        run = GenerationRun(generation, self._upstream, self._attempts, self._till, self._prepare)
        observed = observe.generation(generation, run.run)
        name = f"generation {generation.pk}"
        task = asyncio.create_task(observed, name=name, context=Context())
        self._runs[task] = run
        metrics.GENERATIONS_HERE.inc()
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        run = self._runs.pop(task)
        metrics.GENERATIONS_HERE.dec()
        if not task.cancelled() and (error := task.exception()):
            if isinstance(error, LogLost):
                logger.warning("generation %s is no longer ours", run.generation.pk)
            else:
                logger.error("generation %s can't be ended", run.generation.pk, exc_info=error)
        self._meter.moved(run.generation.turn.conversation.owner_id)
        self._wake.set()  # there is room again
