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

        Upstream's own word on when to come back is obeyed; a word that goes past the time
        allowed ends it. Otherwise the delay doubles, with jitter, so that what failed
        together does not come back together.
        """
        if not failure.retryable or self.attempt > settings.UPSTREAM_RETRIES:
            return None
        ceiling = min(BASE_SECONDS * 2 ** (self.attempt - 1), LONGEST_SECONDS)
        delay: float = ceiling * random.uniform(0.5, 1)  # noqa: S311
        if failure.retry_after is not None:
            delay = max(failure.retry_after, delay)
        if asyncio.get_running_loop().time() + delay > self._give_up_at:
            return None
        self.attempt += 1
        return delay
