"""Background mode: upstream goes on without us, and what was missed is fetched, once."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.folding import assert_snapshots_meet
from tests.site import SiteProcess, environment_for, running_site
from tests.tab import Fields, Tab, generation_in, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Cut, Gate, reply_error

TEXT = " ".join(f"word{n}" for n in range(60))
ANSWER = text_answer(TEXT)


@pytest.fixture
def site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    environment = environment_for(upstream, OPENAI_BACKGROUND="1", LEASE_SECONDS="2")
    with django_db_blocker.unblock(), running_site(database_url, environment) as process:
        yield process


@pytest.fixture
async def tab(site: SiteProcess) -> AsyncIterator[Tab]:
    async with Tab(site, site.person()) as tab:
        yield tab


async def asked(tab: Tab) -> tuple[Fields, str]:
    """A turn whose answer has begun: its `turn.created` and the generation."""
    created = await tab.ask("Count")
    await tab.until(created["generation"], "response.output_text.delta")
    return created, created["generation"]


async def test_an_answer_goes_on_after_its_process_was_killed_with_no_text_twice(
    site: SiteProcess, upstream: Upstream
) -> None:
    upstream.queue([*ANSWER[:30], Gate("rest"), *ANSWER[30:]])
    person = site.person()
    async with Tab(site, person) as tab:
        created, id = await asked(tab)
        site.kill(signal.SIGKILL)
        await tab.closed()
        seen = list(tab.events[id])
    upstream.open("rest")
    site.start()
    async with Tab(site, person) as tab:
        await tab.open(created["conversation"]["id"], {id: 0})
        finished = await tab.finished(id)
        events = list(tab.events[id])
        final = generation_in(await tab.open(created["conversation"]["id"]), id)
    assert events[: len(seen)] == seen
    assert finished["status"] == "completed"
    assert text_in(events) == final["text"] == TEXT
    assert_snapshots_meet(created["turn"]["generations"][0], events, final)
    first, again = upstream.records[0], upstream.records[-1]
    assert first.body["background"]
    assert first.body["store"]
    assert again.path == f"/v1/responses/{first.response_id}"
    assert int(again.query["starting_after"]) > 0


async def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    tab: Tab, upstream: Upstream
) -> None:
    upstream.queue([*ANSWER[:30], Cut(), Gate("rest"), *ANSWER[30:]])
    _, id = await asked(tab)
    upstream.open("rest")
    finished = await tab.finished(id)
    assert finished["status"] == "completed"
    assert text_in(tab.events[id]) == TEXT
    assert [e for e in tab.events[id] if e["type"] == "generation.retrying"] == []


async def test_a_response_that_can_be_streamed_no_more_is_fetched_when_it_is_ready(
    tab: Tab, upstream: Upstream
) -> None:
    upstream.queue([*ANSWER[:30], Gate("cut"), Cut(), Gate("rest"), *ANSWER[30:]])
    created, id = await asked(tab)
    path = f"/v1/responses/{upstream.records[0].response_id}"
    message = "This response can no longer be streamed because it is more than 5 minutes old"
    upstream.queue(reply_error(400, None, message), path=path, method="GET")
    upstream.open("cut")
    await upstream.arequest(2, path=path)  # the first was refused; this one asks for the result
    upstream.open("rest")
    finished = await tab.finished(id)
    assert finished["status"] == "completed"
    events = list(tab.events[id])
    final = generation_in(await tab.open(created["conversation"]["id"]), id)
    assert final["text"] == TEXT
    assert_snapshots_meet(created["turn"]["generations"][0], events, final)


async def test_a_response_that_upstream_has_forgotten_ends_interrupted(
    tab: Tab, upstream: Upstream
) -> None:
    upstream.queue([*ANSWER[:30], Gate("cut"), Cut(), Gate("never")])
    _, id = await asked(tab)
    path = f"/v1/responses/{upstream.records[0].response_id}"
    upstream.queue(reply_error(404, None, "Not found"), path=path, method="GET")
    upstream.open("cut")
    finished = await tab.finished(id)
    assert finished["status"] == "interrupted"
    assert finished["error"]["code"] == "upstream_disconnected"


async def test_a_stop_cancels_the_response_upstream(tab: Tab, upstream: Upstream) -> None:
    upstream.queue([*ANSWER[:30], Gate("never"), *ANSWER[30:]])
    _, id = await asked(tab)
    await tab.send("generation.stop", generation=id)
    assert (await tab.finished(id))["status"] == "stopped"
    response = upstream.records[0].response_id
    cancelled = upstream.requests(f"/v1/responses/{response}/cancel")
    assert [record.method for record in cancelled] == ["POST"]


async def test_what_was_handed_over_on_sigterm_goes_on_elsewhere(
    site: SiteProcess, upstream: Upstream
) -> None:
    upstream.queue([*ANSWER[:30], Gate("rest"), *ANSWER[30:]])
    person = site.person()
    async with Tab(site, person) as tab:
        created, id = await asked(tab)
        site.kill(signal.SIGTERM)
    site.start()
    upstream.open("rest")
    async with Tab(site, person) as tab:
        await tab.open(created["conversation"]["id"], {id: 0})
        assert (await tab.finished(id))["status"] == "completed"
        assert text_in(tab.events[id]) == TEXT
    assert upstream.requests(f"/v1/responses/{upstream.records[0].response_id}/cancel") == []
