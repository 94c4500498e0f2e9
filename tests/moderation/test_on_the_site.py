"""Moderation on a running site: what tabs, replays and the log hold of a flagged answer."""

import asyncio
import json

from tests.folding import assert_snapshots_meet
from tests.moderation import everything
from tests.moderation.site import BAD, FLAGGED, WORDS, flags, person_in, stored
from tests.site import SiteProcess
from tests.tab import Fields, Tab, generation_in, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, reply_error

CHECKS = "/v1/moderations"
DELTA = "response.output_text.delta"


def gated(deltas: list[str], gate: str) -> list[Fields | Gate]:
    """An answer that waits at a gate before its last delta."""
    events = text_answer("".join(deltas), deltas=deltas)
    at = max(n for n, event in enumerate(events) if event["type"] == DELTA)
    return [*events[:at], Gate(gate), *events[at:]]


async def test_watch_takes_a_flagged_answer_back_from_every_tab_and_every_replay(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    upstream.flag(BAD)
    upstream.queue(text_answer(FLAGGED))
    person = person_in(moderated_site, "watch")
    async with Tab(moderated_site, person) as tab, Tab(moderated_site, person) as other:
        await other.expect("hello")
        created = await tab.ask("Tell me")
        id, conversation = created["generation"], created["conversation"]["id"]
        await other.open(conversation, {id: 0})
        for one in (tab, other):
            finished = await one.finished(id)
            assert finished["status"] == "blocked"
            assert finished["error"]["code"] == "moderation_blocked"
            [retracted] = [e for e in one.events[id] if e["type"] == "text.retracted"]
            assert retracted["categories"] == ["violence"]
            assert retracted["notice"] == finished["error"]["message"]
        seen = list(tab.events[id])
        replay = await other.open(conversation, {id: 0})
        await other.finished(id)
        final = generation_in(replay, id)
    assert final["items"] == []
    assert final["text"] == ""
    assert final["notice"]
    assert_snapshots_meet(created["turn"]["generations"][0], seen, final)
    kinds = {event["type"] for event in other.events[id]}
    assert "text.removed" in kinds
    assert DELTA not in kinds
    assert "word01" not in stored(moderated_site, id)
    [flag] = flags(moderated_site, id)
    assert BAD in flag.excerpt
    assert "word01" in json.dumps(flag.withdrawn)


async def test_a_flag_while_another_tab_replays_leaves_both_without_the_text(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    upstream.flag(BAD)
    long = " ".join(WORDS * 40)  # so that a tab that acknowledges nothing gets a part of it
    upstream.queue(gated([f"{long} " for _ in range(100)] + [f"{BAD} "], "bad"))
    person = person_in(moderated_site, "watch")
    async with Tab(moderated_site, person) as tab, Tab(moderated_site, person) as other:
        created = await tab.ask("Tell me")
        id, conversation = created["generation"], created["conversation"]["id"]
        await tab.until(id, "moderation.checked", 2)
        while len(text_in(tab.events[id])) < 100 * len(long):
            await tab.more(id, len(tab.events[id]))
        other.acks = False
        await other.open(conversation, {id: 0})
        await other.until(id, DELTA)
        await other.send("ping", id="level")
        await other.expect("pong", id="level")
        upstream.open("bad")
        assert (await tab.finished(id))["status"] == "blocked"
        assert 0 < len(text_in(other.events[id])) < len(text_in(tab.events[id]))
        other.acks = True
        await other.send("ack", generation=id, seq=other.events[id][-1]["seq"])
        assert (await other.finished(id))["status"] == "blocked"
        kinds = [event["type"] for event in other.events[id]]
        assert "text.retracted" in kinds
        assert "text.removed" in kinds[kinds.index(DELTA) :]


async def test_hold_never_stores_sends_or_renders_what_is_not_cleared(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    """Every byte of two sockets, the database and the page, while a check runs and at the end."""
    clear, _, rest = everything.FLAGGED.partition(everything.BAD)
    answer = gated([clear, everything.BAD + rest], "rest")
    upstream.queue([Gate("asked"), *answer])
    person = person_in(moderated_site, "hold")
    async with Tab(moderated_site, person) as tab, Tab(moderated_site, person) as other:
        created = await tab.ask("Tell me")
        id, conversation = created["generation"], created["conversation"]["id"]
        await other.open(conversation, {id: 0})
        await upstream.arequest()  # the question is checked

        async def outside() -> set[str]:
            page = await asyncio.to_thread(everything.in_page, moderated_site, person, conversation)
            frames, rows = everything.in_frames(tab, other), everything.in_database(moderated_site)
            return everything.words_in(frames + rows + page)

        upstream.flag(everything.BAD, gate="checks")
        upstream.open("asked")
        await upstream.agate("checks")
        for one in (tab, other):
            await one.until(id, "moderation.checking")
        assert await outside() == set()
        upstream.open("checks")
        for one in (tab, other):
            await one.shown(id, everything.WORDS[0])
        upstream.open("rest")
        for one in (tab, other):
            assert (await one.finished(id))["status"] == "blocked"
        sent = everything.words_in(everything.in_frames(tab, other))
        assert everything.WORDS[0] in sent
        assert sent <= everything.cleared(upstream)
        assert everything.BAD not in await outside()
        replay = await other.open(conversation, {id: 0})
        await other.finished(id)
        assert generation_in(replay, id)["text"] == ""
        assert everything.words_in(stored(moderated_site, id).encode()) == set()


async def test_an_answer_that_is_clear_comes_whole_in_hold_and_in_watch(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    text = " ".join(WORDS)
    for mode in ("hold", "watch"):
        upstream.queue(text_answer(text))
        async with Tab(moderated_site, person_in(moderated_site, mode)) as tab:
            created = await tab.ask("Tell me")
            id = created["generation"]
            assert (await tab.finished(id))["status"] == "completed"
            assert text_in(tab.events[id]) == text
            checks = [e for e in tab.events[id] if e["type"] == "moderation.checked"]
            assert checks[-1]["chars"] >= len(text)


async def test_in_a_silence_of_upstream_held_text_is_shown_and_shown_text_is_checked(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    upstream.flag(BAD)
    for mode, begun in (("hold", "Let me think. "), ("watch", f"A {BAD}. ")):
        upstream.queue(gated([begun, "Done."], mode))
        async with Tab(moderated_site, person_in(moderated_site, mode)) as tab:
            id = (await tab.ask("Tell me"))["generation"]
            await tab.shown(id, begun)
            if mode == "watch":
                assert (await tab.finished(id))["status"] == "blocked"
            upstream.open(mode)
            if mode == "hold":
                assert (await tab.finished(id))["status"] == "completed"


async def test_what_nobody_saw_of_a_broken_answer_is_as_if_it_had_not_been_said(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    broken = text_answer("Lost words")
    broken = broken[: next(n for n, e in enumerate(broken) if e["type"] == DELTA) + 1]
    upstream.queue(broken, text_answer("A whole answer."), broken, broken, broken)
    async with Tab(moderated_site, person_in(moderated_site, "hold")) as tab:
        created = await tab.ask("Tell me")
        id, conversation = created["generation"], created["conversation"]["id"]
        assert (await tab.finished(id))["status"] == "completed"
        assert text_in(tab.events[id]) == "A whole answer."
        id = (await tab.ask("Again", conversation, follows=id))["generation"]
        finished = await tab.finished(id)
        assert (finished["status"], finished["cost"]) == ("failed", "0")
        assert finished["error"]["code"] == "upstream_disconnected"
        assert "Lost" not in "".join(tab.frames) + stored(moderated_site, id)


async def test_a_flagged_question_is_not_asked(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    upstream.flag(BAD)
    async with Tab(moderated_site, person_in(moderated_site, "watch")) as tab:
        id = (await tab.ask(f"What is a {BAD}?"))["generation"]
        finished = await tab.finished(id)
        assert (finished["status"], finished["cost"]) == ("blocked", "0")
        assert finished["error"]["message"].startswith("Your question")
    assert upstream.requests() == []
    [flag] = flags(moderated_site, id)
    assert flag.source == "question"


async def test_what_cannot_be_checked_ends_where_nothing_unchecked_may_be_shown(
    moderated_site: SiteProcess, upstream: Upstream
) -> None:
    for error in (reply_error(401), reply_error(429, headers={"retry-after": "2"})):
        upstream.queue([Gate("asked"), *text_answer("Some words.")])
        async with Tab(moderated_site, person_in(moderated_site, "hold")) as tab:
            id = (await tab.ask("Tell me"))["generation"]
            number = len(upstream.requests()) + 1
            await upstream.arequest(number)  # the question is checked
            upstream.always(error, path=CHECKS)
            upstream.open("asked")
            finished = await tab.finished(id, patience=20)
            assert finished["status"] == "blocked"
            assert finished["error"]["code"] == "moderation_unavailable"
            assert text_in(tab.events[id]) == ""
        upstream.reset()
