"""Colleagues who ask and pay, and the clock on their wall: what stories of money are told with.

Prices, in USD per million tokens, which are micros (millionths of a dollar) a token:

    luna    2 in, 10 out; cached input 0.50
    sol    10 in, 40 out

A question of up to 3 bytes is estimated at 1 token, and at 8 more for the message around it.
The longest answer has 1,000 tokens. So the most that "Hi?" can cost is

    luna    9 × 2 + 1,000 × 10 = 10,018 micros = 0.010018 USD
    sol     9 × 10 + 1,000 × 40 = 40,090 micros = 0.04009 USD

A test file takes the fixtures with `from tests.money.office import *`.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from pytest_django import Settings

from billing import pricing
from billing.budgets import Standing, standings
from billing.models import Account, Budget, Team
from billing.usage import TokenUsage
from conversations import charges, turns
from conversations.models import Generation
from conversations.protocol import CreateTurn, Refused
from tests.money.people import account
from tests.prices import own

__all__ = ["clock", "prices"]

BERLIN = ZoneInfo("Europe/Berlin")


class Clock:
    """The clock on the wall in Berlin."""

    def __init__(self, travel: Any) -> None:
        self.travel = travel
        self.day = "2026-11-20"

    def strikes(self, time: str, day: str = "") -> None:
        self.day = day or self.day
        self.travel.move_to(datetime.fromisoformat(f"{self.day}T{time}").replace(tzinfo=BERLIN))


class Colleague:
    """Somebody who asks, and pays for answers."""

    def __init__(self, team: Team | None = None, **limits: str) -> None:
        self.account = account(team=team, time_zone=str(BERLIN))
        for period, limit in limits.items():
            Budget.objects.create(account=self.account, period=period, limit=Decimal(limit))

    def asks(self, model: str = "luna", text: str = "Hi?") -> Generation:
        assert self.account.user
        command = CreateTurn(id=uuid.uuid4(), conversation=None, text=text)
        return turns.start_turn(self.account.user, command, model).generation

    def is_refused(self, model: str = "luna") -> Refused:
        """Asks in vain; the refusal."""
        with pytest.raises(Refused) as refusal:
            self.asks(model)
        assert refusal.value.code == "budget_exceeded"
        return refusal.value

    def standing(self, period: str = "day") -> Standing:
        [found] = [one for one in standings(self.account) if one.budget.period == period]
        return found

    @property
    def spent(self) -> Decimal:
        return self.standing().spent

    @property
    def held(self) -> Decimal:
        return self.standing().reserved


def answered(generation: Generation, inputs: int, outputs: int, cached: int = 0) -> Decimal:
    """Upstream has answered with so many tokens; what that cost."""
    return posted(generation, "completed", TokenUsage(inputs, outputs, cached_tokens=cached))


def posted(generation: Generation, status: str, usage: TokenUsage | None) -> Decimal:
    charge = charges.charge_of(generation, status, usage, [], {})
    entry = charges.settle(charge)
    return entry.amount if entry else Decimal(0)


def small_ones(of: Account) -> list[Any]:
    """Reservations of the small model that are still open."""
    return list(of.reservations.filter(model="luna", state="open"))


@pytest.fixture(autouse=True)
def prices(engine: str, settings: Settings) -> None:
    settings.MAX_OUTPUT_TOKENS = 1000
    settings.UNPRICED_MODELS = "refuse"
    own("luna", "2", "10", cached_input=Decimal("0.50"))
    own("sol", "10", "40")
    pricing.forget()


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(datetime(2026, 11, 20, tzinfo=BERLIN), tick=False) as travel:
        yield Clock(travel)
