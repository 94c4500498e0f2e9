"""Ready-made, well-formed streams, one line each; others are built with `builder.Answer`."""

from __future__ import annotations

from typing import Any

from tests.upstream.builder import Answer, new_id, pieces, usage
from tests.upstream.catalogue import every_event_type
from tests.upstream.script import Event

__all__ = [
    "PNG",
    "Answer",
    "bare_answer",
    "code_interpreter_answer",
    "cut_answer",
    "every_event_type",
    "failed_answer",
    "flat_error",
    "function_call_answer",
    "image_answer",
    "incomplete_answer",
    "nested_error",
    "pieces",
    "reasoning_answer",
    "refusal_answer",
    "text_answer",
    "usage",
    "web_search_answer",
]


def text_answer(
    text: str = "Hello there.",
    *,
    deltas: list[str] | None = None,
    usage: dict[str, Any] | None = None,
    **options: Any,
) -> list[Event]:
    """A complete text answer. `options` are those of `Answer`: model, bare, begun, …"""
    answer = Answer(**options).message(text, deltas)
    return answer.finish("completed", **({"usage": usage} if usage else {}))


def bare_answer(text: str = "Hello there.", begun: int = 2) -> list[Event]:
    """As llama.cpp sends it: no numbers, and created/in_progress twice."""
    return text_answer(text, bare=True, begun=begun)


def refusal_answer(text: str = "I can't help with that.") -> list[Event]:
    """A refusal; it ends in `response.completed`."""
    return Answer().refusal(text).finish()


def reasoning_answer(
    text: str = "Four.", summaries: tuple[str, ...] = ("**Adding** two and two",), hidden: int = 64
) -> list[Event]:
    """A reasoning summary, then text; `hidden` reasoning tokens are part of the output tokens."""
    answer = Answer().reasoning(*summaries).message(text)
    count = usage(output=len(pieces(text)) + hidden, reasoning=hidden)
    return answer.finish(usage=count)


def function_call_answer(name: str, arguments: str, call_id: str = "call_1") -> list[Event]:
    """One function call and nothing else; the caller is expected to ask again with its output."""
    return Answer().function_call(name, arguments, call_id).finish()


def web_search_answer(query: str = "weather", text: str = "It is sunny.") -> list[Event]:
    """A hosted web search, then text with one URL citation."""
    kind = "response.web_search_call"
    action = {"type": "search", "query": query, "queries": [query]}
    answer = Answer().item(
        {"id": new_id("ws"), "type": "web_search_call", "status": "in_progress", "action": action},
        {"type": f"{kind}.in_progress"},
        {"type": f"{kind}.searching"},
        {"type": f"{kind}.completed"},
        status="completed",
    )
    note = {"type": "url_citation", "start_index": 0, "end_index": len(text), "title": "Weather",
            "url": "https://example.com/weather"}  # fmt: skip
    answer.message(text)
    at = next(i for i, e in enumerate(answer.events) if e["type"] == "response.output_text.done")
    cite = {"type": "response.output_text.annotation.added", "annotation": note,
            "annotation_index": 0, "content_index": 0, "output_index": 1,
            "item_id": answer.output[-1]["id"]}  # fmt: skip
    answer.events.insert(at, cite)
    answer.output[-1]["content"][0]["annotations"] = [note]
    events = answer.finish()
    for number, event in enumerate(events):
        event["sequence_number"] = number
    return events


def code_interpreter_answer(code: str = "print(2 + 2)", logs: str = "4\n") -> list[Event]:
    """Hosted code interpreter, then text."""
    kind = "response.code_interpreter_call"
    begin = {"id": new_id("ci"), "type": "code_interpreter_call", "status": "in_progress",
             "container_id": "cntr_1", "code": "", "outputs": None}  # fmt: skip
    answer = Answer().item(
        begin,
        {"type": f"{kind}.in_progress"},
        *({"type": f"{kind}_code.delta", "delta": part} for part in pieces(code)),
        {"type": f"{kind}_code.done", "code": code},
        {"type": f"{kind}.interpreting"},
        {"type": f"{kind}.completed"},
        status="completed",
        code=code,
        outputs=[{"type": "logs", "logs": logs}],
    )
    return answer.message(f"The result is {logs.strip()}.").finish()


# One transparent pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def image_answer(partial_images: int = 2, image: str = PNG) -> list[Event]:
    """Hosted image generation with partial images (base64)."""
    kind = "response.image_generation_call"
    drawn: list[Event] = [
        {"type": f"{kind}.partial_image", "partial_image_index": i, "partial_image_b64": image}
        for i in range(partial_images)
    ]
    begin = {"id": new_id("ig"), "type": "image_generation_call", "status": "in_progress",
             "result": None}  # fmt: skip
    return (
        Answer()
        .item(
            begin,
            {"type": f"{kind}.in_progress"},
            {"type": f"{kind}.generating"},
            *drawn,
            {"type": f"{kind}.completed"},
            status="completed",
            result=image,
        )
        .finish()
    )


def incomplete_answer(text: str = "Once upon a", reason: str = "max_output_tokens") -> list[Event]:
    """Text that stops early. Reasons: max_output_tokens, content_filter."""
    answer = Answer().message(text, status="incomplete")
    return answer.finish("incomplete", incomplete_details={"reason": reason})


def failed_answer(
    code: str = "server_error",
    message: str = "The model broke.",
    text: str = "",
    usage: dict[str, Any] | None = None,
) -> list[Event]:
    """`response.failed`, after some text if any; without usage unless given."""
    answer = Answer()
    if text:
        answer.message(text, status="incomplete")
    return answer.finish("failed", error={"code": code, "message": message}, usage=usage)


def cut_answer(text: str = "Hello there.", after: int | None = None) -> list[Event]:
    """A text answer up to and with its `after`-th delta (default: all): no terminal event."""
    events = text_answer(text)
    deltas = [i for i, e in enumerate(events) if e["type"] == "response.output_text.delta"]
    last = deltas[-1] if after is None else deltas[after - 1] if after else deltas[0] - 1
    return events[: last + 1]


def flat_error(code: str | None = "server_error", message: str = "It broke.") -> Event:
    """The documented `error` event: code and message at the top."""
    return {"type": "error", "code": code, "message": message, "param": None, "sequence_number": 9}


def nested_error(code: str | None = "server_error", message: str = "It broke.") -> Event:
    """The `error` event as servers also send it: wrapped in `error`."""
    error = {"type": "server_error", "code": code, "message": message, "param": None}
    return {"type": "error", "error": error, "sequence_number": 9}
