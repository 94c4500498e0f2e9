"""The only writer of EventFrame: group commit of all generations in the process.

Each tick takes what all generations have pending, writes it in one transaction and then
hands the frames on to be announced: durable before visible. An idle recorder writes at once,
a busy one every `STREAM_FLUSH_MS`; when the database is slow, ticks stretch and neighbouring
deltas join. Nothing is dropped.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction

from conversations.database import DatabaseThread
from conversations.log import Ending, Frame, GenerationLog
from conversations.models import EventFrame, Generation, Status

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 60
"""How long running generations wait for a database that is away."""

Announce = Callable[[list[Frame]], None]


class Recorder:
    """Collects, commits, announces. Belongs to one event loop."""

    def __init__(self, writer: DatabaseThread, announce: Announce, flush_ms: int) -> None:
        self._writer = writer
        self._announce = announce
        self._interval = flush_ms / 1000
        self._dirty: dict[uuid.UUID, GenerationLog] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def stop(self) -> None:
        """Writes what is pending, then ends."""
        self._stopping = True
        self._wake.set()
        if self._task:
            await self._task

    def open(self, state: dict[str, Any], conversation: uuid.UUID, epoch: int) -> GenerationLog:
        """The log of a generation that this process has claimed under `epoch`.

        `state` is the generation as in a snapshot; its `cursor` is the last seq written.
        """
        return GenerationLog(state, conversation, epoch, self._note)

    def _note(self, log: GenerationLog) -> None:
        self._dirty[log.generation] = log
        self._wake.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        last = 0.0
        while not (self._stopping and not self._dirty):
            await self._wake.wait()
            # Idle for longer than the interval: no wait. Else the rest of the interval.
            await asyncio.sleep(max(0.0, last + self._interval - loop.time()))
            last = loop.time()
            await self._tick()

    async def _tick(self) -> None:
        self._wake.clear()
        logs = list(self._dirty.values())
        self._dirty.clear()
        frames = [frame for log in logs if (frame := log.take())]
        if not frames:
            return
        try:
            lost = await self._commit(frames)
        except Exception as error:
            # Nothing was written: every generation concerned must know, and hand over.
            logger.exception("could not write %d frames", len(frames))
            for log in logs:
                log.failed(error)
            return
        for log in logs:
            log.written(lost=log.generation in lost)
        self._announce([frame for frame in frames if frame.generation not in lost])

    async def _commit(self, frames: list[Frame]) -> set[uuid.UUID]:
        """Commits, and again while the database is away; meanwhile new deltas join."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + PATIENCE_SECONDS
        delay = 0.05
        while True:
            try:
                return await self._writer.run(commit, frames)
            except (OperationalError, InterfaceError):
                if loop.time() + delay > give_up:
                    raise
                logger.warning("the database is away; trying again in %.2f s", delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 2.0)


def commit(frames: Sequence[Frame]) -> set[uuid.UUID]:
    """Writes frames and endings in one transaction.

    Returns the generations that somebody else has claimed meanwhile: nothing of theirs is
    written. The rows of all generations are locked, in the order of their ids, so that no
    claim can come between the look at the epoch and the commit.
    """
    with transaction.atomic():
        ids = [frame.generation for frame in frames]
        rows = Generation.objects.select_for_update(no_key=True).filter(
            pk__in=ids, status=Status.RUNNING
        )
        epochs = dict(rows.order_by("pk").values_list("pk", "epoch"))
        own = [frame for frame in frames if epochs.get(frame.generation) == frame.epoch]
        _insert(own)
        for frame in own:
            if frame.ending:
                _end(frame.generation, frame.ending)
    return {frame.generation for frame in frames} - {frame.generation for frame in own}


def _insert(frames: Sequence[Frame]) -> None:
    """One statement for all rows, past the ORM: a model object a row would double the cost."""
    prepare = Generation._meta.pk.get_db_prep_value
    rows = [
        (prepare(frame.generation, connection), frame.first_seq, frame.last_seq, frame.body)
        for frame in frames
    ]
    table = connection.ops.quote_name(EventFrame._meta.db_table)
    columns = "generation_id, first_seq, last_seq, body"
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES (%s, %s, %s, %s)", rows)  # noqa: S608


def _end(generation: uuid.UUID, ending: Ending) -> None:
    """The row's final state, in the transaction of its last event."""
    Generation.objects.filter(pk=generation).update(lease_until=None, **ending)


def forget_folded(before: datetime, most: int = 200) -> int:
    """Deletes the frames of generations that ended `before`; their rows hold all that is left.

    Returns how many frames went.
    """
    ended = Generation.objects.filter(ended__lt=before, frames__isnull=False)
    ids = list(ended.values_list("pk", flat=True).distinct()[:most])
    deleted, _ = EventFrame.objects.filter(generation_id__in=ids).delete()
    return deleted
