"""Group commit, and fencing: who lost a generation writes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError
from django.utils import timezone

from conversations import leases
from conversations.log import LogLost
from conversations.models import EventFrame, Generation, Status
from conversations.recorder import commit, forget_folded
from conversations.snapshots import folded
from tests.unit.generations import Recording, claimed, end

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_an_event_that_breaks_the_fold_stops_no_other_generation(
    recording: Recording,
) -> None:
    broken, sound = [await recording.log(await sync_to_async(claimed)()) for _ in range(2)]
    broken.push_own("generation.retrying")  # nothing of what it must say
    sound.push_own("one")
    with pytest.raises(KeyError):
        await broken.flushed()
    await sound.flushed()
    sound.push_own("two")
    await asyncio.wait_for(sound.flushed(), 10)
    assert {frame.generation for frame in recording.frames} == {sound.generation}


async def test_a_writer_of_an_older_epoch_writes_nothing(recording: Recording) -> None:
    generation = await sync_to_async(claimed)()
    log = await recording.log(generation)
    log.push_own("mine")
    await log.flushed()
    expire = Generation.objects.filter(pk=generation.pk).update
    await sync_to_async(expire)(lease_until=timezone.now() - timedelta(seconds=1))
    [theirs] = await sync_to_async(leases.take_over)("two")
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


async def test_a_commit_repeated_because_its_answer_was_lost_changes_nothing(
    recording: Recording,
) -> None:
    log = await recording.log(await sync_to_async(claimed)())
    log.push_own("first")
    await end(log)
    frames = recording.frames
    assert frames[-1].ending is not None
    assert await recording.writer.once(commit, frames) == set()
    bodies = await sync_to_async(lambda: list(EventFrame.objects.values_list("body", flat=True)))()
    assert sorted(bodies) == sorted(frame.body for frame in frames)


async def test_a_frame_that_cannot_be_written_spoils_no_other(recording: Recording) -> None:
    good = await recording.log(await sync_to_async(claimed)())
    bad = await recording.log(await sync_to_async(claimed)())
    bad.state["cursor"] = -5  # the database refuses negative seqs
    good.push_own("good")
    bad.push_own("bad")
    await good.flushed()
    with pytest.raises(IntegrityError):
        await bad.flushed()
    assert [frame.generation for frame in recording.frames] == [good.generation]


async def test_who_ends_a_lost_generation_is_told_and_does_not_wait(recording: Recording) -> None:
    generation = await sync_to_async(claimed)()
    log = await recording.log(generation)
    await sync_to_async(Generation.objects.filter(pk=generation.pk).delete)()
    log.push_own("lost")
    with pytest.raises(LogLost):
        await log.flushed()
    async with asyncio.timeout(5):
        with pytest.raises(LogLost):
            await end(log)


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
