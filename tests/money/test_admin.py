"""Accounts and budgets in the admin: figures, use beside the limit, forms that refuse."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing.models import Account, Budget, Price, Team
from billing.models.columns import MOST_USD
from tests.money.adminpages import BAD_AMOUNTS, budget_form, page, text
from tests.money.pages import PAGES
from tests.money.people import account, spend

pytestmark = PAGES


def test_the_list_of_accounts_asks_the_same_for_three_as_for_thirty(root: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            page(root, reverse("admin:billing_account_changelist"))
        return len(asked)

    def more(count: int) -> None:
        for n in range(count):
            payer = account(team=Team.objects.create(name=f"{n} of {count}"))
            payer.budgets.create(period="day", limit=1)
            payer.budgets.create(period="total", limit=5)
            spend(payer, "0.5")

    more(3)
    queries()  # content types are remembered from here on
    few = queries()
    more(27)
    assert queries() == few


def test_the_list_of_accounts_shows_spend_and_the_fullest_limit(root: Client) -> None:
    payer = account()
    payer.budgets.create(period="day", limit=1)
    payer.budgets.create(period="total", limit=4)
    spend(payer, "0.25")
    spend(payer, "3", posted=timezone.now() - timedelta(days=100))
    words = text(page(root, reverse("admin:billing_account_changelist") + f"?q={payer}"))
    assert "$0.2500" in words
    assert "total: 81 % of $4.00" in words


def test_use_stands_beside_the_limit(root: Client) -> None:
    payer = account()
    payer.budgets.create(period="month", limit=Decimal(4))
    spend(payer, "1")
    html = page(root, reverse("admin:billing_account_change", args=[payer.pk]))
    assert re.search(r"used \$1\.00 of \$4\.00 \(25 %\), reserved \$0, resets 1 \w+", text(html))
    assert 'value="4"' in html


def test_use_of_a_teams_limit_counts_all_members(root: Client) -> None:
    team = Team.objects.create(name="Readers")
    team.budgets.create(period="total", limit=4)
    for _ in range(2):
        spend(account(team=team), "1")
    html = page(root, reverse("admin:billing_team_change", args=[team.pk]))
    assert "used $2.00 of $4.00 (50 %), reserved $0, never resets" in text(html)


def save_budgets(client: Client, of: Account, *budgets: Budget, **changed: str) -> Any:
    address = reverse("admin:billing_account_change", args=[of.pk])
    return client.post(address, budget_form(of, *budgets, **changed))


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_limit_that_makes_no_sense_is_refused_at_its_field(root: Client, amount: str) -> None:
    payer = account()
    budget = payer.budgets.create(period="day", limit=1)
    answer = save_budgets(root, payer, budget, **{"budgets-0-limit": amount})
    assert answer.status_code == 200
    [errors] = answer.context["inline_admin_formsets"][0].formset.errors
    assert list(errors) == ["limit"]
    budget.refresh_from_db()
    assert budget.limit == 1


def test_a_period_twice_is_refused_and_named(root: Client) -> None:
    payer = account()
    budgets = [payer.budgets.create(period=period, limit=1) for period in ("day", "month")]
    answer = save_budgets(root, payer, *budgets, **{"budgets-1-period": "day"})
    assert answer.status_code == 200
    assert "Please correct the duplicate data for period" in answer.content.decode()
    assert {b.period for b in payer.budgets.all()} == {"day", "month"}


def test_the_database_refuses_what_goes_round_the_form() -> None:
    payer = account()
    budget = payer.budgets.create(period="day", limit=1)
    same = Budget.objects.filter(pk=budget.pk)
    for limit in (-1, Decimal("-0.0000000001"), MOST_USD + 1):
        with pytest.raises(IntegrityError), transaction.atomic():
            same.update(limit=limit)
    for nonsense in (Decimal("NaN"), Decimal("Infinity"), "$5", Decimal("1e-11")):
        with pytest.raises(ValidationError), transaction.atomic():
            same.update(limit=nonsense)
    with pytest.raises(IntegrityError), transaction.atomic():
        payer.budgets.create(period="day", limit=2)
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        same.update(period="week")
    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.create(model="m", input=-1, output=1, reason="-")
    budget.refresh_from_db()
    assert (budget.limit, budget.period) == (1, "day")
