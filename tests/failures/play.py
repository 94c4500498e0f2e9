"""Plays rows on a running site, many at once, and notes what is seen of each."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from billing.models import LedgerEntry
from tests.failures.rows import Row
from tests.money.site import entries
from tests.site import Person, SiteProcess
from tests.tab import Fields, Tab, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream

AT_ONCE = 8
"""A person may have ten tabs."""
PATIENCE = 30.0


@dataclass
class Seen:
    """What became of one row."""

    row: Row
    events: list[Fields]
    after: Fields
    """How the next turn of the same chat ended."""
    asked: int = 0
    posted: list[LedgerEntry] = field(default_factory=list)

    @property
    def finished(self) -> Fields:
        return self.events[-1]

    @property
    def retries(self) -> list[Fields]:
        return [event for event in self.events if event["type"] == "generation.retrying"]

    @property
    def text(self) -> str:
        return text_in(self.events)

    @property
    def cost(self) -> Decimal:
        return sum((entry.amount for entry in self.posted), Decimal(0))


async def play(
    site: SiteProcess, person: Person, upstream: Upstream, rows: list[Row]
) -> dict[str, Seen]:
    """Each row in a chat of its own, then one more turn there."""
    for row in rows:
        upstream.when(f"^{re.escape(row.question)}$", row.script)
    upstream.when("^And now", text_answer("All is well again."))
    room = asyncio.Semaphore(AT_ONCE)
    seen = await asyncio.gather(*(_play_one(site, person, row, room) for row in rows))
    asked = Counter(record.text for record in upstream.requests())
    posted = entries(site, person)
    for one in seen:
        one.asked = asked[one.row.question]
        mine = one.finished["generation"]
        one.posted = [entry for entry in posted if str(entry.generation) == mine]
    return {one.row.name: one for one in seen}


async def _play_one(site: SiteProcess, person: Person, row: Row, room: asyncio.Semaphore) -> Seen:
    async with room, Tab(site, person) as tab:
        created = await tab.ask(row.question)
        generation = created["generation"]
        await tab.finished(generation, PATIENCE)
        events = list(tab.events[generation])
        events[-1] = {**events[-1], "generation": generation}
        after = await tab.ask(f"And now, after {row.name}?", created["conversation"]["id"])
        return Seen(row, events, await tab.finished(after["generation"], PATIENCE))


def as_table(seen: dict[str, Seen]) -> str:
    """What was seen, as Markdown: row → shown, retried, charged."""
    lines = [
        "| upstream does | ends | code, kind | the person reads | asked | charged | chat goes on |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, one in seen.items():
        error = one.finished["error"] or {"code": "", "message": "", "kind": ""}
        guess = " (estimate)" if one.finished["estimated"] else ""
        cells = (
            name,
            one.finished["status"],
            f"{error['code']}, {error['kind']}",
            error["message"],
            f"{one.asked}×",
            f"{one.cost.normalize():f}{guess}",
            one.after["status"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
