"""Attempts that remember what was asked and how it ended, and a circuit that a test can open."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from conversations.upstream.attempts import Attempt, Attempts, refusal
from conversations.upstream.breaker import Permit


class Noted(Attempts):
    """`calls`: endpoint, model and the error's name or upstream's id of each request."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.open = False

    @asynccontextmanager
    async def begin(
        self, endpoint: str, model: str, generation: uuid.UUID | None = None
    ) -> AsyncIterator[Attempt]:
        if self.open:
            raise refusal(0.1)
        attempt = Attempt(endpoint, model, generation, Permit(0), lambda attempt: None)
        try:
            yield attempt
        except Exception as error:
            self.calls.append((endpoint, model, type(error).__name__))
            raise
        self.calls.append((endpoint, model, attempt.request_id))
