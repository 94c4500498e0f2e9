"""The real SDK talks to aimock: the answers that other tests build on are as expected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, DefaultAioHttpClient

TEXT = "Grüße aus aimock: **fett**, `code` und 世界 😀."


@pytest.fixture
async def sdk(aimock: str) -> AsyncIterator[AsyncOpenAI]:
    """The SDK as the site uses it."""
    async with AsyncOpenAI(
        api_key="k", base_url=aimock, max_retries=0, http_client=DefaultAioHttpClient()
    ) as client:
        yield client


async def read(sdk: AsyncOpenAI, text: str, into: list[Any]) -> None:
    """Ask and collect the events."""
    async for event in await sdk.responses.create(model="gpt-5-mini", input=text, stream=True):
        into.append(event)  # noqa: PERF401  a comprehension would lose it all


def joined(events: list[Any], type: str) -> str:
    """The deltas of one type."""
    return "".join(event.delta for event in events if event.type == type)


@pytest.mark.parametrize("slowly", ["", " slowly"])
async def test_aimock_streams_a_text_answer(sdk: AsyncOpenAI, slowly: str) -> None:
    events: list[Any] = []
    await read(sdk, f"please stream{slowly}", events)
    assert joined(events, "response.output_text.delta") == TEXT
    assert events[-1].type == "response.completed"
    usage = events[-1].response.usage
    assert (usage.input_tokens, usage.output_tokens) == ((11, 12) if not slowly else (0, 0))


async def test_aimock_reasons_and_calls_functions(sdk: AsyncOpenAI) -> None:
    events: list[Any] = []
    await read(sdk, "please think", events)
    assert joined(events, "response.reasoning_summary_text.delta") == "Two and two make four."
    assert joined(events, "response.output_text.delta") == "Four."
    events.clear()
    await read(sdk, "please call", events)
    assert joined(events, "response.function_call_arguments.delta") == '{"sides":6}'
    assert events[-1].response.output[0].name == "roll_dice"


async def test_aimock_refuses_with_429_and_cuts_in_mid_answer(sdk: AsyncOpenAI) -> None:
    events: list[Any] = []
    with pytest.raises(openai.RateLimitError):
        await read(sdk, "too many", events)
    with pytest.raises(openai.APIConnectionError):
        await read(sdk, "please cut", events)
    shown = joined(events, "response.output_text.delta")
    assert shown
    assert TEXT.startswith(shown)
    assert shown != TEXT


async def test_aimock_moderates(sdk: AsyncOpenAI) -> None:
    assert (await sdk.moderations.create(input="forbidden")).results[0].flagged is True
    assert (await sdk.moderations.create(input="fine")).results[0].flagged is False
