"""What promise 4 says, for every kind of text, at every split, with its figures."""

import itertools
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.moderation.gate import Mode
from tests.moderation.simulation import (
    TEXT_TYPES,
    Fields,
    Simulation,
    cut,
    ended,
    parsed,
    said,
    simulated,
    visible,
)
from tests.moderation.texts import Seen, answers, few, marks, sizes, unique

Figures = Callable[[str, object], None]

SENTENCE = unique(66)
FLAGGED = SENTENCE[26:40]
EVERY = (1, 7, 30, 100)

texts = st.text(
    st.one_of(st.sampled_from(" \n.,abc"), st.characters(exclude_categories=["Cs"])), max_size=300
)


def over_deltas(kind: str) -> Iterable[list[Fields]]:
    """The sentence in one part: cut in two anywhere, and in pieces of each size."""
    for at in range(1, len(SENTENCE)):
        yield said(kind, [SENTENCE[:at], SENTENCE[at:]])
    for size in range(1, len(SENTENCE)):
        yield said(kind, cut(SENTENCE, [size]))


def over_parts(kind: str) -> Iterable[list[Fields]]:
    """The sentence in two parts, or two rounds, cut anywhere inside the flagged words."""
    start = SENTENCE.index(FLAGGED)
    for second, between, at in itertools.product(
        ("response.output_text.delta", "response.mcp_call_arguments.delta"),
        ([], ended()),
        range(start + 1, start + len(FLAGGED)),
    ):
        first = said(kind, [SENTENCE[:start], SENTENCE[start:at]], item="it_1")
        yield first + between + said(second, [SENTENCE[at:]], item="it_2")


def leaked(events: list[Fields], every: int, delay: int) -> int:
    """How many characters `hold` releases, at any moment, that lie in no cleared window."""
    run = simulated(Mode.HOLD, every, [FLAGGED], delay)
    seen, most = Seen(run), 0
    for event in parsed(events):
        run.push(event)
        most = max(most, len(seen.look().out - seen.cleared))
    run.settle()
    assert run.gate.blocked
    return max(most, len(seen.look().out - seen.cleared))


def test_hold_at_every_split(record_property: Figures) -> None:
    splits = worst = 0
    for kind, every in itertools.product(TEXT_TYPES, EVERY):
        for number, events in enumerate(itertools.chain(over_deltas(kind), over_parts(kind))):
            worst = max(worst, leaked(events, every, delay=number % 4))
            splits += 1
    record_property(
        "figures", f"hold: {splits:,} splits, {worst} characters outside cleared windows"
    )
    assert splits > 5_000
    assert worst == 0


def test_watch_at_every_split(record_property: Figures) -> None:
    """What people saw unchecked when the flag came, against N + what came during one check:
    the last one, or the one before it, in which the text came that the last one found."""
    runs, nearest = 0, (-1_000, 0, 0, 0)
    harmless = "".join(" " if n % 7 == 6 else chr(0xAC00 + n) for n in range(200))
    long = harmless + SENTENCE + harmless
    for kind, every, delay in itertools.product(TEXT_TYPES, EVERY, (0, 1, 5, 20)):
        for size in (1, 2, 3, 5, 8, 13, 21, 40, 90, 400):
            run = simulated(Mode.WATCH, every, [FLAGGED], delay)
            came = [0]
            for event in parsed(said(kind, cut(long, [size]), repeat=False)):
                run.push(event)
                came.append(came[-1] + characters(event.fields))
            run.settle()
            assert run.gate.blocked
            shown = sum(characters(event.fields) for event in run.out) - run.gate.checked
            during = max(came[end] - came[begin] for begin, end in run.checks[-2:])
            assert shown <= every + during
            nearest = max(nearest, (shown - every - during, every, during, shown))
            runs += 1
    room, every, during, shown = nearest
    figures = f"{shown} shown before the flag ≤ {every} + {during}"
    record_property("figures", f"watch: {runs:,} runs, nearest to its bound {figures}")
    assert room == 0


def characters(fields: Fields) -> int:
    """How many a delta brings."""
    delta = fields.get("delta", "")
    return len(delta["stdout"] if isinstance(delta, dict) else delta)


@few
@given(answers(), st.integers(1, 150), st.integers(0, 9))
def test_hold_releases_no_character_outside_a_cleared_window(
    events: list[Fields], every: int, delay: int
) -> None:
    run = simulated(Mode.HOLD, every, delay=delay)
    seen = Seen(run)
    for event in parsed(events):
        run.push(event)
        assert seen.look().out <= seen.cleared
    run.settle()
    assert run.out == parsed(events)


@few
@given(answers(), st.integers(1, 150), st.integers(0, 9))
def test_watch_shows_no_more_unchecked_than_its_bound(
    events: list[Fields], every: int, delay: int
) -> None:
    run = simulated(Mode.WATCH, every, delay=delay)
    seen = Seen(run)
    arrived: list[int] = [0]
    during = 0
    before: set[str] = set()
    for event in parsed(events):
        before |= marks(visible([event]))
        run.push(event)
        arrived.append(len(before))
        # A check runs while `delay` events come; the spaces are not counted, so less is shown.
        during = max(during, arrived[-1] - arrived[max(0, len(arrived) - 1 - delay)])
        assert len(seen.look().out - seen.cleared) <= every + during
    run.settle()
    assert run.out == parsed(events)


@few
@given(answers(), st.sampled_from([Mode.HOLD, Mode.WATCH]), st.integers(1, 150), st.data())
def test_the_bound_holds_when_upstream_falls_silent_at_any_place(
    events: list[Fields], mode: Mode, every: int, data: st.DataObject
) -> None:
    delay = data.draw(st.integers(0, 9))
    silences = data.draw(st.sets(st.integers(0, len(events))))
    run = simulated(mode, every, delay=delay)
    seen = Seen(run)
    for number, event in enumerate(parsed(events)):
        run.push(event)
        if number in silences:
            run.gate.flush(words=data.draw(st.booleans()))
            run.check()
        if mode is Mode.HOLD:
            assert seen.look().out <= seen.cleared
    run.settle()
    assert run.out == parsed(events)
    assert run.gate.settled


@few
@given(st.lists(st.tuples(st.sampled_from(TEXT_TYPES), texts, sizes), max_size=6),
       st.sampled_from(Mode), st.integers(1, 120), st.integers(0, 5))  # fmt: skip
def test_what_is_not_flagged_comes_out_as_it_went_in(
    parts: list[tuple[str, str, list[int]]], mode: Mode, every: int, delay: int
) -> None:
    events = [
        event
        for number, (kind, text, lengths) in enumerate(parts)
        for event in said(kind, cut(text, lengths), item=f"it_{number}")
    ] + ended()
    run: Simulation = simulated(mode, every, delay=delay).run(events)
    assert run.out == parsed(events)
    assert run.gate.settled
    assert not run.gate.blocked


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.WATCH])
def test_words_are_whole_in_the_first_silence_and_the_rest_comes_in_the_next(mode: Mode) -> None:
    run = simulated(mode, 100)
    for event in parsed(said("response.output_text.delta", ["one ", "two ", "thr"], repeat=False)):
        run.push(event)
    for words, until in ((True, 8), (False, 11)):
        run.gate.flush(words=words)
        run.check()
        assert run.gate.checked == until
    assert run.gate.settled
