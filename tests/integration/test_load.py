"""Many chats at once: nothing lost, nothing doubled, nothing out of order."""

import asyncio

from pytest_django.plugin import DjangoDbBlocker

from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab, generation_in, text_in
from tests.upstream.client import Upstream

CHATS, TOKENS, RATE = 50, 150, 50


async def chat(site: SiteProcess, person: Person, number: int) -> None:
    async with Tab(site, person) as tab:  # which checks that every seq follows the one before
        created = await tab.ask(f"chat {number} tokens={TOKENS} rate={RATE}")
        finished = await tab.finished(created["generation"])
        assert finished["status"] == "completed"
        shown = text_in(tab.events[created["generation"]])
        assert shown.split() == [str(token) for token in range(TOKENS)]
        snapshot = await tab.open(created["conversation"]["id"])
        assert generation_in(snapshot, created["generation"])["text"] == shown


async def all_chats(site: SiteProcess, people: list[Person]) -> None:
    chats = (chat(site, person, number) for number, person in enumerate(people))
    await asyncio.gather(*chats)


def test_fifty_chats_at_once_lose_nothing(
    database_url: str, upstream_process: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    environment = environment_for(upstream_process)
    with django_db_blocker.unblock(), running_site(database_url, environment) as site:
        people = [site.person() for _ in range(CHATS)]
        asyncio.run(all_chats(site, people))
    assert upstream_process.most_open_streams == CHATS
