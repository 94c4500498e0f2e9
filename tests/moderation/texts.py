"""Answers in which each character is one of a kind, and what a gate lets out of them."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tests.moderation.simulation import TEXT_TYPES, Fields, Simulation, cut, ended, said, visible

TEXT = "response.output_text.delta"
PHRASE = "kill yourself"
BEFORE, AFTER = "Some words of an answer, ", " and then a few more of them."

few = settings(max_examples=60, deadline=None)
sizes = st.lists(st.integers(1, 60), min_size=1, max_size=20)


def unique(length: int) -> str:
    """Words of characters none of which comes twice."""
    return "".join(" " if i % 6 == 5 else chr(0x4E00 + i) for i in range(length))


class Seen:
    """The marks in what a simulation has released, and in the windows it has cleared."""

    def __init__(self, run: Simulation) -> None:
        self._run = run
        self._events = self._windows = 0
        self.out: set[str] = set()
        self.cleared: set[str] = set()

    def look(self) -> "Seen":
        self.out |= marks(visible(self._run.out[self._events :]))
        for window in self._run.windows[self._windows :]:
            self.cleared |= marks(window.text)
        self._events, self._windows = len(self._run.out), len(self._run.windows)
        return self


def marks(text: str) -> set[str]:
    """The characters of `unique` in a text."""
    return {character for character in text if "\u4e00" <= character <= "\u9fff"}


@st.composite
def answers(draw: st.DrawFn) -> list[Fields]:
    """Rounds of items of any kind, in which each character is one of a kind."""
    whole = unique(draw(st.integers(1, 700)))
    events: list[Fields] = []
    for number, piece in enumerate(cut(whole, draw(sizes))):
        kind = draw(st.sampled_from(TEXT_TYPES))
        deltas = cut(piece, draw(sizes))
        events += said(kind, deltas, item=f"it_{number}", repeat=draw(st.booleans()))
        if draw(st.integers(0, 9)) == 0:
            events += ended()
    return events + ended()


def spaces(events: list[Fields]) -> int:
    """How many spaces the deltas hold."""
    deltas: list[Any] = [event.get("delta", "") for event in events]
    return sum(
        str(delta["stdout"] if isinstance(delta, dict) else delta).count(" ") for delta in deltas
    )


def joined(log: list[Fields]) -> list[Fields]:
    """As the log keeps it: neighbouring deltas of one part in one event."""
    events: list[Fields] = []
    for event in log:
        fitting = events and isinstance(event.get("delta"), str) and {**events[-1], "delta": 0}
        if fitting == {**event, "delta": 0}:
            events[-1]["delta"] += event["delta"]
        else:
            events.append(dict(event))
    return events
