"""Whose a generation is when workers race, freeze and die: real processes on PostgreSQL."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from conversations.log import Fields
from conversations.models import EventFrame, Generation, Status
from conversations.protocol import encode_events
from tests.servers import frozen, running_postgres, running_redis, running_worker
from tests.site import SiteProcess, environment_for, migrate, running_site
from tests.tab import Tab, generation_in, text_in
from tests.upstream.answers import Answer, text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence

MOST_CLAIMS = 5
LONG = text_answer(" ".join(f"word{n}" for n in range(200)))
TEXT = "response.output_text.delta"
PATIENCE = 30.0


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """A migrated database and a Redis of this module's own, as environment."""
    with running_postgres() as postgres, running_redis() as redis:
        migrate(postgres.url)
        yield {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}


class Cluster:
    """A web process that runs nothing, and workers as they are asked for."""

    def __init__(self, servers: dict[str, str], upstream: Upstream, stack: ExitStack) -> None:
        self._database = servers["DATABASE_URL"]
        self._environment = environment_for(
            upstream,
            REDIS_URL=servers["REDIS_URL"],
            GENERATION_WORKERS="external",
            LEASE_SECONDS="1",
            USER_MAX_STREAMS="100",
            USER_TURNS_PER_MINUTE="1000",
        )
        self._stack = stack
        self.site = stack.enter_context(running_site(self._database, self._environment))

    def worker(self) -> SiteProcess:
        return self._stack.enter_context(running_worker(self._database, self._environment))

    async def change(self, generation: str, **columns: object) -> None:
        """Writes to a generation's row."""

        def write(alias: str) -> None:
            Generation.objects.using(alias).filter(pk=generation).update(**columns)

        await asyncio.to_thread(self.site.in_database, write)


@pytest.fixture
def cluster(
    servers: dict[str, str], upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[Cluster]:
    with django_db_blocker.unblock(), ExitStack() as stack:
        yield Cluster(servers, upstream, stack)


def started_by(events: list[Fields]) -> list[str]:
    """The workers that began an answer."""
    return [event["worker"] for event in events if event["type"] == "generation.started"]


async def whole_log(site: SiteProcess, tab: Tab, created: Fields) -> list[Fields]:
    """All events of an ended generation, replayed by the server."""
    id, conversation = created["generation"], created["conversation"]["id"]
    await tab.open(conversation, {id: 0})
    await tab.finished(id)
    return tab.events[id]


async def test_of_two_workers_that_race_exactly_one_runs_each_generation(
    cluster: Cluster, upstream: Upstream
) -> None:
    cluster.worker()
    cluster.worker()
    person, winners, asked = cluster.site.person(), Counter[str](), 0
    while len(winners) < 2 or asked < 60:
        assert asked < 300, f"one worker won every race: {winners}"
        async with Tab(cluster.site, person) as tab:
            texts = [f"race {asked + n}" for n in range(15)]
            for text in texts:
                command = {"id": str(uuid.uuid4()), "conversation": None, "text": text}
                await tab.send("turn.create", **command)
            for _ in texts:
                created = await tab.expect("turn.created")
                await tab.finished(created["generation"])
            for events in tab.events.values():
                [worker] = started_by(events)
                winners[worker] += 1
        asked += len(texts)
    requests = Counter(record.text for record in upstream.requests())
    assert requests == Counter(f"race {n}" for n in range(asked))


async def test_a_frozen_worker_writes_nothing_when_it_wakes(
    cluster: Cluster, upstream: Upstream
) -> None:
    upstream.queue([*LONG[:30], Gate("rest"), *LONG[30:60], Silence()])
    sleeper = cluster.worker()
    async with Tab(cluster.site, cluster.site.person()) as tab:
        created = await tab.ask("Sleep")
        id = created["generation"]
        await tab.until(id, TEXT)
        record = await upstream.arequest(1)
        with frozen(sleeper):
            cluster.worker()
            finished = await tab.finished(id, PATIENCE)
            upstream.open("rest")  # what the sleeper finds when it wakes
            await record.asent(60)
        assert (await record.aclosed()).ended == "client"
        assert finished["status"] == "interrupted"
        assert finished["error"]["code"] == "worker_lost"
        seen = tab.events[id]
        assert await whole_log(cluster.site, tab, created) == seen
        upstream.queue(text_answer("Both at work."))
        again = await tab.ask("And now?", created["conversation"]["id"])
        assert (await tab.finished(again["generation"]))["status"] == "completed"


async def test_a_frozen_worker_writes_nothing_beside_the_one_that_took_over(
    cluster: Cluster, upstream: Upstream
) -> None:
    answer = text_answer("Only this one is read.")
    many = Answer()
    for n in range(20):  # far more events than the other writes before the gate
        many.message(f"item {n}")
    upstream.queue(
        [*many.events[:2], Gate("sleeper"), *many.events[2:], Silence()],
        [*answer[:6], Gate("other"), *answer[6:]],
    )
    sleeper = cluster.worker()
    async with Tab(cluster.site, cluster.site.person()) as tab:
        created = await tab.ask("Sleep")
        id = created["generation"]
        await tab.until(id, many.events[1]["type"])
        record = await upstream.arequest(1)
        with frozen(sleeper):
            cluster.worker()
            await tab.until(id, TEXT, patience=PATIENCE)
            upstream.open("sleeper")
            await record.asent(len(many.events))
        assert (await record.aclosed()).ended == "client"
        upstream.open("other")
        assert (await tab.finished(id))["status"] == "completed"
        seen = tab.events[id]
        assert text_in(seen) == "Only this one is read."
        assert await whole_log(cluster.site, tab, created) == seen


async def test_a_generation_that_kills_its_workers_is_given_up(
    cluster: Cluster, upstream: Upstream
) -> None:
    upstream.always(Silence())
    async with Tab(cluster.site, cluster.site.person()) as tab:
        created = await tab.ask("Crash")
        id = created["generation"]
        # As if it had killed some already: each one costs a start and a lease.
        kills = 2
        await cluster.change(id, epoch=MOST_CLAIMS - kills)
        for attempt in range(1, kills + 1):
            worker = cluster.worker()
            await upstream.arequest(attempt, timeout=PATIENCE)
            worker.kill()
        cluster.worker()
        finished = await tab.finished(id, PATIENCE)
        assert finished["status"] == "failed"
        assert finished["error"]["code"] == "worker_lost"
        assert len(upstream.requests()) == kills


async def test_an_answer_that_nobody_saw_is_asked_for_again(
    cluster: Cluster, upstream: Upstream
) -> None:
    upstream.queue([*LONG[:2], Silence()], text_answer("At last."))
    doomed = cluster.worker()
    async with Tab(cluster.site, cluster.site.person()) as tab:
        created = await tab.ask("Anybody?")
        id = created["generation"]
        await tab.until(id, LONG[1]["type"])
        doomed.kill()
        cluster.worker()
        finished = await tab.finished(id, PATIENCE)
        assert finished["status"] == "completed"
        assert text_in(tab.events[id]) == "At last."
        assert len(set(started_by(tab.events[id]))) == 2
        snapshot = await tab.open(created["conversation"]["id"])
        assert generation_in(snapshot, id)["text"] == "At last."


async def test_an_answer_that_upstream_had_ended_is_completed(
    cluster: Cluster, upstream: Upstream
) -> None:
    async with Tab(cluster.site, cluster.site.person()) as tab:
        created = await tab.ask("Done?")
        id = created["generation"]
        await asyncio.to_thread(cluster.site.in_database, partial(write_answer, generation=id))
        past = timezone.now() - timedelta(seconds=5)
        state = {"status": Status.RUNNING, "worker": "dead", "epoch": 1, "lease_until": past}
        await cluster.change(id, **state)
        cluster.worker()
        finished = await tab.finished(id, PATIENCE)
        assert finished["status"] == "completed"
        assert finished["usage"]["output_tokens"] > 0
        assert not finished["estimated"]
        assert upstream.requests() == []
        events = await whole_log(cluster.site, tab, created)
        assert text_in(events) == "All said."
        assert events[-1]["seq"] == len(events)


def write_answer(alias: str, generation: str) -> None:
    """The log as if a worker had died between upstream's last event and ours."""
    started = {"type": "generation.started", "model": "m", "worker": "dead", "cached": False}
    events = [started, *text_answer("All said.")]
    for seq, event in enumerate(events, 1):
        event.pop("sequence_number", None)
        event["seq"] = seq
    EventFrame.objects.using(alias).create(
        generation_id=generation,
        first_seq=1,
        last_seq=len(events),
        body=encode_events(uuid.UUID(generation), events),
    )
