"""Limits that several processes keep together, on PostgreSQL."""

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.utils import timezone
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from conversations import leases, turns
from conversations.models import Generation, Status, Turn
from conversations.protocol import CreateTurn, Refused
from tests.money.engines import default_database
from tests.postgres import temporary_database
from tests.servers import running_worker
from tests.services import missing
from tests.services_fixtures import redis_url
from tests.site import SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Script

__all__ = ["redis_url"]

MOST, QUESTIONS = 3, 12
PATIENCE = 10.0
ANSWER = text_answer("Here it is.")
HELD: Script = [*ANSWER[:5], Gate("go"), *ANSWER[5:]]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A migrated PostgreSQL database of this module's own."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(temporary_database())
        except psycopg.OperationalError as error:
            missing("PostgreSQL", str(error).splitlines()[0])
        yield url


@pytest.fixture
def web(
    database: str, redis_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A web process that runs nothing, and two workers."""
    environment = environment_for(
        upstream,
        REDIS_URL=redis_url,
        GENERATION_WORKERS="external",
        UPSTREAM_MAX_STREAMS=str(MOST),
    )
    with (
        django_db_blocker.unblock(),
        running_site(database, environment) as site,
        running_worker(database, environment),
        running_worker(database, environment),
    ):
        yield site


async def test_two_workers_keep_one_limit_and_the_web_process_tells_the_places(
    web: SiteProcess, database: str, upstream: Upstream
) -> None:
    upstream.always(HELD)
    async with Tab(web, web.person()) as tab:
        # While somebody claims, here for long, the others try again and again.
        with psycopg.connect(database) as claiming:
            claiming.execute("SELECT pg_advisory_xact_lock(%s)", [leases.CLAIMS])
            asked = [(await tab.ask(f"question {n}"))["generation"] for n in range(QUESTIONS)]
            assert upstream.requests() == []
        await upstream.agate("go", MOST)
        for position, generation in enumerate(asked[MOST:], 1):
            await tab.told("generation.queued", generation=generation, position=position)
        upstream.open("go")
        for generation in asked:
            assert (await tab.finished(generation))["status"] == "completed"
    assert upstream.most_open_streams == MOST
    assert len(upstream.requests()) == QUESTIONS


def test_who_claims_while_another_does_takes_nothing_and_comes_again(
    database: str, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> None:
    """Else the second would take what came after the look of the first, and pass the limit."""
    settings.UPSTREAM_MAX_STREAMS = 2
    with django_db_blocker.unblock(), default_database(database), ThreadPoolExecutor(1) as other:

        def ask(times: int) -> None:
            user = get_user_model()._default_manager.get(pk=site.person().id)
            for _ in range(times):
                turns.start_turn(user, command(), "test-model")

        def claim() -> list[Generation]:
            try:
                return leases.claim("second")
            finally:
                connections.close_all()

        site = SiteProcess(database, {})
        ask(2)
        with transaction.atomic():
            assert len(leases.claim("first")) == 2
            other.submit(ask, 1).result()
            error = other.submit(claim).exception(PATIENCE)
        assert isinstance(error, leases.Contended)
        assert other.submit(claim).result() == []
        Generation.objects.filter(worker="first").update(
            status=Status.STOPPED, ended=timezone.now()
        )
        assert len(other.submit(claim).result()) == 1
        Generation.objects.filter(worker="second").delete()


def command() -> CreateTurn:
    return CreateTurn(id=uuid.uuid4(), conversation=None, text="Why?")


def test_tabs_that_ask_at_the_same_moment_do_not_pass_the_limit_of_a_minute(
    database: str, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> None:
    settings.USER_TURNS_PER_MINUTE, threads, each = 5, 8, 3
    start = Barrier(threads)

    def tries() -> list[str]:
        results = []
        try:
            user = get_user_model()._default_manager.get(pk=person.id)
            start.wait()
            for _ in range(each):
                try:
                    turns.start_turn(user, command(), "test-model")
                    results.append("begun")
                except Refused as refused:
                    results.append(refused.code)
        finally:
            connections.close_all()
        return results

    with django_db_blocker.unblock():
        person = SiteProcess(database, {}).person()
        with default_database(database), ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(tries) for _ in range(threads)]
            results = Counter(result for future in futures for result in future.result())
            written = Turn.objects.filter(conversation__owner=person.id).count()
    assert results == {"begun": 5, "rate_limited": threads * each - 5}
    assert written == 5
