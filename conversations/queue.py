"""Who is next: so many generations may run at once, for all and for each person.

The line is fair: whoever has fewer answers running comes before whoever has more, however
many of theirs wait; between equals age decides. `arrange` says so; the rest reads the rows.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import BooleanField, Count, Q, QuerySet
from django.db.models.expressions import RawSQL

from conversations.models import Generation, Status

QUEUED = Q(status=Status.QUEUED, stop_requested=False)
HELD_BY_NOTHING = Q(status=Status.QUEUED, stop_requested=True) | Q(
    status=Status.RUNNING, lease_until=None
)
"""To be had whatever the limits say: it will ask nobody, or it was handed over and counts."""


class Waiting(NamedTuple):
    """A queued generation."""

    generation: uuid.UUID
    owner: Any


class Place(NamedTuple):
    """Where a generation stands that a limit holds back."""

    generation: uuid.UUID
    owner: Any
    reason: str
    """`user`: the owner has as many running as one may have. `site`: all places are taken."""
    position: int
    """1 is the next: of the owner's own with `user`, of all with `site`."""
    running: int
    """How many answers the owner has running, those that are about to start among them."""

    @property
    def wire(self) -> dict[str, Any]:
        """The fields of `generation.queued`."""
        told = {name: getattr(self, name) for name in ("reason", "position", "running")}
        return {"generation": str(self.generation), **told}


class Line(NamedTuple):
    """The queued generations in fair order."""

    free: list[uuid.UUID]
    """May start now."""
    held: list[Place]


def arrange(waiting: Iterable[Waiting], running: Mapping[Any, int], most: int, each: int) -> Line:
    """The line; `waiting` oldest first, `running`: owner → how many.

    At most `most` run in all then, and `each` of one owner, as far as that is not passed yet.
    """
    theirs = Counter(running)
    ranked = []
    for age, one in enumerate(waiting):
        ranked.append((theirs[one.owner], age, one))
        theirs[one.owner] += 1
    ranked.sort(key=lambda entry: entry[:2])
    room = most - sum(running.values())
    busy, free, rest = Counter(running), list[uuid.UUID](), list[Waiting]()
    for rank, _, one in ranked:
        if rank < each and len(free) < room:
            free.append(one.generation)
            busy[one.owner] += 1
        else:
            rest.append(one)
    return Line(free, list(_placed(rest, busy, each)))


def _placed(rest: Iterable[Waiting], busy: Mapping[Any, int], each: int) -> Iterable[Place]:
    in_front = Counter[Any]()
    for one in rest:
        reason, line = ("user", one.owner) if busy[one.owner] >= each else ("site", None)
        in_front[line] += 1
        yield Place(one.generation, one.owner, reason, in_front[line], busy[one.owner])


def has_work() -> bool:
    """Whether a claim may find anything. One query over the open rows alone, whatever waits."""
    counts = open_generations().aggregate(
        urgent=Count("pk", filter=HELD_BY_NOTHING),
        queued=Count("pk", filter=QUEUED),
        running=Count("pk", filter=Q(status=Status.RUNNING)),
    )
    room = counts["running"] < settings.UPSTREAM_MAX_STREAMS
    return bool(counts["urgent"] or (counts["queued"] and room))


def claimable() -> list[tuple[uuid.UUID, int]]:
    """Id and epoch of what may be claimed now, the most urgent first. Right only as long as
    nobody else claims."""
    urgent = open_generations().filter(HELD_BY_NOTHING).order_by("created", "pk")
    free = line().free
    epochs = dict(Generation.objects.filter(pk__in=free).values_list("pk", "epoch"))
    return [*urgent.values_list("pk", "epoch"), *((id, epochs[id]) for id in free if id in epochs)]


def held_places() -> list[Place]:
    """Those that wait for a place."""
    return line().held if open_generations().filter(QUEUED).count() else []


def line() -> Line:
    """The line as it is now."""
    rows = open_generations().order_by("created", "pk")
    waiting, running = [], Counter[Any]()
    fields = ("pk", "status", "stop_requested", "turn__conversation__owner_id")
    for id, status, stopping, owner in rows.values_list(*fields):
        if status == Status.RUNNING:
            running[owner] += 1
        elif not stopping:
            waiting.append(Waiting(id, owner))
    return arrange(waiting, running, settings.UPSTREAM_MAX_STREAMS, settings.USER_MAX_STREAMS)


def open_generations() -> "QuerySet[Generation]":
    """Those that are queued or running, through the index of the open ones alone: SQLite uses
    it only when the condition stands in the statement as it does in the index."""
    open_ones = "conversations_generation.status IN ('queued', 'running')"
    return Generation.objects.filter(RawSQL(open_ones, [], output_field=BooleanField()))  # noqa: S611  # a constant
