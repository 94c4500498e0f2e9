"""Told to end: once, to finish what runs; twice, to end at once. Standard library only."""

from __future__ import annotations

import asyncio
import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def watch() -> tuple[asyncio.Event, asyncio.Event]:
    """Events set by the first and by the second SIGTERM or SIGINT; a third one kills."""
    loop = asyncio.get_running_loop()
    told, again = asyncio.Event(), asyncio.Event()

    def tell() -> None:
        if not told.is_set():
            told.set()
            return
        again.set()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, tell)
    return told, again
