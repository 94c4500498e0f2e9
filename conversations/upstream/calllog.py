"""How calls to upstream ended: figures of this process, and rows for the admin's."""

import asyncio
import re
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from conversations import metrics
from conversations.database import DatabaseThread
from conversations.models import UpstreamCall

if TYPE_CHECKING:
    from conversations.upstream.attempts import Attempt

MOST_WAITING = 10_000
"""Calls kept while the database is away; of more the oldest are dropped."""
AT_ONCE = 500
KEPT: Final = timedelta(days=30)
TIDY_SECONDS = 3600.0
ODD: Final = re.compile(r"[^\w.:/-]", re.ASCII)


class Few:
    """Keeps a label of the metrics to few values: what comes after the first `most` is "other"."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: set[str] = {""}

    def __call__(self, value: str) -> str:
        if value not in self._seen:
            if len(self._seen) > self._most:
                return "other"
            self._seen.add(value)
        return value


MODELS, CODES = Few(100), Few(60)


class CallLog:
    """Collects in memory what a beat of the worker writes."""

    def __init__(self) -> None:
        self._waiting: deque[UpstreamCall] = deque(maxlen=MOST_WAITING)
        self._tidy_at = 0.0

    def note(self, attempt: "Attempt") -> None:
        """Counts a call that is over."""
        now = asyncio.get_running_loop().time()
        outcome = outcome_of(attempt)
        code = plain((attempt.failure and attempt.failure.detail) or "", 100)
        self._measure(attempt, outcome, code)
        first = attempt.first_output_at
        self._waiting.append(
            UpstreamCall(
                endpoint=attempt.endpoint,
                model=attempt.model,
                generation=attempt.generation,
                ended=timezone.now(),
                first_ms=None if first is None else round((first - attempt.began) * 1000),
                total_ms=round((now - attempt.began) * 1000),
                outcome=outcome,
                code=code,
                status=attempt.status,
                request_id=plain(attempt.request_id, 200),
            )
        )

    def _measure(self, attempt: "Attempt", outcome: str, code: str) -> None:
        model = MODELS(attempt.model)
        metrics.UPSTREAM_CALLS.labels(attempt.endpoint, model, outcome, CODES(code)).inc()
        if attempt.first_output_at is not None:
            seconds = attempt.first_output_at - attempt.began
            metrics.FIRST_OUTPUT_SECONDS.labels(model).observe(seconds)

    async def write(self, writer: DatabaseThread) -> None:
        """Writes what waits, and forgets what is old."""
        while self._waiting:
            rows = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            try:
                await writer.once(UpstreamCall.objects.bulk_create, rows)
            except (OperationalError, InterfaceError):
                self._waiting.extendleft(rows[::-1])
                raise
        now = asyncio.get_running_loop().time()
        if now >= self._tidy_at:
            gone = await writer.once(forget_calls, timezone.now() - KEPT)
            self._tidy_at = 0.0 if gone == AT_ONCE else now + TIDY_SECONDS


def forget_calls(before: datetime) -> int:
    """Deletes some of the calls that ended `before`; how many."""
    old = UpstreamCall.objects.filter(ended__lt=before).values_list("pk", flat=True)[:AT_ONCE]
    deleted, _ = UpstreamCall.objects.filter(pk__in=list(old)).delete()
    return deleted


def plain(text: str, most: int) -> str:
    """What upstream calls something, less all that no code or id holds."""
    return ODD.sub("?", text[:most])


def outcome_of(attempt: "Attempt") -> str:
    """`ok`, `stopped`, or the kind of the failure."""
    if attempt.failure:
        return attempt.failure.kind.name
    return "stopped" if attempt.cut else "ok"
