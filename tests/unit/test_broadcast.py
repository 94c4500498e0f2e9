"""Announcements to other processes: in order, bounded, and nobody waits for them."""

import asyncio
import uuid
from typing import Any

import pytest

from conversations.broadcast import MAX_WAITING, Broadcast
from conversations.link import Link
from conversations.log import Frame
from conversations.protocol import encode


class SlowLayer:
    """A channel layer that takes nothing before its gate opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self.gate.wait()
        self.sent.append(message)

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self.gate.wait()
        self.sent.append(message)


class AbsentLayer(SlowLayer):
    """A channel layer whose server is away until its gate opens."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        if not self.gate.is_set():
            raise ConnectionRefusedError("nobody listens")
        self.sent.append(message)


class Worker:
    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def hear(self, message: dict[str, Any]) -> None:
        self.heard.append(message)


def frame(number: int, size: int) -> Frame:
    return Frame(uuid.UUID(int=1), uuid.UUID(int=2), 1, number, number, "x" * size)


async def test_frames_go_out_in_order() -> None:
    layer = SlowLayer()
    broadcast = Broadcast(None, Link(layer))
    await broadcast.start()
    layer.gate.set()
    for number in range(1, 101):
        broadcast.frames([frame(number, 10)])
    await broadcast.stop()
    assert [message["frame"][2] for message in layer.sent] == list(range(1, 101))


async def test_a_layer_that_hangs_costs_the_oldest_messages_and_no_memory() -> None:
    layer = SlowLayer()
    broadcast = Broadcast(None, Link(layer))
    await broadcast.start()
    size = MAX_WAITING // 10
    for number in range(1, 101):
        broadcast.frames([frame(number, size)])
    layer.gate.set()
    await broadcast.stop()
    kept = [message["frame"][2] for message in layer.sent]
    assert kept == list(range(101 - len(kept), 101))
    assert 8 <= len(kept) <= 10


async def test_the_worker_of_this_process_hears_at_once_and_without_a_layer() -> None:
    broadcast = Broadcast(None, None)
    worker = broadcast.worker = Worker()
    await broadcast.start()
    broadcast.workers({"type": "generations.wake"})
    broadcast.user(7, encode("pong", id=1))
    assert worker.heard == [{"type": "generations.wake"}]
    await broadcast.stop()


async def test_a_layer_that_is_away_is_said_once_and_its_return_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = AbsentLayer()
    link = Link(layer)
    came_through = [await link.call(layer.send("workers", {})) for _ in range(5)]
    layer.gate.set()
    came_through += [await link.call(layer.send("workers", {})) for _ in range(5)]
    assert came_through == [False] * 5 + [True] * 5
    assert [record.message for record in caplog.records] == [
        "the channel layer is away, readers follow the log: nobody listens",
        "the channel layer is back",
    ]
