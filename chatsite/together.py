"""Several processes of one machine that answer `/metrics` as one, through files of theirs.

prometheus_client keeps the figures of each process in files named after its number, and adds
up those of all. What a process had at its end still counts, but for gauges such as the sockets
that are open: their files must go. Nobody can be told to do so when a process is killed, so
each holds a lock, which the system frees at its end: whoever is asked looks for free ones.
"""

import os
import time
from pathlib import Path
from typing import IO

from django.core.exceptions import ImproperlyConfigured
from prometheus_client import multiprocess

LOCK_SECONDS = 2.0
"""How long a look for dead processes may hold our lock."""

_mark: IO[bytes] | None = None


def join(folder: str) -> None:
    """Marks this process as alive, and forgets what an earlier one of its number had open.

    To be called before the first metric is made.

    Raises:
        ImproperlyConfigured: a living process has our number: it is in another container.
    """
    global _mark
    _mark = _open_mark(folder, str(os.getpid()))
    until = time.monotonic() + LOCK_SECONDS
    while not _take(_mark):
        if time.monotonic() > until:
            raise ImproperlyConfigured(
                f"PROMETHEUS_MULTIPROC_DIR is {folder!r}, which a process of another container "
                "uses too. Give each container a folder of its own, or none."
            )
        time.sleep(0.01)
    _forget(folder, str(os.getpid()))


def bury(folder: str) -> None:
    """Takes out what processes that are gone had open."""
    for file in Path(folder).glob("gauge_live*_*.db"):
        number = file.stem.rpartition("_")[2]
        with _open_mark(folder, number) as mark:
            if _take(mark):
                _forget(folder, number)


def _forget(folder: str, number: str) -> None:
    multiprocess.mark_process_dead(number, folder)  # type: ignore[no-untyped-call]


def _open_mark(folder: str, number: str) -> IO[bytes]:
    return open(Path(folder) / f"{number}.alive", "ab")


def _take(mark: IO[bytes]) -> bool:
    """Locks a mark unless somebody holds it."""
    import fcntl  # not on Windows, where only one process is supported

    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
