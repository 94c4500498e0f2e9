"""A browser tab that comes back after every loss, with its cursors and unanswered commands."""

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.chaos.witness import OBEYED, SEQ, Fields, Witness
from tests.site import Person

FINAL = {"completed", "incomplete", "stopped", "failed", "blocked", "interrupted"}
LATER = {"rate_limited", "upstream_unavailable"}
"""Refusals that ask to try again."""


class ReturningTab:
    """`run()` keeps it connected. Every event is checked against the one before it."""

    def __init__(
        self, find: Callable[[], str], person: Person, witness: Witness, random: Random,
        cursors: bool = True,
    ) -> None:  # fmt: skip
        self._find = find
        self._person = person
        self._witness = witness
        self._random = random
        self._with_cursors = cursors
        self._commands: dict[str, Fields] = {}  # sent and not answered yet, by id
        self._answers: dict[str, asyncio.Future[Fields]] = {}
        self._open: set[str] = set()
        self._members: dict[str, set[str]] = {}  # conversation → its generations
        self.cursors: dict[str, int] = {}
        self.ended: dict[str, str] = {}  # generation → final status
        self._news = asyncio.Condition()
        self.socket: ClientConnection | None = None
        self._forget_socket()

    async def run(self) -> None:
        """Connects again and again until it is cancelled."""
        while True:
            try:
                await self._live()
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
                self._witness.counts["connections lost or refused"] += 1
            if self.socket and self.socket.close_code:
                self._witness.closes[self.socket.close_code] += 1
            self.socket = None
            await asyncio.sleep(self._random.uniform(0.02, 0.3))

    def cut(self) -> bool:
        """Aborts the TCP connection; False when there is none."""
        if self.socket is None or self.socket.transport.is_closing():
            return False
        self.socket.transport.abort()
        return True

    async def command(self, kind: str, **fields: Any) -> Fields:
        """Sends a command with an id, as often as it takes; the message that answers it."""
        id = str(uuid.uuid4())
        self._commands[id] = {"type": kind, "id": id, **fields}
        self._answers[id] = asyncio.get_running_loop().create_future()
        await self._send(self._commands[id])
        return await self._answers[id]

    async def open(self, conversation: str) -> None:
        """Follows a conversation, and no other, from now on over all sockets."""
        await self._leave_all_but(conversation)
        if conversation not in self._open:
            self._open.add(conversation)
            await self._send_open(conversation)

    async def _leave_all_but(self, conversation: str) -> None:
        """A socket may have 20 open at once."""
        for old in self._open - {conversation}:
            self._open.discard(old)
            await self._send({"type": "conversation.close", "conversation": old})

    async def stop(self, generation: str) -> None:
        """Asks to stop a generation; returns when a server has obeyed, or it has ended."""
        while generation not in self.ended:
            id = str(uuid.uuid4())
            pong = self._answers[id] = asyncio.get_running_loop().create_future()
            await self._send({"type": "generation.stop", "generation": generation})
            await self._send({"type": "ping", "id": id})
            await asyncio.wait([pong], timeout=1)
            del self._answers[id]
            if pong.done():
                return

    async def end(self, generation: str) -> str:
        """Waits until a generation has ended; its status."""
        async with self._news:
            await self._news.wait_for(lambda: generation in self.ended)
        return self.ended[generation]

    async def _live(self) -> None:
        async with connect(
            self._find(),
            additional_headers={"Cookie": self._person.cookie},
            max_size=None,
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=5,
            close_timeout=1,
        ) as socket:
            self._witness.counts["connections"] += 1
            self._forget_socket()
            self.socket = socket
            sends = [partial(self._send, command) for command in self._commands.values()]
            sends += [partial(self._send_open, conversation) for conversation in self._open]
            self._random.shuffle(sends)  # both orders must do
            for send in sends:
                await send()
            async for frame in socket:
                await self._take(json.loads(frame))

    def _forget_socket(self) -> None:
        self._next: dict[str, int] = {}  # the seq that must come next on this socket
        self._asked: dict[str, deque[tuple[dict[str, int], dict[str, int]]]] = {}

    async def _send(self, message: Fields) -> None:
        """Sends if it can; whoever needs an answer sends again."""
        if self.socket is not None:
            try:
                await self.socket.send(json.dumps(message))
            except ConnectionClosed:
                self._witness.counts["sends on a lost connection"] += 1

    async def _send_open(self, conversation: str) -> None:
        seen = {g: self.cursors[g] for g in self._members.get(conversation, ())}
        cursors = seen if self._with_cursors else {}
        self._asked.setdefault(conversation, deque()).append((cursors, seen))
        await self._send(
            {"type": "conversation.open", "conversation": conversation, "cursors": cursors}
        )

    async def _take(self, message: Fields) -> None:
        match message["type"]:
            case "events":
                await self._events(message["generation"], message["events"])
            case "conversation.snapshot":
                self._snapshot(message)
            case "turn.created" if message["ref"] in self._commands:
                generation = message["generation"]
                self._next.setdefault(generation, 1)
                await self._leave_all_but(message["conversation"]["id"])
                self._open.add(message["conversation"]["id"])
                self._member(message["conversation"]["id"], generation)
                self._answer(message["ref"], message)
            case "pong":
                self._answer(message["id"], message)
            case "error":
                await self._refused(message)
        async with self._news:
            self._news.notify_all()

    async def _events(self, generation: str, events: list[Fields]) -> None:
        for event in events:
            wanted = self._next.setdefault(generation, 1)
            if event["seq"] != wanted:
                self._witness.violate(SEQ, generation=generation, wanted=wanted, came=event)
            self._next[generation] = event["seq"] + 1
            self._witness.saw(generation, event)
            self.cursors[generation] = max(self.cursors.get(generation, 0), event["seq"])
            if event["type"] == "generation.finished":
                self.ended[generation] = event["status"]
        await self._send({"type": "ack", "generation": generation, "seq": events[-1]["seq"]})

    def _snapshot(self, message: Fields) -> None:
        conversation = message["conversation"]["id"]
        cursors, seen = self._asked[conversation].popleft()
        self._witness.saw_snapshot(conversation, message, seen)
        for turn in message["turns"]:
            for generation in turn["generations"]:
                id, cursor = generation["id"], generation["cursor"]
                self._member(conversation, id)
                self._next[id] = min(cursors.get(id, cursor), cursor) + 1
                if generation["status"] in FINAL:
                    self.ended[id] = generation["status"]

    def _member(self, conversation: str, generation: str) -> None:
        self._members.setdefault(conversation, set()).add(generation)
        self.cursors.setdefault(generation, 0)

    def _answer(self, id: str, message: Fields) -> None:
        self._commands.pop(id, None)
        answer = self._answers.get(id)
        if answer and not answer.done():
            answer.set_result(message)

    async def _refused(self, error: Fields) -> None:
        command = self._commands.get(error["ref"] or "")
        if command and error["code"] in LATER:
            self._witness.counts[f"told {error['code']}"] += 1
            asyncio.get_running_loop().call_later(0.5, self._again, command)
        else:
            self._witness.violate(OBEYED, error=error, command=command)

    def _again(self, command: Fields) -> None:
        if command["id"] in self._commands and self.cut():
            self._witness.counts["reconnects to ask again"] += 1
