"""The layer's groups that this process wants to be in, kept up in the background.

A join that fails is tried again until it holds; meanwhile readers follow the log.
"""

import asyncio
import contextlib

from conversations.link import Link

RETRY_SECONDS = 1.0
JOIN_SECONDS = 1.0
"""How long somebody waits for a group; after that the log is quicker."""


class Groups:
    """Joins and leaves groups with one channel, one call at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._wanted: set[str] = set()
        self._joined: set[str] = set()
        self._waiting: dict[str, asyncio.Event] = {}
        self._work = asyncio.Event()

    async def join(self, group: str) -> None:
        """Returns when the group is joined, or when that will take longer: it is tried again.

        Never raises. While the layer is known to be away it returns at once.
        """
        self._wanted.add(group)
        self._work.set()
        if group in self._joined or self._link.away:
            return
        waiting = self._waiting.setdefault(group, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(JOIN_SECONDS):
                await waiting.wait()

    def leave(self, group: str) -> None:
        """Asks for nothing more from a group; it is left in the background."""
        self._wanted.discard(group)
        self._work.set()

    async def run(self, channel: str) -> None:
        """Works until it is cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            if not await self._settle(channel):
                self._release(*self._waiting)  # they need not wait for what may take long
                self._work.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _settle(self, channel: str) -> bool:
        """Joins what is wanted and leaves what is not; False when the layer fails."""
        layer = self._link.layer
        for group in self._wanted ^ self._joined:
            if group in self._wanted:
                if not await self._link.call(layer.group_add(group, channel)):
                    return False
                self._joined.add(group)
                self._release(group)
            else:
                if not await self._link.call(layer.group_discard(group, channel)):
                    return False
                self._joined.discard(group)
        return True

    def _release(self, *groups: str) -> None:
        for group in groups:
            if waiting := self._waiting.pop(group, None):
                waiting.set()
