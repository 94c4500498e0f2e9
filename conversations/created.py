"""`turn.created`: written when a turn or another answer begins, and read again on the way out.

A socket sends no events of a generation before the browser was told of it; so it looks at
the `turn.created` that passes through.
"""

import uuid
from typing import Any

import msgspec

from conversations import protocol, snapshots
from conversations.models import Conversation, Generation

START = '{"type":"turn.created"'


class _Id(msgspec.Struct, frozen=True):
    id: uuid.UUID


class Created(msgspec.Struct, frozen=True):
    """What a `turn.created` speaks of."""

    conversation: _Id
    generation: uuid.UUID


def turn_created(
    ref: uuid.UUID, conversation: Conversation, turn: dict[str, Any], generation: uuid.UUID
) -> str:
    """The message; `turn` is the turn as in a snapshot, with the new generation."""
    return protocol.encode(
        "turn.created",
        ref=str(ref),
        conversation=snapshots.conversation_wire(conversation),
        turn=turn,
        generation=str(generation),
    )


def turn_created_late(generation_id: uuid.UUID) -> str | None:
    """The message for whoever missed it; None when the generation is gone."""
    generations = Generation.objects.select_related("turn__conversation")
    generation = generations.filter(pk=generation_id).first()
    if generation is None:
        return None
    turn = snapshots.turn_snapshot(generation.turn)
    first = turn["generations"][0]["id"] == str(generation_id)
    ref = generation.turn_id if first else generation_id
    return turn_created(ref, generation.turn.conversation, turn, generation_id)


def read_created(text: str) -> Created | None:
    """What a message speaks of if it is a `turn.created`, else None."""
    return msgspec.json.decode(text, type=Created) if text.startswith(START) else None
