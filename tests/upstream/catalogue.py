"""One plausible stream that holds every event type of the SDK, and one that it does not know."""

from __future__ import annotations

from typing import Any

from tests.upstream.builder import Answer, new_id
from tests.upstream.script import Event

UNKNOWN_TYPE = "response.telepathy.delta"


def _call(answer: Answer, kind: str, stages: list[str], **item: Any) -> None:
    """A hosted tool call whose stages are events without a body."""
    begin = {"id": new_id(kind), "type": kind, "status": "in_progress", **item}
    body: list[Event] = [{"type": f"response.{kind}.{stage}"} for stage in stages]
    answer.item(begin, *body, status=stages[-1])


def _searches(answer: Answer) -> None:
    """Web search and file search."""
    stages = ["in_progress", "searching", "completed"]
    _call(answer, "web_search_call", stages, action={"type": "search", "query": "tides"})
    _call(answer, "file_search_call", stages, queries=["tides"], results=None)


def _code(answer: Answer) -> None:
    """Code interpreter."""
    kind = "response.code_interpreter_call"
    begin = {"id": new_id("ci"), "type": "code_interpreter_call", "status": "in_progress",
             "container_id": "cntr_1", "code": "", "outputs": None}  # fmt: skip
    answer.item(
        begin,
        {"type": f"{kind}.in_progress"},
        {"type": f"{kind}_code.delta", "delta": "1 + 1"},
        {"type": f"{kind}_code.done", "code": "1 + 1"},
        {"type": f"{kind}.interpreting"},
        {"type": f"{kind}.completed"},
        status="completed",
        code="1 + 1",
    )


def _image(answer: Answer) -> None:
    """Image generation with one partial image."""
    kind = "response.image_generation_call"
    begin = {"id": new_id("ig"), "type": "image_generation_call", "status": "in_progress",
             "result": None}  # fmt: skip
    answer.item(
        begin,
        {"type": f"{kind}.in_progress"},
        {"type": f"{kind}.generating"},
        {"type": f"{kind}.partial_image", "partial_image_index": 0, "partial_image_b64": "aGk="},
        {"type": f"{kind}.completed"},
        status="completed",
        result="aGk=",
    )


def _mcp(answer: Answer) -> None:
    """MCP: listing tools and calling one, each once well and once badly."""
    for ending in ("completed", "failed"):
        listing = {"id": new_id("mcpl"), "type": "mcp_list_tools", "server_label": "s", "tools": []}
        kind = "response.mcp_list_tools"
        answer.item(listing, {"type": f"{kind}.in_progress"}, {"type": f"{kind}.{ending}"})
        call = {"id": new_id("mcp"), "type": "mcp_call", "server_label": "s", "name": "roll",
                "arguments": ""}  # fmt: skip
        kind = "response.mcp_call"
        answer.item(
            call,
            {"type": f"{kind}.in_progress"},
            {"type": f"{kind}_arguments.delta", "delta": '{"sides":6}'},
            {"type": f"{kind}_arguments.done", "arguments": '{"sides":6}'},
            {"type": f"{kind}.{ending}"},
            arguments='{"sides":6}',
        )


def _custom_tool(answer: Answer) -> None:
    """A custom tool, whose input is free text."""
    kind = "response.custom_tool_call_input"
    answer.item(
        {"id": new_id("ctc"), "type": "custom_tool_call", "call_id": "call_2", "name": "sql",
         "input": ""},
        {"type": f"{kind}.delta", "delta": "select 1"},
        {"type": f"{kind}.done", "input": "select 1"},
        input="select 1",
    )  # fmt: skip


def _shell(answer: Answer) -> None:
    """A hosted shell: the command, then its output."""
    kind, at = "response.shell_call_command", {"command_index": 0}
    action = {"commands": ["ls"], "max_output_length": None, "timeout_ms": None}
    answer.item(
        {"id": new_id("sh"), "type": "shell_call", "call_id": "call_3", "status": "in_progress",
         "action": {**action, "commands": []}},
        {"type": f"{kind}.added", **at, "command": ""},
        {"type": f"{kind}.delta", **at, "delta": "ls", "obfuscation": "abc"},
        {"type": f"{kind}.done", **at, "command": "ls"},
        status="completed",
        action=action,
    )  # fmt: skip
    kind = "response.shell_call_output_content"
    output = [{"stdout": "a.txt\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]
    answer.item(
        {"id": new_id("sho"), "type": "shell_call_output", "call_id": "call_3",
         "status": "in_progress", "max_output_length": None, "output": []},
        {"type": f"{kind}.delta", **at, "delta": {"stdout": "a.txt\n", "stderr": ""}},
        {"type": f"{kind}.done", **at, "output": output},
        status="completed",
        output=output,
    )  # fmt: skip


def _reasoning(answer: Answer) -> None:
    """A reasoning item with its summary and its open text."""
    begin = {"id": new_id("rs"), "type": "reasoning", "summary": []}
    part, at = {"type": "summary_text", "text": "Thinking"}, {"summary_index": 0}
    summary = "response.reasoning_summary"
    answer.item(
        begin,
        {"type": f"{summary}_part.added", **at, "part": {**part, "text": ""}},
        {"type": f"{summary}_text.delta", **at, "delta": "Thinking"},
        {"type": f"{summary}_text.done", **at, "text": "Thinking"},
        {"type": f"{summary}_part.done", **at, "part": part},
        {"type": "response.reasoning_text.delta", "content_index": 0, "delta": "Hm."},
        {"type": "response.reasoning_text.done", "content_index": 0, "text": "Hm."},
        summary=[part],
    )


def _message(answer: Answer) -> None:
    """Text with a citation, then a refusal."""
    at = {"content_index": 0}
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": "High tide."}
    note = {"type": "url_citation", "start_index": 0, "end_index": 4, "title": "Tides",
            "url": "https://example.com/tides"}  # fmt: skip
    answer.item(
        {"id": new_id("msg"), "type": "message", "role": "assistant", "status": "in_progress",
         "content": []},
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **at, "delta": "High tide.", "logprobs": []},
        {"type": "response.output_text.annotation.added", **at, "annotation_index": 0,
         "annotation": note},
        {"type": "response.output_text.done", **at, "text": "High tide.", "logprobs": []},
        {"type": "response.content_part.done", **at, "part": {**part, "annotations": [note]}},
        status="completed",
        content=[{**part, "annotations": [note]}],
    )  # fmt: skip
    answer.refusal("No.")


def every_event_type() -> list[Event]:
    """All event types of the SDK and UNKNOWN_TYPE, in an order that could happen.

    A real stream has one ending; this one has all four (`incomplete`, `failed`, `error`, then
    `completed`), for readers that must know each type, not for the path of a whole answer.
    """
    answer = Answer(background=True)
    _reasoning(answer)
    _searches(answer)
    _code(answer)
    _image(answer)
    _mcp(answer)
    _custom_tool(answer)
    _shell(answer)
    answer.function_call("roll", '{"sides":6}')
    answer.add("response.compaction.compacting", item_id="cmp_1", output_index=len(answer.output))
    _message(answer)
    answer.add("response.audio.delta", delta="aGk=").add("response.audio.done")
    answer.add("response.audio.transcript.delta", delta="hi").add("response.audio.transcript.done")
    answer.add(UNKNOWN_TYPE, delta="You want to know about tides.", aura="blue")
    answer.finish("incomplete", incomplete_details={"reason": "max_output_tokens"})
    answer.finish("failed", error={"code": "server_error", "message": "Once."})
    answer.add("error", code="server_error", message="Twice.", param=None)
    return answer.finish()
