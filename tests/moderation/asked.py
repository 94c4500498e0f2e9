"""A checker that a test holds in its hand."""

import asyncio

from conversations.moderation.verdict import Verdict

BAD = Verdict(True, ("violence",), {"violence": 0.9})


class Asked:
    """A checker that flags `bad`, waits at `gate` and raises `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.texts: list[str] = []
        self.error = error
        self.gate = asyncio.Event()
        self.gate.set()

    async def check(self, text: str) -> Verdict:
        self.texts.append(text)
        await self.gate.wait()
        if self.error:
            raise self.error
        return BAD if "bad" in text else Verdict(False, (), {"violence": 0.01})
