"""The data of a server-sent event → an `UpstreamEvent`: trimmed, cleaned, never trusted."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from chatsite.redaction import redact
from conversations.upstream.events import (
    EVENT_TABLE,
    Delta,
    Failure,
    Fields,
    Keepalive,
    Kind,
    Lifecycle,
    Other,
    Unknown,
    UpstreamEvent,
    is_ours,
)

PADDING: Final = ("obfuscation", "logprobs")
RESPONSE_FIELDS: Final = ("id", "status", "model", "usage", "error", "incomplete_details")

LARGEST_NUMBER: Final = 2**63 - 1

UNKNOWN_TYPES: Counter[str] = Counter()
"""How often a type came that the table does not hold."""


class InvalidEvent(ValueError):
    """The data of an event that is not a JSON object with a type."""


def parse_event(data: bytes) -> UpstreamEvent:
    """The event in the data of one server-sent event.

    Raises:
        InvalidEvent: the data is not a JSON object, or has no type.
    """
    return typed(_decode(data))


def typed(fields: Fields) -> UpstreamEvent:
    """The event that decoded fields stand for; they become the event's own.

    Raises:
        InvalidEvent: there is no type, or an item or part that nothing can be made of.
    """
    kind = fields.get("type")
    number = fields.pop("sequence_number", None)
    if not isinstance(number, int) or not 0 <= number <= LARGEST_NUMBER:
        number = None  # nothing that a database can keep
    if not isinstance(kind, str):
        if "error" in fields:
            return _failure(fields, number)
        raise InvalidEvent(f"an event without a type: {str(fields)[:200]}")
    row = EVENT_TABLE.get(kind)
    for name in PADDING:
        fields.pop(name, None)
    if row is None:
        UNKNOWN_TYPES[kind] += 1
        if is_ours(kind):  # upstream can't end a generation in our name
            return Keepalive(kind, fields, number)
        return Unknown(kind, fields, number)
    if row.kind is Kind.DELTA and isinstance(fields.get("delta"), str):
        return Delta(kind, fields, number, fields["delta"])
    if row.kind is Kind.LIFECYCLE:
        return _lifecycle(kind, fields, number)
    if row.kind is Kind.FAILURE:
        return _failure(fields, number)
    if row.kind is Kind.KEEPALIVE:
        return Keepalive(kind, fields, number)
    _check_shape(fields)
    return Other(kind, _without_logprobs(fields), number)


def done_items(output: object) -> Iterator[UpstreamEvent]:
    """A finished response's items as the events that would have told of them."""
    for index, item in enumerate(output if isinstance(output, list) else []):
        if isinstance(item, dict):
            yield typed({"type": "response.output_item.done", "output_index": index, "item": item})


def _lifecycle(kind: str, fields: Fields, number: int | None) -> Lifecycle:
    response = fields.get("response")
    response = response if isinstance(response, dict) else {}
    trimmed = {name: response[name] for name in RESPONSE_FIELDS if name in response}
    if isinstance(error := trimmed.get("error"), dict):
        trimmed["error"] = _redacted(error)
    return Lifecycle(kind, {"type": kind, "response": trimmed}, number, response)


def _failure(fields: Fields, number: int | None) -> Failure:
    nested = fields.get("error")
    source = nested if isinstance(nested, dict) else fields
    flat = {name: source.get(name) for name in ("code", "message", "param")}
    if flat["message"] is None and isinstance(nested, str):
        flat["message"] = nested
    return Failure("error", {"type": "error", **_redacted(flat)}, number)


def _redacted(error: Fields) -> Fields:
    """An error as people may see it: upstream quotes a part of the key that it refuses."""
    message = error.get("message")
    return {**error, "message": redact(message)} if isinstance(message, str) else error


def _check_shape(fields: Fields) -> None:
    """What is folded into a snapshot must be what its name says."""
    item, part = fields.get("item") or {}, fields.get("part") or {}
    content = item.get("content") if isinstance(item, dict) else None
    parts = [part, *(content if isinstance(content, list) else ())]
    sound = isinstance(item, dict) and isinstance(content, list | None)
    if not sound or not all(isinstance(part, dict) for part in parts):
        raise InvalidEvent(f"an item or a part that is none: {str(fields)[:200]}")
    texts = [fields.get("text"), *(part.get("text") for part in parts)]
    if not all(isinstance(text, str | None) for text in texts):
        raise InvalidEvent(f"a text that is none: {str(fields)[:200]}")


def _without_logprobs(fields: Fields) -> Fields:
    """Parts carry padding too, inside `part` and `item.content`."""
    part, item = fields.get("part"), fields.get("item")
    if isinstance(part, dict):
        part.pop("logprobs", None)
    if isinstance(item, dict) and isinstance(item.get("content"), list):
        for content in item["content"]:
            if isinstance(content, dict):
                content.pop("logprobs", None)
    return fields


def _decode(data: bytes) -> Fields:
    try:
        # A NUL can't be stored as text by PostgreSQL, so its escape takes the slow path.
        value = _clean(json.loads(data)) if b"\\u0000" in data else msgspec.json.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        try:
            # Servers cut answers by bytes: lone surrogates and broken UTF-8 are mended.
            value = _clean(json.loads(data.decode("utf-8", "replace")))
        except (ValueError, RecursionError) as error:
            raise InvalidEvent(f"not JSON: {data[:200]!r}") from error
    if not isinstance(value, dict):
        raise InvalidEvent(f"not an object: {data[:200]!r}")
    return value


def _clean(value: Any) -> Any:
    """Replaces what no database and no browser can hold: NUL and lone surrogates."""
    if isinstance(value, str):
        return (
            value.replace("\0", "\ufffd")
            .encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
        )
    if isinstance(value, list):
        return [_clean(part) for part in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(part) for name, part in value.items()}
    return value
