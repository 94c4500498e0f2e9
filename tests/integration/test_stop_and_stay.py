"""What stops a generation, and what does not."""

import signal
import uuid

from tests.conftest import OpenTab
from tests.folding import assert_snapshots_meet
from tests.site import SiteProcess
from tests.tab import Tab, generation_in, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence

LONG = text_answer(" ".join(f"word{n}" for n in range(200)))


async def test_stop_closes_the_upstream_connection_within_a_second(
    upstream: Upstream, tabs: OpenTab
) -> None:
    upstream.queue([*LONG[:30], Silence()])
    tab = await tabs()
    created = await tab.ask("Count")
    await tab.until(created["generation"], "response.output_text.delta")
    record = await upstream.arequest(1)
    await tab.send("generation.stop", generation=created["generation"])
    closed = await record.aclosed(timeout=1)
    assert closed.ended == "client"
    finished = await tab.finished(created["generation"])
    assert finished["status"] == "stopped"
    assert finished["error"] is None
    assert finished["estimated"] is True
    assert finished["usage"]["output_tokens"] > 0


async def test_a_stop_from_another_tab_and_twice_ends_it_once(
    upstream: Upstream, tabs: OpenTab
) -> None:
    upstream.queue([*LONG[:30], Silence()])
    tab, other = await tabs(), await tabs()
    created = await tab.ask("Count")
    await tab.until(created["generation"], "response.output_text.delta")
    for _ in range(2):
        await other.send("generation.stop", generation=created["generation"])
    assert (await tab.finished(created["generation"]))["status"] == "stopped"
    await other.send("generation.stop", generation=created["generation"])
    await other.send("ping", id="after")
    await other.expect("pong", id="after")
    snapshot = await other.open(created["conversation"]["id"])
    fresh = created["turn"]["generations"][0]
    final = generation_in(snapshot, created["generation"])
    assert_snapshots_meet(fresh, tab.events[created["generation"]], final)


async def test_closing_the_tab_stops_nothing(
    upstream: Upstream, shared_site: SiteProcess, tabs: OpenTab
) -> None:
    upstream.queue([*LONG[:30], Gate("later"), *LONG[30:]])
    person = shared_site.person()
    async with Tab(shared_site, person) as tab:
        created = await tab.ask("Count")
        await tab.until(created["generation"], "response.output_text.delta")
    upstream.open("later")
    back = await tabs(of=person)
    snapshot = await back.open(created["conversation"]["id"])
    generation = generation_in(snapshot, created["generation"])
    if generation["status"] == "running":
        await back.finished(created["generation"])
        snapshot = await back.open(created["conversation"]["id"])
        generation = generation_in(snapshot, created["generation"])
    assert generation["status"] == "completed"
    assert generation["text"].endswith("word199")


async def test_every_cursor_gets_exactly_what_comes_after_it(
    upstream: Upstream, tabs: OpenTab
) -> None:
    upstream.queue([*LONG[:60], Gate("rest"), *LONG[60:]])
    tab = await tabs()
    created = await tab.ask("Count")
    id, conversation = created["generation"], created["conversation"]["id"]
    await tab.until(id, "response.output_text.delta")
    reader = await tabs()
    seen = len(tab.events[id])
    for cursor in range(seen + 1):
        snapshot = await reader.open(conversation, {id: cursor})
        if cursor < generation_in(snapshot, id)["cursor"]:
            await reader.expect("events", generation=id)
            assert reader.events[id][0]["seq"] == cursor + 1
    upstream.open("rest")
    await tab.finished(id)
    for cursor in (0, 1, seen, len(tab.events[id]) - 1):
        await reader.open(conversation, {id: cursor})
        await reader.finished(id)
        assert reader.events[id] == tab.events[id][cursor:]


async def test_two_tabs_see_the_same_live(upstream: Upstream, tabs: OpenTab) -> None:
    upstream.queue(text_answer("First."), [*LONG[:30], Gate("rest"), *LONG[30:]])
    tab, other = await tabs(), await tabs()
    first = await tab.ask("One")
    await tab.finished(first["generation"])
    conversation = first["conversation"]["id"]
    await other.open(conversation)
    second = await tab.ask("Two", conversation)
    told = await other.expect("turn.created", ref=second["ref"])
    assert told == second
    upstream.open("rest")
    await tab.finished(second["generation"])
    await other.finished(second["generation"])
    assert other.events[second["generation"]] == tab.events[second["generation"]]
    assert upstream.requests()[1].body["input"][1]["content"][0]["text"] == "First."


async def test_a_turn_sent_again_starts_nothing(upstream: Upstream, tabs: OpenTab) -> None:
    upstream.queue(text_answer("Once."))
    tab = await tabs()
    id = str(uuid.uuid4())
    created = await tab.ask("Only once", id=id)
    await tab.finished(created["generation"])
    again = await (await tabs()).ask("Only once", id=id)
    assert again["conversation"]["id"] == created["conversation"]["id"]
    assert again["turn"]["id"] == created["turn"]["id"]
    assert again["generation"] == created["generation"]
    assert len(upstream.requests()) == 1


async def test_a_turn_sent_again_on_a_fresh_socket_gets_all_events(
    upstream: Upstream, tabs: OpenTab
) -> None:
    upstream.queue([*LONG[:30], Gate("rest"), *LONG[30:]])
    id = str(uuid.uuid4())
    tab = await tabs()
    created = await tab.ask("Twice", id=id)
    await tab.until(created["generation"], "response.output_text.delta")
    fresh = await tabs()
    await fresh.ask("Twice", id=id)
    upstream.open("rest")
    await fresh.finished(created["generation"])
    await tab.finished(created["generation"])
    assert fresh.events[created["generation"]] == tab.events[created["generation"]]
    assert fresh.events[created["generation"]][0]["seq"] == 1


async def test_regenerating_adds_an_answer_and_is_idempotent(
    upstream: Upstream, tabs: OpenTab
) -> None:
    upstream.queue(text_answer("One."), text_answer("Two.", model="other-model"))
    tab = await tabs()
    created = await tab.ask("Again")
    await tab.finished(created["generation"])
    id = str(uuid.uuid4())
    command = {"id": id, "turn": created["turn"]["id"], "model": "other-model"}
    await tab.send("generation.create", **command)
    again = await tab.expect("turn.created", ref=id)
    assert again["generation"] == id
    await tab.finished(id)
    await tab.send("generation.create", **command)
    await tab.expect("turn.created", ref=id)
    snapshot = await (await tabs()).open(created["conversation"]["id"])
    texts = [generation["text"] for generation in snapshot["turns"][0]["generations"]]
    assert texts == ["One.", "Two."]
    assert upstream.requests()[1].body["model"] == "other-model"


async def test_an_edited_turn_follows_what_the_first_followed(
    upstream: Upstream, tabs: OpenTab
) -> None:
    upstream.always(text_answer("Yes."))
    tab = await tabs()
    first = await tab.ask("One")
    await tab.finished(first["generation"])
    conversation = first["conversation"]["id"]
    for text in ("Two", "Two, edited"):
        turn = await tab.ask(text, conversation, follows=first["generation"])
        await tab.finished(turn["generation"])
    edited = await tab.ask("From the start", conversation, follows=None)
    await tab.finished(edited["generation"])
    sent = [[part["content"][0]["text"] for part in r.body["input"]] for r in upstream.requests()]
    assert sent[1:] == [["One", "Yes.", "Two"], ["One", "Yes.", "Two, edited"], ["From the start"]]


async def test_what_was_seen_outlives_a_killed_server(
    upstream: Upstream, mortal_site: SiteProcess
) -> None:
    upstream.queue([*LONG[:60], Silence()])
    person = mortal_site.person()
    async with Tab(mortal_site, person) as tab:
        created = await tab.ask("Count")
        id, conversation = created["generation"], created["conversation"]["id"]
        await tab.until(id, "response.output_text.delta", 1)
        mortal_site.kill(signal.SIGKILL)
        await tab.closed()
        seen = list(tab.events[id])
    mortal_site.start()
    async with Tab(mortal_site, person) as tab:
        await tab.open(conversation, {id: 0})
        finished = await tab.finished(id)
        events = tab.events[id]
        assert events[: len(seen)] == seen
        assert finished["status"] == "interrupted"
        assert finished["error"]["code"] == "worker_lost"
        snapshot = await tab.open(conversation)
        generation = generation_in(snapshot, id)
        assert generation["text"] == text_in(events)
        assert_snapshots_meet(created["turn"]["generations"][0], events, generation)


async def test_a_queued_turn_is_answered_after_a_kill(
    upstream: Upstream, mortal_site: SiteProcess
) -> None:
    upstream.always(text_answer("Late, but here."))
    person = mortal_site.person()
    id = str(uuid.uuid4())
    async with Tab(mortal_site, person) as tab:
        await tab.send("turn.create", id=id, conversation=None, text="Hello")
        mortal_site.kill(signal.SIGKILL)
        await tab.closed()
    mortal_site.start()
    async with Tab(mortal_site, person) as tab:
        created = await tab.ask("Hello", id=id)
        finished = await tab.finished(created["generation"])
        assert finished["status"] in ("completed", "interrupted")
