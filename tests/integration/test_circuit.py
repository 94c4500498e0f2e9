"""Two real processes on one database share what they know of a model that does not answer."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack

import pytest
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from conversations.models import Circuit, Conversation, Generation, Turn
from tests.services_fixtures import *  # noqa: F403
from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, reply_error

ENVIRONMENT = {
    "BREAKER_FAILURES": "3",
    "BREAKER_SECONDS": "100",
    "LEASE_SECONDS": "3",
    "UPSTREAM_RETRIES": "2",
    "UPSTREAM_RETRY_SECONDS": "50",
}
WAITING = 5
Sites = list[SiteProcess]


@pytest.fixture(params=["sqlite", "postgresql"])
def sites(
    request: pytest.FixtureRequest, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[Sites]:
    """Two web processes that both run answers, on one database."""
    name = "database_url" if request.param == "sqlite" else "postgres_url"
    url = request.getfixturevalue(name)
    with ExitStack() as stack, django_db_blocker.unblock():
        environment = environment_for(upstream, **ENVIRONMENT)
        yield [stack.enter_context(running_site(url, environment)) for _ in range(2)]


@pytest.fixture
def person(sites: Sites) -> Person:
    return sites[0].person()


@pytest.fixture
async def tabs(sites: Sites, person: Person) -> AsyncIterator[list[Tab]]:
    """One person's tabs, one on each."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Tab(site, person)) for site in sites]


def circuit(site: SiteProcess) -> Circuit:
    return site.in_database(lambda alias: Circuit.objects.using(alias).get())


def one_waits(site: SiteProcess, person: Person) -> None:
    """A turn that nobody could send while it was open."""

    def write(alias: str) -> None:
        values = {"owner_id": person.id, "model": "test-model", "updated": timezone.now()}
        conversation = Conversation.objects.using(alias).create(**values)
        turn = Turn(id=uuid.uuid4(), conversation=conversation, text="Hello?")
        turn.save(using=alias)
        Generation(turn=turn, model="test-model").save(using=alias)

    site.in_database(write)


def end_pause(site: SiteProcess) -> None:
    now = timezone.now()
    site.in_database(lambda alias: Circuit.objects.using(alias).update(open_until=now))


def answers(site: SiteProcess) -> list[Generation]:
    """Those of the turns that waited."""
    mine = {"turn__text": "Hello?"}
    return site.in_database(lambda alias: list(Generation.objects.using(alias).filter(**mine)))


async def becomes(test: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(test):
            await asyncio.sleep(0.1)


async def is_refused(tab: Tab) -> None:
    new = {"id": str(uuid.uuid4()), "conversation": None, "text": "Too late"}
    error = await tab.refused("turn.create", "upstream_unavailable", **new)
    assert 50 < error["retry_after"] <= 100
    assert f"Try again in {error['retry_after']} s." in error["message"]


async def test_one_probe_for_all_processes_then_all_go_on(
    sites: Sites, person: Person, tabs: list[Tab], upstream: Upstream
) -> None:
    upstream.always(reply_error(500))
    created = await tabs[0].ask("Is anybody there?")
    finished = await tabs[0].finished(created["generation"], patience=30)
    error = finished["error"]
    assert error["code"] == "upstream_unavailable"
    assert len(upstream.requests()) == 3

    # Now nobody asks, and a new turn is refused, by both; one that was accepted is not.
    for tab in tabs:
        await is_refused(tab)
        again = await tab.ask("Is anybody there?", id=created["ref"])
        assert again["generation"] == created["generation"]
    assert len(upstream.requests()) == 3

    # The pause is over: one of many is let through, and stays alone for longer than the lease
    # of a probe, which its process prolongs.
    upstream.reset()
    upstream.always([Gate("probe"), *text_answer("Back again.")])
    await asyncio.to_thread(end_pause, sites[0])
    # One after the other: each is claimed by the process whose beat comes next.
    while len(rows := answers(sites[0])) < WAITING or len({row.worker for row in rows}) < 2:
        await asyncio.to_thread(one_waits, sites[0], person)
        await becomes(lambda: {row.status for row in answers(sites[0])} == {"running"})
    await upstream.agate("probe", timeout=20)
    await asyncio.sleep(3.5)
    assert len(upstream.requests()) == 1
    assert circuit(sites[0]).probe

    upstream.open("probe")
    await becomes(lambda: {row.status for row in answers(sites[0])} == {"completed"})
    for tab in tabs:
        after = await tab.ask("And now?")
        assert (await tab.finished(after["generation"]))["status"] == "completed"
    closed = circuit(sites[0])
    assert (closed.open_until, closed.trips, closed.probe) == (None, 0, "")
