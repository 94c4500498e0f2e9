"""What becomes of money that was held: each step may be repeated and changes nothing then."""

import uuid
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing import ledger, reservations
from billing.budgets import standings
from billing.models import (
    Account,
    Budget,
    DailySpend,
    EntryKind,
    LedgerEntry,
    Reservation,
    ReservationState,
)
from billing.quotes import Quote, Rates
from tests.money.engines import *  # noqa: F403
from tests.money.people import account, spend

RATES = Rates(input=Decimal(2), output=Decimal(10), cached_input=Decimal(1), cache_write=Decimal(2))
QUOTE = Quote("model-a", (RATES,))


def held(spender: Account, output: int = 1000) -> uuid.UUID:
    """A generation for which 1,000 input tokens and some output are held."""
    generation = uuid.uuid4()
    with transaction.atomic():
        reservations.reserve(spender, generation, QUOTE, 1000, output)
    return generation


def state(generation: uuid.UUID) -> str:
    return Reservation.objects.get(generation=generation).state


def test_settling_twice_posts_once(engine: str) -> None:
    spender = account()
    generation = held(spender)
    assert reservations.settle(generation, Decimal("0.007"), model="model-a", output_tokens=500)
    assert reservations.settle(generation, Decimal("0.009"), model="model-a") is None
    entry = LedgerEntry.objects.get()
    assert (entry.amount, entry.output_tokens) == (Decimal("0.007"), 500)
    assert entry.reservation and entry.reservation.state == ReservationState.SETTLED
    day = DailySpend.objects.get()
    assert (day.amount, day.entries, day.output_tokens) == (Decimal("0.007"), 1, 500)


def test_what_is_closed_stays_closed(engine: str) -> None:
    spender = account()
    settled, released, expired = held(spender), held(spender), held(spender)
    reservations.settle(settled, Decimal("0.007"), model="model-a")
    assert reservations.release(released)
    everything = LedgerEntry.objects.none().values("generation")
    assert reservations.expire(everything, timezone.now() + timedelta(seconds=1)) == 1
    assert not reservations.release(settled)
    assert not reservations.release(released)
    assert not reservations.release(expired)
    assert reservations.expire(everything, timezone.now() + timedelta(seconds=1)) == 0
    assert [state(one) for one in (settled, released, expired)] == [
        "settled",
        "released",
        "expired",
    ]


def test_what_was_spent_counts_even_if_nothing_was_held_for_it_any_more(engine: str) -> None:
    spender = account()
    generation = held(spender)
    reservations.release(generation)
    assert reservations.settle(generation, Decimal("0.007"), model="model-a")
    assert state(generation) == "released"
    assert LedgerEntry.objects.get().amount == Decimal("0.007")


def test_nothing_is_posted_for_a_generation_without_a_reservation(engine: str) -> None:
    assert reservations.settle(uuid.uuid4(), Decimal("0.007"), model="model-a") is None
    assert not reservations.release(uuid.uuid4())
    assert not LedgerEntry.objects.exists()


def test_a_title_is_an_entry_of_its_own(engine: str) -> None:
    spender, generation = account(), uuid.uuid4()
    for kind in (EntryKind.ROUND, EntryKind.TITLE, EntryKind.TITLE):
        ledger.post(spender, Decimal("0.1"), model="a", generation=generation, kind=kind)
    assert [entry.kind for entry in LedgerEntry.objects.order_by("pk")] == ["round", "title"]


def test_sums_are_exact(engine: str) -> None:
    spender = account()
    Budget.objects.create(account=spender, period="total", limit=Decimal(1_000_000))
    for _ in range(3):
        spend(spender, "0.1")
    spend(spender, "0.0000000001")
    spend(spender, "999999.6999999999")
    assert standings(spender)[0].remaining == 0
