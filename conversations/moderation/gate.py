"""The gate: which events may be shown, and which text is to be checked next. No I/O.

Positions count the characters of all text so far, in the order in which it came, what
`texts.py` calls new only. One window of it is checked at a time; text that comes meanwhile
joins the next one. An event goes out when the position of its end lies within a limit:

* `hold`: what is cleared;
* `watch`: what is cleared, `every` characters more, and as many as came since the running
  check began. Streams slower than the checks pass at once. A piece larger than that waits
  for its check: that is how the promise holds for a whole answer in one event too;
* `off`: no limit, and nothing to check.

Events keep their order. None is ever split, nor a character in it: a window ends where an
event ends, and at a gap between words if there is one near.

A driver does after each event, and after each check until nothing is due:

    show(gate.push(event))
    if window := gate.due():            # None as well while a check runs
        verdict = await checker.check(window.text)
        show(gate.cleared(window))      # or gate.flagged(window), which releases nothing more

`flush()` makes all text due that is there, in a silence of upstream too; `settled` says that
nothing is left.
"""

from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Self

import msgspec

from conversations.moderation.texts import LONGEST_WORD, Part, Piece, Texts, closes
from conversations.upstream.events import UpstreamEvent, is_ours
from conversations.upstream.parsing import typed

Fields = dict[str, Any]


class Mode(StrEnum):
    OFF = "off"
    WATCH = "watch"
    HOLD = "hold"


class Window(msgspec.Struct, frozen=True):
    """Text to be checked: positions `start` to `end`, in `text` with some of what came before."""

    start: int
    end: int
    text: str


class Gate:
    """Holds back the events of one generation, over all its rounds."""

    def __init__(self, mode: Mode, every: int) -> None:
        self._mode = mode
        self._every = every
        self._texts = Texts()
        self._queue: deque[tuple[int, UpstreamEvent]] = deque()
        self._fresh: deque[Piece] = deque()  # in no window yet
        self._closed = 0  # so many of them are followed by nothing in the middle of a word
        self._arrived = 0
        self._windowed = 0  # the end of the newest window
        self._running: Window | None = None
        self._arrived_before_check = 0
        self._unchecked_until = 0  # shown by a process that died before it was checked
        self.checked = 0
        """So many characters are cleared."""
        self.blocked = False
        """A window was flagged: nothing is released any more."""

    @classmethod
    def restored(cls, mode: Mode, every: int, log: Iterable[Fields]) -> Self:
        """The gate as it stood when the log ended, which holds every event released.

        In `hold` all of that was cleared. In `watch` what `moderation.checked` does not cover is
        due at once, and nothing is released before it is cleared.
        """
        gate, cleared = cls(mode, every), 0
        for fields in log:
            kind = fields["type"]
            if kind == "moderation.checked":
                # A flag whose retraction was not written: it is to be found again.
                cleared = cleared if fields["flagged"] else fields["chars"]
            elif not is_ours(kind):
                gate._read(typed(dict(fields)))
        if mode is not Mode.WATCH:
            cleared = gate._arrived
        gate.checked = min(cleared, gate._arrived)
        gate._take(gate.checked)
        gate._unchecked_until = gate._arrived
        gate.flush()
        return gate

    @property
    def settled(self) -> bool:
        """All text is cleared and all events are out."""
        return not (self._queue or self._fresh or self._running)

    def push(self, event: UpstreamEvent) -> list[UpstreamEvent]:
        """Takes an event; the events that may be shown now."""
        if self._mode is Mode.OFF:
            return [event]
        if self.blocked:
            return []
        self._read(event)
        self._queue.append((self._arrived, event))
        return self._released()

    @property
    def holding(self) -> bool:
        """Text is held back until it is cleared."""
        return self._mode is Mode.HOLD and bool(self._queue)

    def flush(self, *, words: bool = False) -> None:
        """Makes all text due, as when the stream has ended; with `words` up to the last gap
        between words. More may follow."""
        gaps = [len(self._fresh)]
        if words:
            gaps = [index for index in range(len(self._fresh), 0, -1) if self._is_gap(index)][:1]
        self._closed = max([self._closed, *gaps])

    def due(self) -> Window | None:
        """The text to check next; None while a check runs, or too little is there."""
        enough = self._closed or self._arrived - self._windowed >= self._every
        if self._running or self.blocked or not self._fresh or not enough:
            return None
        start = self._windowed
        text = self._take(self._end_of_window())
        self._arrived_before_check = self._arrived
        self._running = Window(start, self._windowed, text)
        return self._running

    def cleared(self, window: Window) -> list[UpstreamEvent]:
        """Nothing was found in the window of `due`; the events that may be shown now."""
        self._running = None
        self.checked = window.end
        return self._released()

    def flagged(self, window: Window) -> list[UpstreamEvent]:
        """Something was found: what waits is never shown. It is returned for the review."""
        self._running = None
        self.blocked = True
        waiting = [event for _, event in self._queue]
        self._queue.clear()
        self._fresh.clear()
        return waiting

    def _read(self, event: UpstreamEvent) -> None:
        for piece in self._texts.read(event):
            if self._fresh and self._fresh[-1].part is not piece.part:
                self.flush()
            self._fresh.append(piece)
            self._arrived += len(piece.text)
        if closes(event):
            self.flush()

    def _released(self) -> list[UpstreamEvent]:
        limit, events = self._limit(), []
        while self._queue and self._queue[0][0] <= limit:
            events.append(self._queue.popleft()[1])
        return events

    def _limit(self) -> int:
        if self._mode is Mode.HOLD or self.checked < self._unchecked_until:
            return self.checked
        meanwhile = self._arrived - self._arrived_before_check if self._running else 0
        return self.checked + self._every + meanwhile

    def _end_of_window(self) -> int:
        """The end of all that is there, or of its last whole word if that leaves little over:
        less than `every`, so that the bound of `watch` stands."""
        end = self._arrived
        for index in range(len(self._fresh), 0, -1):
            if index <= self._closed or self._is_gap(index):
                return end
            end -= len(self._fresh[index - 1].text)
            if self._arrived - end >= min(self._every, LONGEST_WORD):
                break
        return self._arrived

    def _is_gap(self, index: int) -> bool:
        """Whether no word goes on from the fresh piece before `index` to the one behind it."""
        after = self._fresh[index].text[:1] if index < len(self._fresh) else ""
        return self._fresh[index - 1].text[-1].isspace() or after.isspace()

    def _take(self, end: int) -> str:
        """What to check of the text from the end of the last window to `end`."""
        new: dict[Part, list[str]] = {}
        while self._fresh and self._windowed < end:
            part, text = self._fresh[0].part, self._fresh.popleft().text
            taken = text[: end - self._windowed]
            if len(taken) < len(text):  # only when restored: the log joins deltas
                self._fresh.appendleft(Piece(part, text[len(taken) :]))
            new.setdefault(part, []).append(taken)
            self._windowed += len(taken)
        self._closed = 0
        return "\n\n".join(text for part, texts in new.items() for text in part.window(texts))
