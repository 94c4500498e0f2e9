"""Prices of a model at a moment, and what a response costs at them. All rounding is here."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from billing.usage import TokenUsage

QUANTUM = Decimal("0.0000000001")
"""The smallest amount of money there is here, USD."""
MILLION = 1_000_000


def usd(amount: Decimal) -> Decimal:
    """An amount with 10 places. Nothing else in the project rounds money.

    It never turns an order around, so a bound stays a bound when both sides are rounded.
    """
    return amount.quantize(QUANTUM, ROUND_HALF_UP)


def money(amount: Decimal) -> str:
    """A USD amount as the browser gets it: a plain decimal string, "0" for nothing."""
    text = f"{usd(amount):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Rates(msgspec.Struct, frozen=True):
    """USD per 1,000,000 tokens, for requests with at least `min_input_tokens`.

    The size of a request decides on the price of all its tokens, the output's too.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal
    cache_write: Decimal
    min_input_tokens: int = 0

    @property
    def dearest_input(self) -> Decimal:
        """What an input token costs at most."""
        return max(self.input, self.cached_input, self.cache_write)

    @property
    def is_free(self) -> bool:
        return self.dearest_input == 0 and self.output == 0

    def wire(self) -> dict[str, str]:
        """`prices` of a model in the protocol's `hello`."""
        return {name: money(getattr(self, name)) for name in ("input", "output", "cached_input")}


FREE = Rates(Decimal(0), Decimal(0), Decimal(0), Decimal(0))


class Cost(msgspec.Struct, frozen=True):
    """What one response cost, in USD.

    The parts of `breakdown` add up to `amount` exactly; parts that cost nothing are left out.
    `saved` is what cached input cost less than fresh input.
    """

    amount: Decimal
    breakdown: dict[str, str]
    saved: Decimal


def total(costs: Sequence[Cost]) -> Cost:
    """What several responses cost together; the parts still add up exactly."""
    parts: dict[str, Decimal] = {}
    for cost in costs:
        for name, amount in cost.breakdown.items():
            parts[name] = parts.get(name, Decimal(0)) + Decimal(amount)
    return Cost(
        amount=sum((cost.amount for cost in costs), Decimal(0)),
        breakdown={name: money(amount) for name, amount in parts.items()},
        saved=sum((cost.saved for cost in costs), Decimal(0)),
    )


class Quote(msgspec.Struct, frozen=True):
    """The prices of a model at a moment, on a service tier.

    `rates` ascend by `min_input_tokens`, the first from 0 tokens on. `tool_calls`: type of an
    output item → USD per call. `unpriced`: nobody knows a price, it is counted as free.
    """

    model: str
    rates: tuple[Rates, ...]
    tool_calls: Mapping[str, Decimal] = {}
    unpriced: bool = False

    @property
    def is_free(self) -> bool:
        """Whether no number of tokens costs anything; tool calls may."""
        return all(rates.is_free for rates in self.rates)

    def cost(self, usage: TokenUsage, tool_calls: Mapping[str, int] | None = None) -> Cost:
        """What one response cost; calls of tools that have no price cost nothing."""
        rates = self._reached(usage.input_tokens)[-1]
        cached = min(usage.cached_tokens, usage.input_tokens)
        written = min(usage.cache_write_tokens, usage.input_tokens - cached)
        exact = {
            "input": (usage.input_tokens - cached - written) * rates.input / MILLION,
            "cached_input": cached * rates.cached_input / MILLION,
            "cache_write": written * rates.cache_write / MILLION,
            "output": usage.output_tokens * rates.output / MILLION,
        }
        for tool, count in (tool_calls or {}).items():
            exact[tool] = count * self.tool_calls.get(tool, Decimal(0))
        return Cost(
            amount=usd(sum(exact.values(), Decimal(0))),
            breakdown=_rounded_parts(exact),
            saved=usd(cached * (rates.input - rates.cached_input) / MILLION),
        )

    def worst(self, input_tokens: int, max_output_tokens: int) -> Decimal:
        """The most that `cost` can be for at most so many tokens, tool calls aside.

        A longer request may be cheaper per token, so each size that can be reached counts.
        """
        reached = self._reached(input_tokens)
        most = [rates.min_input_tokens - 1 for rates in reached[1:]] + [input_tokens]
        return usd(
            max(
                (tokens * rates.dearest_input + max_output_tokens * rates.output) / MILLION
                for rates, tokens in zip(reached, most, strict=True)
            )
        )

    def output_within(self, amount: Decimal, input_tokens: int, wanted: int) -> int:
        """The most output tokens, at most `wanted`, whose `worst` is within `amount`; or 0.

        A model that costs nothing may write all that is wanted, also on an overdrawn account.
        """
        if self.is_free:
            return wanted
        fitting = bisect_right(
            range(wanted + 1), amount, key=lambda tokens: self.worst(input_tokens, tokens)
        )
        return max(0, fitting - 1)

    def wire(self) -> dict[str, str]:
        """`prices` of a model in the protocol's `hello`: those of short requests."""
        return self.rates[0].wire()

    def _reached(self, input_tokens: int) -> list[Rates]:
        """Rates that requests with at most so many tokens can get; the last are its own."""
        return [self.rates[0], *(r for r in self.rates[1:] if r.min_input_tokens <= input_tokens)]


def _rounded_parts(exact: Mapping[str, Decimal]) -> dict[str, str]:
    """Rounds the running total, not the parts: they add up to the rounded sum then, and each
    is less than QUANTUM off."""
    parts, total, before = {}, Decimal(0), Decimal(0)
    for name, amount in exact.items():
        total += amount
        if amount:
            parts[name] = money(usd(total) - before)
        before = usd(total)
    return parts
