"""Streams of every kind of text, and a gate driven by hand: no clock, no loop."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from conversations.moderation.gate import Gate, Mode, Window
from conversations.upstream.events import EVENT_TABLE, Kind, UpstreamEvent
from conversations.upstream.parsing import typed

Fields = dict[str, Any]

TEXT_TYPES = sorted(
    name for name, row in EVENT_TABLE.items() if row.kind is Kind.DELTA and row.place
)
"""All delta types, shell output too, whose deltas are objects."""

OUTPUT = "response.shell_call_output_content.delta"


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    """The text in pieces of these sizes, the last one repeated."""
    pieces, at, number = [], 0, 0
    while at < len(text):
        size = sizes[min(number, len(sizes) - 1)]
        pieces.append(text[at : at + size])
        at, number = at + size, number + 1
    return pieces


def said(
    kind: str, deltas: Sequence[str], *, item: str = "it_1", repeat: bool = True
) -> list[Fields]:
    """An item whose text comes as `deltas` of type `kind`, then again, as far as `repeat`."""
    place = EVENT_TABLE[kind].place
    assert place
    whole = "".join(deltas)
    where: Fields = {"item_id": item, "output_index": 0}
    if place.at:
        where[place.at] = 0
    named = kind == OUTPUT
    events: list[Fields] = [
        {"type": "response.output_item.added", "item": {"type": place.item, "id": item}},
        *({"type": kind, **where, "delta": {"stdout": d} if named else d} for d in deltas),
    ]
    if not repeat:
        return events
    part: Fields = {"stdout": whole} if named else {place.field: whole}
    finished: Fields = {"type": place.item, "id": item}
    finished |= {place.parts: [{"type": place.part_type, **part}]} if place.parts else part
    done: Fields = {place.field: [part]} if named else {place.field: whole}
    events.append({"type": kind.removesuffix("delta") + "done", **where, **done})
    if place.parts == "content":
        events.append({"type": "response.content_part.done", **where, "part": part})
    events.append({"type": "response.output_item.done", "item": finished})
    return events


def ended() -> list[Fields]:
    return [{"type": "response.completed", "response": {"id": "r_1", "status": "completed"}}]


def parsed(events: Iterable[Fields]) -> list[UpstreamEvent]:
    return [typed(msgspec.json.decode(msgspec.json.encode(event))) for event in events]


def visible(events: Iterable[UpstreamEvent]) -> str:
    """All that is in these events, ids too."""
    return msgspec.json.encode([event.fields for event in events]).decode()


@dataclass
class Simulation:
    """A gate and a checker that flags `phrases` and takes `delay` pushes for a check."""

    gate: Gate
    phrases: Sequence[str] = ()
    delay: int = 0
    out: list[UpstreamEvent] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    log: list[Fields] = field(default_factory=list)
    pushed: int = 0
    checks: list[tuple[int, int]] = field(default_factory=list)
    """After how many pushes each check began and ended."""
    _running: tuple[Window, int] | None = None

    def push(self, event: UpstreamEvent) -> None:
        self.pushed += 1
        self._show(self.gate.push(event))
        self.check()

    def check(self, *, now: bool = False) -> None:
        """Begins checks that are due and ends those that ran long enough."""
        while True:
            if self._running is None:
                window = self.gate.due()
                if window is None:
                    return
                self._running = (window, self.pushed + self.delay)
            window, ready = self._running
            if self.pushed < ready and not now:
                return
            self._running = None
            flagged = any(phrase in window.text for phrase in self.phrases)
            self.log.append({"type": "moderation.checked", "chars": window.end, "flagged": flagged})
            self.checks.append((ready - self.delay, self.pushed))
            if flagged:
                self.gate.flagged(window)
                return
            self.windows.append(window)
            self._show(self.gate.cleared(window))

    def run(self, events: Iterable[Fields]) -> "Simulation":
        """Pushes all of it and settles."""
        for event in parsed(events):
            self.push(event)
        return self.settle()

    def settle(self) -> "Simulation":
        self.gate.flush()
        self.check(now=True)
        return self

    @property
    def cleared(self) -> str:
        """The text of all cleared windows."""
        return "".join(window.text for window in self.windows)

    def _show(self, events: list[UpstreamEvent]) -> None:
        self.out += events
        self.log += [dict(event.fields) for event in events]


def simulated(
    mode: Mode, every: int = 100, phrases: Sequence[str] = (), delay: int = 0
) -> Simulation:
    return Simulation(Gate(mode, every), phrases, delay)
