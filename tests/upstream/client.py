"""What a test uses: set scripts, open gates, read records.

    upstream.queue(text_answer("Hi"))                    # the next request gets this
    upstream.when("weather", web_search_answer())        # requests whose last text fits
    record = upstream.request(1)                         # the first request, waited for
    await record.aclosed(timeout=1)                      # until the stream ended, however

Waits come in two forms: plain (blocking: for sync tests) and with an `a` in front (awaitable).
Both raise TimeoutError. The server runs in its own thread or process, so neither stops it.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from tests.upstream import messages
from tests.upstream.links import HttpLink, Link, ThreadLink
from tests.upstream.messages import RESPONSES, Answer, Moderation, RecordData, Rule, Wait
from tests.upstream.script import Script, as_steps
from tests.upstream.server import ServerThread

TIMEOUT = 5.0


class Record:
    """One request that the upstream got. What can't change is in attributes; for what can
    (`status`, `events_sent`, `ended`, …) read `record.now`."""

    def __init__(self, link: Link, data: RecordData) -> None:
        self._link = link
        self.number = data.number
        self.at = data.at  # time.monotonic() when the request was read
        self.method = data.method
        self.path = data.path
        self.query = data.query
        self.headers = data.headers  # names in lower case
        self.body: Any = data.body
        self.text = data.text  # the last user text
        self.response_id = data.response_id

    def __repr__(self) -> str:
        return f"<Record {self.number} {self.method} {self.path} {self.text[:40]!r}>"

    @property
    def now(self) -> RecordData:
        """All there is to know at this moment."""
        return self._link.call(messages.Look(self.number)).records[0]

    def wait_closed(self, timeout: float = TIMEOUT) -> RecordData:
        """Wait until the stream ended; `.ended` of the result says how ("client": it hung up)."""
        wanted = Wait("ended", timeout, number=self.number)
        _check(self._link.call(wanted), wanted, self)
        return self.now

    async def aclosed(self, timeout: float = TIMEOUT) -> RecordData:
        """`wait_closed` for async tests."""
        wanted = Wait("ended", timeout, number=self.number)
        _check(await self._link.acall(wanted), wanted, self)
        return self.now

    def wait_sent(self, events: int, timeout: float = TIMEOUT) -> None:
        """Wait until so many events were written to the client, or the stream ended."""
        wanted = Wait("sent", timeout, number=self.number, count=events)
        _check(self._link.call(wanted), wanted, self)

    async def asent(self, events: int, timeout: float = TIMEOUT) -> None:
        """`wait_sent` for async tests."""
        wanted = Wait("sent", timeout, number=self.number, count=events)
        _check(await self._link.acall(wanted), wanted, self)


class Upstream:
    """A handle on one upstream server."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.url = link.url
        self.base_url = f"{link.url}/v1"  # what OPENAI_BASE_URL wants

    def queue(self, *scripts: Script, path: str = RESPONSES, method: str = "POST") -> None:
        """Answer the next requests on this path with these scripts, one each, in order."""
        for script in scripts:
            rule = Rule(as_steps(script), path, method)
            self._link.call(messages.AddRule(rule))

    def when(self, text: str, script: Script, *, model: str = "", times: int | None = None) -> None:
        """Answer requests whose last user text has a match of the regular expression `text`
        (and that ask for `model`). Goes before `queue`; the newest fitting one wins."""
        self._link.call(
            messages.AddRule(Rule(as_steps(script), text=text, model=model, times=times))
        )

    def always(self, script: Script, *, path: str = RESPONSES, method: str = "POST") -> None:
        """Answer every request on this path with this script, once the queue before it is empty."""
        self._link.call(messages.AddRule(Rule(as_steps(script), path, method, times=None)))

    def open(self, gate: str) -> None:
        """Open a gate of a script."""
        self._link.call(messages.OpenGate(gate))

    def flag(
        self, *phrases: str, categories: tuple[str, ...] = ("violence",), delay: float = 0.0,
        gate: str = "",
    ) -> None:  # fmt: skip
        """Let /v1/moderations flag texts that hold one of the phrases; replaces what was set.
        Errors of the endpoint: `queue(reply_error(500), path="/v1/moderations")`."""
        flags = {phrase: list(categories) for phrase in phrases}
        self._link.call(messages.SetModeration(Moderation(flags, delay, gate)))

    def models(self, *names: str) -> None:
        """What /v1/models lists."""
        self._link.call(messages.SetModels(list(names)))

    def reset(self) -> None:
        """Forget rules, gates and records, and drop the streams that are still open."""
        self._link.call(messages.ResetAll())

    @property
    def records(self) -> list[Record]:
        """Every request since the last reset, in order of arrival."""
        return [Record(self._link, data) for data in self._look().records]

    def requests(self, path: str = RESPONSES) -> list[Record]:
        """The requests on one path."""
        return [record for record in self.records if record.path == path]

    @property
    def open_streams(self) -> int:
        """Requests that are being answered now."""
        return self._look().open

    @property
    def most_open_streams(self) -> int:
        """The largest number of them at once since the last reset."""
        return self._look().most_open

    @property
    def scripts_left(self) -> int:
        """Queued scripts that no request has used yet."""
        return self._look().rules_left

    def _look(self) -> Answer:
        return self._link.call(messages.Look())

    def request(self, number: int = 1, path: str = RESPONSES, timeout: float = TIMEOUT) -> Record:
        """The request with this number (from 1) on a path, waited for."""
        wanted = Wait("requests", timeout, count=number, path=path)
        _check(self._link.call(wanted), wanted, self)
        return self.requests(path)[number - 1]

    async def arequest(
        self, number: int = 1, path: str = RESPONSES, timeout: float = TIMEOUT
    ) -> Record:
        """`request` for async tests."""
        wanted = Wait("requests", timeout, count=number, path=path)
        _check(await self._link.acall(wanted), wanted, self)
        return self.requests(path)[number - 1]

    def wait_gate(self, name: str, count: int = 1, timeout: float = TIMEOUT) -> None:
        """Wait until so many streams have come to a gate."""
        wanted = Wait("gate", timeout, name=name, count=count)
        _check(self._link.call(wanted), wanted, self)

    async def agate(self, name: str, count: int = 1, timeout: float = TIMEOUT) -> None:
        """`wait_gate` for async tests."""
        wanted = Wait("gate", timeout, name=name, count=count)
        _check(await self._link.acall(wanted), wanted, self)

    def wait_idle(self, timeout: float = TIMEOUT) -> None:
        """Wait until no request is being answered."""
        wanted = Wait("idle", timeout)
        _check(self._link.call(wanted), wanted, self)

    async def aidle(self, timeout: float = TIMEOUT) -> None:
        """`wait_idle` for async tests."""
        wanted = Wait("idle", timeout)
        _check(await self._link.acall(wanted), wanted, self)

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Connections are refused inside the block; only for an upstream in this process."""
        if not isinstance(self._link, ThreadLink):
            raise TypeError("an upstream in another process can't be taken down and up again")
        thread = self._link.thread
        thread.call(thread.server.unlisten())
        try:
            yield
        finally:
            thread.call(thread.server.listen())


def _check(answer: Answer, wanted: Wait, about: object) -> None:
    if not answer.done:
        raise TimeoutError(f"{about}: waited {wanted.timeout} s in vain for {wanted}")


@contextlib.contextmanager
def running_upstream(port: int = 0, models: list[str] | None = None) -> Iterator[Upstream]:
    """An upstream in a thread of this process."""
    thread = ServerThread(port, models)
    thread.start()
    try:
        yield Upstream(ThreadLink(thread))
    finally:
        thread.stop()


def upstream_at(url: str) -> Upstream:
    """A handle on an upstream in another process (`python -m tests.upstream`)."""
    return Upstream(HttpLink(url))


@contextlib.contextmanager
def refusing_url() -> Iterator[str]:
    """A base URL where every connection is refused: the port is taken, but nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
