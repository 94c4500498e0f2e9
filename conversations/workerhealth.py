"""Tells an orchestrator how a generation worker is: three paths of plain HTTP, nothing else.

`/healthz` answers 200 as long as the event loop turns; `/readyz` 200 as long as the worker
also reaches its database and takes on work, else 503. Both say the same in JSON. `/metrics`
is for those who send METRICS_TOKEN.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

BEAT_MUST_BE_YOUNGER = 5.0
"""Seconds; a worker beats once a second, and each beat needs the database."""


Refuse = Callable[[str], tuple[int, str, dict[str, str]] | None]
"""`Authorization` → status, words and headers of a refusal; None lets it pass."""
Scrape = Callable[[str], Awaitable[tuple[bytes, dict[str, str]]]]
"""`Accept` → the text of `/metrics` and its headers."""


class Worker(Protocol):
    """What is asked of a `GenerationWorker`."""

    @property
    def beaten_at(self) -> float:
        """Loop time of the last beat that succeeded; 0 before the first."""

    @property
    def draining(self) -> bool:
        """Whether it takes on nothing more."""

    @property
    def running(self) -> int:
        """Generations that run here."""


class WorkerHealth:
    """Serves the paths on a socket that is bound already."""

    def __init__(
        self, worker: Worker, listening: socket.socket, refuse: Refuse, scrape: Scrape
    ) -> None:
        self._worker = worker
        self._socket = listening
        self._refuse = refuse
        self._scrape = scrape
        application = web.Application()
        application.router.add_get("/healthz", self.alive)
        application.router.add_get("/readyz", self.ready)
        application.router.add_get("/metrics", self.metrics)
        # Probes come every few seconds for ever: no line for each.
        self._runner = web.AppRunner(application, access_log=None)

    @property
    def url(self) -> str:
        """`http://host:port`, with the port that was really taken."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def alive(self, request: web.Request) -> web.Response:
        """200: whoever gets this answer has proof that the loop turns."""
        return web.json_response({"status": "ok", **self._figures()})

    async def ready(self, request: web.Request) -> web.Response:
        """503 before the first beat, when beats fail, and while the worker drains."""
        figures = self._figures()
        if figures["draining"]:
            status = "draining"
        elif not is_live(self._worker):
            status = "silent"
        else:
            status = "ok"
        code = 200 if status == "ok" else 503
        return web.json_response({"status": status, **figures}, status=code)

    async def metrics(self, request: web.Request) -> web.Response:
        """As in a web process, where staff may read it too."""
        if refusal := self._refuse(request.headers.get("Authorization", "")):
            status, words, headers = refusal
            return web.Response(status=status, text=words, headers=headers)
        text, headers = await self._scrape(request.headers.get("Accept", ""))
        return web.Response(body=text, headers=headers)

    def _figures(self) -> dict[str, float | None]:
        """`beat_age_seconds` is null before the first beat."""
        age = beat_age(self._worker)
        return {
            "running": self._worker.running,
            "beat_age_seconds": None if age is None else round(age, 3),
            "draining": self._worker.draining,
        }


def beat_age(worker: Worker) -> float | None:
    """Seconds since the last beat that succeeded; None before the first."""
    beaten_at = worker.beaten_at
    return asyncio.get_running_loop().time() - beaten_at if beaten_at else None


def is_live(worker: Worker) -> bool:
    """Whether it reaches its database."""
    age = beat_age(worker)
    return age is not None and age < BEAT_MUST_BE_YOUNGER


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes any free one. Raises OSError when the address can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
