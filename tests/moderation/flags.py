"""Answers that moderation took back, as the recorder leaves them in the test database."""

import uuid
from typing import Any

from django.utils import timezone

from conversations.models import (
    Conversation,
    EventFrame,
    Generation,
    ModerationFlag,
    Status,
    Turn,
)

WORDS = "Mix the vinegar with <b>slartibartfast</b> & wait."
ITEMS = [
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm <i>"}]},
    {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": WORDS, "annotations": []}],
    },
]


def blocked(owner: Any, **columns: Any) -> Generation:
    """A generation that ended with a retraction, and what is left of its log."""
    now = timezone.now()
    conversation = Conversation.objects.create(owner=owner, model="test-model", updated=now)
    turn = Turn.objects.create(id=uuid.uuid4(), conversation=conversation, text="How?")
    values = {
        "status": Status.BLOCKED,
        "ended": now,
        "cursor": 3,
        "notice": "This was withdrawn.",
        "error": {"code": "moderation_blocked", "message": "This was withdrawn."},
        **columns,
    }
    generation = Generation.objects.create(turn=turn, model="test-model", **values)
    EventFrame.objects.create(generation=generation, first_seq=1, last_seq=3, body="{}")
    return generation


def flag_of(owner: Any, generation: Generation | None = None, **columns: Any) -> ModerationFlag:
    """An open flag of an answer."""
    values = {
        "source": ModerationFlag.Source.ANSWER,
        "excerpt": WORDS,
        "categories": ["violence"],
        "scores": {"hate": 0.25, "violence": 0.97},
        "policy": "watch, openai",
        "withdrawn": ITEMS,
        **columns,
    }
    generation = generation or blocked(owner)
    return ModerationFlag.objects.create(generation=generation, model="test-model", **values)
