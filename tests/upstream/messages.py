"""What a test and an upstream tell each other: rules, records, commands, replies.

In one process they are handed over as objects; to another process they travel as JSON.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from tests.upstream.script import Step

RESPONSES = "/v1/responses"


class Rule(msgspec.Struct):
    """Which requests a script answers. The newest fitting rule with a condition wins, then the
    oldest rule without one, then the upstream's own answer."""

    script: list[Step]
    path: str = RESPONSES
    method: str = "POST"
    text: str = ""  # regular expression, searched in the last user text
    model: str = ""  # the exact model asked for
    times: int | None = 1  # how many requests it answers; None = every one


class Moderation(msgspec.Struct):
    """How /v1/moderations answers: `flags` maps a phrase to the categories it is flagged for."""

    flags: dict[str, list[str]] = {}
    delay: float = 0.0
    gate: str = ""  # each check waits for this gate


class RecordData(msgspec.Struct):
    """One request and what became of it. Times are `time.monotonic()` seconds of this machine."""

    number: int  # counts up from 1 since the last reset
    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: Any  # parsed JSON, or the text where it is none, or None
    text: str  # the last user text
    response_id: str
    status: int = 0  # HTTP status sent, 0 = none yet
    events_sent: int = 0
    bytes_sent: int = 0
    sent_times: list[float] = []  # when each event was written
    # "complete", "cut", "reset", "client" (it hung up), "dropped" (by the test),
    # "error: …" (the script could not be played); empty while the stream is open
    ended: str = ""
    ended_at: float = 0.0


class AddRule(msgspec.Struct, tag=True):
    rule: Rule


class OpenGate(msgspec.Struct, tag=True):
    name: str


class ResetAll(msgspec.Struct, tag=True):
    """Forget rules, gates and records; drop what is still open."""


class SetModels(msgspec.Struct, tag=True):
    models: list[str]


class SetModeration(msgspec.Struct, tag=True):
    moderation: Moderation


class Look(msgspec.Struct, tag=True):
    """All records, or one."""

    number: int | None = None


class Wait(msgspec.Struct, tag=True):
    """Wait for: "requests" (`count` of them on `path`), "sent" (`count` events of record
    `number`), "ended" (record `number`), "gate" (`count` streams wait at gate `name`),
    "idle" (no stream is open)."""

    what: str
    timeout: float
    number: int = 0
    count: int = 1
    name: str = ""
    path: str = ""


Command: TypeAlias = AddRule | OpenGate | ResetAll | SetModels | SetModeration | Look | Wait


class Answer(msgspec.Struct):
    """The upstream's answer to a command. `done` is false when a wait ran out of time."""

    done: bool = True
    records: list[RecordData] = []
    open: int = 0  # streams open now
    most_open: int = 0  # most streams open at once since the last reset
    rules_left: int = 0  # rules with a number of times that were not used up
