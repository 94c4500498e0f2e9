"""Whether a web process is alive, and whether it can be given people to serve."""

import asyncio
from collections.abc import Awaitable
from typing import Any, NamedTuple

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from redis.exceptions import RedisError

from chatsite.scrape import own_workers
from conversations import runtime, signs
from conversations.models import Circuit
from conversations.runtime import Runtime

CHECK_SECONDS = 2.0
"""How long each check may take; they run side by side."""
PROBE_CHANNEL = "health.probe"
"""Nobody listens there."""

Check = dict[str, str]
OK: Check = {"status": "ok"}


class Known(NamedTuple):
    """What one look into the database tells."""

    workers: dict[str, bool]
    """Those that live, and whether they are draining."""
    resting: list[str]
    """Endpoints and models that are left alone for now."""


async def readiness() -> tuple[int, dict[str, Any]]:
    """HTTP status and JSON of `/readyz`.

    503 and `unready` when something is missing without which nobody gets an answer here: the
    database, the channel layer, a worker, or because this process is about to end.

    200 and `degraded` while a circuit breaker is open. Upstream is as far away from the other
    instances: a load balancer that took them all out would leave people with an error page,
    instead of their chats and a sentence that says when to try again.
    """
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            parts = await asyncio.shield(runtime.current())  # whoever gives up ends nothing
    except TimeoutError:
        return 503, {"status": "unready", "checks": {"process": failed("it is still starting")}}
    looked, layer = await asyncio.gather(bounded(look(parts)), bounded(ping_layer()))
    draining = failed("it is about to end") if parts.hub.closing else OK
    if isinstance(looked, str):
        database, worker, upstream = failed(looked), failed("the database would tell"), OK
    else:
        database, worker, upstream = OK, has_worker(looked), rests(looked)
    layer_check = failed(layer) if isinstance(layer, str) else OK
    needed = {
        "process": draining,
        "database": database,
        "channel_layer": layer_check,
        "worker": worker,
    }
    ready = all(check is OK for check in needed.values())
    status = "unready" if not ready else "ok" if upstream is OK else "degraded"
    return 200 if ready else 503, {"status": status, "checks": needed | {"upstream": upstream}}


def failed(why: str) -> Check:
    return {"status": "failed", "detail": why}


async def bounded(check: Awaitable[Any]) -> Any:
    """What the check returns, or in words why there is nothing; no word of the error itself,
    which may name hosts and users."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    except (OperationalError, InterfaceError, RedisError, OSError):
        return "it can't be reached"


async def look(parts: Runtime) -> Known:
    """Asks the database, and adds the worker inside this process."""
    own = own_workers(parts)
    workers, resting = await parts.reader.once(read)
    return Known(workers | own, resting)


def read() -> Known:
    """One look into the database."""
    open_ones = Circuit.objects.filter(open_until__gt=timezone.now()).order_by("endpoint", "model")
    names = [f"{circuit.endpoint} {circuit.model}" for circuit in open_ones]
    return Known(signs.fresh(), names)


async def ping_layer() -> None:
    """Sends a message to nobody, when there is a layer that can be away."""
    if settings.REDIS_URL:
        await get_channel_layer().send(PROBE_CHANNEL, {"type": "health.probe"})


def has_worker(known: Known) -> Check:
    """Whether anybody takes on what people ask."""
    if False in known.workers.values():
        return OK
    return failed("all are about to end" if known.workers else "none is alive")


def rests(known: Known) -> Check:
    """Which models are left alone because they failed."""
    if not known.resting:
        return OK
    return {"status": "open", "detail": ", ".join(known.resting)}
