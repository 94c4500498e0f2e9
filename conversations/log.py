"""One generation's pending events: joined, numbered, encoded, folded. No I/O.

A generation pushes events as fast as they come; the recorder takes them as one frame.
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from conversations import protocol
from conversations.charges import Charge
from conversations.fold import apply_events, text_of
from conversations.moderation.retraction import Retraction, without_text
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
    upstream_seq: int | None = None
    ending: Ending | None = None
    charge: Charge | None = None
    retraction: Retraction | None = None


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
        upstream_seq: int | None = None,
    ) -> None:
        self.state = state
        self.generation = uuid.UUID(state["id"])
        self._conversation = conversation
        self._epoch = epoch
        self._note = note
        self._pending: list[Fields] = []
        self._joining: tuple[Any, ...] | None = None
        self._joined: list[str] = []
        self._upstream_seq = upstream_seq
        self.first_text_at: float | None = None
        """Loop time; None as well for an answer that another process began."""
        self._begun_here = state["cursor"] == 0
        self._ending: Ending | None = None
        self._charge: Charge | None = None
        self._retraction: Retraction | None = None
        self._error: Exception | None = None
        self._written = asyncio.Event()
        self._written.set()

    def push(self, event: UpstreamEvent) -> None:
        """Adds an event of upstream; a delta that goes on where the last one ended joins it."""
        if event.number is not None:
            self._upstream_seq = event.number
        if isinstance(event, Delta):
            if event.key == self._joining:
                self._joined.append(event.delta)
                return
            if self.first_text_at is None and self._begun_here:
                self.first_text_at = asyncio.get_running_loop().time()
            self._add(event.fields)
            self._joining = event.key
            self._joined = [event.delta]
        else:
            self._add(event.fields)

    def push_own(self, kind: str, /, **fields: Any) -> None:
        """Adds an event of ours, such as `generation.started`."""
        self._add({"type": kind, **fields})

    def review(self, retraction: Retraction) -> None:
        """Keeps for review what was found, with the next event."""
        self._retraction = retraction

    def retract(self, retraction: Retraction, notice: str, withheld: list[UpstreamEvent]) -> None:
        """Takes back all text, what waits here and what is stored, and says so.

        For review it is kept, with what was `withheld`.
        """
        for event in withheld:
            self.push(event)
        self._close_delta()
        whole = msgspec.json.decode(msgspec.json.encode(self.state))
        copies = msgspec.json.decode(msgspec.json.encode(self._pending))
        for seq, copy in enumerate(copies, whole["cursor"] + 1):
            copy["seq"] = seq
        apply_events(whole, copies)
        del self._pending[len(self._pending) - len(withheld) :]
        self._pending = [without_text(event) for event in self._pending]
        self.review(msgspec.structs.replace(retraction, withdrawn=whole["items"]))
        self._add({"type": "text.retracted", "categories": retraction.categories, "notice": notice})

    def finish(self, ending: Ending, charge: Charge | None = None, **fields: Any) -> None:
        """Adds the last event. In the transaction that writes it `ending` is written to the row
        and `charge` is settled."""
        self._add({"type": "generation.finished", **fields})
        self._ending, self._charge = ending, charge

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
            conversation=self._conversation,
            generation=self.generation,
            epoch=self._epoch,
            first_seq=first,
            last_seq=last,
            body=body,
            upstream_seq=self._upstream_seq,
            ending=self._row(last),
            charge=self._charge,
            retraction=self._take_retraction(),
        )

    def _take_retraction(self) -> Retraction | None:
        retraction, self._retraction = self._retraction, None
        return retraction

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
        if self._error is None:  # else nothing more is written, and who waits must learn why
            self._written.clear()
            self._note(self)

    def _close_delta(self) -> None:
        if self._joining is not None:
            if len(self._joined) > 1:
                self._pending[-1]["delta"] = "".join(self._joined)
            self._joining = None
            self._joined = []
