"""An approval on a running site: what tabs are told, and what may be asked then."""

import asyncio

from conversations.fold import text_of
from conversations.models import ModerationFlag
from tests.integration.test_pages import Browser
from tests.moderation.site import BAD, FLAGGED, flags, person_in
from tests.moderation.test_review_pages import address
from tests.site import SiteProcess
from tests.tab import Tab, generation_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream


async def approve(site: SiteProcess, flag: ModerationFlag) -> None:
    """As a reviewer does it in the admin."""
    browser = Browser(site, await asyncio.to_thread(site.person, staff=True))
    await asyncio.to_thread(
        browser.post, address(flag, "review"), address(flag), decision="approve"
    )
    [decided] = flags(site, str(flag.generation_id))
    assert decided.decision == "approved"


async def test_an_approval_reaches_the_tabs_that_are_open_and_those_that_come(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    upstream.flag(BAD)
    upstream.queue(text_answer(FLAGGED))
    async with Tab(moderated_site, person_in(moderated_site, "watch")) as tab:
        created = await tab.ask("Tell me")
        id, conversation = created["generation"], created["conversation"]["id"]
        assert (await tab.finished(id))["status"] == "blocked"
        [flag] = flags(moderated_site, id)
        await approve(moderated_site, flag)
        told = await tab.expect("turn.created")
        [given] = told["turn"]["generations"]
        # All that had come before it was flagged, what was never shown too.
        assert given["text"] == text_of(flag.withdrawn)
        assert BAD in given["text"]
        assert given["notice"] is None
        whole = given["text"] == FLAGGED
        assert given["status"] == ("completed" if whole else "interrupted")
        assert (given["error"] or {}).get("code") == (None if whole else "moderation_reviewed")
        # Whoever comes back in the middle of the log gets no retraction any more.
        assert generation_in(await tab.open(conversation, {id: 1}), id) == given
        await tab.send("ping", id=id)
        await tab.expect("pong")
        assert tab.events[id] == []


async def test_an_approved_question_is_answered_when_it_is_asked_again(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    upstream.flag(BAD)
    upstream.queue(text_answer("It is a name."))
    async with Tab(moderated_site, person_in(moderated_site, "watch")) as tab:
        created = await tab.ask(f"What is a {BAD}?")
        id, turn = created["generation"], created["turn"]["id"]
        assert (await tab.finished(id))["status"] == "blocked"
        [flag] = flags(moderated_site, id)
        await approve(moderated_site, flag)
        told = await tab.expect("turn.created")
        assert told["turn"]["generations"][0]["error"]["code"] == "moderation_reviewed"
        again = "5f0c8a4e-0000-4000-8000-00000000000a"
        await tab.send("generation.create", id=again, turn=turn)
        id = (await tab.expect("turn.created", ref=again))["generation"]
        assert (await tab.finished(id))["status"] == "completed"
