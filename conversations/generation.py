"""One generation, from its claim to its last event."""

import asyncio
import logging
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone

from billing import pricing
from billing.usage import TokenUsage, estimate_usage, parse_usage
from conversations.context import input_text
from conversations.fold import text_of
from conversations.log import GenerationLog, LogLost
from conversations.models import Generation, Status
from conversations.upstream.client import Upstream
from conversations.upstream.errors import UpstreamFailure, event_failure, failure_of
from conversations.upstream.events import (
    Delta,
    Failure,
    Keepalive,
    Lifecycle,
    Other,
    UpstreamEvent,
)
from conversations.upstream.resilience import Retries

logger = logging.getLogger(__name__)

Fields = dict[str, Any]

INCOMPLETE = {
    "max_output_tokens": "The answer reached the length limit and was cut.",
    "content_filter": "The model service's content filter cut the answer.",
}


GRACE_SECONDS = 0.25
"""How long to read on after the terminal event: until the end, the connection can be reused."""


class Outcome(msgspec.Struct, frozen=True):
    """How a generation ended; `error` is the wire's, `usage` None when nothing was spent."""

    status: Status
    error: Fields | None = None
    usage: TokenUsage | None = None


class GenerationRun:
    """Runs one claimed generation and writes its events to its log."""

    def __init__(
        self, generation: Generation, request: Fields, log: GenerationLog, upstream: Upstream
    ) -> None:
        self._generation = generation
        self._request = request
        self._log = log
        self._upstream = upstream
        self._stopping = generation.stop_requested
        self._task: asyncio.Task[None] | None = None
        self._accepted = False  # upstream has said something
        self._shown = False  # it said something that people see
        self._deltas: list[str] = []
        self._outcome: Outcome | None = None  # once upstream has said how it ended

    async def run(self) -> None:
        """Ends in exactly one `generation.finished`, or in `LogLost`."""
        self._task = asyncio.current_task()
        self._log.push_own(
            "generation.started",
            model=self._generation.model,
            worker=self._generation.worker,
            cached=False,
        )
        try:
            outcome = await self._answer()
        except LogLost:
            raise
        except Exception:
            logger.exception("generation %s broke", self._generation.pk)
            outcome = self._broken_off(LOST)
        await finish(self._log, self._generation, outcome)

    def stop(self) -> None:
        """Ends the stream now; closing it is what stops upstream. Harmless when repeated."""
        if not self._stopping:
            self._stopping = True
            if self._task:
                self._task.cancel()

    async def _answer(self) -> Outcome:
        try:
            if self._stopping:
                return Outcome(Status.STOPPED)
            async with asyncio.timeout(settings.GENERATION_MAX_SECONDS):
                return await self._ask()
        except asyncio.CancelledError:
            if not self._stopping or self._task is None:
                raise
            self._task.uncancel()
            if self._outcome:
                return self._outcome  # the stop came after the end
            return Outcome(Status.STOPPED, usage=self._estimate() if self._accepted else None)
        except TimeoutError:
            return self._broken_off(UpstreamFailure("upstream_stalled").wire())

    async def _ask(self) -> Outcome:
        """Asks upstream, and again while nothing was shown and the failure may pass."""
        retries = Retries()
        while True:
            try:
                async with self._upstream.stream(self._request) as events:
                    return await self._follow(events)
            except Exception as error:
                failure = failure_of(error)
                if failure is None:
                    raise
            logger.warning("generation %s: %s", self._generation.pk, failure)
            delay = None if self._shown else retries.delay_after(failure)
            if delay is None:
                return self._broken_off(failure.wire())
            self._log.push_own(
                "generation.retrying",
                attempt=retries.attempt,
                delay_ms=round(delay * 1000),
                code=failure.code,
            )
            await asyncio.sleep(delay)

    async def _follow(self, events: AsyncIterator[UpstreamEvent]) -> Outcome:
        """Passes events on until upstream says how it ended, and what little comes after that."""
        try:
            async with asyncio.timeout(None) as grace:
                async for event in events:
                    self._accepted = True
                    if isinstance(event, Keepalive):
                        continue
                    ending = self._outcome_of(event)
                    self._log.push(event)
                    self._log.check()
                    if self._outcome is None and ending is not None:
                        self._outcome = ending
                        grace.reschedule(asyncio.get_running_loop().time() + GRACE_SECONDS)
        except Exception:
            # Upstream has said how it ended; what its connection does then changes nothing.
            if self._outcome is None:
                raise
        if self._outcome is None:
            raise UpstreamFailure("upstream_disconnected", said="no terminal event")
        return self._outcome

    def _outcome_of(self, event: UpstreamEvent) -> Outcome | None:
        """How the generation ends with this event; None when it goes on."""
        match event:
            case Lifecycle() if event.terminal:
                return self._ended(event)
            case Failure():
                return self._broken_off(event_failure(event.fields).wire())
            case Delta():
                self._shown = True
                self._deltas.append(event.delta)
            case Other() if event.type.endswith((".done", "partial_image")):
                self._shown = True
        return None

    def _ended(self, event: Lifecycle) -> Outcome:
        response = event.response
        if not self._shown:
            self._push_output(response.get("output"))
        usage = parse_usage(response.get("usage"))
        if event.state == "failed":
            return self._broken_off(event_failure(response.get("error")).wire(), usage)
        usage = usage or self._estimate()
        if event.state == "incomplete":
            details = response.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, dict) else None
            return Outcome(Status.INCOMPLETE, incomplete(reason), usage)
        # Some servers say "completed" of an answer that they cut at the limit.
        limit = self._request.get("max_output_tokens")
        if limit and usage.output_tokens >= limit and not usage.estimated:
            return Outcome(Status.INCOMPLETE, incomplete("max_output_tokens"), usage)
        return Outcome(Status.COMPLETED, usage=usage)

    def _push_output(self, output: object) -> None:
        """The items of a server that streams nothing but the finished response."""
        for index, item in enumerate(output if isinstance(output, list) else []):
            if isinstance(item, dict):
                kind = "response.output_item.done"
                self._log.push_own(kind, output_index=index, item=item)
                self._shown = True

    def _broken_off(self, error: Fields, usage: TokenUsage | None = None) -> Outcome:
        """Failed before anything was seen, else interrupted: what had been shown is kept."""
        if self._shown:
            return Outcome(Status.INTERRUPTED, error, usage or self._estimate())
        return Outcome(Status.FAILED, error, usage)

    def _estimate(self) -> TokenUsage:
        return estimate_usage(input_text(self._request), "".join(self._deltas))


LOST: Fields = {
    "code": "worker_lost",
    "message": "Something broke on our side in the middle of this answer.",
    "retryable": True,
}


def incomplete(reason: object) -> Fields:
    """The `error` of an answer that upstream itself calls incomplete."""
    code = reason if isinstance(reason, str) and reason in INCOMPLETE else "max_output_tokens"
    error: Fields = {"code": code, "message": INCOMPLETE[code], "retryable": False}
    if reason and reason != code:
        error["detail"] = str(reason)
    return error


async def finish_lost(log: GenerationLog, generation: Generation, request: Fields) -> None:
    """Ends a generation whose worker died: what was shown is kept, spending is estimated."""
    usage = estimate_usage(input_text(request), text_of(log.state["items"]))
    if generation.stop_requested:
        outcome = Outcome(Status.STOPPED, usage=usage)
    else:
        outcome = Outcome(Status.INTERRUPTED, LOST, usage)
    await finish(log, generation, outcome)


async def finish(log: GenerationLog, generation: Generation, outcome: Outcome) -> None:
    """Writes the last event and the row's final state in one transaction."""
    usage = outcome.usage
    cost = pricing.cost_of(generation.model, usage) if usage else Decimal(0)
    shared: Fields = {
        "status": outcome.status.value,
        "usage": usage.wire() if usage else None,
        "estimated": bool(usage and usage.estimated),
        "error": outcome.error,
    }
    ending = {**shared, "cost": cost, "ended": timezone.now()}
    log.finish(ending, **shared, cost=pricing.money(cost))
    await log.flushed()
