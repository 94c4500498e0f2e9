"""Who may run a generation: claims by conditional update, renewed, handed over."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations import leases
from conversations.models import Generation, Status
from tests.unit.generations import claimed, queued

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.RUNNING, "worker": "other"},
        {"status": Status.STOPPED, "ended": timezone.now()},
    ],
)
def test_a_claim_that_comes_too_late_claims_nothing(change: dict[str, Any]) -> None:
    generation = queued()
    gap = Generation.objects.filter(status=Status.QUEUED)
    Generation.objects.filter(pk=generation.pk).update(**change)  # between the look and the update
    assert leases._take([(generation.pk, gap)], "late") == []
    generation.refresh_from_db()
    assert generation.worker != "late"


def test_a_takeover_whose_lease_was_renewed_in_the_gap_takes_nothing() -> None:
    generation = claimed("one")
    past = timezone.now() - timedelta(seconds=1)
    Generation.objects.filter(pk=generation.pk).update(lease_until=past)
    expired = Generation.objects.filter(status=Status.RUNNING, lease_until__lt=timezone.now())
    leases.renew("one", [generation.pk])
    assert leases._take([(generation.pk, expired.filter(epoch=1))], "two") == []
    assert leases.take_over("two") == []


def test_a_worker_whose_beat_is_late_takes_nothing_from_itself() -> None:
    running, forgotten = claimed("one"), claimed("one")
    Generation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert leases.take_over("one", {running.pk}) == [forgotten]
    assert leases.take_over("two", {running.pk}) == [running]


def test_only_what_a_worker_runs_is_renewed_and_it_learns_of_the_rest() -> None:
    kept, stopped, lost, deleted, forgotten = (claimed("one") for _ in range(5))
    past = timezone.now() - timedelta(seconds=1)
    Generation.objects.update(lease_until=past)
    Generation.objects.filter(pk=stopped.pk).update(stop_requested=True)
    Generation.objects.filter(pk=lost.pk).update(worker="two")
    running = {kept.pk, stopped.pk, lost.pk, deleted.pk}
    Generation.objects.filter(pk=deleted.pk).delete()
    assert leases.renew("one", running) == ({stopped.pk, deleted.pk}, {lost.pk})
    kept.refresh_from_db()
    forgotten.refresh_from_db()
    assert kept.lease_until is not None
    assert kept.lease_until > timezone.now()
    assert forgotten.lease_until == past


def test_what_was_handed_over_is_free_at_once_and_keeps_its_start() -> None:
    generation = claimed("one")
    assert leases.claim("two") == []
    assert leases.release("one") == 1
    [mine] = leases.claim("two")
    assert mine.pk == generation.pk
    assert (mine.worker, mine.epoch, mine.started) == ("two", 2, generation.started)


def test_each_generation_is_claimed_once_and_its_epoch_grows() -> None:
    generation = queued()
    first, second = leases.claim("one"), leases.claim("two")
    assert [row.pk for row in first] == [generation.pk]
    assert second == []
    assert first[0].epoch == 1
