"""The browser wire, both ways: commands parsed or refused, messages encoded.

What each command and message means stands in the protocol page of the README's links; this
module only knows their shapes.
"""

import uuid
from typing import Any

import msgspec

MAX_TEXT = 100_000
"""Characters of a turn's text."""
MAX_FRAME = 256 * 1024
"""Bytes of a frame from the browser."""
MAX_CURSORS = 10_000
"""Cursors in one `conversation.open`."""


class Refused(Exception):
    """A command that can't be done; becomes an `error` message, and the socket stays open."""

    def __init__(self, code: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.extra = extra


class Unparsable(Refused):
    """A frame that is not even a JSON object."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_request", message)


class Command(msgspec.Struct, tag_field="type", frozen=True):
    """A frame from the browser."""


class OpenConversation(Command, tag="conversation.open", frozen=True):
    conversation: uuid.UUID
    cursors: dict[uuid.UUID, int] = {}


class CloseConversation(Command, tag="conversation.close", frozen=True):
    conversation: uuid.UUID


class CreateTurn(Command, tag="turn.create", frozen=True):
    id: uuid.UUID
    conversation: uuid.UUID | None
    text: str
    model: str | None = None
    follows: uuid.UUID | msgspec.UnsetType | None = msgspec.UNSET
    attachments: list[Any] = []


class CreateGeneration(Command, tag="generation.create", frozen=True):
    id: uuid.UUID
    turn: uuid.UUID
    model: str | None = None


class StopGeneration(Command, tag="generation.stop", frozen=True):
    generation: uuid.UUID


class Ack(Command, tag="ack", frozen=True):
    generation: uuid.UUID
    seq: int


class Ping(Command, tag="ping", frozen=True):
    id: Any = None


AnyCommand = (
    OpenConversation
    | CloseConversation
    | CreateTurn
    | CreateGeneration
    | StopGeneration
    | Ack
    | Ping
)
COMMANDS: dict[str, type[AnyCommand]] = {
    kind.__struct_config__.tag: kind  # type: ignore[misc]  # every tag above is a string
    for kind in (
        OpenConversation,
        CloseConversation,
        CreateTurn,
        CreateGeneration,
        StopGeneration,
        Ack,
        Ping,
    )
}


def parse_frame(frame: str | bytes) -> dict[str, Any]:
    """The JSON object in a frame.

    Raises:
        Unparsable: it is not valid UTF-8, not JSON, or no object.
    """
    try:
        value = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unparsable("The frame is not valid JSON in UTF-8.") from error
    if not isinstance(value, dict):
        raise Unparsable("The frame is not a JSON object.")
    return value


def parse_command(fields: dict[str, Any]) -> AnyCommand:
    """The command in a JSON object.

    Raises:
        Refused: `bad_request`, naming what is missing, mistyped or unknown; `too_large`.
    """
    kind = fields.get("type")
    if not isinstance(kind, str) or kind not in COMMANDS:
        known = ", ".join(sorted(COMMANDS))
        raise Refused("bad_request", f"`type` is not one of the commands: {known}.")
    try:
        command = msgspec.convert(fields, COMMANDS[kind])
    except (msgspec.ValidationError, OverflowError) as error:
        raise Refused("bad_request", f"{kind}: {error}.") from error
    _check(command)
    return command


def _check(command: AnyCommand) -> None:
    match command:
        case CreateTurn():
            _check_text(command.text)
            if command.attachments:
                raise Refused("bad_request", "`attachments` are not offered by this site.")
        case Ack(seq=seq) if seq < 0:
            raise Refused("bad_request", "ack: `seq` is negative.")
        case OpenConversation(cursors=cursors):
            if len(cursors) > MAX_CURSORS:
                raise Refused("too_large", f"More than {MAX_CURSORS:,} cursors.")
            if any(seq < 0 for seq in cursors.values()):
                raise Refused("bad_request", "conversation.open: a cursor is negative.")


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise Refused(
            "too_large", f"The text has {len(text):,} characters; the limit is {MAX_TEXT:,}."
        )
    if not text.strip():
        raise Refused(
            "bad_request", f"The text is empty; between 1 and {MAX_TEXT:,} characters are needed."
        )
    if "\0" in text:
        raise Refused("bad_request", "The text holds a NUL character, which can't be stored.")


def command_id(fields: dict[str, Any]) -> str | None:
    """The `id` of a command, for the `ref` of its answer; None when it has no usable one."""
    value = fields.get("id")
    return value if isinstance(value, str) and len(value) <= 100 else None


def encode(kind: str, **fields: Any) -> str:
    """A message to the browser as JSON text."""
    return msgspec.json.encode({"type": kind, **fields}).decode()


def encode_error(fields: dict[str, Any] | None, refused: Refused) -> str:
    """The `error` message for a command (None: for a frame that is none)."""
    kind = fields.get("type") if fields else None
    return encode(
        "error",
        ref=command_id(fields) if fields else None,
        command=kind if isinstance(kind, str) and len(kind) <= 100 else None,
        code=refused.code,
        message=refused.message,
        **refused.extra,
    )


def encode_events(generation: uuid.UUID, events: list[dict[str, Any]]) -> str:
    """An `events` message; each event carries its `seq`."""
    return encode("events", generation=generation, events=events)


def events_after(body: str, seq: int) -> str:
    """A stored frame less the events up to `seq`."""
    frame = msgspec.json.decode(body)
    frame["events"] = [event for event in frame["events"] if event["seq"] > seq]
    return msgspec.json.encode(frame).decode()
