"""`manage.py rungenerations`: a process that runs generations and serves nobody."""

import argparse
import asyncio
import logging
import socket
from functools import partial
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatsite import logs, scrape, termination, tracing
from conversations import runtime
from conversations.upstream.client import Upstream
from conversations.workerhealth import WorkerHealth, listen

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Runs generations for web processes with GENERATION_WORKERS=external, until SIGTERM. "
        "Start as many as you like, with the web processes' settings. SIGTERM lets running "
        "answers finish for DRAIN_SECONDS; a second one ends at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--health-port",
            type=port_number,
            metavar="PORT",
            help="serve /healthz, /readyz and /metrics there; 0: any free port, which is printed",
        )
        parser.add_argument(
            "--health-host", default="127.0.0.1", metavar="ADDRESS", help="default: %(default)s"
        )

    def handle(self, *args: Any, health_port: int | None, health_host: str, **options: Any) -> None:
        if not settings.REDIS_URL:
            raise CommandError(
                "REDIS_URL is empty: nobody would hear what this process announces. "
                "Set it to the web processes' REDIS_URL."
            )
        if settings.LOCAL_MODEL and not settings.UPSTREAM_URL:
            raise CommandError(
                "There is no model server. Set OPENAI_API_KEY or OPENAI_BASE_URL; to share one "
                "embedded model, run `manage.py localmodel` and name it by OPENAI_BASE_URL."
            )
        listening = None if health_port is None else health_socket(health_host, health_port)
        logs.take_over()
        tracing.start()
        try:
            uvloop.run(self.run(listening))
        finally:
            tracing.stop()

    async def run(self, listening: socket.socket | None) -> None:
        """Works until it is told to end, then lets running answers finish."""
        told, again = termination.watch()
        await asyncio.to_thread(Upstream.warm)
        parts = runtime.build(sockets=False, generations=True)
        assert parts.worker
        health = None
        if listening:
            answer = partial(scrape.answer, parts)
            health = WorkerHealth(parts.worker, listening, scrape.refusal, answer)
        await parts.start()
        self.stdout.write("Running generations.")
        if health:
            await health.start()
            self.stdout.write(f"Health is at {health.url}")
        self.stdout.flush()
        await told.wait()
        try:
            await self.drain(parts, again)
        finally:
            if health:
                await health.stop()
            await parts.stop()

    async def drain(self, parts: runtime.Runtime, again: asyncio.Event) -> None:
        """Returns when nothing runs here any more, or when it is told to end a second time."""
        if parts.worker and parts.worker.running:
            # Not on stdout, which may be closed by now.
            logger.info(
                "finishing %d answers, up to %g s; a second signal ends at once",
                parts.worker.running,
                settings.DRAIN_SECONDS,
            )
        draining = asyncio.create_task(parts.drain(settings.DRAIN_SECONDS))
        impatient = asyncio.create_task(again.wait())
        await asyncio.wait([draining, impatient], return_when=asyncio.FIRST_COMPLETED)
        impatient.cancel()
        if draining.cancel():
            await asyncio.wait([draining])
        else:
            draining.result()


def port_number(text: str) -> int:
    """A TCP port, or 0; argparse makes the refusal a CommandError that names the option."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 65535")
    return int(text)


def health_socket(host: str, port: int) -> socket.socket:
    """Bound before anything is claimed: a worker that can't be probed should not begin."""
    try:
        return listen(host, port)
    except OSError as error:
        raise CommandError(
            f"The health port can't be had: {host}:{port} ({error.strerror}). "
            "Choose another --health-port, or --health-host."
        ) from None
