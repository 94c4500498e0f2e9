"""The table of failures is whole: against the SDK, and in the README."""

import re
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import httpx2
import openai

from conversations.upstream import codes
from conversations.upstream.errors import UpstreamFailure, event_failure, failure_of, in_words
from conversations.upstream.kinds import KINDS, ROWS, table
from conversations.upstream.order import OutOfOrder
from conversations.upstream.parsing import InvalidEvent
from conversations.upstream.sse import StreamTooLong
from tests.failures.rows import FAILED_CODES, INCOMPLETE_REASONS

README = Path(__file__).parents[2] / "README.md"
CODES = {
    "upstream_unavailable", "upstream_rate_limited", "upstream_quota", "upstream_auth",
    "upstream_rejected", "model_unavailable", "upstream_failed", "upstream_disconnected",
    "upstream_stalled", "upstream_invalid", "max_output_tokens", "content_filter",
    "budget_exhausted",
}  # fmt: skip
"""Those of the protocol that upstream can cause."""

NOT_ON_THIS_PATH = {
    "OpenAIError": "the base of them all; by itself, a client made without a key",
    "SubjectTokenProviderError": "workload identity, which is not configured",
    "LengthFinishReasonError": "raised by parse(), which is not called",
    "ContentFilterFinishReasonError": "raised by parse(), which is not called",
    "WebSocketConnectionClosedError": "realtime and WebSocket clients",
    "WebSocketQueueFullError": "realtime and WebSocket clients",
    "StreamAlreadyConsumed": "a stream read twice: our own mistake",
    "MutuallyExclusiveAuthError": "Azure's client",
    "APIRemovedInV1": "functions of an old release",
    "_AmbiguousModuleClientUsageError": "the module used as a client",
}
REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/responses")


def sdk_errors() -> Iterator[type[openai.OpenAIError]]:
    """All exception classes of the SDK."""
    found, todo = set(), [openai.OpenAIError]
    while todo:
        one = todo.pop()
        if one.__module__.startswith("openai") and one not in found:
            found.add(one)
            todo += one.__subclasses__()
    yield from sorted(found, key=lambda one: one.__name__)


def raised(kind: type[openai.OpenAIError], status: int) -> openai.OpenAIError:
    response = httpx2.Response(status, request=REQUEST, headers={"x-request-id": "req_1"})
    if issubclass(kind, openai.OAuthError):
        return kind(response=response, body={})
    if issubclass(kind, openai.APIStatusError):
        return kind("said", response=response, body={})
    if issubclass(kind, openai.APIResponseValidationError):
        return kind(response=response, body={})
    if issubclass(kind, openai.APITimeoutError):
        return kind(REQUEST)
    if issubclass(kind, openai.APIConnectionError):
        return kind(request=REQUEST)
    assert issubclass(kind, openai.APIError)
    return kind("said", REQUEST, body={"code": "server_error", "message": "said"})


STATUSES = {
    "BadRequestError": (400, "rejected"),
    "AuthenticationError": (401, "auth"),
    "OAuthError": (401, "auth"),
    "PermissionDeniedError": (403, "forbidden"),
    "NotFoundError": (404, "model_not_found"),
    "ConflictError": (409, "conflict"),
    "UnprocessableEntityError": (422, "unprocessable"),
    "RateLimitError": (429, "rate_limited"),
    "InternalServerError": (500, "server_error"),
    "APIStatusError": (418, "rejected"),
    "APIResponseValidationError": (200, "not_a_stream"),
    "APIConnectionError": (0, "no_connection"),
    "APITimeoutError": (0, "connect_timeout"),
    "APIError": (0, "failed"),
}


def test_every_exception_of_the_sdk_has_its_kind_or_a_reason_why_it_never_comes() -> None:
    for kind in sdk_errors():
        if kind.__name__ in NOT_ON_THIS_PATH:
            continue
        status, expected = STATUSES[kind.__name__]
        failure = failure_of(raised(kind, status or 500))
        assert failure
        assert failure.kind.name == expected, kind
        if issubclass(kind, openai.APIStatusError):
            assert (failure.status, failure.request_id) == (status, "req_1")


def test_every_code_of_a_failed_response_is_known() -> None:
    assert len(FAILED_CODES) > 15
    assert not set(FAILED_CODES) - codes.STREAM_CODES.keys()
    for code in FAILED_CODES:
        failure = event_failure({"code": code, "message": "said"})
        assert (failure.detail, failure.said) == (code, "said")


def test_every_reason_of_an_incomplete_response_is_known() -> None:
    assert len(INCOMPLETE_REASONS) > 1
    assert not set(INCOMPLETE_REASONS) - codes.INCOMPLETE_REASONS.keys()


def test_what_breaks_in_a_stream_has_its_kind_and_what_is_our_own_mistake_has_none() -> None:
    broken = {
        httpx2.ReadError("x"): "reset",
        httpx2.RemoteProtocolError("x"): "reset",
        httpx2.DecodingError("x"): "not_a_stream",
        aiohttp.ClientResponseError(None, (), message="x"): "not_a_stream",  # type: ignore[arg-type]
        InvalidEvent("x"): "broken_event",
        StreamTooLong("x"): "endless_event",
        OutOfOrder("x"): "out_of_order",
        UpstreamFailure("silence"): "silence",
    }
    found = {error: failure_of(error) for error in broken}
    assert {e: f.kind.name for e, f in found.items() if f} == broken
    assert failure_of(KeyError("ours")) is None
    assert failure_of(TimeoutError()) is None


def test_every_row_is_found_by_something_and_every_name_is_a_row() -> None:
    assert len(KINDS) == len(ROWS)
    tables = (codes.BY_STATUS, codes.BY_CODE, codes.STREAM_CODES, codes.INCOMPLETE_REASONS)
    named = {name for one in tables for name in one.values()}
    assert named <= KINDS.keys()


def test_rows_say_what_the_protocol_and_the_database_can_hold() -> None:
    for row in ROWS:
        assert row.code in CODES, row.name
        assert re.fullmatch(r"[a-z_]{3,40}", row.name)
        assert row.message.endswith("."), row.name
        assert "|" not in row.happens + row.message


def test_what_counts_is_upstreams_illness_and_nothing_that_we_or_a_person_did() -> None:
    counted = {row.name for row in ROWS if row.counts}
    assert not counted & {*codes.BY_CODE.values(), "quota", "auth", "rate_limited", "circuit_open"}
    assert {"server_error", "overloaded", "silence", "silent_end", "dns", "reset"} <= counted
    assert all(not row.counts for row in ROWS if row.code.endswith(("auth", "rejected", "quota")))


def test_the_readme_lists_the_table() -> None:
    listed = re.search(
        r"<!-- failures -->\n(.*)\n<!-- /failures -->", README.read_text(), re.DOTALL
    )
    assert listed, "README.md has no table of failures"
    assert listed[1].strip() == table()


def test_a_wait_is_told_in_words() -> None:
    assert [in_words(s) for s in (0.2, 4, 89.5, 91, 120, 5401)] == [
        "1 s", "4 s", "90 s", "2 minutes", "2 minutes", "2 hours",
    ]  # fmt: skip
    error = UpstreamFailure("rate_limited", retry_after=119.5).wire()
    assert error["message"] == "The model service is busy. Try again in 2 minutes."
    assert error["retry_after"] == 119.5


def test_a_failure_in_the_log_names_what_operators_look_for_and_quotes_nobody() -> None:
    failure = UpstreamFailure(
        "rejected", "invalid_value", "Not 'my secret'", status=400, request_id="req_7"
    )
    assert str(failure) == "rejected, invalid_value, 400, req_7"
    assert "secret" not in str(event_failure({"code": "x", "message": "my secret"}))
    assert "no route" in str(UpstreamFailure("no_connection", said="no route to host"))
