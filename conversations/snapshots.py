"""Rows → the objects of the wire: conversations, turns, generations as they stand."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db.models import QuerySet

from billing.pricing import money
from conversations.fold import fold
from conversations.models import (
    OPEN_STATUSES,
    Conversation,
    EventFrame,
    Generation,
    Turn,
)

Fields = dict[str, Any]


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC, always as long: as text they sort by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def conversation_wire(conversation: Conversation) -> Fields:
    """`conversation` of snapshots and list changes."""
    return {
        "id": str(conversation.id),
        "title": conversation.title,
        "model": conversation.model,
        "created": timestamp(conversation.created),
        "updated": timestamp(conversation.updated),
    }


def generation_wire(generation: Generation) -> Fields:
    """A generation as its row says, without the events that are only in the log."""
    return {
        "id": str(generation.id),
        "status": generation.status,
        "model": generation.model,
        "instead_of": generation.instead_of or None,
        "items": generation.items,
        "text": generation.text,
        "usage": generation.usage,
        "cost": money(generation.cost),
        "estimated": generation.estimated,
        "error": generation.error,
        "notice": generation.notice or None,
        "retry": None,
        "cursor": generation.cursor,
        "created": timestamp(generation.created),
    }


def turn_wire(turn: Turn, generations: Iterable[Fields]) -> Fields:
    """A turn with its answers, oldest first."""
    return {
        "id": str(turn.id),
        "text": turn.text,
        "follows": str(turn.follows_id) if turn.follows_id else None,
        "attachments": [],
        "created": timestamp(turn.created),
        "generations": list(generations),
    }


def turn_snapshot(turn: Turn) -> Fields:
    """One turn with its answers as they stand now."""
    generations = Generation.objects.filter(turn=turn)
    return turn_wire(turn, _as_they_stand(generations)[turn.id])


def conversation_snapshot(conversation: Conversation) -> Fields:
    """The fields of `conversation.snapshot`.

    No transaction is needed: what comes in between is in the frames, which are read last and
    stay for minutes after the end, and those that come later have a seq over the cursor.
    """
    turns = list(Turn.objects.filter(conversation=conversation))
    generations = _as_they_stand(Generation.objects.filter(turn__conversation=conversation))
    return {
        "conversation": conversation_wire(conversation),
        "turns": [turn_wire(turn, generations.get(turn.id, ())) for turn in turns],
    }


def frames_after(generation_id: uuid.UUID, seq: int, most: int) -> list[EventFrame]:
    """Up to `most` stored frames that hold events after `seq`, in order."""
    frames = EventFrame.objects.filter(generation_id=generation_id, last_seq__gt=seq)
    return list(frames.order_by("first_seq")[:most])


def folded(generation: Generation) -> Fields:
    """One generation as it stands, with the events that are only in the log."""
    frames = EventFrame.objects.filter(generation=generation).order_by("first_seq")
    wire = generation_wire(generation)
    for frame in frames:
        fold(wire, msgspec.json.decode(frame.body)["events"])
    return wire


def _as_they_stand(generations: QuerySet[Generation]) -> dict[uuid.UUID, list[Fields]]:
    """Turn id → its generations; those still open are folded from the log."""
    by_turn: dict[uuid.UUID, list[Fields]] = {}
    for generation in generations:
        is_open = generation.status in OPEN_STATUSES
        wire = folded(generation) if is_open else generation_wire(generation)
        by_turn.setdefault(generation.turn_id, []).append(wire)
    return by_turn
