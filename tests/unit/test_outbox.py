"""One socket's way out: nothing before its turn.created, nothing twice, nothing missing."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async

from conversations.created import turn_created_late
from conversations.database import DatabaseThread
from conversations.log import Frame
from conversations.models import EventFrame, Generation
from conversations.outbox import Outbox
from conversations.protocol import encode_events
from tests.unit.generations import queued

pytestmark = pytest.mark.django_db(transaction=True)


class Socket:
    """An outbox with what it sent: `created`, or the seqs of events."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation.pk
        self.conversation = generation.turn.conversation_id
        self.sent: list[object] = []
        self._news = asyncio.Condition()
        self.reader = DatabaseThread("reader")
        self.outbox = Outbox(self.send, self.reader, self.refresh)
        self.outbox.conversations.add(self.conversation)
        self.task = asyncio.create_task(self.outbox.run())

    async def send(self, text: str) -> None:
        message = json.loads(text)
        async with self._news:
            if message["type"] == "events":
                self.sent += [event["seq"] for event in message["events"]]
            else:
                self.sent.append(message["type"])
            self._news.notify_all()

    async def refresh(self, conversation: uuid.UUID) -> None:
        raise AssertionError("nothing was folded")

    async def expect(self, *sent: object) -> None:
        """All that was sent so far, and after a further look at everything still."""
        self.outbox.queue.put('{"type":"marker"}')
        wanted = [*sent, "marker"]
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(lambda: len(self.sent) >= len(wanted))
        assert sorted(map(str, self.sent)) == sorted(map(str, wanted))
        self.sent.remove("marker")
        assert self.sent == list(sent)

    async def created(self) -> None:
        text = await self.reader.run(turn_created_late, self.generation)
        assert text
        self.outbox.message(text)

    def frame(self, first: int, last: int) -> Frame:
        events = [{"type": "x", "seq": seq} for seq in range(first, last + 1)]
        body = encode_events(self.generation, events)
        return Frame(self.conversation, self.generation, 1, first, last, body)

    async def store(self, first: int, last: int) -> Frame:
        frame = self.frame(first, last)
        fields = {"first_seq": first, "last_seq": last, "body": frame.body}
        await EventFrame.objects.acreate(generation_id=self.generation, **fields)
        return frame


@pytest.fixture
async def socket() -> AsyncIterator[Socket]:
    socket = Socket(await sync_to_async(queued)())
    yield socket
    socket.task.cancel()
    await asyncio.wait([socket.task])
    await socket.reader.close()


async def test_events_wait_until_the_browser_was_told_of_their_generation(socket: Socket) -> None:
    socket.outbox.frame(await socket.store(1, 3))
    await socket.expect()
    assert not socket.outbox.known(socket.conversation, socket.generation, 3)
    await socket.expect()
    await socket.created()
    await socket.expect("turn.created", 1, 2, 3)
    await socket.created()
    socket.outbox.frame(await socket.store(4, 4))
    await socket.expect("turn.created", 1, 2, 3, "turn.created", 4)


async def test_what_the_log_is_known_to_hold_is_filled_in_and_comes_once(socket: Socket) -> None:
    await socket.created()
    late = await socket.store(1, 2)
    assert socket.outbox.known(socket.conversation, socket.generation, 2)
    socket.outbox.frame(late)
    await socket.expect("turn.created", 1, 2)
    socket.outbox.frame(late)
    assert socket.outbox.known(socket.conversation, socket.generation, 2)
    socket.outbox.frame(await socket.store(3, 3))
    await socket.expect("turn.created", 1, 2, 3)


async def test_what_comes_while_a_snapshot_is_read_comes_after_it_and_once(socket: Socket) -> None:
    await socket.created()
    socket.outbox.frame(await socket.store(1, 2))
    socket.outbox.begin_opening(socket.conversation)
    socket.outbox.frame(await socket.store(3, 4))
    assert socket.outbox.known(socket.conversation, socket.generation, 4)
    await socket.created()
    await socket.expect("turn.created", 1, 2)
    socket.outbox.finish_opening(socket.conversation, [(socket.generation, 4, 3)])
    await socket.expect("turn.created", 1, 2, "turn.created", 4)


async def test_an_opening_that_fails_leaves_all_as_it_was(socket: Socket) -> None:
    await socket.created()
    socket.outbox.frame(await socket.store(1, 2))
    socket.outbox.begin_opening(socket.conversation)
    socket.outbox.frame(await socket.store(3, 4))
    socket.outbox.finish_opening(socket.conversation, [])
    await socket.expect("turn.created", 1, 2, 3, 4)
