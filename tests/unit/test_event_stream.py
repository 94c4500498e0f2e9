"""Bytes → events: whole, by byte, at random splits."""

import itertools
import json
import random
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent

from conversations.upstream.events import (
    EVENT_TABLE,
    Delta,
    Failure,
    Keepalive,
    Lifecycle,
    Unknown,
)
from conversations.upstream.order import Order, OutOfOrder
from conversations.upstream.parsing import UNKNOWN_TYPES, InvalidEvent, parse_event
from conversations.upstream.sse import MAX_EVENT_BYTES, EventStreamDecoder, StreamTooLong
from tests.upstream.answers import every_event_type
from tests.upstream.encoding import encode_stream


def decode(chunks: list[bytes]) -> list[bytes]:
    decoder = EventStreamDecoder()
    return [data for chunk in chunks for data in decoder.push(chunk)] + decoder.flush()


def splits(data: bytes, seed: int) -> list[bytes]:
    cuts = random.Random(seed)
    parts = []
    while data:
        size = cuts.randint(1, 40)
        parts.append(data[:size])
        data = data[size:]
    return parts


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_stream_decodes_the_same_at_every_split(newline: str) -> None:
    data = encode_stream(every_event_type(), newline=newline)
    whole = decode([data])
    assert [json.loads(event)["type"] for event in whole] == [
        event["type"] for event in every_event_type()
    ]
    assert decode([bytes([byte]) for byte in data]) == whole
    for seed in range(30):
        assert decode(splits(data, seed)) == whole, f"seed {seed}"


STREAM_TEXT = st.text(alphabet="data: x\r\n{}é\ufeff", max_size=60).map(str.encode)


@given(STREAM_TEXT, st.lists(st.integers(0, 120), max_size=8))
def test_no_split_ever_changes_what_is_decoded(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    parts = [data[a:b] for a, b in itertools.pairwise(places)]
    assert decode(parts) == decode([data])


def test_lines_mean_what_the_format_says() -> None:
    assert decode([b"\xef\xbb\xbfdata: 1\n\n"]) == [b"1"]
    assert decode([b": comment\n\ndata:2\n\n"]) == [b"2"]
    assert decode([b"data: a\ndata: b\n\n"]) == [b"a\nb"]
    assert decode([b"event: x\nid: 7\nretry: 9\n\n"]) == []
    assert decode([b"data: cut off"]) == [b"cut off"]
    assert decode([b"event: ping\ndata:\n\ndata: 3\n\n"]) == [b"3"]


def test_an_endless_line_is_refused() -> None:
    decoder = EventStreamDecoder()
    with pytest.raises(StreamTooLong):
        for _ in range(MAX_EVENT_BYTES // 2**20 + 2):
            decoder.push(b"x" * 2**20)


def test_the_table_holds_every_type_of_the_sdk() -> None:
    union = typing.get_args(typing.get_args(ResponseStreamEvent)[0])
    types = {typing.get_args(kind.model_fields["type"].annotation)[0] for kind in union}
    assert types - EVENT_TABLE.keys() == set(), "decide what these mean, in events.py"
    assert EVENT_TABLE.keys() - types == {"keepalive"}


def test_an_unknown_type_passes_and_is_counted() -> None:
    before = UNKNOWN_TYPES["response.new_thing.delta"]
    event = parse_event(b'{"type":"response.new_thing.delta","delta":"x","sequence_number":3}')
    assert event == Unknown("response.new_thing.delta", {"type": event.type, "delta": "x"}, 3)
    assert UNKNOWN_TYPES["response.new_thing.delta"] == before + 1


@pytest.mark.parametrize(
    "kind", ["generation.finished", "generation.new", "moderation.checked", "text.retracted"]
)
def test_nobody_upstream_can_speak_in_our_name(kind: str) -> None:
    event = parse_event(json.dumps({"type": kind, "status": "blocked", "chars": 9}).encode())
    assert isinstance(event, Keepalive)


def test_a_number_that_no_database_can_keep_is_none() -> None:
    for number in (-1, 2**63):
        event = parse_event(b'{"type":"response.in_progress","sequence_number":%d}' % number)
        assert event.number is None


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "response.output_item.done", "item": 5},
        {"type": "response.output_item.done", "item": {"content": "abc"}},
        {"type": "response.output_item.done", "item": {"content": ["abc"]}},
        {"type": "response.output_item.done", "item": {"content": [{"text": 5}]}},
        {"type": "response.content_part.done", "part": "abc"},
        {"type": "response.output_text.done", "text": 5},
    ],
)
def test_what_no_snapshot_can_be_made_of_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        parse_event(json.dumps(fields).encode())


def test_a_piece_whose_place_is_none_is_out_of_order() -> None:
    event = parse_event(b'{"type":"response.output_text.delta","item_id":["m"],"delta":"x"}')
    with pytest.raises(OutOfOrder):
        Order().take(event)


def test_padding_is_left_out_and_responses_are_trimmed() -> None:
    event = parse_event(
        b'{"type":"response.output_text.delta","item_id":"m","delta":"x",'
        b'"obfuscation":"abc","logprobs":[],"sequence_number":4}'
    )
    assert event.fields == {"type": event.type, "item_id": "m", "delta": "x"}
    event = parse_event(
        b'{"type":"response.completed","response":{"id":"r","status":"completed","model":"m",'
        b'"usage":null,"error":null,"incomplete_details":null,"output":[1],"instructions":"s"},"more":"text"}'
    )
    assert isinstance(event, Lifecycle)
    names = {"id", "status", "model", "usage", "error", "incomplete_details"}
    assert event.fields["response"].keys() == names
    assert event.fields.keys() == {"type", "response"}
    assert event.response["output"] == [1]


def test_errors_are_flat_however_they_come() -> None:
    flat = b'{"type":"error","code":"server_error","message":"m","param":null}'
    nested = b'{"type":"error","error":{"code":"server_error","message":"m"}}'
    bare = b'{"error":{"code":"server_error","message":"m"}}'
    wanted = {"type": "error", "code": "server_error", "message": "m", "param": None}
    for data in (flat, nested, bare):
        event = parse_event(data)
        assert isinstance(event, Failure)
        assert event.fields == wanted


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b'{"no":"type"}', b"[" * 100_000])
def test_what_is_no_event_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidEvent):
        parse_event(data)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb"a\u0000b", "a\ufffdb"),
        (rb"a\\u0000b", r"a\u0000b"),
        (rb"\ud83d", "\ufffd"),
        (rb"\ud83d\ude00", "\U0001f600"),
        (b"\xf0\x9f", "\ufffd"),
    ],
)
def test_text_that_nothing_can_store_is_mended(raw: bytes, text: str) -> None:
    event = parse_event(b'{"type":"response.output_text.delta","delta":"' + raw + b'"}')
    assert isinstance(event, Delta)
    assert event.delta == text
    event.delta.encode()
