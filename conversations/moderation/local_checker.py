"""The embedded checker, for sites without a key: word and phrase rules, nothing sent anywhere.

What it can: slurs, threats, calls to kill oneself or a group, insults, swearing, in English,
also as `sh1t`, `f u c k` or with look-alike letters; it knows words, so Scunthorpe and `assembly`
pass, and quoted speech counts half. What it can't: understand. It finds no instructions for
bombs, no politely worded hate, nothing sexual beyond swear words, hardly anything in other
languages, and it may flag a quotation or an unlucky joke. For more, use `openai` or your own.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from conversations.moderation.verdict import Verdict, by_threshold

SEVERITY: Final = {"low": 0.25, "medium": 0.5, "high": 0.75, "critical": 1.0}

THRESHOLDS: Final = {"hate": 0.5, "harassment": 0.5, "sexual": 0.5, "profanity": 0.9}
"""A score is a rule's severity times how sure it is. Swearing alone passes, but for the worst:
a chat may quote it, translate it and write novels."""

LONG: Final = 2_000
"""Characters (some 3 ms) from which on a text is checked in a thread."""


class LocalChecker:
    """Wraps the rules of `safetype`; about 1.6 µs for a character."""

    def __init__(self, thresholds: Mapping[str, float] | None = None) -> None:
        from safetype import create_moderation_engine

        self._engine = create_moderation_engine(languages=["en"])
        self._thresholds = {**THRESHOLDS, **(thresholds or {})}

    async def check(self, text: str) -> Verdict:
        long = len(text) > LONG
        scores = await asyncio.to_thread(self._scores, text) if long else self._scores(text)
        return by_threshold(scores, self._thresholds)

    def _scores(self, text: str) -> dict[str, float]:
        scores: dict[str, float] = {}
        for match in self._engine.moderate(text).matches:
            score = SEVERITY[match.severity] * match.confidence
            scores[match.category] = max(score, scores.get(match.category, 0.0))
        return scores
