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

import msgspec
from django.db import InterfaceError, OperationalError, connection, transaction

from conversations import metrics, protocol
from conversations.charges import settle
from conversations.database import DatabaseThread
from conversations.log import Ending, Frame, GenerationLog
from conversations.models import EventFrame, Generation, ModerationFlag, Status
from conversations.moderation.retraction import Retraction, without_text

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

    def open(
        self,
        state: dict[str, Any],
        conversation: uuid.UUID,
        epoch: int,
        upstream_seq: int | None = None,
    ) -> GenerationLog:
        """The log of a generation that this process has claimed under `epoch`.

        `state` is the generation as in a snapshot; its `cursor` is the last seq written.
        """
        return GenerationLog(state, conversation, epoch, self._note, upstream_seq)

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
        taken = [(log, frame) for log in logs if (frame := _taken(log))]
        if taken and not await self._write(taken):
            for pair in taken:  # one of them can't be written: the others shall not suffer
                await self._write([pair])

    async def _write(self, taken: list[tuple[GenerationLog, Frame]]) -> bool:
        """Commits and announces; False when each must be tried by itself."""
        frames = [frame for _, frame in taken]
        try:
            with metrics.FLUSH_SECONDS.time():
                # Meanwhile new deltas join: nothing is lost while the database is away.
                lost = await self._writer.patiently(PATIENCE_SECONDS, commit, frames)
        except Exception as error:
            if len(frames) > 1 and not isinstance(error, OperationalError | InterfaceError):
                return False
            logger.exception("could not write %d frames", len(frames))
            for log, _ in taken:
                log.failed(error)
            return True
        metrics.FLUSH_FRAMES.observe(len(frames))
        for log, frame in taken:
            metrics.FRAME_CHARACTERS.observe(len(frame.body))
            log.written(lost=log.generation in lost)
        self._announce([frame for frame in frames if frame.generation not in lost])
        return True


def _taken(log: GenerationLog) -> Frame | None:
    """Its frame; an event that can't be folded ends its own generation, not the recorder."""
    try:
        return log.take()
    except Exception as error:
        logger.exception("could not take a frame of generation %s", log.generation)
        log.failed(error)
        return None


def commit(frames: Sequence[Frame]) -> set[uuid.UUID]:
    """Writes frames and endings in one transaction.

    Returns the generations that somebody else has claimed meanwhile: nothing of theirs is
    written. The rows of all generations are locked, in the order of their ids, so that no
    claim can come between the look at the epoch and the commit.

    May be repeated: when the connection broke while it committed, nobody knows whether it did.
    """
    with transaction.atomic():
        ids = [frame.generation for frame in frames]
        locked = Generation.objects.select_for_update(no_key=True).filter(pk__in=ids)
        rows = locked.order_by("pk").values_list("pk", "epoch", "status", "cursor")
        found = {id: rest for id, *rest in rows}
        own = [frame for frame in frames if _is_ours(frame, *found.get(frame.generation, ()))]
        for frame in own:
            if frame.retraction:
                _retract(frame.generation, frame.retraction)
        _insert(own)
        for frame in own:
            if frame.ending:
                _end(frame.generation, frame.ending)
        for frame in frames:
            # What was spent on a generation that is deleted by now was spent as well.
            if frame.charge and (frame in own or frame.generation not in found):
                settle(frame.charge)
    return {frame.generation for frame in frames} - {frame.generation for frame in own}


def _is_ours(frame: Frame, epoch: int = 0, status: str = "", cursor: int = 0) -> bool:
    """Whether a frame may be written, or was by an attempt whose answer got lost."""
    ended_by_it = frame.ending is not None and cursor == frame.last_seq
    return epoch == frame.epoch and (status == Status.RUNNING or ended_by_it)


def _insert(frames: Sequence[Frame]) -> None:
    """One statement for all rows, past the ORM: a model object a row would double the cost."""
    prepare = Generation._meta.pk.get_db_prep_value
    rows = [
        (
            prepare(frame.generation, connection),
            frame.first_seq,
            frame.last_seq,
            frame.upstream_seq,
            frame.body,
        )
        for frame in frames
    ]
    table = connection.ops.quote_name(EventFrame._meta.db_table)
    # What is there already was written by an earlier attempt: nobody else may write it.
    statement = (
        f"INSERT INTO {table} (generation_id, first_seq, last_seq, upstream_seq, body)"  # noqa: S608
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _retract(id: uuid.UUID, retraction: Retraction) -> None:
    """Takes the text out of the stored frames, and keeps it for review alone.

    May be repeated: what holds no text any more is left as it is, and is not kept again.
    """
    generation = Generation.objects.get(pk=id)
    if not ModerationFlag.objects.filter(generation=generation, source=retraction.source).exists():
        ModerationFlag.objects.create(
            generation=generation,
            model=generation.model,
            **msgspec.structs.asdict(retraction),
        )
    if retraction.source != ModerationFlag.Source.ANSWER:
        return
    for frame in EventFrame.objects.filter(generation=generation):
        events = [without_text(event) for event in msgspec.json.decode(frame.body)["events"]]
        EventFrame.objects.filter(generation=generation, first_seq=frame.first_seq).update(
            body=protocol.encode_events(id, events)
        )


def _end(generation: uuid.UUID, ending: Ending) -> None:
    """The row's final state, in the transaction of its last event."""
    Generation.objects.filter(pk=generation).update(lease_until=None, **ending)


def forget(generation: uuid.UUID) -> None:
    """Deletes the log of an ended generation: the row alone tells of it from now on."""
    EventFrame.objects.filter(generation_id=generation).delete()


def forget_folded(before: datetime, most: int = 200) -> int:
    """Deletes the frames of generations that ended `before`; their rows hold all that is left.

    Returns how many frames went.
    """
    ended = Generation.objects.filter(ended__lt=before, frames__isnull=False)
    ids = list(ended.values_list("pk", flat=True).distinct()[:most])
    deleted, _ = EventFrame.objects.filter(generation_id__in=ids).delete()
    return deleted
