"""Answers machines before Django is asked: `/healthz`, `/readyz`, and scrapes with a token.

They come by address, so that ALLOWED_HOSTS would refuse them; without a session; and also when
the database is away, which is when they matter.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chatsite import health, scrape
from conversations import runtime

Application = Callable[..., Awaitable[None]]
Answer = tuple[int, bytes, dict[str, str]]

HARMLESS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class Probes:
    """Around an ASGI application for HTTP."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {name: value.decode("latin1") for name, value in scope["headers"]}
        handler = HANDLERS.get(scope["path"])
        if handler is metrics and not scrape.is_bearer(headers.get(b"authorization", "")):
            handler = None  # Django knows the session
        if handler is None:
            await self.application(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            await answer(send, *await handler(headers), empty=scope["method"] == "HEAD")
        else:
            await answer(send, 405, b"", {"Allow": "GET, HEAD"})


async def alive(headers: Mapping[bytes, str]) -> Answer:
    """200 as long as the event loop turns."""
    return as_json(200, {"status": "ok"})


async def ready(headers: Mapping[bytes, str]) -> Answer:
    """See `health.readiness`."""
    return as_json(*await health.readiness())


async def metrics(headers: Mapping[bytes, str]) -> Answer:
    """For a bearer token; see `scrape`."""
    if refused := scrape.refusal(headers[b"authorization"]):
        status, words, more = refused
        return status, words.encode(), {"Content-Type": "text/plain; charset=utf-8", **more}
    text, more = await scrape.answer(await runtime.current(), headers.get(b"accept", ""))
    return 200, text, more


HANDLERS = {"/healthz": alive, "/readyz": ready, "/metrics": metrics}


def as_json(status: int, fields: Mapping[str, Any]) -> Answer:
    return status, json.dumps(fields).encode(), {"Content-Type": "application/json"}


async def answer(
    send: Application, status: int, body: bytes, headers: Mapping[str, str], empty: bool = False
) -> None:
    """Sends one whole response; `empty` leaves out the body."""
    told = HARMLESS | dict(headers) | {"Content-Length": str(len(body))}
    lines = [(name.lower().encode(), value.encode("latin1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": b"" if empty else body})
