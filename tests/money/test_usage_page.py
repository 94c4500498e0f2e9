"""/usage/: what a person sees of their own money, and of nobody else's."""

import uuid
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from billing import ledger
from billing.models import (
    Account,
    Budget,
    Period,
    Reservation,
    Team,
)
from tests.money.pages import PAGES
from tests.money.people import spend
from tests.money.usagepages import *  # noqa: F403
from tests.money.usagepages import file_of, new_account, words

pytestmark = PAGES


@pytest.mark.parametrize("path", ["/usage/", "/usage/export.csv"])
def test_who_is_not_signed_in_is_led_to_the_login(path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_person_sees_their_own_spend_and_nobody_else_s(client: Client, account: Account) -> None:
    spend(account, "0.30")
    spend(new_account(), "7.77", "secret-model")
    page = words(client.get("/usage/"))
    assert "Today $0.30" in page
    assert "7.77" not in page
    assert "secret-model" not in page
    rows = file_of(client.get("/usage/export.csv"))
    assert [row["amount"] for row in rows] == ["0.3"]


def test_today_is_the_account_s_day(client: Client, account: Account) -> None:
    account.time_zone = "Pacific/Kiritimati"
    account.save()
    now = timezone.now()
    midnight = now.astimezone(ZoneInfo(account.time_zone)).replace(hour=0, minute=0, second=1)
    spend(account, "0.30", posted=midnight)
    spend(account, "0.50", posted=midnight - timedelta(seconds=2))
    assert "Today $0.30" in words(client.get("/usage/"))


def test_budgets_show_what_is_spent_held_and_left(client: Client, account: Account) -> None:
    account.team = Team.objects.create(name="Research", time_zone="Asia/Tokyo")
    account.save()
    Budget.objects.all().delete()
    Budget.objects.create(account=account, period=Period.DAY, limit=Decimal(1))
    Budget.objects.create(account=account, period=Period.TOTAL, limit=Decimal(50), soft=True)
    Budget.objects.create(team=account.team, period=Period.MONTH, limit=Decimal(10))
    spend(account, "0.25")
    Reservation.objects.create(
        account=account,
        generation=uuid.uuid4(),
        model="luna",
        amount=Decimal("0.15"),
        input_tokens=1,
        max_output_tokens=1,
    )
    page = words(client.get("/usage/"))
    assert "Today $0.25 of $1.00 · 40 % used" in page
    assert "$0.60 left, $0.15 held for answers being written. Starts anew" in page
    assert "In total only warns $0.25 of $50.00" in page
    assert "Team Research, this month $0.25 of $10.00" in page
    assert "(Asia/Tokyo decides)" in page


def test_an_overdrawn_limit_is_full_and_says_how_much_is_missing(
    client: Client, account: Account
) -> None:
    Budget.objects.filter(period=Period.DAY).update(limit=Decimal("0.20"))
    spend(account, "0.50")
    response = client.get("/usage/")
    assert "$0.50 of $0.20 · 100 % used -$0.30 remaining" in words(response)
    assert 'data-tone="full"' in response.content.decode()


def test_an_entry_shows_what_it_is_made_of(client: Client, account: Account) -> None:
    entry = spend(
        account,
        "0.0042",
        input_tokens=12_345,
        cached_tokens=10_000,
        output_tokens=678,
        saved=Decimal("0.05"),
        estimated=True,
        breakdown={"input": "0.002", "cached_input": "0.0012", "output": "0.001"},
    )
    ledger.reverse(entry, "charged twice", "admin")
    page = words(client.get("/usage/"))
    for piece in ("12,345 in, 678 out", "estimated", "$0.0042", "Saved by cached input $0.05"):
        assert piece in page
    assert "Reason charged twice" in page
    assert "-$0.0042" in page
    assert "admin" not in page


def test_the_number_of_queries_does_not_grow_with_what_was_spent(
    client: Client, account: Account, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(40):
        spend(account, "0.01", f"model-{number}")
    with django_assert_max_num_queries(16):
        client.get("/usage/")
