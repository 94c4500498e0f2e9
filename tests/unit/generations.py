"""Generations in the test database, and a recorder that tells what it announced."""

import uuid
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.utils import timezone

from conversations import leases
from conversations.database import DatabaseThread
from conversations.log import Frame, GenerationLog
from conversations.models import Conversation, Generation, Turn
from conversations.recorder import Recorder
from conversations.snapshots import folded


def queued() -> Generation:
    user = get_user_model()._default_manager.create(username=uuid.uuid4().hex)
    now = timezone.now()
    conversation = Conversation.objects.create(owner=user, model="m", updated=now)
    turn = Turn.objects.create(id=uuid.uuid4(), conversation=conversation, text="Hi")
    return Generation.objects.create(turn=turn, model="m")


def claimed(worker: str = "one") -> Generation:
    generation = queued()
    [mine] = leases.claim(worker)
    assert mine.pk == generation.pk
    return mine


class Recording:
    """A recorder with what it announced, and what the database held at that moment."""

    def __init__(self, flush_ms: int = 5) -> None:
        self.frames: list[Frame] = []
        self.writer = DatabaseThread("writer")
        self.recorder = Recorder(self.writer, self.frames.extend, flush_ms)

    async def log(self, generation: Generation) -> GenerationLog:
        state = await sync_to_async(folded)(generation)
        return self.recorder.open(state, generation.turn.conversation_id, generation.epoch)


async def end(log: GenerationLog) -> None:
    shown: dict[str, Any] = {"status": "stopped", "usage": None, "estimated": False, "error": None}
    log.finish({**shown, "cost": 0, "ended": timezone.now()}, **shown, cost="0")
    await log.flushed()
