"""A gate that goes on with what a dead process left in the log."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from conversations.moderation.gate import Gate, Mode
from tests.moderation.simulation import Fields, Simulation, ended, parsed, said, simulated, visible
from tests.moderation.texts import (
    BEFORE,
    PHRASE,
    TEXT,
    Seen,
    answers,
    few,
    joined,
    marks,
    spaces,
)


@few
@given(answers(), st.integers(1, 90), st.integers(0, 6), st.data())
def test_a_gate_restored_from_the_log_goes_on_in_hold(
    events: list[Fields], every: int, delay: int, data: st.DataObject
) -> None:
    whole = parsed(events)
    first = simulated(Mode.HOLD, every, delay=delay)
    for event in whole[: data.draw(st.integers(0, len(whole)))]:
        first.push(event)
    second = Simulation(Gate.restored(Mode.HOLD, every, joined(first.log)), delay=delay)
    before, seen = marks(first.cleared), Seen(second)
    for event in whole[len(first.out) :]:  # upstream goes on behind the last event in the log
        second.push(event)
        assert seen.look().out <= before | seen.cleared
    second.settle()
    assert first.out + second.out == whole
    assert second.gate.checked == len(marks(visible(whole))) + spaces(events)


@few
@given(answers(), st.integers(1, 90), st.integers(0, 6), st.data())
def test_a_gate_restored_in_watch_checks_the_rest_before_it_releases_more(
    events: list[Fields], every: int, delay: int, data: st.DataObject
) -> None:
    whole = parsed(events)
    first = simulated(Mode.WATCH, every, delay=delay)
    for event in whole[: data.draw(st.integers(0, len(whole)))]:
        first.push(event)
    second = Simulation(Gate.restored(Mode.WATCH, every, joined(first.log)), delay=delay)
    owed = marks(visible(first.out)) - marks(first.cleared)
    seen = Seen(second)
    for event in whole[len(first.out) :]:
        second.push(event)
        assert owed <= seen.look().cleared or not seen.out
    second.settle()
    assert owed <= marks(second.cleared)
    assert first.out + second.out == whole


def test_a_phrase_is_found_that_a_dead_process_left_half_shown() -> None:
    for mode, every, at in itertools.product((Mode.HOLD, Mode.WATCH), (1, 10, 100), range(1, 13)):
        events = parsed(said(TEXT, [BEFORE, PHRASE[:at], PHRASE[at:]]))
        first = simulated(mode, every, [PHRASE])
        for event in events[:3]:
            first.push(event)
        second = Simulation(Gate.restored(mode, every, joined(first.log)), [PHRASE])
        for event in events[len(first.out) :]:
            second.push(event)
        assert second.settle().gate.blocked


def test_what_was_flagged_counts_as_unchecked_when_the_retraction_was_not_written() -> None:
    log = [
        *said(TEXT, [PHRASE], repeat=False),
        {"type": "moderation.checked", "chars": len(PHRASE), "flagged": True, "categories": ["x"]},
    ]
    run = Simulation(Gate.restored(Mode.WATCH, 100, log), [PHRASE])
    run.push(parsed(ended())[0])
    assert run.gate.blocked
    assert run.out == []
