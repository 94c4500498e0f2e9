"""Who runs which generation: claims by conditional update, leases, takeovers.

Every function is one transaction. A claim raises the generation's epoch; the recorder writes
nothing under an older one.
"""

import uuid
from datetime import timedelta

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from conversations.models import Generation, Status

LEASE = timedelta(seconds=10)
"""How long a worker that gives no sign of life keeps its generations."""


def claim(worker: str, most: int) -> list[Generation]:
    """Takes up to `most` queued generations, oldest first."""
    with transaction.atomic():
        queued = Generation.objects.filter(status=Status.QUEUED).order_by("created", "pk")
        ids = list(queued.values_list("pk", flat=True)[:most])
        return _take([(id, Generation.objects.filter(status=Status.QUEUED)) for id in ids], worker)


def take_over(worker: str, most: int) -> list[Generation]:
    """Takes up to `most` generations whose worker's lease has run out."""
    with transaction.atomic():
        expired = Generation.objects.filter(status=Status.RUNNING, lease_until__lt=timezone.now())
        rows = list(expired.order_by("lease_until", "pk").values_list("pk", "epoch")[:most])
        return _take([(id, expired.filter(epoch=epoch)) for id, epoch in rows], worker)


def renew(worker: str) -> set[uuid.UUID]:
    """Prolongs all leases of a worker; the generations that it is to go on with.

    Those that somebody asked to stop, took over or deleted are not among them.
    """
    mine = Generation.objects.filter(worker=worker, status=Status.RUNNING)
    mine.update(lease_until=timezone.now() + LEASE)
    return set(mine.filter(stop_requested=False).values_list("pk", flat=True))


def _take(
    candidates: list[tuple[uuid.UUID, models.QuerySet[Generation]]], worker: str
) -> list[Generation]:
    """Those of the candidates that are still to be had when the update comes to them."""
    now = timezone.now()
    taken = [
        id
        for id, rows in candidates
        if rows.filter(pk=id).update(
            status=Status.RUNNING,
            worker=worker,
            epoch=F("epoch") + 1,
            lease_until=now + LEASE,
            started=now,
        )
        == 1
    ]
    rows = Generation.objects.filter(pk__in=taken).order_by("created", "pk")
    return list(rows.select_related("turn__conversation"))
