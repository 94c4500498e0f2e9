"""Calls under a circuit: what they cost, what they say of upstream, what is kept of them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from pytest_django import Settings

from conversations.database import DatabaseThread
from conversations.models import Circuit, UpstreamCall
from conversations.upstream import circuits
from conversations.upstream.attempts import CIRCUIT_OPEN, RESPONSES, Attempts
from conversations.upstream.errors import UpstreamFailure

pytestmark = pytest.mark.django_db(transaction=True)

KEY = (RESPONSES, "m")
P = ParamSpec("P")
Result = TypeVar("Result")


class Counting(DatabaseThread):
    """A database thread that counts how often it is used."""

    used = 0

    async def once(
        self, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        self.used += 1
        return await super().once(function, *args, **kwargs)


@pytest.fixture(autouse=True)
def rules(settings: Settings) -> None:
    settings.BREAKER_FAILURES, settings.BREAKER_SECONDS, settings.LEASE_SECONDS = 2, 60, 10


@pytest.fixture
async def writer() -> AsyncIterator[Counting]:
    writer = Counting("writer")
    yield writer
    await writer.close()


@pytest.fixture
def attempts(writer: Counting) -> Attempts:
    return Attempts(writer)


async def fails(attempts: Attempts, kind: str = "server_error") -> None:
    with pytest.raises(UpstreamFailure, match=kind):
        async with attempts.begin(*KEY):
            raise UpstreamFailure(kind, "its_code")


async def refused(attempts: Attempts) -> UpstreamFailure:
    with pytest.raises(UpstreamFailure) as caught:
        async with attempts.begin(*KEY):
            pytest.fail("upstream was asked")
    assert caught.value.kind.name == CIRCUIT_OPEN
    return caught.value


async def pause_over() -> None:
    await Circuit.objects.aupdate(open_until=timezone.now())


async def circuit() -> Circuit:
    return await Circuit.objects.aget()


async def test_calls_that_go_well_never_ask_the_database(
    attempts: Attempts, writer: Counting
) -> None:
    for _ in range(5):
        async with attempts.begin(*KEY) as attempt:
            attempt.output()
    assert writer.used == 0


async def test_after_so_many_failures_in_a_row_upstream_is_not_asked(attempts: Attempts) -> None:
    await fails(attempts)
    await fails(attempts)
    failure = await refused(attempts)
    assert failure.code == "upstream_unavailable"
    assert failure.retryable
    assert failure.retry_after is not None
    assert 50 < failure.retry_after <= 60
    await refused(attempts)
    assert (await circuit()).trips == 1


async def test_a_success_resets_the_count(attempts: Attempts) -> None:
    await fails(attempts)
    async with attempts.begin(*KEY):
        pass
    await fails(attempts)
    assert (await circuit()).failures == 1


@pytest.mark.parametrize("code", ["rejected", "quota", "rate_limited"])
async def test_a_probe_that_is_refused_by_a_living_upstream_closes_it(
    attempts: Attempts, code: str
) -> None:
    await fails(attempts)
    await fails(attempts)
    await pause_over()
    await fails(attempts, code)
    assert (await circuit()).open_until is None


async def test_one_of_many_becomes_the_probe_and_its_first_output_closes_it(
    attempts: Attempts,
) -> None:
    await fails(attempts)
    await fails(attempts)
    await pause_over()
    async with attempts.begin(*KEY) as probe:
        await asyncio.gather(*(refused(attempts) for _ in range(5)))
        probe.output()
        await attempts.stop()
        async with attempts.begin(*KEY):
            pass
    assert (await circuit()).open_until is None


async def test_a_stopped_probe_lets_the_next_one_go(attempts: Attempts) -> None:
    await fails(attempts)
    await fails(attempts)
    await pause_over()

    async def silent() -> None:
        async with attempts.begin(*KEY):
            probing.set()
            await asyncio.Event().wait()

    for _ in range(2):
        probing = asyncio.Event()
        task = asyncio.create_task(silent())
        await probing.wait()
        await refused(attempts)
        task.cancel()
        await asyncio.wait([task])
        await attempts.stop()
    row = await circuit()
    assert row.open_until
    assert (row.probe, row.trips) == ("", 1)


async def test_a_long_probe_keeps_its_turn_with_every_beat(attempts: Attempts) -> None:
    await fails(attempts)
    await fails(attempts)
    await pause_over()
    async with attempts.begin(*KEY):
        before = (await circuit()).probe_until
        await attempts.flush()
        after = (await circuit()).probe_until
        assert before
        assert after
        assert after > before


async def test_what_another_process_found_is_known_after_a_beat(
    attempts: Attempts, writer: Counting
) -> None:
    other = Attempts(writer)
    await fails(other)
    await fails(other)
    async with attempts.begin(*KEY):
        pass
    await attempts.flush()
    await refused(attempts)
    await sync_to_async(circuits.reset)(*KEY)
    async with attempts.begin(*KEY):  # that it is open is looked up: it may be no longer
        pass


async def test_a_chat_goes_on_when_the_database_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    writer = DatabaseThread("goes away")
    attempts = Attempts(writer)
    await fails(attempts)
    await fails(attempts)
    await pause_over()
    await attempts.flush()
    await writer.close()
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            async with attempts.begin(*KEY):
                pass
            await fails(attempts)
        await attempts.stop()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_each_call_leaves_a_row_with_how_it_ended(attempts: Attempts) -> None:
    async with attempts.begin(*KEY) as attempt:
        attempt.answered("req_1")
        attempt.output()
    await fails(attempts)
    with pytest.raises(asyncio.CancelledError):
        async with attempts.begin(*KEY):
            raise asyncio.CancelledError
    old = timezone.now() - timedelta(days=31)
    values = {"endpoint": "responses", "model": "m", "ended": old, "total_ms": 1, "outcome": "ok"}
    await UpstreamCall.objects.acreate(**values)
    await attempts.stop()
    rows = [row async for row in UpstreamCall.objects.order_by("pk")]
    assert [(row.outcome, row.code, row.request_id) for row in rows] == [
        ("ok", "", "req_1"),
        ("server_error", "its_code", ""),
        ("stopped", "", ""),
    ]
    assert [row.first_ms is None for row in rows] == [False, True, True]
