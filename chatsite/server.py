"""Starts the site: Daphne on uvloop, with the embedded model and the inline worker.

`python -m chatsite.server` reads everything from the settings. Any ASGI server can run
`chatsite.asgi:application` as well; the worker then starts with the first
socket, frames of invalid UTF-8 close the socket instead of being answered, and it ends without
letting answers finish.
"""

import asyncio
import logging
import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet import asyncioreactor

try:
    import uvloop
except ImportError:  # Windows
    asyncioreactor.install()
else:
    asyncioreactor.install(uvloop.new_event_loop())

from daphne.server import Server  # after the reactor it is to use

from chatsite.localmodel import LocalModel, Status
from chatsite.websocket import BoundedProtocol

if TYPE_CHECKING:
    from conversations.runtime import Runtime

logger = logging.getLogger(__name__)

MAX_FRAME = 256 * 1024
"""Bytes; a longer WebSocket message closes the socket with 1009."""
GOODBYE_SECONDS, HASTY_GOODBYE = 2.0, 0.5
"""How long browsers get to read why their socket is closed; the second when told twice."""
CLOSE_SECONDS = 3
"""How long a browser may take to answer a close frame."""
HURRY_SECONDS = 3.0
"""How long the process may still take after a second signal."""


class ChatServer(Server):  # type: ignore[misc]  # daphne has no types
    """Daphne, with the runtime started before the first request and ended after the last."""

    def __init__(self, host: str, port: int) -> None:
        from chatsite.asgi import application

        self.site = application
        address = host.replace(":", r"\:")
        super().__init__(
            self.serve,
            endpoints=[f"tcp:port={port}:interface={address}"],
            signal_handlers=False,  # Daphne's would end everything at once
            ready_callable=self.ready,
            websocket_max_message_size=MAX_FRAME,
            websocket_max_frame_size=MAX_FRAME,
            websocket_timeout=-1,
            server_name="chatsite",
        )
        self.failed = False
        self.ports: list[Any] = []
        self.runtime: Runtime | None = None
        self.ending: asyncio.Task[None] | None = None
        self.told_again = asyncio.Event()

    def ready(self) -> None:
        from twisted.internet import reactor

        self.ws_factory.protocol = BoundedProtocol
        # A reader should learn why it is closed: a frame with the code, not a cut connection.
        self.ws_factory.setProtocolOptions(
            utf8validateIncoming=False, failByDrop=False, closeHandshakeTimeout=CLOSE_SECONDS
        )
        reactor.addSystemEventTrigger("before", "shutdown", self.shutdown)
        self.starting = asyncio.get_event_loop().create_task(self.start())

    async def start(self) -> None:
        from conversations import runtime

        self.runtime = await runtime.current()

    # --- Requests -------------------------------------------------------------------------

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, BoundedProtocol):
            scope["chatsite.protocol"] = protocol
        return super().create_application(protocol, scope)

    async def serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """The ASGI application, told of what has happened to the line."""
        from django.db import InterfaceError, OperationalError

        from conversations.sendqueue import TRY_LATER

        protocol = scope.pop("chatsite.protocol", None)
        if protocol is None:
            await self.site(scope, receive, send)
            return
        try:
            await self.site(scope, partial(protocol.take, receive), send)
        except (OperationalError, InterfaceError) as error:
            # Who asks can't be looked up: a code for "try again later" needs an open socket.
            logger.warning("a socket is closed, the database is away: %s", error)
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": TRY_LATER})

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Daphne's, but sending on a socket waits while its line is full, and says it is gone."""
        sends = isinstance(protocol, BoundedProtocol) and message["type"] == "websocket.send"
        if sends and not protocol.sends_arrive:
            raise ConnectionResetError("the socket is closed")
        await super().handle_reply(protocol, message)
        if sends:
            await protocol.written()

    # --- The end --------------------------------------------------------------------------

    def told(self) -> None:
        """SIGTERM or Ctrl-C: the first ends in order, the second at once."""
        if self.ending is None:
            self.ending = asyncio.get_running_loop().create_task(self.end())
        elif not self.told_again.is_set():
            self.told_again.set()
            # Whatever still hangs then, the database knows how to go on without us.
            asyncio.get_running_loop().call_later(HURRY_SECONDS, os._exit, 1)

    async def end(self) -> None:
        """Nothing new comes in; what runs finishes, as far as there is time; then the end."""
        for port in self.ports:
            port.stopListening()  # browsers that come back go elsewhere, or wait
        try:
            if self.runtime:  # else we were told while it started: nothing runs yet
                await self.drain(self.runtime)
                await self.say_goodbye(self.runtime)
        finally:
            self.stop()

    async def drain(self, runtime: "Runtime") -> None:
        """Lets running answers finish; returns at once when told again."""
        from django.conf import settings

        running = runtime.worker.running if runtime.worker else 0
        if running and settings.DRAIN_SECONDS:
            answers = f"{running} answer{'' if running == 1 else 's'}"
            until = f"up to {settings.DRAIN_SECONDS:g} s"
            print(
                f"Finishing {answers}, {until}; press Ctrl-C again to stop now.",
                file=sys.stderr,
                flush=True,
            )
        draining = asyncio.create_task(runtime.drain(settings.DRAIN_SECONDS))
        again = asyncio.create_task(self.told_again.wait())
        await asyncio.wait([draining, again], return_when=asyncio.FIRST_COMPLETED)
        for task in (again, draining):
            task.cancel()
        (error,) = await asyncio.gather(draining, return_exceptions=True)
        if isinstance(error, Exception):  # the rest of the end must come all the same
            logger.error("running answers could not be handed over", exc_info=error)

    async def say_goodbye(self, runtime: "Runtime") -> None:
        """Closes what is open and waits a moment, so that browsers learn why."""
        from conversations.runtime import RESTARTING

        now = asyncio.get_running_loop().time
        until = now() + (HASTY_GOODBYE if self.told_again.is_set() else GOODBYE_SECONDS)
        runtime.hub.close_sockets(RESTARTING)
        while self.busy() and now() < until:  # noqa: ASYNC110  # Daphne has no event for it
            await asyncio.sleep(0.02)

    def busy(self) -> list[Any]:
        """The connections that somebody still waits at."""
        return [p for p, details in self.connections.items() if not details.get("disconnected")]

    def shutdown(self) -> Any:
        from twisted.internet import defer

        from conversations import runtime

        return defer.Deferred.fromFuture(asyncio.ensure_future(runtime.shutdown()))

    def listen_success(self, port: Any) -> None:
        from twisted.internet import reactor

        super().listen_success(port)
        self.ports.append(port)
        # Not the loop's own `add_signal_handler`: uvloop loses what comes before it runs.
        wake = reactor._asyncioEventloop.call_soon_threadsafe
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: wake(self.told))
        address = port.getHost()
        host = f"[{address.host}]" if ":" in address.host else address.host
        print(f"Chatsite is at http://{host}:{address.port}", flush=True)

    def listen_error(self, failure: Any) -> None:
        print(f"Can't listen: {failure.getErrorMessage()}", file=sys.stderr)
        self.failed = True
        self.stop()


def say(status: Status) -> None:
    """What people at the console should know of the embedded model."""
    if status.message:
        print(status.message, file=sys.stderr, flush=True)


def main() -> int:
    """Serves until SIGINT or SIGTERM; 1 when the address can't be had."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    import django
    from django.conf import settings
    from django.core.management import CommandError, call_command

    from chatsite import logs, tracing

    model = None
    if settings.LOCAL_MODEL and not settings.UPSTREAM_URL:
        model = LocalModel(on_change=say)
        endpoint = model.start()
        settings.UPSTREAM_URL, settings.UPSTREAM_KEY = endpoint.base_url, endpoint.api_key
    django.setup()
    logs.take_over()
    tracing.start()
    try:
        call_command("check")
        server = ChatServer(settings.HOST, settings.PORT)
        server.run()
    except CommandError as error:  # a setting that can't be used: said in words
        print(error, file=sys.stderr)
        return 1
    finally:
        tracing.stop()
        if model:
            model.stop()
    return 1 if server.failed else 0


if __name__ == "__main__":
    sys.exit(main())
