"""What many accounts spent and how near their limits they are, in three queries for a page."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Sum, prefetch_related_objects

from billing.models import Account, Budget, DailySpend, Period
from billing.reports import share

ZERO = Decimal(0)


class LimitUse(NamedTuple):
    """How much of an account's own budget is spent; `share` 1 = all of it."""

    budget: Budget
    spent: Decimal
    share: Decimal


class Spending(NamedTuple):
    """An account's spend in its own today and this month, and its budget that is fullest."""

    today: Decimal
    month: Decimal
    fullest: LimitUse | None


def spending(accounts: Sequence[Account], now: datetime) -> dict[int, Spending]:
    """Account id → its figures, from the daily roll-ups.

    Limits of an hour are left out, as no day tells them, and those of a team, which stand on
    the team's page. What is held at the moment is not counted.
    """
    prefetch_related_objects(list(accounts), "budgets")
    dates = {a.pk: now.astimezone(ZoneInfo(a.time_zone)).date() for a in accounts}
    by_day = _by_day(dates)
    ever = _ever([a.pk for a in accounts if any(b.period == Period.TOTAL for b in _own(a))])
    figures = {}
    for account in accounts:
        days, today = by_day[account.pk], dates[account.pk]
        month = sum((usd for day, usd in days.items() if day >= today.replace(day=1)), ZERO)
        spent = {
            str(Period.DAY): days.get(today, ZERO),
            str(Period.MONTH): month,
            str(Period.TOTAL): ever.get(account.pk, ZERO),
        }
        uses = [
            LimitUse(b, spent[b.period], _share(spent[b.period], b.limit))
            for b in _own(account)
            if b.period in spent
        ]
        fullest = max(uses, key=lambda use: use.share, default=None)
        figures[account.pk] = Spending(spent[Period.DAY], month, fullest)
    return figures


def _own(account: Account) -> list[Budget]:
    return list(account.budgets.all())


def _share(spent: Decimal, limit: Decimal) -> Decimal:
    """More than 1 when a limit was lowered; a limit of nothing is always used up."""
    return max(spent, ZERO) / limit if limit else share(1, 1)


def _by_day(dates: dict[int, date]) -> dict[int, dict[date, Decimal]]:
    """Account → day → spent, of this month. Months begin at different moments; the days that
    are too many are left to the caller."""
    found: dict[int, dict[date, Decimal]] = defaultdict(dict)
    if dates:
        first = (min(dates.values()) - timedelta(days=1)).replace(day=1)
        rows = DailySpend.objects.filter(account__in=list(dates), day__gte=first)
        for account, day, usd in rows.values_list("account", "day").annotate(usd=Sum("amount")):
            found[account][day] = usd
    return found


def _ever(accounts: list[int]) -> dict[int, Decimal]:
    """Account → all it ever spent."""
    if not accounts:
        return {}
    rows = DailySpend.objects.filter(account__in=accounts).values_list("account")
    return dict(rows.annotate(usd=Sum("amount")))
