"""What responses cost by the price list.

The figures are those of the locked genai-prices. USD per million tokens are millionths of a
dollar per token: costs are worked out by hand in millionths.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from billing import pricing
from billing.pricelist import packaged
from billing.toolcalls import check_tool_prices, tool_calls_in
from billing.usage import TokenUsage
from tests.prices import NOW, input_price, own, quoted, used

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("model", "usage", "millionths"),
    [
        # fresh × input + cached × cached input + written × cache write + output × output
        ("gpt-6-luna", used(1000, 500, 200), "332"),  # 800×0.1 + 200×0.01 + 500×0.5
        # 1000×0.1 + 4000×0.01 + 5000×0.125 + 100×0.5 = 100 + 40 + 625 + 50
        ("gpt-6-luna", used(10_000, 100, 4000, 5000), "815"),
        # Up to 272,000 input tokens are a short request: 272000×0.1 + 1000×0.5
        ("gpt-6-luna", used(272_000, 1000), "27700"),
        # One more is a long one, and all of it is dearer: 272001×0.2 + 1000×0.75
        ("gpt-6-luna", used(272_001, 1000), "55150.2"),
        # 150000×0.2 + 100000×0.02 + 50000×0.25 + 2000×0.75 = 30000 + 2000 + 12500 + 1500
        ("gpt-6-luna", used(300_000, 2000, 100_000, 50_000), "46000"),
        ("gpt-6.1-terra", used(2000, 300, 1500), "2075"),  # 500×1 + 1500×0.05 + 300×5
        ("gpt-6.1-sol", used(1200, 1000), "12400"),  # 1200×2 + 1000×10
        ("gpt-6-sol", used(10_000, 1000, 8000), "15600"),  # 2000×2 + 8000×0.2 + 1000×10
        ("gpt-6-astra", used(500, 200), "15000"),  # 500×10 + 200×50
        # 100000×20 + 300000×2 + 1000×75 = 2000000 + 600000 + 75000
        ("gpt-6-astra", used(400_000, 1000, 300_000), "2675000"),
        # 1000×0.2 + 1000×0.02 + 1000×0.25 + 100×1.2 = 200 + 20 + 250 + 120
        ("gpt-5.6-luna", used(3000, 100, 1000, 1000), "590"),
        ("gpt-5.6-terra", used(1000, 1000), "14000"),  # 1000×2 + 1000×12
        ("gpt-5.6-sol", used(1000, 10, 500), "2400"),  # 500×4 + 500×0.4 + 10×20
        ("gpt-5.5", used(1000, 100, 400), "6200"),  # 600×5 + 400×0.5 + 100×30
        ("gpt-5.5-pro", used(280_000, 100), "16827000"),  # 280000×60 + 100×270
        ("gpt-5.4", used(1000, 0, 1000), "250"),  # 1000×0.25
        # Writing the cache has no price of its own: 1000×2.5
        ("gpt-5.4", used(1000, 0, 0, 400), "2500"),
        ("gpt-5.4-mini", used(1500, 250), "2250"),  # 1500×0.75 + 250×4.5
        ("gpt-5.4-nano", used(7, 3), "5.15"),  # 7×0.2 + 3×1.25
        ("gpt-5.2", used(100, 60, 40), "952"),  # 60×1.75 + 40×0.175 + 60×14
        ("gpt-5.1", used(1000, 1000), "11250"),  # 1000×1.25 + 1000×10
        ("gpt-5", used(800, 50, 600), "825"),  # 200×1.25 + 600×0.125 + 50×10
        ("gpt-5-mini", used(1000, 1000), "2250"),  # 1000×0.25 + 1000×2
        ("gpt-5-nano", used(1, 1), "0.45"),  # 1×0.05 + 1×0.4
        ("gpt-4.1", used(1000, 100, 500), "2050"),  # 500×2 + 500×0.5 + 100×8
        ("gpt-4.1-mini", used(1000, 10), "416"),  # 1000×0.4 + 10×1.6
        ("gpt-4.1-nano", used(1000, 10, 1000), "29"),  # 1000×0.025 + 10×0.4
        ("gpt-4o", used(1000, 10, 200), "2350"),  # 800×2.5 + 200×1.25 + 10×10
        ("gpt-4o-mini", used(1000, 10), "156"),  # 1000×0.15 + 10×0.6
        ("o3", used(1000, 100, 500), "2050"),  # 500×2 + 500×0.5 + 100×8
        ("o4-mini", used(1000, 100, 400), "1210"),  # 600×1.1 + 400×0.275 + 100×4.4
        # Cached input has no price of its own: 1000×20 + 10×80
        ("o3-pro", used(1000, 10, 500), "20800"),
    ],
)
def test_a_response_costs_what_the_list_says(
    model: str, usage: TokenUsage, millionths: str
) -> None:
    cost = quoted(model).cost(usage)
    assert cost.amount == Decimal(millionths) / 1_000_000
    assert sum(map(Decimal, cost.breakdown.values())) == cost.amount


@pytest.mark.parametrize(
    ("model", "tier", "millionths"),
    [  # 1000 input tokens, 200 of them cached, and 500 of output
        ("gpt-6-luna", "", "332"),
        ("gpt-6-luna", "auto", "332"),
        ("gpt-6-luna", "default", "332"),
        ("gpt-6-luna", "flex", "166"),  # 800×0.05 + 200×0.005 + 500×0.25
        ("gpt-6-luna", "priority", "664"),  # 800×0.2 + 200×0.02 + 500×1
        ("gpt-6-luna", "scale", "332"),  # no price of its own: as default
        ("gpt-6.1-terra", "batch", "1655"),  # 800×0.5 + 200×0.025 + 500×2.5 = 400 + 5 + 1250
        ("gpt-5.4-mini", "priority", "5730"),  # 800×1.5 + 200×0.15 + 500×9 = 1200 + 30 + 4500
    ],
)
def test_the_tier_that_was_returned_decides(model: str, tier: str, millionths: str) -> None:
    cost = quoted(model, service_tier=tier).cost(used(1000, 500, 200))
    assert cost.amount == Decimal(millionths) / 1_000_000


def test_a_listed_price_changes_at_its_date() -> None:
    # gpt-5.6-terra: 2.5 per million of input until 2026-07-29, 2 from then on.
    midnight = datetime(2026, 7, 30, tzinfo=UTC)
    assert input_price(quoted("gpt-5.6-terra", midnight - timedelta(seconds=1))) == Decimal("2.5")
    assert input_price(quoted("gpt-5.6-terra", midnight)) == 2


def all_listed() -> list[str]:
    return sorted(packaged().priced(NOW))


@given(
    model=st.sampled_from(all_listed()),
    tier=st.sampled_from(["default", "flex", "priority", "fast", "batch"]),
    inputs=st.integers(0, 600_000),
    outputs=st.integers(0, 200_000),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_costs_are_those_that_genai_prices_works_out(
    model: str, tier: str, inputs: int, outputs: int, shares: tuple[float, float]
) -> None:
    cached = int(inputs * shares[0])
    written = int((inputs - cached) * shares[1])
    quote = packaged().quote(model, NOW, tier)
    assert quote is not None
    theirs = calc_price(
        Usage(
            input_tokens=inputs,
            output_tokens=outputs,
            cache_read_tokens=cached,
            cache_write_tokens=written,
        ),
        model,
        provider_id="openai",
        genai_request_timestamp=NOW,
        price_context={"processing" if tier == "batch" else "service_tier": tier},
    )
    assert quote.cost(used(inputs, outputs, cached, written)).amount == round(
        theirs.total_price, 10
    )


def test_tool_calls_are_counted_by_type() -> None:
    items: list[dict[str, Any]] = [
        {"type": "message", "content": []},
        {"type": "web_search_call", "action": {"type": "search", "query": "x"}},
        {"type": "web_search_call", "action": {"type": "open_page", "url": "https://x.test"}},
        {"type": "web_search_call", "status": "failed"},
        {"type": "file_search_call", "queries": []},
        {"type": "function_call", "name": "clock"},
        {"type": "function_call_output", "output": "12"},
        {},
    ]
    assert tool_calls_in(items) == {
        "web_search_call": 2,
        "file_search_call": 1,
        "function_call": 1,
    }


def test_tool_calls_cost_per_call() -> None:
    calls = {"web_search_call": 3, "file_search_call": 2, "code_interpreter_call": 1}
    # The list: 10 USD per 1000 web searches, 2.50 per 1000 file searches.
    cost = quoted("gpt-6-luna").cost(used(0, 0), calls)
    assert cost.breakdown == {"web_search_call": "0.03", "file_search_call": "0.005"}
    assert cost.amount == Decimal("0.035")
    own("gpt-6-luna", "1", "1", tool_calls={"web_search_call": "0", "code_interpreter_call": 0.03})
    pricing.forget()
    cost = quoted("gpt-6-luna").cost(used(0, 0), calls)
    assert cost.breakdown == {"file_search_call": "0.005", "code_interpreter_call": "0.03"}


@pytest.mark.parametrize("column", [[], "0.01", {"a": "dear"}, {"a": "-1"}, {"a": "NaN"}])
def test_tool_prices_that_make_no_sense_are_refused(column: object) -> None:
    with pytest.raises(ValidationError, match=r"web_search_call"):
        check_tool_prices(column)


def test_tool_prices_that_make_sense_are_taken() -> None:
    check_tool_prices({})
    check_tool_prices({"web_search_call": "0.01", "code_interpreter_call": 0.03})
