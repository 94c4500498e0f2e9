"""Upstream fails; the person reads why, what was shown stays, and the chat goes on."""

from collections.abc import Sequence

import pytest

from tests.conftest import OpenTab
from tests.folding import assert_snapshots_meet
from tests.tab import generation_in
from tests.upstream.answers import (
    Answer,
    cut_answer,
    failed_answer,
    flat_error,
    incomplete_answer,
    nested_error,
    refusal_answer,
    text_answer,
)
from tests.upstream.client import Upstream
from tests.upstream.script import (
    Event,
    Raw,
    Reset,
    Script,
    reply_error,
    reply_html,
    reply_json,
)

SHOWN: list[Event] = text_answer("Seen and kept, word by word.")[:8]

NO_OUTPUT: list[tuple[str, Script, str]] = [
    ("400", reply_error(400, "invalid_prompt"), "upstream_rejected"),
    ("401", reply_error(401, "invalid_api_key"), "upstream_auth"),
    ("403", reply_error(403, "unsupported_country"), "upstream_auth"),
    ("404", reply_error(404, "model_not_found"), "model_unavailable"),
    ("429 quota", reply_error(429, "insufficient_quota"), "upstream_quota"),
    ("429 rate", reply_error(429, "rate_limit_exceeded"), "upstream_rate_limited"),
    ("500", reply_error(500, "server_error"), "upstream_unavailable"),
    ("html page", reply_html(502), "upstream_unavailable"),
    ("not a stream", reply_json({"id": "resp_1"}), "upstream_invalid"),
    ("no event", [Raw(b"data: {broken\n\n")], "upstream_invalid"),
    ("ends at once", Answer().events[:1], "upstream_disconnected"),
    ("reset", [*text_answer("x")[:2], Reset()], "upstream_disconnected"),
    ("error event", [flat_error()], "upstream_failed"),
    ("nested error event", [nested_error()], "upstream_failed"),
    ("failed", failed_answer(), "upstream_failed"),
]


@pytest.mark.parametrize(
    ("script", "code"), [row[1:] for row in NO_OUTPUT], ids=[row[0] for row in NO_OUTPUT]
)
async def test_a_failure_before_any_output_is_told_and_the_chat_goes_on(
    tabs: OpenTab, upstream: Upstream, script: Script, code: str
) -> None:
    upstream.when("Fails", script)
    upstream.when("Goes on", text_answer("Yes."))
    tab = await tabs()
    created = await tab.ask("Fails")
    finished = await tab.finished(created["generation"])
    assert (finished["status"], finished["error"]["code"]) == ("failed", code), finished
    assert finished["error"]["message"]
    assert (finished["usage"], finished["cost"]) == (None, "0")
    after = await tab.ask("Goes on", created["conversation"]["id"])
    assert (await tab.finished(after["generation"]))["status"] == "completed"


MID_ANSWER: list[tuple[str, Sequence[object], str]] = [
    ("clean end", SHOWN, "upstream_disconnected"),
    ("reset", [*SHOWN, Reset()], "upstream_disconnected"),
    ("broken JSON", [*SHOWN, Raw(b"data: {\n\n")], "upstream_invalid"),
    ("error event", [*SHOWN, flat_error()], "upstream_failed"),
    ("failed", [*SHOWN, *failed_answer()[-1:]], "upstream_failed"),
]


@pytest.mark.parametrize(
    ("script", "code"), [row[1:] for row in MID_ANSWER], ids=[row[0] for row in MID_ANSWER]
)
async def test_what_was_shown_before_a_failure_is_kept(
    tabs: OpenTab, upstream: Upstream, script: Script, code: str
) -> None:
    upstream.queue(script)
    tab = await tabs()
    created = await tab.ask("Breaks off")
    finished = await tab.finished(created["generation"])
    assert (finished["status"], finished["error"]["code"]) == ("interrupted", code), finished
    assert finished["estimated"] is True
    assert finished["usage"]["output_tokens"] > 0
    assert len(upstream.requests()) == 1  # never asked again after output
    snapshot = await tab.open(created["conversation"]["id"], {created["generation"]: 0})
    generation = generation_in(snapshot, created["generation"])
    assert generation["text"].startswith("Seen")
    await tab.finished(created["generation"])
    fresh = created["turn"]["generations"][0]
    assert_snapshots_meet(fresh, tab.events[created["generation"]], generation)


async def test_a_failure_that_passes_is_tried_again(tabs: OpenTab, upstream: Upstream) -> None:
    busy = reply_error(503, "server_is_overloaded", headers={"retry-after-ms": "20"})
    upstream.queue(busy, busy, text_answer("Third time."))
    tab = await tabs()
    created = await tab.ask("Again")
    finished = await tab.finished(created["generation"])
    events = tab.events[created["generation"]]
    retries = [event for event in events if event["type"] == "generation.retrying"]
    assert finished["status"] == "completed"
    assert [(r["attempt"], r["code"]) for r in retries] == [
        (2, "upstream_unavailable"),
        (3, "upstream_unavailable"),
    ]


async def test_what_upstream_says_is_final_is_not_tried_again(
    tabs: OpenTab, upstream: Upstream
) -> None:
    upstream.queue(reply_error(500, headers={"x-should-retry": "false"}))
    tab = await tabs()
    created = await tab.ask("Once")
    await tab.finished(created["generation"])
    assert len(upstream.requests()) == 1


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
async def test_an_incomplete_answer_says_why(
    tabs: OpenTab, upstream: Upstream, reason: str
) -> None:
    upstream.queue(incomplete_answer("Half an ans", reason))
    tab = await tabs()
    created = await tab.ask("Long")
    finished = await tab.finished(created["generation"])
    assert (finished["status"], finished["error"]["code"]) == ("incomplete", reason)
    assert finished["estimated"] is False


async def test_a_refusal_is_a_completed_answer(tabs: OpenTab, upstream: Upstream) -> None:
    upstream.queue(refusal_answer("I won't."))
    tab = await tabs()
    created = await tab.ask("Do harm")
    assert (await tab.finished(created["generation"]))["status"] == "completed"
    snapshot = await tab.open(created["conversation"]["id"])
    [item] = generation_in(snapshot, created["generation"])["items"]
    assert item["content"][0]["refusal"] == "I won't."


async def test_a_cut_answer_may_be_followed(tabs: OpenTab, upstream: Upstream) -> None:
    upstream.queue(cut_answer("One two three four.", after=2), text_answer("On."))
    tab = await tabs()
    created = await tab.ask("Count")
    await tab.finished(created["generation"])
    after = await tab.ask("Go on", created["conversation"]["id"], follows=created["generation"])
    await tab.finished(after["generation"])
    assistant = upstream.requests()[1].body["input"][1]
    assert assistant["role"] == "assistant"
    assert assistant["content"][0]["text"].startswith("One")
