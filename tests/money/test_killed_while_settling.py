"""A process that dies around the end of an answer: what it cost is posted exactly once."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest
from pytest_django.plugin import DjangoDbBlocker

from conversations.models import OPEN_STATUSES, Generation
from tests.money import books
from tests.money.crowd import Crowd
from tests.money.site import entries, reservations, set_limits, set_price
from tests.servers import frozen
from tests.services_fixtures import *  # noqa: F403
from tests.site import ROOT, Person, SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate

KILLS = int(os.environ.get("TEST_KILLS", "5"))
"""Of a whole site; more of them find rarer moments."""
FORKS = int(os.environ.get("TEST_FORKS", "20"))
ANSWERS = 8
ENVIRONMENT = {"MAX_OUTPUT_TOKENS": "1000", "LEASE_SECONDS": "1"}


@pytest.fixture(params=["sqlite", "postgresql"])
def stopped_site(
    request: pytest.FixtureRequest, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A site with prices, to be started, killed and started again."""
    name = "database_url" if request.param == "sqlite" else "postgres_url"
    environment = environment_for(upstream, **ENVIRONMENT)
    site = SiteProcess(request.getfixturevalue(name), environment)
    with django_db_blocker.unblock():
        set_price(site)
        yield site
        site.kill()


@pytest.fixture
def person(stopped_site: SiteProcess) -> Person:
    person = stopped_site.person()
    set_limits(stopped_site, person, day="100")
    return person


def open_ones(alias: str) -> int:
    """How many generations have not ended."""
    return Generation.objects.using(alias).filter(status__in=OPEN_STATUSES).count()


async def test_a_site_killed_at_random_moments_posts_every_answer_once(
    stopped_site: SiteProcess, person: Person
) -> None:
    site, chance, caught = stopped_site, random.Random(7), []
    site.start()
    for _ in range(KILLS):
        async with Tab(site, person) as tab:
            for number in range(ANSWERS):  # they end one after the other, 40 ms apart
                await tab.send(
                    "turn.create",
                    id=str(uuid.uuid4()),
                    conversation=None,
                    text=f"tokens={20 + 4 * number} rate=100",
                )
            created = [await tab.expect("turn.created") for _ in range(ANSWERS)]
            await tab.finished(created[0]["generation"])
            await asyncio.sleep(chance.uniform(0, 0.4))  # anywhere among the other endings
            site.kill()
        caught.append(site.in_database(open_ones))
        assert site.in_database(books.faults) == []
        site.start()
        async with Tab(site, person) as tab:
            for one in created:
                await tab.open(one["conversation"]["id"], {one["generation"]: 0})
                await tab.finished(one["generation"])
        assert site.in_database(books.faults) == []
    assert len(entries(site, person)) == KILLS * ANSWERS
    print(f"killed {KILLS} times with {caught} of {ANSWERS} answers open, each posted once")


def test_an_ending_and_its_money_are_one_commit(stopped_site: SiteProcess, person: Person) -> None:
    environment = {"DATABASE_URL": stopped_site.database_url}
    run = subprocess.run(
        [sys.executable, "-m", "tests.money.killed_settler", str(person.id), str(FORKS), "7"],
        cwd=ROOT,
        env=os.environ | Crowd.ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["faults"] == []
    assert min(report["ended"]) < max(report["ended"])  # some were killed in the midst of it
    assert len(entries(stopped_site, person)) == FORKS * 10
    print(f"{FORKS} processes killed after so many of 10 commits: {report['ended']}")


async def test_what_upstream_had_ended_is_posted_by_the_next_process(
    stopped_site: SiteProcess, person: Person, upstream: Upstream
) -> None:
    site = stopped_site
    answer = text_answer("All of it.")
    answer[-1]["response"]["usage"] = {"input_tokens": 1000, "output_tokens": 100}
    upstream.queue([*answer, Gate("never")])  # we wait a moment for the end of the stream
    site.start()
    async with Tab(site, person) as tab:
        created = await tab.ask("Everything?")
        id = created["generation"]
        await tab.until(id, "response.completed")
        site.kill()
    assert entries(site, person) == []
    assert [held.state for held in reservations(site, person)] == ["open"]
    site.start()
    async with Tab(site, person) as tab:
        await tab.open(created["conversation"]["id"], {id: 0})
        assert (await tab.finished(id))["cost"] == "0.003"  # 1000 x 2 / 10**6 + 100 x 10 / 10**6
    [entry] = entries(site, person)
    assert (entry.amount, entry.status, entry.estimated) == (Decimal("0.003"), "completed", False)
    assert site.in_database(books.faults) == []
    assert len(upstream.requests()) == 1


@pytest.mark.parametrize("stopped_site", ["postgresql"], indirect=True)
async def test_of_two_processes_that_end_an_answer_one_posts_it(
    stopped_site: SiteProcess, person: Person, upstream: Upstream
) -> None:
    answer = text_answer("One two three.")
    upstream.queue([*answer[:6], Gate("rest"), *answer[6:]])
    first, other = stopped_site, SiteProcess(stopped_site.database_url, stopped_site.environment)
    first.start()
    async with Tab(first, person) as tab:
        created = await tab.ask("Count")
        id = created["generation"]
        await tab.until(id, "response.output_text.delta")
        with frozen(first), running_site(other.database_url, other.environment) as second:
            async with Tab(second, person) as other_tab:
                await other_tab.open(created["conversation"]["id"], {id: 0})
                assert (await other_tab.finished(id))["status"] == "interrupted"
            upstream.open("rest")  # the frozen one finds the whole answer when it wakes up
        await upstream.aidle()
        await tab.send("ping", id="awake")
        await tab.expect("pong", id="awake")
    first.kill(signal.SIGTERM)  # all that it had to write is written
    [entry] = entries(first, person)
    assert (entry.status, entry.estimated) == ("interrupted", True)
    assert first.in_database(books.faults) == []
