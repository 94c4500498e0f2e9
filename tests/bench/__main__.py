"""`make bench`: what one streamed delta costs the site, side by side with a bare relay.

All run in a process of their own on this machine, ask the same scripted upstream, and serve
the same number of WebSocket clients at the same rate, one after the other in one run: the site
without its log, with its log in SQLite (and with moderation besides: `hold`, by the word rules)
and in PostgreSQL, and the relay. The ratios of
processor time per delta say what the log costs, and how far the whole path (parse, join,
commit, fan out) is from passing bytes on. What PostgreSQL spends in its own processes is not
in the figure.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar

import django
import psutil
import psycopg
from websockets.asyncio.client import connect

from tests.upstream.client import Upstream, upstream_at


async def chat_with_site(url: str, cookie: str, text: str) -> int:
    """Deltas' worth of text that one client got; each token is one space-ended word."""
    words = 0
    async with connect(url, additional_headers={"Cookie": cookie}, max_size=None) as socket:
        await socket.recv()
        turn = {"type": "turn.create", "id": str(uuid.uuid4()), "conversation": None, "text": text}
        await socket.send(json.dumps(turn))
        async for frame in socket:
            message = json.loads(frame)
            for event in message.get("events", ()):
                if event["type"] == "response.output_text.delta":
                    words += event["delta"].count(" ")
                elif event["type"] == "generation.finished":
                    assert event["status"] == "completed", event
                    return words
    raise AssertionError("closed in mid-answer")


async def chat_with_relay(url: str, cookie: str, text: str) -> int:
    """The same from the relay, which passes upstream's bytes on."""
    words = 0
    async with connect(url, max_size=None) as socket:
        await socket.send(json.dumps({"model": "m", "input": text, "stream": True}))
        async for frame in socket:
            assert isinstance(frame, bytes)
            words += frame.count(b'"type":"response.output_text.delta"')
    return words


async def all_chats(
    chat: Callable[[str, str, str], Awaitable[int]], url: str, cookies: list[str], text: str
) -> int:
    return sum(await asyncio.gather(*(chat(url, cookie, text) for cookie in cookies)))


def measure(
    name: str,
    pid: int,
    chat: Callable[[str, str, str], Awaitable[int]],
    url: str,
    cookies: list[str],
    text: str,
) -> float:
    """Processor microseconds of process `pid` per delta."""
    process = psutil.Process(pid)
    asyncio.run(all_chats(chat, url, cookies[:2], "warm tokens=20 rate=100"))
    before = process.cpu_times()
    got = asyncio.run(all_chats(chat, url, cookies, text))
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    cost: float = spent / got * 1e6
    print(f"{name:<11} {got:>8} deltas  {cost:>7.1f} µs of processor time each")
    return cost


def start(*command: str) -> tuple["subprocess.Popen[str]", str]:
    """A process whose first line is its URL."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().strip()


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Name → URL of a migrated database; PostgreSQL only where one can be had."""
    from tests.postgres import temporary_database
    from tests.site import migrate

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found = {
            "no log": f"sqlite:///{Path(folder) / 'logless.sqlite3'}",
            "SQLite": f"sqlite:///{Path(folder) / 'bench.sqlite3'}",
            "moderated": f"sqlite:///{Path(folder) / 'moderated.sqlite3'}",
        }
        for url in found.values():
            migrate(url)
        try:
            found["PostgreSQL"] = stack.enter_context(temporary_database())
        except psycopg.OperationalError as error:
            print(f"PostgreSQL is left out: {str(error).splitlines()[0]}")
        yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--rate", type=int, default=50, help="deltas a second and stream")
    parser.add_argument("--seconds", type=int, default=8)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.site import SiteProcess, environment_for, running_site

    class LoglessSite(SiteProcess):
        COMMAND: ClassVar = ["-m", "tests.bench.logless"]

    text = f"tokens={options.rate * options.seconds} rate={options.rate}"
    scripted, upstream_url = start(sys.executable, "-m", "tests.upstream", "--port", "0")
    upstream: Upstream = upstream_at(upstream_url)
    relay, relay_url = start(sys.executable, "-m", "tests.bench.relay", upstream.base_url)
    costs: dict[str, float] = {}
    print(f"{options.streams} streams, {options.rate} deltas/s each; processor time of the site")
    try:
        with databases() as found:
            for name, url in found.items():
                kind = LoglessSite if name == "no log" else SiteProcess
                mode = "hold" if name == "moderated" else "off"
                environment = environment_for(upstream, MODERATION=mode, MODERATION_CHECKER="local")
                with running_site(url, environment, kind) as site:
                    cookies = [site.person().cookie for _ in range(options.streams)]
                    costs[name] = measure(
                        name, site.pid, chat_with_site, site.socket_url, cookies, text
                    )
        bare = measure("relay", relay.pid, chat_with_relay, relay_url, cookies, text)
    finally:
        relay.kill()
        scripted.kill()
    for name, cost in costs.items():
        streams = 1e6 / cost / options.rate
        ratios = f"{cost / costs['no log']:>5.2f} x no log, {cost / bare:>5.2f} x relay"
        print(f"{name:<11} {ratios}; {streams:.0f} streams of this rate fill one core")


if __name__ == "__main__":
    main()
