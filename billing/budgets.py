"""What is left of a limit: limit − posted − reserved, per period. Computed, never stored."""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from billing.models import (
    Account,
    Budget,
    LedgerEntry,
    Period,
    Reservation,
)
from billing.models.columns import PLACES
from billing.periods import Span, span

_ORDER = (Period.HOUR, Period.DAY, Period.MONTH, Period.TOTAL)


class Standing(NamedTuple):
    """How a budget stands in the period that holds a moment. Amounts in USD."""

    budget: Budget
    span: Span
    spent: Decimal
    reserved: Decimal

    @property
    def share(self) -> Decimal:
        """How much of the limit is spent, 1 = all; a limit of nothing is always used up."""
        limit: Decimal = self.budget.limit
        return self.spent / limit if limit else Decimal(1)

    @property
    def remaining(self) -> Decimal:
        """What may still be reserved; negative after a limit was lowered."""
        limit: Decimal = self.budget.limit
        return limit - self.spent - self.reserved


def standings(account: Account, moment: datetime | None = None) -> list[Standing]:
    """All budgets that hold for an account, its team's included, shortest period first.

    All are read in one statement. Read in two, a settlement between them would be in neither
    sum: then more could be reserved than the limit bears.
    """
    moment = moment or timezone.now()
    budgets = sorted(budgets_of(account), key=lambda b: (_ORDER.index(Period(b.period)), b.pk))
    spans = [span(b.period, moment, (b.team or account).time_zone) for b in budgets]
    sums = _sums(account, list(zip(budgets, spans, strict=True)))
    return [Standing(*row) for row in zip(budgets, spans, sums[::2], sums[1::2], strict=True)]


def budgets_of(account: Account) -> "QuerySet[Budget]":
    """The budgets that hold for an account."""
    shared = Q(team__isnull=False, team=account.team_id)
    return Budget.objects.filter(Q(account=account) | shared).select_related("team", "account")


def has_limit(account: Account) -> bool:
    """Whether any budget refuses, and does not only warn."""
    return budgets_of(account).filter(soft=False).exists()


def _sums(account: Account, spans: list[tuple[Budget, Span]]) -> list[Decimal]:
    """Spent and reserved of each budget, one after the other.

    Written as SQL, since Django takes longer to put such a statement together than the
    database to answer it, and each chat asks several times.
    """
    if not spans:
        return []
    ledger, held = LedgerEntry._meta.db_table, Reservation._meta.db_table
    parts: list[str] = []
    values: list[Any] = []
    for budget, period in spans:
        whose, id = "= %s", account.pk
        if budget.team_id:
            whose = f"IN (SELECT id FROM {Account._meta.db_table} WHERE team_id = %s)"  # noqa: S608
            id = budget.team_id
        since = connection.ops.adapt_datetimefield_value(period.start)
        parts += [
            f"(SELECT SUM(amount) FROM {ledger} WHERE account_id {whose} AND posted >= %s)",  # noqa: S608
            f"(SELECT SUM(amount) FROM {held} WHERE account_id {whose} AND state = 'open')",  # noqa: S608
        ]
        values += [id, since, id]
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(parts), values)
        row = cursor.fetchone()
    return [Decimal(value or 0).scaleb(-PLACES) for value in row]
