"""Upstream's `/v1/moderations` as a checker, behind the circuit breaker and the retry layer."""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final

import msgspec

from conversations.moderation.pace import Pace
from conversations.moderation.verdict import CHECK_SECONDS, CheckFailed, Verdict
from conversations.upstream.attempts import MODERATIONS, Attempts
from conversations.upstream.errors import UpstreamFailure, failure_of
from conversations.upstream.parsing import InvalidEvent
from conversations.upstream.resilience import Retries

if TYPE_CHECKING:  # the SDK is loaded after the site listens; see Upstream.warm
    from openai import AsyncOpenAI

MODEL: Final = "omni-moderation-latest"
REQUESTS: Final = 4
"""Requests at once. Texts that come while so many run wait and share the next one."""
TEXTS: Final = 32
"""Texts in one request."""
ROOM: Final = 0.2
"""Share of a check's time that is left for upstream's answer. A text that has waited until then
goes, whatever seems to be left of the rate limit: upstream knows better."""


class Waiting(msgspec.Struct):
    """A text for which somebody waits until the loop's time `until`."""

    text: str
    future: "asyncio.Future[Verdict]"
    until: float
    retries: Retries

    def fail(self, why: str) -> None:
        if not self.future.done():
            self.future.set_exception(CheckFailed(why))


class OpenAIChecker:
    """Asks at once when there is nothing to wait for. The busier it is, and the less is left of
    upstream's rate limit, the more texts share a request; a generation whose check waits has its
    later text in one larger window, which saves the overlap: tokens are what is short first.

    A category that `thresholds` names is flagged from that score on (2 = never), the others
    as upstream flags them.
    """

    def __init__(
        self,
        sdk: "AsyncOpenAI",
        attempts: Attempts,
        thresholds: Mapping[str, float] | None = None,
        headers: Mapping[str, Any] | None = None,
        seconds: float = CHECK_SECONDS,
    ) -> None:
        self._sdk = sdk
        self._attempts = attempts
        self._thresholds = thresholds or {}
        self._headers = headers
        self._seconds = seconds
        self._pace = Pace()
        self._waiting: deque[Waiting] = deque()
        self._asked: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def check(self, text: str) -> Verdict:
        """Raises CheckFailed when upstream gives no verdict within a check's time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        waiting = Waiting(text, loop.create_future(), until, Retries())
        self._waiting.append(waiting)
        self._soon()
        return await waiting.future

    def _soon(self, seconds: float = 0.0) -> None:
        """Looks again then, and not before. What comes in the same moment goes together."""
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._send)

    def _send(self) -> None:
        """Sends what may go now."""
        now = asyncio.get_running_loop().time()
        for one in self._waiting:
            if one.until <= self._pace.closed_until:
                one.fail("upstream_rate_limited: not before the check's time is up")
        # Whoever gave up waiting needs no verdict.
        self._waiting = deque(one for one in self._waiting if not one.future.done())
        while self._waiting and len(self._asked) < (1 if self._pace.near(now) else REQUESTS):
            first = self._waiting[0]
            patience = first.until - ROOM * self._seconds - now
            wait = min(self._pace.wait([first.text], now), patience)
            if (wait := max(wait, self._pace.closed_until - now)) > 0:
                return self._soon(wait)
            batch = self._batch(now)
            self._pace.spend([one.text for one in batch], now)
            task = asyncio.create_task(self._ask(batch), context=Context())  # for several
            self._asked.add(task)
            task.add_done_callback(self._answered)
        return None

    def _batch(self, now: float) -> list[Waiting]:
        """The first that waits, and as many more as share a request and fit into the limit."""
        batch = [self._waiting.popleft()]
        while self._waiting and len(batch) < TEXTS:
            if self._pace.wait([one.text for one in (*batch, self._waiting[0])], now) > 0:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _answered(self, task: "asyncio.Task[None]") -> None:
        self._asked.discard(task)
        if self._waiting:
            self._soon()

    async def _ask(self, batch: list[Waiting]) -> None:
        """Has a batch judged; what failed and may be asked again is put back."""
        reached = False
        try:
            async with self._attempts.begin(MODERATIONS, MODEL) as attempt:
                reached = True
                verdicts, request_id = await self._verdicts(batch)
                attempt.answered(request_id)
        except Exception as error:  # whatever it is, somebody waits for it
            failure = failure_of(error)
            if failure and reached:  # else the circuit is open: nothing to be waited for
                return await self._again(batch, failure)
            for one in batch:
                one.fail(str(failure or f"{type(error).__name__}: {error}"))
            return None
        for one, verdict in zip(batch, verdicts, strict=True):
            if not one.future.done():
                one.future.set_result(verdict)
        return None

    async def _again(self, batch: list[Waiting], failure: UpstreamFailure) -> None:
        """Puts back, when its time has come, what may be asked again within its time."""
        now, delay, kept = asyncio.get_running_loop().time(), 0.0, []
        for one in batch:
            wait = one.retries.delay_after(failure)
            if wait is None or now + wait >= one.until:
                one.fail(str(failure))
            else:
                delay = max(delay, wait)
                kept.append(one)
        if failure.code == "upstream_rate_limited":  # that holds for all texts
            pause = max(failure.retry_after or 0.0, delay)
            self._pace.closed_until = max(self._pace.closed_until, now + pause)
        elif kept:
            await asyncio.sleep(delay)  # the others go on
        self._waiting.extendleft(reversed(kept))

    async def _verdicts(self, batch: list[Waiting]) -> tuple[list[Verdict], str]:
        """What upstream says of each text, and what it calls the request."""
        import openai

        loop = asyncio.get_running_loop()
        create = self._sdk.moderations.with_raw_response.create
        texts = [one.text for one in batch]
        left = max(one.until for one in batch) - loop.time()
        try:
            answer = await create(
                model=MODEL, input=texts, extra_headers=self._headers, timeout=max(left, 0.001)
            )
        except openai.APIStatusError as error:
            self._pace.told(error.response.headers, loop.time())
            raise
        self._pace.told(answer.headers, loop.time())
        try:
            verdicts = [self._verdict(result.to_dict()) for result in answer.parse().results]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidEvent(f"no verdicts: {type(error).__name__}: {error}") from error
        if len(verdicts) != len(texts):
            raise InvalidEvent(f"{len(verdicts)} results for {len(texts)} texts")
        return verdicts, answer.request_id or ""

    def _verdict(self, result: Mapping[str, Any]) -> Verdict:
        scores = {name: score or 0.0 for name, score in result["category_scores"].items()}
        flags = {name for name, flag in result["categories"].items() if flag}
        flags -= self._thresholds.keys()
        flags |= {name for name, least in self._thresholds.items() if scores.get(name, 0) >= least}
        flagged = bool(flags) or (bool(result["flagged"]) and not self._thresholds)
        return Verdict(flagged, tuple(sorted(flags)), scores)
