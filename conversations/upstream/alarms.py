"""Writes to operators when a model's circuit breaker opens, when it closes again, and when too
many calls to a model fail.

Every process that runs generations looks. Whoever's update of the alarm's row finds it as it
was read writes the mail, once; a mail that is claimed and then lost with its process is not
written again. Everything is logged as well.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from billing import mail
from conversations.database import DatabaseThread
from conversations.models import Circuit, UpstreamAlarm, UpstreamCall
from conversations.upstream.health import FAILED, STOPPED

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""A circuit is open for BREAKER_SECONDS at least: one that opens is seen."""
SHARES_EVERY = timedelta(seconds=10)
WINDOW = timedelta(minutes=10)
"""Over which failures are counted, and for which they must have been few again."""
LEAST_CALLS = 20
RETRY_SECONDS = (5.0, 30.0, 120.0)
"""How long to wait before the next attempts to reach a mail server."""

OPEN, FAILING = UpstreamAlarm.Kind.OPEN, UpstreamAlarm.Kind.FAILING
THE_CIRCUIT_IS_OPEN = Exists(
    Circuit.objects.filter(
        endpoint=OuterRef("endpoint"), model=OuterRef("model"), open_until__isnull=False
    )
)


@dataclass(frozen=True)
class Alarm:
    """What operators are told."""

    kind: str
    """`opened`, `closed` or `failing`."""
    endpoint: str
    model: str
    lasted: timedelta = timedelta()
    """Of `closed`: how long it was open, to the second or two."""
    calls: int = 0
    """Of `failing`: in the last WINDOW, and of them how many failed."""
    failed: int = 0

    @property
    def subject(self) -> str:
        match self.kind:
            case "opened":
                return f"{self.model} is not asked for now: its calls fail"
            case "closed":
                return f"{self.model} is asked again, after {duration(self.lasted)}"
            case _:
                share = 100 * self.failed // self.calls
                return f"{share} % of the calls to {self.model} fail"


class Letter(NamedTuple):
    """A mail, and whom it goes to."""

    alarm: Alarm
    subject: str
    body: str
    to: list[str]


class Alarms:
    """One for each process that runs generations, which calls both methods again and again."""

    def __init__(
        self,
        writer: DatabaseThread,
        reader: DatabaseThread,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._retry_seconds = retry_seconds
        self._shares_at = timezone.now()
        self._claimed: asyncio.Queue[Letter] = asyncio.Queue()

    async def look_for_alarms(self) -> None:
        """Claims what there is to write; cheap when nothing has changed."""
        now = timezone.now()
        shares = now >= self._shares_at
        if await self._reader.once(is_due, now, shares):
            for letter in await self._writer.once(claim, now, shares):
                kind, model = letter.alarm.kind, letter.alarm.model
                logger.warning("%s %s: operators told (%d)", model, kind, len(letter.to))
                self._claimed.put_nowait(letter)
        if shares:
            self._shares_at = now + SHARES_EVERY

    async def write_alarms(self) -> None:
        """Sends the next letter; tries again for a while where that fails."""
        letter = await self._claimed.get()
        try:
            await self._send(letter)
        except asyncio.CancelledError:
            kind, model = letter.alarm.kind, letter.alarm.model
            logger.error("%s %s: not told to all, this process ends", model, kind)
            raise

    async def _send(self, letter: Letter) -> None:
        left = letter.to
        for wait in (*self._retry_seconds, None):
            missed = await asyncio.to_thread(mail.send, letter.subject, letter.body, left)
            level = logging.ERROR if wait is None else logging.WARNING
            for address, error in missed.items():
                kind, model = letter.alarm.kind, letter.alarm.model
                logger.log(level, "%s %s: could not be sent to %s: %s", model, kind, address, error)
            left = list(missed)
            if not left or wait is None:
                return
            await asyncio.sleep(wait)


def is_due(now: datetime, shares: bool) -> bool:
    """Whether a claim may find something; reads only."""
    return _open() != _standing(OPEN).keys() or (
        shares and (bool(_failing(now)) or bool(_standing(FAILING)))
    )


def claim(now: datetime, shares: bool) -> list[Letter]:
    """What this process writes, and nobody else. `shares`: look at those as well."""
    with transaction.atomic():  # a claim that is not returned is none
        alarms = [*_opened(now), *_closed(now), *(_shares_passed(now) if shares else ())]
        to = mail.addresses(mail.operators()) if alarms else []
        return [Letter(alarm, alarm.subject, _body(alarm, now), to) for alarm in alarms]


def _opened(now: datetime) -> Iterator[Alarm]:
    for endpoint, model in sorted(_open() - _standing(OPEN).keys()):
        row = _row(endpoint, model, OPEN).filter(THE_CIRCUIT_IS_OPEN, since=None)
        if row.update(since=now, seen=now):
            yield Alarm("opened", endpoint, model)


def _closed(now: datetime) -> Iterator[Alarm]:
    opened = _open()
    for (endpoint, model), since in sorted(_standing(OPEN).items()):
        if (endpoint, model) not in opened:
            row = _row(endpoint, model, OPEN).filter(~THE_CIRCUIT_IS_OPEN, since=since)
            if row.update(since=None):
                yield Alarm("closed", endpoint, model, lasted=now - since)


def _shares_passed(now: datetime) -> Iterator[Alarm]:
    # Few again for as long as is counted over: the next time is another one.
    over = UpstreamAlarm.objects.filter(kind=FAILING, seen__lte=now - WINDOW)
    over.filter(since__isnull=False).update(since=None)
    for (endpoint, model), (calls, failed) in sorted(_failing(now).items()):
        row = _row(endpoint, model, FAILING)
        if row.filter(since=None).update(since=now, seen=now):
            yield Alarm("failing", endpoint, model, calls=calls, failed=failed)
        else:
            row.update(seen=now)


def _open() -> set[tuple[str, str]]:
    """Endpoint and model of the circuits that are not closed."""
    return set(Circuit.objects.exclude(open_until=None).values_list("endpoint", "model"))


def _standing(kind: str) -> dict[tuple[str, str], datetime]:
    """What operators were written to about and is not over, and since when."""
    rows = UpstreamAlarm.objects.filter(kind=kind, since__isnull=False)
    return {(row.endpoint, row.model): row.since for row in rows if row.since}


def _row(endpoint: str, model: str, kind: str) -> QuerySet[UpstreamAlarm]:
    """The one row, made if there is none yet."""
    row, _ = UpstreamAlarm.objects.get_or_create(endpoint=endpoint, model=model, kind=kind)
    return UpstreamAlarm.objects.filter(pk=row.pk)


def _failing(now: datetime) -> dict[tuple[str, str], tuple[int, int]]:
    """How many calls, and how many failed, of models that fail too often."""
    calls = UpstreamCall.objects.filter(ended__gt=now - WINDOW).exclude(outcome=STOPPED)
    rows = calls.values_list("endpoint", "model").order_by()
    counted = rows.annotate(calls=Count("pk"), failed=Count("pk", filter=FAILED))
    return {
        (endpoint, model): (calls, failed)
        for endpoint, model, calls, failed in counted.filter(calls__gte=LEAST_CALLS)
        if failed > calls * settings.ALERT_FAILURE_SHARE
    }


def _body(alarm: Alarm, now: datetime) -> str:
    calls = UpstreamCall.objects.filter(FAILED, ended__gt=now - WINDOW)
    calls = calls.filter(endpoint=alarm.endpoint, model=alarm.model)
    kinds = calls.values_list("outcome", "code", "status").annotate(count=Count("pk"))
    context = {
        "alarm": alarm,
        "site": settings.SITE_NAME,
        "lasted": duration(alarm.lasted),
        "minutes": int(WINDOW.total_seconds() // 60),
        "limit": 100 * settings.ALERT_FAILURE_SHARE,
        "kinds": kinds.order_by("-count", "outcome", "code")[:5],
    }
    return render_to_string("conversations/upstream_alarm.txt", context)


def duration(span: timedelta) -> str:
    """In words of two units at most: `3 min 5 s`."""
    seconds = max(round(span.total_seconds()), 0)
    units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")]
    parts = []
    for size, name in units:
        if seconds >= size:
            parts.append(f"{seconds // size} {name}")
        seconds %= size
    return " ".join(parts[:2]) or "0 s"
