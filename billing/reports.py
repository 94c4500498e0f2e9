"""Sums of what was spent: for the spend dashboard, /usage/ and their CSV files.

Everything comes from DailySpend, which the posting transaction keeps, so that a million ledger
rows cost no more than their days. A **day** is the account's own: the one of its time zone when
the entry was posted. Sums over accounts of several zones add their days of the same date.
A reversal counts on the day it was made, negative: a day may fall below nothing.
Amounts are USD.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Sum

from billing.models import Account, DailySpend, Team

ZERO = Decimal(0)


@dataclass(frozen=True)
class Filter:
    """What is summed: days from `from_day` to `to_day`, both included; None is no bound."""

    from_day: date | None = None
    to_day: date | None = None
    model: str = ""
    account: Account | None = None
    team: Team | None = None

    def rows(self) -> "QuerySet[DailySpend]":
        rows = DailySpend.objects.all()
        if self.from_day:
            rows = rows.filter(day__gte=self.from_day)
        if self.to_day:
            rows = rows.filter(day__lte=self.to_day)
        if self.model:
            rows = rows.filter(model=self.model)
        if self.account:
            rows = rows.filter(account=self.account)
        if self.team:
            rows = rows.filter(account__in=Account.objects.filter(team=self.team).values("pk"))
        return rows

    def today(self, now: datetime) -> date:
        """The date at `now` where the account, or the team, is; else in UTC."""
        owner = self.account or self.team
        return now.astimezone(ZoneInfo(owner.time_zone if owner else "UTC")).date()


@dataclass(frozen=True)
class Totals:
    """What DailySpend sums up. Names are its columns."""

    amount: Decimal = ZERO
    """Spent."""
    saved: Decimal = ZERO
    """What cached input cost less than fresh input."""
    estimated_amount: Decimal = ZERO
    """The part of `amount` whose usage upstream did not report."""
    entries: int = 0
    """Upstream responses that were paid for, less those reversed."""
    estimated: int = 0
    """Those of them whose usage was not reported."""
    failed: int = 0
    """Those whose answer ended `failed`, `blocked` or `interrupted`, and yet cost something."""
    input_tokens: int = 0
    cached_tokens: int = 0
    """A part of `input_tokens`."""
    output_tokens: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(getattr(self, name) + getattr(other, name) for name in COLUMNS))


COLUMNS = [field.name for field in fields(Totals)]
_SUMS = {f"sum_{name}": Sum(name) for name in COLUMNS}


@dataclass(frozen=True)
class DayModel:
    """What one model cost on one day."""

    day: date
    model: str
    totals: Totals


@dataclass(frozen=True)
class AccountSpend:
    """What one account spent."""

    account: Account
    totals: Totals


@dataclass(frozen=True)
class Shares:
    """Parts of a whole, 0 to 1; 0 of nothing."""

    failed: Decimal
    """Failed of all entries."""
    estimated: Decimal
    """Estimated of all entries."""
    estimated_amount: Decimal
    """Estimated of all USD."""
    cached: Decimal
    """Cached of all input tokens."""


@dataclass(frozen=True)
class Forecast:
    """This month so far, and where it leads."""

    month_start: date
    today: date
    spent: Decimal
    elapsed: Decimal
    """Share of the month that is over, 0 to 1."""
    amount: Decimal | None
    """`spent ÷ elapsed`, as if the rest of the month went on like this; None on the first day."""


def totals(chosen: Filter) -> Totals:
    """The sum of everything chosen."""
    return _totals(chosen.rows().aggregate(**_SUMS))


def by_day_and_model(chosen: Filter) -> list[DayModel]:
    """A cell for each day and model that has spend, by day, then model."""
    rows = chosen.rows().values("day", "model").annotate(**_SUMS).order_by("day", "model")
    return [DayModel(row["day"], row["model"], _totals(row)) for row in rows]


def add_up(cells: Iterable[DayModel]) -> Totals:
    """The sum of cells: `totals` of the same filter without asking again."""
    return sum((cell.totals for cell in cells), Totals())


def top_accounts(chosen: Filter, count: int = 10) -> list[AccountSpend]:
    """Who spent most, with user and team at hand; those without spend are left out."""
    rows = chosen.rows().values("account").annotate(spent=Sum("amount"), **_SUMS)
    top = list(rows.filter(spent__gt=0).order_by("-spent", "account")[:count])
    accounts = Account.objects.select_related("user", "team").prefetch_related("budgets")
    found = accounts.in_bulk([row["account"] for row in top])
    return [AccountSpend(found[row["account"]], _totals(row)) for row in top]


def shares(of: Totals) -> Shares:
    """What part of a sum failed, is estimated, was cached."""
    return Shares(
        failed=share(of.failed, of.entries),
        estimated=share(of.estimated, of.entries),
        estimated_amount=share(of.estimated_amount, of.amount),
        cached=share(of.cached_tokens, of.input_tokens),
    )


def forecast(chosen: Filter, now: datetime) -> Forecast:
    """This month to date and at its end; the days of the filter don't count, the rest does.

    The elapsed share is that of whole days: days before today and the part of today that is
    over, by the days of the month. An hour lost or won by a change of the clock is not seen.
    """
    owner = chosen.account or chosen.team
    local = now.astimezone(ZoneInfo(owner.time_zone if owner else "UTC"))
    today = local.date()
    start = today.replace(day=1)
    spent = totals(Filter(start, today, chosen.model, chosen.account, chosen.team)).amount
    of_today = timedelta(hours=local.hour, minutes=local.minute) / timedelta(days=1)
    days = monthrange(today.year, today.month)[1]
    elapsed = (Decimal(today.day - 1) + Decimal(str(round(of_today, 4)))) / days
    amount = spent / elapsed if today.day > 1 else None
    return Forecast(start, today, spent, elapsed, amount)


def models_in_use(chosen: Filter) -> list[str]:
    """Every model that cost something in the days of the filter, by name."""
    rows = Filter(chosen.from_day, chosen.to_day).rows()
    return list(rows.order_by("model").values_list("model", flat=True).distinct())


def share(part: Decimal | int, whole: Decimal | int) -> Decimal:
    """`part` of `whole`, within 0 and 1: reversals may leave a part without its whole."""
    return min(max(Decimal(part) / Decimal(whole), ZERO), Decimal(1)) if whole > 0 else ZERO


def _totals(row: Mapping[str, Any]) -> Totals:
    """Nothing summed is None; PostgreSQL sums big integers as decimals."""
    values = {name: row[f"sum_{name}"] or 0 for name in COLUMNS}
    kinds = {name: type(getattr(Totals(), name)) for name in COLUMNS}
    return Totals(**{name: kinds[name](value) for name, value in values.items()})
