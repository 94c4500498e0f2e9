"""`python -m tests.bench.spend`: the spend dashboard's queries on 1,000,000 ledger rows.

Fills a database of its own (SQLite in a temporary folder, or `--database postgres://…`, which
must be empty and is emptied again) and prints how long each page takes: the time in the
database, and the whole page as the view makes it.
"""

import argparse
import os
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection, transaction

MODELS = ("gpt-6-luna", "gpt-6.1-terra", "gpt-6.1-sol", "gpt-6-astra")
STATUSES = ("completed",) * 18 + ("failed", "interrupted")
BATCH = 20_000
ENTRY = [
    *("account_id", "kind", "posted", "day", "amount", "saved", "generation", "round", "model"),
    *("service_tier", "status", "estimated", "input_tokens", "cached_tokens"),
    *("cache_write_tokens", "output_tokens", "reasoning_tokens", "breakdown", "reason"),
    "posted_by",
]
SUMS = [
    *("amount", "saved", "estimated_amount", "entries", "estimated", "failed"),
    *("input_tokens", "cached_tokens", "output_tokens"),
]


def make_accounts(accounts: int) -> list[int]:
    """Users, teams, accounts and budgets; the ids of the accounts."""
    from django.contrib.auth import get_user_model

    from billing.models import Account, Budget, Team

    people = get_user_model()._default_manager
    people.bulk_create(
        [people.model(username=f"u{n}", email=f"u{n}@example.com") for n in range(accounts)]
    )
    teams = Team.objects.bulk_create(Team(name=f"Team {n}") for n in range(20))
    Account.objects.bulk_create(
        Account(user=user, team=teams[n % 20] if n % 3 else None)
        for n, user in enumerate(people.order_by("pk"))
    )
    ids = list(Account.objects.values_list("pk", flat=True))
    Budget.objects.bulk_create(
        Budget(account_id=id, period=period, limit=limit)
        for id in ids
        for period, limit in (("day", 1), ("month", 20))
    )
    return ids


def fill(rows: int, accounts: int, days: int) -> int:
    """Accounts, then the ledger and its days; how many days that made.

    The sums are those that posting would have written: the rows of the ledger, added up.
    """
    from billing.models import DailySpend, LedgerEntry

    ids = make_accounts(accounts)
    table = LedgerEntry._meta.db_table
    names = ", ".join(ENTRY)
    places = ", ".join(["%s"] * len(ENTRY))
    made = entries(rows, ids, days)
    with transaction.atomic(), connection.cursor() as cursor:
        while batch := list(islice(made, BATCH)):
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", batch)
        cursor.execute(
            f"""
            INSERT INTO billing_dailyspend (day, account_id, model, {", ".join(SUMS)})
            SELECT day, account_id, model, sum(amount), sum(saved),
                sum(CASE WHEN estimated THEN amount ELSE 0 END), count(*),
                sum(CASE WHEN estimated THEN 1 ELSE 0 END),
                sum(CASE WHEN status IN ('failed', 'blocked', 'interrupted') THEN 1 ELSE 0 END),
                sum(input_tokens), sum(cached_tokens), sum(output_tokens)
            FROM {table} GROUP BY day, account_id, model
            """
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return DailySpend.objects.count()


def entries(rows: int, accounts: list[int], days: int) -> Iterator[list[Any]]:
    """Ledger entries of the last `days` days. Some accounts and models are used more."""
    from billing.models import LedgerEntry

    fields = {field.column: field for field in LedgerEntry._meta.fields}
    dice = random.Random(1)
    today = datetime.now(UTC).date()
    weights = [1 / (1 + n / 50) for n in range(len(accounts))]
    for account in dice.choices(accounts, weights, k=rows):
        day = today - timedelta(days=dice.randrange(days))
        hour = clock(dice.randrange(24), dice.randrange(60))
        inputs = dice.randrange(200, 8000)
        cached = inputs // 2 if dice.random() < 0.4 else 0
        values: dict[str, Any] = {
            "account_id": account,
            "kind": "round",
            "posted": datetime.combine(day, hour, UTC),
            "day": day,
            "amount": Decimal(dice.randrange(1, 4000)).scaleb(-5),
            "saved": Decimal(cached).scaleb(-7),
            "generation": uuid.UUID(int=dice.getrandbits(128)),
            "round": 1,
            "model": MODELS[account % 4] if dice.random() < 0.7 else MODELS[0],
            "service_tier": "",
            "status": dice.choice(STATUSES),
            "estimated": dice.random() < 0.03,
            "input_tokens": inputs,
            "cached_tokens": cached,
            "cache_write_tokens": 0,
            "output_tokens": dice.randrange(1, 2000),
            "reasoning_tokens": 0,
            "breakdown": {},
            "reason": "",
            "posted_by": "",
        }
        assert list(values) == ENTRY
        yield [fields[name].get_db_prep_save(value, connection) for name, value in values.items()]


def measure(name: str, url: str, times: int = 5) -> None:
    """Asks for a page as a superuser, and prints the best of some times: other programs run
    on the machine too."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.force_login(get_user_model()._default_manager.get(username="root"))
    runs = []
    for _ in range(times):
        with CaptureQueriesContext(connection) as asked:
            began = time.perf_counter()
            answer = client.get(url)
            took = time.perf_counter() - began
        assert answer.status_code == 200, (url, answer.status_code)
        queries = Counter({q["sql"][:60]: float(q["time"]) for q in asked.captured_queries})
        runs.append((sum(float(q["time"]) for q in asked), took, len(asked), queries))
    spent, took, count, queries = min(runs)
    print(f"{name:<34}{spent * 1000:>7.0f} ms in {count:>2} queries {took * 1000:>7.0f} ms page")
    if os.environ.get("VERBOSE"):
        for sql, seconds in queries.most_common(4):
            print(f"      {seconds * 1000:>6.0f} ms  {sql}")


def run(options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.urls import reverse

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    days = fill(options.rows, options.accounts, options.days)
    get_user_model()._default_manager.create_superuser("root", "root@example.com", "x")
    print(f"{connection.vendor}: {options.rows:,} ledger rows, {days:,} days of account and model")
    print(f"filled in {time.perf_counter() - began:.0f} s")
    today = datetime.now(UTC).date()
    month = today.replace(day=1)
    spend = reverse("admin:billing_spend")
    ledger = reverse("admin:billing_ledgerentry_changelist")
    measure("dashboard, 30 days", spend)
    measure("dashboard, this month, one model", f"{spend}?period=month&model={MODELS[1]}")
    measure("dashboard, 30 days, one account", f"{spend}?account=5")
    measure("dashboard, 30 days, one team", f"{spend}?team=3")
    measure("dashboard, a year", f"{spend}?period=year")
    measure("ledger, all", ledger)
    measure("ledger, one month and model", f"{ledger}?day__gte={month}&model={MODELS[1]}")
    measure("ledger, one account", f"{ledger}?account=5")
    measure("accounts", reverse("admin:billing_account_changelist"))
    if connection.vendor != "sqlite":
        call_command("migrate", "billing", "zero", verbosity=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--database", default="", help="an empty one; else SQLite in a folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATABASE_URL"] = options.database or f"sqlite:///{Path(folder) / 'b.sqlite3'}"
        os.environ.setdefault("SECRET_KEY", "bench")
        os.environ["ALLOWED_HOSTS"] = "testserver"
        os.environ["STATIC_ROOT"] = ".test/nothing-collected"  # the files as they are now
        os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
        sys.argv[1:] = []
        run(options)


if __name__ == "__main__":
    main()
