"""The ledger in the admin: reversed once, filtered, exported."""

import csv
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from billing import ledger
from billing.models import LedgerEntry, Team
from tests.money.adminpages import LEDGER, listed, page, text
from tests.money.pages import PAGES
from tests.money.people import account, spend

pytestmark = PAGES


def test_an_entry_is_reversed_once_with_a_reason(root: Client) -> None:
    entry = spend(account(), "1.5", breakdown={"input": "0.5", "output": "1.0"})
    address = reverse("admin:billing_ledgerentry_reverse", args=[entry.pk])
    shown = page(root, reverse("admin:billing_ledgerentry_change", args=[entry.pk]))
    assert address in shown
    assert "output 1.0 together 1.5" in text(shown)
    assert "This field is required" in root.post(address, {"reason": " "}).content.decode()
    root.post(address, {"reason": "Wrong price"})
    reversal = LedgerEntry.objects.get(reverses=entry)
    assert (reversal.amount, reversal.reason) == (Decimal("-1.5"), "Wrong price")
    assert reversal.posted_by != ""
    answer = root.post(address, {"reason": "Again"}, follow=True)
    assert "This entry is reversed already." in answer.content.decode()
    address = reverse("admin:billing_ledgerentry_reverse", args=[reversal.pk])
    answer = root.post(address, {"reason": "Back"}, follow=True)
    assert escape("A reversal can't be reversed.") in answer.content.decode()
    assert LedgerEntry.objects.count() == 2
    assert "Reverse…" not in page(
        root, reverse("admin:billing_ledgerentry_change", args=[entry.pk])
    )


def test_the_ledger_is_filtered_by_account_team_model_and_days(root: Client) -> None:
    team = Team.objects.create(name="Readers")
    one, two = account(team=team), account()
    a, b = spend(one, "1", "model-a"), spend(two, "1", "model-b")
    day = f"{a.day:day__year=%Y&day__month=%m&day__day=%d}"
    address = reverse(LEDGER)
    for query, found in [
        ("", {a.pk, b.pk}),
        (f"account={one.pk}", {a.pk}),
        (f"team={team.pk}", {a.pk}),
        ("model=model-b", {b.pk}),
        (f"q={two.user.email}", {b.pk}),  # type: ignore[union-attr]
        (f"q={a.generation}", {a.pk}),
        (day, {a.pk, b.pk}),
        ("day__gte=2020-01-01&day__lt=2020-02-01", set()),
    ]:
        assert listed(root, f"{address}?{query}") == found, query
    assert root.get(f"{address}?account=x").status_code in (200, 302)


def test_the_dates_above_the_ledger_lead_down_to_days_with_spend(root: Client) -> None:
    payer = account()
    first = spend(payer, "1", posted=timezone.now() - timedelta(days=800))
    spend(payer, "1")
    address = reverse(LEDGER)
    for step in (f"{first.day.year}", f"{first.day:%B}", f"{first.day.day} {first.day:%b}"):
        html = page(root, address)
        links = dict(re.findall(r'<a href="(\?[^"]*)">([^<]*)</a>', html))
        [query] = [q for q, words in links.items() if words == step]
        address = reverse(LEDGER) + query.replace("&amp;", "&")
    assert listed(root, address) == {first.pk}


def download(client: Client, address: str) -> list[dict[str, str]]:
    """A CSV file, read as it streams."""
    answer: Any = client.get(address)
    assert answer["Content-Type"].startswith("text/csv")
    assert answer.is_async

    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return list(csv.DictReader(async_to_sync(read)().decode().splitlines()))


def test_the_ledger_is_exported_as_it_is_filtered(root: Client) -> None:
    payer = account()
    entry = spend(payer, "0.0000001", "=model()", breakdown={"input": "0.0000001"})
    spend(account(), "5")
    with transaction.atomic():
        ledger.reverse(entry, "=cmd()", "@somebody")
    address = reverse("admin:billing_ledgerentry_csv")
    assert len(download(root, address)) == 3
    reversal, first = download(root, f"{address}?account={payer.pk}")
    assert (first["amount"], first["model"]) == ("0.0000001", "'=model()")
    assert first["email"] == payer.user.email  # type: ignore[union-attr]
    assert (reversal["amount"], reversal["reverses"]) == ("-0.0000001", str(entry.pk))
    assert (reversal["reason"], reversal["posted_by"]) == ("'=cmd()", "'@somebody")


def test_the_dashboard_is_exported_as_it_is_filtered(root: Client) -> None:
    payer = account(team=Team.objects.create(name="-Readers"))
    spend(payer, "1.5", input_tokens=7)
    spend(payer, "0.5")
    spend(payer, "3", "model-b")
    address = reverse("admin:billing_spend_csv")
    [row] = download(root, f"{address}?model=model-a")
    assert (row["amount"], row["entries"], row["input_tokens"]) == ("2", "2", "7")
    assert row["team"] == "'-Readers"
    assert len(download(root, address)) == 2


def test_a_user_leads_to_the_account(root: Client) -> None:
    payer = account()
    html = page(root, reverse("admin:auth_user_change", args=[payer.user_id]))
    assert reverse("admin:billing_account_change", args=[payer.pk]) in html
    assert "To make an operator" in html
