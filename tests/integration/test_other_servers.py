"""The main path on other databases and against an upstream that we did not write."""

import signal
import uuid

from pytest_django.plugin import DjangoDbBlocker

from tests.aimock.fixtures import *  # noqa: F403
from tests.folding import assert_snapshots_meet
from tests.servers import running_worker
from tests.services_fixtures import *  # noqa: F403
from tests.site import SiteProcess, environment_for, running_site
from tests.tab import Tab, generation_in, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence


async def test_two_sites_on_postgresql_and_redis_share_a_conversation(
    postgres_url: str, redis_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    answer = text_answer(" ".join(f"word{n}" for n in range(100)))
    upstream.queue([*answer[:30], Gate("rest"), *answer[30:]])
    environment = environment_for(upstream, REDIS_URL=redis_url)
    with (
        django_db_blocker.unblock(),
        running_site(postgres_url, environment) as one,
        running_site(postgres_url, environment) as two,
    ):
        shown = await read_on_the_other_site(one, two, upstream)
    assert shown == " ".join(f"word{n}" for n in range(100))


async def read_on_the_other_site(one: SiteProcess, two: SiteProcess, upstream: Upstream) -> str:
    """The text that a reader on the second site saw of an answer started on the first."""
    person = one.person()
    async with Tab(one, person) as tab, Tab(two, person) as other:
        await other.expect("hello")
        created = await tab.ask("Count")
        id = created["generation"]
        await tab.until(id, "response.output_text.delta")
        told = await other.expect("turn.created")
        assert told["generation"] == id
        await other.open(created["conversation"]["id"], {id: 0})
        upstream.open("rest")
        await tab.finished(id)
        finished = await other.finished(id)
        assert finished["status"] == "completed"
        assert other.events[id] == tab.events[id]
        shown = text_in(other.events[id])
        snapshot = await other.open(created["conversation"]["id"])
        final = generation_in(snapshot, id)
        assert_snapshots_meet(created["turn"]["generations"][0], tab.events[id], final)
        again = await other.ask("Stop me")  # and a stop that comes from the other process
        await tab.send("generation.stop", generation=again["generation"])
        await other.finished(again["generation"])
    return shown


async def test_a_model_server_that_is_down_is_told_and_found_when_it_comes(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    environment = environment_for(upstream, CHAT_MODELS="", CHAT_DEFAULT_MODEL="")
    upstream.models("small", "large")
    with django_db_blocker.unblock(), upstream.down():
        site = SiteProcess(database_url, environment)
        site.start()
        person = site.person()
    try:
        async with Tab(site, person) as tab:
            with upstream.down():
                turn = {"id": str(uuid.uuid4()), "conversation": None, "text": "Anybody?"}
                error = await tab.refused("turn.create", "upstream_unavailable", **turn)
            assert error["retry_after"] > 0
            created = await tab.ask("Now?", model="large")
            assert (await tab.finished(created["generation"]))["status"] == "completed"
    finally:
        site.kill(signal.SIGTERM)


async def test_the_main_path_against_aimock(
    aimock: str, database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    environment = environment_for(
        upstream, OPENAI_BASE_URL=aimock, CHAT_MODELS="gpt-4.1-nano", CHAT_DEFAULT_MODEL=""
    )
    wanted = {
        "please stream": "completed",
        "please think": "completed",
        "please call": "completed",
        "please cut": "interrupted",
        "too many": "failed",
    }
    with django_db_blocker.unblock(), running_site(database_url, environment) as site:
        async with Tab(site, site.person()) as tab:
            for text, status in wanted.items():
                created = await tab.ask(text)
                id, conversation = created["generation"], created["conversation"]["id"]
                finished = await tab.finished(id)
                assert finished["status"] == status, (text, finished)
                events = list(tab.events[id])
                final = generation_in(await tab.open(conversation), id)
                assert final["text"] == text_in(events)
                assert_snapshots_meet(created["turn"]["generations"][0], events, final)


async def test_a_worker_process_answers_and_another_takes_what_a_killed_one_left(
    postgres_url: str, redis_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    answer = text_answer(" ".join(f"word{n}" for n in range(100)))
    upstream.queue([*answer[:30], Silence()])
    environment = environment_for(
        upstream, REDIS_URL=redis_url, GENERATION_WORKERS="external", LEASE_SECONDS="2"
    )
    with (
        django_db_blocker.unblock(),
        running_site(postgres_url, environment) as site,
        running_worker(postgres_url, environment) as doomed,
    ):
        async with Tab(site, site.person()) as tab:
            created = await tab.ask("Count")
            id = created["generation"]
            await tab.until(id, "response.output_text.delta")
            doomed.kill()
            with running_worker(postgres_url, environment):
                finished = await tab.finished(id, patience=30)
                assert finished["status"] == "interrupted"
                upstream.queue(text_answer("Here again."))
                again = await tab.ask("Still there?", created["conversation"]["id"])
                assert (await tab.finished(again["generation"]))["status"] == "completed"
                assert text_in(tab.events[again["generation"]]) == "Here again."
