"""Token counts of one upstream response: validated when upstream reports them, else estimated."""

from collections.abc import Sequence
from typing import Any

import msgspec


class TokenUsage(msgspec.Struct, frozen=True):
    """Tokens of one or more rounds.

    `cached_tokens` and `cache_write_tokens` are parts of `input_tokens`; `reasoning_tokens`
    is a part of `output_tokens`. `estimated` marks counts that upstream did not report.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    def wire(self) -> dict[str, Any]:
        """The shape upstream itself uses for `usage`."""
        return {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {
                "cached_tokens": self.cached_tokens,
                "cache_write_tokens": self.cache_write_tokens,
            },
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": self.input_tokens + self.output_tokens,
        }


def parse_usage(usage: object) -> TokenUsage | None:
    """Upstream's `usage` object as counts; None when it is missing or makes no sense.

    Real servers leave parts out: a missing detail counts as zero, a missing or negative
    total makes the whole report useless.
    """
    if not isinstance(usage, dict):
        return None
    counts = (_count(usage.get("input_tokens")), _count(usage.get("output_tokens")))
    if counts[0] is None or counts[1] is None:
        return None
    inputs = usage.get("input_tokens_details")
    outputs = usage.get("output_tokens_details")
    cached, written = _detail(inputs, "cached_tokens"), _detail(inputs, "cache_write_tokens")
    cached = min(cached, counts[0])
    return TokenUsage(
        input_tokens=counts[0],
        output_tokens=counts[1],
        cached_tokens=cached,
        cache_write_tokens=min(written, counts[0] - cached),
        reasoning_tokens=min(_detail(outputs, "reasoning_tokens"), counts[1]),
    )


def total_usage(usages: Sequence[TokenUsage]) -> TokenUsage:
    """The tokens of several responses; estimated when one of them is."""
    return TokenUsage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cached_tokens=sum(usage.cached_tokens for usage in usages),
        cache_write_tokens=sum(usage.cache_write_tokens for usage in usages),
        reasoning_tokens=sum(usage.reasoning_tokens for usage in usages),
        estimated=any(usage.estimated for usage in usages),
    )


def estimate_tokens(text: str) -> int:
    """Tokens a text will take, without a tokenizer; errs high for plain prose.

    English takes about 4 characters a token and code about 3; other scripts take up to a
    token per character, which their UTF-8 length tells.
    """
    return -(-len(text.encode()) // 3)


def estimate_usage(input_text: str, output_text: str) -> TokenUsage:
    """What a response that reported no usage is taken to have used."""
    return TokenUsage(
        input_tokens=estimate_tokens(input_text),
        output_tokens=estimate_tokens(output_text),
        estimated=True,
    )


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _detail(details: object, name: str) -> int:
    return (_count(details.get(name)) or 0) if isinstance(details, dict) else 0
