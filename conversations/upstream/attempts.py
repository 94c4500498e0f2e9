"""Asks upstream under its circuit breaker, and notes how each call ended."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from chatsite import observe
from conversations.database import DatabaseThread
from conversations.upstream import breaker, circuits
from conversations.upstream.breaker import CLOSED, Permit, State, Verdict
from conversations.upstream.calllog import CallLog
from conversations.upstream.circuits import Key
from conversations.upstream.errors import UpstreamFailure, failure_of

logger = logging.getLogger(__name__)

RESPONSES, MODERATIONS = "responses", "moderations"

CIRCUIT_OPEN = "circuit_open"
"""The failure's kind when upstream was not even asked."""
PATIENCE_SECONDS = 5.0
"""How long a chat waits for a database that should say whether it may probe."""
TELLING_SECONDS = 1.0
"""How long the next attempt waits until this one's result is known to all."""


class Attempt:
    """One call while it runs. What its owner tells it goes into figures and the breaker."""

    def __init__(
        self,
        endpoint: str,
        model: str,
        generation: uuid.UUID | None,
        permit: Permit,
        spoke: Callable[["Attempt"], None],
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self.generation = generation
        self.permit = permit
        self.began = asyncio.get_running_loop().time()
        self.first_output_at: float | None = None
        self.request_id = ""
        self.status: int | None = None
        self.failure: UpstreamFailure | None = None
        self.cut = False
        """It was ended from our side."""
        self._spoke = spoke

    @property
    def key(self) -> Key:
        return self.endpoint, self.model

    def answered(self, request_id: str) -> None:
        """Upstream has accepted the request; what it calls it."""
        self.request_id = request_id

    def output(self) -> None:
        """Something came that people see; only the first time counts."""
        if self.first_output_at is None:
            self.first_output_at = asyncio.get_running_loop().time()
            self._spoke(self)

    def broke(self, error: Exception) -> None:
        """An exception ended it: upstream's failure, or something of ours."""
        self.failure = failure_of(error)
        self.cut = self.failure is None
        if self.failure:
            self.status = self.failure.status
            self.request_id = self.failure.request_id or self.request_id

    @property
    def verdict(self) -> Verdict:
        """What the call says of upstream, now that it is over."""
        if self.failure is None:
            spoke = self.first_output_at is not None
            return Verdict.NOTHING if self.cut and not spoke else Verdict.ALIVE
        return verdict_of(self.failure)


class Attempts:
    """One for the process. What it knows of the circuits is a beat old at most."""

    def __init__(self, writer: DatabaseThread) -> None:
        self._writer = writer
        self._log = CallLog()
        self._known: dict[Key, State] = {}
        self._probes: dict[str, Key] = {}
        self._reports: set[asyncio.Task[None]] = set()
        self._away = False

    @asynccontextmanager
    async def begin(
        self, endpoint: str, model: str, generation: uuid.UUID | None = None
    ) -> AsyncIterator[Attempt]:
        """Around one call. An exception that leaves it is the call's failure; a cancellation
        says nothing about upstream.

        Raises:
            UpstreamFailure: kind CIRCUIT_OPEN, with `retry_after`; upstream is not asked.
        """
        permit = await self._permit((endpoint, model))
        attempt = Attempt(endpoint, model, generation, permit, self._spoke)
        try:
            with observe.upstream_call(attempt):
                yield attempt
        except Exception as error:
            attempt.broke(error)
            raise
        except BaseException:
            attempt.cut = True
            raise
        finally:
            self._log.note(attempt)
            self._probes.pop(permit.probe, None)
            report = self._report(attempt.key, attempt.permit, attempt.verdict)
            if report and not attempt.cut:  # who asks again at once should meet what this says
                await asyncio.wait([report], timeout=TELLING_SECONDS)

    async def flush(self) -> None:
        """Writes what was noted since the last time; called with every beat of the worker."""
        try:
            for token, key in list(self._probes.items()):
                self._known[key] = await self._writer.once(circuits.prolong, *key, token)
            self._known = await self._writer.once(circuits.states)
            await self._log.write(self._writer)
        except (DatabaseError, InterfaceError) as error:
            self._without_database(error)
        else:
            self._away = False

    async def stop(self) -> None:
        """Writes the last of it, at the end of the process."""
        if self._reports:
            await asyncio.wait(self._reports, timeout=TELLING_SECONDS)
        await self.flush()

    async def _permit(self, key: Key) -> Permit:
        """A permit to ask. Costs no query as long as the circuit is known to be closed; an open
        one is looked at, for it may have been closed elsewhere just now."""
        state = self._known.get(key, CLOSED)
        if state.open_until is None:
            return Permit(state.era)
        token = uuid.uuid4().hex
        permit: Permit | None = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                state, permit = await self._writer.once(circuits.admit, *key, token)
            self._known[key] = state
        except (DatabaseError, InterfaceError, TimeoutError) as error:
            self._without_database(error)
            if breaker.wait(state, timezone.now()) == 0:
                permit = Permit(state.era)  # better too many calls than none
        if permit is None:
            raise refusal(breaker.wait(state, timezone.now()))
        if permit.probe:
            self._probes[permit.probe] = key
        return permit

    def _spoke(self, attempt: Attempt) -> None:
        """The first output: proof enough of life. From here on the call is like any other."""
        if attempt.permit.probe:
            self._probes.pop(attempt.permit.probe, None)
            self._report(attempt.key, attempt.permit, Verdict.ALIVE)
            attempt.permit = Permit(attempt.permit.era)

    def _report(self, key: Key, permit: Permit, verdict: Verdict) -> "asyncio.Task[None] | None":
        """Tells the circuit how a call went; None when that changes nothing, as it mostly does."""
        known, rules = self._known.get(key, CLOSED), circuits.rules()
        after = breaker.report(known, permit, verdict, timezone.now(), rules)
        if after == known and not permit.probe:
            return None
        task = asyncio.create_task(self._tell(key, permit, verdict), name="circuit")
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)
        return task

    async def _tell(self, key: Key, permit: Permit, verdict: Verdict) -> None:
        try:
            told = await self._writer.once(circuits.report, *key, permit, verdict)
        except (DatabaseError, InterfaceError) as error:
            self._without_database(error)
        else:
            self._known[key] = told

    def _without_database(self, error: Exception) -> None:
        """A chat must not fail because nobody can read how its model is: one line an outage."""
        if not self._away:
            logger.warning("the circuits can't be kept: %s", error or "the database is slow")
        self._away = True


def refusal(seconds: float) -> UpstreamFailure:
    """Upstream is not asked because it has not answered for a while."""
    said = f"not asked, for {seconds:.1f} s more"
    return UpstreamFailure(CIRCUIT_OPEN, said=said, retry_after=seconds)


def verdict_of(failure: UpstreamFailure) -> Verdict:
    """What a failure says of upstream: it is down, it is alive and refuses, or neither."""
    if failure.kind.name == CIRCUIT_OPEN:
        return Verdict.NOTHING
    return Verdict.FAILED if failure.kind.counts else Verdict.ALIVE
