"""OpenAI's checker against the scripted upstream: what it asks, retries, joins and gives up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI, DefaultAioHttpClient

from conversations.moderation.openai_checker import MODEL, REQUESTS, OpenAIChecker
from conversations.moderation.verdict import CheckFailed, check_text
from tests.moderation.counted import Counted
from tests.moderation.noted import Noted
from tests.upstream.client import Upstream, refusing_url
from tests.upstream.script import Reply, reply_error, reply_json

PATH = "/v1/moderations"
CLEAR = {"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.1}}


@pytest.fixture
async def sdk(upstream: Upstream) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key="k",
        base_url=upstream.base_url,
        max_retries=0,
        http_client=DefaultAioHttpClient(),
    ) as client:
        yield client


@pytest.fixture
def checker(sdk: AsyncOpenAI) -> OpenAIChecker:
    return OpenAIChecker(sdk, Noted())


def asked(upstream: Upstream) -> list[list[str]]:
    """The texts of each request."""
    return [record.body["input"] for record in upstream.requests(PATH)]


def clear(**headers: str) -> Reply:
    """A verdict on one text, with these rate limit headers."""
    named = {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in headers.items()}
    return reply_json({"id": "m", "model": MODEL, "results": [CLEAR]}, headers=named)


async def all_checked(checker: OpenAIChecker, texts: list[str]) -> None:
    verdicts = await asyncio.gather(*(checker.check(text) for text in texts))
    assert not any(verdict.flagged for verdict in verdicts)


async def test_it_flags_what_upstream_flags(checker: OpenAIChecker, upstream: Upstream) -> None:
    upstream.flag("terrible", categories=("violence", "self-harm/intent"))
    found = await checker.check("a Terrible thing")
    assert found.flagged
    assert found.categories == ("self-harm/intent", "violence")
    assert found.scores["violence"] == 0.98
    assert not (await checker.check("a nice thing")).flagged
    bodies = [record.body for record in upstream.requests(PATH)]
    assert bodies == [
        {"model": MODEL, "input": ["a Terrible thing"]},
        {"model": MODEL, "input": ["a nice thing"]},
    ]


async def test_thresholds_replace_upstreams_own_flags(sdk: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.flag("terrible", categories=("violence", "hate"))
    lax = OpenAIChecker(sdk, Noted(), {"violence": 2})
    assert (await lax.check("terrible")).categories == ("hate",)
    strict = OpenAIChecker(sdk, Noted(), {"violence": 2, "hate": 2, "sexual": 0.005})
    assert (await strict.check("terrible")).categories == ("sexual",)


async def test_texts_that_wait_share_a_request(checker: OpenAIChecker, upstream: Upstream) -> None:
    upstream.flag("bad", gate="slow")
    texts = [f"text {number}{' bad' if number % 7 == 3 else ''}" for number in range(40)]
    tasks = [asyncio.create_task(checker.check(text)) for text in texts]
    await upstream.agate("slow", 2)
    upstream.open("slow")
    verdicts = await asyncio.gather(*tasks)
    assert [verdict.flagged for verdict in verdicts] == ["bad" in text for text in texts]
    assert len(asked(upstream)) <= REQUESTS
    assert sorted(text for request in asked(upstream) for text in request) == sorted(texts)


async def test_nobody_asks_for_a_text_whose_generation_is_gone(
    checker: OpenAIChecker, upstream: Upstream
) -> None:
    upstream.flag("bad", gate="slow")
    tasks = []
    for number in range(REQUESTS):
        tasks.append(asyncio.create_task(checker.check(f"first {number}")))
        await upstream.agate("slow", number + 1)
    gone = asyncio.create_task(checker.check("gone"))
    kept = asyncio.create_task(checker.check("kept"))
    await asyncio.sleep(0)
    gone.cancel()
    upstream.open("slow")
    await asyncio.gather(kept, *tasks)
    assert asked(upstream)[REQUESTS:] == [["kept"]]


@pytest.mark.parametrize(
    "answer",
    [
        reply_error(500),
        reply_error(429, headers={"retry-after-ms": "100"}),
        reply_json({"id": "m", "model": "m", "results": []}),
        reply_json({"odd": 1}),
    ],
    ids=["broken", "rate limited", "too few results", "odd"],
)
async def test_what_may_pass_is_asked_again(
    sdk: AsyncOpenAI, upstream: Upstream, answer: Reply
) -> None:
    upstream.queue(answer, path=PATH)
    attempts, counted = Noted(), Counted()
    assert not (await check_text(OpenAIChecker(sdk, attempts), "hello")).flagged
    assert asked(upstream) == [["hello"], ["hello"]]
    assert [call[:2] for call in attempts.calls] == [("moderations", MODEL)] * 2
    assert attempts.calls[0][2].endswith(("Error", "InvalidEvent"))
    assert counted.checks == {"clear": 1}  # one check, however often it was asked


@pytest.mark.parametrize(
    ("answer", "said", "requests"),
    [
        (reply_error(401), "auth", 1),
        (reply_error(429, "insufficient_quota"), "quota", 1),
        (reply_error(429, headers={"retry-after": "60"}), "rate_limited", 1),
        (reply_error(500), "server_error", 2),
    ],
    ids=["key", "quota", "rate limited for long", "broken"],
)
async def test_a_check_without_a_verdict_has_failed(
    sdk: AsyncOpenAI, upstream: Upstream, settings: Any, answer: Reply, said: str, requests: int
) -> None:
    settings.UPSTREAM_RETRIES = 1
    upstream.always(answer, path=PATH)
    counted = Counted()
    with pytest.raises(CheckFailed, match=said):
        await check_text(OpenAIChecker(sdk, Noted()), "hello")
    assert len(asked(upstream)) == requests
    assert counted.checks == {"failed": 1}


async def test_nothing_is_asked_before_upstream_wants_to_be_asked(
    checker: OpenAIChecker, upstream: Upstream
) -> None:
    upstream.queue(reply_error(429, headers={"retry-after": "60"}), path=PATH)
    for _ in range(2):
        with pytest.raises(CheckFailed, match="rate_limited"):
            await check_text(checker, "hello")
    assert len(asked(upstream)) == 1


async def test_while_upstream_wants_to_be_left_alone_texts_gather_for_one_request(
    checker: OpenAIChecker, upstream: Upstream
) -> None:
    upstream.queue(reply_error(429, headers={"retry-after-ms": "400"}), path=PATH)
    first = asyncio.create_task(checker.check("first"))
    await upstream.arequest(1, PATH)
    await all_checked(checker, [f"text {number}" for number in range(9)])
    await first
    one, *others = upstream.requests(PATH)
    assert sum(len(record.body["input"]) for record in others) == 10
    assert len(others) <= 2  # those that came before the answer did may have gone
    assert others[-1].at - one.at >= 0.4


async def test_where_little_is_left_texts_wait_and_share_a_request(
    checker: OpenAIChecker, upstream: Upstream
) -> None:
    used_up = {"limit_requests": "2", "remaining_requests": "0", "reset_requests": "600ms"}
    upstream.queue(clear(**used_up), path=PATH)
    await all_checked(checker, ["first"])
    await all_checked(checker, [f"text {number}" for number in range(9)])
    first, second = upstream.requests(PATH)
    assert len(second.body["input"]) == 9
    assert second.at - first.at >= 0.25  # one of two requests comes back in 0.3 s


async def test_no_check_waits_for_the_limit_past_its_time(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    used_up = {"limit_tokens": "10000", "remaining_tokens": "0", "reset_tokens": "6m0s"}
    upstream.queue(clear(**used_up), path=PATH)
    checker = OpenAIChecker(sdk, Noted(), seconds=1.5)
    await all_checked(checker, ["first"])
    await all_checked(checker, ["a long text of many tokens " * 20])
    first, second = upstream.requests(PATH)
    assert 1 <= second.at - first.at < 1.5


async def test_an_open_circuit_fails_the_check_at_once(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    attempts = Noted()
    attempts.open = True
    with pytest.raises(CheckFailed, match="circuit_open"):
        await check_text(OpenAIChecker(sdk, attempts), "hello")
    assert asked(upstream) == []


async def test_an_upstream_that_is_down_fails_the_check(settings: Any) -> None:
    settings.UPSTREAM_RETRIES = 1
    counted = Counted()
    with refusing_url() as url:
        client = DefaultAioHttpClient()
        async with AsyncOpenAI(api_key="k", base_url=url, max_retries=0, http_client=client) as sdk:
            with pytest.raises(CheckFailed, match="no_connection"):
                await check_text(OpenAIChecker(sdk, Noted()), "hello")
    assert counted.checks == {"failed": 1}


async def test_requests_that_hang_are_given_up_and_block_no_others(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.flag("bad", gate="never")
    attempts = Noted()
    checker = OpenAIChecker(sdk, attempts, seconds=1.0)
    hanging = []
    for number in range(REQUESTS):
        hanging.append(asyncio.create_task(checker.check(f"text {number}")))
        await upstream.agate("never", number + 1)
    found = await asyncio.gather(*hanging, return_exceptions=True)
    assert [type(error) for error in found] == [CheckFailed] * REQUESTS
    assert {error for _, _, error in attempts.calls} == {"APITimeoutError"}
    upstream.flag("bad")
    await all_checked(checker, ["hello"])
    upstream.open("never")
