"""Looks once a second how far the logs go that somebody here reads.

Announcements may get lost on their way, the very last one of an answer too, which no later
one would betray. So each socket is told what the log holds, and fills in what it lacks.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversations.created import turn_created_late
from conversations.database import DatabaseThread
from conversations.hub import Hub, Listener
from conversations.models import OPEN_STATUSES, EventFrame, Generation

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
LIVE_SECONDS = 0.2
"""How long what was just committed may be on its way. Told before, sockets would read from
the database what comes by itself."""
ENDED_STAY = timedelta(minutes=1)
"""How long after its end a log is looked at; also how far clocks may differ."""

BEGUN_STAY = timedelta(seconds=10)
"""How long a turn that was begun is looked for; also how far clocks may differ."""

Begun = tuple[Any, uuid.UUID]
"""User, generation."""
End = tuple[uuid.UUID, uuid.UUID, int]
"""Conversation, generation, last seq in its log."""


class Tail:
    """Two queries a second for all sockets of the process; none when there are none."""

    def __init__(self, hub: Hub, reader: DatabaseThread) -> None:
        self._hub = hub
        self._reader = reader
        self._looked = timezone.now()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="tail")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self._look()
                failing = False
            except (OperationalError, InterfaceError) as error:
                if not failing:
                    logger.warning("the logs can't be read: %s", error)
                failing = True
            except Exception:
                logger.exception("the logs can't be followed")

    async def _look(self) -> None:
        now = timezone.now()
        users, conversations = self._hub.users_of_others(), self._hub.watched()
        begun, ends = await self._reader.run(look, users, conversations, self._looked)
        if begun or ends:
            await asyncio.sleep(LIVE_SECONDS)
        for user_id, generation in begun:
            if not self._hub.was_told(generation) and (
                text := await self._reader.run(turn_created_late, generation)
            ):
                self._hub.notify(user_id, text)
        await self._tell(ends)
        self._looked = now

    async def _tell(self, ends: Collection[End]) -> None:
        strangers: defaultdict[uuid.UUID, list[Listener]] = defaultdict(list)
        for conversation, generation, last_seq in ends:
            for listener in self._hub.listeners(conversation):
                if not listener.known(conversation, generation, last_seq):
                    strangers[generation].append(listener)
        for generation, listeners in strangers.items():
            if text := await self._reader.run(turn_created_late, generation):
                for listener in listeners:
                    listener.message(text)


def look(
    users: Collection[Any], conversations: Collection[uuid.UUID], last: datetime
) -> tuple[list[Begun], list[End]]:
    """What these users have begun, and how far the logs of these conversations go, if anything
    of it may be news since the look before. What happened while the database was away is."""
    return (
        begun_turns(users, last - BEGUN_STAY) if users else [],
        log_ends(conversations, last - ENDED_STAY) if conversations else [],
    )


def begun_turns(users: Collection[Any], since: datetime) -> list[Begun]:
    """User and generation of all that these users have begun after `since`."""
    generations = Generation.objects.filter(
        created__gte=since,
        turn__conversation__updated__gte=since,  # which has an index
        turn__conversation__owner__in=users,
    )
    rows = generations.order_by("created")
    return list(rows.values_list("turn__conversation__owner_id", "pk"))


def log_ends(conversations: Collection[uuid.UUID], since: datetime) -> list[End]:
    """The ends of all logs that are open or ended after `since`; 0 for an empty one."""
    frames = EventFrame.objects.filter(generation=OuterRef("pk")).order_by("-first_seq")
    last_seq = Coalesce(Subquery(frames.values("last_seq")[:1]), "cursor")
    generations = Generation.objects.filter(
        Q(status__in=OPEN_STATUSES) | Q(ended__gte=since),
        turn__conversation__in=conversations,
    )
    rows = generations.order_by().annotate(last_seq=last_seq)
    return list(rows.values_list("turn__conversation_id", "pk", "last_seq"))
