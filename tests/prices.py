"""Quotes, usage and own prices, made short for tests of money."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing import pricing
from billing.models import Price
from billing.quotes import Quote
from billing.usage import TokenUsage

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""A moment whose listed prices the tests know."""


def quoted(model: str, at: datetime = NOW, service_tier: str = "", returned: str = "") -> Quote:
    quote = pricing.quote(model, at=at, service_tier=service_tier, returned=returned)
    assert quote is not None
    return quote


def used(inputs: int, outputs: int, cached: int = 0, written: int = 0) -> TokenUsage:
    return TokenUsage(inputs, outputs, cached_tokens=cached, cache_write_tokens=written)


def own(model: str, input: str, output: str, **columns: Any) -> Price:
    columns.setdefault("effective_from", datetime(2026, 1, 1, tzinfo=UTC))
    return Price.objects.create(
        model=model, input=Decimal(input), output=Decimal(output), reason="contract", **columns
    )


def input_price(quote: Quote, input_tokens: int = 10_000) -> Decimal:
    """USD for 10,000 fresh input tokens, as a price per million."""
    return quote.cost(used(input_tokens, 0)).amount * 1_000_000 / input_tokens
