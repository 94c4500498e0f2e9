"""Tells people who wait for a free place where they stand in the line.

Every process with sockets looks for itself: whoever claims may run elsewhere. What starts at
once is never told of, so that no words flash up.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from typing import Any

from django.db import InterfaceError, OperationalError

from conversations import protocol, queue
from conversations.broadcast import Broadcast
from conversations.database import DatabaseThread
from conversations.hub import Hub, Listener
from conversations.queue import Place

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0

Tabs = frozenset[Listener]
Told = tuple[Tabs, dict[uuid.UUID, Place]]


class Places:
    """`generation.queued`, for the tabs of whoever waits: at first, and when it has changed."""

    def __init__(self, hub: Hub, broadcast: Broadcast, reader: DatabaseThread) -> None:
        self._hub = hub
        self._broadcast = broadcast
        self._reader = reader
        self._told: dict[Any, Told] = {}  # user → which tabs know what
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="places")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self._look()
            except (OperationalError, InterfaceError):
                continue  # the tail says that the database is away
            except Exception:
                logger.exception("the line can't be told of")

    async def _look(self) -> None:
        users = self._hub.users()
        held = await self._reader.run(queue.held_places) if users else []
        by_user: defaultdict[Any, dict[uuid.UUID, Place]] = defaultdict(dict)
        for place in held:
            if place.owner in users:
                by_user[place.owner][place.generation] = place
        self._told = {user: self._tell(user, places) for user, places in by_user.items()}

    def _tell(self, user: Any, places: dict[uuid.UUID, Place]) -> Told:
        tabs = self._hub.tabs(user)
        known_tabs, known = self._told.get(user, (frozenset(), {}))
        if not tabs <= known_tabs:
            known = {}  # a tab is new: to be told all; the others are told again what they know
        for id, place in places.items():
            if known.get(id) != place:
                text = protocol.encode("generation.queued", **place.wire)
                self._broadcast.user_here(user, text)
        return tabs, places
