"""Fixtures of the upstream's own tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI, DefaultAioHttpClient

from tests.upstream.client import Upstream


@pytest.fixture
async def sdk(upstream: Upstream) -> AsyncIterator[AsyncOpenAI]:
    """The real SDK as the site uses it: aiohttp transport, no retries of its own."""
    async with AsyncOpenAI(
        api_key="sk-test",
        base_url=upstream.base_url,
        max_retries=0,
        http_client=DefaultAioHttpClient(),
    ) as client:
        yield client
