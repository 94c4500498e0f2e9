"""A command that was accepted is answered alike when it comes again, whatever has changed."""

import asyncio
import signal
import uuid

from tests.site import SiteProcess
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream

MOST_OPEN = 20


async def test_what_was_accepted_stays_so_when_its_model_is_gone(
    own_site: SiteProcess, upstream: Upstream
) -> None:
    upstream.always(text_answer("Yes."))
    person, model = own_site.person(), "other-model"
    async with Tab(own_site, person) as tab:
        created = await tab.ask("Anybody?", model=model)
        await tab.finished(created["generation"])
        other = {"id": str(uuid.uuid4()), "turn": created["turn"]["id"], "model": model}
        await tab.send("generation.create", **other)
        await tab.finished((await tab.expect("turn.created", ref=other["id"]))["generation"])
    asked = len(upstream.records)
    await asyncio.to_thread(own_site.kill, signal.SIGKILL)
    own_site.environment["CHAT_MODELS"] = "test-model"
    await asyncio.to_thread(own_site.start)
    async with Tab(own_site, person) as tab:
        again = await tab.ask("Anybody?", id=created["ref"], model=model)
        assert again["generation"] == created["generation"]
        await tab.send("generation.create", **other)
        assert (await tab.expect("turn.created", ref=other["id"]))["generation"] == other["id"]
        await tab.refused("turn.create", "model_unavailable", **_turn(model=model))
    assert len(upstream.records) == asked


async def test_what_was_accepted_stays_so_when_no_further_chat_can_be_opened(
    own_site: SiteProcess, upstream: Upstream
) -> None:
    upstream.always(text_answer("Yes."))
    person = own_site.person()
    async with Tab(own_site, person) as tab, Tab(own_site, person) as other:
        created = await other.ask("Anybody?")
        for number in range(MOST_OPEN):
            await tab.ask(f"question {number}")
        again = await tab.ask("Anybody?", id=created["ref"])
        assert again["generation"] == created["generation"]
        await tab.refused("conversation.open", "bad_request", **_opening(created))
        await tab.refused("turn.create", "bad_request", **_turn())


def _turn(**more: str) -> dict[str, object]:
    return {"id": str(uuid.uuid4()), "conversation": None, "text": "Another?", **more}


def _opening(created: dict[str, dict[str, str]]) -> dict[str, object]:
    return {"conversation": created["conversation"]["id"], "cursors": {}}
