"""The browser's socket: commands in, messages and event frames out. Nothing here asks upstream."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from conversations import broadcast, protocol, runtime, snapshots, turns
from conversations.outbox import Outbox, Position
from conversations.protocol import Refused, Unparsable

logger = logging.getLogger(__name__)

MAX_OPEN = 20
"""Conversations that a socket may have open at once."""
MAX_UNPARSABLE = 20
"""Frames in a row that are no JSON objects, after which the socket is closed."""
LOGIN_NEEDED, TOO_MANY_UNPARSABLE, TOO_BIG, BROKEN = 4401, 1008, 1009, 1011


class ChatConsumer(AsyncConsumer):  # type: ignore[misc]  # channels has no types
    """One browser tab."""

    channel_layer_alias = "none"  # the hub speaks to sockets directly; no layer per socket

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        self.user = self.scope["user"]
        self.open: set[uuid.UUID] = set()
        self.unparsable = 0
        self.sending: asyncio.Task[None] | None = None
        await self.send({"type": "websocket.accept"})
        if not self.user.is_authenticated:
            await self.send({"type": "websocket.close", "code": LOGIN_NEEDED})
            return
        self.runtime = await runtime.current()
        self.outbox = Outbox(self.send_text, self.runtime.reader)
        self.sending = asyncio.create_task(self.send_all(), name="outbox")
        await self.runtime.hub.attach(self.user.pk, self.outbox)
        self.outbox.message(await self.hello())

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self.sending is None:
            return  # no login: closing
        frame = message.get("text") or message.get("bytes") or b""
        if len(frame) > protocol.MAX_FRAME:  # servers count bytes, and stop it before
            await self.send({"type": "websocket.close", "code": TOO_BIG})
            return
        fields = None
        try:
            fields = protocol.parse_frame(frame)
            self.unparsable = 0
            await self.obey(protocol.parse_command(fields))
        except Refused as refused:
            self.outbox.message(protocol.encode_error(fields, refused))
            if isinstance(refused, Unparsable):
                await self.count_unparsable()

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        if self.sending:
            self.sending.cancel()
            await self.runtime.hub.detach(self.user.pk, self.outbox)
            for conversation in self.open:
                await self.runtime.hub.unwatch(conversation, self.outbox)
        raise StopConsumer

    async def send_all(self) -> None:
        """Sends until the socket goes. What can't be sent closes it: the browser comes back."""
        try:
            await self.outbox.run()
        except Exception:
            logger.exception("a socket could not be served")
            await self.send({"type": "websocket.close", "code": BROKEN})

    async def send_text(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})

    async def count_unparsable(self) -> None:
        self.unparsable += 1
        if self.unparsable >= MAX_UNPARSABLE:
            await self.send({"type": "websocket.close", "code": TOO_MANY_UNPARSABLE})

    async def hello(self) -> str:
        catalog = self.runtime.catalog
        return protocol.encode(
            "hello",
            user={"id": str(self.user.pk), "email": self.user.email},
            models=await catalog.wire(),
            default_model=await catalog.default(),
            budgets=[],
        )

    async def obey(self, command: protocol.AnyCommand) -> None:
        match command:
            case protocol.OpenConversation():
                await self.open_conversation(command)
            case protocol.CloseConversation():
                await self.close_conversation(command.conversation)
            case protocol.CreateTurn():
                self.check_room(command.conversation)
                await self.start(turns.start_turn, command)
            case protocol.CreateGeneration():
                turn = await self.runtime.reader.run(turns.own_turn, self.user, command.turn)
                self.check_room(turn.conversation_id)
                await self.start(turns.start_generation, command)
            case protocol.StopGeneration():
                await self.runtime.writer.run(turns.request_stop, self.user, command.generation)
                generation = str(command.generation)
                await broadcast.hint({"type": "generation.stop", "generation": generation})
            case protocol.Ack():
                self.outbox.ack(command.generation, command.seq)
            case protocol.Ping():
                self.outbox.message(protocol.encode("pong", id=command.id))

    async def start(self, write: Callable[..., turns.Started], command: Any) -> None:
        """Writes a turn or another answer, tells every tab of the owner, follows it here."""
        model = await self.runtime.catalog.chosen(command.model)
        started = await self.runtime.writer.run(write, self.user, command, model)
        turn = await self.runtime.reader.run(snapshots.turn_snapshot, started.turn)
        conversation = started.conversation
        text = protocol.encode(
            "turn.created",
            ref=str(command.id),
            conversation=snapshots.conversation_wire(conversation),
            turn=turn,
            generation=str(started.generation.pk),
        )
        if started.fresh:
            self.runtime.broadcast.user(self.user.pk, text)
        else:
            self.outbox.message(text)  # the others know it
        await self.watch(conversation.pk)
        generation = started.generation.pk
        if not self.outbox.follows(generation):
            # From the first event on, whatever the snapshot above holds of it: who sends a
            # command again may have seen nothing, and drops what it has seen.
            known = next(g for g in turn["generations"] if g["id"] == str(generation))["cursor"]
            self.outbox.start_at(conversation.pk, generation, 1, known)
        await broadcast.hint({"type": "generations.wake"})

    async def open_conversation(self, command: protocol.OpenConversation) -> None:
        """Snapshot, then what came after it, then live, without a gap between them."""
        self.check_room(command.conversation)
        read = self.runtime.reader.run
        conversation = await read(turns.own_conversation, self.user, command.conversation)
        # Watched before the snapshot is read: what is committed in between is noted.
        self.outbox.begin_opening(conversation.pk)
        positions: list[Position] = []
        try:
            await self.watch(conversation.pk)
            snapshot = await read(snapshots.conversation_snapshot, conversation)
            self.outbox.message(protocol.encode("conversation.snapshot", **snapshot))
            positions = list(_positions(snapshot, command.cursors))
        finally:
            self.outbox.finish_opening(conversation.pk, positions)

    async def close_conversation(self, conversation: uuid.UUID) -> None:
        if conversation in self.open:
            self.open.discard(conversation)
            await self.runtime.hub.unwatch(conversation, self.outbox)
            self.outbox.forget(conversation)

    async def watch(self, conversation: uuid.UUID) -> None:
        if conversation not in self.open:
            self.open.add(conversation)
            await self.runtime.hub.watch(conversation, self.outbox)

    def check_room(self, conversation: uuid.UUID | None) -> None:
        """Refuses one conversation more than a socket may have open."""
        if conversation not in self.open and len(self.open) >= MAX_OPEN:
            raise Refused(
                "bad_request", f"{MAX_OPEN} conversations are open on this socket; close one first."
            )


def _positions(snapshot: dict[str, Any], cursors: dict[uuid.UUID, int]) -> Iterator[Position]:
    """Where each generation of a snapshot goes on: after the client's cursor, or its own."""
    for turn in snapshot["turns"]:
        for generation in turn["generations"]:
            id, cursor = uuid.UUID(generation["id"]), generation["cursor"]
            yield id, min(cursors.get(id, cursor), cursor) + 1, cursor
