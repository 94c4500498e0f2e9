"""A client that never reads, or never ends to ask, costs its window and holds up nobody else."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import psutil
import pytest

from conversations.consumers import MAX_SOCKETS
from conversations.sendqueue import WINDOW_BYTES
from tests.conftest import OpenTab
from tests.site import Person, SiteProcess
from tests.tab import Tab, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream

MEBIBYTE = 1024 * 1024
MOST_GROWTH = 16 * MEBIBYTE
TOO_MANY, TRY_LATER = 4429, 1013
PING, TEXT = 9, 1


class Deaf:
    """A WebSocket client that sends and never reads."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def send(self, *frames: bytes, seconds: float = 3) -> bool:
        """Sends for so long; whether the server has taken all of it."""
        self._writer.write(b"".join(frames))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._writer.drain()
                return True
        return False


def frame(opcode: int, payload: bytes) -> bytes:
    """A masked frame, as browsers send them; the mask is 0."""
    size = len(payload)
    length = bytes([128 | size]) if size < 126 else struct.pack("!BH", 128 | 126, size)
    return bytes([128 | opcode]) + length + bytes(4) + payload


def command(kind: str, **fields: Any) -> bytes:
    return frame(TEXT, json.dumps({"type": kind, **fields}).encode())


@asynccontextmanager
async def deaf_client(site: SiteProcess, person: Person) -> AsyncIterator[Deaf]:
    """Reads the handshake and nothing more."""
    host, port = site.url.removeprefix("http://").split(":")
    # Few bytes are buffered on our side, so that the server's are what counts.
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.transport.set_write_buffer_limits(0)
    head = [
        "GET /ws/ HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: " + "A" * 22 + "==",
        "Sec-WebSocket-Version: 13",
        f"Cookie: {person.cookie}",
    ]
    writer.write("\r\n".join([*head, "", ""]).encode())
    assert b" 101 " in await reader.readline()
    assert isinstance(writer.transport, asyncio.ReadTransport)
    writer.transport.pause_reading()
    try:
        yield Deaf(writer)
    finally:
        writer.transport.abort()


async def big_conversation(tab: Tab, upstream: Upstream) -> tuple[str, str]:
    """A conversation whose snapshot has 2 MiB, and its generation."""
    pieces = ["x" * 1024] * 1024
    upstream.queue(text_answer("".join(pieces), deltas=pieces))
    created = await tab.ask("Much")
    await tab.finished(created["generation"])
    return created["conversation"]["id"], created["generation"]


FLOODS = ["open", "replay", "ping", "ack and open", "websocket ping", "garbage"]


def flood(kind: str, conversation: str, generation: str) -> list[bytes]:
    opened = command("conversation.open", conversation=conversation)
    replay = command("conversation.open", conversation=conversation, cursors={generation: 0})
    close = command("conversation.close", conversation=conversation)
    match kind:
        case "open":
            return [opened] * 2_000
        case "replay":
            return [replay, close] * 2_000
        case "ping":
            return [command("ping", id="p" * 10_000)] * 2_000
        case "ack and open":
            return [replay, command("ack", generation=generation, seq=10**9)] * 2_000
        case "websocket ping":
            return [opened] * 20 + [frame(PING, b"p" * 125)] * 200_000
        case _:
            return [frame(TEXT, b"{}")] * 200_000


def own_memory(process: psutil.Process) -> int:
    """Bytes of memory that are no file's: how much of the libraries is loaded is nobody's doing."""
    memory = process.memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


@pytest.mark.parametrize("kind", FLOODS)
async def test_who_never_reads_costs_a_window_and_others_stream_on(
    own_site: SiteProcess, upstream: Upstream, kind: str
) -> None:
    person, server = own_site.person(), psutil.Process(own_site.pid)
    async with Tab(own_site, person) as tab:
        conversation, generation = await big_conversation(tab, upstream)
        for _ in range(5):  # what opening and asking cost anyhow
            await tab.open(conversation, {generation: 0})
            await tab.finished(generation)
            warm = await tab.ask("tokens=30 rate=0")
            await tab.finished(warm["generation"])
        before = own_memory(server)
        async with deaf_client(own_site, person) as deaf:
            created = await tab.ask("tokens=150 rate=50")
            sending = asyncio.create_task(deaf.send(*flood(kind, conversation, generation)))
            finished = await tab.finished(created["generation"])
            grown = own_memory(server) - before
            await sending
            grown = max(grown, own_memory(server) - before)
        assert finished["status"] == "completed"
        assert len(text_in(tab.events[created["generation"]]).split()) == 150
        assert grown < MOST_GROWTH, f"{grown / MEBIBYTE:.1f} MiB"
        await tab.send("ping", id="after")
        await tab.expect("pong", id="after")


async def test_who_never_reads_what_the_own_other_tabs_do_is_closed(
    own_site: SiteProcess, upstream: Upstream
) -> None:
    upstream.always(text_answer("Yes."))
    person, server = own_site.person(), psutil.Process(own_site.pid)
    async with Tab(own_site, person) as tab:
        conversation, _ = await big_conversation(tab, upstream)
        before = own_memory(server)
        async with deaf_client(own_site, person) as deaf:
            await deaf.send(*[command("conversation.open", conversation=conversation)] * 20)
            for number in range(100):
                created = await tab.ask(f"{number}" + "x" * 99_000)
                await tab.send("conversation.close", conversation=created["conversation"]["id"])
            assert own_memory(server) - before < 2 * MOST_GROWTH
            # Nine places besides the tab's: the deaf one has given up its own.
            async with AsyncExitStack() as stack:
                for _ in range(MAX_SOCKETS - 1):
                    other = await stack.enter_async_context(Tab(own_site, person))
                    await other.expect("hello")


async def test_acks_of_what_was_never_sent_and_opening_again_lose_nothing(
    tabs: OpenTab, upstream: Upstream
) -> None:
    tab = await tabs()
    conversation, generation = await big_conversation(tab, upstream)
    events = list(tab.events[generation])
    for seq in (10**9, 0, 3):
        tab.acks = False
        await tab.send("ack", generation=generation, seq=seq)
        await tab.open(conversation, {generation: 0})
        await tab.send("ack", generation=generation, seq=10**9)
        tab.acks = True
        await tab.finished(generation)
        assert tab.events[generation] == events
    assert sum(len(json.dumps(event)) for event in events) > WINDOW_BYTES


async def test_the_eleventh_socket_of_a_user_is_closed_and_a_closed_one_frees_its_place(
    shared_site: SiteProcess, person: Person
) -> None:
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(Tab(shared_site, person)) for _ in range(MAX_SOCKETS)
        ]
        for tab in opened:
            await tab.expect("hello")
        async with Tab(shared_site, person) as eleventh:
            assert await eleventh.closed() == TOO_MANY
            assert eleventh.messages == []
        async with Tab(shared_site, shared_site.person()) as stranger:
            await stranger.expect("hello")
        await opened[0].socket.close()
        async with Tab(shared_site, person) as next_one:
            await next_one.expect("hello")
            for _ in range(20):
                await opened[1].socket.send("{")
            assert await opened[1].closed() == 1008  # and its place is free at once
            async with Tab(shared_site, person) as another:
                await another.expect("hello")


async def test_a_flood_of_commands_is_answered_in_order_to_the_last(tabs: OpenTab) -> None:
    tab = await tabs()
    for number in range(2_000):
        await tab.send("ping", id=f"{number}", pad="p" * 1_000)
    await tab.expect("pong", id="1999")
    pongs = [message["id"] for message in tab.messages if message["type"] == "pong"]
    assert pongs == [f"{number}" for number in range(2_000)]
