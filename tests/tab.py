"""A browser tab as a WebSocket client: remembers what it got and checks every seq."""

import asyncio
import json
import uuid
from collections import defaultdict
from types import TracebackType
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.site import Person, SiteProcess

Fields = dict[str, Any]
PATIENCE = 10.0


class Tab:
    """Opens a socket as a person; `async with`. Events are checked as they come:

    each generation's seqs go on by exactly 1, and nothing comes after `generation.finished`.
    They are acknowledged at once, unless `acks` is switched off.
    """

    def __init__(self, site: SiteProcess, person: Person | None, **headers: str) -> None:
        cookie = {"Cookie": person.cookie} if person else {}
        self._connecting = connect(
            site.socket_url,
            additional_headers=cookie | headers,
            max_size=None,
            compression=None,
            proxy=None,
        )
        self.frames: list[str] = []
        """As they came, byte for byte."""
        self.messages: list[Fields] = []
        self.events: defaultdict[str, list[Fields]] = defaultdict(list)
        self.close_code: int | None = None
        self.acks = True
        self.started: list[str] = []
        self._read = 0
        self._news = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Tab":
        self.socket: ClientConnection = await self._connecting
        self._reading = asyncio.create_task(self._receive())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.socket.close()
        assert self._reading
        await self._reading

    async def _receive(self) -> None:
        try:
            async for frame in self.socket:
                assert isinstance(frame, str)
                self.frames.append(frame)
                message = json.loads(frame)
                async with self._news:
                    self.messages.append(message)
                    self._take(message)
                    self._news.notify_all()
                if message["type"] == "events" and self.acks:
                    last = message["events"][-1]["seq"]
                    await self.send("ack", generation=message["generation"], seq=last)
        except ConnectionClosed:
            pass
        self.close_code = self.socket.close_code
        async with self._news:
            self._news.notify_all()

    def _take(self, message: Fields) -> None:
        match message["type"]:
            case "events":
                self._note(message["generation"], message["events"])
            case "turn.created":
                self.started.append(message["generation"])
            case "conversation.snapshot":  # from here on events go on at other places
                for turn in message["turns"]:
                    for generation in turn["generations"]:
                        self.events.pop(generation["id"], None)

    def _note(self, generation: str, events: list[Fields]) -> None:
        known = self.events[generation]
        for event in events:
            if known:
                assert event["seq"] == known[-1]["seq"] + 1, (known[-1], event)
                assert known[-1]["type"] != "generation.finished", event
            known.append(event)

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def expect(self, kind: str, **wanted: Any) -> Fields:
        """The next message of a type, with these fields; others before it are passed over."""
        async with asyncio.timeout(PATIENCE), self._news:
            while True:
                while self._read < len(self.messages):
                    message = self.messages[self._read]
                    self._read += 1
                    if message["type"] == kind and wanted.items() <= message.items():
                        return message
                if self.close_code is not None:
                    raise AssertionError(f"closed with {self.close_code}, no {kind}")
                await self._news.wait()

    async def told(self, kind: str, **wanted: Any) -> Fields:
        """A message of a type, with these fields: one that came before, also if it was passed
        over, or one that comes."""
        async with asyncio.timeout(PATIENCE), self._news:
            while True:
                for message in self.messages:
                    if message["type"] == kind and wanted.items() <= message.items():
                        return message
                if self.close_code is not None:
                    raise AssertionError(f"closed with {self.close_code}, no {kind}")
                await self._news.wait()

    async def closed(self) -> int:
        """The code with which the server closed the socket."""
        async with asyncio.timeout(PATIENCE), self._news:
            while self.close_code is None:
                await self._news.wait()
            return self.close_code

    async def until(
        self, generation: str, kind: str, count: int = 1, patience: float = PATIENCE
    ) -> Fields:
        """The `count`-th event of a type in a generation."""
        async with asyncio.timeout(patience), self._news:
            while True:
                found = [event for event in self.events[generation] if event["type"] == kind]
                if len(found) >= count:
                    return found[count - 1]
                if self.close_code is not None:
                    raise AssertionError(f"closed with {self.close_code}, no {kind}")
                await self._news.wait()

    async def more(self, generation: str, than: int) -> None:
        """Waits until more events of a generation are there than so many."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.events[generation]) > than)

    async def shown(self, generation: str, text: str) -> None:
        """Waits until this text is among what a generation has shown."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: text in text_in(self.events[generation]))

    async def finished(self, generation: str, patience: float = PATIENCE) -> Fields:
        """The last event of a generation."""
        return await self.until(generation, "generation.finished", patience=patience)

    async def ask(self, text: str, conversation: str | None = None, **fields: Any) -> Fields:
        """Sends a turn; the `turn.created` that answers it."""
        id = fields.pop("id", None) or str(uuid.uuid4())
        await self.send("turn.create", id=id, conversation=conversation, text=text, **fields)
        return await self.expect("turn.created", ref=id)

    async def open(self, conversation: str, cursors: dict[str, int] | None = None) -> Fields:
        """Opens a conversation; its snapshot. What it had of the events is forgotten with it."""
        await self.send("conversation.open", conversation=conversation, cursors=cursors or {})
        return await self.expect("conversation.snapshot")

    async def stop_all(self) -> None:
        """Asks to stop all that was started, as far as this tab knows."""
        if self.close_code is None:
            for generation in self.started:
                await self.send("generation.stop", generation=generation)
            await self.send("ping", id="all stopped")
            await self.expect("pong", id="all stopped")

    async def refused(self, kind: str, code: str, **fields: Any) -> Fields:
        """Sends a command that must be refused with a code; the error message."""
        await self.send(kind, **fields)
        error = await self.expect("error", command=kind)
        assert error["code"] == code, error
        return error


def text_in(events: list[Fields]) -> str:
    """The concatenated text deltas."""
    return "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")


def generation_in(snapshot: Fields, generation: str) -> Fields:
    """A generation of a snapshot."""
    for turn in snapshot["turns"]:
        for found in turn["generations"]:
            if found["id"] == generation:
                return dict(found)
    raise AssertionError(f"no generation {generation} in the snapshot")
