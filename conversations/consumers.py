"""The browser's socket: commands in, messages and event frames out. Nothing here asks upstream."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.db import InterfaceError, OperationalError

from chatsite import observe
from conversations import metrics, protocol, runtime, snapshots, turns
from conversations.created import turn_created
from conversations.meter import budgets_of_user
from conversations.outbox import Outbox
from conversations.protocol import Refused, Unparsable
from conversations.sendqueue import TRY_LATER, SocketEnd
from conversations.track import Position, positions

logger = logging.getLogger(__name__)

MAX_OPEN, MAX_SOCKETS = 20, 10
"""Conversations that a socket may have open at once; sockets of a user in this process."""
MAX_UNPARSABLE = 20
"""Frames in a row that are no JSON objects, after which the socket is closed."""
LOGIN_NEEDED, TOO_MANY, TOO_MANY_UNPARSABLE, TOO_BIG, BROKEN = 4401, 4429, 1008, 1009, 1011

QUIET = protocol.Ack, protocol.StopGeneration, protocol.CloseConversation
"""Commands that nothing answers: they need not wait for what was asked before to go out."""


class ChatConsumer(AsyncConsumer):  # type: ignore[misc]  # channels has no types
    """One browser tab."""

    channel_layer_alias = "none"  # the hub speaks to sockets directly; no layer per socket

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.user = observe.socket(scope)
        self.unparsable = 0
        self.closed = False
        self.sending: asyncio.Task[None] | None = None  # once there is an outbox
        self.opening = asyncio.Lock()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handles a message of the server's; what breaks closes the socket, so that none stays
        open and deaf. Channels' own goes through a thread each time, for connections to a
        database that nothing here uses."""
        try:
            await getattr(self, get_handler_name(message))(message)
        except StopConsumer:
            raise
        except (OperationalError, InterfaceError) as error:
            logger.warning("a socket is closed, the database is away: %s", error)
            await self.close(TRY_LATER)
        except Exception:
            logger.exception("a socket is closed, a command broke")
            await self.close(BROKEN)

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        await self.send({"type": "websocket.accept"})
        if not self.user.is_authenticated:
            await self.close(LOGIN_NEEDED)
            return
        self.runtime = await runtime.current()
        hub = self.runtime.hub
        if hub.closing:
            await self.close(runtime.RESTARTING)
        elif hub.sockets(self.user.pk) >= MAX_SOCKETS:
            await self.close(TOO_MANY)
        else:
            self.outbox = Outbox(self.send_text, self.runtime.reader, self.refresh)
            self.sending = asyncio.create_task(self.send_all(), name="outbox")
            await hub.attach(self.user.pk, self.outbox)
            self.outbox.queue.put(await self.hello())

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self.closed:
            return
        frame = message.get("text") or message.get("bytes") or b""
        if len(frame) > protocol.MAX_FRAME:  # servers count bytes, and stop it before
            await self.close(TOO_BIG)
            return
        fields = None
        try:
            fields = protocol.parse_frame(frame)
            self.unparsable = 0
            command = protocol.parse_command(fields)
            if not isinstance(command, QUIET):
                await self.outbox.queue.room()
            await observe.command(command, self.obey)
        except Refused as refused:
            await self.outbox.queue.room()
            self.outbox.queue.put(protocol.encode_error(fields, refused))
            metrics.COMMANDS_REFUSED.labels(refused.code).inc()
            self.unparsable += isinstance(refused, Unparsable)
            if self.unparsable >= MAX_UNPARSABLE:
                await self.close(TOO_MANY_UNPARSABLE)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        raise StopConsumer

    async def close(self, code: int) -> None:
        """Closes the socket from our side; its place is free at once."""
        if not self.closed:
            self.closed = True
            self.leave()
            await self.send({"type": "websocket.close", "code": code})

    def leave(self) -> None:
        """Ends all sending and hearing."""
        if self.sending:
            if self.sending is not asyncio.current_task():
                self.sending.cancel()
            self.runtime.hub.detach(self.user.pk, self.outbox)
            for conversation in self.outbox.conversations:
                self.runtime.hub.unwatch(conversation, self.outbox)

    async def send_all(self) -> None:
        """Sends until the socket goes. What can't be sent closes it: the browser comes back."""
        code = BROKEN
        try:
            await self.outbox.run()
        except SocketEnd as end:
            code = end.code
        except OSError:
            return  # the connection is gone; the server says so in its turn
        except (OperationalError, InterfaceError) as error:
            logger.warning("a socket is closed, the database is away: %s", error)
            code = TRY_LATER
        except Exception:
            logger.exception("a socket could not be served")
        await self.close(code)

    async def send_text(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})

    async def hello(self) -> str:
        return protocol.encode(
            "hello",
            user={"id": str(self.user.pk), "email": self.user.email},
            models=await self.runtime.catalog.wire(),
            default_model=await self.runtime.catalog.default(),
            budgets=await self.runtime.reader.run(budgets_of_user, self.user.pk),
        )

    async def obey(self, command: protocol.AnyCommand) -> None:
        match command:
            case protocol.OpenConversation():
                await self.open_conversation(command)
            case protocol.CloseConversation():
                self.close_conversation(command.conversation)
            case protocol.CreateTurn():
                await self.start(turns.start_turn, command)
            case protocol.CreateGeneration():
                await self.start(turns.start_generation, command)
            case protocol.StopGeneration():
                await self.runtime.writer.run(turns.request_stop, self.user, command.generation)
                hint = {"type": "generation.stop", "generation": str(command.generation)}
                self.runtime.broadcast.workers(hint)
            case protocol.Ack():
                self.outbox.ack(command.generation, command.seq)
            case protocol.Ping():
                self.outbox.queue.put(protocol.encode("pong", id=command.id))

    async def start(self, write: Callable[..., turns.Started], command: Any) -> None:
        """Writes a turn or another answer, tells every tab of the owner, follows it here."""
        read = self.runtime.reader.run
        try:
            self.check_room(await read(turns.conversation_of, self.user, command))
            model = await self.runtime.catalog.chosen(command.model)
            started = await self.runtime.writer.run(write, self.user, command, model)
        except Refused:
            # What was accepted once stays so, when its model is gone or no room is left here.
            if (before := await read(turns.written_before, self.user, command)) is None:
                raise
            started = before
        turn = await read(snapshots.turn_snapshot, started.turn)
        generation, conversation = started.generation, started.conversation.pk
        text = turn_created(command.id, started.conversation, turn, generation.pk)
        if started.fresh:
            self.runtime.broadcast.user(self.user.pk, text)
            self.runtime.meter.moved(self.user.pk)
        else:
            self.outbox.message(text)  # the others know it
        # Before anything is waited for: the worker should not wait with us.
        self.runtime.broadcast.workers({"type": "generations.wake"})
        if not self.has_room(conversation):
            return  # answered all the same; who wants to see it makes room
        await self.watch(conversation)
        # From the first event on, whatever the turn above holds of it: who sends a command
        # again may have seen nothing, and drops what it has seen.
        shown = next(g for g in turn["generations"] if g["id"] == str(generation.pk))["cursor"]
        self.outbox.start(conversation, generation.pk, shown)

    async def open_conversation(self, command: protocol.OpenConversation) -> None:
        self.check_room(command.conversation)
        if not self.outbox.queue.ended:  # nobody reads it: not worth the work
            await self.show(command.conversation, command.cursors)

    async def refresh(self, conversation: uuid.UUID) -> None:
        """Shows a conversation anew whose log was folded before this socket had read it."""
        if conversation in self.outbox.conversations:
            try:
                await self.show(conversation, {})
            except Refused:
                self.close_conversation(conversation)  # deleted meanwhile

    async def show(self, id: uuid.UUID, cursors: dict[uuid.UUID, int]) -> None:
        """Snapshot, then what came after it, then live, without a gap between them."""
        read = self.runtime.reader.run
        async with self.opening:  # a command and a refresh must not mix
            conversation = await read(turns.own_conversation, self.user, id)
            # Watched before the snapshot is read: what is committed in between is noted.
            self.outbox.begin_opening(id)
            places: list[Position] = []
            try:
                await self.watch(id)
                snapshot = await read(snapshots.conversation_snapshot, conversation)
                self.outbox.queue.put(protocol.encode("conversation.snapshot", **snapshot))
                places = list(positions(snapshot, cursors))
            finally:
                self.outbox.finish_opening(id, places)

    def close_conversation(self, conversation: uuid.UUID) -> None:
        if conversation in self.outbox.conversations:
            self.outbox.conversations.discard(conversation)
            self.runtime.hub.unwatch(conversation, self.outbox)
            self.outbox.forget(conversation)

    async def watch(self, conversation: uuid.UUID) -> None:
        if conversation not in self.outbox.conversations:
            self.outbox.conversations.add(conversation)
            await self.runtime.hub.watch(conversation, self.outbox)

    def check_room(self, conversation: uuid.UUID | None) -> None:
        """Refuses one conversation more than a socket may have open."""
        if not self.has_room(conversation):
            raise Refused(
                "bad_request", f"{MAX_OPEN} conversations are open on this socket; close one first."
            )

    def has_room(self, conversation: uuid.UUID | None) -> bool:
        opened = self.outbox.conversations
        return conversation in opened or len(opened) < MAX_OPEN
