"""Money held before upstream is asked, and what becomes of it.

    reserve → (adjust) → settle | release | expire

Each is a step in the caller's transaction, and each may be repeated: the second time it
changes nothing.
"""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from billing import ledger
from billing.budgets import Standing, standings
from billing.models import Account, LedgerEntry, Reservation, ReservationState, Team
from billing.pricing import Quote

LEAST_OUTPUT_TOKENS = 64
"""An answer that the budget would cut before so many tokens is not worth beginning."""


class BudgetExceeded(Exception):
    """A limit does not bear even a short answer."""

    def __init__(self, standing: Standing) -> None:
        self.period: str = standing.budget.period
        self.limit = standing.budget.limit
        self.resets_at: datetime | None = standing.span.end
        super().__init__(f"the budget of {self.limit} USD ({self.period}) is used up")


def lock(account: Account) -> Account:
    """Locks what an account's money depends on, until the transaction ends: its team, then
    itself. Returns it as it is now. Lock nothing else afterwards."""
    assert transaction.get_connection().in_atomic_block
    while True:
        if account.team_id:
            Team.objects.select_for_update(no_key=True).get(pk=account.team_id)
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        if locked.team_id == account.team_id:
            return locked
        # It has joined another team since it was read: that one's limit holds. Its lock comes
        # after the account's this time; a deadlock is resolved by the database, and repeated.
        account = locked


def reserve(
    account: Account,
    generation: uuid.UUID,
    quote: Quote,
    input_tokens: int,
    max_output_tokens: int,
    *,
    round: int = 1,
    input_estimated: bool = True,
    spent: Decimal = Decimal(0),
) -> Reservation:
    """Holds the most that a round can cost, and what was `spent` on it already. Locks the
    account: call it late.

    When a budget can't bear it, `max_output_tokens` of the reservation is lowered to what it
    can bear, and `capped` is set. An open reservation of the same round is adjusted, which
    needs no more than the difference; a closed one is returned as it is.

    Raises:
        BudgetExceeded: not even LEAST_OUTPUT_TOKENS fit. Nothing was changed.
    """
    account = lock(account)
    held = Reservation.objects.filter(generation=generation, round=round).first()
    if held is not None and held.state != ReservationState.OPEN:
        return held
    own = held.amount if held else Decimal(0)
    tokens = _bearable(account, own - spent, quote, input_tokens, max_output_tokens)
    values: dict[str, Any] = {
        "model": quote.model,
        "amount": quote.worst(input_tokens, tokens) + spent,
        "input_tokens": input_tokens,
        "input_estimated": input_estimated,
        "max_output_tokens": tokens,
        "capped": tokens < max_output_tokens,
    }
    if held is None:
        held = Reservation(account=account, generation=generation, round=round)
    return _written(held, values)


def _written(held: Reservation, values: dict[str, Any]) -> Reservation:
    """Of a row that is there only these columns: it may be closed at this moment."""
    for name, value in values.items():
        setattr(held, name, value)
    held.save(update_fields=None if held._state.adding else list(values))
    return held


def settle(
    generation: uuid.UUID, amount: Decimal, *, round: int = 1, **columns: Any
) -> LedgerEntry | None:
    """Posts what a round cost and frees what was held for it.

    `columns` are those of LedgerEntry. None when it had been posted before, or when nothing was
    ever held for it. Needs no lock: nothing becomes scarcer.
    """
    held = Reservation.objects.select_related("account").filter(generation=generation, round=round)
    reservation = held.first()
    if reservation is None:
        return None
    entry = ledger.post(
        reservation.account,
        amount,
        generation=generation,
        round=round,
        reservation=reservation,
        **columns,
    )
    _close(reservation, ReservationState.SETTLED)
    return entry


def release(generation: uuid.UUID, *, round: int = 1) -> bool:
    """Frees what was held for a round that cost nothing; whether anything was held."""
    open_ones = Reservation.objects.filter(generation=generation, round=round)
    reservation = open_ones.first()
    return reservation is not None and _close(reservation, ReservationState.RELEASED)


def expire(open_generations: QuerySet[Any], before: datetime) -> int:
    """Frees what is still held, since before `before`, for generations that have ended or are
    gone; how many those were. `open_generations` selects the ids of those that have not.

    A generation and its settlement are written in one transaction, so that this finds only
    what was never asked: a turn deleted while it waited.
    """
    forgotten = Reservation.objects.filter(state=ReservationState.OPEN, created__lt=before)
    gone = forgotten.exclude(generation__in=open_generations)
    return gone.update(state=ReservationState.EXPIRED, closed=timezone.now())


def _close(reservation: Reservation, state: ReservationState) -> bool:
    """Whether it was open: of two that close it, one does."""
    still_open = Reservation.objects.filter(pk=reservation.pk, state=ReservationState.OPEN)
    return still_open.update(state=state, closed=timezone.now()) == 1


def _bearable(account: Account, own: Decimal, quote: Quote, input_tokens: int, wanted: int) -> int:
    """Output tokens, at most `wanted`, that the hard budgets bear; `own` of it is free.

    Raises:
        BudgetExceeded: too few to begin, or not even the input fits.
    """
    hard = [standing for standing in standings(account) if not standing.budget.soft]
    tightest = min(hard, key=lambda standing: standing.remaining, default=None)
    if tightest is None:
        return wanted
    room = tightest.remaining + own
    tokens = quote.output_within(room, input_tokens, wanted)
    too_few = tokens < min(LEAST_OUTPUT_TOKENS, wanted)
    if too_few or not (quote.is_free or quote.worst(input_tokens, tokens) <= room):
        raise BudgetExceeded(tightest)
    return tokens
