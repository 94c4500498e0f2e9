"""Any sequence of reserve, settle, release, expire, reverse and new limits keeps the books."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from billing import ledger, reservations
from billing.budgets import standings
from billing.models import (
    Account,
    Budget,
    DailySpend,
    LedgerEntry,
    Period,
    Price,
    Reservation,
    ReservationState,
)
from billing.pricing import quote
from billing.usage import TokenUsage

MODEL = "metered-model"
tokens = st.integers(0, 3000)


class Money(RuleBasedStateMachine):
    """One account with a hard limit a day and one for ever."""

    open_rounds = Bundle("open_rounds")
    entries = Bundle("entries")

    @initialize(limit=st.integers(0, 500))
    def begin(self, limit: int) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        Price.objects.create(
            model=MODEL,
            input=Decimal(2),
            output=Decimal(10),
            cache_write=Decimal("2.5"),
            reason="-",
        )
        user = get_user_model()._default_manager.create(username=uuid.uuid4().hex)
        self.account = Account.objects.get(user=user)
        Budget.objects.all().delete()
        self.day = Budget.objects.create(
            account=self.account, period=Period.DAY, limit=Decimal(limit) / 10_000
        )
        Budget.objects.create(account=self.account, period=Period.TOTAL, limit=Decimal("0.04"))
        self.posted = Decimal(0)
        self.lowered = False

    @rule(target=open_rounds, inputs=tokens, outputs=tokens)
    def reserve(self, inputs: int, outputs: int) -> Any:
        generation = uuid.uuid4()
        price = quote(MODEL)
        assert price is not None
        try:
            held = reservations.reserve(self.account, generation, price, inputs, outputs)
        except reservations.BudgetExceeded:
            return multiple()
        assert held.max_output_tokens <= outputs
        return generation

    @rule(target=entries, generation=open_rounds, used=st.floats(0, 1), cached=st.floats(0, 1))
    def settle(self, generation: uuid.UUID, used: float, cached: float) -> Any:
        held = Reservation.objects.get(generation=generation)
        price = quote(MODEL)
        assert price is not None
        usage = TokenUsage(
            input_tokens=held.input_tokens,
            output_tokens=int(held.max_output_tokens * used),
            cached_tokens=int(held.input_tokens * cached),
        )
        amount = price.cost(usage).amount
        was_open = held.state == ReservationState.OPEN
        entry = reservations.settle(generation, amount, model=MODEL) if was_open else None
        if entry is None:
            return multiple()
        self.posted += amount
        return entry.pk

    @rule(generation=open_rounds)
    def settle_again(self, generation: uuid.UUID) -> None:
        if LedgerEntry.objects.filter(generation=generation).exists():
            assert reservations.settle(generation, Decimal(1), model=MODEL) is None

    @rule(generation=open_rounds)
    def release(self, generation: uuid.UUID) -> None:
        reservations.release(generation)

    @rule()
    def expire_all(self) -> None:
        reservations.expire(Reservation.objects.none().values("generation"), timezone.now())

    @rule(entry=entries)
    def reverse(self, entry: int) -> None:
        try:
            reversal = ledger.reverse(LedgerEntry.objects.get(pk=entry), "a mistake", "admin")
        except ledger.AlreadyReversed:
            return
        self.posted += reversal.amount

    @rule(limit=st.integers(0, 500))
    def change_limit(self, limit: int) -> None:
        self.day.limit = Decimal(limit) / 10_000
        self.day.save()
        self.lowered = any(standing.remaining < 0 for standing in standings(self.account))

    @invariant()
    def limits_hold(self) -> None:
        if not hasattr(self, "account"):
            return
        for standing in standings(self.account):
            if not self.lowered:
                assert standing.spent + standing.reserved <= standing.budget.limit
            assert standing.spent == self.posted
        sums = LedgerEntry.objects.aggregate(Sum("amount"))["amount__sum"] or 0
        rolled = DailySpend.objects.aggregate(Sum("amount"))["amount__sum"] or 0
        assert sums == rolled == self.posted

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)


@pytest.mark.django_db
def test_what_is_spent_and_held_never_exceeds_a_limit() -> None:
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
