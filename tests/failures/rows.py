"""What the scripted upstream plays for each row of the table of failures."""

from collections.abc import Iterator
from typing import NamedTuple, get_args

from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_error import ResponseError

from tests.upstream.answers import (
    Answer,
    failed_answer,
    flat_error,
    incomplete_answer,
    nested_error,
    text_answer,
)
from tests.upstream.script import (
    Cut,
    Event,
    Reply,
    Reset,
    Script,
    endless_line,
    event,
    raw,
    reply_error,
    reply_html,
    reply_json,
)

FAILED_CODES: list[str] = list(get_args(ResponseError.model_fields["code"].annotation))
_REASON = IncompleteDetails.model_fields["reason"].annotation
INCOMPLETE_REASONS: list[str] = [
    value for part in get_args(_REASON) for value in get_args(part)
]  # Optional[Literal[…]]

WORDS = "Seen and kept, word by word."
WHOLE: list[Event] = text_answer(WORDS)
SHOWN = WHOLE[:8]
BEGUN = WHOLE[:4]
"""An item is opened, and no word of it has come."""


class Row(NamedTuple):
    """One way of failing: what upstream does, and the kind that it must be taken for."""

    name: str
    kind: str
    script: Script

    @property
    def question(self) -> str:
        return f"row <{self.name}>"


def answered() -> Iterator[Row]:
    """Upstream answers with a status and no stream."""
    statuses = [
        (400, "invalid_prompt", "prompt_refused"),
        (400, "context_length_exceeded", "context_too_long"),
        (400, "string_above_max_length", "context_too_long"),
        (400, "unknown_parameter", "unknown_parameter"),
        (400, "unsupported_parameter", "unknown_parameter"),
        (400, "unsupported_value", "unknown_parameter"),
        (400, "model_not_found", "model_not_found"),
        (400, None, "rejected"),
        (401, "invalid_api_key", "auth"),
        (402, None, "quota"),
        (403, "unsupported_country_region_territory", "region"),
        (403, "model_not_found", "model_not_found"),
        (403, "project_not_allowed", "forbidden"),
        (404, "model_not_found", "model_not_found"),
        (408, None, "request_timeout"),
        (409, None, "conflict"),
        (413, None, "too_large"),
        (418, None, "rejected"),
        (422, None, "unprocessable"),
        (429, "rate_limit_exceeded", "rate_limited"),
        (429, "insufficient_quota", "quota"),
        (429, "credit_balance_exhausted", "quota"),
        (429, "organization_spend_limit_exceeded", "quota"),
        (429, "project_spend_limit_exceeded", "quota"),
        (500, "server_error", "server_error"),
        (501, None, "server_error"),
        (502, None, "bad_gateway"),
        (503, "server_is_overloaded", "overloaded"),
        (504, None, "gateway_timeout"),
        (529, None, "overloaded"),
    ]
    for status, code, kind in statuses:
        yield Row(f"{status} {code or ''}".strip(), kind, reply_error(status, code))
    yield Row("502 page", "bad_gateway", reply_html(502))
    yield Row("200 page", "not_a_stream", reply_html(200))
    yield Row("200 JSON", "not_a_stream", reply_json({"id": "resp_1"}))
    yield Row("200 nothing", "not_a_stream", Reply(200, {}))


def broken() -> Iterator[Row]:
    """The stream breaks."""
    yield Row("reset", "reset", [Reset()])
    yield Row("cut", "reset", [Cut()])
    yield Row("clean end", "silent_end", [raw("")])
    yield Row("broken JSON", "broken_event", raw("data: {broken\n\n"))
    yield Row("no type", "broken_event", raw('data: {"delta": "x"}\n\n'))
    yield Row("no object", "broken_event", raw("data: [1, 2]\n\n"))
    yield Row("endless line", "endless_event", endless_line())


def told() -> Iterator[Row]:
    """The stream itself says that it failed."""
    for code in FAILED_CODES:
        yield Row(f"failed {code}", FAILED_KINDS.get(code, "failed_image"), failed_answer(code)[-1])
    yield Row("failed new_code", "failed", failed_answer("new_code")[-1])
    for name, make in (("error", flat_error), ("nested", nested_error)):
        yield Row(f"{name} server_error", "failed", make())
        yield Row(f"{name} without code", "failed", make(None))
        yield Row(f"{name} rate", "rate_limited", make("rate_limit_exceeded"))
        yield Row(f"{name} quota", "quota", make("insufficient_quota"))
        yield Row(f"{name} context", "failed_context", make("context_length_exceeded"))
        yield Row(f"{name} request", "failed_request", make("invalid_request_error"))
    yield Row("error 400", "failed_request", event("error", code=400, message="Bad."))
    yield Row("error 429", "rate_limited", event("error", code=429, message="Slow."))
    yield Row("error 500", "failed", raw('data: {"error": {"code": 500, "message": "Oh."}}\n\n'))


FAILED_KINDS = {
    "server_error": "failed",
    "vector_store_timeout": "failed",
    "rate_limit_exceeded": "rate_limited",
    "invalid_prompt": "failed_prompt",
    "data_residency_mismatch": "failed_region",
    "bio_policy": "failed_policy",
    "misalignment_policy_violation": "failed_policy",
    "image_content_policy_violation": "failed_policy",
}


def disordered() -> Iterator[Row]:
    """The text would be garbled."""
    late = next(e for e in WHOLE if e["type"] == "response.output_text.delta")
    end = next(i for i, e in enumerate(WHOLE) if e["type"] == "response.output_text.done")
    yield Row("text after its end", "out_of_order", [*WHOLE[: end + 1], {**late, "delta": "!"}])
    yield Row("numbers run back", "out_of_order", [*SHOWN, late])


def before_output() -> list[Row]:
    """All that can happen before anything is seen."""
    rows = [*answered(), *broken()]
    for row in told():
        script = row.script if isinstance(row.script, list) else [row.script]
        rows.append(Row(row.name, row.kind, [*BEGUN, *script]))
    rows.append(Row("clean end, begun", "silent_end", Answer().events[:1]))
    rows.append(Row("reset, begun", "reset", [*BEGUN, Reset()]))
    return rows


def mid_stream() -> list[Row]:
    """All that can happen when some words have been seen."""
    rows = [*disordered()]
    once = {row.kind: row for row in told() if row.name.startswith("failed ")}.values()
    others = [row for row in told() if not row.name.startswith("failed ")]
    for row in (*broken(), *once, *others):
        script = row.script if isinstance(row.script, list) else [row.script]
        rows.append(Row(f"mid: {row.name}", row.kind, [*SHOWN, *script]))
    return rows


def incomplete() -> list[Row]:
    """Answers that upstream itself calls incomplete."""
    kinds = {"max_output_tokens": "cut_at_limit", "content_filter": "cut_by_filter"}
    return [
        Row(f"incomplete {reason}", kinds.get(reason, "cut_early"), incomplete_answer("Ha", reason))
        for reason in [*INCOMPLETE_REASONS, "new_reason"]
    ]


def still_right() -> list[Row]:
    """In the wrong order, and the text is right all the same."""
    begun = [e for e in WHOLE if e["type"] in ("response.created", "response.in_progress")]
    rest = [e for e in WHOLE if e not in begun]
    unopened = [e for e in WHOLE if not e["type"].endswith(".added")]
    deltas = [e for e in WHOLE if e["type"].endswith((".delta", "response.completed"))]
    return [
        Row("text before created", "", [*rest[:4], *begun, *rest[4:]]),
        Row("never created", "", rest),
        Row("an item that was never opened", "", unopened),
        Row("text and its end only", "", deltas),
    ]
