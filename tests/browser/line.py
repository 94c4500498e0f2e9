"""A tab's WebSocket in the test's hands."""

import json

from playwright.sync_api import Page, WebSocketRoute


class Line:
    """The tab's connection, which a test can cut, hold, and speak on.

    `up`: false refuses new connections. `refuses_with`: a close code for those, as a server gives
    it that accepts only to say so. `deaf`: the server gets nothing. `behind`: the tab gets no
    events, as one does that is slower than the model.
    """

    def __init__(self, page: Page) -> None:
        self.up = True
        self.refuses_with = 4000
        self.deaf = False
        self.behind = False
        self.connections = 0
        self.sent: list[dict[str, object]] = []
        self.last_seq = 0
        self.socket: WebSocketRoute | None = None
        page.route_web_socket("**/ws/", self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        if not self.up:
            socket.close(code=self.refuses_with)
            return
        self.connections += 1
        self.socket = socket
        server = socket.connect_to_server()
        socket.on_message(lambda text: self._passed(server, str(text)))
        server.on_message(lambda text: self._received(socket, str(text)))

    def _passed(self, server: WebSocketRoute, text: str) -> None:
        self.sent.append(json.loads(text))
        if not self.deaf:
            server.send(text)

    def _received(self, socket: WebSocketRoute, text: str) -> None:
        message = json.loads(text)
        if message["type"] == "events":
            if self.behind:
                return
            self.last_seq = max(self.last_seq, message["events"][-1]["seq"])
        socket.send(text)

    def close(self, code: int) -> None:
        """Ends the connection; the next one is taken if `up`."""
        assert self.socket
        self.socket.close(code=code)

    def cut(self) -> None:
        """Ends the connection and takes no other."""
        self.up = False
        self.close(4000)

    def say(self, text: str) -> None:
        """A message from the server."""
        assert self.socket
        self.socket.send(text)

    def commands(self, kind: str) -> list[dict[str, object]]:
        return [command for command in self.sent if command["type"] == kind]
