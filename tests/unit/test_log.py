"""Joining, numbering and folding of one generation's events."""

import json
import random
import uuid
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conversations.fold import fold
from conversations.log import GenerationLog
from conversations.upstream.parsing import parse_event
from tests.folding import assert_snapshots_meet
from tests.upstream.answers import bare_answer, every_event_type, reasoning_answer, text_answer

Fields = dict[str, Any]


def fresh() -> Fields:
    names = ("usage", "error", "notice")
    return dict.fromkeys(names) | {
        "id": str(uuid.uuid4()),
        "status": "queued",
        "model": "m",
        "items": [],
        "text": "",
        "cost": "0",
        "estimated": False,
        "cursor": 0,
    }


async def logged(events: list[Fields], take_at: set[int]) -> tuple[list[Fields], Fields, Fields]:
    """What readers get when the recorder takes a frame before the events at these places."""
    start = fresh()
    log = GenerationLog(json.loads(json.dumps(start)), uuid.uuid4(), 1, lambda _: None)
    frames = []
    for place, event in enumerate(events):
        if place in take_at:
            frames.append(log.take())
        log.push(parse_event(json.dumps(event).encode()))
    frames.append(log.take())
    sent = [event for frame in frames if frame for event in json.loads(frame.body)["events"]]
    for frame in frames:
        if frame:
            seqs = [event["seq"] for event in json.loads(frame.body)["events"]]
            assert (frame.first_seq, frame.last_seq) == (seqs[0], seqs[-1])
    return sent, start, log.state


def deltas(events: list[Fields]) -> str:
    return "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")


STREAMS = [text_answer("One two three 😀 four."), bare_answer(), reasoning_answer()]


@given(st.sampled_from(STREAMS), st.sets(st.integers(0, 60)))
async def test_joining_never_changes_the_text_or_the_snapshot(
    stream: list[Fields], take_at: set[int]
) -> None:
    sent, start, state = await logged(stream, take_at)
    assert deltas(sent) == deltas(stream)
    whole, _, _ = await logged(stream, set())
    final = fold(json.loads(json.dumps(start)), sent)
    assert final["items"] == fold(json.loads(json.dumps(start)), whole)["items"]
    assert state["items"] == final["items"]


async def test_every_type_folds_the_same_from_every_snapshot() -> None:
    stream = every_event_type()
    for seed in range(10):
        cuts = set(random.Random(seed).sample(range(len(stream)), 15))
        sent, start, _ = await logged(stream, cuts)
        assert_snapshots_meet(start, sent, fold(json.loads(json.dumps(start)), sent))


async def test_neighbouring_deltas_of_one_part_are_joined_and_no_others() -> None:
    def delta(item: str, index: int, text: str) -> Fields:
        kind = "response.output_text.delta"
        return {"type": kind, "item_id": item, "content_index": index, "delta": text}

    stream = [delta("a", 0, "1"), delta("a", 0, "2"), delta("a", 1, "3"), delta("b", 1, "4")]
    stream += [delta("b", 1, "5"), {"type": "response.new", "x": 1}, delta("b", 1, "6")]
    sent, _, _ = await logged(stream, set())
    assert [event.get("delta") for event in sent] == ["12", "3", "45", None, "6"]


async def test_a_response_that_is_created_twice_doubles_nothing() -> None:
    sent, start, _ = await logged(bare_answer("Once.", begun=2), set())
    assert fold(start, sent)["text"] == "Once."
