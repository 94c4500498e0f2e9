"""`manage.py rungenerations`: a process that runs generations and serves nobody."""

import asyncio
import signal
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from conversations import runtime
from conversations.upstream.client import Upstream


class Command(BaseCommand):
    help = (
        "Runs generations for web processes with GENERATION_WORKERS=external, until SIGTERM. "
        "Start as many as you like, with the web processes' settings."
    )

    def handle(self, *args: Any, **options: Any) -> None:
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
        uvloop.run(self.run())

    async def run(self) -> None:
        """Works until it is told to end."""
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        await asyncio.to_thread(Upstream.warm)
        parts = runtime.build(sockets=False, generations=True)
        await parts.start()
        self.stdout.write("Running generations.")
        self.stdout.flush()
        await told.wait()
        await parts.stop()
