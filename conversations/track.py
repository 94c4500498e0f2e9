"""How far a socket is with one generation, and what it notes while it opens a conversation."""

import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Position = tuple[uuid.UUID, int, int]
"""Generation, next seq to send, last seq that the snapshot includes."""


@dataclass
class Track:
    """How far a socket is with one generation."""

    conversation: uuid.UUID
    generation: uuid.UUID
    told: bool = True  # by a snapshot or a turn.created; events wait for that
    shown_seq: int = 0  # the last seq that the snapshot includes
    next_seq: int = 1
    known_seq: int = 0  # the last seq that is known to be in the log
    catching_up: bool = False
    unacked: deque[tuple[int, int]] = field(default_factory=deque)  # last seq, size

    @property
    def behind(self) -> bool:
        return self.told and self.known_seq >= self.next_seq


@dataclass
class Opening:
    """What comes for a conversation while its snapshot is being read."""

    seqs: dict[uuid.UUID, int] = field(default_factory=dict)  # generation → last seq in its log
    created: dict[uuid.UUID, str] = field(default_factory=dict)  # generation → turn.created


def positions(snapshot: dict[str, Any], cursors: dict[uuid.UUID, int]) -> Iterator[Position]:
    """Where each generation of a snapshot goes on: after the client's cursor, or its own."""
    for turn in snapshot["turns"]:
        for generation in turn["generations"]:
            id, cursor = uuid.UUID(generation["id"]), generation["cursor"]
            yield id, min(cursors.get(id, cursor), cursor) + 1, cursor
