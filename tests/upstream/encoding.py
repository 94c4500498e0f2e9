"""From event dicts to bytes: SSE framing, splits, and what is filled in from the request."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence

import msgspec

from tests.upstream.script import Event, Split

# Events that carry these get the request's own values when they are sent.
ANY_MODEL = "model-of-the-request"
ANY_ID = "resp_of_the_request"

_encode = msgspec.json.Encoder().encode


def fill(event: Event, model: str, response_id: str) -> Event:
    """The event with the request's model and response id in place of the ANY_ words."""
    response = event.get("response")
    if not isinstance(response, dict):
        return event
    changes: dict[str, str] = {}
    if response.get("model") == ANY_MODEL:
        changes["model"] = model
    if response.get("id") == ANY_ID:
        changes["id"] = response_id
    return {**event, "response": {**response, **changes}} if changes else event


def encode(event: Event, named: bool = True, newline: str = "\n") -> bytes:
    """One event as SSE: `event:` and `data:` line and the empty line that ends it."""
    end = newline.encode()
    name = b"event: " + str(event.get("type", "message")).encode() + end if named else b""
    return name + b"data: " + _encode(event) + end + end


def encode_stream(events: Sequence[Event], named: bool = True, newline: str = "\n") -> bytes:
    """A whole stream as SSE bytes, for decoders that are tested without a connection."""
    return b"".join(encode(event, named, newline) for event in events)


def split_bytes(data: bytes, split: Split) -> list[bytes]:
    """The parts of `data` in order; joined they are `data` again."""
    points = sorted({0, *_points(data, split), len(data)})
    return [data[a:b] for a, b in itertools.pairwise(points)]


def _points(data: bytes, split: Split) -> Iterator[int]:
    """Offsets at which a part begins."""
    if split.inside == "utf8":
        yield from (i for i, byte in enumerate(data) if byte & 0xC0 == 0x80)
    elif split.inside == "crlf":
        yield from (i for i in range(1, len(data)) if data[i - 1 : i + 1] == b"\r\n")
    if split.seed is not None:
        chance = random.Random(split.seed)
        at = chance.randint(1, split.most)
        while at < len(data):
            yield at
            at += chance.randint(1, split.most)
    if split.sizes:
        at = 0
        for size in itertools.chain(split.sizes, itertools.repeat(split.sizes[-1])):
            at += size
            if at >= len(data):
                return
            yield at
