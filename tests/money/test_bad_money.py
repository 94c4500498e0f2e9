"""Money that makes no sense: refused in words where people type it, and by the database."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, models, transaction
from django.forms import modelform_factory
from django.utils import timezone

from billing import reservations
from billing.models import Alert, Budget, Price, Reservation, Team
from billing.quotes import Quote, Rates
from tests.money.engines import *  # noqa: F403
from tests.money.people import account

NOT_IN_RANGE = ["-0.0000000001", "-1", "1000000.0000000001", "1000001", "1e12", "1e30", "9e999"]
NO_AMOUNTS = [
    "NaN",
    "sNaN",
    "-Infinity",
    "Infinity",
    "0.12345678901",
    "$5",
    "5 USD",
    "1,50",
    "",
    "x",
]
REFUSED = (IntegrityError, DataError, OverflowError, ValidationError)
"""Whoever comes first: the column itself, SQLite's driver (no more than 64 bits), the database."""


def errors(row: models.Model) -> dict[str, list[str]]:
    """What full_clean says, by field."""
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    return dict(refused.value.message_dict)


@pytest.mark.parametrize("limit", [*NOT_IN_RANGE, *NO_AMOUNTS, None, "nan", float("inf"), object()])
def test_a_limit_that_is_no_limit_is_refused_by_its_name(engine: str, limit: Any) -> None:
    budget = Budget(account=account(), period="day", limit=limit)
    assert "limit" in errors(budget)
    assert not Budget.objects.exists()


@pytest.mark.parametrize("limit", [*NOT_IN_RANGE, *NO_AMOUNTS])
def test_a_form_refuses_it_too(engine: str, limit: str) -> None:
    form = modelform_factory(Budget, fields=["account", "period", "limit"])(
        {"account": str(account().pk), "period": "day", "limit": limit}
    )
    assert list(form.errors) == ["limit"]


@pytest.mark.parametrize("limit", ["0", "0.0000000001", "1000000", "12.50", "1e3"])
def test_what_is_an_amount_is_kept_to_the_last_place(engine: str, limit: str) -> None:
    budget = Budget(account=account(), period="day", limit=limit)
    budget.full_clean()
    budget.save()
    assert Budget.objects.get().limit == Decimal(limit)


@pytest.mark.parametrize("limit", NOT_IN_RANGE)
@pytest.mark.parametrize("way", ["save", "bulk_create", "update"])
def test_the_database_refuses_a_limit_that_nobody_checked(
    engine: str, limit: str, way: str
) -> None:
    owner = account()
    budget = Budget(account=owner, period="day", limit=Decimal(limit))
    ways: dict[str, Callable[[], object]] = {
        "save": budget.save,
        "bulk_create": lambda: Budget.objects.bulk_create([budget]),
        "update": lambda: Budget.objects.update(limit=Decimal(limit)),
    }
    if way == "update":
        Budget.objects.create(account=owner, period="day", limit=Decimal(1))
    with pytest.raises(REFUSED), transaction.atomic():
        ways[way]()
    assert [kept.limit for kept in Budget.objects.all()] == (
        [Decimal(1)] if way == "update" else []
    )


@pytest.mark.parametrize("limit", ["NaN", "Infinity", "0.12345678901", "$5"])
def test_what_is_no_amount_never_gets_to_the_database(engine: str, limit: str) -> None:
    with pytest.raises(ValidationError), transaction.atomic():
        Budget.objects.create(account=account(), period="day", limit=limit)
    assert not Budget.objects.exists()


@pytest.mark.parametrize("value", ["-1", "10000000000000001", "'$5'", "'NaN'", "NULL"])
def test_the_database_refuses_a_limit_written_by_hand(engine: str, value: str) -> None:
    Budget.objects.create(account=account(), period="day", limit=Decimal(1))
    with (
        pytest.raises((IntegrityError, DataError)),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f'UPDATE billing_budget SET "limit" = {value}')
    assert Budget.objects.get().limit == 1


def test_a_period_has_one_limit(engine: str) -> None:
    owner, team = account(), Team.objects.create(name="Research")
    for who in ({"account": owner}, {"team": team}):
        Budget.objects.create(period="day", limit=Decimal(1), **who)
        again = Budget(period="day", limit=Decimal(2), **who)
        [said] = errors(again)["__all__"]
        assert "Period" in said
        with pytest.raises(IntegrityError), transaction.atomic():
            again.save()
        with pytest.raises(IntegrityError), transaction.atomic():
            Budget.objects.bulk_create([again])
    assert Budget.objects.count() == 2


def test_a_period_must_be_known(engine: str) -> None:
    budget = Budget(account=account(), period="week", limit=Decimal(1))
    assert "period" in errors(budget)
    with pytest.raises(IntegrityError, match="budget_period_is_known"), transaction.atomic():
        budget.save()


def test_a_budget_has_one_owner(engine: str) -> None:
    team = Team.objects.create(name="Research")
    for who in ({}, {"account": account(), "team": team}):
        budget = Budget(period="day", limit=Decimal(1), **who)
        assert "__all__" in errors(budget)
        with pytest.raises(IntegrityError, match="budget_of_one_owner"), transaction.atomic():
            budget.save()


@pytest.mark.parametrize("name", ["input", "cached_input", "cache_write", "output"])
@pytest.mark.parametrize("amount", [*NOT_IN_RANGE, "NaN", "Infinity", "$5"])
def test_a_price_that_is_no_price_is_refused_by_its_name(
    engine: str, name: str, amount: str
) -> None:
    values = {"input": Decimal(1), "output": Decimal(1), name: amount}
    price = Price(model="model-a", reason="contract", **values)
    assert name in errors(price)
    with pytest.raises(REFUSED), transaction.atomic():
        price.save()


def test_a_price_is_set_once_a_moment(engine: str) -> None:
    now = timezone.now()
    values = {"input": Decimal(1), "output": Decimal(1), "effective_from": now, "reason": "x"}
    Price.objects.create(model="model-a", **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.create(model="model-a", **values)


@pytest.mark.parametrize(
    "tool_calls",
    [{"web_search_call": "-1"}, {"web_search_call": "NaN"}, {"web_search_call": "$1"}, [], "x"],
)
def test_the_price_of_a_tool_call_is_an_amount(engine: str, tool_calls: Any) -> None:
    prices = {"input": Decimal(1), "output": Decimal(1), "tool_calls": tool_calls}
    if tool_calls != []:  # nothing at all is as good as {}
        assert "tool_calls" in errors(Price(model="model-a", reason="x", **prices))


@pytest.mark.parametrize("zone", ["", "Berlin", "UTC+1", "../etc/passwd", "europe/berlin"])
def test_a_time_zone_is_one_of_the_database(engine: str, zone: str) -> None:
    owner = account()
    owner.time_zone = zone
    assert "time_zone" in errors(owner)


@pytest.mark.parametrize(
    "columns",
    [
        {"amount": Decimal("-0.1")},
        {"state": "settled"},  # and not closed
        {"closed": "2026-11-21T12:00:00Z"},  # and open
        {"input_tokens": -1},
        {"max_output_tokens": -1},
    ],
)
def test_the_database_refuses_a_reservation_that_makes_no_sense(
    engine: str, columns: dict[str, Any]
) -> None:
    values = {"amount": Decimal("0.1"), "input_tokens": 1, "max_output_tokens": 1, **columns}
    with pytest.raises(IntegrityError), transaction.atomic():
        Reservation.objects.create(
            account=account(), generation=uuid.uuid4(), model="model-a", **values
        )


def test_a_round_is_reserved_once(engine: str) -> None:
    owner, generation = account(), uuid.uuid4()
    rates = Rates(Decimal(2), Decimal(10), Decimal(2), Decimal(2))
    quote = Quote("model-a", (rates,))
    with transaction.atomic():
        first = reservations.reserve(owner, generation, quote, 1000, 1000)
        second = reservations.reserve(owner, generation, quote, 500, 1000)
    assert (first.pk, second.amount) == (second.pk, Decimal("0.011"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Reservation.objects.create(
            account=owner,
            generation=generation,
            model="model-a",
            amount=Decimal(0),
            input_tokens=1,
            max_output_tokens=1,
        )


def test_a_warning_is_noted_once(engine: str) -> None:
    budget = Budget.objects.create(account=account(), period="day", limit=Decimal(1))
    values = {"period_start": timezone.now(), "limit": Decimal(1), "spent": Decimal(1)}
    Alert.objects.create(budget=budget, **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(budget=budget, **values)
