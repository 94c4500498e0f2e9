"""How soon the next request may go, by what upstream says is left of its rate limits. No I/O.

Upstream tells with each answer how many requests and tokens are left, and in how many seconds
all of them are back; in between they come back evenly. `now` is a loop's time, in seconds.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

LIMITS: Final = ("requests", "tokens")
NEAR: Final = 0.25
"""Share of a limit: when less is left, one request runs at a time, and later texts share the
next one."""
CHARS_A_TOKEN: Final = 3
"""A guess on the safe side for English; every answer corrects what it leads to."""
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Bucket(msgspec.Struct):
    """One limit: `left` of `limit` at the time `at`, and `rate` a second come back."""

    limit: float
    left: float
    rate: float
    at: float

    def left_at(self, now: float) -> float:
        return min(self.limit, self.left + self.rate * (now - self.at))

    def wait(self, needed: float, now: float) -> float:
        """Seconds until `needed` are there; what is more than the limit needs all of it."""
        lacking = min(needed, self.limit) - self.left_at(now)
        return max(lacking, 0.0) / self.rate if self.rate else 0.0


class Pace:
    """What is left of upstream's limits, as far as this process knows."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self.closed_until = 0.0
        """Upstream has asked not to come before."""

    def told(self, headers: Mapping[str, str], now: float) -> None:
        """Takes the `x-ratelimit-*` headers of an answer; a server may send none."""
        for name in LIMITS:
            limit = number(headers.get(f"x-ratelimit-limit-{name}"))
            left = number(headers.get(f"x-ratelimit-remaining-{name}"))
            reset = seconds(headers.get(f"x-ratelimit-reset-{name}"))
            if limit and left is not None and reset is not None:
                rate = (limit - left) / reset if reset else 0.0
                self._buckets[name] = Bucket(limit, left, rate, now)

    def spend(self, texts: list[str], now: float) -> None:
        """A request with these texts goes; its answer will say what it took."""
        for name, needed in zip(LIMITS, (1, tokens(texts)), strict=True):
            if bucket := self._buckets.get(name):
                bucket.left, bucket.at = bucket.left_at(now) - needed, now

    def wait(self, texts: list[str], now: float) -> float:
        """Seconds until a request with these texts fits into what seems to be left."""
        needed = dict(zip(LIMITS, (1, tokens(texts)), strict=True))
        return max((b.wait(needed[name], now) for name, b in self._buckets.items()), default=0.0)

    def near(self, now: float) -> bool:
        """Whether little is left of a limit."""
        return any(b.left_at(now) < NEAR * b.limit for b in self._buckets.values())


def tokens(texts: list[str]) -> float:
    """About how many tokens texts have."""
    return sum(len(text) / CHARS_A_TOKEN + 1 for text in texts)


def number(value: str | None) -> float | None:
    """A header's number; None when there is none, or nobody understands it."""
    return float(value) if value and value.isdecimal() else None


def seconds(value: str | None) -> float | None:
    """`120ms`, `1s`, `6m0s`, `1h2m3.5s` as seconds; None for anything else."""
    found = re.findall(r"([\d.]+)(ms|s|m|h|d)", value or "")
    if not found or "".join(map("".join, found)) != value:
        return None
    try:
        return sum(float(count) * _UNITS[unit] for count, unit in found)
    except ValueError:
        return None
