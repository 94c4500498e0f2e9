"""A mail server on loopback that keeps what it gets, and refuses whom a test names."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP as far as `send_mail` speaks it. `refused`: addresses it does not know."""

    daemon_threads = True

    def __init__(self, *refused: str) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.refused = refused
        self.received: list[str] = []
        """Who was written to."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._answer("220 hello")
        for line in self.rfile:
            command, _, rest = line.decode().strip().partition(":")
            match command.upper().split()[0]:
                case "RCPT" if (address := rest.strip("<> ")) in self.server.refused:
                    self._answer(f"550 no {address} here")
                case "RCPT":
                    self._answer("250 yes")
                    addressee = address
                case "DATA":
                    self._answer("354 go on")
                    while self.rfile.readline() != b".\r\n":
                        pass
                    self.server.received.append(addressee)
                    self._answer("250 taken")
                case "QUIT":
                    self._answer("221 bye")
                    return
                case _:
                    self._answer("250 yes")

    def _answer(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def running_mail_server(*refused: str) -> Iterator[MailServer]:
    """A mail server inside the block."""
    with MailServer(*refused) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
