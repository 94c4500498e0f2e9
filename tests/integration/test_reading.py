"""Readers get everything, whatever got lost on the way to them."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from pytest_django.plugin import DjangoDbBlocker

from conversations.sendqueue import WINDOW_BYTES
from tests.conftest import OpenTab
from tests.folding import assert_snapshots_meet
from tests.servers import RedisProcess, running_postgres, running_redis
from tests.site import Person, SiteProcess, environment_for, migrate, running_site
from tests.tab import Fields, Tab, generation_in, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Event, Gate, Step

ANSWER = text_answer(" ".join(f"word{n}" for n in range(60)))
PIECE, PIECES = 100_000, 15
TRY_LATER = 1013


@pytest.fixture
def redis() -> Iterator[RedisProcess]:
    with running_redis() as server:
        yield server


@contextmanager
def two_sites(
    database_url: str, upstream: Upstream, blocker: DjangoDbBlocker, redis_url: str = ""
) -> Iterator[tuple[SiteProcess, SiteProcess]]:
    """Two processes on one database; without Redis neither hears of the other."""
    environment = environment_for(upstream, REDIS_URL=redis_url)
    with ExitStack() as stack:
        stack.enter_context(blocker.unblock())
        one = stack.enter_context(running_site(database_url, environment))
        two = stack.enter_context(running_site(database_url, environment))
        yield one, two


async def test_a_reader_that_no_announcement_reaches_gets_every_event_from_the_log(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    upstream.queue(text_answer("Hello."), [*ANSWER[:20], Gate("rest"), *ANSWER[20:]])
    with two_sites(database_url, upstream, django_db_blocker) as (one, two):
        person = one.person()
        async with Tab(one, person) as writer, Tab(two, person) as reader:
            created = await writer.ask("Hi")
            await writer.finished(created["generation"])
            conversation = created["conversation"]["id"]
            await reader.open(conversation)
            second = await writer.ask("Count", conversation)
            id = second["generation"]
            told = await reader.expect("turn.created")
            assert (told["ref"], told["generation"]) == (second["turn"]["id"], id)
            await reader.until(id, "response.output_text.delta")
            upstream.open("rest")
            await writer.finished(id)
            await reader.finished(id)
            assert reader.events[id] == writer.events[id]
            upstream.queue(text_answer("Once more."))
            again = {"id": "7d0a8e6c-3f0e-4b43-9d6e-0f5a4c1f7c11", "turn": second["turn"]["id"]}
            await writer.send("generation.create", **again)
            told = await reader.expect("turn.created")
            assert told["ref"] == told["generation"] == again["id"]
            await reader.finished(again["id"])
            assert text_in(reader.events[again["id"]]) == "Once more."
            kinds = [message["type"] for message in reader.messages]
            assert kinds.count("turn.created") == 2
            assert kinds.count("conversation.snapshot") == 1


async def fill_a_window(upstream: Upstream, slow: Tab, quick: Tab) -> Fields:
    """An answer of more than a window's size; `slow` has acknowledged nothing of it."""
    pieces = [f"{number:03}" + "x" * PIECE for number in range(PIECES)]
    events = text_answer("".join(pieces), deltas=pieces)
    first = next(n for n, event in enumerate(events) if "delta" in event)
    steps: list[Step | Event] = [*events[:first]]
    for number in range(PIECES):  # each waits for a gate: joined ones would be one frame
        steps += [Gate(f"piece {number}"), events[first + number]]
    upstream.queue([*steps, *events[first + PIECES :]])
    slow.acks = False
    created = await slow.ask("Much")
    id = created["generation"]
    await quick.open(created["conversation"]["id"], {id: 0})
    for number in range(PIECES):
        upstream.open(f"piece {number}")
        await quick.until(id, "response.output_text.delta", number + 1)
    await quick.finished(id)
    await slow.send("ping", id="after")
    await slow.expect("pong", id="after")
    assert sum(len(str(event)) for event in slow.events[id]) > WINDOW_BYTES
    assert slow.events[id][-1]["type"] != "generation.finished"
    return created


def fold_away(site: SiteProcess) -> None:
    """Deletes all frames, as it happens some minutes after the end."""
    with sqlite3.connect(site.database_url.removeprefix("sqlite:///")) as database:
        assert database.execute("DELETE FROM conversations_eventframe").rowcount > PIECES


async def test_a_slow_reader_gets_a_fresh_snapshot_when_the_log_is_folded_away(
    own_site: SiteProcess, upstream: Upstream
) -> None:
    person = own_site.person()
    async with Tab(own_site, person) as slow, Tab(own_site, person) as quick:
        created = await fill_a_window(upstream, slow, quick)
        id, fresh = created["generation"], created["turn"]["generations"][0]
        fold_away(own_site)
        await slow.send("ack", generation=id, seq=slow.events[id][-1]["seq"])
        snapshot = await slow.expect("conversation.snapshot")
        assert_snapshots_meet(fresh, quick.events[id], generation_in(snapshot, id))
        slow.acks = True
        upstream.queue(text_answer("And on."))
        follow = await slow.ask("More?", created["conversation"]["id"])
        await slow.finished(follow["generation"])
        assert [m["type"] for m in slow.messages].count("conversation.snapshot") == 1
        assert id not in slow.events  # after the snapshot nothing of it came again


async def test_a_replay_of_what_the_snapshot_showed_ends_quietly_when_the_log_is_folded_away(
    own_site: SiteProcess, upstream: Upstream
) -> None:
    person = own_site.person()
    async with Tab(own_site, person) as slow, Tab(own_site, person) as quick:
        created = await fill_a_window(upstream, slow, quick)
        id = created["generation"]
        snapshot = await slow.open(created["conversation"]["id"], {id: 0})
        assert generation_in(snapshot, id)["status"] == "completed"
        await slow.more(id, than=PIECES // 2)
        fold_away(own_site)
        await slow.send("ack", generation=id, seq=slow.events[id][-1]["seq"])
        await slow.send("ping", id="after the fold")
        await slow.expect("pong", id="after the fold")
        upstream.queue(text_answer("And on."))
        slow.acks = True
        follow = await slow.ask("More?", created["conversation"]["id"])
        await slow.finished(follow["generation"])
        assert [m["type"] for m in slow.messages].count("conversation.snapshot") == 1


async def test_without_redis_everything_works_late_and_the_log_says_so_once(
    database_url: str, redis: RedisProcess, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    with two_sites(database_url, upstream, django_db_blocker, redis.url) as (one, two):
        person = one.person()
        async with Tab(one, person) as tab, Tab(two, person) as other:
            await other.expect("hello")
            created = await tab.ask("tokens=20")
            conversation = created["conversation"]["id"]
            await other.open(conversation, {created["generation"]: 0})
            await other.finished(created["generation"])
            redis.kill()
            for number in range(3):
                asked = await tab.ask(f"tokens=40 rate=40 {number}", conversation)
                await tab.finished(asked["generation"])
                await other.finished(asked["generation"])
                assert other.events[asked["generation"]] == tab.events[asked["generation"]]
            await new_tab_works(two, person)
            redis.start()
            await live_again(tab, other, conversation)
        for site in (one, two):
            said = "\n".join(site.output)
            assert said.count("the channel layer is away") <= 2, said
            assert '"exception"' not in said, said


async def test_a_redis_that_hangs_holds_up_no_command_for_long(
    database_url: str, redis: RedisProcess, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    with two_sites(database_url, upstream, django_db_blocker, redis.url) as (one, two):
        assert redis._process
        os.kill(redis._process.pid, signal.SIGSTOP)
        try:
            await new_tab_works(two, one.person())
        finally:
            os.kill(redis._process.pid, signal.SIGCONT)


async def new_tab_works(site: SiteProcess, person: Person) -> None:
    async with Tab(site, person) as tab:
        created = await tab.ask("tokens=20")
        assert (await tab.finished(created["generation"]))["status"] == "completed"
        await tab.open(created["conversation"]["id"])


async def live_again(tab: Tab, other: Tab, conversation: str) -> None:
    """Asks until what is asked on one site is told on the other by an announcement: before
    the answer's end and not by the look at the log, which comes a second later."""
    for number in range(20):
        asked = await tab.ask(f"tokens=40 rate=40 {number}", conversation)
        await tab.until(asked["generation"], "response.output_text.delta", 3)
        live = any(m.get("generation") == asked["generation"] for m in other.messages)
        await tab.finished(asked["generation"])
        await other.finished(asked["generation"])
        assert other.events[asked["generation"]] == tab.events[asked["generation"]]
        if live:
            return
    raise AssertionError("nothing is announced any more")


async def test_a_tab_that_opens_in_mid_answer_misses_nothing_and_reads_nothing_twice(
    tabs: OpenTab, upstream: Upstream
) -> None:
    tab = await tabs()
    created = await tab.ask("tokens=150 rate=50")
    id, conversation = created["generation"], created["conversation"]["id"]
    await tab.until(id, "response.output_text.delta")
    other = await tabs()
    for _ in range(10):  # over more than one look at the log
        await other.open(conversation, {id: 0})
        await other.more(id, than=5)
    await tab.finished(id)
    await other.finished(id)
    assert other.events[id] == tab.events[id]


async def test_a_database_that_stays_away_closes_sockets_which_may_come_back(
    upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    with running_postgres() as postgres:
        migrate(postgres.url)
        environment = environment_for(upstream)
        with django_db_blocker.unblock(), running_site(postgres.url, environment) as site:
            person = site.person()
            async with Tab(site, person) as tab, Tab(site, person) as idle:
                created = await tab.ask("tokens=20")
                await tab.finished(created["generation"])
                postgres.stop(signal.SIGQUIT)
                await tab.send("conversation.open", conversation=created["conversation"]["id"])
                async with Tab(site, person) as late:
                    assert await late.closed() == TRY_LATER
                async with asyncio.timeout(30):  # more than the patience with the database
                    await tab.socket.wait_closed()
                assert await tab.closed() == TRY_LATER
                postgres.start()
                async with Tab(site, person) as back:
                    await back.open(created["conversation"]["id"])
                await idle.open(created["conversation"]["id"])  # it asked nothing, and stayed
            said = "\n".join(site.output)
            assert said.count("a socket is closed, the database is away") == 2, said
            assert '"exception"' not in said, said
