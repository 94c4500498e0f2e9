"""Python processes that begin where our own code begins.

The suite starts hundreds of sites and workers, and two thirds of what a start costs is importing
the same packages again. A nursery imports them once; each process is forked from it, with an
environment, arguments and output of its own, and runs its module from the first line. Nothing of
ours is imported in the nursery, nor what reads the environment as it is imported.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, TimeoutExpired
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[1]
LONGEST = 1 << 17
LINUX = hasattr(os, "pidfd_open")  # elsewhere each process imports for itself
PACKAGES = [
    *("aiohttp", "autobahn.websocket.protocol", "channels.layers", "cryptography.x509"),
    *("django.core.serializers.json", "django.db.models", "django.forms", "django.http"),
    *("django.template.backends.django", "fido2.webauthn", "genai_prices", "httpx2"),
    *("markdown_it", "msgspec", "openai.resources.responses", "psutil", "psycopg", "pydantic"),
    *("redis.asyncio", "sqlparse", "structlog", "twisted.internet.asyncioreactor"),
]


class PythonProcess:
    """`python *arguments` in the project's folder; used like a `subprocess.Popen`.

    `arguments` begin with a script or with `-m` and a module.
    """

    def __init__(self, arguments: list[str], env: Mapping[str, str]) -> None:
        self.args = arguments
        self.returncode: int | None = None
        ours, its = os.pipe()
        self.stdout = os.fdopen(ours)
        try:
            self.pid = nursery().born(arguments, dict(env), its)
        finally:
            os.close(its)
        # It stays a zombie, and its number its own, until `wait` has asked for its exit code.
        self._alive = os.pidfd_open(self.pid)
        self._waiting = threading.Lock()

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        try:
            return self.wait(0)
        except TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises TimeoutExpired after `timeout` seconds."""
        with self._waiting:
            if self.returncode is None:
                ended = select.poll()
                ended.register(self._alive, select.POLLIN)
                if not ended.poll(None if timeout is None else timeout * 1000):
                    raise TimeoutExpired(self.args, timeout or 0)
                self.returncode = nursery().buried(self.pid)
                os.close(self._alive)
            return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing happens if it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def __enter__(self) -> "PythonProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stdout.close()
        self.wait()


def started(arguments: list[str], env: Mapping[str, str]) -> "PythonProcess | Popen[str]":
    """`python *arguments` in the project's folder; what it says, errors too, is in `stdout`."""
    if LINUX:
        return PythonProcess(arguments, env)
    command = [sys.executable, "-W", "ignore::UserWarning", *arguments]
    return Popen(command, cwd=ROOT, env=dict(env), stdout=PIPE, stderr=STDOUT, text=True)


def ran(arguments: list[str], env: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of `python *arguments`, and all that it said."""
    with started(arguments, env) as process:
        assert process.stdout
        said = process.stdout.read()
        return process.wait(60), said


class Nursery:
    """Our end of the line to the process that forks."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._turn = threading.Lock()
        with theirs:
            self._process = Popen(
                [sys.executable, "-W", "ignore::UserWarning", "-m", "tests.nursery"],
                cwd=ROOT,
                stdin=theirs.fileno(),
                stdout=DEVNULL,
            )
        atexit.register(self._close)

    def born(self, arguments: list[str], env: dict[str, str], output: int) -> int:
        """The number of a new process."""
        return self._asked({"arguments": arguments, "env": env}, [output])

    def buried(self, pid: int) -> int:
        """The exit code of a process that has ended; minus the signal that ended it."""
        return self._asked({"pid": pid}, [])

    def _asked(self, question: dict[str, Any], files: list[int]) -> int:
        with self._turn:
            socket.send_fds(self._line, [json.dumps(question).encode()], files)
            answer = self._line.recv(LONGEST)
        if not answer:
            raise RuntimeError("the nursery of Python processes has died: see its traceback above")
        return int(answer)

    def _close(self) -> None:
        self._line.close()
        self._process.wait()


@functools.cache
def nursery() -> Nursery:
    """This process's own."""
    return Nursery()


def serve(line: socket.socket) -> Callable[[], object]:
    """Forks until nobody asks any more. In a child it returns what the child is to run."""
    while True:
        message, files, _, _ = socket.recv_fds(line, LONGEST, 1)
        if not message:
            return lambda: None
        question = json.loads(message)
        if "pid" in question:
            _, status = os.waitpid(question["pid"], 0)
            line.send(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork()
        if pid == 0:
            return functools.partial(run, output=files[0], **question)
        os.close(files[0])
        line.send(str(pid).encode())


def run(arguments: list[str], env: dict[str, str], output: int) -> None:
    """As `python *arguments` with this environment."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(env)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    module = arguments[0] == "-m"
    sys.argv = arguments[1:] if module else arguments
    if module:
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(arguments[0], run_name="__main__")


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks us; we end with them
    for package in PACKAGES:
        importlib.import_module(package)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as line:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        child = serve(line)
    child()


if __name__ == "__main__":
    main()
