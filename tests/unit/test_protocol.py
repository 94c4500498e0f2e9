"""The command parser never breaks, whatever it is fed."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations import protocol
from conversations.protocol import Refused

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
uuids = st.uuids().map(str)
values = st.recursive(
    scalars | uuids,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
names = st.sampled_from(
    ["id", "conversation", "text", "model", "follows", "turn", "generation", "seq", "cursors"]
)
kinds = st.sampled_from(sorted(protocol.COMMANDS)) | values


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_frame_is_an_object_or_refused(frame: bytes | str) -> None:
    try:
        fields = protocol.parse_frame(frame)
    except Refused as refused:
        assert refused.code == "bad_request"
        json.loads(protocol.encode_error(None, refused))
    else:
        assert isinstance(fields, dict)


@given(kinds, st.dictionaries(names, values))
def test_any_object_is_a_command_or_refused_in_words(kind: Any, fields: dict[str, Any]) -> None:
    fields = {"type": kind, **fields}
    try:
        protocol.parse_command(fields)
    except Refused as refused:
        assert refused.code in ("bad_request", "too_large")
        assert refused.message
        error = json.loads(protocol.encode_error(fields, refused))
        assert error["ref"] is None or error["ref"] == fields["id"]


def test_follows_has_three_meanings() -> None:
    base = {"type": "turn.create", "id": str(uuid.uuid4()), "conversation": None, "text": "x"}
    left_out = protocol.parse_command(base)
    start = protocol.parse_command(base | {"follows": None})
    assert isinstance(left_out, protocol.CreateTurn)
    assert isinstance(start, protocol.CreateTurn)
    assert left_out.follows is not None
    assert start.follows is None


def test_a_frame_is_cut_at_a_cursor() -> None:
    generation = uuid.uuid4()
    body = protocol.encode_events(generation, [{"type": "a", "seq": n} for n in (4, 5, 6)])
    cut = json.loads(protocol.events_after(body, 5))
    assert cut == {
        "type": "events",
        "generation": str(generation),
        "events": [{"type": "a", "seq": 6}],
    }


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_an_empty_text_is_refused_with_the_limit_named(text: str) -> None:
    fields = {"type": "turn.create", "id": str(uuid.uuid4()), "conversation": None, "text": text}
    with pytest.raises(Refused, match="100,000"):
        protocol.parse_command(fields)
