"""Calls to the model service as they stand in the table, for tests of what is made of them."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from conversations.models import Circuit, UpstreamCall

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FAILED = "upstream_unavailable"


def call(outcome: str = "ok", ended: datetime = NOON, **columns: Any) -> UpstreamCall:
    """One that is not saved yet."""
    values = {"endpoint": "responses", "model": "model-a", "total_ms": 100} | columns
    return UpstreamCall(outcome=outcome, ended=ended, generation=uuid.uuid4(), **values)


def save(calls: Sequence[UpstreamCall]) -> None:
    UpstreamCall.objects.bulk_create(calls)


def calls(ok: int = 0, failed: int = 0, stopped: int = 0, **columns: Any) -> None:
    """Saves so many of each."""
    save(
        [call("ok", **columns) for _ in range(ok)]
        + [call(FAILED, **columns) for _ in range(failed)]
        + [call("stopped", **columns) for _ in range(stopped)]
    )


def open_circuit(model: str = "model-a", **columns: Any) -> Circuit:
    """A circuit that opens, for the first time or again."""
    values = {"trips": 1, "open_until": NOON + timedelta(seconds=10), **columns}
    row, _ = Circuit.objects.update_or_create(endpoint="responses", model=model, defaults=values)
    return row


def close_circuit(model: str = "model-a") -> None:
    rows = Circuit.objects.filter(model=model)
    rows.update(open_until=None, trips=0, probe="", probe_until=None)
