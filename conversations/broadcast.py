"""The only announcer, always after the commit.

Sockets of this process are reached through the hub, those of other processes through one
`group_send` per generation and tick. The layer may drop: it is a hint, the log is the truth,
and a socket that misses a frame fills the gap from there.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from conversations.hub import Hub, conversation_group, user_group
from conversations.link import Link
from conversations.log import Frame

WORKERS_CHANNEL = "generation-workers"
MAX_WAITING = 8 * 1024 * 1024
"""Characters that may wait for a slow layer; then the oldest messages are dropped."""
STOP_SECONDS = 1.0


class Worker(Protocol):
    """The part of a worker that hints reach."""

    def hear(self, message: dict[str, Any]) -> None:
        """Takes a hint."""


class Waiting(NamedTuple):
    """A message on its way to the layer."""

    send: Callable[[str, dict[str, Any]], Awaitable[None]]
    target: str
    message: dict[str, Any]
    size: int


class Broadcast:
    """Announces frames, messages for a user, and hints for the workers.

    `hub` is None in a process without sockets; `link` is None when there is no other process.
    """

    def __init__(self, hub: Hub | None, link: Link | None) -> None:
        self.worker: Worker | None = None
        """The worker of this process, if it has one."""
        self._hub = hub
        self._link = link
        self._waiting: deque[Waiting] = deque()
        self._size = 0
        self._filled, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._link:
            self._task = asyncio.create_task(self._send_all(self._link), name="broadcast")

    async def stop(self) -> None:
        """Sends what waits, if the layer takes it soon."""
        if self._task:
            emptied = asyncio.ensure_future(self._empty.wait())
            await asyncio.wait([emptied], timeout=STOP_SECONDS)
            emptied.cancel()
            self._task.cancel()
            await asyncio.wait([self._task], timeout=STOP_SECONDS)

    def frames(self, frames: list[Frame]) -> None:
        """Committed frames, for every socket that has their conversation open."""
        for frame in frames:
            if self._hub:
                self._hub.deliver(frame)
            if self._link:
                ids = str(frame.conversation), str(frame.generation)
                wire = [*ids, frame.first_seq, frame.last_seq, frame.body]
                message = {"type": "hub.frame", "frame": wire}
                self._group_send(conversation_group(frame.conversation), message, len(frame.body))

    def user_here(self, user_id: Any, text: str) -> None:
        """A message for the tabs of a user in this process; the others hear of it themselves."""
        if self._hub:
            self._hub.notify(user_id, text)

    def user(self, user_id: Any, text: str) -> None:
        """A message for every tab of a user."""
        self.user_here(user_id, text)
        if self._link:
            message = {"type": "hub.message", "user": user_id, "text": text}
            self._group_send(user_group(user_id), message, len(text))

    def workers(self, message: dict[str, Any]) -> None:
        """Tells the workers that there is something to do; they would find it by themselves,
        later. `message` is `generations.wake`, or `generation.stop` with its `generation`."""
        if self.worker:
            self.worker.hear(message)
        if self._link:
            self._put(Waiting(self._link.layer.send, WORKERS_CHANNEL, message, 0))

    def _group_send(self, group: str, message: dict[str, Any], size: int) -> None:
        assert self._link
        message["origin"] = self._hub.origin if self._hub else ""
        self._put(Waiting(self._link.layer.group_send, group, message, size))

    def _put(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)
        self._size += waiting.size + len(waiting.target)
        while self._size > MAX_WAITING:
            self._take()
        self._filled.set()
        self._empty.clear()

    def _take(self) -> Waiting:
        waiting = self._waiting.popleft()
        self._size -= waiting.size + len(waiting.target)
        return waiting

    async def _send_all(self, link: Link) -> None:
        """One after the other, so that frames arrive in order."""
        while True:
            while self._waiting:
                send, target, message, _ = self._take()
                was_away = link.away
                if not await link.call(send(target, message)) and not was_away:
                    # That a connection was closed while it was idle shows with the next call.
                    await link.call(send(target, message))
            self._filled.clear()
            self._empty.set()
            await self._filled.wait()
