"""Redis and PostgreSQL go away in mid-answer, and come back."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.folding import assert_snapshots_meet
from tests.servers import (
    PostgresProcess,
    RedisProcess,
    running_postgres,
    running_redis,
    running_worker,
)
from tests.site import SiteProcess, environment_for, migrate, running_site
from tests.tab import Fields, Tab, generation_in, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence

TEXT = "response.output_text.delta"
WORDS = " ".join(f"word{n}" for n in range(200))
LONG = text_answer(WORDS)
PATIENCE = 20.0
LIVE_FRAMES = 20
"""Of 60 deltas in 2 s: far more than the reader gets that looks once a second."""


@dataclass
class Cluster:
    """Two web processes and a worker; the services are their own."""

    one: SiteProcess
    two: SiteProcess
    redis: RedisProcess
    postgres: PostgresProcess


@pytest.fixture(scope="module")
def cluster(upstream_server: Upstream, django_db_blocker: DjangoDbBlocker) -> Iterator[Cluster]:
    with django_db_blocker.unblock(), ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis())
        migrate(postgres.url)
        environment = environment_for(
            upstream_server, REDIS_URL=redis.url, GENERATION_WORKERS="external"
        )
        one = stack.enter_context(running_site(postgres.url, environment))
        two = stack.enter_context(running_site(postgres.url, environment))
        stack.enter_context(running_worker(postgres.url, environment))
        yield Cluster(one, two, redis, postgres)


@pytest.fixture
def no_redis(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster while Redis is away."""
    cluster.redis.kill()
    try:
        yield cluster
    finally:
        cluster.redis.start()


async def read_along(tab: Tab, created: Fields) -> None:
    """Opens a conversation that another tab began, from the first event on."""
    await tab.open(created["conversation"]["id"], {created["generation"]: 0})


async def frames_of_an_answer(cluster: Cluster, asking: Tab, reading: Tab) -> int:
    """In how many frames an answer of 60 deltas in two seconds came to a reader."""
    created = await asking.ask("tokens=60 rate=30")
    id = created["generation"]
    await read_along(reading, created)
    assert (await reading.finished(id, PATIENCE))["status"] == "completed"
    await asking.finished(id, PATIENCE)
    assert text_in(reading.events[id]) == "".join(f"{n} " for n in range(60))
    return sum(m["type"] == "events" and m["generation"] == id for m in reading.messages)


async def test_an_answer_arrives_whole_when_redis_dies_and_live_when_it_is_back(
    cluster: Cluster, upstream: Upstream
) -> None:
    upstream.queue([*LONG[:30], Gate("rest"), *LONG[30:]])
    person = cluster.one.person()
    async with Tab(cluster.one, person) as asking, Tab(cluster.two, person) as reading:
        created = await asking.ask("Count")
        id = created["generation"]
        await read_along(reading, created)
        await asking.until(id, TEXT)
        await reading.until(id, TEXT)
        cluster.redis.kill()
        try:
            upstream.open("rest")
            for tab in (asking, reading):
                assert (await tab.finished(id, PATIENCE))["status"] == "completed"
                assert text_in(tab.events[id]) == WORDS
            assert asking.events[id] == reading.events[id]
        finally:
            cluster.redis.start()
        frames = 0
        for _ in range(5):  # everybody has to find it again first
            frames = await frames_of_an_answer(cluster, asking, reading)
            if frames > LIVE_FRAMES:
                break
        assert frames > LIVE_FRAMES


async def test_turns_are_answered_and_conversations_open_without_redis(
    no_redis: Cluster, upstream: Upstream
) -> None:
    person = no_redis.one.person()
    async with Tab(no_redis.one, person) as asking, Tab(no_redis.two, person) as reading:
        created = await asking.ask("tokens=20 rate=20")
        id = created["generation"]
        await read_along(reading, created)
        for tab in (asking, reading):
            assert (await tab.finished(id, PATIENCE))["status"] == "completed"
        assert asking.events[id] == reading.events[id]
        final = generation_in(await reading.open(created["conversation"]["id"]), id)
        assert_snapshots_meet(created["turn"]["generations"][0], asking.events[id], final)


async def test_a_stop_reaches_the_worker_without_redis(
    no_redis: Cluster, upstream: Upstream
) -> None:
    upstream.queue([*LONG[:30], Silence()])
    async with Tab(no_redis.one, no_redis.one.person()) as tab:
        created = await tab.ask("Count")
        await tab.until(created["generation"], TEXT)
        await tab.send("generation.stop", generation=created["generation"])
        finished = await tab.finished(created["generation"], PATIENCE)
        assert finished["status"] == "stopped"
        assert (await (await upstream.arequest(1)).aclosed()).ended == "client"


async def test_an_answer_outlives_a_restart_of_postgresql(
    cluster: Cluster, upstream: Upstream
) -> None:
    person = cluster.one.person()
    async with Tab(cluster.one, person) as asking, Tab(cluster.two, person) as reading:
        created = await asking.ask("tokens=200 rate=40")
        id = created["generation"]
        await read_along(reading, created)
        await reading.until(id, TEXT, 5)
        before = list(reading.events[id])
        restarting = asyncio.create_task(asyncio.to_thread(cluster.postgres.restart, away=3.0))
        for tab in (asking, reading):
            assert (await tab.finished(id, PATIENCE))["status"] == "completed"
            assert text_in(tab.events[id]) == "".join(f"{n} " for n in range(200))
        await restarting
        assert reading.events[id][: len(before)] == before
        assert asking.events[id] == reading.events[id]
        final = generation_in(await reading.open(created["conversation"]["id"]), id)
        assert_snapshots_meet(created["turn"]["generations"][0], asking.events[id], final)
        assert len(upstream.requests()) == 1


async def test_a_turn_sent_while_postgresql_is_away_is_answered_when_it_is_back(
    cluster: Cluster, upstream: Upstream
) -> None:
    async with Tab(cluster.one, cluster.one.person()) as tab:
        await tab.expect("hello")
        cluster.postgres.kill()
        try:
            asking = asyncio.create_task(tab.ask("Anybody?"))
            await asyncio.sleep(2)
            assert not asking.done()
        finally:
            cluster.postgres.start()
        created = await asking
        assert (await tab.finished(created["generation"], PATIENCE))["status"] == "completed"
        assert text_in(tab.events[created["generation"]]) == "You said: Anybody?"
        assert len(upstream.requests()) == 1
