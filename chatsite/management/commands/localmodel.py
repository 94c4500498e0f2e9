"""Runs the embedded model by itself: `manage.py localmodel [--port N]`."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatsite.localmodel import LocalModel, Status


class Command(BaseCommand):
    """Foreground; ends on Ctrl-C or SIGTERM."""

    help = "Serve the embedded model on a loopback port, for this or another program."
    requires_system_checks: list[str] = []  # Django writes it so

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=0, help="default: any free one")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        over = threading.Event()
        model = LocalModel(port=port, on_change=lambda status: self.say(model, status, over))
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: over.set())
        try:
            model.start()
        except OSError as error:
            raise CommandError(f"Port {port} can't be used ({error.strerror}).") from None
        over.wait()
        failed = model.status
        model.stop()
        if failed.state == "failed":
            raise CommandError(failed.message)

    def say(self, model: LocalModel, status: Status, over: threading.Event) -> None:
        """Prints what another program needs to know, as lines fit for a `.env`."""
        if status.state == "ready" and model.endpoint:
            self.stdout.write(f"OPENAI_BASE_URL={model.endpoint.base_url}")
            self.stdout.write(f"OPENAI_API_KEY={model.endpoint.api_key}")
            self.stdout.write(f"CHAT_MODELS={model.endpoint.model}")
            self.stdout.flush()
        elif status.state == "failed":
            over.set()
        elif status.message:
            self.stderr.write(status.message)
