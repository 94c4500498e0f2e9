"""From a turn to its last event, over a real socket, a real site and real HTTP upstream."""

from tests.conftest import OpenTab
from tests.folding import assert_snapshots_meet
from tests.tab import generation_in, text_in
from tests.upstream.answers import bare_answer, every_event_type, text_answer
from tests.upstream.client import Upstream


async def test_an_answer_streams_and_stays(upstream: Upstream, tabs: OpenTab) -> None:
    upstream.queue(text_answer("It rains in **Bergen**."))
    tab = await tabs()
    created = await tab.ask("Where does it rain?")
    finished = await tab.finished(created["generation"])

    assert finished["status"] == "completed"
    assert finished["error"] is None
    assert text_in(tab.events[created["generation"]]) == "It rains in **Bergen**."
    snapshot = await (await tabs()).open(created["conversation"]["id"])
    generation = generation_in(snapshot, created["generation"])
    assert generation["text"] == "It rains in **Bergen**."
    assert generation["status"] == "completed"
    assert snapshot["conversation"]["title"] == "Where does it rain?"


async def test_every_event_type_reaches_the_browser_and_every_split_meets(
    upstream: Upstream, tabs: OpenTab
) -> None:
    sent = every_event_type()
    upstream.queue(sent)
    tab = await tabs()
    created = await tab.ask("Everything")
    await tab.finished(created["generation"])
    events = tab.events[created["generation"]]

    fresh = created["turn"]["generations"][0]
    snapshot = await (await tabs()).open(created["conversation"]["id"])
    assert_snapshots_meet(fresh, events, generation_in(snapshot, created["generation"]))
    expected = {event["type"] for event in sent} - {"keepalive"}
    assert expected - {event["type"] for event in events} == set()


async def test_a_server_that_leaves_fields_out_is_understood(
    upstream: Upstream, tabs: OpenTab
) -> None:
    upstream.queue(bare_answer("Bare words."))
    tab = await tabs()
    created = await tab.ask("Hi")
    await tab.finished(created["generation"])
    snapshot = await (await tabs()).open(created["conversation"]["id"])
    generation = generation_in(snapshot, created["generation"])
    assert generation["text"] == "Bare words."
    assert_snapshots_meet(
        created["turn"]["generations"][0], tab.events[created["generation"]], generation
    )
