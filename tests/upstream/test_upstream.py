"""The upstream as the real SDK sees it: answers, gates, records, hang-ups."""

from __future__ import annotations

import asyncio
import time
import typing
from collections.abc import AsyncIterator

import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import ResponseStreamEvent

from tests.upstream import answers
from tests.upstream.catalogue import UNKNOWN_TYPE
from tests.upstream.client import Upstream, refusing_url
from tests.upstream.script import Gate, Play, Script, Silence, keepalives, reply_error


async def ask(sdk: AsyncOpenAI, text: str = "Hello", model: str = "m") -> list[typing.Any]:
    """All events of one streamed request."""
    stream = await sdk.responses.create(model=model, input=text, stream=True)
    return [event async for event in stream]


async def ask_until_broken(sdk: AsyncOpenAI, **options: typing.Any) -> list[typing.Any]:
    """The events of a request whose connection breaks, which it must."""
    stream = await sdk.responses.create(model="m", input="x", stream=True, **options)
    seen: list[typing.Any] = []

    async def read() -> None:
        async for event in stream:
            seen.append(event)  # noqa: PERF401  a comprehension would lose it all

    with pytest.raises(openai.APIConnectionError):
        await read()
    return seen


def text_of(events: list[typing.Any]) -> str:
    """The deltas joined."""
    return "".join(e.delta for e in events if e.type == "response.output_text.delta")


async def test_the_default_answer_echoes_the_request_and_counts_its_tokens(
    sdk: AsyncOpenAI,
) -> None:
    events = await ask(sdk, "one two three", model="gpt-x")
    final = events[-1].response
    assert text_of(events) == "You said: one two three" == final.output_text
    assert (events[-1].type, final.model) == ("response.completed", "gpt-x")
    assert (final.usage.input_tokens, final.usage.output_tokens) == (3, 5)
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_a_raw_stream_of_the_sdk_has_the_bytes_of_the_script(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.queue(Play([{"type": "a", "n": 1}, {"type": "b"}]))
    async with sdk.responses.with_streaming_response.create(
        model="m", input="x", stream=True
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        data = b"".join([part async for part in response.iter_bytes()])
    assert data == b'event: a\ndata: {"type":"a","n":1}\n\nevent: b\ndata: {"type":"b"}\n\n'


async def test_every_event_type_of_the_sdk_is_in_the_catalogue_and_parsed_as_its_class(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    union = typing.get_args(typing.get_args(ResponseStreamEvent)[0])
    classes = {typing.get_args(cls.model_fields["type"].annotation)[0]: cls for cls in union}
    upstream.queue(answers.every_event_type())
    events = await ask(sdk)
    assert {event.type for event in events} == {*classes, UNKNOWN_TYPE}
    for event in events:
        if event.type == UNKNOWN_TYPE:
            continue
        assert type(event) is classes[event.type]
        # Strict: the SDK itself takes what it gets without a check.
        classes[event.type].model_validate(event.to_dict())


async def test_queued_scripts_answer_in_order_and_then_the_default_does(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.queue(answers.text_answer("first"), answers.text_answer("second"))
    assert upstream.scripts_left == 2
    texts = [text_of(await ask(sdk, "x")) for _ in range(3)]
    assert texts == ["first", "second", "You said: x"]
    assert upstream.scripts_left == 0


async def test_a_rule_on_the_last_user_text_goes_before_the_queue(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.queue(answers.text_answer("queued"))
    upstream.when("wea?ther", answers.text_answer("rainy"))
    upstream.when("weather", answers.text_answer("large rain"), model="large", times=1)
    assert text_of(await ask(sdk, "the weather")) == "rainy"
    assert text_of(await ask(sdk, "the weather", model="large")) == "large rain"
    assert text_of(await ask(sdk, "the weather", model="large")) == "rainy"
    assert text_of(await ask(sdk, "the time")) == "queued"
    conversation: typing.Any = [
        {"role": "user", "content": "weather"},
        {"role": "assistant", "content": "weather", "type": "message"},
        {"role": "user", "content": [{"type": "input_text", "text": "never mind"}]},
    ]
    assert text_of(await ask(sdk, conversation)) == "You said: never mind"


async def test_a_stream_waits_at_a_gate_until_the_test_opens_it(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    events = answers.text_answer("one two")
    upstream.queue([*events[:5], Gate("more"), *events[5:]])
    stream = await sdk.responses.create(model="m", input="x", stream=True)
    arrived: list[typing.Any] = []
    async for event in stream:
        arrived.append(event)
        if len(arrived) == 5:
            await upstream.agate("more")
            record = await upstream.arequest()
            assert (record.now.events_sent, record.now.ended) == (5, "")
            upstream.open("more")
    assert text_of(arrived) == "one two"
    assert (await record.aclosed()).ended == "complete"


async def test_a_request_is_recorded_with_headers_and_body(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    before = time.monotonic()
    await sdk.responses.create(
        model="m", input="x", instructions="Be kind.", extra_headers={"X-Mark": "7"}
    )
    record = await upstream.arequest()
    assert (record.method, record.path, record.text) == ("POST", "/v1/responses", "x")
    assert record.body == {"model": "m", "input": "x", "instructions": "Be kind."}
    assert (record.headers["x-mark"], record.headers["authorization"]) == ("7", "Bearer sk-test")
    assert before < record.at < record.now.ended_at < time.monotonic()
    assert record.now.status == 200


@pytest.mark.parametrize(
    "script",
    [[Silence()], [Gate("never")], [*answers.text_answer()[:5], Silence()], keepalives(100)],
    ids=["silent", "before headers", "in mid-answer", "keepalives"],
)
async def test_a_hang_up_is_noticed_within_100_ms(
    sdk: AsyncOpenAI, upstream: Upstream, script: Script
) -> None:
    upstream.queue(script)
    asking = asyncio.create_task(ask(sdk))
    record = await upstream.arequest()
    if script != [Gate("never")]:
        await record.asent(1 if isinstance(script, Play) else 0)
    assert upstream.open_streams == 1
    hung_up_at = time.monotonic()
    asking.cancel()
    ended = await record.aclosed()
    assert ended.ended == "client"
    assert 0 < ended.ended_at - hung_up_at < 0.1
    assert upstream.open_streams == 0
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_open_streams_are_counted(sdk: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.always([*answers.text_answer()[:3], Gate("end")])
    asking = [asyncio.create_task(ask(sdk)) for _ in range(5)]
    await upstream.agate("end", count=5)
    assert (upstream.open_streams, upstream.most_open_streams) == (5, 5)
    upstream.open("end")
    await asyncio.gather(*asking)
    await upstream.aidle()
    assert (upstream.open_streams, upstream.most_open_streams) == (0, 5)


async def test_a_reset_of_the_upstream_drops_open_streams_and_forgets_everything(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.queue([Silence()], answers.text_answer("left over"))
    asking = asyncio.create_task(ask(sdk))
    await upstream.arequest()
    upstream.reset()
    with pytest.raises(openai.APIConnectionError):
        await asking
    assert (upstream.records, upstream.scripts_left, upstream.open_streams) == ([], 0, 0)


async def test_a_wait_that_is_in_vain_says_what_it_waited_for(upstream: Upstream) -> None:
    with pytest.raises(TimeoutError, match="requests"):
        upstream.request(timeout=0.01)
    with pytest.raises(TimeoutError, match="'g'"):
        await upstream.agate("g", timeout=0.01)


async def test_deltas_come_at_the_asked_rate(sdk: AsyncOpenAI, upstream: Upstream) -> None:
    assert text_of(await ask(sdk, "tokens=20 rate=100")) == "".join(f"{n} " for n in range(20))
    times = (await upstream.arequest()).now.sent_times[4:24]
    assert 0.17 < times[-1] - times[0] < 0.4


async def test_an_upstream_in_another_process_is_driven_the_same_way(
    upstream_process: Upstream,
) -> None:
    upstream_process.queue([*answers.text_answer("far away")[:5], Gate("g"), Silence()])
    async with AsyncOpenAI(api_key="k", base_url=upstream_process.base_url) as sdk:
        asking = asyncio.create_task(ask(sdk))
        await upstream_process.agate("g")
        record = upstream_process.request()
        assert (record.text, record.now.events_sent) == ("Hello", 5)
        upstream_process.open("g")
        asking.cancel()
        assert (await record.aclosed()).ended == "client"
        upstream_process.queue(reply_error(429, "rate_limit_exceeded"))
        with pytest.raises(openai.RateLimitError):
            await ask(sdk.with_options(max_retries=0))


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """A plain HTTP client."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield client


async def test_while_the_upstream_is_down_connections_are_refused(
    upstream: Upstream, http: httpx2.AsyncClient
) -> None:
    url = f"{upstream.base_url}/models"
    assert (await http.get(url)).status_code == 200
    with upstream.down(), pytest.raises(httpx2.ConnectError):
        await http.get(url)
    assert (await http.get(url)).status_code == 200
    with refusing_url() as nowhere, pytest.raises(httpx2.ConnectError):
        await http.get(nowhere)
