"""What breaks, when, and what comes back. The same seed breaks the same in the same order."""

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from random import Random
from typing import NamedTuple

from tests.chaos.people import Chatter
from tests.chaos.setups import LEASE_SECONDS, Stand
from tests.chaos.witness import RESTORED, Witness
from tests.site import SiteProcess

CUTS = {"cut a socket": 8, "cut many sockets": 2}
SINGLE = {"kill -9 web": 5, "SIGTERM web": 3, "freeze web": 1}
CLUSTER = {
    "kill -9 web": 4,
    "kill -9 worker": 5,
    "kill -9 Redis": 3,
    "SIGTERM web": 2,
    "SIGTERM worker": 3,
    "freeze worker": 3,
    "restart PostgreSQL": 1,
}
START_TRIES = 10


class Fault(NamedTuple):
    """`pause` seconds before it; `pick` and `length` from 0 to 1 choose the target and how long."""

    kind: str
    pause: float
    pick: float
    length: float


def plan(random: Random, kinds: dict[str, int], count: int, mean_pause: float) -> list[Fault]:
    """So many faults, chosen by weight; each kind once at least, if there are enough."""
    names = random.sample(list(kinds), min(count, len(kinds)))
    names += random.choices(list(kinds), list(kinds.values()), k=count - len(names))
    random.shuffle(names)
    return [
        Fault(name, random.uniform(0, 2 * mean_pause), random.random(), random.random())
        for name in names
    ]


class Breaker:
    """Applies faults to a set-up, and mends what it broke."""

    def __init__(self, stand: Stand, chatters: Sequence[Chatter], witness: Witness) -> None:
        self.done: Counter[str] = Counter()
        self.slowest_start = 0.0
        self._stand = stand
        self._tabs = [tab for chatter in chatters for tab in chatter.tabs]
        self._witness = witness
        self._in_hand: set[int] = set()  # processes that a fault is at
        self._services = asyncio.Lock()
        self._free = asyncio.Condition()
        self._apply: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "cut a socket": self._cut,
            "cut many sockets": self._cut_many,
            "kill -9 Redis": self._kill_redis,
            "restart PostgreSQL": self._restart_postgres,
            "kill -9 web": self._end(stand.webs, signal.SIGKILL),
            "kill -9 worker": self._end(stand.workers, signal.SIGKILL),
            "SIGTERM web": self._end(stand.webs, signal.SIGTERM),
            "SIGTERM worker": self._end(stand.workers, signal.SIGTERM),
            "freeze web": self._freeze(stand.webs),
            "freeze worker": self._freeze(stand.workers),
        }

    async def apply(self, faults: Sequence[Fault]) -> None:
        """One after the other, each mended before the next."""
        for fault in faults:
            await asyncio.sleep(fault.pause)
            await self._apply[fault.kind](fault)
            self.done[fault.kind] += 1

    async def _cut(self, fault: Fault) -> None:
        start = int(fault.pick * len(self._tabs))
        for tab in [*self._tabs[start:], *self._tabs[:start]]:
            if tab.cut():
                self._witness.counts["sockets cut"] += 1
                return

    async def _cut_many(self, fault: Fault) -> None:
        for tab in Random(fault.pick).sample(self._tabs, int(len(self._tabs) * fault.length)):
            self._witness.counts["sockets cut"] += tab.cut()

    async def _kill_redis(self, fault: Fault) -> None:
        redis = self._stand.redis
        assert redis
        async with self._services:
            with self._stand.broken():
                await asyncio.to_thread(redis.kill)
                await asyncio.sleep(2 * fault.length)
                await asyncio.to_thread(redis.start)

    async def _restart_postgres(self, fault: Fault) -> None:
        postgres = self._stand.postgres
        assert postgres
        async with self._services:
            with self._stand.broken():
                await asyncio.to_thread(postgres.restart, away=fault.length)

    def _end(
        self, processes: list[SiteProcess], how: signal.Signals
    ) -> Callable[[Fault], Awaitable[None]]:
        async def end(fault: Fault) -> None:
            process = await self._take(processes, fault.pick)
            with self._stand.broken() if processes is self._stand.webs else nullcontext():
                await asyncio.to_thread(self._kill, process, how)
                await asyncio.sleep(fault.length / 2)
                await asyncio.to_thread(self._start, process)
            await self._give_back(process)

        return end

    def _freeze(self, processes: list[SiteProcess]) -> Callable[[Fault], Awaitable[None]]:
        async def freeze(fault: Fault) -> None:
            process = await self._take(processes, fault.pick)
            with self._stand.broken():
                os.kill(process.pid, signal.SIGSTOP)
                await asyncio.sleep(LEASE_SECONDS + 0.5 + 2 * fault.length)
                os.kill(process.pid, signal.SIGCONT)
            await self._give_back(process)

        return freeze

    async def _take(self, processes: list[SiteProcess], pick: float) -> SiteProcess:
        """One of the processes that no other fault is at; waits for one."""
        async with self._free:
            await self._free.wait_for(lambda: any(id(p) not in self._in_hand for p in processes))
            free = [p for p in processes if id(p) not in self._in_hand]
            process = free[int(pick * len(free))]
            self._in_hand.add(id(process))
            return process

    async def _give_back(self, process: SiteProcess) -> None:
        async with self._free:
            self._in_hand.discard(id(process))
            self._free.notify_all()

    def _kill(self, process: SiteProcess, how: signal.Signals) -> None:
        try:
            process.kill(how)
        except subprocess.TimeoutExpired:
            said = process.output[-5:]
            self._witness.violate(RESTORED, what="did not end", signal=how.name, said=said)
            process.kill()

    def _start(self, process: SiteProcess) -> None:
        """Starts it as a supervisor would: again, when a service that it needs is away."""
        begun = time.monotonic()
        for attempt in range(1, START_TRIES + 1):
            try:
                process.start()
            except RuntimeError as error:
                self._witness.counts["starts that failed"] += 1
                if attempt == START_TRIES:
                    self._witness.violate(RESTORED, what="did not start", error=str(error)[-600:])
                    raise
                time.sleep(0.5)
            else:
                break
        self.slowest_start = max(self.slowest_start, time.monotonic() - begun)
