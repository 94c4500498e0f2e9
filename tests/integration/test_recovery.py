"""What a dead process leaves: asked again, ended as upstream had ended it, or kept as shown."""

import os
import signal
from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.folding import assert_snapshots_meet
from tests.site import SiteProcess, environment_for, running_site
from tests.tab import Tab, generation_in, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence


@pytest.fixture
def site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    environment = environment_for(upstream, LEASE_SECONDS="2")
    with django_db_blocker.unblock(), running_site(database_url, environment) as process:
        yield process


async def test_an_answer_of_which_nothing_was_shown_is_asked_again(
    site: SiteProcess, upstream: Upstream
) -> None:
    answer = text_answer("Here it is.")
    begun = 4  # created, in_progress, output_item.added, content_part.added
    upstream.queue([*answer[:begun], Silence()], answer)
    person = site.person()
    async with Tab(site, person) as tab:
        created = await tab.ask("Anybody?")
        id = created["generation"]
        await tab.until(id, "response.content_part.added")
        site.kill(signal.SIGKILL)
    site.start()
    async with Tab(site, person) as tab:
        await tab.open(created["conversation"]["id"], {id: 0})
        finished = await tab.finished(id)
        events = list(tab.events[id])
        final = generation_in(await tab.open(created["conversation"]["id"]), id)
    assert finished["status"] == "completed"
    assert final["text"] == text_in(events) == "Here it is."
    assert len(final["items"]) == 1
    assert [e["code"] for e in events if e["type"] == "generation.retrying"] == ["worker_lost"]
    assert_snapshots_meet(created["turn"]["generations"][0], events, final)


async def test_an_answer_that_upstream_had_finished_ends_as_it_said(
    site: SiteProcess, upstream: Upstream
) -> None:
    answer = text_answer("All of it.")
    upstream.queue([*answer, Gate("never")])  # we wait a moment for the end of the stream
    person = site.person()
    async with Tab(site, person) as tab:
        created = await tab.ask("Everything?")
        id = created["generation"]
        await tab.until(id, "response.completed")
        site.kill(signal.SIGKILL)
        await tab.closed()
        assert tab.events[id][-1]["type"] == "response.completed"
    site.start()
    async with Tab(site, person) as tab:
        await tab.open(created["conversation"]["id"], {id: 0})
        finished = await tab.finished(id)
    assert finished["status"] == "completed"
    assert not finished["estimated"]
    assert finished["usage"]["output_tokens"] > 0
    assert len(upstream.requests()) == 1


async def test_a_stop_outlives_the_process_that_was_to_obey_it(
    site: SiteProcess, upstream: Upstream
) -> None:
    answer = text_answer("One two three four five.")
    upstream.queue([*answer[:6], Silence()])
    person = site.person()
    async with Tab(site, person) as tab:
        created = await tab.ask("Count")
        id = created["generation"]
        await tab.until(id, "response.output_text.delta")
        os.kill(site.pid, signal.SIGSTOP)
        site.stop_all(person)
        site.kill(signal.SIGKILL)
    site.start()
    async with Tab(site, person) as tab:
        await tab.open(created["conversation"]["id"], {id: 0})
        assert (await tab.finished(id))["status"] == "stopped"
