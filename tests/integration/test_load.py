"""Many chats at once: nothing lost, nothing doubled, nothing out of order."""

import asyncio

from pytest_django.plugin import DjangoDbBlocker

from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab, generation_in, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Play

CHATS, TOKENS, RATE = 50, 150, 50
DELTAS = [f"{token} " for token in range(TOKENS)]
TEXT = "".join(DELTAS)
ANSWER = text_answer(TEXT, deltas=DELTAS)


async def chat(site: SiteProcess, person: Person, number: int) -> None:
    async with Tab(site, person) as tab:  # which checks that every seq follows the one before
        created = await tab.ask(f"chat {number}")
        finished = await tab.finished(created["generation"])
        assert finished["status"] == "completed"
        assert text_in(tab.events[created["generation"]]) == TEXT
        snapshot = await tab.open(created["conversation"]["id"])
        assert generation_in(snapshot, created["generation"])["text"] == TEXT


async def all_chats(site: SiteProcess, people: list[Person], upstream: Upstream) -> None:
    async with asyncio.TaskGroup() as chats:
        for number, person in enumerate(people):
            chats.create_task(chat(site, person, number))
        await upstream.agate("all are here", CHATS)
        upstream.open("all are here")


def test_fifty_chats_at_once_lose_nothing(
    database_url: str, upstream_process: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    upstream_process.always([*ANSWER[:4], Gate("all are here"), Play(ANSWER[4:], rate=RATE)])
    environment = environment_for(upstream_process)
    with django_db_blocker.unblock(), running_site(database_url, environment) as site:
        people = [site.person() for _ in range(CHATS)]
        asyncio.run(all_chats(site, people, upstream_process))
    assert upstream_process.most_open_streams == CHATS
