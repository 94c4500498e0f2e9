"""Somebody who chats all the time: asks, stops, regenerates, reads along in a second tab."""

import asyncio
import time
import uuid
from random import Random

from tests.chaos.setups import Stand
from tests.chaos.tab import ReturningTab
from tests.chaos.witness import ENDS, STOPS, Answer, Fields, Witness
from tests.site import Person

PATIENCE = 60.0
"""Seconds that an answer may take, whatever dies on its way."""
WORDS = ("so", "many", "small", "words", "come", "and", "go", "while", "you", "read", "them")


def question(random: Random) -> str:
    """Unlike any other; its echo takes from half a second to three."""
    words = " ".join(random.choice(WORDS) for _ in range(random.randint(15, 60)))
    late = random.choice(["", "", "first=0.4 "])
    return f"{uuid.UUID(int=random.getrandbits(128))} {words} {late}rate={random.randint(20, 30)}"


class Chatter:
    """One person with one or two tabs."""

    def __init__(self, stand: Stand, person: Person, witness: Witness, seed: str) -> None:
        self.person = person
        self.conversations: list[str] = []
        self._stand = stand
        self._witness = witness
        self._random = Random(seed)
        self.tabs = [self._tab(cursors=True)]
        if self._random.random() < 0.6:
            self.tabs.append(self._tab(cursors=self._random.random() < 0.5))

    def _tab(self, cursors: bool) -> ReturningTab:
        random = Random(self._random.random())
        find = lambda: random.choice(self._stand.webs).socket_url  # noqa: E731
        return ReturningTab(find, self.person, self._witness, random, cursors)

    async def chat(self, over: asyncio.Event) -> None:
        """Chats until it is over; ends with an ended answer."""
        while not over.is_set():
            conversation = None
            for _ in range(self._random.randint(1, 4)):
                conversation = await self._turn(conversation)
                if over.is_set():
                    return

    async def _turn(self, conversation: str | None) -> str | None:
        """One question and its answers; the conversation, None if it is better left."""
        text = question(self._random)
        tab = self.tabs[0]
        try:
            async with asyncio.timeout(PATIENCE):
                fields = {"conversation": conversation, "text": text}
                created = await tab.command("turn.create", **fields)
        except TimeoutError:
            self._witness.violate(ENDS, turn=text, conversation=conversation, created=False)
            return None
        self._witness.counts["turns"] += 1
        if conversation is None:
            conversation = str(created["conversation"]["id"])
            self.conversations.append(conversation)
            for other in self.tabs[1:]:
                await other.open(conversation)
        turn = created["turn"]
        if not await self._read(created["generation"], turn["generations"][0], text):
            return None
        if self._random.random() < 0.15:
            return conversation if await self._regenerate(turn["id"], text) else None
        return conversation

    async def _regenerate(self, turn: str, text: str) -> bool:
        """Another answer to a turn; False if it took too long."""
        try:
            async with asyncio.timeout(PATIENCE):
                again = await self.tabs[0].command("generation.create", turn=turn)
        except TimeoutError:
            self._witness.violate(ENDS, regenerated=turn, created=False)
            return False
        self._witness.counts["regenerated"] += 1
        id = again["generation"]
        [standing] = [g for g in again["turn"]["generations"] if g["id"] == id]
        return await self._read(id, standing, text)

    async def _read(self, generation: str, standing: Fields, text: str) -> bool:
        """Waits until all tabs have seen the end; False if that took too long."""
        answer = self._witness.promised(generation, text)
        self._witness.saw_standing(generation, standing)
        stopping = asyncio.create_task(self._stop(generation, answer))
        try:
            async with asyncio.timeout(PATIENCE):
                for tab in self.tabs:
                    await tab.end(generation)
        except TimeoutError:
            log = self._witness.events(generation)
            last = log[-1] if log else None
            self._witness.violate(ENDS, generation=generation, question=text, last=last)
            return False
        finally:
            if not answer.stop_asked:
                stopping.cancel()
            await asyncio.wait([stopping])
        return True

    async def _stop(self, generation: str, answer: Answer) -> None:
        """Stops some answers after a while; then upstream must be rid of us within a second."""
        if self._random.random() > 0.25:
            return
        await asyncio.sleep(self._random.uniform(0.1, 1.0))
        answer.stop_asked = True
        self._witness.counts["stops"] += 1
        begun = time.monotonic()
        await self.tabs[0].stop(generation)
        obeyed = time.monotonic()
        await asyncio.sleep(1.1)
        if self._stand.calm_since > begun:
            return  # something was away: nobody promised this
        for record in self._stand.requests_for(answer.question):
            late = (record.ended_at or time.monotonic()) - obeyed
            self._witness.slowest_stop = max(self._witness.slowest_stop, late)
            self._witness.counts["stops timed"] += 1
            if late > 1.0:
                self._witness.violate(
                    STOPS, generation=generation, seconds=late, ended=record.ended
                )
