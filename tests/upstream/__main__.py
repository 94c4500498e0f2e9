"""Runs the upstream as its own process; the first line printed is its URL."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import uvloop

from tests.upstream.server import Server


async def serve(port: int, models: list[str] | None, until_eof: bool) -> None:
    """Serve until SIGTERM, SIGINT or, if asked for, the end of standard input."""
    server = Server(port, models)
    await server.start()
    print(server.url, flush=True)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    if until_eof:
        loop.add_reader(sys.stdin.fileno(), over.set)
    await over.wait()
    if until_eof:
        loop.remove_reader(sys.stdin.fileno())
    await server.stop()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.upstream", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (default): a free one")
    parser.add_argument("--models", default="", help="names for /v1/models, comma-separated")
    parser.add_argument(
        "--until-eof", action="store_true", help="end with standard input: never outlives a test"
    )
    options = parser.parse_args()
    models = [name for name in options.models.split(",") if name]
    uvloop.run(serve(options.port, models or None, options.until_eof))


main()
