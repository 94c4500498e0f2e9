"""Builds well-formed streams item by item: lists of events as the real API sends them.

The usual streams are ready-made in `answers.py`.
"""

from __future__ import annotations

import itertools
import re
import time
from typing import Any, Self

from tests.upstream import encoding
from tests.upstream.script import Event

_ids = itertools.count(1)
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_LEFT_OUT_BY_BARE_SERVERS = {"sequence_number", "output_index", "content_index", "summary_index"}
_PADDED = {"response.output_text.delta", "response.function_call_arguments.delta"}


def usage(
    input: int = 10, output: int = 5, cached: int = 0, cache_write: int = 0, reasoning: int = 0
) -> dict[str, Any]:
    """Token counts as the API reports them; `cached` and `cache_write` are parts of `input`."""
    return {
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": cache_write},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input + output,
    }


def pieces(text: str) -> list[str]:
    """The text cut into words with the space before them; joined they are the text again."""
    return re.findall(r"\s*\S+|\s+\Z", text)


def new_id(prefix: str) -> str:
    """An id that no other item of this process has."""
    return f"{prefix}_{next(_ids):032x}"


class Answer:
    """Builds one stream. Methods add the events of one item each and return the builder.

    `bare` leaves out what llama.cpp leaves out: sequence_number, the indexes, logprobs, padding.
    `begun` is how often `created` and `in_progress` come (llama.cpp may send them twice).
    """

    def __init__(
        self,
        *,
        model: str = encoding.ANY_MODEL,
        response_id: str = encoding.ANY_ID,
        bare: bool = False,
        begun: int = 1,
        service_tier: str = "default",
        background: bool = False,
    ) -> None:
        self.events: list[Event] = []
        self.output: list[dict[str, Any]] = []
        self.bare = bare
        self.deltas = 0
        self._fixed: dict[str, Any] = {
            "id": response_id, "object": "response", "created_at": int(time.time()),
            "background": background, "instructions": None, "max_output_tokens": None,
            "metadata": {}, "model": model, "parallel_tool_calls": True,
            "previous_response_id": None, "reasoning": {"effort": None, "summary": None},
            "service_tier": service_tier, "store": background, "temperature": 1.0,
            "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
            "top_p": 1.0, "truncation": "disabled", "user": None,
        }  # fmt: skip
        if background:
            self.add("response.queued", response=self.response("queued"))
        for _ in range(begun):
            self.add("response.created", response=self.response("in_progress"))
            self.add("response.in_progress", response=self.response("in_progress"))

    def response(self, status: str, **changes: Any) -> dict[str, Any]:
        """The response object as it stands now."""
        state = {"error": None, "incomplete_details": None, "usage": None, **changes}
        return {**self._fixed, "status": status, "output": list(self.output), **state}

    def add(self, type: str, **fields: Any) -> Self:
        """Add one event of any type; sequence_number and padding as the API has them."""
        if type.endswith(".delta"):
            self.deltas += 1
        event = {"type": type, **fields, "sequence_number": len(self.events)}
        if type in _PADDED:
            # 1 to 16 characters that differ from event to event; true randomness costs more.
            begin = len(self.events) * 7 % len(_PADDING)
            event["obfuscation"] = _PADDING[begin : begin + 16]
        if self.bare:
            drop = _LEFT_OUT_BY_BARE_SERVERS | {"logprobs", "obfuscation"}
            event = {key: value for key, value in event.items() if key not in drop}
        self.events.append(event)
        return self

    def item(self, begin: dict[str, Any], *body: Event, **end: Any) -> Self:
        """One output item: added, the events of `body` (item_id and output_index are put in),
        done with the fields of `end` changed."""
        where = {"output_index": len(self.output)}
        self.add("response.output_item.added", item=begin, **where)
        for event in body:
            fields = {key: value for key, value in event.items() if key != "type"}
            self.add(event["type"], **where, item_id=begin["id"], **fields)
        finished = {**begin, **end}
        self.add("response.output_item.done", item=finished, **where)
        self.output.append(finished)
        return self

    def message(
        self, text: str, deltas: list[str] | None = None, status: str = "completed"
    ) -> Self:
        """A message with one text part. `deltas` are the parts of the text (default: words)."""
        at = {"content_index": 0}
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
        cut = pieces(text) if deltas is None else deltas
        if "".join(cut) != text:
            raise ValueError("the deltas joined are not the text")
        begin = {"id": new_id("msg"), "type": "message", "role": "assistant",
                 "status": "in_progress", "content": []}  # fmt: skip
        return self.item(
            begin,
            {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
            *(
                {"type": "response.output_text.delta", **at, "delta": d, "logprobs": []}
                for d in cut
            ),
            {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
            {"type": "response.content_part.done", **at, "part": part},
            status=status,
            content=[part],
        )

    def refusal(self, text: str) -> Self:
        """A message whose only part is a refusal."""
        at = {"content_index": 0}
        part = {"type": "refusal", "refusal": text}
        begin = {"id": new_id("msg"), "type": "message", "role": "assistant",
                 "status": "in_progress", "content": []}  # fmt: skip
        return self.item(
            begin,
            {"type": "response.content_part.added", **at, "part": {**part, "refusal": ""}},
            *({"type": "response.refusal.delta", **at, "delta": d} for d in pieces(text)),
            {"type": "response.refusal.done", **at, "refusal": text},
            {"type": "response.content_part.done", **at, "part": part},
            status="completed",
            content=[part],
        )

    def reasoning(self, *summaries: str) -> Self:
        """A reasoning item with one summary part for each text."""
        body: list[Event] = []
        for index, text in enumerate(summaries):
            at = {"summary_index": index}
            kind = "response.reasoning_summary"
            part = {"type": "summary_text", "text": text}
            body += [
                {"type": f"{kind}_part.added", **at, "part": {**part, "text": ""}},
                *({"type": f"{kind}_text.delta", **at, "delta": d} for d in pieces(text)),
                {"type": f"{kind}_text.done", **at, "text": text},
                {"type": f"{kind}_part.done", **at, "part": part},
            ]
        begin = {"id": new_id("rs"), "type": "reasoning", "summary": []}
        done = [{"type": "summary_text", "text": text} for text in summaries]
        return self.item(begin, *body, summary=done)

    def function_call(self, name: str, arguments: str, call_id: str = "") -> Self:
        """A call of one of our functions; `arguments` is JSON text."""
        kind = "response.function_call_arguments"
        cut = [arguments[i : i + 6] for i in range(0, len(arguments), 6)]
        begin = {"id": new_id("fc"), "type": "function_call", "status": "in_progress",
                 "name": name, "call_id": call_id or new_id("call"), "arguments": ""}  # fmt: skip
        return self.item(
            begin,
            *({"type": f"{kind}.delta", "delta": part} for part in cut),
            {"type": f"{kind}.done", "name": name, "arguments": arguments},
            status="completed",
            arguments=arguments,
        )

    def finish(self, status: str = "completed", **changes: Any) -> list[Event]:
        """The terminal event `response.<status>`; returns the whole stream."""
        if "usage" not in changes:
            changes["usage"] = usage(output=self.deltas)
        self.add(f"response.{status}", response=self.response(status, **changes))
        return self.events
