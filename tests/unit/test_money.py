"""Usage as reported, usage estimated, and what it costs."""

from decimal import Decimal
from typing import Any

import pytest

from billing.pricing import cost_of, money, price_of
from billing.usage import TokenUsage, estimate_tokens, estimate_usage, parse_usage


def usage(inputs: int, outputs: int, **details: int) -> dict[str, Any]:
    return {
        "input_tokens": inputs,
        "output_tokens": outputs,
        "input_tokens_details": details,
        "output_tokens_details": {"reasoning_tokens": details.get("reasoning_tokens", 0)},
    }


@pytest.mark.parametrize(
    ("report", "counts"),
    [
        (usage(100, 20), TokenUsage(100, 20)),
        (
            usage(100, 20, cached_tokens=60, cache_write_tokens=10, reasoning_tokens=5),
            TokenUsage(100, 20, cached_tokens=60, cache_write_tokens=10, reasoning_tokens=5),
        ),
        ({"input_tokens": 1, "output_tokens": 2}, TokenUsage(1, 2)),
        (usage(10, 2, cached_tokens=99), TokenUsage(10, 2, cached_tokens=10)),
        (None, None),
        ({}, None),
        ("many", None),
        ({"input_tokens": -1, "output_tokens": 2}, None),
        ({"input_tokens": True, "output_tokens": 2}, None),
        ({"input_tokens": 1.5, "output_tokens": 2}, None),
    ],
)
def test_a_report_counts_only_when_it_makes_sense(
    report: object, counts: TokenUsage | None
) -> None:
    assert parse_usage(report) == counts


def test_an_estimate_is_marked_and_errs_high() -> None:
    estimate = estimate_usage("How are you today?", "Fine, thanks.")
    assert estimate.estimated
    assert estimate.input_tokens >= 5
    assert estimate_tokens("") == 0
    assert estimate_tokens("你好世界") >= 4


def test_cached_input_costs_its_own_price() -> None:
    # gpt-6-luna: 0.10 in, 0.01 cached in, 0.50 out, USD per million.
    counts = TokenUsage(input_tokens=1000, output_tokens=500, cached_tokens=200)
    assert cost_of("gpt-6-luna", counts) == Decimal("0.0003320000")
    price = price_of("gpt-6-luna")
    assert price is not None
    assert price.wire() == {"input": "0.1", "output": "0.5", "cached_input": "0.01"}


def test_a_model_without_a_price_costs_nothing_where_that_is_allowed() -> None:
    assert price_of("no-such-model") is None
    assert cost_of("no-such-model", TokenUsage(10**6, 10**6)) == 0


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("0.0000000000", "0"), ("1.50", "1.5"), ("0.00000000005", "0.0000000001")],
)
def test_money_is_a_plain_decimal_string(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text
