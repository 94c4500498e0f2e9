"""The embedded local model: a small language model in one child process, for a site without a key.

The child (`localmodel_child.py`) speaks OpenAI's `/v1/responses` on a loopback port. This side
starts it, watches it and starts it again when it dies. The port is ours before the child has
loaded and stays the same when it is restarted, so the site's one client never has to be told
of a change: while the model loads, a connection is refused, which is retried like any other.

Only the standard library is imported here, and the weights' package never is: importing it
would ask for a compiler's worth of dependencies.
"""

import json
import logging
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from chatsite.localmodel_process import (
    HOST,
    cannot_run,
    close_pipes,
    describe_exit,
    end,
    reserve_port,
    spawn,
    why_not_here,
)

MODEL_NAME = "smollm2-135m-instruct"
MODEL_DEFAULTS: dict[str, object] = {
    "instructions": "You are a helpful assistant.",
    "temperature": 0,
    "max_output_tokens": 512,
    "context_tokens": 2048,
}
"""What a request to this model needs to make sense. `context_tokens` holds for input and output
together. An answer cut at `max_output_tokens` still ends in `completed`."""

LOADS_TRIED = 3
"""Children that may die before they were ever ready, until we give up."""
LONGEST_PAUSE = 30.0
"""Seconds; the pause before a restart doubles up to this."""
STEADY_SECONDS = 60.0
"""A child that lived this long has made up for earlier deaths."""

State = Literal["stopped", "loading", "ready", "restarting", "failed"]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Endpoint:
    """Where the model answers. `base_url` ends in `/v1`, as AsyncOpenAI wants it."""

    base_url: str
    api_key: str
    model: str = MODEL_NAME

    def environment(self) -> dict[str, str]:
        """What `chatsite/settings.py` reads of it."""
        return {"CHATSITE_LOCAL_URL": self.base_url, "CHATSITE_LOCAL_KEY": self.api_key}


@dataclass(frozen=True)
class Status:
    """`message` is for people, empty unless something is wrong; `pid` is a ready child's."""

    state: State
    message: str = ""
    pid: int | None = None


class LocalModel:
    """Owns the child process. `start` returns at once and never raises for want of a model.

    `on_change` is called with every new Status, from another thread.
    """

    def __init__(
        self, port: int = 0, pause: float = 0.5, on_change: Callable[[Status], None] | None = None
    ) -> None:
        self._port_wanted = port
        self._first_pause = pause
        self._on_change = on_change or log_status
        self._condition = threading.Condition()
        self._status = Status("stopped")
        self._child: subprocess.Popen[str] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._reserved: socket.socket | None = None
        self.endpoint: Endpoint | None = None

    @property
    def status(self) -> Status:
        """The newest status."""
        return self._status

    def start(self) -> Endpoint:
        """Reserves the port and begins to load. Raises OSError if a wanted port is taken."""
        self._reserved, port = reserve_port(self._port_wanted)
        key = secrets.token_urlsafe(32)
        self.endpoint = Endpoint(f"http://{HOST}:{port}/v1", key)
        self._stopping.clear()
        missing = why_not_here()
        if missing:
            self._change(Status("failed", cannot_run(missing)))
        else:
            self._change(Status("loading"))
            self._thread = threading.Thread(
                target=self._supervise, args=(port, key), name="localmodel", daemon=True
            )
            self._thread.start()
        return self.endpoint

    def wait(self, *states: State, timeout: float) -> Status:
        """Blocks until one of `states` (or the timeout, in seconds) is there."""
        with self._condition:
            self._condition.wait_for(lambda: self._status.state in states, timeout)
            return self._status

    def stop(self) -> None:
        """Ends the child and gives the port back. May be called twice."""
        self._stopping.set()
        with self._condition:
            child = self._child
        if child is not None:
            end(child)
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        self._change(Status("stopped"))

    def _supervise(self, port: int, key: str) -> None:
        pause, never_ready = self._first_pause, 0
        while not self._stopping.is_set():
            began = time.monotonic()
            was_ready, code, reason = self._run_child(port, key)
            if self._stopping.is_set():
                return
            reason = reason or describe_exit(code)
            never_ready = 0 if was_ready else never_ready + 1
            if not was_ready and (code == -signal.SIGILL or never_ready == LOADS_TRIED):
                self._change(Status("failed", cannot_run(reason)))
                return
            if time.monotonic() - began > STEADY_SECONDS:
                pause = self._first_pause
            message = f"The embedded model ended ({reason}); starting it again in {pause:g} s."
            self._change(Status("restarting", message))
            self._stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _run_child(self, port: int, key: str) -> tuple[bool, int, str]:
        """Until the child ends: (was it ever ready, its exit code, its own last words)."""
        child = spawn(port, key)
        with self._condition:
            self._child = child
        if self._stopping.is_set():  # stop() may have looked for the child just before it was there
            end(child)
        was_ready, reason = False, ""
        for line in child.stdout or ():
            report = json.loads(line)
            if report["event"] == "ready":
                was_ready = True
                self._change(Status("ready", pid=child.pid))
            else:
                reason = str(report["reason"])
        code = child.wait()
        close_pipes(child)
        with self._condition:
            self._child = None
        return was_ready, code, reason

    def _change(self, status: Status) -> None:
        with self._condition:
            if status == self._status:
                return
            self._status = status
            self._condition.notify_all()
        self._on_change(status)


def log_status(status: Status) -> None:
    """Says what a person should know, and nothing else."""
    if status.message:
        log.warning(status.message)
