"""The HTTP server: in its own thread and event loop (`ServerThread`), or in a running loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import msgspec
import uvloop
from aiohttp import web

from tests.upstream import messages
from tests.upstream.connection import Connection
from tests.upstream.endpoints import Endpoints, parse_body
from tests.upstream.messages import Answer, Command, RecordData
from tests.upstream.state import DEFAULT_MODELS, State

CONTROL_PATH = "/_control"
MAX_BODY = 64 * 1024 * 1024


class Server:
    """One upstream on one port of 127.0.0.1. All methods belong to one event loop."""

    def __init__(self, port: int = 0, models: list[str] | None = None) -> None:
        self.port = port
        self._models = models or DEFAULT_MODELS
        self.state = State(models=list(self._models))
        self.endpoints = Endpoints(self.state)
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Open the port; port 0 is replaced by the one that was free."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # Cancelling the handler is how a hang-up is noticed, at once, also during silence.
        runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0
        )
        await runner.setup()
        self._runner = runner
        await self.listen()

    async def listen(self) -> None:
        """Take connections (again), always on the same port."""
        assert self._runner is not None
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", self.port))
        self.port = sock.getsockname()[1]
        self._site = web.SockSite(self._runner, sock, backlog=1024)
        await self._site.start()

    async def unlisten(self) -> None:
        """Refuse connections from now on, and close those that are open."""
        assert self._runner is not None
        assert self._site is not None
        await self._site.stop()
        for stream in list(self.state.streams):
            stream.drop()
        server = self._runner.server
        for protocol in list(server.connections) if server else []:
            protocol.force_close()

    async def stop(self) -> None:
        """Close everything."""
        await self._reset()
        if self._runner is not None:
            await self._runner.cleanup()

    async def perform(self, command: Command) -> Answer:
        """Do what a test asks for."""
        state = self.state
        done = True
        records: list[RecordData] = []
        match command:
            case messages.AddRule(rule):
                state.rules.append(rule)
            case messages.OpenGate(name):
                state.open_gate(name)
            case messages.ResetAll():
                await self._reset()
            case messages.SetModels(models):
                state.models = models
            case messages.SetModeration(moderation):
                state.moderation = moderation
            case messages.Look(None):
                records = list(state.records)
            case messages.Look(int(number)):
                records = state.records[number - 1 : number]
            case messages.Wait():
                done = await state.wait(command)
        left = sum(rule.times is not None for rule in state.rules)
        return Answer(done, records, len(state.streams), state.most_open, left)

    async def _reset(self) -> None:
        await self.endpoints.background.clear()
        self.state.reset(self._models)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()
        if request.path == CONTROL_PATH:
            return await self._control(data)
        record = self.state.arrived(
            request.method, request.path, request.query, request.headers, parse_body(data)
        )
        connection = Connection(request, record, self.state)
        self.state.opened(connection)
        try:
            await self.endpoints.answer(connection, record)
        except asyncio.CancelledError:
            connection.end("client")
            raise
        except Exception as error:
            connection.end(f"error: {error!r}")
            connection.drop()
            raise
        return connection.response

    async def _control(self, data: bytes) -> web.Response:
        answer = await self.perform(msgspec.json.decode(data, type=Command))
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


class ServerThread:
    """A server in a thread of its own, for tests of any kind, sync or async."""

    def __init__(self, port: int = 0, models: list[str] | None = None) -> None:
        self.server = Server(port, models)
        self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.close()

    def start(self) -> None:
        """Returns when the port is open."""
        self._thread.start()
        self.call(self.server.start())

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self.call(self.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def call(self, coroutine: Any) -> Any:
        """Run a coroutine in the server's loop, wait for it, return what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()
