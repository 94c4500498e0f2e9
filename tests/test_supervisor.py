"""Processes that are kept running: started again, ended in time, never left behind."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time

import pytest

from chatsite.bootstrap.packages import Stop
from chatsite.bootstrap.supervisor import Keeper, Program
from tests.site import ROOT

SHELL = "/bin/sh"
PATIENCE = 10.0


class Lines:
    """What a program printed, to be waited for."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str] = asyncio.Queue()

    def take(self, line: str) -> None:
        self._lines.put_nowait(line)

    async def next(self) -> str:
        return await asyncio.wait_for(self._lines.get(), PATIENCE)


async def test_what_dies_is_started_again_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    script = 'echo "ready $$"; exec sleep 60'
    keeper = Keeper(Program("one", [SHELL, "-c", script], ready="ready", on_line=lines.take))
    await keeper.start()
    first = int((await lines.next()).split()[1])
    assert first == keeper.pid
    os.kill(first, signal.SIGKILL)
    second = int((await lines.next()).split()[1])
    assert second == keeper.pid != first
    await keeper.stop(PATIENCE)
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)
    printed = capsys.readouterr().out
    assert f"one      | ready {first}\n" in printed
    assert "one was ended by SIGKILL; starting it again in 1 s." in printed


async def test_each_start_reads_the_environment_anew() -> None:
    lines = Lines()
    shared = {"WORD": "old"}
    script = 'echo "$WORD"; exec sleep 60'
    keeper = Keeper(Program("one", [SHELL, "-c", script], shared, on_line=lines.take))
    await keeper.start()
    assert await lines.next() == "old"
    shared["WORD"] = "new"
    keeper.send(signal.SIGTERM)
    assert await lines.next() == "new"
    await keeper.stop(PATIENCE)


async def test_what_ends_before_it_was_ready_is_not_tried_again() -> None:
    keeper = Keeper(Program("one", [SHELL, "-c", "echo no; exit 3"], ready="ready"))
    with pytest.raises(Stop, match="one could not be started"):
        await keeper.start()
    await keeper.stop(PATIENCE)


async def test_what_does_not_end_in_time_is_killed_with_its_children() -> None:
    lines = Lines()
    script = "trap '' TERM; sleep 60 & echo \"ready $!\"; while :; do wait; done"
    keeper = Keeper(Program("one", [SHELL, "-c", script], ready="ready", on_line=lines.take))
    await keeper.start()
    child = os.pidfd_open(int((await lines.next()).split()[1]))
    before = time.monotonic()
    await keeper.stop(0.2)
    assert 0.2 <= time.monotonic() - before < PATIENCE
    assert select.select([child], [], [], PATIENCE)[0]
    os.close(child)


async def test_stopping_between_two_runs_starts_nothing_more() -> None:
    lines = Lines()
    keeper = Keeper(Program("one", [SHELL, "-c", "echo ready"], ready="ready", on_line=lines.take))
    await keeper.start()
    await keeper.stop(PATIENCE)
    assert keeper.pid == 0


async def test_a_line_of_any_length_is_passed_on() -> None:
    lines = Lines()
    script = """
        trap 'printf end; exit' TERM
        head -c 300000 /dev/zero | tr '\\0' x; echo
        sleep 20 >/dev/null 2>&1 & wait
    """
    keeper = Keeper(Program("one", [SHELL, "-c", script], on_line=lines.take))
    await keeper.start()
    assert await lines.next() == "x" * 300_000
    await keeper.stop(PATIENCE)
    assert await lines.next() == "end"


SUPERVISOR = """
import asyncio
from chatsite.bootstrap.supervisor import Keeper, Program

async def main():
    script = 'echo "ready $$"; exec sleep 60'
    await Keeper(Program("one", ["/bin/sh", "-c", script], ready="ready")).start()
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux's")
def test_a_killed_supervisor_leaves_nothing_behind() -> None:
    command = [sys.executable, "-c", SUPERVISOR]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout
        child = os.pidfd_open(int(supervisor.stdout.readline().split()[-1]))
        supervisor.kill()
        try:
            assert select.select([child], [], [], PATIENCE)[0], "it outlived its supervisor"
        finally:
            os.close(child)
