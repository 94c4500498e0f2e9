"""Keeps processes running: starts again what dies, ends all in order, leaves none behind.

Each process is the leader of a session of its own, so that Ctrl-C reaches only the supervisor,
which tells the others; `tied.py` ends them when the supervisor itself is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chatsite.bootstrap.packages import ROOT, Stop, say

TIED = Path(__file__).with_name("tied.py")
PAUSE_SECONDS = 1.0
"""Before a process that died is started again."""
NAME_WIDTH = 9


@dataclass
class Program:
    """What is to run. `command` begins with an absolute path."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to our own; read anew at each start."""
    ready: str = ""
    """A part of the line by which it tells that it works."""
    end_by: signal.Signals = signal.SIGTERM
    orphaned: signal.Signals = signal.SIGKILL
    """Sent when the supervisor was killed. Then nobody reads the pipe that the program prints
    into, so one of ours can't be sure to come to an orderly end; being killed loses nothing."""
    user: str | None = None
    on_line: Callable[[str], None] | None = None


class Keeper:
    """Runs one program, again whenever it dies, until it is told to stop."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._ready = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int:
        """The running process's; 0 between two."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Returns when the program is ready; raises Stop when it ends before that."""
        self._task = asyncio.create_task(self._keep(), name=self.program.name)
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait([self._task, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            self._task.result()
            raise Stop(f"{self.program.name} could not be started; see above.")

    async def stop(self, seconds: float) -> None:
        """Tells the program to end, and kills it when it has not after so many seconds."""
        if not self._task:
            return
        self._stopping.set()
        self.send(self.program.end_by)
        done, _ = await asyncio.wait([self._task], timeout=seconds)
        if not done:
            say(f"{self.program.name} did not end in {seconds:g} s; killing it.")
            self.kill()
            await asyncio.wait([self._task])

    def send(self, number: signal.Signals) -> None:
        """Signals the process, if there is one."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                self._process.send_signal(number)

    def kill(self) -> None:
        """Ends the process at once, with what it started."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _keep(self) -> None:
        while not self._stopping.is_set():
            self._process = process = await self._spawn()
            if self._stopping.is_set():  # it was told so while there was no process to be told
                self.send(self.program.end_by)
            # Until the last process that holds the pipe has ended: what it started as well,
            # which may hold its port or its data.
            await self._pass_on(process)
            code = await process.wait()
            self._process = None
            if self._stopping.is_set() or not self._ready.is_set():
                return
            say(f"{self.program.name} {described(code)}; starting it again in 1 s.")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), PAUSE_SECONDS)

    async def _spawn(self) -> asyncio.subprocess.Process:
        program = self.program
        how = [str(program.orphaned.value), str(os.getpid()), program.user or ""]
        return await asyncio.create_subprocess_exec(
            *(sys.executable, str(TIED), *how, *program.command),
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        """Prints its lines under its name. A line may be of any length."""
        assert process.stdout
        rest = b""
        while piece := await process.stdout.read(65536):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._take(line.decode(errors="replace"))
        if rest:
            self._take(rest.decode(errors="replace"))

    def _take(self, line: str) -> None:
        say(f"{self.program.name:{NAME_WIDTH}}| {line}")
        if self.program.on_line:
            self.program.on_line(line)
        if self.program.ready in line:
            self._ready.set()


async def start_all(keepers: Iterable[Keeper]) -> None:
    """All at once; raises Stop when one of them can't be started."""
    results = await asyncio.gather(*(k.start() for k in keepers), return_exceptions=True)
    for problem in results:
        if problem is not None:
            raise problem


async def stop_all(keepers: Iterable[Keeper], seconds: float) -> None:
    """All at once; those that take longer than so many seconds are killed."""
    await asyncio.gather(*(keeper.stop(seconds) for keeper in keepers))


def described(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
