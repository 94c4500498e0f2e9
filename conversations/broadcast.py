"""The only announcer, always after the commit.

Sockets of this process are reached through the hub, those of other processes through one
`group_send` per generation and tick. The layer may drop: it is a hint, the log is the truth,
and a socket that misses a frame fills the gap from there.
"""

import asyncio
import logging
from typing import Any

from channels.layers import BaseChannelLayer, get_channel_layer

from conversations.hub import Hub, conversation_group, user_group
from conversations.log import Frame

logger = logging.getLogger(__name__)

WORKERS_CHANNEL = "generation-workers"


async def hint(message: dict[str, Any]) -> None:
    """Tells the workers that there is something to do; they would find it by themselves, later.

    `message` is `generations.wake`, or `generation.stop` with its `generation`.
    """
    layer = get_channel_layer()
    try:
        await layer.send(WORKERS_CHANNEL, message)
    except Exception:
        logger.warning("could not hint the workers", exc_info=True)


class Broadcast:
    """Announces frames, messages for a user, and hints for the workers.

    `hub` is None in a process without sockets; `layer` is None when there is no other process.
    """

    def __init__(self, hub: Hub | None, layer: BaseChannelLayer | None) -> None:
        self._hub = hub
        self._layer = layer
        self._sending: set[asyncio.Task[None]] = set()

    def frames(self, frames: list[Frame]) -> None:
        """Committed frames, for every socket that has their conversation open."""
        for frame in frames:
            if self._hub:
                self._hub.deliver(frame)
            if self._layer:
                ids = str(frame.conversation), str(frame.generation)
                wire = [*ids, frame.first_seq, frame.last_seq, frame.body]
                message = {"type": "hub.frame", "frame": wire}
                self._send(conversation_group(frame.conversation), message)

    def user(self, user_id: Any, text: str) -> None:
        """A message for every tab of a user."""
        if self._hub:
            self._hub.notify(user_id, text)
        if self._layer:
            message = {"type": "hub.message", "user": user_id, "text": text}
            self._send(user_group(user_id), message)

    def _send(self, group: str, message: dict[str, Any]) -> None:
        message["origin"] = self._hub.origin if self._hub else ""
        task = asyncio.create_task(self._group_send(group, message))
        self._sending.add(task)  # the loop alone holds tasks weakly
        task.add_done_callback(self._sending.discard)

    async def _group_send(self, group: str, message: dict[str, Any]) -> None:
        assert self._layer
        try:
            await self._layer.group_send(group, message)
        except Exception:
            logger.warning("the channel layer is away; readers fill in from the log", exc_info=True)
