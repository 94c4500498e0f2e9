"""What reports add up: days, models, accounts, shares and the month's end."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import transaction

from billing import ledger, reports
from billing.csvexport import cell, lines
from billing.models import DailySpend, Team
from billing.reports import Filter
from tests.money.people import account, spend

pytestmark = pytest.mark.django_db


def at(day: int, hour: int = 12, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def test_a_filter_takes_its_first_and_its_last_day() -> None:
    payer = account()
    for day in (1, 2, 3, 4):
        spend(payer, f"{day}", posted=at(day))
    assert reports.totals(Filter(date(2026, 11, 2), date(2026, 11, 3))).amount == 5
    assert reports.totals(Filter()).amount == 10


def test_a_filter_takes_a_model_an_account_or_a_team() -> None:
    team = Team.objects.create(name="Readers")
    one, two = account(team=team), account()
    spend(one, "1", "a")
    spend(one, "2", "b")
    spend(two, "4", "b")
    assert reports.totals(Filter(model="b")).amount == 6
    assert reports.totals(Filter(account=one)).amount == 3
    assert reports.totals(Filter(team=team, model="b")).amount == 2


def test_cells_add_up_to_the_totals() -> None:
    payer = account()
    spend(payer, "0.1", "a", posted=at(1), input_tokens=10, cached_tokens=4, estimated=True)
    spend(payer, "0.2", "a", posted=at(1), status="failed", saved=Decimal("0.01"))
    spend(payer, "0.3", "b", posted=at(2), output_tokens=7)
    cells = reports.by_day_and_model(Filter())
    assert [(c.day.day, c.model, c.totals.amount) for c in cells] == [
        (1, "a", Decimal("0.3")),
        (2, "b", Decimal("0.3")),
    ]
    assert reports.add_up(cells) == reports.totals(Filter())
    assert reports.totals(Filter()) == reports.Totals(
        amount=Decimal("0.6"),
        saved=Decimal("0.01"),
        estimated_amount=Decimal("0.1"),
        entries=3,
        estimated=1,
        failed=1,
        input_tokens=10,
        cached_tokens=4,
        output_tokens=7,
    )


def test_shares_are_parts_of_what_they_say() -> None:
    totals = reports.Totals(
        amount=Decimal(10),
        estimated_amount=Decimal(1),
        entries=8,
        estimated=2,
        failed=4,
        input_tokens=100,
        cached_tokens=25,
    )
    assert reports.shares(totals) == reports.Shares(
        failed=Decimal("0.5"),
        estimated=Decimal("0.25"),
        estimated_amount=Decimal("0.1"),
        cached=Decimal("0.25"),
    )
    assert set(vars(reports.shares(reports.Totals())).values()) == {Decimal(0)}


def test_the_top_is_who_spent_most_and_nobody_who_spent_nothing() -> None:
    small, big, nothing = account(), account(), account()
    spend(small, "1")
    spend(big, "2", "a")
    spend(big, "2", "b")
    spend(nothing, "0")
    top = reports.top_accounts(Filter())
    assert [(row.account, row.totals.amount) for row in top] == [
        (big, Decimal(4)),
        (small, Decimal(1)),
    ]
    assert [row.account for row in reports.top_accounts(Filter(), count=1)] == [big]


def test_a_reversal_takes_the_spend_out_again() -> None:
    payer = account()
    entry = spend(payer, "3", status="failed", estimated=True)
    with transaction.atomic():
        ledger.reverse(entry, "Wrong price", "somebody")
    assert reports.totals(Filter(account=payer)) == reports.Totals()
    assert reports.top_accounts(Filter(account=payer)) == []


def test_the_forecast_is_what_was_spent_by_the_share_of_the_month_that_is_over() -> None:
    payer = account()
    spend(payer, "100", posted=at(31, month=10))
    spend(payer, "6", posted=at(1))
    spend(payer, "9", "b", posted=at(15))
    coming = reports.forecast(Filter(date(2020, 1, 1), date(2020, 1, 2)), at(16, 0))
    assert (coming.spent, coming.elapsed, coming.amount) == tuple(map(Decimal, ("15", "0.5", "30")))
    assert reports.forecast(Filter(model="b"), at(16, 0)).amount == 18


def test_nothing_is_forecast_on_the_first_day() -> None:
    spend(account(), "6", posted=at(1))
    coming = reports.forecast(Filter(), at(1, 23))
    assert (coming.spent, coming.amount) == (Decimal(6), None)


def test_an_accounts_month_begins_where_it_is() -> None:
    payer = account(time_zone="Pacific/Auckland")
    spend(payer, "5", posted=at(31, 12, month=10))  # 1 November there
    coming = reports.forecast(Filter(account=payer), at(5))
    assert (coming.spent, coming.month_start) == (Decimal(5), date(2026, 11, 1))
    assert DailySpend.objects.get(account=payer).day == date(2026, 11, 1)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "  =1"])
def test_text_that_looks_like_a_formula_is_text(text: str) -> None:
    assert cell(text) == "'" + text


def test_numbers_stay_numbers_and_have_all_their_digits() -> None:
    assert cell(Decimal("-0.0000001")) == "-0.0000001"
    assert cell(-5) == -5
    assert cell("a-b") == "a-b"


def test_a_file_of_many_rows_comes_in_pieces() -> None:
    pieces = list(lines(["a", "b"], ((n, "x,y") for n in range(5000))))
    assert len(pieces) == 3
    whole = "".join(pieces).splitlines()
    assert len(whole) == 5001
    assert whole[:2] == ["a,b", '0,"x,y"']
    assert list(lines(["a"], [])) == ["a\r\n"]
