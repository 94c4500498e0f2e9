"""Prices, limits and the ledger of a site in another process, through its database."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from billing.models import Account, Budget, LedgerEntry, Price, Reservation
from tests.site import Person, SiteProcess

MODEL = "test-model"


def set_price(site: SiteProcess, input: str = "2", output: str = "10", model: str = MODEL) -> None:
    """USD per million tokens, from long ago on; a running site learns it within seconds."""

    def write(alias: str) -> None:
        values = {"input": Decimal(input), "output": Decimal(output), "reason": "test"}
        Price.objects.using(alias).create(
            model=model, effective_from="2020-01-01T00:00:00Z", **values
        )

    site.in_database(write)


def set_limits(site: SiteProcess, person: Person, **limits: str) -> None:
    """Replaces the budgets of a person: period → USD."""

    def write(alias: str) -> None:
        account = Account.objects.using(alias).get(user_id=person.id)
        for budget in Budget.objects.using(alias).filter(account=account):
            budget.delete(using=alias)
        for period, limit in limits.items():
            Budget(account=account, period=period, limit=Decimal(limit)).save(using=alias)

    site.in_database(write)


def entries(site: SiteProcess, person: Person) -> Sequence[LedgerEntry]:
    """The ledger of a person, oldest first."""
    return site.in_database(partial(_rows, LedgerEntry, person))


def reservations(site: SiteProcess, person: Person) -> Sequence[Reservation]:
    """The reservations of a person, oldest first."""
    return site.in_database(partial(_rows, Reservation, person))


def _rows(model: Any, person: Person, alias: str) -> list[Any]:
    return list(model.objects.using(alias).filter(account__user=person.id).order_by("pk"))
