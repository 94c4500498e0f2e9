"""One generation, from its claim to its last event."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from conversations.ending import finish
from conversations.fallbacks import speaker
from conversations.follow import follow
from conversations.log import LogLost
from conversations.models import Generation, Status
from conversations.moderation.stream import ModeratedStream
from conversations.prepared import Prepared
from conversations.recovery import LOST, can_resume, verdict
from conversations.round import Outcome
from conversations.snapshots import timestamp
from conversations.till import Till
from conversations.upstream.attempts import CIRCUIT_OPEN, RESPONSES, Attempt, Attempts
from conversations.upstream.client import ResponseGone, Upstream
from conversations.upstream.errors import UpstreamFailure, failure_of
from conversations.upstream.events import UpstreamEvent
from conversations.upstream.resilience import Retries

logger = logging.getLogger(__name__)

Fields = dict[str, Any]


class GenerationRun:
    """Runs one claimed generation and writes its events to its log."""

    def __init__(
        self,
        generation: Generation,
        upstream: Upstream,
        attempts: Attempts,
        till: Till,
        prepare: Callable[[Generation], Awaitable[Prepared]],
    ) -> None:
        self.generation = generation
        self._upstream = upstream
        self._attempts = attempts
        self._till = till
        self._prepare = prepare
        self._stopping = generation.stop_requested
        self._asking: asyncio.Task[Any] | None = None
        self._too_old = False
        self._prepared: Prepared | None = None

    async def run(self) -> None:
        """Ends in exactly one `generation.finished`, in `LogLost`, or cancelled: then the log
        holds what another worker needs to go on."""
        await self._load()
        try:
            outcome = await self._whole_answer()
            charge = await self._till.charge(self.generation, outcome, self._round)
            await finish(self._log, outcome, charge)
        except LogLost:
            if await self._till.settle_if_deleted(self.generation, self._round):
                await self._cancel()
            raise
        finally:
            self._moderated.close()

    async def _load(self) -> None:
        self._prepared = prepared = await self._prepare(self.generation)
        self._request, self._log, self._round = prepared.request, prepared.log, prepared.round
        self._moderation = prepared.moderation
        self._moderated = self._stream()

    async def _whole_answer(self) -> Outcome:
        """How it ends, whatever breaks on our side."""
        try:
            return await self._moderate(await self._answer())
        except LogLost:
            raise
        except Exception:
            logger.exception("generation %s broke", self.generation.pk)
            await self._cancel()
            return self._round.broken_off(LOST)

    def stop(self) -> None:
        """Ends the stream now; closing it is what stops upstream. Harmless when repeated."""
        if not self._stopping:
            self._stopping = True
            if self._asking:
                self._asking.cancel()

    async def written(self) -> None:
        """Waits until all that came is committed; call it when the run has ended."""
        if self._prepared:
            await self._prepared.log.flushed()

    async def _answer(self) -> Outcome:
        self._asking = asyncio.current_task()
        try:
            if not self._stopping:
                if ending := verdict(self.generation, self._round):
                    return ending
                self._begin()
                async with asyncio.timeout(settings.GENERATION_MAX_SECONDS):
                    return await self._ready() or await self._ask()
        except asyncio.CancelledError:
            if not (self._stopping or self._moderated.blocked) or self._asking is None:
                raise  # handed over, or taken over
            self._asking.uncancel()
        except TimeoutError:
            await self._cancel()
            return self._round.broken_off(UpstreamFailure("too_slow", retryable=True).wire())
        finally:
            self._asking = None
        if self._round.outcome:
            return self._round.outcome  # the stop came after the end
        return self._round.stopped(await self._cancel())

    async def _ready(self) -> Outcome | None:
        """Fits the request into the budget and has the question checked, both at once; how the
        generation ends when one of them says no."""
        if self._round.accepted:
            return await self._till.fit(self.generation, self._round)
        refused, blocked = await asyncio.gather(
            self._till.fit(self.generation, self._round),
            self._moderation.check_question(self.generation.turn.text, self._log),
        )
        return Outcome(Status.BLOCKED, blocked.wire()) if blocked else refused

    async def _moderate(self, outcome: Outcome) -> Outcome:
        """Has the rest of the text checked; what becomes of the ending when it is flagged."""
        await self._moderation.end(self._moderated, outcome.status, self._round.spoke)
        block = self._moderated.blocked
        if block is None:
            return outcome
        self._moderation.retract(self._moderated, block, self._log)
        usage = outcome.usage or (self._round.estimate() if self._round.accepted else None)
        return Outcome(Status.BLOCKED, block.wire(), usage)

    def _stream(self) -> ModeratedStream:
        return self._moderation.stream(self._show, self._log.push_own, self._interrupt)

    def _show(self, event: UpstreamEvent) -> None:
        self._round.show(event)  # at once, or after its check
        self._log.push(event)

    def _interrupt(self) -> None:
        """A check has blocked the answer, in the middle of a silence of upstream perhaps."""
        if self._asking:
            self._asking.cancel()

    def _begin(self) -> None:
        said = {**speaker(self.generation), "worker": self.generation.worker}
        self._log.push_own("generation.started", **said, cached=False)
        if self._round.accepted and not can_resume(self._round):
            self._round = self._round.again()
            self._ask_again(self.generation.epoch, 0, LOST["code"], LOST["code"])

    def _ask_again(self, attempt: int, delay: float, code: str, kind: str) -> None:
        """Forgets what upstream said, which nobody has seen, and says that it is asked again."""
        self._moderated.close()
        self._moderation.forget()
        self._moderated = self._stream()
        until = timestamp(timezone.now() + timedelta(seconds=delay))
        told = {"attempt": attempt, "delay_ms": round(delay * 1000), "until": until}
        self._log.push_own("generation.retrying", **told, code=code, kind=kind)

    async def _ask(self) -> Outcome:
        """Asks upstream; again while nothing was shown, or for the rest where it can be had."""
        retries, number = Retries(), self._round.number
        while True:
            try:
                return await self._attempt()
            except ResponseGone:
                self._too_old = True
                continue
            except Exception as error:
                failure = failure_of(error)
                if failure is None:
                    raise
            self._note(failure)
            if failure.kind.name == CIRCUIT_OPEN and (ending := await self._step_in()):
                return ending
            resuming = can_resume(self._round) and self._round.outcome is None
            if resuming and self._round.number != number:  # it went on since the last failure
                retries, number = Retries(), self._round.number
            may_repeat = resuming or not self._round.shown
            delay = retries.delay_after(failure) if may_repeat else None
            if delay is None:
                await self._cancel()
                return self._round.outcome or self._round.broken_off(failure.wire())
            if not resuming:
                self._round = self._round.again()
                if self._round.spent and (
                    refused := await self._till.fit(self.generation, self._round)
                ):
                    return refused
                self._ask_again(retries.attempt, delay, failure.code, failure.kind.name)
            await asyncio.sleep(delay)

    def _note(self, failure: UpstreamFailure) -> None:
        level, id = failure.kind.level, self.generation.pk
        if settings.LOG_TEXT and failure.said:
            logger.log(level, "generation %s: %s; upstream said %s", id, failure, failure.said)
        else:
            logger.log(level, "generation %s: %s", id, failure)

    async def _step_in(self) -> Outcome | None:
        """The whole answer of another model; None when there is none."""
        if self._round.shown or can_resume(self._round):
            return None
        stepped = await self._till.step_in(self.generation, self._log)
        if stepped is not True:
            return stepped or None
        before = self._moderated
        await self._load()  # another model may have other limits, and another moderation
        before.close()
        return await self._ready() or await self._ask()

    async def _attempt(self) -> Outcome:
        """Asks once. A failure is raised, also one that upstream's own stream tells."""
        begun = self._attempts.begin(RESPONSES, self.generation.model, self.generation.pk)
        async with begun as attempt, self._events(attempt) as events:
            ending = await follow(events, self._round, self._moderated, self._log, attempt)
            if self._round.failure:
                raise self._round.failure
            return ending

    def _events(
        self, attempt: Attempt
    ) -> AbstractAsyncContextManager[AsyncIterator[UpstreamEvent]]:
        """A new response, or the rest of one that goes on without us."""
        if not can_resume(self._round):
            return self._upstream.stream(self._request, attempt.answered)
        id = self._round.response_id
        if self._too_old:
            return self._upstream.wait_for(id)
        return self._upstream.resume(id, self._round.number, attempt.answered)

    async def _cancel(self) -> Any:
        """Ends a response that would go on without us; its usage if upstream tells it."""
        if can_resume(self._round) and not self._round.outcome:
            return await self._upstream.cancel(self._round.response_id)
        return None
