"""The ledger: written once, never changed, taken back only by a reversal with a reason."""

import re
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, ProtectedError
from django.utils import timezone

from billing import ledger
from billing.budgets import standings
from billing.models import (
    Account,
    Budget,
    DailySpend,
    LedgerEntry,
)
from tests.money.engines import *  # noqa: F403
from tests.money.people import account, spend
from tests.site import ROOT

Change = Callable[[LedgerEntry], Any]


def sql(statement: str) -> Change:
    """A change by hand; `%s` is the id of the entry."""

    def run(entry: LedgerEntry) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, [entry.pk])

    return run


def save(entry: LedgerEntry) -> None:
    entry.amount = Decimal(0)
    entry.save()


def bulk_update(entry: LedgerEntry) -> None:
    entry.amount = Decimal(0)
    LedgerEntry.objects.bulk_update([entry], ["amount"])


def upsert(entry: LedgerEntry) -> None:
    entry.amount = Decimal(0)
    LedgerEntry.objects.bulk_create(
        [entry], update_conflicts=True, unique_fields=["id"], update_fields=["amount"]
    )


CHANGES: dict[str, Change] = {
    "save": save,
    "update": lambda entry: LedgerEntry.objects.update(amount=F("amount") * 2),
    "update_of_a_word": lambda entry: LedgerEntry.objects.filter(pk=entry.pk).update(status="x"),
    "bulk_update": bulk_update,
    "upsert": upsert,
    "delete": lambda entry: entry.delete(),
    "delete_all": lambda entry: LedgerEntry.objects.all().delete(),
    "delete_at_once": lambda entry: LedgerEntry.objects.all()._raw_delete("default"),
    "sql_update": sql("UPDATE billing_ledgerentry SET amount = 0 WHERE id = %s"),
    "sql_update_of_the_key": sql("UPDATE billing_ledgerentry SET id = id + 1 WHERE id = %s"),
    "sql_delete": sql("DELETE FROM billing_ledgerentry WHERE id = %s"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_entry_can_be_neither_changed_nor_deleted(engine: str, change: Change) -> None:
    entry = spend(account(), "0.30")
    before = LedgerEntry.objects.values().get()
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        change(entry)
    assert LedgerEntry.objects.values().get() == before


def test_the_table_can_not_be_emptied(engine: str) -> None:
    spend(account(), "0.30")
    sqlite = ["DELETE FROM billing_ledgerentry"]
    postgresql = [
        "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE billing_ledgerentry",
        "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE billing_account CASCADE",
    ]
    for statement in sqlite if engine == "sqlite" else postgresql:
        with (
            pytest.raises(IntegrityError, match="immutable"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_entry_can_not_be_replaced(engine: str) -> None:
    # SQLite's REPLACE deletes what is in its way, and asks no trigger that guards deletions.
    entry = spend(account(), "0.30")
    columns = [f'"{field.column}"' for field in LedgerEntry._meta.concrete_fields]
    values = ["0" if column == '"amount"' else column for column in columns]
    replace = (
        f"REPLACE INTO billing_ledgerentry ({', '.join(columns)}) "
        f"SELECT {', '.join(values)} FROM billing_ledgerentry"
    )
    with (
        pytest.raises(IntegrityError, match="immutable"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(replace)
    assert LedgerEntry.objects.get(pk=entry.pk).amount == Decimal("0.30")


def test_who_has_spent_can_be_deleted_but_not_what_they_spent(engine: str) -> None:
    spender = account()
    entry = spend(spender, "0.30")
    with pytest.raises(ProtectedError):
        spender.delete()
    assert spender.user
    spender.user.delete()
    assert LedgerEntry.objects.get(pk=entry.pk).account_id == spender.pk
    assert str(Account.objects.get(pk=spender.pk)) == f"deleted user (account {spender.pk})"


def test_a_reversal_takes_back_every_figure(engine: str) -> None:
    spender = account()
    entry = spend(
        spender,
        "0.30",
        status="interrupted",
        estimated=True,
        saved=Decimal("0.02"),
        breakdown={"input": "0.1", "output": "0.2"},
        input_tokens=1000,
        cached_tokens=300,
        cache_write_tokens=20,
        output_tokens=500,
        reasoning_tokens=100,
    )
    reversal = ledger.reverse(entry, "  asked twice ", "mara")
    assert (reversal.reason, reversal.posted_by) == ("asked twice", "mara")
    assert reversal.breakdown == {"input": "-0.1", "output": "-0.2"}
    counts = [field.name for field in LedgerEntry._meta.fields if field.name.endswith("_tokens")]
    for name in ("amount", "saved", *counts):
        assert getattr(entry, name) + getattr(reversal, name) == 0, name
    day = DailySpend.objects.values().get()
    left = {name: figure for name, figure in day.items() if figure}
    assert left == {"day": entry.day, "account_id": spender.pk, "model": "model-a"}


def test_a_reversal_belongs_to_the_day_on_which_it_was_made(engine: str) -> None:
    spender = account(time_zone="Europe/Berlin")
    long_ago = timezone.now() - timedelta(days=40)
    entry = spend(spender, "0.30", posted=long_ago)
    Budget.objects.create(account=spender, period="day", limit=Decimal(1))
    Budget.objects.create(account=spender, period="total", limit=Decimal(1))
    ledger.reverse(entry, "asked twice", "mara")
    days: dict[date, Decimal] = dict(DailySpend.objects.values_list("day", "amount"))
    assert sorted(days.values()) == [Decimal("-0.3"), Decimal("0.3")]
    assert days[entry.day] == Decimal("0.3")
    spent = {standing.budget.period: standing.spent for standing in standings(spender)}
    assert spent == {"day": Decimal("-0.3"), "total": 0}


def test_an_entry_is_reversed_once_and_a_reversal_never(engine: str) -> None:
    entry = spend(account(), "0.30")
    reversal = ledger.reverse(entry, "asked twice", "mara")
    with pytest.raises(ledger.AlreadyReversed, match="reversed already"):
        ledger.reverse(entry, "once more", "mara")
    with pytest.raises(ledger.AlreadyReversed, match="can't be reversed"):
        ledger.reverse(reversal, "after all", "mara")
    assert LedgerEntry.objects.count() == 2
    assert DailySpend.objects.get().amount == 0


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_a_reversal_needs_a_reason(engine: str, reason: str) -> None:
    entry = spend(account(), "0.30")
    with pytest.raises(ValueError, match="reason"):
        ledger.reverse(entry, reason, "mara")
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"amount": "-0.3"}, "entry_negative_only_if_reversal"),
        ({"kind": "reversal", "amount": "-0.3", "reason": "x"}, "entry_negative_only_if_reversal"),
        (
            {"kind": "reversal", "amount": "0.3", "reason": "x", "of": True},
            "entry_negative_only_if_reversal",
        ),
        ({"kind": "reversal", "amount": "-0.3", "of": True}, "reversal_has_a_reason"),
        ({"amount": "0.3", "of": True}, "entry_negative_only_if_reversal"),
        ({"amount": "0.3", "again": True}, "generation|entry_once_per_round|immutable"),
    ],
)
def test_the_database_refuses_what_the_code_would_not_write(
    engine: str, columns: dict[str, Any], constraint: str
) -> None:
    entry = spend(account(), "0.30")
    columns = dict(columns)  # the next engine gets it too
    reverses = entry if columns.pop("of", False) else None
    generation = entry.generation if columns.pop("again", False) else uuid.uuid4()
    row = LedgerEntry(
        account=entry.account,
        day=entry.day,
        model="a",
        reverses=reverses,
        generation=generation,
        **{"kind": "round", **columns, "amount": Decimal(columns["amount"])},
    )
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        row.save()


def test_only_the_ledger_writes_entries() -> None:
    writing = re.compile(
        r"\b(LedgerEntry|DailySpend)(\(\n?[^)]|\.objects\S*\.(create|bulk_create|update|get_or))"
    )
    found = {
        str(path.relative_to(ROOT))
        for folder in ("billing", "conversations", "chatsite")
        for path in (ROOT / folder).rglob("*.py")
        if writing.search(path.read_text())
    }
    assert found - {"billing/models/ledger.py"} == {"billing/ledger.py"}
