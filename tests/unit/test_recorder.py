"""Group commit, fencing, and who may write what."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from conversations import leases
from conversations.database import DatabaseThread
from conversations.log import Frame, GenerationLog, LogLost
from conversations.models import Conversation, EventFrame, Generation, Status, Turn
from conversations.recorder import Recorder, forget_folded
from conversations.snapshots import folded
from tests.site import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


def queued() -> Generation:
    user = get_user_model()._default_manager.create(username=uuid.uuid4().hex)
    now = timezone.now()
    conversation = Conversation.objects.create(owner=user, model="m", updated=now)
    turn = Turn.objects.create(id=uuid.uuid4(), conversation=conversation, text="Hi")
    return Generation.objects.create(turn=turn, model="m")


def claimed(worker: str = "one") -> Generation:
    generation = queued()
    [mine] = leases.claim(worker, 1)
    assert mine.pk == generation.pk
    return mine


class Recording:
    """A recorder with what it announced, and what the database held at that moment."""

    def __init__(self, flush_ms: int = 5) -> None:
        self.frames: list[Frame] = []
        self.writer = DatabaseThread("writer")
        self.recorder = Recorder(self.writer, self.frames.extend, flush_ms)

    async def log(self, generation: Generation) -> GenerationLog:
        state = await sync_to_async(folded)(generation)
        return self.recorder.open(state, generation.turn.conversation_id, generation.epoch)


@pytest.fixture
async def recording() -> AsyncIterator[Recording]:
    recording = Recording()
    recording.recorder.start()
    yield recording
    await recording.recorder.stop()
    await recording.writer.close()


async def test_many_generations_are_written_in_one_transaction(recording: Recording) -> None:
    logs = [await recording.log(await sync_to_async(claimed)()) for _ in range(5)]
    for log in logs:
        log.push_own("one", x=1)
        log.push_own("two")
    await asyncio.gather(*(log.flushed() for log in logs))
    stored = await sync_to_async(lambda: list(EventFrame.objects.values_list("body", flat=True)))()
    assert sorted(stored) == sorted(frame.body for frame in recording.frames)
    assert len(recording.frames) == 5
    assert [event["seq"] for event in json.loads(stored[0])["events"]] == [1, 2]


async def test_a_writer_of_an_older_epoch_writes_nothing(recording: Recording) -> None:
    generation = await sync_to_async(claimed)()
    log = await recording.log(generation)
    log.push_own("mine")
    await log.flushed()
    expire = Generation.objects.filter(pk=generation.pk).update
    await sync_to_async(expire)(lease_until=timezone.now() - timedelta(seconds=1))
    [theirs] = await sync_to_async(leases.take_over)("two", 1)
    log.push_own("too late")
    with pytest.raises(LogLost):
        await log.flushed()
    other = await recording.log(theirs)
    other.push_own("theirs")
    await other.flushed()
    types = [
        event["type"] for frame in recording.frames for event in json.loads(frame.body)["events"]
    ]
    assert types == ["mine", "theirs"]
    assert await sync_to_async(EventFrame.objects.count)() == 2


async def test_nothing_is_written_after_the_end(recording: Recording) -> None:
    generation = await sync_to_async(claimed)()
    log = await recording.log(generation)
    await end(log)
    again = await recording.log(generation)
    again.push_own("after the end")
    with pytest.raises(LogLost):
        await again.flushed()
    row = await Generation.objects.aget(pk=generation.pk)
    assert (row.status, row.cursor, row.lease_until) == (Status.STOPPED, 1, None)


async def end(log: GenerationLog) -> None:
    shown: dict[str, Any] = {"status": "stopped", "usage": None, "estimated": False, "error": None}
    log.finish({**shown, "cost": 0, "ended": timezone.now()}, **shown, cost="0")
    await log.flushed()


async def test_a_busy_recorder_joins_what_comes_within_the_interval() -> None:
    recording = Recording(flush_ms=200)
    recording.recorder.start()
    log = await recording.log(await sync_to_async(claimed)())
    log.push_own("first")
    await log.flushed()  # idle: written at once
    for _ in range(10):
        log.push_own("more")
        await asyncio.sleep(0)
    await log.flushed()
    assert [(frame.first_seq, frame.last_seq) for frame in recording.frames] == [(1, 1), (2, 11)]
    await recording.recorder.stop()
    await recording.writer.close()


async def test_stopping_writes_what_is_pending() -> None:
    recording = Recording(flush_ms=1000)
    recording.recorder.start()
    log = await recording.log(await sync_to_async(claimed)())
    log.push_own("first")
    await log.flushed()
    log.push_own("pending")
    await recording.recorder.stop()
    await recording.writer.close()
    assert recording.frames[-1].last_seq == 2


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.RUNNING, "worker": "other"},
        {"status": Status.STOPPED, "ended": timezone.now()},
    ],
)
def test_a_claim_that_comes_too_late_claims_nothing(change: dict[str, Any]) -> None:
    generation = queued()
    gap = Generation.objects.filter(status=Status.QUEUED)
    Generation.objects.filter(pk=generation.pk).update(**change)  # between the look and the update
    assert leases._take([(generation.pk, gap)], "late") == []
    generation.refresh_from_db()
    assert generation.worker != "late"


def test_a_takeover_whose_lease_was_renewed_in_the_gap_takes_nothing() -> None:
    generation = claimed("one")
    past = timezone.now() - timedelta(seconds=1)
    Generation.objects.filter(pk=generation.pk).update(lease_until=past)
    expired = Generation.objects.filter(status=Status.RUNNING, lease_until__lt=timezone.now())
    leases.renew("one")
    assert leases._take([(generation.pk, expired.filter(epoch=1))], "two") == []
    assert leases.take_over("two", 10) == []


def test_each_generation_is_claimed_once_and_its_epoch_grows() -> None:
    generation = queued()
    first, second = leases.claim("one", 10), leases.claim("two", 10)
    assert [row.pk for row in first] == [generation.pk]
    assert second == []
    assert first[0].epoch == 1


async def test_frames_go_minutes_after_the_end_and_the_row_holds_all(recording: Recording) -> None:
    generation = await sync_to_async(claimed)()
    log = await recording.log(generation)
    log.push_own("response.output_text.delta", item_id="m", content_index=0, delta="Kept.")
    await end(log)
    before = await sync_to_async(folded)(await Generation.objects.aget(pk=generation.pk))
    early = timezone.now() - timedelta(minutes=5)
    assert await sync_to_async(forget_folded)(early) == 0
    assert await sync_to_async(forget_folded)(timezone.now()) == 1
    after = await sync_to_async(folded)(await Generation.objects.aget(pk=generation.pk))
    assert before == after
    assert after["text"] == "Kept."


def test_the_database_refuses_what_makes_no_sense() -> None:
    generation = claimed()
    EventFrame.objects.create(generation=generation, first_seq=1, last_seq=2, body="{}")
    bad_rows: list[dict[str, Any]] = [
        {"first_seq": 1, "last_seq": 1},
        {"first_seq": 0, "last_seq": 0},
        {"first_seq": 5, "last_seq": 4},
    ]
    for seqs in bad_rows:
        with pytest.raises(IntegrityError), transaction.atomic():
            EventFrame.objects.create(generation=generation, body="{}", **seqs)
    bad_states: list[dict[str, Any]] = [
        {"status": "no such"},
        {"status": Status.COMPLETED},
        {"ended": timezone.now()},
        {"cost": -1},
    ]
    for change in bad_states:
        with pytest.raises(IntegrityError), transaction.atomic():
            Generation.objects.filter(pk=generation.pk).update(**change)


def test_only_the_recorder_writes_frames_and_only_broadcast_announces() -> None:
    """House rule: one writer per fact."""
    writes = re.compile(r"EventFrame\b.*(create|save|update|delete)\(|EventFrame\($")
    announces = re.compile(r"group_send\(|\.deliver\(|\.notify\(")
    for path in (ROOT / "conversations").rglob("*.py"):
        text = path.read_text()
        if path.name not in ("recorder.py", "models.py") and "migrations" not in path.parts:
            assert not writes.search(text), path
        if path.name not in ("broadcast.py", "hub.py"):
            assert not announces.search(text), path


def test_sqlite_writes_ahead_and_takes_the_lock_first() -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.transaction_mode == "IMMEDIATE"  # type: ignore[attr-defined]
