"""Plays a script on a connection."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Sequence

from tests.upstream import script
from tests.upstream.connection import Connection
from tests.upstream.encoding import encode, fill, split_bytes
from tests.upstream.script import Event, Split, Step

# uvloop's clock ticks in milliseconds and may wake a timer a little early.
CLOCK_SLACK = 0.001


def model_of(connection: Connection) -> str:
    """The model that the request asks for."""
    body = connection.record.body
    return str(body.get("model", "")) if isinstance(body, dict) else ""


async def play(connection: Connection, steps: Iterable[Step]) -> None:
    """Run the steps in order; the body is ended properly after the last one."""
    for step in steps:
        await _play_step(connection, step)
        if connection.record.ended:
            return
    connection.finish()


async def _play_step(connection: Connection, step: Step) -> None:
    match step:
        case script.Play():
            await _play_events(connection, step)
        case script.Raw(data, split):
            await _send_split(connection, [data], split)
        case script.Repeat(data, rate, times):
            again = itertools.repeat(data, times) if times else itertools.repeat(data)
            await paced(connection, again, rate)
        case script.Wire(data, split):
            for part in split_bytes(data, split) if split else [data]:
                connection.wire(part)
                await asyncio.sleep(split.pause if split else 0)
        case script.Head(status, headers):
            connection.head(status, headers)
        case script.Reply(status, headers, body):
            connection.reply(status, headers, body)
        case _:
            await _wait_or_end(connection, step)


async def _wait_or_end(
    connection: Connection,
    step: script.Pause | script.Gate | script.Silence | script.Cut | script.Reset,
) -> None:
    match step:
        case script.Pause(seconds):
            await asyncio.sleep(seconds)
        case script.Gate(name):
            await connection.state.pass_gate(name)
        case script.Silence():
            if not connection.head_sent:
                connection.head()
            await asyncio.get_running_loop().create_future()
        case script.Cut():
            connection.cut()
        case script.Reset():
            await connection.reset()


async def _play_events(connection: Connection, step: script.Play) -> None:
    model, response_id = model_of(connection), connection.record.response_id
    filled = (fill(event, model, response_id) for event in step.events)
    # Encoded one by one as they are sent, so that a long answer does not begin with a delay.
    parts = (encode(event, step.named, step.newline) for event in filled)
    if step.split is not None:
        await _send_split(connection, list(parts), step.split)
    elif step.rate > 0:
        await paced(connection, parts, step.rate)
    else:
        for part in parts:
            connection.body(part, events=1)
            await connection.drained()


async def _send_split(connection: Connection, events: Sequence[bytes], split: Split | None) -> None:
    """Send the joined bytes in the parts that the split asks for."""
    data = b"".join(events)
    ends = list(itertools.accumulate(len(event) for event in events))
    sent = whole = 0
    for part in split_bytes(data, split or Split()):
        sent += len(part)
        ended = sum(end <= sent for end in ends[whole:]) if data else 0
        whole += ended
        connection.body(part, ended)
        await connection.drained()
        await asyncio.sleep(split.pause if split else 0)


async def paced(connection: Connection, parts: Iterable[bytes], rate: float) -> None:
    """Send encoded parts `rate` times a second: one timer, no task switch per part."""
    if not connection.head_sent:
        connection.head()
    pacer = _Pacer(connection, iter(parts), 1 / rate)
    try:
        await pacer.finished
    finally:
        pacer.stop()


class _Pacer:
    """Sends at fixed times from the start, so that a late timer is made up for.

    A part that ends in an empty line counts as one event.
    """

    def __init__(self, connection: Connection, parts: Iterator[bytes], interval: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[None] = self.loop.create_future()
        self._connection = connection
        self._parts = parts
        self._interval = interval
        self._due = self.loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._tick()

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        if self._connection.transport.is_closing():
            return  # the client is gone; whoever waits for the end is cancelled
        now = self.loop.time() + CLOCK_SLACK
        while self._due <= now:
            if self._connection.crowded:
                self._due = now + 0.01
                break
            part = next(self._parts, None)
            if part is None:
                if not self.finished.done():
                    self.finished.set_result(None)
                return
            self._connection.body(part, part.endswith((b"\n\n", b"\r\n\r\n")))
            self._due += self._interval
        self._timer = self.loop.call_at(self._due, self._tick)


def final_response(steps: Iterable[Step]) -> dict[str, object] | None:
    """The response object of the script's terminal event, for requests without `stream`."""
    events: list[Event] = [
        e for step in steps if isinstance(step, script.Play) for e in step.events
    ]
    for event in reversed(events):
        response = event.get("response")
        if isinstance(response, dict) and response.get("status") not in {"queued", "in_progress"}:
            return response
    return None
