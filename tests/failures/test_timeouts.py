"""Upstream that does not answer in time, or can't be spoken to at all."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from conversations.upstream.client import Upstream as Client
from conversations.upstream.errors import UpstreamFailure, failure_of
from tests.failures.play import play
from tests.failures.rows import SHOWN, Row
from tests.site import SiteProcess
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream, refusing_url
from tests.upstream.script import Silence, keepalives, reply_error

TIMEOUTS = [
    Row("no first event", "no_first_event", [Silence()]),
    Row("silence", "silence", [*SHOWN, Silence()]),
    Row("never ends", "too_slow", [*SHOWN, keepalives(20)]),
]


async def test_every_time_out_ends_it_in_words_and_the_chat_goes_on(
    hasty_site: SiteProcess, upstream: Upstream
) -> None:
    seen = await play(hasty_site, hasty_site.person(), upstream, TIMEOUTS)
    for one in seen.values():
        error = one.finished["error"]
        assert (error["code"], error["kind"]) == ("upstream_stalled", one.row.kind)
        assert error["retryable"]
        assert one.after["status"] == "completed"
    ended = {name: (one.finished["status"], one.asked) for name, one in seen.items()}
    assert ended == {
        "no first event": ("failed", 1),
        "silence": ("interrupted", 1),
        "never ends": ("interrupted", 1),
    }


def nobody(request_id: str) -> None:
    """Wants to know upstream's name of a request."""


@contextlib.asynccontextmanager
async def client(settings: Settings, url: str, **changed: Any) -> AsyncIterator[Client]:
    settings.UPSTREAM_URL = url
    for name, value in changed.items():
        setattr(settings, name, value)
    client = Client()
    yield client
    await client.close()


async def failure(client: Client) -> UpstreamFailure:
    """How one call fails."""
    try:
        async with client.stream({"model": "m", "input": "Hi"}, nobody) as events:
            async for _ in events:
                pass
    except Exception as error:
        found = failure_of(error)
        assert found, repr(error)
        return found
    raise AssertionError("it did not fail")


async def test_a_name_that_nobody_knows(settings: Settings) -> None:
    async with client(settings, "http://nobody.invalid/v1") as upstream:
        assert (await failure(upstream)).kind.name == "dns"


async def test_a_port_where_nobody_listens(settings: Settings) -> None:
    with refusing_url() as url:
        async with client(settings, url) as upstream:
            assert (await failure(upstream)).kind.name == "no_connection"


async def test_a_server_that_speaks_no_tls(settings: Settings, upstream: Upstream) -> None:
    url = upstream.base_url.replace("http:", "https:")
    async with client(settings, url) as asking:
        found = await failure(asking)
    assert (found.kind.name, found.retryable) == ("tls", False)


async def test_a_server_that_takes_no_connection(settings: Settings) -> None:
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # its queue is full then; what comes after gets no answer
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        async with client(settings, url, UPSTREAM_CONNECT_SECONDS=0.4) as upstream:
            assert (await failure(upstream)).kind.name == "connect_timeout"


async def test_a_pool_without_a_free_connection(settings: Settings, upstream: Upstream) -> None:
    upstream.always([*text_answer("x")[:1], Silence()])
    changed = {"UPSTREAM_MAX_STREAMS": 0, "UPSTREAM_CONNECT_SECONDS": 1.0}
    async with (
        client(settings, upstream.base_url, **changed) as asking,
        contextlib.AsyncExitStack() as stack,
    ):
        request = {"model": "m", "input": "Hi"}
        streams = [asking.stream(request, nobody) for _ in range(20)]
        await asyncio.gather(*(stack.enter_async_context(stream) for stream in streams))
        assert (await failure(asking)).kind.name == "connect_timeout"


async def test_upstreams_name_of_a_request_is_known_whether_it_fails_or_not(
    settings: Settings, upstream: Upstream
) -> None:
    upstream.queue(text_answer("Fine."), reply_error(500))
    async with client(settings, upstream.base_url) as asking:
        told: list[str] = []
        async with asking.stream({"model": "m", "input": "Hi"}, told.append) as events:
            assert [event async for event in events]
        failed = await failure(asking)
    first, second = upstream.requests()
    assert told == [f"req_{first.response_id[5:]}"]
    assert (failed.request_id, failed.status) == (f"req_{second.response_id[5:]}", 500)


@pytest.mark.parametrize("value", ["inf", "nan", "soon", "-3"])
async def test_a_time_to_wait_that_makes_no_sense_is_none(
    settings: Settings, upstream: Upstream, value: str
) -> None:
    upstream.queue(reply_error(503, headers={"retry-after": value}))
    async with client(settings, upstream.base_url) as asking:
        assert not (await failure(asking)).retry_after
