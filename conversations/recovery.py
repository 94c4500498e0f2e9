"""What the log says of a generation that another process began, and whether to go on with it.

A worker that died, or handed over, leaves its events and nothing else.
"""

from typing import Any

import msgspec
from django.conf import settings

from conversations.fold import fold
from conversations.models import EventFrame, Generation
from conversations.round import Outcome, Round
from conversations.snapshots import generation_wire
from conversations.upstream.parsing import typed

Fields = dict[str, Any]

MOST_CLAIMS = 5
"""A generation that took so many workers with it is not given to another."""

LOST: Fields = {
    "code": "worker_lost",
    "message": "Something broke on our side in the middle of this answer.",
    "retryable": True,
}


class Past(msgspec.Struct, frozen=True):
    """The log of a generation: its state as in a snapshot, and its events in order."""

    state: Fields
    events: list[Fields]
    upstream_seq: int | None
    """Upstream's number of the last event in the log."""
    failed: list[list[Fields]] = []
    """The events of attempts before, of which nothing was seen."""

    def replay(self, round: Round) -> Round:
        """Tells a round what upstream had said of it when the log ended; the round that runs."""
        for events in self.failed:
            round = _told(round, events).again()
        round = _told(round, self.events)
        round.number = self.upstream_seq
        return round


def _told(round: Round, events: list[Fields]) -> Round:
    for event in events:
        if event["type"] == "error" or event["type"].startswith("response."):
            said = typed(dict(event))
            round.show(said)
            round.take(said)
    return round


def read(generation: Generation) -> Past:
    """The past of a generation; an empty one when nobody has begun it."""
    state = generation_wire(generation)
    failed: list[list[Fields]] = []
    events: list[Fields] = []
    upstream_seq = None
    for frame in EventFrame.objects.filter(generation=generation).order_by("first_seq"):
        fold(state, msgspec.json.decode(frame.body)["events"])  # which keeps and changes them
        for event in msgspec.json.decode(frame.body)["events"]:
            if event["type"] == "generation.retrying":
                failed.append(events)
                events = []  # what upstream said before is not part of the answer
            events.append(event)
        upstream_seq = frame.upstream_seq
    return Past(state, events, upstream_seq, failed)


def can_resume(round: Round) -> bool:
    """Whether upstream goes on with a response by itself and can be asked for the rest."""
    return settings.OPENAI_BACKGROUND and bool(round.response_id)


def verdict(generation: Generation, round: Round) -> Outcome | None:
    """How a generation ends that can't be gone on with; None when it can."""
    if round.outcome:
        return round.outcome  # upstream had said so, and nobody was left to write it down
    if generation.epoch > MOST_CLAIMS or (round.shown and not can_resume(round)):
        return round.broken_off(LOST)
    return None
