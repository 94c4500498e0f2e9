"""A flagged phrase is found wherever an answer is cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.moderation.gate import Mode
from tests.moderation.simulation import TEXT_TYPES, Fields, cut, ended, said, simulated
from tests.moderation.texts import AFTER, BEFORE, PHRASE, TEXT, few, sizes


@pytest.mark.parametrize("between", [[], ended()], ids=["parts", "rounds"])
@pytest.mark.parametrize("every", [1, 7, 1000])
@pytest.mark.parametrize(
    "kinds", list(itertools.product(TEXT_TYPES, [TEXT, "response.mcp_call_arguments.delta"]))
)
def test_a_flagged_phrase_is_found_at_every_split_over_parts_and_rounds(
    kinds: tuple[str, str], every: int, between: list[Fields]
) -> None:
    for at in range(1, len(PHRASE)):
        first = said(kinds[0], [BEFORE, PHRASE[:at]], item="it_1")
        second = said(kinds[1], [PHRASE[at:], AFTER], item="it_2")
        run = simulated(Mode.HOLD, every, [PHRASE]).run(first + between + second)
        assert run.gate.blocked, at


def test_a_phrase_is_found_that_comes_in_a_part_for_each_letter() -> None:
    for every in (1, 5, 100):
        events = [
            event for n, letter in enumerate(PHRASE) for event in said(TEXT, [letter], item=str(n))
        ]
        assert simulated(Mode.HOLD, every, [PHRASE]).run(events).gate.blocked


def test_a_phrase_is_found_in_parts_that_grow_by_turns() -> None:
    first = said(TEXT, cut(PHRASE, [2]), item="it_1", repeat=False)
    second = said(TEXT, cut("quite harmless", [2]), item="it_2", repeat=False)
    events = [event for pair in zip(first, second, strict=True) for event in pair]
    for every in (1, 5, 100):
        assert simulated(Mode.HOLD, every, [PHRASE]).run(events).gate.blocked


@pytest.mark.parametrize("every", [1, 30, 100, 300])
def test_whatever_is_not_longer_than_a_long_sentence_is_found_across_windows(every: int) -> None:
    phrase = ("never say this " * 14)[:200]
    filling = "Words of no interest. " * 40
    for before in range(0, 400, 7):
        deltas = cut(filling[:before] + phrase + filling, [4])
        assert simulated(Mode.HOLD, every, [phrase]).run(said(TEXT, deltas)).gate.blocked


@few
@given(st.text("ab ", min_size=1, max_size=400), sizes, st.integers(1, 100), st.data())
def test_a_phrase_is_found_anywhere_in_any_text(
    text: str, lengths: list[int], every: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(text)))
    delay = data.draw(st.integers(0, 6))
    deltas = cut(text[:at] + PHRASE + text[at:], lengths)
    run = simulated(Mode.HOLD, every, [PHRASE], delay).run(said(TEXT, deltas) + ended())
    assert run.gate.blocked
    assert all(event.type != "response.completed" for event in run.out)
