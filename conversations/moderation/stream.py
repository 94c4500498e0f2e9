"""Drives the gate of one generation: asks the checker beside the stream, shows what it clears."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec

from conversations.moderation.gate import Gate, Window
from conversations.moderation.verdict import CHECK_SECONDS, Checker, CheckFailed, check_text
from conversations.upstream.events import UpstreamEvent

logger = logging.getLogger(__name__)

Fields = dict[str, Any]

LOOK_SECONDS: Final = 0.7
"""How often a stream that holds back or owes a check looks whether upstream is silent: a slow
model must not look dead, nor its last words stay unchecked."""

QUESTION: Final = {
    "moderation_blocked": "Your question goes against the rules of this site. "
    "Write it in another way, or ask something else.",
    "moderation_unavailable": "Your question could not be checked against the rules of this site. "
    "Try again in a moment.",
}
ANSWER: Final = {
    "moderation_blocked": "This answer goes against the rules of this site. "
    "If that seems wrong, ask the people who run it to take a look.",
    "moderation_unavailable": "This answer could not be checked against the rules of this site. "
    "Try again in a moment.",
}


class Block(msgspec.Struct, frozen=True):
    """Why a generation ends `blocked`: for its question, or for the answer."""

    code: str
    categories: tuple[str, ...] = ()
    question: bool = False

    def wire(self) -> Fields:
        """The `error` of `generation.finished`; its message is the notice of `text.retracted`."""
        retryable = self.code == "moderation_unavailable"
        messages = QUESTION if self.question else ANSWER
        return {"code": self.code, "message": messages[self.code], "retryable": retryable}


class ModeratedStream:
    """Between the events of upstream and the log of one generation.

    `show` takes an event that may be seen, `note` an event of ours by type and fields.
    `interrupt` is called once when a check blocks the generation, in the middle of a silence
    of upstream perhaps; `blocked` then says why. `moderation.checking` is noted when text has
    been held back for a while, once until some of it is shown.
    """

    def __init__(
        self,
        gate: Gate,
        checker: Checker,
        show: Callable[[UpstreamEvent], None],
        note: Callable[..., None],
        interrupt: Callable[[], None],
        *,
        fail_open: bool,
        seconds: float = CHECK_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._gate = gate
        self._checker = checker
        self._show = show
        self._note = note
        self._interrupt = interrupt
        self._fail_open = fail_open
        self._seconds = seconds
        self._look_seconds = look_seconds
        self._checking: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._came = self._went = False  # since the last look
        self._silences = 0
        self._told = False
        self.blocked: Block | None = None
        self.withheld: list[UpstreamEvent] = []
        """What was not shown when the generation was blocked, for the review."""
        self._start_check()  # a restored gate may have something due

    def push(self, event: UpstreamEvent) -> None:
        """Takes an event; shows what may be shown and has checked what is due."""
        self._came = True
        self._show_all(self._gate.push(event))
        self._start_check()
        if self._timer is None and not self._gate.settled:
            self._look_later()

    async def settle(self) -> None:
        """Waits until all that was pushed is shown, or the generation is blocked.

        To be called at the end of every round, before its tools run and before the ending.
        """
        self._gate.flush()
        self._start_check()
        if self._checking:
            await self._checking

    def close(self) -> None:
        """Ends a check that still runs; what is held back is not shown."""
        if self._checking:
            self._checking.cancel()
        if self._timer:
            self._timer.cancel()

    def _look_later(self) -> None:
        self._came = self._went = False
        self._timer = asyncio.get_running_loop().call_later(self._look_seconds, self._look)

    def _look(self) -> None:
        """Has checked what waits in a silence: whole words at first, then whatever is there."""
        self._timer = None
        self._silences = 0 if self._came else self._silences + 1
        if self._silences:
            self._gate.flush(words=self._silences == 1)
            self._start_check()
        if self._gate.holding and not (self._went or self._told):
            self._told = True
            self._note("moderation.checking")
        if not self._gate.settled:
            self._look_later()

    def _start_check(self) -> None:
        if (self._checking is None or self._checking.done()) and (window := self._gate.due()):
            self._checking = asyncio.create_task(self._check(window))

    async def _check(self, first: Window) -> None:
        window: Window | None = first
        while window:
            try:
                verdict = await check_text(self._checker, window.text, self._seconds)
            except CheckFailed as error:
                logger.warning("a moderation check failed: %s", error)
                if not self._fail_open:
                    return self._block(window, Block("moderation_unavailable"))
            else:
                told = {"flagged": verdict.flagged, "categories": list(verdict.categories)}
                self._note("moderation.checked", chars=window.end, **told)
                if verdict.flagged:
                    return self._block(window, Block("moderation_blocked", verdict.categories))
            self._show_all(self._gate.cleared(window))
            window = self._gate.due()
        return None

    def _block(self, window: Window, block: Block) -> None:
        self.withheld = self._gate.flagged(window)
        self.blocked = block
        self._interrupt()

    def _show_all(self, events: list[UpstreamEvent]) -> None:
        if events:
            self._went, self._told = True, False
        for event in events:
            self._show(event)
