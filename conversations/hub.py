"""Per web process: who listens to which conversation and which user, and how frames get there.

A frame is fanned out as the text it is. Frames of other processes come through the channel
layer, whose groups are joined once per process and conversation, not once per socket.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Collection
from typing import Any, Protocol

from conversations import metrics
from conversations.created import read_created
from conversations.groups import RETRY_SECONDS, Groups
from conversations.link import Link
from conversations.log import Frame

logger = logging.getLogger(__name__)

STOP_SECONDS = 1.0
TOLD_KEPT = 10_000
"""Turns begun lately of which is remembered that the tabs here know of them."""


class Listener(Protocol):
    """A socket, as the hub sees it. None of these may block."""

    def frame(self, frame: Frame) -> None:
        """A committed frame of a conversation that it watches."""

    def message(self, text: str) -> None:
        """A message for every tab of its user."""

    def known(self, conversation: uuid.UUID, generation: uuid.UUID, last_seq: int) -> bool:
        """The log of a generation goes up to `last_seq`. False: it was never told of that
        generation, and wants its `turn.created` as a message."""

    def close(self, code: int) -> None:
        """Ends the socket after what it has still to send."""


class Hub:
    """The sockets of this process. `link` is None when no other process speaks to them."""

    def __init__(self, link: Link | None) -> None:
        self._link = link
        self.origin = uuid.uuid4().hex
        """Marks what this process itself sent through the layer: it is delivered already."""
        self.closing = False
        """New sockets are sent away: this process is about to end."""
        self._by_conversation: defaultdict[uuid.UUID, set[Listener]] = defaultdict(set)
        self._by_user: defaultdict[Any, set[Listener]] = defaultdict(set)
        self._groups = Groups(link) if link else None
        self._told: dict[uuid.UUID, None] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._link and self._groups:
            self._task = asyncio.create_task(self._hear(self._link, self._groups), name="hub")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            # A layer that hangs must not hold up the end of the process.
            await asyncio.wait([self._task], timeout=STOP_SECONDS)

    async def watch(self, conversation: uuid.UUID, listener: Listener) -> None:
        """From now on frames of the conversation reach the listener; those of other processes
        from its return on, unless the layer is away."""
        self._by_conversation[conversation].add(listener)
        if self._groups:
            await self._groups.join(conversation_group(conversation))

    def unwatch(self, conversation: uuid.UUID, listener: Listener) -> None:
        if _discard(self._by_conversation, conversation, listener) and self._groups:
            self._groups.leave(conversation_group(conversation))

    async def attach(self, user_id: Any, listener: Listener) -> None:
        """From now on messages for the user reach the listener, as with `watch`."""
        self._by_user[user_id].add(listener)
        metrics.SOCKETS.inc()
        if self._groups:
            await self._groups.join(user_group(user_id))

    def detach(self, user_id: Any, listener: Listener) -> None:
        """Ends what `attach` began; harmless when repeated."""
        if listener in self._by_user.get(user_id, ()):
            metrics.SOCKETS.dec()
        if _discard(self._by_user, user_id, listener) and self._groups:
            self._groups.leave(user_group(user_id))

    def sockets(self, user_id: Any) -> int:
        """How many sockets a user has open here."""
        return len(self._by_user.get(user_id, ()))

    def tabs(self, user_id: Any) -> frozenset[Listener]:
        """The sockets that a user has open here."""
        return frozenset(self._by_user.get(user_id, ()))

    def watched(self) -> set[uuid.UUID]:
        """The conversations that are open on any socket here."""
        return set(self._by_conversation)

    def listeners(self, conversation: uuid.UUID) -> tuple[Listener, ...]:
        """The sockets that have a conversation open here."""
        return tuple(self._by_conversation.get(conversation, ()))

    def close_sockets(self, code: int, busy: Collection[uuid.UUID] = ()) -> None:
        """Closes every socket that has none of these conversations open."""
        kept = {listener for conversation in busy for listener in self.listeners(conversation)}
        for listener in set().union(*self._by_user.values()) - kept:
            listener.close(code)

    def deliver(self, frame: Frame) -> None:
        """Hands a committed frame to the sockets that have its conversation open here."""
        for listener in self.listeners(frame.conversation):
            listener.frame(frame)

    def users(self) -> set[Any]:
        """The users with tabs here."""
        return set(self._by_user)

    def users_of_others(self) -> set[Any]:
        """The users with tabs here to whom other processes speak as well."""
        return set(self._by_user) if self._link else set()

    def was_told(self, generation: uuid.UUID) -> bool:
        """Whether the `turn.created` of a generation, not a very old one, came by here."""
        return generation in self._told

    def notify(self, user_id: Any, text: str) -> None:
        """Hands a message to every tab that a user has open here."""
        if created := read_created(text):
            self._told[created.generation] = None
            if len(self._told) > TOLD_KEPT:
                del self._told[next(iter(self._told))]
        for listener in tuple(self._by_user.get(user_id, ())):
            listener.message(text)

    async def _hear(self, link: Link, groups: Groups) -> None:
        channel = await self._own_channel(link)
        receiving = asyncio.create_task(self._receive(link, channel), name="hub receiver")
        try:
            await groups.run(channel)
        finally:
            receiving.cancel()
            await asyncio.wait([receiving], timeout=STOP_SECONDS)

    async def _own_channel(self, link: Link) -> str:
        """The name of a channel of this process; waits for the layer if it is away."""
        names: list[str] = []

        async def make() -> None:
            names.append(await link.layer.new_channel("hub"))

        while True:
            if await link.call(make()):
                return names[0]
            await asyncio.sleep(RETRY_SECONDS)

    async def _receive(self, link: Link, channel: str) -> None:
        while True:
            try:
                self._dispatch(await link.layer.receive(channel))
            except Exception:
                # One broken message of another process must not end the hearing of all.
                logger.exception("could not pass on a message of another process")
                await asyncio.sleep(0)

    def _dispatch(self, message: dict[str, Any]) -> None:
        match message:
            case {"origin": self.origin}:
                pass
            case {"type": "hub.frame", "frame": [conversation, generation, first, last, body]}:
                ids = uuid.UUID(conversation), uuid.UUID(generation)
                self.deliver(Frame(*ids, 0, first, last, body))
            case {"type": "hub.message", "user": user_id, "text": text}:
                self.notify(user_id, text)


def _discard(sets: defaultdict[Any, set[Listener]], key: Any, listener: Listener) -> bool:
    """Takes a listener out; whether it was the last one."""
    if key not in sets:
        return False
    sets[key].discard(listener)
    if sets[key]:
        return False
    del sets[key]
    return True


def conversation_group(conversation: uuid.UUID) -> str:
    return f"conversation.{conversation.hex}"


def user_group(user_id: Any) -> str:
    return f"user.{user_id}"
