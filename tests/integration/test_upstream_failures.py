"""Upstream fails or ends early; what was shown stays, and can be gone on with.

`tests/failures/` plays each row of the table of failures.
"""

from collections.abc import Sequence

import pytest

from tests.conftest import OpenTab
from tests.folding import assert_snapshots_meet
from tests.tab import generation_in
from tests.upstream.answers import (
    cut_answer,
    failed_answer,
    flat_error,
    incomplete_answer,
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
)

SHOWN: list[Event] = text_answer("Seen and kept, word by word.")[:8]

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
