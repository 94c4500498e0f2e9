"""How late it is asked again: never too early, never too late, never all together."""

import asyncio
import random
from typing import Any

from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from conversations.upstream.errors import UpstreamFailure
from conversations.upstream.resilience import Retries

waits = st.one_of(st.none(), st.floats(0, 60))


@given(st.lists(waits, max_size=20), st.integers(0, 5), st.floats(0, 40), st.integers())
def test_waits_are_never_shorter_than_asked_nor_longer_than_allowed_in_all(
    asked: list[float | None], most: int, seconds: float, seed: int
) -> None:
    async def waits_of() -> list[tuple[float | None, float]]:
        retries, made = Retries(), []
        for retry_after in asked:
            delay = retries.delay_after(UpstreamFailure("overloaded", retry_after=retry_after))
            if delay is None:
                break
            made.append((retry_after, delay))
        return made

    before: dict[str, Any] = {
        name: getattr(settings, name) for name in ("UPSTREAM_RETRIES", "UPSTREAM_RETRY_SECONDS")
    }
    settings.UPSTREAM_RETRIES, settings.UPSTREAM_RETRY_SECONDS = most, seconds
    try:
        random.seed(seed)
        made = asyncio.run(waits_of())
    finally:
        for name, value in before.items():
            setattr(settings, name, value)
    assert len(made) <= most
    for retry_after, delay in made:
        assert (retry_after or 0) <= delay <= seconds
        assert delay - (retry_after or 0) <= 8
