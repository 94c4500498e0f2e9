"""What one person may do at once and in a minute."""

import asyncio
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from pytest_django.plugin import DjangoDbBlocker

from billing.models import Reservation
from conversations.models import Conversation, Turn
from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Script

AT_ONCE, A_MINUTE = 2, 6
ANSWER = text_answer("Here it is.")
HELD: Script = [*ANSWER[:5], Gate("go"), *ANSWER[5:]]
TEXT = "response.output_text.delta"


@pytest.fixture(scope="module")
def strict(
    upstream_server: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
    empty_database: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[SiteProcess]:
    """A site that gives each person two answers at once, and six a minute."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("strict") / "site.sqlite3")
    url = f"sqlite:///{path}"
    limits = {"USER_MAX_STREAMS": str(AT_ONCE), "USER_TURNS_PER_MINUTE": str(A_MINUTE)}
    with (
        django_db_blocker.unblock(),
        running_site(url, environment_for(upstream_server, **limits)) as site,
    ):
        yield site


async def changed(site: SiteProcess, change: Callable[[str], Any]) -> Any:
    return await asyncio.to_thread(site.in_database, change)


async def move_back(site: SiteProcess, person: Person, seconds: float) -> None:
    """As if all that somebody has asked so far had been asked earlier."""

    def move(alias: str) -> None:
        mine = Reservation.objects.using(alias).filter(account__user=person.id)
        mine.update(created=F("created") - timedelta(seconds=seconds))

    await changed(site, move)


async def test_further_answers_of_one_person_wait_for_theirs_and_all_come(
    strict: SiteProcess, upstream: Upstream
) -> None:
    upstream.always(HELD)
    async with Tab(strict, strict.person()) as tab, Tab(strict, strict.person()) as other:
        mine = [(await tab.ask(f"mine {n}"))["generation"] for n in range(A_MINUTE)]
        for id in mine[:AT_ONCE]:
            await tab.until(id, TEXT)
        for position, id in enumerate(mine[AT_ONCE:], 1):
            wanted = {"reason": "user", "position": position, "running": AT_ONCE}
            await tab.told("generation.queued", generation=id, **wanted)
        theirs = (await other.ask("theirs"))["generation"]
        await other.until(theirs, TEXT)
        assert upstream.most_open_streams == AT_ONCE + 1
        upstream.open("go")
        for id in mine:
            assert (await tab.finished(id))["status"] == "completed"
        await other.finished(theirs)
    assert upstream.most_open_streams == AT_ONCE + 1


async def test_too_many_a_minute_are_refused_with_the_time_to_wait(
    strict: SiteProcess, upstream: Upstream
) -> None:
    upstream.always(ANSWER)
    person = strict.person()
    async with Tab(strict, person) as tab:
        begun = [await tab.ask(f"question {n}") for n in range(A_MINUTE)]
        for created in begun:
            await tab.finished(created["generation"])
        late: dict[str, Any] = {"id": str(uuid.uuid4()), "conversation": None, "text": "one more"}
        error = await tab.refused("turn.create", "rate_limited", **late)
        assert 30 <= error["retry_after"] <= 60
        again = {"id": str(uuid.uuid4()), "turn": begun[0]["turn"]["id"]}
        await tab.refused("generation.create", "rate_limited", **again)
        # What was written before is answered as ever.
        same = begun[0]
        text, id = same["turn"]["text"], same["turn"]["id"]
        await tab.send("turn.create", id=id, conversation=None, text=text)
        assert (await tab.expect("turn.created", ref=id))["generation"] == same["generation"]

        def written(alias: str) -> tuple[int, int, int]:
            return (
                Turn.objects.using(alias).filter(conversation__owner=person.id).count(),
                Conversation.objects.using(alias).filter(owner=person.id).count(),
                Reservation.objects.using(alias).filter(account__user=person.id).count(),
            )

        assert await changed(strict, written) == (A_MINUTE, A_MINUTE, A_MINUTE)
        await move_back(strict, person, error["retry_after"] - 20)
        error = await tab.refused("turn.create", "rate_limited", **late)
        assert 1 <= error["retry_after"] <= 20
        await move_back(strict, person, error["retry_after"])
        created = await tab.ask(late["text"], id=late["id"])
        assert (await tab.finished(created["generation"]))["status"] == "completed"


async def test_deleted_conversations_count_as_well(strict: SiteProcess, upstream: Upstream) -> None:
    upstream.always(ANSWER)
    person = strict.person()
    async with Tab(strict, person) as tab:
        for n in range(A_MINUTE):
            await tab.finished((await tab.ask(f"question {n}"))["generation"])

        def delete(alias: str) -> None:
            Conversation.objects.using(alias).filter(owner=person.id).delete()

        await changed(strict, delete)
        late: dict[str, Any] = {"id": str(uuid.uuid4()), "conversation": None, "text": "one more"}
        await tab.refused("turn.create", "rate_limited", **late)
