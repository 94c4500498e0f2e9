"""The only writer of LedgerEntry and of its roll-up by day: post and reverse.

Every function belongs into the transaction of its caller.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.models import Account, DailySpend, EntryKind, LedgerEntry

FAILED = ("failed", "blocked", "interrupted")
"""Endings that count as failed in reports."""


class AlreadyReversed(ValueError):
    """An entry is reversed once, and a reversal never."""


def post(account: Account, amount: Decimal, **columns: Any) -> LedgerEntry | None:
    """Writes what was spent; None when that had been written before.

    `columns` are those of LedgerEntry. A generation, round and kind are posted once: the
    constraint decides, since a look before would miss what is written beside us.
    """
    posted = columns.setdefault("posted", timezone.now())
    columns.setdefault("kind", EntryKind.ROUND)
    entry = LedgerEntry(account=account, amount=amount, day=day_of(account, posted), **columns)
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
    except IntegrityError:
        same = {name: getattr(entry, name) for name in ("generation", "round", "kind")}
        if not LedgerEntry.objects.filter(**same).exists():
            raise
        return None
    _roll_up(entry)
    return entry


def reverse(entry: LedgerEntry, reason: str, by: str) -> LedgerEntry:
    """Takes an entry back with a second one, on the day of the reversal.

    Raises:
        AlreadyReversed: see there.
        ValueError: there is no reason.
    """
    if not reason.strip():
        raise ValueError("A reversal needs a reason.")
    if entry.kind == EntryKind.REVERSAL:
        raise AlreadyReversed("A reversal can't be reversed.")
    copied = ("generation", "round", "model", "service_tier", "status", "estimated")
    counts = [field.name for field in entry._meta.fields if field.name.endswith("_tokens")]
    now = timezone.now()
    reversal = LedgerEntry(
        account=entry.account,
        kind=EntryKind.REVERSAL,
        posted=now,
        day=day_of(entry.account, now),
        amount=-entry.amount,
        saved=-entry.saved,
        breakdown={part: str(-Decimal(usd)) for part, usd in entry.breakdown.items()},
        reverses=entry,
        reason=reason.strip(),
        posted_by=by,
        **{name: getattr(entry, name) for name in copied},
        **{name: -getattr(entry, name) for name in counts},
    )
    try:
        with transaction.atomic():
            reversal.save(force_insert=True)
    except IntegrityError as error:
        if not LedgerEntry.objects.filter(reverses=entry).exists():
            raise
        raise AlreadyReversed("This entry is reversed already.") from error
    _roll_up(reversal)
    Account.objects.filter(pk=entry.account_id).update(budgets_changed=now)  # there is more left
    return reversal


def day_of(account: Account, moment: datetime) -> date:
    """The account's date at a moment."""
    return moment.astimezone(ZoneInfo(account.time_zone)).date()


@dataclass(frozen=True)
class _Sums:
    """What an entry adds to its day; names are columns of DailySpend."""

    amount: Decimal
    saved: Decimal
    estimated_amount: Decimal
    entries: int
    estimated: int
    failed: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int


def _roll_up(entry: LedgerEntry) -> None:
    """Adds an entry to its day, in one statement: two may do so at the same time."""
    one = -1 if entry.kind == EntryKind.REVERSAL else 1
    sums = _Sums(
        amount=entry.amount,
        saved=entry.saved,
        estimated_amount=entry.amount if entry.estimated else Decimal(0),
        entries=one,
        estimated=one if entry.estimated else 0,
        failed=one if entry.status in FAILED else 0,
        input_tokens=entry.input_tokens,
        cached_tokens=entry.cached_tokens,
        output_tokens=entry.output_tokens,
    )
    fields = {field.column: field for field in DailySpend._meta.fields}
    values = {"day": entry.day, "account_id": entry.account_id, "model": entry.model, **vars(sums)}
    table = connection.ops.quote_name(DailySpend._meta.db_table)
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in vars(sums))
    statement = (
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))}) "  # noqa: S608
        f"ON CONFLICT (day, account_id, model) DO UPDATE SET {added}"
    )
    parameters = [fields[name].get_db_prep_save(v, connection) for name, v in values.items()]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
