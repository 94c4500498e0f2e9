"""Per web process: who listens to which conversation and which user, and how frames get there.

A frame is fanned out as the text it is. Frames of other processes come through the channel
layer, whose groups are joined once per process and conversation, not once per socket.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from typing import Any, Protocol

from channels.layers import BaseChannelLayer

from conversations.log import Frame

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """A socket, as the hub sees it. None of these may block."""

    def frame(self, frame: Frame) -> None:
        """A committed frame of a conversation that it watches."""

    def message(self, text: str) -> None:
        """A message for every tab of its user."""


class Hub:
    """The sockets of this process. `layer` is None when no other process speaks to them."""

    def __init__(self, layer: BaseChannelLayer | None) -> None:
        self._layer = layer
        self.origin = uuid.uuid4().hex
        """Marks what this process itself sent through the layer: it is delivered already."""
        self._by_conversation: defaultdict[uuid.UUID, set[Listener]] = defaultdict(set)
        self._by_user: defaultdict[Any, set[Listener]] = defaultdict(set)
        self._channel = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._layer:
            self._channel = await self._layer.new_channel("hub")
            self._task = asyncio.create_task(self._receive(self._layer), name="hub")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def watch(self, conversation: uuid.UUID, listener: Listener) -> None:
        """From its return on, every frame of the conversation reaches the listener."""
        first = not self._by_conversation[conversation]
        self._by_conversation[conversation].add(listener)
        if first and self._layer:
            await self._layer.group_add(conversation_group(conversation), self._channel)

    async def unwatch(self, conversation: uuid.UUID, listener: Listener) -> None:
        listeners = self._by_conversation[conversation]
        listeners.discard(listener)
        if not listeners:
            del self._by_conversation[conversation]
            if self._layer:
                await self._layer.group_discard(conversation_group(conversation), self._channel)

    async def attach(self, user_id: Any, listener: Listener) -> None:
        """From its return on, every message for the user reaches the listener."""
        first = not self._by_user[user_id]
        self._by_user[user_id].add(listener)
        if first and self._layer:
            await self._layer.group_add(user_group(user_id), self._channel)

    async def detach(self, user_id: Any, listener: Listener) -> None:
        listeners = self._by_user[user_id]
        listeners.discard(listener)
        if not listeners:
            del self._by_user[user_id]
            if self._layer:
                await self._layer.group_discard(user_group(user_id), self._channel)

    def deliver(self, frame: Frame) -> None:
        """Hands a committed frame to the sockets that have its conversation open here."""
        for listener in tuple(self._by_conversation.get(frame.conversation, ())):
            listener.frame(frame)

    def notify(self, user_id: Any, text: str) -> None:
        """Hands a message to every tab that a user has open here."""
        for listener in tuple(self._by_user.get(user_id, ())):
            listener.message(text)

    async def _receive(self, layer: BaseChannelLayer) -> None:
        while True:
            message = await layer.receive(self._channel)
            try:
                self._dispatch(message)
            except Exception:
                # One broken message of another process must not end the hearing of all.
                logger.exception("could not pass on %r", message.get("type"))

    def _dispatch(self, message: dict[str, Any]) -> None:
        match message:
            case {"origin": self.origin}:
                pass
            case {"type": "hub.frame", "frame": [conversation, generation, first, last, body]}:
                ids = uuid.UUID(conversation), uuid.UUID(generation)
                self.deliver(Frame(*ids, 0, first, last, body))
            case {"type": "hub.message", "user": user_id, "text": text}:
                self.notify(user_id, text)


def conversation_group(conversation: uuid.UUID) -> str:
    return f"conversation.{conversation.hex}"


def user_group(user_id: Any) -> str:
    return f"user.{user_id}"
