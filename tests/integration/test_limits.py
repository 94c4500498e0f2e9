"""How many answers run at once, who is next, and what those who wait are told."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from billing.models import Reservation
from conversations.log import Fields
from tests.conftest import OpenTab
from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab, generation_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Script

MOST, EACH = 2, 3
ANSWER = text_answer("Here it is.")
HELD: Script = [*ANSWER[:5], Gate("go"), *ANSWER[5:]]
TEXT = "response.output_text.delta"


@pytest.fixture(scope="module")
def narrow(
    upstream_server: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
    empty_database: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[SiteProcess]:
    """A site with two places, and no limit of each person's own."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("narrow") / "site.sqlite3")
    url = f"sqlite:///{path}"
    environment = environment_for(upstream_server, UPSTREAM_MAX_STREAMS=str(MOST))
    with django_db_blocker.unblock(), running_site(url, environment) as site:
        yield site


@pytest.fixture
async def tabs(narrow: SiteProcess, upstream: Upstream) -> AsyncIterator[OpenTab]:
    """`await tabs(of=person)` opens a tab on the narrow site; nothing is left running."""
    upstream.always(HELD)
    opened: list[Tab] = []
    async with AsyncExitStack() as stack:

        async def open_tab(site: SiteProcess = narrow, of: Person | None = None) -> Tab:
            tab = await stack.enter_async_context(Tab(site, of or narrow.person()))
            opened.append(tab)
            await tab.expect("hello")
            return tab

        yield open_tab
        for tab in opened:
            await tab.stop_all()
        await upstream.aidle()


async def asked(tab: Tab, count: int) -> list[str]:
    """Asks in so many new conversations; the generations."""
    return [(await tab.ask(f"question {n}"))["generation"] for n in range(count)]


async def running(tab: Tab, *generations: str) -> None:
    """Waits until these have been begun upstream."""
    for generation in generations:
        await tab.until(generation, TEXT)


async def place(tab: Tab, generation: str, **wanted: object) -> Fields:
    return await tab.told("generation.queued", generation=generation, **wanted)


async def test_one_question_does_not_wait_behind_fifty_of_somebody_else(
    tabs: OpenTab, upstream: Upstream, narrow: SiteProcess
) -> None:
    many = narrow.person()
    crowd = [await tabs(of=many) for _ in range(3)]
    theirs = [(tab, id) for tab in crowd for id in await asked(tab, 17)]
    await running(crowd[0], *(id for _, id in theirs[:MOST]))
    one = await tabs()
    [mine] = await asked(one, 1)
    await place(one, mine, position=1, reason="site", running=0)
    await crowd[0].send("generation.stop", generation=theirs[0][1])
    await running(one, mine)
    assert len(upstream.requests()) == MOST + 1
    upstream.open("go")
    for tab, id in [*theirs[1:], (one, mine)]:
        assert (await tab.finished(id))["status"] == "completed"
    assert upstream.most_open_streams == MOST
    assert len(upstream.requests()) == len(theirs) + 1


async def test_the_place_is_told_when_it_changes_and_to_a_page_that_loads(
    tabs: OpenTab, narrow: SiteProcess
) -> None:
    person = narrow.person()
    tab, elsewhere, stranger = await tabs(of=person), await tabs(of=person), await tabs()
    first, second, third, fourth = await asked(tab, 4)
    for one in (tab, elsewhere):
        assert await place(one, third) == {
            "type": "generation.queued",
            "generation": third,
            "reason": "site",
            "position": 1,
            "running": 2,
        }
        await place(one, fourth, position=2)
    reloaded = await tabs(of=person)
    await place(reloaded, third, position=1)
    await place(reloaded, fourth, position=2)
    await tab.send("generation.stop", generation=first)
    await running(tab, second, third)
    await place(reloaded, fourth, position=1)
    told = [message for message in tab.messages if message["type"] == "generation.queued"]
    assert not {first, second} & {message["generation"] for message in told}
    assert "generation.queued" not in {message["type"] for message in stranger.messages}


async def test_stopped_while_it_waits_it_ends_at_once_and_costs_nothing(
    tabs: OpenTab, upstream: Upstream, narrow: SiteProcess
) -> None:
    tab = await tabs()
    first, second = await asked(tab, MOST)
    await running(tab, first, second)
    created = await tab.ask("too many")
    waiting = created["generation"]
    await place(tab, waiting)
    await tab.send("generation.stop", generation=waiting)
    finished = await tab.finished(waiting)
    shown = {key: finished[key] for key in ("status", "cost", "usage", "error")}
    assert shown == {"status": "stopped", "cost": "0", "usage": None, "error": None}
    assert [event["type"] for event in tab.events[waiting]] == ["generation.finished"]
    assert len(upstream.requests()) == MOST
    snapshot = await tab.open(created["conversation"]["id"])
    assert generation_in(snapshot, waiting)["status"] == "stopped"

    def held(alias: str) -> str:
        return Reservation.objects.using(alias).get(generation=waiting).state

    assert await asyncio.to_thread(narrow.in_database, held) == "released"


async def test_places_go_to_whoever_waits_when_they_are_left_all_at_once(
    tabs: OpenTab, upstream: Upstream
) -> None:
    tab = await tabs()
    generations = await asked(tab, MOST * 3)
    await running(tab, *generations[:MOST])
    for generation in generations[:MOST]:
        await tab.send("generation.stop", generation=generation)
    await running(tab, *generations[MOST : MOST * 2])
    assert len(upstream.requests()) == MOST * 2
    assert upstream.most_open_streams == MOST
