"""One generation's pending events: joined, numbered, encoded, folded. No I/O.

A generation pushes events as fast as they come; the recorder takes them as one frame.
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from conversations import protocol
from conversations.fold import apply_events, text_of
from conversations.upstream.events import Delta, UpstreamEvent

Fields = dict[str, Any]
Ending = dict[str, Any]
"""Columns of the Generation row that are written with the last event."""


class Frame(msgspec.Struct, frozen=True):
    """Neighbouring events of one generation, encoded once; `epoch` fences the write."""

    conversation: uuid.UUID
    generation: uuid.UUID
    epoch: int
    first_seq: int
    last_seq: int
    body: str
    ending: Ending | None = None


class LogLost(Exception):
    """The generation was claimed by somebody else: this process has no say in it any more."""


class GenerationLog:
    """The writing end of one generation's event log."""

    def __init__(
        self,
        state: Fields,
        conversation: uuid.UUID,
        epoch: int,
        note: Callable[["GenerationLog"], None],
    ) -> None:
        self.state = state
        self.generation = uuid.UUID(state["id"])
        self._conversation = conversation
        self._epoch = epoch
        self._note = note
        self._pending: list[Fields] = []
        self._joining: tuple[Any, ...] | None = None
        self._joined: list[str] = []
        self._ending: Ending | None = None
        self._error: Exception | None = None
        self._written = asyncio.Event()
        self._written.set()

    def push(self, event: UpstreamEvent) -> None:
        """Adds an event of upstream; a delta that goes on where the last one ended joins it."""
        if isinstance(event, Delta):
            if event.key == self._joining:
                self._joined.append(event.delta)
                return
            self._add(event.fields)
            self._joining = event.key
            self._joined = [event.delta]
        else:
            self._add(event.fields)

    def push_own(self, kind: str, **fields: Any) -> None:
        """Adds an event of ours, such as `generation.started`."""
        self._add({"type": kind, **fields})

    def finish(self, ending: Ending, **fields: Any) -> None:
        """Adds the last event; `ending` is written to the row in the same transaction."""
        self._add({"type": "generation.finished", **fields})
        self._ending = ending

    async def flushed(self) -> None:
        """Waits until all that was pushed is committed.

        Raises:
            LogLost: somebody else has claimed the generation; nothing was written.
            Exception: the database refused.
        """
        await self._written.wait()
        if self._error:
            raise self._error

    def check(self) -> None:
        """Raises what `flushed` would, without waiting for it."""
        if self._error:
            raise self._error

    def take(self) -> Frame | None:
        """All that is pending as one frame, numbered and folded into `state`."""
        self._close_delta()
        events, self._pending = self._pending, []
        if not events or self._error:
            return None
        first = self.state["cursor"] + 1
        for seq, event in enumerate(events, first):
            event["seq"] = seq
        body = protocol.encode_events(self.generation, events)
        apply_events(self.state, events)
        last = self.state["cursor"]
        return Frame(
            self._conversation, self.generation, self._epoch, first, last, body, self._row(last)
        )

    def written(self, lost: bool) -> None:
        """Called by the recorder after a commit."""
        if lost:
            self._error = LogLost(str(self.generation))
        if lost or not (self._pending or self._joining):
            self._written.set()

    def failed(self, error: Exception) -> None:
        """Called by the recorder when a commit failed."""
        self._error = error
        self._written.set()

    def _row(self, last: int) -> Ending | None:
        """What the row says from now on: the snapshot that all events add up to."""
        if self._ending is None:
            return None
        items = self.state["items"]
        shown = {"items": items, "text": text_of(items), "notice": self.state["notice"] or ""}
        return {**self._ending, **shown, "cursor": last}

    def _add(self, fields: Fields) -> None:
        self._close_delta()
        # The fold keeps parts of events and changes them: the pending one stays as it came.
        self._pending.append(dict(fields))
        self._written.clear()
        self._note(self)

    def _close_delta(self) -> None:
        if self._joining is not None:
            if len(self._joined) > 1:
                self._pending[-1]["delta"] = "".join(self._joined)
            self._joining = None
            self._joined = []
