"""/usage/: the days, the model and the page that somebody chooses, and their CSV file."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing import ledger
from billing.models import (
    Account,
    EntryKind,
)
from tests.money.pages import PAGES
from tests.money.people import spend
from tests.money.usagepages import *  # noqa: F403
from tests.money.usagepages import file_of, words

pytestmark = PAGES


def test_filters_choose_days_and_model(client: Client, account: Account) -> None:
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    spend(account, "1", "luna", posted=noon)
    spend(account, "2", "sol", posted=noon)
    spend(account, "4", "luna", posted=noon + timedelta(days=1))
    march = {"period": "custom", "from_day": "2026-03-10", "to_day": "2026-03-10"}
    assert "Spent $3.00" in words(client.get("/usage/", march))
    assert "Spent $1.00" in words(client.get("/usage/", {**march, "model": "luna"}))
    rows = file_of(client.get("/usage/export.csv", {**march, "model": "sol"}))
    assert [(row["model"], row["day"]) for row in rows] == [("sol", "2026-03-10")]


def test_last_month_is_the_calendar_month_before(client: Client, account: Account) -> None:
    this_month = timezone.now().replace(day=1, hour=12)
    spend(account, "1", posted=this_month)
    spend(account, "2", posted=this_month - timedelta(days=1))
    assert "Spent $2.00" in words(client.get("/usage/?period=last-month"))
    assert "Spent $1.00" in words(client.get("/usage/?period=month"))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("period=custom", "Choose the first and the last day."),
        ("period=custom&from_day=2026-03-02&to_day=2026-03-01", "The first day is after the last"),
        ("period=custom&from_day=2020-01-01&to_day=2026-03-01", "Choose at most 366 days."),
        ("period=custom&from_day=0001-01-01&to_day=0001-01-02", "From: Ensure this value"),
        ("period=custom&from_day=2026-03-01&to_day=9999-12-31", "To: Ensure this value"),
        ("period=custom&from_day=soon&to_day=2026-03-01", "From: Enter a valid date."),
        ("period=year", "Period: Select a valid choice"),
        ("model=of-somebody-else", "Model: Select a valid choice"),
    ],
)
def test_a_filter_that_can_not_be_used_is_named_and_this_month_shown(
    client: Client, account: Account, query: str, reason: str
) -> None:
    spend(account, "0.30")
    page = words(client.get(f"/usage/?{query}"))
    assert reason in page
    assert "This month is shown." in page
    assert "Spent $0.30" in page


def test_entries_come_newest_first_and_in_pages(client: Client, account: Account) -> None:
    now = timezone.now()
    for number in range(30):
        moment = now - timedelta(microseconds=number)
        spend(account, f"1.{number:02}", posted=moment)
    first, second = (client.get(f"/usage/?page={page}").content.decode() for page in (1, 2))
    amounts = r'entry-amount">\$(1\.\d\d)'
    assert re.findall(amounts, first) == [f"1.{number:02}" for number in range(25)]
    assert re.findall(amounts, second) == [f"1.{number:02}" for number in range(25, 30)]
    assert "Older" in first
    assert "Older" not in second


@pytest.mark.parametrize("number", ["0", "-1", "x", "²", "9" * 400])
def test_a_page_that_there_is_not_does_no_harm(client: Client, number: str) -> None:
    assert client.get("/usage/", {"page": number}).status_code == 200


def test_text_that_a_spreadsheet_would_run_is_made_harmless(
    client: Client, account: Account
) -> None:
    entry = spend(account, "0.5", "=HYPERLINK(1)", kind=EntryKind.ROUND)
    ledger.reverse(entry, "wrong", "somebody@example.com")
    response = client.get("/usage/export.csv")
    assert response["Content-Type"].startswith("text/csv")
    reversal, row = file_of(response)
    assert row["model"] == "'=HYPERLINK(1)"
    assert reversal["amount"] == "-0.5"
    assert "somebody@example.com" not in str(reversal)
