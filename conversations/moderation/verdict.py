"""What a checker says of a text, and what a checker is.

The Responses API has a request parameter `moderation` of its own, unused until upstream says
what it promises. It would be no `Checker`: its verdict comes with the events of the answer. Its
place is `ModeratedStream.push`, where a flag that an event carries can block as a check's does.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from conversations import metrics
from conversations.moderation.texts import OVERLAP

SLICE: Final = 8_000
"""Characters that a checker gets at once: questions may have 100,000."""

CHECK_SECONDS: Final = 10.0
"""A check that takes longer has failed: text must neither wait for it for ever (`hold`) nor go
on for ever without it (`watch`)."""


class Verdict(msgspec.Struct, frozen=True):
    """`categories` are those that were flagged; `scores` go from 0 to 1, by category."""

    flagged: bool
    categories: tuple[str, ...] = ()
    scores: Mapping[str, float] = {}


CLEAR: Final = Verdict(False)


class CheckFailed(Exception):
    """No verdict was to be had. The message is for the log."""


class Checker(Protocol):
    """Whoever judges texts. One object serves all generations of a process."""

    async def check(self, text: str) -> Verdict:
        """Judges one text of up to `SLICE` characters.

        Raises:
            Exception: any; it counts as a failed check.
        """
        ...


def by_threshold(scores: Mapping[str, float], thresholds: Mapping[str, float]) -> Verdict:
    """Flags each category whose score reaches its threshold; those without one are never."""
    found = sorted(name for name, score in scores.items() if score >= thresholds.get(name, 2))
    return Verdict(bool(found), tuple(found), scores)


async def check_text(checker: Checker, text: str, seconds: float = CHECK_SECONDS) -> Verdict:
    """Judges a text of any length; a question, or a window. Counts how that ended.

    Raises:
        CheckFailed: the checker failed, or took longer than `seconds`.
    """
    result = "failed"
    try:
        with metrics.MODERATION_SECONDS.time():
            verdict = await _check_slices(checker, text, seconds)
        result = "flagged" if verdict.flagged else "clear"
        return verdict
    except asyncio.CancelledError:
        result = "given up"
        raise
    finally:
        metrics.MODERATION_CHECKS.labels(result).inc()


async def _check_slices(checker: Checker, text: str, seconds: float) -> Verdict:
    """`check_text`, in slices that overlap."""
    step = SLICE - OVERLAP
    slices = [text[at : at + SLICE] for at in range(0, max(len(text) - OVERLAP, 1), step)]
    asked = [checker.check(part) for part in slices if part.strip()]
    try:
        async with asyncio.timeout(seconds):
            verdicts = await asyncio.gather(*asked)
    except TimeoutError as error:
        raise CheckFailed(f"no verdict within {seconds:g} s") from error
    except CheckFailed:
        raise
    except Exception as error:  # a checker of somebody's own may raise anything
        raise CheckFailed(f"{type(error).__name__}: {error}") from error
    return _joined(verdicts)


def _joined(verdicts: list[Verdict]) -> Verdict:
    """One verdict of those on several slices: whatever was found in any of them."""
    found = [verdict for verdict in verdicts if verdict.flagged]
    names = dict.fromkeys(name for verdict in found for name in verdict.categories)
    highest: dict[str, float] = {}
    for verdict in verdicts:
        for name, score in verdict.scores.items():
            highest[name] = max(score, highest.get(name, 0.0))
    return Verdict(bool(found), tuple(names), highest)
