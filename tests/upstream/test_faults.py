"""What goes wrong on purpose: errors, cuts, resets, splits, and how each looks to a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI

from tests.upstream import answers, script
from tests.upstream.client import Upstream
from tests.upstream.encoding import encode_stream, split_bytes
from tests.upstream.script import Cut, Head, Pause, Play, Raw, Repeat, Reset, Split, Wire
from tests.upstream.test_upstream import ask, ask_until_broken, text_of

EVENTS = answers.text_answer("Grüße, 世界! 😀 Ende.")


async def read_raw(upstream: Upstream) -> bytes:
    """All bytes that the upstream sends to a bare TCP client, head included, until it closes."""
    host, port = upstream.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """A plain HTTP client that follows no redirects."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield client


async def post(http: httpx2.AsyncClient, upstream: Upstream) -> httpx2.Response:
    """One bare request."""
    return await http.post(f"{upstream.base_url}/responses", json={"model": "m", "stream": True})


async def test_a_reset_looks_like_a_reset(upstream: Upstream) -> None:
    upstream.queue([*EVENTS[:3], Reset()])
    with pytest.raises(ConnectionResetError):
        await read_raw(upstream)
    assert (await (await upstream.arequest()).aclosed()).ended == "reset"


async def test_what_was_sent_before_a_reset_arrives(sdk: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.queue([*EVENTS[:5], Reset()])
    seen = await ask_until_broken(sdk)
    assert [event.type for event in seen] == [event["type"] for event in EVENTS[:5]]


async def test_a_cut_closes_without_the_end_of_the_body(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.queue([*EVENTS[:3], Cut()], [*EVENTS[:3], Cut()])
    data = await read_raw(upstream)
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not data.endswith(b"0\r\n\r\n")
    with pytest.raises(openai.APIConnectionError):
        await ask(sdk)


async def test_a_stream_may_end_cleanly_without_a_terminal_event(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.queue(answers.cut_answer("one two three", after=2))
    events = await ask(sdk)
    assert text_of(events) == "one two"
    assert events[-1].type == "response.output_text.delta"


async def test_a_cut_may_come_in_the_middle_of_a_line(upstream: Upstream) -> None:
    upstream.queue([Raw(b'data: {"type":"resp'), Cut()])
    assert (await read_raw(upstream)).endswith(b'data: {"type":"resp\r\n')


async def test_a_connection_may_be_closed_without_any_answer(
    http: httpx2.AsyncClient, upstream: Upstream
) -> None:
    upstream.queue([Cut()])
    with pytest.raises(httpx2.RemoteProtocolError):
        await post(http, upstream)
    assert (await upstream.arequest()).now.status == 0


@pytest.mark.parametrize(
    "split",
    [
        Split(sizes=[1]),
        Split(sizes=[3, 5, 7]),
        Split(seed=1),
        Split(seed=2, most=3),
        Split(inside="utf8"),
        Split(inside="crlf"),
        Split(inside="utf8", seed=3),
    ],
    ids=str,
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
async def test_split_bytes_are_the_same_bytes(
    http: httpx2.AsyncClient, upstream: Upstream, split: Split, newline: str
) -> None:
    whole = encode_stream(EVENTS, newline=newline).replace(b"-of-the-request", b"")
    assert b"".join(split_bytes(whole, split)) == whole
    upstream.queue(Play(EVENTS, newline=newline, split=split))
    reply = await http.post(
        f"{upstream.base_url}/responses", json={"model": "model", "stream": True}
    )
    record = await upstream.arequest()
    assert reply.content == whole.replace(b"resp_of_the_request", record.response_id.encode())
    assert record.now.events_sent == len(EVENTS)


def test_splits_fall_where_they_should() -> None:
    assert split_bytes(b"abcdef", Split(sizes=[1, 2])) == [b"a", b"bc", b"de", b"f"]
    assert split_bytes("aü€b".encode(), Split(inside="utf8")) == [
        b"a\xc3", b"\xbc\xe2", b"\x82", b"\xacb",
    ]  # fmt: skip
    assert split_bytes(b"a\r\nb\nc\r\n", Split(inside="crlf")) == [b"a\r", b"\nb\nc\r", b"\n"]
    parts = split_bytes(bytes(100), Split(seed=4, most=9))
    assert max(map(len, parts)) <= 9
    assert parts == split_bytes(bytes(100), Split(seed=4, most=9))
    assert split_bytes(b"", Split(sizes=[1])) == []


@pytest.mark.parametrize("wrong", [{"inside": "utf9"}, {"sizes": [0]}, {"most": 0}])
def test_a_split_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Split"):
        Split(**wrong)


async def test_parts_of_a_split_with_pauses_arrive_one_by_one(upstream: Upstream) -> None:
    upstream.queue([Raw(b"abc", Split(sizes=[1], pause=0.05))])
    parts = []
    async with (
        httpx2.AsyncClient(trust_env=False) as http,
        http.stream("POST", f"{upstream.base_url}/responses", json={}) as reply,
    ):
        parts = [part async for part in reply.aiter_raw()]
    assert parts == [b"a", b"b", b"c"]


async def test_an_http_error_carries_status_headers_and_body(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    headers = {"retry-after-ms": "40", "x-should-retry": "false"}
    upstream.queue(script.reply_error(429, "insufficient_quota", "Spent.", headers=headers))
    with pytest.raises(openai.RateLimitError) as caught:
        await ask(sdk)
    assert caught.value.code == "insufficient_quota"
    assert caught.value.response.headers["retry-after-ms"] == "40"
    assert caught.value.request_id is not None
    upstream.queue(script.reply_html(502))
    with pytest.raises(openai.InternalServerError) as broken:
        await ask(sdk)
    assert broken.value.response.headers["content-type"] == "text/html"


async def test_a_redirect_leads_elsewhere(http: httpx2.AsyncClient, upstream: Upstream) -> None:
    upstream.queue(script.redirect("http://127.0.0.1:9/elsewhere"))
    reply = await post(http, upstream)
    assert (reply.status_code, reply.headers["location"]) == (307, "http://127.0.0.1:9/elsewhere")


async def test_a_stream_may_have_the_wrong_content_type_or_be_json(
    http: httpx2.AsyncClient, upstream: Upstream
) -> None:
    upstream.queue([Head(200, {"content-type": "text/html"}), *EVENTS])
    reply = await post(http, upstream)
    assert reply.headers["content-type"] == "text/html"
    assert reply.text.startswith("event: response.created")
    upstream.queue(script.reply_json({"not": "a stream"}))
    assert (await post(http, upstream)).json() == {"not": "a stream"}


async def test_headers_may_be_late_or_drip_in(http: httpx2.AsyncClient, upstream: Upstream) -> None:
    upstream.queue([Pause(0.1), *EVENTS], script.slow_headers(0.002, [Wire(b"data: 1\n\n")]))
    late = await post(http, upstream)
    record = await upstream.arequest()
    assert record.now.sent_times[0] - record.at >= 0.09
    assert late.text.count("event: ") == len(EVENTS)
    assert (await post(http, upstream)).text == "data: 1\n\n"


async def test_an_endless_line_has_no_newline_and_no_end(
    http: httpx2.AsyncClient, upstream: Upstream
) -> None:
    upstream.queue(script.endless_line())
    size = 0
    async with http.stream("POST", f"{upstream.base_url}/responses", json={}) as reply:
        async for part in reply.aiter_raw():
            assert b"\n" not in part
            size += len(part)
            if size > 1_000_000:
                break
    assert (await (await upstream.arequest()).aclosed()).ended == "client"


async def test_a_client_that_does_not_read_holds_the_upstream_back(
    http: httpx2.AsyncClient, upstream: Upstream
) -> None:
    upstream.queue([Repeat(b"x" * 65_536, rate=5000)])
    async with http.stream("POST", f"{upstream.base_url}/responses", json={}):
        record = await upstream.arequest()
        before = -1
        while (now := record.now.bytes_sent) != before:
            before = now
            await asyncio.sleep(0.2)  # nothing tells that nothing more comes
        assert now < 100_000_000
    assert (await record.aclosed()).ended == "client"


async def test_comments_keepalives_and_done_lines_are_harmless_to_the_sdk(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    beats = script.keepalives(rate=1000, times=2)
    upstream.queue([script.comment("hi"), beats, *EVENTS, script.done()])
    events = await ask(sdk)
    assert [event.type for event in events][:3] == ["keepalive", "keepalive", "response.created"]
    assert text_of(events) == "Grüße, 世界! 😀 Ende."


async def test_a_script_that_cannot_be_played_says_so_in_the_record(
    http: httpx2.AsyncClient, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.queue([Head(status=99)])
    with pytest.raises(httpx2.RemoteProtocolError):
        await post(http, upstream)
    assert (await upstream.arequest()).now.ended.startswith("error: ValueError")
    assert "99 is not a valid HTTPStatus" in caplog.text
