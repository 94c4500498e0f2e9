"""Responses in background mode: they run on whoever listens, and can be resumed and cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.upstream import script
from tests.upstream.connection import Connection
from tests.upstream.encoding import encode, fill
from tests.upstream.messages import RecordData
from tests.upstream.player import model_of
from tests.upstream.script import Event, Step
from tests.upstream.state import State

Fault = script.Cut | script.Reset | script.Silence
POSSIBLE = script.Play | script.Pause | script.Gate | Fault


class BackgroundRun:
    """Writes a script's events to a log at the script's pace; connections read along.

    Cut, Reset and Silence happen to the connection that started the run, not to the run.
    """

    def __init__(self, state: State, model: str, response_id: str, steps: Sequence[Step]) -> None:
        for step in steps:
            if not isinstance(step, POSSIBLE):
                raise TypeError(f"{step} can't be a step of a background response")
        self.log: list[Event | Fault] = []
        self.finished = False
        self.cancelled = False
        self._state = state
        self._fill = (model, response_id)
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run(steps))

    async def _run(self, steps: Sequence[Step]) -> None:
        try:
            for step in steps:
                await self._step(step)
        finally:
            self.finished = True
            self._wake()

    async def _step(self, step: Step) -> None:
        match step:
            case script.Play():
                for event in step.events:
                    self._append(fill(event, *self._fill))
                    await asyncio.sleep(1 / step.rate if step.rate else 0)
            case script.Pause(seconds):
                await asyncio.sleep(seconds)
            case script.Gate(name):
                await self._state.pass_gate(name)
            case script.Cut() | script.Reset() | script.Silence():
                self._append(step)

    def _append(self, entry: Event | Fault) -> None:
        self.log.append(entry)
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def longer_than(self, length: int) -> bool:
        """Wait until the log is longer than this; False when it never will be."""
        while len(self.log) <= length and not self.finished:
            await self._news.wait()
        return len(self.log) > length

    def response(self) -> dict[str, Any]:
        """The response object as of now."""
        latest: dict[str, Any] = {}
        for entry in self.log:
            if isinstance(entry, dict) and isinstance(entry.get("response"), dict):
                latest = entry["response"]
        return {**latest, "status": "cancelled"} if self.cancelled else latest

    async def cancel(self) -> None:
        """Stop where it is; cancelling again, or after the end, changes nothing."""
        if self.finished:
            return
        self.cancelled = True
        self._task.cancel()
        await asyncio.wait([self._task])

    async def stop(self) -> None:
        """End the task, whatever it is doing."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def send(self, connection: Connection, after: int = -1, faults: bool = False) -> None:
        """Send the events behind sequence number `after`, those to come too, until the end."""
        connection.head()
        position = 0
        while await self.longer_than(position):
            entry = self.log[position]
            position += 1
            if isinstance(entry, dict):
                if entry.get("sequence_number", 0) > after:
                    connection.body(encode(entry), events=1)
                    await connection.drained()
            elif faults:
                await _fail(connection, entry)
                return
        connection.finish()


async def _fail(connection: Connection, fault: Fault) -> None:
    match fault:
        case script.Cut():
            connection.cut()
        case script.Reset():
            await connection.reset()
        case script.Silence():
            await asyncio.get_running_loop().create_future()


class BackgroundRuns:
    """All background responses since the last reset, by response id."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._runs: dict[str, BackgroundRun] = {}

    def start(
        self, connection: Connection, record: RecordData, steps: Sequence[Step]
    ) -> BackgroundRun:
        """Begin to run a script for this request."""
        run = BackgroundRun(self._state, model_of(connection), record.response_id, steps)
        self._runs[record.response_id] = run
        return run

    def get(self, response_id: str) -> BackgroundRun | None:
        """The run with this id."""
        return self._runs.get(response_id)

    async def clear(self) -> None:
        """Stop and forget all."""
        for run in self._runs.values():
            await run.stop()
        self._runs.clear()
