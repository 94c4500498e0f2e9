"""What the gate does with one event and one check."""

import pytest

from conversations.moderation.gate import Gate, Mode
from conversations.moderation.texts import OVERLAP
from tests.moderation.simulation import TEXT_TYPES, Fields, cut, ended, parsed, said, simulated
from tests.moderation.texts import TEXT, unique

SMUGGLED: list[Fields] = [
    {"type": "response.output_text.done", "item_id": "it_1", "content_index": 0, "text": "XX"},
    {"type": "response.output_text.done", "item_id": "it_1", "text": "fine XX"},
    {"type": "response.content_part.done", "part": {"type": "output_text", "text": "XX"}},
    {"type": "response.output_item.done", "item": {"id": "it_1", "content": [{"text": "XX"}]}},
    {"type": "response.output_item.done", "item": {"type": "function_call", "name": "XX"}},
    {"type": "response.output_item.done", "item": {"type": "mcp_call", "output": "XX"}},
    {"type": "response.output_item.done", "item": {"status": "so to say XX"}},
    {"type": "response.output_item.added", "item": {"type": "web_search_call", "id": "a XX"}},
    {"type": "response.output_item.done", "item": {"type": "shell_call", "commands": ["XX"]}},
    {"type": "response.shell_call_command.added", "command": "XX"},
    {"type": "response.shell_call_output_content.delta", "delta": {"stderr": "XX"}},
    {"type": "response.shell_call_output_content.delta", "delta": {"stderr": {"deep": "XX"}}},
    {"type": "response.shell_call_output_content.done", "output": [{"stdout": "XX"}]},
    {"type": "response.output_text.annotation.added", "annotation": {"title": "XX"}},
    {"type": "response.audio.transcript.delta", "delta": "XX"},
    {"type": "response.image_generation_call.partial_image", "partial_image_b64": "so, XX"},
    {"type": "response.output_item.done", "item": {"result": "a XX"}},
    {"type": "response.failed", "response": {"error": {"message": "XX"}}},
    {"type": "error", "message": "XX"},
    {"type": "response.brand_new.delta", "delta": "XX"},
    {"type": "response.brand_new.delta", "delta": {"deep": ["XX"]}},
    {"type": "response.brand_new.happened", "deep": [{"er": [["XX"]]}]},
    {"type": "response.brand_new.happened", "a key XX": 1},
    {"type": "response.output_text.delta", "item_id": ["odd"], "delta": "XX"},
    {"type": "response.output_text.delta", "item_id": "it_1", "delta": ["XX"]},
    {"type": "response.output_text.delta", "item_id": "it_1", "delta": "", "extra": "XX"},
]


@pytest.mark.parametrize("event", SMUGGLED, ids=lambda event: event["type"][9:])
def test_nothing_is_smuggled_in_that_no_delta_brought(event: Fields) -> None:
    before = parsed(said(TEXT, ["fine "], repeat=False))
    gate = Gate(Mode.HOLD, 100)
    for one in before:
        gate.push(one)
    gate.flush()
    window = gate.due()
    assert window
    assert gate.cleared(window) == before[1:]
    smuggled = parsed([event])
    assert gate.push(smuggled[0]) == []
    gate.flush()
    window = gate.due()
    assert window
    assert "XX" in window.text
    assert gate.cleared(window) == smuggled


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.WATCH])
@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_text_that_is_repeated_is_not_checked_twice(kind: str, mode: Mode) -> None:
    whole = unique(500)
    run = simulated(mode, 40).run(said(kind, cut(whole, [9])) + ended())
    assert run.gate.checked == len(whole)
    again = sum(len(window.text) - (window.end - window.start) for window in run.windows)
    assert again <= OVERLAP * len(run.windows)


def test_pictures_sound_and_ids_are_not_text() -> None:
    base64 = "iVBORw0KGgo" * 40
    events: list[Fields] = [
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        {"type": "response.output_item.added", "item": {"type": "reasoning", "id": "rs_1",
         "encrypted_content": base64}},
        {"type": "response.image_generation_call.partial_image", "item_id": "ig_1",
         "partial_image_b64": base64},
        {"type": "response.output_item.done", "item": {"type": "image_generation_call",
         "id": "ig_1", "status": "completed", "result": base64 + "=="}},
        {"type": "response.audio.delta", "delta": "UklGRg=="},
    ]  # fmt: skip
    run = simulated(Mode.HOLD)
    for event in parsed(events):
        run.push(event)
    assert run.out == parsed(events)
    assert run.windows == []


def test_events_without_text_wait_only_for_text_before_them() -> None:
    gate = Gate(Mode.HOLD, 100)
    [searching] = parsed([{"type": "response.web_search_call.searching", "item_id": "ws_1"}])
    assert gate.push(searching) == [searching]
    [delta] = parsed([{"type": TEXT, "delta": "abc "}])
    assert gate.push(delta) == []
    assert gate.push(searching) == []
    gate.flush()
    window = gate.due()
    assert window
    [later] = parsed([{"type": TEXT, "delta": "def "}])
    assert gate.push(later) == []
    assert gate.push(searching) == []
    assert gate.cleared(window) == [delta, searching]


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.WATCH])
def test_one_check_runs_at_a_time_and_later_text_joins_the_next(mode: Mode) -> None:
    gate = Gate(mode, 10)
    for event in parsed(said(TEXT, ["0123456789 "], repeat=False)):
        gate.push(event)
    first = gate.due()
    assert first
    for event in parsed([{"type": TEXT, "item_id": "it_1", "content_index": 0,
                          "output_index": 0, "delta": "abcdefghij "}] * 5):  # fmt: skip
        gate.push(event)
        assert gate.due() is None
    gate.cleared(first)
    second = gate.due()
    assert second
    assert (second.start, second.end) == (11, 66)


def test_watch_passes_everything_while_a_check_hangs() -> None:
    run = simulated(Mode.WATCH, 20, delay=10_000)
    events = parsed(said(TEXT, cut(unique(2000), [5]), repeat=False))
    for event in events:
        run.push(event)
    assert len(run.out) >= len(events) - 1  # a delta waits at most for the next one


def test_watch_does_not_show_a_long_piece_before_its_check() -> None:
    gate = Gate(Mode.WATCH, 100)
    [event] = parsed([{"type": TEXT, "delta": "x" * 101}])
    assert gate.push(event) == []
    window = gate.due()
    assert window
    assert gate.cleared(window) == [event]


def test_after_a_flag_nothing_is_released() -> None:
    gate = Gate(Mode.HOLD, 1)
    for event in parsed(said(TEXT, ["bad words"], repeat=False)):
        gate.push(event)
    window = gate.due()
    assert window
    gate.flagged(window)
    assert gate.blocked
    assert [gate.push(event) for event in parsed(ended())] == [[]]
    gate.flush()
    assert gate.due() is None
    assert gate.settled


def test_off_passes_all_and_checks_nothing() -> None:
    run = simulated(Mode.OFF, 1).run(said(TEXT, cut(unique(300), [7])) + ended())
    assert run.out == parsed(said(TEXT, cut(unique(300), [7])) + ended())
    assert run.windows == []


def test_windows_begin_and_end_between_words() -> None:
    words = ("assembly shiitake classic Essex analysis " * 60).split()
    deltas = [words[0], *(f" {word}" for word in words[1:])]
    # As models cut words: some in the middle.
    pieces = [part for delta in deltas for part in (delta[:4], delta[4:]) if part]
    for every in (40, 100, 333):
        run = simulated(Mode.HOLD, every).run(said(TEXT, pieces))
        assert len(run.windows) > 5
        assert set(" ".join(window.text for window in run.windows).split()) <= set(words)


def test_text_without_gaps_is_checked_all_the_same() -> None:
    run = simulated(Mode.HOLD, 50)
    for event in parsed(said(TEXT, ["好"] * 120, repeat=False)):
        run.push(event)
    assert [window.end for window in run.windows] == [50, 100]
