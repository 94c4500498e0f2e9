"""The vocabulary of scripts: what the upstream does with one request, step by step.

A script is a list of steps. Where a script is expected, plain event dicts may stand for a
`Play` step, so `[*text_answer("Hi")[:4], Gate("go"), *text_answer("Hi")[4:]]` is a script.
Steps are msgspec structs, so that the same script can be sent to an upstream in another process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

Event: TypeAlias = dict[str, Any]

SSE_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"}
JSON_HEADERS = {"content-type": "application/json"}


class _Step(msgspec.Struct, frozen=True, tag_field="do", tag=True, forbid_unknown_fields=True):
    """Base of all steps."""


class Split(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to split bytes into separate writes. The parts joined are always the whole.

    Each part is one HTTP chunk and one write to the socket. The kernel or the client may still
    join neighbours that arrive together; `pause` seconds between writes keep them apart.
    """

    sizes: list[int] = []  # first parts have these sizes; the last size repeats
    seed: int | None = None  # parts of 1 to `most` bytes, the same for the same seed
    most: int = 16
    inside: str = ""  # "utf8": inside every multi-byte character; "crlf": between \r and \n
    pause: float = 0.0

    def __post_init__(self) -> None:
        if self.inside not in ("", "utf8", "crlf"):
            raise ValueError(f"Split.inside is 'utf8' or 'crlf', not {self.inside!r}")
        if min([self.most, *self.sizes]) < 1:
            raise ValueError("Split.sizes and Split.most are at least 1")


class Head(_Step, frozen=True):
    """Send status line and headers now. Without it the first body step sends a 200 event stream."""

    status: int = 200
    headers: dict[str, str] = msgspec.field(default_factory=SSE_HEADERS.copy)


class Play(_Step, frozen=True):
    """Send events as SSE: `rate` events a second, 0 = at once. `named` writes `event:` lines."""

    events: list[Event]
    rate: float = 0.0
    named: bool = True
    newline: str = "\n"
    split: Split | None = None


class Raw(_Step, frozen=True):
    """Send bytes as part of the body, as they are."""

    data: bytes
    split: Split | None = None


class Repeat(_Step, frozen=True):
    """Send the same bytes again and again, `rate` times a second, `times` times (0 = for ever)."""

    data: bytes
    rate: float
    times: int = 0


class Wire(_Step, frozen=True):
    """Send bytes past all HTTP framing, in place of the head too: slow or broken headers."""

    data: bytes
    split: Split | None = None


class Pause(_Step, frozen=True):
    """Send nothing for some seconds. Before the first body step: slow headers."""

    seconds: float


class Gate(_Step, frozen=True):
    """Wait until the test opens the gate of this name; an opened gate stays open."""

    name: str


class Silence(_Step, frozen=True):
    """Send nothing more and keep the connection open, until the client hangs up."""


class Cut(_Step, frozen=True):
    """Close the connection (FIN) without ending the HTTP body. First step: accept, then close."""


class Reset(_Step, frozen=True):
    """Reset the connection (RST) after what was sent so far has left."""


class Reply(_Step, frozen=True):
    """Send one whole answer that is not a stream."""

    status: int = 200
    headers: dict[str, str] = msgspec.field(default_factory=JSON_HEADERS.copy)
    body: bytes = b""


Step: TypeAlias = Head | Play | Raw | Repeat | Wire | Pause | Gate | Silence | Cut | Reset | Reply
Script: TypeAlias = Sequence[Step | Event] | Step | Event


def as_steps(script: Script) -> list[Step]:
    """A script in any of its forms as a list of steps; neighbouring event dicts become one Play."""
    if isinstance(script, Mapping | _Step):
        script = [script]
    steps: list[Step] = []
    events: list[Event] = []
    for part in script:
        if isinstance(part, Mapping):
            events.append(dict(part))
            continue
        if events:
            steps.append(Play(events))
            events = []
        steps.append(part)
    if events:
        steps.append(Play(events))
    return steps


def event(type: str, **fields: Any) -> Event:
    """One event of any type."""
    return {"type": type, **fields}


def raw(text: str | bytes, split: Split | None = None) -> Raw:
    """Bytes of the body as they are: broken JSON, half a line, a stray field."""
    return Raw(text.encode() if isinstance(text, str) else text, split)


def comment(text: str = "") -> Raw:
    """An SSE comment line, which clients must ignore."""
    return raw(f": {text}\n\n")


def done() -> Raw:
    """The `[DONE]` line that some servers send at the end."""
    return raw("data: [DONE]\n\n")


def keepalives(rate: float, times: int = 0) -> Repeat:
    """OpenAI's undocumented `keepalive` event, again and again."""
    data = b'event: keepalive\ndata: {"type":"keepalive","sequence_number":3}\n\n'
    return Repeat(data, rate, times)


def endless_line(rate: float = 2000.0, size: int = 16_384) -> list[Step]:
    """A data line that never ends: `size` bytes at a time, never a newline."""
    return [raw('data: {"type":"response.output_text.delta","delta":"'), Repeat(b"x" * size, rate)]


def reply_json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A whole JSON answer."""
    return Reply(status, {**JSON_HEADERS, **(headers or {})}, msgspec.json.encode(body))


def reply_error(
    status: int,
    code: str | None = None,
    message: str = "Scripted error.",
    type: str = "invalid_request_error",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """An HTTP error with the body the OpenAI API sends."""
    error = {"message": message, "type": type, "param": None, "code": code}
    return reply_json({"error": error}, status, headers)


def reply_html(status: int = 502, body: str = "<html><h1>Bad gateway</h1></html>") -> Reply:
    """The page a proxy in front of the API sends."""
    return Reply(status, {"content-type": "text/html"}, body.encode())


def redirect(location: str, status: int = 307) -> Reply:
    """A redirect to another address."""
    return Reply(status, {"location": location})


def slow_headers(seconds_per_byte: float, body: Iterable[Step] = ()) -> list[Step]:
    """Headers that drip in byte by byte, then the body (Wire steps) and the end."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return [Wire(head, Split(sizes=[1], pause=seconds_per_byte)), *body, Cut()]
