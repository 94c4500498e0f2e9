"""A reader that draws slowly costs its window and loses nothing."""

from conversations.sendqueue import WINDOW_BYTES
from tests.conftest import OpenTab
from tests.tab import text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Event, Gate, Step

PIECE = 60_000


async def test_without_acks_the_window_is_all_and_an_ack_brings_the_rest(
    upstream: Upstream, tabs: OpenTab
) -> None:
    pieces = [f"{number:03}" + "x" * PIECE for number in range(40)]
    # Each delta waits for a gate: joined ones would be one frame of any size.
    events = text_answer("".join(pieces), deltas=pieces)
    first = next(n for n, event in enumerate(events) if "delta" in event)
    steps: list[Step | Event] = [*events[:first]]
    for number in range(40):
        steps += [Gate(f"piece {number}"), events[first + number]]
    upstream.queue([*steps, *events[first + 40 :]])
    tab, quick = await tabs(), await tabs()
    tab.acks = False
    created = await tab.ask("Much")
    id, conversation = created["generation"], created["conversation"]["id"]
    await quick.open(conversation, {id: 0})
    for number in range(40):
        upstream.open(f"piece {number}")
        await quick.until(id, "response.output_text.delta", number + 1)
    await quick.finished(id)
    await tab.send("ping", id="after")
    await tab.expect("pong", id="after")
    sent = sum(len(str(event)) for event in tab.events[id])
    assert WINDOW_BYTES - PIECE < sent < WINDOW_BYTES + 2 * PIECE
    while tab.events[id][-1]["type"] != "generation.finished":
        seen = len(tab.events[id])
        await tab.send("ack", generation=id, seq=tab.events[id][-1]["seq"])
        await tab.more(id, than=seen)
    assert tab.events[id] == quick.events[id]
    assert text_in(tab.events[id]) == "".join(pieces)
