"""Upstream's semantic events: a closed set of frozen kinds, and the table of all types.

`EVENT_TABLE` names every event type of the Responses API and says what it means to us. A
test holds it against the SDK's `ResponseStreamEvent` union. A type that is not in the table
is `Unknown`: passed on, counted, never fatal. Real servers leave optional fields out, so
nothing but `type` is required of any event.
"""

from enum import Enum, auto
from typing import Any, Final, NamedTuple

import msgspec

Fields = dict[str, Any]


class Kind(Enum):
    """What an event type means to the pipeline."""

    LIFECYCLE = auto()  # carries a response object
    ITEM = auto()  # carries a whole output item
    PART = auto()  # carries a whole content part
    DELTA = auto()  # adds text to a place
    DONE = auto()  # repeats the whole text of a place
    PROGRESS = auto()  # a tool call reached a state
    ANNOTATION = auto()  # a citation of a text part
    MEDIA = auto()  # audio or a partial image: binary, or its transcript
    FAILURE = auto()  # the stream says that it failed
    KEEPALIVE = auto()  # a sign of life, nothing else


class Place(NamedTuple):
    """Where in an output item of type `item` a text lives.

    `parts` is the item's list of parts and `at` the event's field that says which one;
    both are empty when the text is a field of the item itself.
    """

    item: str
    field: str
    parts: str = ""
    at: str = ""
    part_type: str = ""


class Row(NamedTuple):
    kind: Kind
    place: Place | None = None
    state: str = ""


_TEXT = Place("message", "text", "content", "content_index", "output_text")
_REFUSAL = Place("message", "refusal", "content", "content_index", "refusal")
_REASONING = Place("reasoning", "text", "content", "content_index", "reasoning_text")
_SUMMARY = Place("reasoning", "text", "summary", "summary_index", "summary_text")
_COMMAND = Place("shell_call", "command", "commands", "command_index", "command")
_SHELL_OUTPUT = Place("shell_call_output", "output", "output", "command_index", "output")


def _texts(name: str, place: Place) -> dict[str, Row]:
    return {f"{name}.delta": Row(Kind.DELTA, place), f"{name}.done": Row(Kind.DONE, place)}


def _states(name: str, *states: str) -> dict[str, Row]:
    return {f"{name}.{state}": Row(Kind.PROGRESS, state=state) for state in states}


def _response(*states: str) -> dict[str, Row]:
    return {f"response.{state}": Row(Kind.LIFECYCLE, state=state) for state in states}


EVENT_TABLE: Final[dict[str, Row]] = {
    **_response("created", "queued", "in_progress", "completed", "incomplete", "failed"),
    "response.output_item.added": Row(Kind.ITEM),
    "response.output_item.done": Row(Kind.ITEM),
    "response.content_part.added": Row(Kind.PART, _TEXT),
    "response.content_part.done": Row(Kind.PART, _TEXT),
    "response.reasoning_summary_part.added": Row(Kind.PART, _SUMMARY),
    "response.reasoning_summary_part.done": Row(Kind.PART, _SUMMARY),
    **_texts("response.output_text", _TEXT),
    **_texts("response.refusal", _REFUSAL),
    **_texts("response.reasoning_text", _REASONING),
    **_texts("response.reasoning_summary_text", _SUMMARY),
    **_texts("response.function_call_arguments", Place("function_call", "arguments")),
    **_texts("response.mcp_call_arguments", Place("mcp_call", "arguments")),
    **_texts("response.custom_tool_call_input", Place("custom_tool_call", "input")),
    **_texts("response.code_interpreter_call_code", Place("code_interpreter_call", "code")),
    "response.shell_call_command.added": Row(Kind.DONE, _COMMAND),
    **_texts("response.shell_call_command", _COMMAND),
    # Its delta and output are objects (stdout, stderr), not text.
    **_texts("response.shell_call_output_content", _SHELL_OUTPUT),
    "response.output_text.annotation.added": Row(Kind.ANNOTATION, _TEXT),
    **_states("response.web_search_call", "in_progress", "searching", "completed"),
    **_states("response.file_search_call", "in_progress", "searching", "completed"),
    **_states("response.code_interpreter_call", "in_progress", "interpreting", "completed"),
    **_states("response.image_generation_call", "in_progress", "generating", "completed"),
    **_states("response.mcp_call", "in_progress", "completed", "failed"),
    **_states("response.mcp_list_tools", "in_progress", "completed", "failed"),
    **_states("response.compaction", "compacting"),
    "response.image_generation_call.partial_image": Row(Kind.MEDIA),
    "response.audio.delta": Row(Kind.MEDIA),
    "response.audio.done": Row(Kind.MEDIA),
    "response.audio.transcript.delta": Row(Kind.MEDIA),
    "response.audio.transcript.done": Row(Kind.MEDIA),
    "error": Row(Kind.FAILURE),
    "keepalive": Row(Kind.KEEPALIVE),
}


def is_ours(kind: str) -> bool:
    """Whether a type is one that only this site writes into a log."""
    return kind.startswith(("generation.", "moderation.", "text."))


class Event(msgspec.Struct, frozen=True):
    """Any event: its type and the fields the browser gets (upstream's own, less padding).

    `number` is upstream's own `sequence_number`, by which a response is resumed.
    """

    type: str
    fields: Fields
    number: int | None


class Lifecycle(Event, frozen=True):
    """`response.created` … `response.completed`; `response` is the whole object as it came."""

    response: Fields

    @property
    def state(self) -> str:
        """created, queued, in_progress, completed, incomplete or failed."""
        return EVENT_TABLE[self.type].state

    @property
    def terminal(self) -> bool:
        return self.state in ("completed", "incomplete", "failed")


class Delta(Event, frozen=True):
    """Text that goes on where the last delta of the same `key` ended."""

    delta: str

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for deltas that may be joined."""
        f = self.fields
        place = EVENT_TABLE[self.type].place
        index = f.get(place.at) if place else None
        return (self.type, f.get("item_id"), f.get("output_index"), index)


class Failure(Event, frozen=True):
    """The `error` event, flat, however it came."""


class Keepalive(Event, frozen=True):
    """A sign of life that is not passed on; so is an event that bears a name of ours."""


class Other(Event, frozen=True):
    """An event whose text, item or state only the browser and the fold look into."""


class Unknown(Event, frozen=True):
    """An event type that the table does not hold."""


UpstreamEvent = Lifecycle | Delta | Failure | Keepalive | Other | Unknown
