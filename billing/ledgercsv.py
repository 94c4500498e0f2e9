"""The ledger as CSV, a row for each entry.

`posted` is UTC, `day` the account's own; amounts are USD; `cached_tokens` is a part of
`input_tokens`, `reasoning_tokens` of `output_tokens`; `estimated` is 1 when upstream reported no
usage; `reverses` is the id of the entry that this one takes back.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from billing.models import LedgerEntry

COLUMNS = [
    "id",
    "posted",
    "day",
    "account",
    "email",
    "kind",
    "model",
    "service_tier",
    "status",
    "amount",
    "saved",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "estimated",
    "generation",
    "round",
    "reverses",
    "reason",
    "posted_by",
]
_FIELDS = {"account": "account_id", "email": "account__user__email", "reverses": "reverses_id"}


def rows(chosen: "QuerySet[LedgerEntry]") -> Iterator[list[Any]]:
    """The cells of each entry, read in pieces."""
    fields = [_FIELDS.get(column, column) for column in COLUMNS]
    # A list that select_related() prepared can't be read as tuples.
    for values in chosen.select_related(None).values_list(*fields).iterator(chunk_size=2000):
        row = dict(zip(COLUMNS, values, strict=True))
        row["posted"] = row["posted"].isoformat(timespec="seconds")
        row["estimated"] = int(row["estimated"])
        yield list(row.values())
