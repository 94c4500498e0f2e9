"""Words for the figures of the page "Upstream health"."""

from dataclasses import dataclass
from datetime import datetime
from math import floor

from django.utils import timezone

from conversations.models import Circuit
from conversations.upstream.health import Model, Times

NONE = "—"


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    model: Model
    success: str
    first: str
    total: str
    circuit: str
    is_open: bool


def row_of(model: Model, now: datetime) -> Row:
    """A model in words."""
    return Row(
        model=model,
        success=share(model.success),
        first=times(model.first),
        total=times(model.total),
        circuit=circuit_words(model.circuit, now),
        is_open=bool(model.circuit and model.circuit.open_until),
    )


def share(of: float | None) -> str:
    """A share of 0 to 1, rounded down: 100 % is said of nothing less."""
    if of is None:
        return NONE
    tenths = floor(of * 1000 + 1e-9)
    return f"{tenths / 10:.1f} %" if tenths % 10 else f"{tenths // 10} %"


def ms(value: int | None) -> str:
    """Milliseconds to read."""
    if value is None:
        return NONE
    if value < 1000:
        return f"{value} ms"
    if value < 60_000:
        return f"{value / 1000:.1f} s"
    return f"{value // 60_000} min {value % 60_000 // 1000} s"


def times(of: Times) -> str:
    """Median and 95th percentile."""
    return NONE if of.median is None else f"{ms(of.median)} / {ms(of.p95)}"


def circuit_words(circuit: Circuit | None, now: datetime) -> str:
    """How a circuit breaker stands, in words that go on from "it is"."""
    if circuit is None:
        return "closed"
    if circuit.open_until is None:
        failed = f", {circuit.failures} failed in a row" if circuit.failures else ""
        return f"closed{failed}"
    if circuit.probe_until and circuit.probe_until > now:
        return "open, a probe is under way"
    seconds = (circuit.open_until - now).total_seconds()
    if seconds <= 0:
        return "open, the next question is the probe"
    local = timezone.localtime(circuit.open_until)
    return f"open until {local:%H:%M:%S}, next probe in {max(round(seconds), 1)} s"
