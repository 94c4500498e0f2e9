"""The one retry layer: before the first output only. The SDK's own is switched off."""

import asyncio
import random

from django.conf import settings

from conversations.upstream.errors import UpstreamFailure

BASE_SECONDS = 0.5
LONGEST_SECONDS = 8.0


class Retries:
    """How often and how late a generation may ask upstream again."""

    def __init__(self) -> None:
        self.attempt = 1
        """The attempt that runs now, from 1."""
        loop = asyncio.get_running_loop()
        self._give_up_at = loop.time() + settings.UPSTREAM_RETRY_SECONDS

    def delay_after(self, failure: UpstreamFailure) -> float | None:
        """Seconds until the next attempt, or None when there is to be none.

        Upstream's own word on when to come back is obeyed; one that goes past the time allowed
        ends it. To that comes a random part of a time that doubles: what failed together does
        not come back together.
        """
        asked = failure.kind.name != "circuit_open"
        if not failure.retryable or (asked and self.attempt > settings.UPSTREAM_RETRIES):
            return None
        left = self._give_up_at - asyncio.get_running_loop().time()
        least = failure.retry_after or 0.0
        if least > left:
            return None
        self.attempt += asked  # who was not asked has not failed
        ceiling = min(BASE_SECONDS * 2 ** max(self.attempt - 2, 0), LONGEST_SECONDS)
        return min(least + random.uniform(0, ceiling), left)  # noqa: S311
