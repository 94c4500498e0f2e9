"""Processes that share a folder answer `/metrics` as one, whichever of them is asked."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from chatsite.bootstrap.services import wait_for
from tests.figures.scraping import TOKEN, Figures, asked, scrape
from tests.servers import WorkerWithHealth
from tests.services_fixtures import *  # noqa: F403
from tests.site import SiteProcess, environment_for
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream

ENDED = "chatsite_generations_ended_total"


@pytest.fixture
def processes(
    postgres_url: str,
    redis_url: str,
    upstream: Upstream,
    tmp_path: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[tuple[SiteProcess, SiteProcess, SiteProcess]]:
    """Two web processes and a worker on one database, with one folder that is not there yet."""
    environment = environment_for(
        upstream,
        REDIS_URL=redis_url,
        GENERATION_WORKERS="external",
        METRICS_TOKEN=TOKEN,
        PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "metrics" / "here"),
        LEASE_SECONDS="1",
    )
    kinds = (SiteProcess, SiteProcess, WorkerWithHealth)
    first, second, worker = (kind(postgres_url, environment) for kind in kinds)
    with django_db_blocker.unblock(), ExitStack() as stack:
        for process in (first, second, worker):
            stack.callback(process.kill)
            process.start()
        yield first, second, worker


async def agree(processes: tuple[SiteProcess, ...], name: str, value: float, **labels: str) -> None:
    """Waits until every one of the processes says so."""

    def do() -> bool:
        return all(scrape(process.url)(name, **labels) == value for process in processes)

    assert await asyncio.to_thread(wait_for, do), (name, value)


async def ask(tab: Tab) -> None:
    await tab.finished((await tab.ask("How are things?"))["generation"])


async def test_the_sums_are_right_whoever_is_asked_and_whoever_dies(
    processes: tuple[SiteProcess, SiteProcess, SiteProcess], upstream: Upstream
) -> None:
    first, second, worker = processes
    upstream.always(text_answer())
    async with Tab(first, first.person()) as one, Tab(second, first.person()) as two:
        async with Tab(second, second.person()):
            await ask(one)
            await ask(two)
            await agree(processes, "chatsite_sockets", 3)
            await agree(processes, ENDED, 2, status="completed")
            for process in processes:
                check(await asyncio.to_thread(scrape, process.url))
            check_refusals(f"{worker.url}/metrics")
        second.kill()
        assert await two.closed()
        # What was open in it is closed; what was counted in it counts.
        await agree((first, worker), "chatsite_sockets", 1)
        await agree((first, worker), ENDED, 2, status="completed")
        second.start()
        async with Tab(second, second.person()) as again:
            await agree(processes, "chatsite_sockets", 2)
            worker.kill()
            worker.start()
            await ask(again)
            await agree(processes, ENDED, 3, status="completed")
            await agree(processes, "chatsite_generations_here", 0)


def check(figures: Figures) -> None:
    """What the database knows comes once, and what nobody can add up not at all."""
    assert figures("chatsite_workers", state="working") == 1
    assert [metric.name for metric in figures.metrics].count("chatsite_workers") == 1
    assert figures("chatsite_flush_frames_sum") >= 2
    assert not any(name.startswith("process_") for name, _ in figures.samples)


def check_refusals(url: str) -> None:
    """A worker tells only those who have the token."""
    refused = asked(url)
    assert (refused.status, refused.headers["Cache-Control"]) == (403, "no-store")
    wrong = asked(url, Authorization="Bearer nope")
    assert (wrong.status, wrong.headers["WWW-Authenticate"][:7]) == (401, "Bearer ")
