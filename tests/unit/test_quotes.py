"""Quotes: the rounding of costs, and their bounds."""

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.quotes import FREE, Quote, Rates
from billing.usage import TokenUsage
from tests.prices import quoted, used

pytestmark = pytest.mark.django_db


PRICES = st.decimals(0, 1000, places=10) | st.decimals(0, 10, places=2) | st.just(Decimal(0))
TOKENS = st.integers(0, 2_000_000)


@st.composite
def quotes(draw: st.DrawFn, sizes: st.SearchStrategy[int] = TOKENS) -> Quote:
    """Prices as odd as an operator can make them: long requests may well be cheaper."""
    starts = [0, *sorted(draw(st.sets(sizes.filter(bool), max_size=3)))]
    rates = [
        Rates(draw(PRICES), draw(PRICES), draw(PRICES), draw(PRICES), min_input_tokens=start)
        for start in starts
    ]
    return Quote("any", tuple(rates), {"web_search_call": draw(PRICES)})


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    inputs = draw(TOKENS)
    cached = draw(st.integers(0, inputs))
    return used(inputs, draw(TOKENS), cached, draw(st.integers(0, inputs - cached)))


@given(quotes(), usages(), st.integers(0, 1000))
def test_parts_add_up_and_only_their_sum_is_rounded(
    quote: Quote, usage: TokenUsage, searches: int
) -> None:
    cost = quote.cost(usage, {"web_search_call": searches, "function_call": 3})
    rates = [r for r in quote.rates if r.min_input_tokens <= usage.input_tokens][-1]
    fresh = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
    exact = {
        "input": Fraction(rates.input) * fresh / 10**6,
        "cached_input": Fraction(rates.cached_input) * usage.cached_tokens / 10**6,
        "cache_write": Fraction(rates.cache_write) * usage.cache_write_tokens / 10**6,
        "output": Fraction(rates.output) * usage.output_tokens / 10**6,
        "web_search_call": Fraction(quote.tool_calls["web_search_call"]) * searches,
    }
    half_up = Fraction(int(sum(exact.values()) * 10**10 + Fraction(1, 2)), 10**10)
    assert Fraction(cost.amount) == half_up
    assert cost.amount.as_tuple().exponent == -10
    assert sum(map(Fraction, cost.breakdown.values())) == half_up
    for part, usd in cost.breakdown.items():
        assert Fraction(usd) >= 0
        assert abs(Fraction(usd) - exact[part]) < Fraction(1, 10**10)
    assert set(cost.breakdown) == {part for part, amount in exact.items() if amount}
    cheaper = Fraction(rates.input) - Fraction(rates.cached_input)
    assert abs(Fraction(cost.saved) - cheaper * usage.cached_tokens / 10**6) <= Fraction(
        1, 2 * 10**10
    )


@given(quotes(), usages(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_no_smaller_response_costs_more_than_the_worst(
    quote: Quote, usage: TokenUsage, more_in: int, more_out: int
) -> None:
    most = quote.worst(usage.input_tokens + more_in, usage.output_tokens + more_out)
    assert quote.cost(usage).amount <= most
    assert quote.worst(usage.input_tokens, usage.output_tokens) <= most


@given(quotes(st.integers(1, 6)), st.integers(0, 6), st.integers(0, 2))
def test_the_worst_is_no_more_than_what_can_happen(quote: Quote, most_in: int, out: int) -> None:
    possible = [
        quote.cost(used(inputs, outputs, cached, written)).amount
        for inputs, outputs in product(range(most_in + 1), range(out + 1))
        for cached in range(inputs + 1)
        for written in range(inputs - cached + 1)
    ]
    assert quote.worst(most_in, out) == max(possible)


@given(quotes(), st.decimals(-1, 3000, places=10), TOKENS, TOKENS)
def test_output_within_an_amount_is_exact(
    quote: Quote, amount: Decimal, inputs: int, wanted: int
) -> None:
    tokens = quote.output_within(amount, inputs, wanted)
    assert 0 <= tokens <= wanted
    if quote.is_free:
        assert tokens == wanted
        return
    assert tokens == 0 or quote.worst(inputs, tokens) <= amount
    assert tokens == wanted or quote.worst(inputs, tokens + 1) > amount


def test_output_within_an_amount_by_hand() -> None:
    # 1000 input tokens may all be cache writes: 1000×0.125 = 125 millionths. 75 are left of
    # 200, at 0.5 a token: 150 tokens.
    luna = quoted("gpt-6-luna")
    assert luna.output_within(Decimal("0.000200"), 1000, 4000) == 150
    assert luna.output_within(Decimal("0.0001999999"), 1000, 4000) == 149
    assert luna.output_within(Decimal("0.000124"), 1000, 4000) == 0
    assert luna.output_within(Decimal(-1), 1000, 4000) == 0
    assert Quote("free", (FREE,)).output_within(Decimal(-1), 1000, 4000) == 4000


def test_what_caching_saved_is_the_difference_to_fresh_input() -> None:
    # 600 cached tokens at 0.125 instead of 1.25.
    assert quoted("gpt-5").cost(used(800, 50, 600)).saved == Decimal("0.000675")
