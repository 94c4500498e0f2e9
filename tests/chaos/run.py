"""One run: a set-up, its people, its faults, and the verdict."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from random import Random

from tests.chaos import ending
from tests.chaos.faults import CLUSTER, CUTS, SINGLE, Breaker, plan
from tests.chaos.people import Chatter
from tests.chaos.setups import SETUPS, Stand
from tests.chaos.witness import Witness
from tests.upstream.client import running_upstream

PEOPLE = 12
HEAVY_SHARE = 0.2
"""Share of the faults that are no cut sockets."""
HEAVY_SECONDS = 4.0
"""About what such a fault takes, with the pause before it."""


@dataclass
class Result:
    """What a run found."""

    setup: str
    seed: int
    seconds: float
    witness: Witness
    faults: Counter[str]
    endings: Counter[str]
    slowest_start: float
    logged: list[str]
    """What the processes called an error, and the lines around it."""

    @property
    def violations(self) -> int:
        return sum(map(len, self.witness.violations.values()))


async def run(setup: str, faults: int, seed: int, heavy_share: float = HEAVY_SHARE) -> Result:
    """Breaks a set-up so many times while people chat; returns when all is quiet again."""
    begun = time.monotonic()
    with running_upstream() as upstream, SETUPS[setup](upstream) as stand:
        witness = Witness()
        chatters = [
            Chatter(stand, stand.webs[0].person(), witness, f"{seed} {number}")
            for number in range(PEOPLE)
        ]
        breaker = Breaker(stand, chatters, witness)
        tabs = [
            asyncio.create_task(tab.run(), name="tab")
            for chatter in chatters
            for tab in chatter.tabs
        ]
        try:
            await _chat_while_it_breaks(stand, chatters, breaker, faults, seed, heavy_share)
            endings = await ending.look(stand, chatters, witness)
        finally:
            for tab in tabs:
                tab.cancel()
            await asyncio.gather(*tabs, return_exceptions=True)
        seconds = time.monotonic() - begun
        logged = [line for process in stand.processes for line in errors_in(process.output)]
        done, start = breaker.done, breaker.slowest_start
        return Result(setup, seed, seconds, witness, done, endings, start, logged)


def errors_in(output: list[str]) -> list[str]:
    """The lines of the log that tell of an error, each with its traceback in it."""
    return [line for line in output if '"level": "error"' in line or '"critical"' in line]


async def _chat_while_it_breaks(
    stand: Stand,
    chatters: list[Chatter],
    breaker: Breaker,
    faults: int,
    seed: int,
    heavy_share: float,
) -> None:
    """Ends when all faults are mended and everybody has the answer they wait for."""
    heavy = round(faults * heavy_share)
    lanes = 2 if stand.redis else 1
    pause = heavy * HEAVY_SECONDS / lanes / max(1, faults - heavy)
    cuts = plan(Random(f"{seed} cuts"), CUTS, faults - heavy, max(0.05, pause))
    # One process alone must live for a lease and some beats to take over what it left itself.
    kinds, mean_pause = (CLUSTER, 1.0) if stand.redis else (SINGLE, 4.0)
    breaks = plan(Random(f"{seed} breaks"), kinds, heavy, mean_pause)
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for chatter in chatters:
            group.create_task(chatter.chat(over))
        await asyncio.sleep(1)  # the first answers stream
        breaking = [breaker.apply(cuts), *(breaker.apply(breaks[n::lanes]) for n in range(lanes))]
        await asyncio.gather(*breaking)
        over.set()
