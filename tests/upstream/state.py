"""The upstream's memory: rules, gates, records. Only touched in the server's event loop."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.upstream import messages
from tests.upstream.messages import Moderation, RecordData, Rule
from tests.upstream.script import Step

DEFAULT_MODELS = ["scripted-small", "scripted-large"]


class Droppable(Protocol):
    """A connection that can be dropped by the test."""

    def drop(self) -> None: ...


def last_user_text(body: Any) -> str:
    """The text of the last user message in a request's `input`; empty when there is none."""
    source = body.get("input") if isinstance(body, dict) else None
    if isinstance(source, str):
        return source
    for item in reversed(source if isinstance(source, list) else []):
        if not isinstance(item, dict) or item.get("role") != "user":
            continue
        content = item.get("content")
        if isinstance(content, str):
            return content
        parts = content if isinstance(content, list) else []
        return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
    return ""


@dataclass
class State:
    """See the module. `changed` must follow every change that somebody may wait for."""

    models: list[str] = field(default_factory=lambda: list(DEFAULT_MODELS))
    moderation: Moderation = field(default_factory=Moderation)
    rules: list[Rule] = field(default_factory=list)
    records: list[RecordData] = field(default_factory=list)
    streams: set[Droppable] = field(default_factory=set)
    most_open: int = 0
    _gates: dict[str, asyncio.Event] = field(default_factory=dict)
    _at_gate: dict[str, int] = field(default_factory=dict)
    _waiters: set[asyncio.Event] = field(default_factory=set)

    def reset(self, models: list[str]) -> None:
        """Forget everything and drop what is open."""
        for stream in list(self.streams):
            stream.drop()
        self.models = list(models)
        self.moderation = Moderation()
        self.rules, self.records = [], []
        self.most_open = 0
        for gate in self._gates.values():
            gate.set()  # whoever still waits there was dropped above
        self._gates, self._at_gate = {}, {}
        self.changed()

    def arrived(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: Any,
    ) -> RecordData:
        """Write down a request."""
        record = RecordData(
            number=len(self.records) + 1,
            at=time.monotonic(),
            method=method,
            path=path,
            query=dict(query),
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
            text=last_user_text(body),
            response_id=f"resp_{uuid.uuid4().hex}",
            sent_times=[],
        )
        self.records.append(record)
        self.changed()
        return record

    def script_for(self, record: RecordData) -> list[Step] | None:
        """The script of the rule that fits this request; it is used up by this."""
        fitting = [rule for rule in self.rules if _fits(rule, record)]
        if not fitting:
            return None
        chosen = next((r for r in reversed(fitting) if r.text or r.model), fitting[0])
        if chosen.times is not None:
            chosen.times -= 1
            if chosen.times <= 0:
                # By identity: two equal rules are two rules.
                self.rules = [rule for rule in self.rules if rule is not chosen]
        return chosen.script

    async def pass_gate(self, name: str) -> None:
        """Wait until the test opened the gate."""
        gate = self._gates.setdefault(name, asyncio.Event())
        self._at_gate[name] = self._at_gate.get(name, 0) + 1
        self.changed()
        await gate.wait()

    def open_gate(self, name: str) -> None:
        """Let everybody through, now and later."""
        self._gates.setdefault(name, asyncio.Event()).set()

    def opened(self, stream: Droppable) -> None:
        """Count a stream as open."""
        self.streams.add(stream)
        self.most_open = max(self.most_open, len(self.streams))

    def ended(self, stream: Droppable) -> None:
        """Count it no more."""
        self.streams.discard(stream)
        self.changed()

    def changed(self) -> None:
        """Wake whoever waits in `wait`; costs nothing when nobody does."""
        for waiter in self._waiters:
            waiter.set()

    async def wait(self, wanted: messages.Wait) -> bool:
        """Wait for what a test asked for; False when the time ran out."""
        met = self._condition(wanted)
        deadline = time.monotonic() + wanted.timeout
        waiter = asyncio.Event()
        self._waiters.add(waiter)
        try:
            while not met():
                waiter.clear()
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                try:
                    await asyncio.wait_for(waiter.wait(), left)
                except TimeoutError:
                    return met()
            return True
        finally:
            self._waiters.discard(waiter)

    def _condition(self, w: messages.Wait) -> Callable[[], bool]:
        if w.what == "requests":
            return lambda: sum(not w.path or r.path == w.path for r in self.records) >= w.count
        if w.what == "gate":
            return lambda: self._at_gate.get(w.name, 0) >= w.count
        if w.what == "idle":
            return lambda: not self.streams
        if not 1 <= w.number <= len(self.records):
            raise LookupError(f"there is no record {w.number}")
        record = self.records[w.number - 1]
        if w.what == "sent":
            return lambda: record.events_sent >= w.count or bool(record.ended)
        if w.what == "ended":
            return lambda: bool(record.ended)
        raise ValueError(f"can't wait for {w.what!r}")


def _fits(rule: Rule, record: RecordData) -> bool:
    if rule.path != record.path or rule.method != record.method:
        return False
    model = record.body.get("model", "") if isinstance(record.body, dict) else ""
    if rule.model and rule.model != model:
        return False
    return not rule.text or re.search(rule.text, record.text) is not None
