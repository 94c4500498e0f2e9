"""SIGTERM: what runs finishes, sockets learn why they are closed, and the process ends soon."""

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_django.plugin import DjangoDbBlocker
from websockets.exceptions import InvalidHandshake

from tests.site import SiteProcess, environment_for
from tests.tab import Tab, generation_in, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence

RESTARTING = 1012
ANSWER = text_answer(" ".join(f"word{n}" for n in range(60)))


@contextmanager
def site_that_drains(
    seconds: str, database_url: str, upstream: Upstream, blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    site = SiteProcess(database_url, environment_for(upstream, DRAIN_SECONDS=seconds))
    with blocker.unblock():
        site.start()
        try:
            yield site
        finally:
            site.kill()


async def test_a_running_answer_is_read_to_its_end_and_an_idle_tab_is_sent_away_at_once(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    upstream.queue([*ANSWER[:20], Gate("rest"), *ANSWER[20:]])
    with site_that_drains("20", database_url, upstream, django_db_blocker) as site:
        person = site.person()
        async with Tab(site, person) as reader, Tab(site, person) as idle:
            created = await reader.ask("Count")
            id = created["generation"]
            await idle.expect("turn.created")
            await reader.until(id, "response.output_text.delta")
            site.send(signal.SIGTERM)
            assert await idle.closed() == RESTARTING
            with pytest.raises((OSError, InvalidHandshake)):
                await Tab(site, person).__aenter__()
            assert reader.close_code is None
            upstream.open("rest")
            assert (await reader.finished(id))["status"] == "completed"
            assert text_in(reader.events[id]).endswith("word59")
            assert await reader.closed() == RESTARTING
        assert await asyncio.to_thread(site.wait, 5) == 0
        said = [line for line in site.output if line.startswith("Finishing")]
        assert said == ["Finishing 1 answer, up to 20 s; press Ctrl-C again to stop now."]


async def test_what_does_not_finish_in_time_is_handed_over(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    upstream.queue([*ANSWER[:20], Silence()])
    with site_that_drains("0.5", database_url, upstream, django_db_blocker) as site:
        async with Tab(site, site.person()) as tab:
            created = await tab.ask("Count")
            id = created["generation"]
            await tab.until(id, "response.output_text.delta")
            site.send(signal.SIGTERM)
            assert await tab.closed() == RESTARTING
            seen = list(tab.events[id])
        assert await asyncio.to_thread(site.wait, 5) == 0
        row = "SELECT status, lease_until FROM conversations_generation"
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as database:
            assert database.execute(row).fetchall() == [("running", None)]
        assert seen[-1]["type"] != "generation.finished"


async def test_a_second_signal_ends_at_once_and_still_says_why(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    upstream.queue([*ANSWER[:20], Silence()])
    with site_that_drains("60", database_url, upstream, django_db_blocker) as site:
        person = site.person()
        async with Tab(site, person) as reader, Tab(site, person) as idle:
            created = await reader.ask("Count")
            await reader.until(created["generation"], "response.output_text.delta")
            site.send(signal.SIGINT)
            assert await idle.closed() == RESTARTING  # the first one has been heard
            site.send(signal.SIGINT)
            assert await reader.closed() == RESTARTING
        assert await asyncio.to_thread(site.wait, 10) == 0


async def test_a_tab_that_reads_nothing_does_not_hold_up_the_end(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    with site_that_drains("30", database_url, upstream, django_db_blocker) as site:
        async with Tab(site, site.person()) as tab:
            created = await tab.ask("tokens=20000")
            await tab.finished(created["generation"])
            tab.socket.transport.pause_reading()
            for _ in range(200):
                await tab.send("conversation.open", conversation=created["conversation"]["id"])
            site.send(signal.SIGTERM)
            assert await asyncio.to_thread(site.wait, 20) == 0
            tab.socket.transport.resume_reading()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_ends_the_process(
    number: signal.Signals,
    database_url: str,
    upstream: Upstream,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    with site_that_drains("60", database_url, upstream, django_db_blocker) as site:
        site.send(number)  # it listens, and prepares the rest in the background
        assert site.wait(10) == 0


async def test_the_next_process_goes_on_where_the_tab_was(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    upstream.queue([*ANSWER[:20], Gate("rest"), *ANSWER[20:]])
    with site_that_drains("20", database_url, upstream, django_db_blocker) as site:
        person = site.person()
        async with Tab(site, person) as tab:
            created = await tab.ask("Count")
            id, conversation = created["generation"], created["conversation"]["id"]
            await tab.until(id, "response.output_text.delta")
            site.send(signal.SIGTERM)
            upstream.open("rest")
            await tab.closed()
            events = list(tab.events[id])
        await asyncio.to_thread(site.wait, 5)
        site.start()
        async with Tab(site, person) as back:
            snapshot = await back.open(conversation, {id: events[-1]["seq"]})
            assert generation_in(snapshot, id)["text"] == text_in(events)
            await back.send("ping", id="after")
            await back.expect("pong", id="after")
            assert back.events[id] == []
