"""Who runs which generation: claims by conditional update, leases, takeovers.

Every function is one transaction. A claim raises the generation's epoch; the recorder writes
nothing under an older one. A running generation without a lease was handed over: it is
anybody's, like a queued one. What is running counts towards the limits (`queue.py`), whoever
runs it, so that a takeover never waits for a place.

One process claims at a time, since no row can say that all places are taken: on SQLite its
transaction is the only one that writes, on PostgreSQL it takes an advisory lock.
"""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversations import queue
from conversations.models import Generation, Status

CLAIMS = 0x63686174
"""The key of PostgreSQL's advisory lock under which claims are made; any number, but this one."""
CLAIM_MS = 5_000
"""A process that stands still in mid-claim must not keep the others from theirs: PostgreSQL
ends its transaction after so long."""
FREE = Q(status=Status.QUEUED) | Q(status=Status.RUNNING, lease_until=None)


class Contended(Exception):
    """Another process was quicker: to be tried again in a moment."""


class Renewal(NamedTuple):
    """What a worker learns of its generations when it prolongs their leases."""

    stop: set[uuid.UUID]
    """Somebody asked to stop them, or deleted them."""
    lost: set[uuid.UUID]
    """Another worker has them."""


def claim(worker: str) -> list[Generation]:
    """Takes what was handed over, and of the queued ones all that the limits let run.

    Raises:
        Contended: another process is claiming at this moment; it may have missed what came last.
    """
    if not queue.has_work():
        return []
    with transaction.atomic():
        if not _claims_alone():
            raise Contended
        free = Generation.objects.filter(FREE)
        return _take([(id, free.filter(epoch=epoch)) for id, epoch in queue.claimable()], worker)


def take_over(worker: str, running: Collection[uuid.UUID] = ()) -> list[Generation]:
    """Takes the generations whose worker's lease has run out; never what `worker` is running
    itself: one so busy that its beat comes late is not dead.
    """
    with transaction.atomic():
        expired = Generation.objects.filter(status=Status.RUNNING, lease_until__lt=timezone.now())
        expired = expired.exclude(pk__in=running, worker=worker)
        rows = list(expired.order_by("lease_until", "pk").values_list("pk", "epoch"))
        return _take([(id, expired.filter(epoch=epoch)) for id, epoch in rows], worker)


def renew(worker: str, running: Collection[uuid.UUID]) -> Renewal:
    """Prolongs the leases of what a worker runs; only of that: what it has claimed without
    learning of it, because the connection broke, must run out."""
    mine = Generation.objects.filter(pk__in=running, worker=worker, status=Status.RUNNING)
    mine.update(lease_until=lease_end())
    # One query even when nothing runs: that it comes back is the worker's proof of life.
    rows = Generation.objects.filter(Q(worker=worker, status=Status.RUNNING) | Q(pk__in=running))
    known = {id: rest for id, *rest in rows.values_list("pk", "worker", "stop_requested")}
    deleted = set(running) - set(known)
    stop = {id for id in running if id in known and known[id] == [worker, True]}
    lost = {id for id in running if id in known and known[id][0] != worker}
    return Renewal(stop | deleted, lost)


def release(worker: str) -> int:
    """Hands over all that a worker runs; how many those are."""
    mine = Generation.objects.filter(worker=worker, status=Status.RUNNING)
    return mine.update(lease_until=None)


def lease_end() -> datetime:
    """When a lease that begins or is prolonged now runs out."""
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)


def _claims_alone() -> bool:
    """Whether nobody else claims until this transaction ends. Waits for nobody: the thread
    has the log to write as well."""
    if connection.vendor != "postgresql":
        return True  # it began with BEGIN IMMEDIATE
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true),"
            " pg_try_advisory_xact_lock(%s)",
            [str(CLAIM_MS), CLAIMS],
        )
        return bool(cursor.fetchone()[1])


def _take(
    candidates: list[tuple[uuid.UUID, models.QuerySet[Generation]]], worker: str
) -> list[Generation]:
    """Those of the candidates that are still to be had when the update comes to them."""
    taken = [
        id
        for id, rows in candidates
        if rows.filter(pk=id).update(
            status=Status.RUNNING,
            worker=worker,
            epoch=F("epoch") + 1,
            lease_until=lease_end(),
            started=Coalesce("started", timezone.now()),
        )
        == 1
    ]
    rows = Generation.objects.filter(pk__in=taken).order_by("created", "pk")
    return list(rows.select_related("turn__conversation"))
