"""`/metrics`: what a process counted and what the database knows, and who may read it."""

import asyncio
import hmac
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import REGISTRY, multiprocess
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from chatsite import together
from conversations import figures, runtime
from conversations.runtime import Runtime
from conversations.workerhealth import is_live

DATABASE_SECONDS = 2.0
"""How long a scrape waits for the figures of the database, before it goes without them."""

Headers = dict[str, str]
NOT_KEPT: Headers = {"Cache-Control": "no-store"}
CHALLENGE: Headers = {"WWW-Authenticate": 'Bearer realm="metrics", error="invalid_token"'}


class Sources:
    """A scrape's answer, as prometheus_client wants to be given it."""

    def __init__(self, of_database: list[Metric]) -> None:
        self._of_database = of_database

    def collect(self) -> Iterator[Metric]:
        """With a shared folder, the figures of all processes that share it. Those of the
        process itself, such as its memory, are of no use then: nobody can say of which."""
        folder = settings.PROMETHEUS_MULTIPROC_DIR
        if folder:
            together.bury(folder)
            yield from multiprocess.MultiProcessCollector(None, folder).collect()  # type: ignore[no-untyped-call]
        else:
            yield from REGISTRY.collect()
        yield from self._of_database


async def answer(parts: Runtime, accept: str) -> tuple[bytes, Headers]:
    """The text in the format that an `Accept` header asks for, and its headers."""
    encode, content_type = choose_encoder(accept)
    # Reading the files and writing the text takes milliseconds, which streams should not wait.
    text = await asyncio.to_thread(encode, Sources(await of_database(parts)))
    return text, NOT_KEPT | {"Content-Type": content_type}


async def of_database(parts: Runtime) -> list[Metric]:
    """Its figures; when it is away, that it is: the others matter most then."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            return await parts.reader.once(figures.read, own_workers(parts))
    except (OperationalError, InterfaceError, TimeoutError):
        return [figures.known(False)]


def own_workers(parts: Runtime) -> dict[str, bool]:
    """The worker inside this process, if it lives, and whether it is draining."""
    worker = parts.worker
    return {worker.name: worker.draining} if worker and is_live(worker) else {}


def is_bearer(authorization: str) -> bool:
    """Whether a header brings a token at all; a proxy's own password in it is not ours."""
    return authorization.partition(" ")[0].lower() == "bearer"


def refusal(authorization: str) -> tuple[int, str, Headers] | None:
    """Status, words and headers for whom this header does not let in."""
    if not is_bearer(authorization):
        return 403, "Send METRICS_TOKEN as a bearer token.\n", NOT_KEPT
    token, expected = authorization[len("bearer ") :].strip(), settings.METRICS_TOKEN
    # An empty METRICS_TOKEN lets nobody in, those with an empty token neither.
    if expected and hmac.compare_digest(token.encode(), expected.encode()):
        return None
    said = "This is not METRICS_TOKEN." if expected else "There is no METRICS_TOKEN on this site."
    return 401, f"{said}\n", NOT_KEPT | CHALLENGE


@never_cache
@require_safe
async def for_staff(request: HttpRequest) -> HttpResponse:
    """`/metrics` for a browser. A refusal is one: no scraper can use a login form."""
    user: Any = await request.auser()
    if not (user.is_active and user.is_staff):
        words = "Sign in as staff, or send METRICS_TOKEN as a bearer token.\n"
        return HttpResponse(words, "text/plain; charset=utf-8", status=403)
    text, headers = await answer(await runtime.current(), request.headers.get("Accept", ""))
    return HttpResponse(text, headers=headers)
