"""Starts the site: Daphne on uvloop, with the embedded model and the inline worker.

`python -m chatsite.server` reads HOST and PORT, and everything else from the settings. Any
ASGI server can run `chatsite.asgi:application` as well; the worker then starts with the first
socket, and frames of invalid UTF-8 close the socket instead of being answered.
"""

import asyncio
import os
import sys
from typing import Any

from twisted.internet import asyncioreactor

try:
    import uvloop
except ImportError:  # Windows
    asyncioreactor.install()
else:
    asyncioreactor.install(uvloop.new_event_loop())

from daphne.server import Server  # after the reactor it is to use
from daphne.ws_protocol import WebSocketProtocol

from chatsite.localmodel import LocalModel, Status

MAX_FRAME = 256 * 1024
"""Bytes; a longer WebSocket message closes the socket with 1009."""


class LenientProtocol(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """Hands text frames of invalid UTF-8 on, so that they are answered like other bad input;
    sends frames of any size; closes with any code."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if isBinary:
            super().onMessage(payload, isBinary)
        elif not self.muted:
            # Bytes that are no UTF-8 become lone surrogates, which no JSON parser accepts.
            text = payload.decode("utf-8", "surrogateescape")
            self.application_queue.put_nowait({"type": "websocket.receive", "text": text})

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        # Autobahn holds what we send to the limit for what we receive, and drops it silently.
        limit = self.factory.maxMessagePayloadSize
        self.maxMessagePayloadSize = 0
        try:
            super().serverSend(content, binary)
        finally:
            self.maxMessagePayloadSize = limit

    def serverClose(self, code: int | None = None) -> None:
        # `sendClose` allows 1000 and 3000-4999 only; servers may close with 1008 or 1012 too.
        self.sendCloseFrame(code=1000 if code is None else code)


class ChatServer(Server):  # type: ignore[misc]
    """Daphne, with the runtime started before the first request and ended after the last."""

    def __init__(self, host: str, port: int) -> None:
        from chatsite.asgi import application

        address = host.replace(":", r"\:")
        super().__init__(
            application,
            endpoints=[f"tcp:port={port}:interface={address}"],
            ready_callable=self.ready,
            websocket_max_message_size=MAX_FRAME,
            websocket_max_frame_size=MAX_FRAME,
            websocket_timeout=-1,
            server_name="chatsite",
        )
        self.failed = False

    def ready(self) -> None:
        from twisted.internet import reactor

        self.ws_factory.protocol = LenientProtocol
        # A reader should learn why it is closed: a frame with the code, not a cut connection.
        self.ws_factory.setProtocolOptions(utf8validateIncoming=False, failByDrop=False)
        reactor.addSystemEventTrigger("before", "shutdown", self.shutdown)
        self.starting = asyncio.get_event_loop().create_task(self.start())

    async def start(self) -> None:
        from conversations import runtime

        await runtime.current()

    def shutdown(self) -> Any:
        from twisted.internet import defer

        from conversations import runtime

        return defer.Deferred.fromFuture(asyncio.ensure_future(runtime.shutdown()))

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
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
    host, port = os.environ.get("HOST") or "127.0.0.1", int(os.environ.get("PORT") or 8000)
    import django
    from django.conf import settings
    from django.core.management import call_command

    model = None
    if settings.LOCAL_MODEL and not settings.UPSTREAM_URL:
        model = LocalModel(on_change=say)
        endpoint = model.start()
        settings.UPSTREAM_URL, settings.UPSTREAM_KEY = endpoint.base_url, endpoint.api_key
    django.setup()
    call_command("check")
    server = ChatServer(host, port)
    try:
        server.run()
    finally:
        if model:
            model.stop()
    return 1 if server.failed else 0


if __name__ == "__main__":
    sys.exit(main())
